"""Statuses move a text upwards only, in whatever order they come, and each error has its reaction."""

from datetime import timedelta
from itertools import permutations

import pytest
from sqlmodel import select

from prom.domain.delivery import OptOut
from prom.services import delivering
from prom.storage import channels, messages
from prom.storage.models import (
    Message,
    MessageEvent,
    MessageKind,
    MessageState,
    PromptState,
    Suppression,
    Task,
    TaskKind,
)
from tests import outbox as people

SID = "SM" + "1" * 32


@pytest.fixture
def one(store, site, now):
    with store.writing() as session:
        row = people.waiting(session, site, now, phone="+919007100001")
        message = row.message
        message.state, message.sending_at, message.attempt = MessageState.SENDING, now, 1
        vault = store.vault
        message.phone_sealed = vault.seal(
            row.patient.key_sealed, messages.place("phone", message.public_id), "+919007100001"
        )
    return row


def tell(store, status, now, *, code=None, sid=SID, m=None):
    with store.writing() as session:
        return delivering.status(session, m, sid, status, code, now)


def accepted(store, one, now):
    with store.writing() as session:
        delivering.accept(session, session.get(Message, one.message.id), SID, "queued", now)


def rows(store, table):
    with store.reading() as session:
        return list(session.exec(select(table)))


@pytest.mark.parametrize("order", list(permutations(["queued", "sending", "sent", "delivered"])))
def test_statuses_in_any_order_end_delivered(store, one, now, order):
    accepted(store, one, now)
    for status in order:
        tell(store, status, now)
    assert people.fresh(store, one.message).state is MessageState.DELIVERED
    assert [event.status for event in rows(store, MessageEvent)] == list(order)


def test_a_late_sent_does_not_hide_a_failure(store, one, now):
    accepted(store, one, now)
    for status, code in (("undelivered", 30006), ("sent", None), ("delivered", None)):
        tell(store, status, now, code=code)
    message = people.fresh(store, one.message)
    assert (message.state, message.error_code) == (MessageState.UNDELIVERED, "30006")


def test_a_repeated_status_has_one_effect_and_is_kept(store, one, now):
    accepted(store, one, now)
    for _ in range(3):
        tell(store, "undelivered", now, code=30003)
    assert len(rows(store, MessageEvent)) == 3
    assert len(rows(store, Message)) == 2  # one retry


def test_unknown_statuses_and_texts_are_stored(store, one, now):
    accepted(store, one, now)
    assert tell(store, "teleported", now) is not None
    assert tell(store, "sent", now, sid="SM" + "9" * 60, m="nobody") is None
    assert people.fresh(store, one.message).state is MessageState.ACCEPTED
    assert len(rows(store, MessageEvent)) == 2


def test_a_callback_binds_a_text_whose_answer_was_lost(store, one, now):
    with store.writing() as session:
        delivering.unclear(session, session.get(Message, one.message.id), "timeout", now)
    tell(store, "sent", now, m=one.message.public_id)
    message, prompt = people.fresh(store, one.message), people.fresh(store, one.prompt)
    assert (message.state, message.provider_sid) == (MessageState.SENT, SID)
    assert (prompt.state, prompt.asked_at) == (PromptState.ASKED, now)


def test_a_callback_before_the_answer_of_the_call_wins(store, one, now):
    tell(store, "delivered", now, m=one.message.public_id)
    assert people.fresh(store, one.message).state is MessageState.DELIVERED


def test_the_sid_of_another_call_does_not_replace_ours(store, one, now):
    accepted(store, one, now)
    tell(store, "failed", now, code=30005, sid="SM" + "2" * 32, m=one.message.public_id)
    message = people.fresh(store, one.message)
    assert (message.provider_sid, message.state) == (SID, MessageState.ACCEPTED)


def test_an_opt_out_told_by_callback_suppresses_all_that_waits(store, site, one, now):
    with store.writing() as session:
        later = people.waiting(session, site, now, patient=one.patient, due_at=now + timedelta(days=3))
    accepted(store, one, now)
    tell(store, "failed", now, code=21610)
    assert people.fresh(store, later.message).reason == "opted_out"
    assert [row.source for row in rows(store, Suppression)] == ["carrier"]
    assert [task.kind for task in rows(store, Task)] == [TaskKind.STOPPED]


def test_an_unreachable_phone_is_tried_twice_more_hours_apart_then_called(store, one, now):
    accepted(store, one, now)
    tell(store, "undelivered", now, code=30003)
    for number in (1, 2):
        again = rows(store, Message)[-1]
        assert again.dedupe_key.endswith(f"|again{number}")
        assert (again.state, again.send_at) == (MessageState.PENDING, now + timedelta(hours=3))
        with store.writing() as session:
            row = session.get(Message, again.id)
            row.state = MessageState.SENDING
            delivering.accept(session, row, f"{SID}{number}", "queued", now)
        tell(store, "undelivered", now, code=30003, sid=f"{SID}{number}")
    assert len(rows(store, Message)) == 3
    assert [(task.kind, task.reason) for task in rows(store, Task)] == [(TaskKind.CHASE, "not_reached")]


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (30005, TaskKind.FIX, "number_unusable"),
        (30006, TaskKind.FIX, "number_unusable"),
        (30004, TaskKind.CHASE, "not_reached"),
        (99999, TaskKind.FIX, "text_failed"),
        (None, TaskKind.FIX, "text_failed"),
    ],
)
def test_each_final_failure_reaches_the_right_person(store, one, now, code, kind, reason):
    accepted(store, one, now)
    tell(store, "undelivered", now, code=code)
    assert [(task.kind, task.reason) for task in rows(store, Task)] == [(kind, reason)]
    assert len(rows(store, Message)) == 1


def test_filtered_texts_are_not_resent_and_alarm_when_they_become_many(store, site, one, now):
    for number in range(3):
        with store.writing() as session:
            row = people.waiting(session, site, now)
            message = session.get(Message, row.message.id)
            message.state, message.sending_at = MessageState.SENDING, now
            delivering.accept(session, message, f"{SID}{number}", "queued", now)
        tell(store, "undelivered", now, code=30007, sid=f"{SID}{number}")
        assert len(rows(store, Task)) == (1 if number == 2 else 0)
    assert [(task.reason, task.urgent) for task in rows(store, Task)] == [("carrier_filtering", True)]
    assert len(rows(store, Message)) == 4


def test_a_suspended_account_halts_the_channel_and_keeps_the_text(store, one, now):
    accepted(store, one, now)
    tell(store, "failed", now, code=30002)
    with store.reading() as session:
        assert channels.seen(session).halted_code == "30002"
    assert [row.state for row in rows(store, Message)] == [MessageState.FAILED, MessageState.PENDING]


def test_an_opt_out_of_a_text_without_patient_is_recorded(store, site, now):
    with store.writing() as session:
        message = messages.add_pending(
            session,
            site_id=site.id,
            patient_id=None,
            prompt_id=None,
            inbound_id=None,
            dedupe_key="x",
            kind=MessageKind.REPLY,
            text_key="help",
            phone_index="a" * 32,
            phone="+919007100009",
            due_at=now,
            expires_at=now + timedelta(minutes=15),
            now=now,
        )
        message.state = MessageState.SENDING
        delivering.react(session, message, OptOut(), "21610", now, accepted=False)
        assert message.state is MessageState.SUPPRESSED
        assert channels.is_suppressed(session, "a" * 32)
