"""Whatever changes the answers or events of an episode changes its stored verdict and alerts in the same transaction."""

from datetime import timedelta

import pytest

from prom.services import answering, noting, reviewing, watching
from prom.services.answering import Origin
from prom.storage import alerts, answers, audit, plans, relief_rows
from prom.storage.models import AlertKind, EventKind, PromptState, Source
from tests import people

DAYS_AGO = 100


@pytest.fixture
def asha(store, site, now):
    """Return Asha's episode (baseline 8), done 100 days ago, with relief on days 14 and 30."""
    with store.writing() as session:
        episode = people.asha(session, site, now, procedure_at=now - timedelta(days=DAYS_AGO), done=True)
        for day, nrs in ((14, 2), (30, 2)):
            given(session, episode, day, nrs, now)
        watching.refresh(session, [episode.id], now)
    return episode


def given(session, episode, day, nrs, now):
    at = episode.procedure_at + timedelta(days=day)
    return answers.add(
        session, episode, occasion=f"x{day}", instrument="nrs", series="average_24h", value=nrs, answered_at=at,
        now=now, source=Source.SMS,
    )  # fmt: skip


def prompt_of(session, episode, time_point):
    row = next(one for one in plans.prompts(session, episode.id) if one.time_point == time_point)
    row.state = PromptState.ASKED
    session.add(row)
    return row


def answer(session, episode, time_point, day, nrs, now, source=Source.SMS, **more):
    at = episode.procedure_at + timedelta(days=day)
    prompt = prompt_of(session, episode, time_point)
    return answering.record(session, prompt, "nrs", nrs, Origin(source, at, audit.PATIENT), now, **more)


def state(store, episode):
    with store.reading() as session:
        return relief_rows.stored(session, [episode.id])[episode.id][50].state


def kinds(store, episode):
    with store.reading() as session:
        return {alert.kind for alert in alerts.open_of(session, [episode.id])}


@pytest.fixture
def lost(store, asha, now):
    """Return Asha's episode after two bad answers: relief is lost."""
    with store.writing() as session:
        answer(session, asha, "d60", 60, 7, now)
    assert (state(store, asha), kinds(store, asha)) == ("suspected_loss", set())
    with store.writing() as session:
        answer(session, asha, "d90", 90, 7, now, Source.LINK)
    return asha


def test_one_bad_answer_is_suspected_and_the_second_is_an_alert(store, lost):
    assert state(store, lost) == "early_loss"
    assert kinds(store, lost) == {AlertKind.RED, AlertKind.AMBER}


def test_a_correction_by_the_patient_takes_the_alert_back(store, lost, now):
    with store.writing() as session:
        answer(session, lost, "d90", 90, 2, now, correction=True)
    assert (state(store, lost), kinds(store, lost)) == ("in_relief_ongoing", set())


def test_a_struck_out_answer_takes_the_alert_back(store, lost, now):
    with store.writing() as session:
        row = next(row for row in answers.current(session, lost.id) if row.occasion == "d90")
        answering.strike(session, row, "the other knee", audit.COMMAND, now)
    assert (state(store, lost), kinds(store, lost)) == ("suspected_loss", set())


def test_an_answer_by_phone_counts_at_once(store, asha, now):
    with store.writing() as session:
        answer(session, asha, "d60", 60, 7, now)
        answer(session, asha, "d90", 90, 7, now, Source.PHONE)
    assert state(store, asha) == "early_loss"


def test_an_event_ends_the_course_at_once(store, asha, now):
    on = (asha.procedure_at + timedelta(days=70)).date()
    with store.writing() as session:
        noting.event(session, asha, EventKind.SURGERY, on, "", audit.COMMAND, now)
    assert state(store, asha) == "competing_surgery"


def test_an_event_before_the_bad_answers_takes_their_alert_back(store, lost, now):
    on = (lost.procedure_at + timedelta(days=50)).date()
    with store.writing() as session:
        noting.event(session, lost, EventKind.REPEAT, on, "", audit.COMMAND, now)
    assert (state(store, lost), kinds(store, lost)) == ("competing_repeat", set())


def test_a_review_leaves_the_verdict_and_empties_the_list(store, site, lost, dr_rao, now):
    with store.writing() as session:
        red = next(one for one in alerts.open_of(session, [lost.id]) if one.kind is AlertKind.RED)
        who = {"actor": people.actor(dr_rao), "now": now, "site_ids": [site.id]}
        reviewing.review(session, red.public_id, causes=["target"], cause="new_source", **who)
    assert (state(store, lost), kinds(store, lost)) == ("early_loss", set())
    with store.reading() as session:
        assert reviewing.losing_relief(session, [site.id], now, None).rows == ()
