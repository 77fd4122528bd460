"""What is due is sent once, and what is not sent says why."""

import threading
from datetime import timedelta

import pytest
from sqlmodel import select

from prom.messaging.gateway import Sent
from prom.services import prompting
from prom.storage import channels
from prom.storage.models import Message, MessageState, PromptState, TaskKind
from tests import outbox as people
from tests.outbox import all_tasks, change, send, sent_to, ticking


@pytest.fixture
def one(store, site, now):
    with store.writing() as session:
        return people.waiting(session, site, now, phone="+919007100001")


def test_a_due_text_is_sent_once_and_its_prompt_is_asked(store, phones, settings, now, one):
    assert send(store, phones, settings, now).accepted == 1
    assert send(store, phones, settings, now).claimed == 0
    message, prompt = people.fresh(store, one.message), people.fresh(store, one.prompt)
    assert (message.state, message.attempt, message.sending_at) == (MessageState.ACCEPTED, 1, now)
    assert (prompt.state, prompt.asked_at, prompt.last_text_at) == (PromptState.ASKED, now, now)
    listed = sent_to(phones, "+919007100001", now)
    assert [each.sid for each in listed] == [message.provider_sid]
    assert listed[0].body == people.body(store, message)


def test_a_text_is_not_sent_before_its_time(store, phones, settings, now, one):
    assert send(store, phones, settings, now - timedelta(seconds=1)).claimed == 0


class Counting:
    """A provider that counts and takes a moment, so that workers meet."""

    name = "counting"

    def __init__(self):
        self.sent, self.guard = [], threading.Lock()

    def send(self, to, body, message_id, validity_seconds, _sender=""):
        with self.guard:
            self.sent.append((to, message_id, validity_seconds))
            return Sent(f"SM{len(self.sent):030d}", "queued")


def test_eight_workers_on_a_hundred_due_rows_make_a_hundred_calls(store, site, settings, now):
    with store.writing() as session:
        for _ in range(100):
            people.waiting(session, site, now)
    eight_workers_send_each_once(store, settings, now)


@pytest.mark.postgres
def test_eight_workers_on_postgresql_make_a_hundred_calls(postgres_store, settings, now):
    with postgres_store.writing() as session:
        site = people.site(session)
        for _ in range(100):
            people.waiting(session, site, now)
    eight_workers_send_each_once(postgres_store, settings, now)


def eight_workers_send_each_once(store, settings, now):
    gateway = Counting()
    start = threading.Barrier(8)

    def work():
        start.wait()
        while prompting.send_due(store, gateway, settings, ticking(now), limit=10).claimed:
            pass

    workers = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(gateway.sent) == 100
    assert len({message_id for _, message_id, _ in gateway.sent}) == 100
    with store.reading() as session:
        assert {row.state for row in session.exec(select(Message))} == {MessageState.ACCEPTED}


def test_validity_is_the_time_left_and_at_most_ten_hours(store, site, settings, now):
    gateway = Counting()
    with store.writing() as session:
        people.waiting(session, site, now, closes_at=now + timedelta(minutes=50))
        people.waiting(session, site, now, closes_at=now + timedelta(days=5))
    send(store, gateway, settings, now)
    assert [validity for _, _, validity in gateway.sent] == [3000, 36000]


def test_one_text_that_cannot_be_written_does_not_block_the_others(store, phones, settings, now, site, one):
    change(store, one.message, variables_sealed=b"damaged", priority=0)
    change(store, one.patient, phone_sealed=b"damaged" * 9)
    with store.writing() as session:
        good = people.waiting(session, site, now)
    assert send(store, phones, settings, now).accepted == 1
    assert people.fresh(store, good.message).state is MessageState.ACCEPTED
    bad = people.fresh(store, one.message)
    assert (bad.state, bad.reason) == (MessageState.FAILED, "cannot_be_written VaultError")
    assert [(task.kind, task.reason) for task in all_tasks(store)] == [(TaskKind.FIX, "text_failed")]
    assert people.fresh(store, one.prompt).state is PromptState.NOT_SENT


def test_the_rate_holds_over_all_workers(store, site, now):
    with store.writing() as session:
        turns = [channels.take_turn(session, 0.1, now + timedelta(milliseconds=ms)) for ms in range(0, 1000, 10)]
    # Ten a second, and one more because a late taker may catch up by one turn.
    assert 10 <= sum(turn.mine for turn in turns) <= 11


def test_a_clock_that_was_set_back_does_not_stop_the_sender(store, now):
    with store.writing() as session:
        assert channels.take_turn(session, 1, now).mine
        assert channels.take_turn(session, 1, now - timedelta(hours=1)).mine


def test_stop_finishes_the_call_in_flight_and_gives_back_the_rest(store, site, settings, now):
    stop = threading.Event()

    class Stopping(Counting):
        def send(self, *given):
            stop.set()
            return super().send(*given)

    gateway = Stopping()
    with store.writing() as session:
        for _ in range(5):
            people.waiting(session, site, now)
    counts = send(store, gateway, settings, now, stop=stop)
    assert (counts.accepted, counts.given_back) == (1, 4)
    with store.reading() as session:
        states = sorted(row.state.value for row in session.exec(select(Message)))
    assert states == ["accepted", "pending", "pending", "pending", "pending"]
