"""A text that is fetched long after it came: what it says counts, and nobody is answered at three in the morning."""

from datetime import UTC, datetime, timedelta

import pytest

from prom.messaging.simulated import SimulatedGateway
from prom.services import receiving
from prom.storage.models import Message, MessageKind, MessageState
from tests import outbox as people
from tests import replies

# 20:00 and 03:00 in Kolkata.
EVENING, NIGHT = (datetime(2026, 3, 2, 14, 30, tzinfo=UTC) + timedelta(hours=hours) for hours in (0, 7))
MORNING = NIGHT + timedelta(hours=6)


@pytest.fixture
def settings(instance):
    return people.settings(instance)


@pytest.fixture
def phones(instance):
    gateway = SimulatedGateway(instance / "simulated.db", lambda: NIGHT)
    yield gateway
    gateway.close()


def fetched(store, asked, body, at, *, sent=EVENING):
    with store.writing() as session:
        receiving.receive(session, replies.text(asked.phone, body, sent), at)


def answers_to_it(store):
    return [
        (row.kind, row.text_key, row.state, row.reason)
        for row in replies.every(store, Message)
        if row.inbound_id is not None or row.kind is MessageKind.REMINDER
    ]


def test_what_was_recorded_is_not_said_hours_later_and_the_row_says_why(store, phones, settings, site):
    asked = replies.asked(store, site, EVENING)
    fetched(store, asked, "6", NIGHT)
    assert replies.scores(store) == [6]
    people.send(store, phones, settings, NIGHT)
    assert phones.thread(asked.phone) == []
    assert answers_to_it(store) == [(MessageKind.REPLY, "thanks", MessageState.EXPIRED, "system_off")]


@pytest.mark.parametrize("body", ["6", "6 or 7"])
def test_the_next_question_waits_for_the_morning(store, phones, settings, site, body):
    asked = replies.asked(store, site, EVENING, questions="nrs pgic")
    fetched(store, asked, body, NIGHT)
    people.send(store, phones, settings, NIGHT)
    assert phones.thread(asked.phone) == []
    people.send(store, phones, settings, MORNING)
    (bubble,) = phones.thread(asked.phone)
    assert ("Overall" in bubble.body) == (body == "6")
    [(kind, text_key, state, _)] = answers_to_it(store)
    assert (kind, text_key, state) == (MessageKind.REMINDER, "pgic" if body == "6" else "nrs", MessageState.ACCEPTED)


def test_within_a_quarter_of_an_hour_it_is_answered_at_any_hour(store, phones, settings, site):
    asked = replies.asked(store, site, EVENING, questions="nrs pgic")
    fetched(store, asked, "6", NIGHT, sent=NIGHT - timedelta(minutes=15))
    people.send(store, phones, settings, NIGHT)
    assert len(phones.thread(asked.phone)) == 1


def test_a_warning_sign_is_answered_however_late_it_is_read(store, phones, settings, site):
    asked = replies.asked(store, site, EVENING)
    fetched(store, asked, "chest pain", NIGHT)
    people.send(store, phones, settings, NIGHT)
    assert len(phones.thread(asked.phone)) == 1


def test_a_stop_that_was_fetched_late_counts_and_is_not_confirmed_at_night(store, phones, settings, site):
    asked = replies.asked(store, site, EVENING)
    fetched(store, asked, "please stop these texts", NIGHT)
    people.send(store, phones, settings, NIGHT)
    assert phones.thread(asked.phone) == []
    assert [(text_key, state) for _, text_key, state, _ in answers_to_it(store)] == [
        ("opt_out_done", MessageState.EXPIRED)
    ]
