"""Who sends when several workers, rates and limits meet."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from prom.messaging.gateway import Sent
from prom.messaging.simulated_phones import Failures
from prom.services import prompting
from prom.storage import channels, outbox
from prom.storage.models import MessageKind, MessageState, TaskKind
from tests import outbox as people
from tests.outbox import all_tasks, send


@pytest.fixture
def one(store, site, now):
    with store.writing() as session:
        return people.waiting(session, site, now, phone="+919007100001")


class Counting:
    """A provider that counts and takes a moment, so that workers meet."""

    name = "counting"

    def __init__(self):
        self.sent, self.guard = [], threading.Lock()

    def send(self, to, body, message_id, validity_seconds, _sender=""):
        with self.guard:
            self.sent.append((to, message_id, validity_seconds))
            return Sent(f"SM{len(self.sent):030d}", "queued")


def test_a_worker_that_was_frozen_before_the_call_gives_the_text_back(store, site, settings, now, one):
    gateway = Counting()

    def clock():
        marked = people.fresh(store, one.message).state is MessageState.SENDING
        return now + timedelta(minutes=10) if marked else now

    prompting.send_due(store, gateway, replace(settings, gateway="simulated"), clock)
    assert gateway.sent == []
    message = people.fresh(store, one.message)
    assert (message.state, message.sending_at) == (MessageState.PENDING, None)


def test_a_claim_whose_worker_died_is_sent_after_the_lease(store, phones, settings, now, one):
    with store.writing() as session:
        outbox.claim(
            session, now=now, lease_until=now + timedelta(seconds=30), limit=9, urgent_only=False, skip_sites=()
        )
    assert prompting.recover(store, now + timedelta(seconds=29)) == (0, 0)
    assert send(store, phones, settings, now + timedelta(seconds=29)).claimed == 0
    assert prompting.recover(store, now + timedelta(seconds=30)) == (1, 0)
    assert send(store, phones, settings, now + timedelta(seconds=30)).accepted == 1


@pytest.mark.parametrize(
    ("failures", "state", "reason"),
    [
        (Failures(timeout_after_accept=True), MessageState.UNKNOWN, "simulated timeout"),
        (Failures(timeout_before_accept=True), MessageState.UNKNOWN, "simulated timeout"),
        (Failures(unreachable=True), MessageState.PENDING, "not_reached"),
        (Failures(too_many_requests=True), MessageState.PENDING, "limit_20429"),
        (Failures(code=20003), MessageState.PENDING, "halted_20003"),
        (Failures(code=21614), MessageState.FAILED, "error_21614"),
        (Failures(code=21408), MessageState.FAILED, "error_21408"),
        (Failures(code=12345), MessageState.FAILED, "error_12345"),
        (Failures(code=21610), MessageState.SUPPRESSED, "opted_out"),
        (Failures(code=21611), MessageState.FAILED, "limit_21611"),
    ],
)
def test_each_outcome_of_a_call_has_its_state(store, phones, settings, now, one, failures, state, reason):
    phones.fail(failures)
    send(store, phones, settings, now)
    message = people.fresh(store, one.message)
    assert (message.state, message.reason) == (state, reason)


def test_a_retry_is_sent_after_its_wait(store, phones, settings, now, one):
    phones.fail(Failures(too_many_requests=True, retry_after_seconds=30))
    send(store, phones, settings, now)
    phones.heal()
    assert people.fresh(store, one.message).send_at >= now + timedelta(seconds=30)
    assert send(store, phones, settings, now + timedelta(seconds=29)).claimed == 0
    assert send(store, phones, settings, now + timedelta(seconds=40)).accepted == 1


def test_a_halted_channel_keeps_the_queue_and_is_probed_once_a_minute(store, phones, settings, now, site, one):
    with store.writing() as session:
        people.waiting(session, site, now)
    phones.fail(Failures(code=20003))
    assert send(store, phones, settings, now).refused == 1
    with store.reading() as session:
        channel = channels.seen(session)
        assert (channel.halted_at, channel.halted_code) == (now, "20003")
        assert outbox.waiting(session) == 2
    phones.heal()
    assert send(store, phones, settings, now + timedelta(seconds=59)).claimed == 0
    assert send(store, phones, settings, now + timedelta(seconds=60)).accepted == 2


def test_error_21610_suppresses_the_phone_and_all_that_waits_for_it(store, phones, settings, now, site, one):
    with store.writing() as session:
        later = people.waiting(session, site, now, patient=one.patient, due_at=now + timedelta(days=7))
    phones.fail(Failures(code=21610))
    send(store, phones, settings, now)
    waits = people.fresh(store, later.message)
    assert (waits.state, waits.reason) == (MessageState.SUPPRESSED, "opted_out")
    with store.reading() as session:
        assert channels.is_suppressed(session, one.patient.phone_index)
    assert [(task.kind, task.reason) for task in all_tasks(store)] == [(TaskKind.STOPPED, "opted_out")]


def test_five_thousand_due_texts_are_claimed_most_urgent_first(store, site, now, one):
    with store.writing() as session:
        reminder = people.text(session, one.patient, one.prompt, now, kind=MessageKind.REMINDER)
        answer = people.text(session, one.patient, None, now, kind=MessageKind.REPLY, question="")
        emergency = people.text(session, one.patient, None, now, kind=MessageKind.EMERGENCY, question="")
        claims = outbox.claim(
            session, now=now, lease_until=now + timedelta(seconds=30), limit=9, urgent_only=False, skip_sites=()
        )
    assert [each.message_id for each in claims] == [emergency.id, answer.id, one.message.id, reminder.id]
