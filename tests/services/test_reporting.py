"""The month's report: every rate with its denominator, our failures beside the patients' silence, spend and forecast."""

from datetime import date, timedelta

import pytest

from prom.services import planning, reporting
from prom.storage import audit, prompts, sites
from prom.storage.models import Message, MessageKind, MessageState, PromptState
from tests import people


@pytest.fixture
def march(store, site, now):
    """Return a time after a month of two patients."""
    return a_month(store, site, now)


def a_month(store, site, now):
    """Return a report after a month: Asha answered one prompt of two, one of Bikash's was not sent by us."""
    with store.writing() as session:
        asha, bikash = people.asha(session, site, now), people.bikash(session, site, now, language="hi")
        for episode in (asha, bikash):
            planning.mark_done(session, episode, episode.procedure_at, audit.COMMAND, episode.procedure_at)
            for prompt in prompts.of_episode(session, episode.id):
                if prompt.time_point in {"d-7", "d-1"}:
                    prompt.state = PromptState.CANCELLED
        d3, d7 = (one for one in prompts.of_episode(session, asha.id) if one.time_point in {"d3", "d7"})
        for prompt, state in ((d3, PromptState.ANSWERED), (d7, PromptState.MISSED)):
            prompt.state, prompt.asked_at = state, prompt.due_at
        d3.answered_at = d3.due_at + timedelta(hours=2)
        ours = next(one for one in prompts.of_episode(session, bikash.id) if one.time_point == "d3")
        ours.state, ours.reason = PromptState.NOT_SENT, "system_off"
        for number, prompt in enumerate((d3, d7)):
            session.add(
                Message(
                    site_id=site.id,
                    patient_id=prompt.patient_id,
                    prompt_id=prompt.id,
                    dedupe_key=f"test {number}",
                    kind=MessageKind.PROMPT,
                    priority=3,
                    text_key="ask",
                    phone_index="x",
                    segments=2,
                    state=MessageState.DELIVERED,
                    due_at=prompt.due_at,
                    send_at=prompt.due_at,
                    sending_at=prompt.due_at,
                    expires_at=prompt.closes_at,
                    created_at=now,
                )
            )
    return now + timedelta(days=28)


def report(store, site, at, month=date(2026, 3, 1)):
    with store.reading() as session:
        return reporting.report(session, [site], month, at)


def test_a_rate_counts_answered_of_asked_and_our_failures_beside(store, site, march):
    seen = report(store, site, march)
    assert (seen.answered, seen.asked) == (1, 2)
    assert seen.not_sent == {"system_off": 1}
    by_point = {one.key: (one.answered, one.asked, one.not_sent) for one in seen.replies["time_point"]}
    assert by_point["d3"] == (1, 1, 1)
    assert by_point["d7"] == (0, 1, 0)


def test_every_breakdown_adds_up_to_the_same_prompts(store, site, march):
    seen = report(store, site, march)
    for rows in seen.replies.values():
        assert sum(one.asked for one in rows) == seen.asked
        assert sum(one.answered for one in rows) == seen.answered
        assert sum(one.not_sent for one in rows) == 1


def test_bands_and_ages_are_told_apart(store, site, march):
    seen = report(store, site, march)
    assert [one.key for one in seen.replies["csi"]] == ["below_40", "40_or_more"]
    assert [one.key for one in seen.replies["age"]] == ["60_74"]
    assert {one.key: one.not_sent for one in seen.replies["language"]} == {"en": 0, "hi": 1}


def test_time_to_answer_runs_from_the_first_text(store, site, march):
    seen = report(store, site, march)
    assert (seen.speed.n, seen.speed.median_hours) == (1, 2.0)
    assert seen.speed.within == ((1, 0), (6, 1), (24, 1), (72, 1))


def test_cost_needs_a_price_and_the_forecast_a_past(store, site, march):
    seen = report(store, site, march)
    assert (seen.spend.texts, seen.spend.segments, seen.spend.cost) == (2, 4, None)
    with store.writing() as session:
        row = session.merge(site)
        row.segment_price, row.currency = 2500, "INR"
    seen = report(store, row, march)
    assert (seen.spend.cost, seen.spend.currency) == (1.0, "INR")
    assert seen.forecast.segments_each == 2.0
    assert seen.forecast.segments == 2 * seen.forecast.prompts
    assert seen.forecast.cost == pytest.approx(seen.forecast.prompts * 0.5)
    before = report(store, row, march - timedelta(days=200), date(2025, 9, 1))
    assert (before.forecast.segments, before.asked, before.speed.median_hours) == (None, 0, None)


def test_another_month_and_another_site_stay_out(store, site, march):
    assert report(store, site, march, date(2026, 4, 1)).asked == 0


@pytest.mark.parametrize(
    ("day", "after"), [(date(2026, 1, 31), date(2026, 2, 1)), (date(2026, 12, 9), date(2027, 1, 1))]
)
def test_months_follow_each_other(day, after):
    assert reporting.next_month(reporting.month_of(day)) == after


@pytest.mark.postgres
def test_postgresql_counts_alike(postgres_store, now):
    with postgres_store.writing() as session:
        clinic = sites.add(session, "main", "Asha Clinic", "Asia/Kolkata")
    seen = report(postgres_store, clinic, a_month(postgres_store, clinic, now))
    assert (seen.answered, seen.asked, seen.spend.segments) == (1, 2, 4)
    assert [one.key for one in seen.replies["age"]] == ["60_74"]
    assert {one.key: one.not_sent for one in seen.replies["language"]} == {"en": 0, "hi": 1}
