"""Reminders, confirmations and the call list come when they are due, once, and never after an answer."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from prom.services import reminding
from prom.storage.models import Message, MessageKind, Prompt, PromptState, Relief, Task, TaskKind
from tests import outbox as people

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def asked(store, site, now):
    """Return a prompt that was asked now and is open for six days."""
    with store.writing() as session:
        row = people.waiting(session, site, now, closes_at=now + 6 * DAY)
        session.get(Message, row.message.id).state = "delivered"
        prompt = session.get(Prompt, row.prompt.id)
        prompt.state, prompt.asked_at = PromptState.ASKED, now
    return row


def queue(store, at):
    with store.writing() as session:
        return reminding.queue(session, at)


def reminders(store):
    with store.reading() as session:
        rows = session.exec(select(Message).where(Message.kind == MessageKind.REMINDER).order_by(Message.id))
        return [(row.text_key, row.due_at) for row in rows]


def calls(store):
    with store.reading() as session:
        return list(session.exec(select(Task).where(Task.kind == TaskKind.CHASE)))


def test_an_unanswered_prompt_is_asked_again_after_one_day_and_after_three(store, asked, now):
    assert queue(store, now + DAY - HOUR) == 0
    assert queue(store, now + DAY) == 1
    assert queue(store, now + 2 * DAY) == 0
    assert queue(store, now + 3 * DAY) == 1
    assert queue(store, now + 4 * DAY) == 0
    assert reminders(store) == [("reminder_24h", now + DAY), ("reminder_72h", now + 3 * DAY)]


def test_the_call_list_follows_a_day_after_the_last_reminder(store, asked, now):
    queue(store, now + 4 * DAY - HOUR)
    assert calls(store) == []
    queue(store, now + 4 * DAY)
    queue(store, now + 5 * DAY)
    assert [(task.reason, task.prompt_id) for task in calls(store)] == [("no_answer", asked.prompt.id)]


def test_after_a_sleep_only_the_latest_reminder_is_queued(store, asked, now):
    assert queue(store, now + 3 * DAY) == 1
    assert reminders(store) == [("reminder_72h", now + 3 * DAY)]


def test_an_answered_prompt_is_left_in_peace(store, asked, now):
    with store.writing() as session:
        session.get(Prompt, asked.prompt.id).state = PromptState.ANSWERED
    assert queue(store, now + 4 * DAY) == 0
    assert calls(store) == []


@pytest.mark.parametrize(
    ("window", "expected"), [(35 * HOUR, []), (36 * HOUR, ["reminder_24h"]), (95 * HOUR, ["reminder_24h"])]
)
def test_a_reminder_needs_room_for_an_answer(store, site, now, window, expected):
    with store.writing() as session:
        row = people.waiting(session, site, now, closes_at=now + window)
        session.get(Message, row.message.id).state = "delivered"
        prompt = session.get(Prompt, row.prompt.id)
        prompt.state, prompt.asked_at = PromptState.ASKED, now
    for hours in range(24, int(window / HOUR), 6):
        queue(store, now + hours * HOUR)
    assert [key for key, _ in reminders(store)] == expected


def test_a_short_window_makes_no_call(store, site, now):
    with store.writing() as session:
        row = people.waiting(session, site, now, kind="diary", closes_at=now + 4 * HOUR)
        prompt = session.get(Prompt, row.prompt.id)
        prompt.opens_at = now - HOUR
        reminding.call_list(session, prompt, row.patient, now + 2 * DAY)
    assert calls(store) == []


@pytest.fixture
def doubtful(store, site):
    """Return an episode in suspected loss: the score of day 60 was bad; the procedure was at 10:00 in Kolkata."""
    start = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
    with store.writing() as session:
        row = people.waiting(session, site, start + 60 * DAY, key="d60", state=PromptState.ANSWERED)
        episode = session.get(type(row.episode), row.episode.id)
        episode.procedure_at = start
        session.add(
            Relief(
                episode_id=episode.id,
                site_id=site.id,
                procedure="genicular_rfa",
                threshold=50,
                definition_version="1",
                state="suspected_loss",
                fields=json.dumps({"pending_bad_day": 60}),
                end_day=61,
                computed_at=start,
            )
        )
    row.start = start
    return row


def confirmations(store):
    with store.reading() as session:
        return [row for row in session.exec(select(Prompt)) if row.kind == "confirmation"]


def test_a_bad_score_is_confirmed_three_days_later_and_again_after_seven(store, doubtful):
    start = doubtful.start
    assert queue(store, start + 61 * DAY) == 1
    assert queue(store, start + 64 * DAY) == 0
    (first,) = confirmations(store)
    assert (first.time_point, first.questions) == ("c63", "nrs")
    assert timedelta(0) <= first.due_at - (start + 63 * DAY - HOUR) <= 2 * HOUR  # 09:00 to 11:00 in Kolkata
    assert queue(store, start + 67 * DAY + 3 * HOUR) == 0  # nobody knows yet that the first was not answered
    with store.writing() as session:
        session.get(Prompt, first.id).state = PromptState.MISSED
    assert queue(store, start + 67 * DAY + 3 * HOUR) == 1
    assert [row.time_point for row in confirmations(store)] == ["c63", "c67"]
    assert queue(store, start + 68 * DAY) == 0


def test_an_answered_confirmation_needs_no_second(store, doubtful):
    queue(store, doubtful.start + 63 * DAY + 3 * HOUR)
    with store.writing() as session:
        session.get(Prompt, confirmations(store)[0].id).state = PromptState.ANSWERED
    assert queue(store, doubtful.start + 68 * DAY) == 0


def test_a_confirmation_is_dropped_when_the_suspicion_has_gone(store, doubtful):
    queue(store, doubtful.start + 61 * DAY)
    with store.writing() as session:
        session.exec(select(Relief)).one().state = "in_relief_ongoing"
    assert queue(store, doubtful.start + 62 * DAY) == 0
    (dropped,) = confirmations(store)
    assert (dropped.state, dropped.reason) == (PromptState.CANCELLED, "no_longer_suspected")
    with store.reading() as session:
        text = session.exec(select(Message).where(Message.kind == MessageKind.CONFIRMATION)).one()
    assert (text.state, text.reason) == ("suppressed", "no_longer_suspected")


def test_a_planned_prompt_within_seven_days_serves(store, doubtful):
    with store.writing() as session:
        people.add_prompt(
            session, doubtful.patient, doubtful.episode, doubtful.start, key="d66", due_at=doubtful.start + 66 * DAY
        )
    assert queue(store, doubtful.start + 64 * DAY) == 0
    assert confirmations(store) == []


def test_without_suspicion_nothing_is_confirmed(store, doubtful):
    with store.writing() as session:
        session.exec(select(Relief)).one().state = "in_relief_ongoing"
    assert queue(store, doubtful.start + 64 * DAY) == 0
