"""The expected course: shown with its interval where similar patients carry it, absent with its reason elsewhere."""

from datetime import timedelta

import pytest

from prom.services import comparing, comparing_expected
from prom.statistics import landmark
from tests.web import clinician_patients as known

HELD = {14: 2, 30: 2, 60: 2, 90: 2, 120: 2, 180: 2}
LOST = {14: 2, 30: 2, 60: 2, 90: 7, 94: 7}
TO_DAY_60 = {14: 2, 30: 2, 60: 2}


@pytest.fixture
def bring_in(store, site, now, monkeypatch):
    """Return what imports people treated so many days ago and brings the cohort up to date."""

    def bring(days_ago, people):
        monkeypatch.setattr(known, "_at", lambda now: treated(now, days_ago))
        names = known.bring_in(store, now, people)
        with store.writing() as session:
            comparing.refresh_snapshots(session, now)
        return names

    return bring


def treated(now, days_ago):
    return (now - timedelta(days=days_ago)).replace(hour=5, minute=0, second=0)


def crowd(n, course, name, csi=known.LOW_CSI):
    return [(f"{name}-{number:03d}", name, csi, 8, course) for number in range(n)]


def expected(store, public_id, now):
    with store.reading() as session:
        episode = known.episode_of(session, public_id)
        return comparing_expected.expected_course(session, episode.id, now)


def test_the_share_of_similar_patients_who_held_relief_to_the_horizon(store, bring_in, now):
    bring_in(300, crowd(20, HELD, "H") + crowd(10, LOST, "L"))
    (asha,) = bring_in(70, crowd(1, TO_DAY_60, "A"))
    found = expected(store, asha, now)
    assert (found.landmark, found.horizon, found.n, found.events) == (60, 180, 30, 10)
    wanted = landmark.expected_course([180] * 20 + [90] * 10, [0] * 20 + [1] * 10, 60, 180)
    assert (found.probability, found.low, found.high) == (wanted.probability, wanted.low, wanted.high)
    assert found.probability == pytest.approx(2 / 3)
    assert found.group == "same procedure, CSI 0 to 29 (subclinical)"


def test_the_group_is_widened_until_it_carries_an_estimate(store, bring_in, now):
    bring_in(300, crowd(20, HELD, "H") + crowd(10, LOST, "L"))
    (chitra,) = bring_in(70, crowd(1, TO_DAY_60, "C", known.HIGH_CSI))
    assert expected(store, chitra, now).group == "same procedure, any CSI"


def test_too_few_similar_patients_give_a_reason_and_no_number(store, bring_in, now):
    bring_in(300, crowd(12, HELD, "H") + crowd(4, LOST, "L"))
    (asha,) = bring_in(70, crowd(1, TO_DAY_60, "A"))
    found = expected(store, asha, now)
    assert found.probability is None
    assert "16 patients held relief beyond day 60" in found.absent
    assert "and 4 lost it: it takes 20 and 5" in found.absent


@pytest.mark.parametrize(
    ("days_ago", "course", "reason"),
    [
        (120, LOST, "relief has been lost"),
        (300, TO_DAY_60, "the follow-up has ended"),
        (200, HELD, "relief has been held to day 180, past the horizon"),
        (64, {14: 2, 30: 2, 60: 7}, "a bad score waits to be confirmed"),
    ],
)
def test_a_course_that_is_decided_has_no_expectation(store, bring_in, now, days_ago, course, reason):
    (one,) = bring_in(days_ago, crowd(1, course, "A"))
    assert expected(store, one, now).absent == reason


def test_nothing_is_said_of_a_patient_who_never_responded(store, bring_in, now):
    (one,) = bring_in(70, crowd(1, {14: 8, 30: 8, 56: 8}, "N"))
    assert expected(store, one, now) is None
