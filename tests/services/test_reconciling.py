"""A text of unknown outcome is looked for, sent again at most once, and never bound to another's id."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from prom.messaging.gateway import Unknown
from prom.messaging.simulated import SimulatedGateway
from prom.messaging.simulated_phones import Failures
from prom.services import prompting, reconciling
from prom.storage import channels
from prom.storage.models import Message, MessageKind, MessageState, PromptState, Task
from tests import outbox as people

GRACE = timedelta(seconds=600)


class Time:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def time(now):
    return Time(now)


@pytest.fixture
def phones(instance, time):
    gateway = SimulatedGateway(instance / "simulated.db", time)
    yield gateway
    gateway.close()


@pytest.fixture
def settings(instance):
    return people.settings(instance, gateway="simulated")


@pytest.fixture
def one(store, site, now):
    with store.writing() as session:
        return people.waiting(session, site, now, phone="+919007100001")


def send(store, phones, settings, time):
    return prompting.send_due(store, phones, settings, time)


def look(store, phones, settings, time, after):
    time.now = time.now + after
    return reconciling.run(store, phones, settings, time.now)


def test_an_accepted_text_whose_answer_was_lost_is_found_after_a_tenth_of_the_grace(store, phones, settings, time, one):
    phones.fail(Failures(timeout_after_accept=True))
    send(store, phones, settings, time)
    phones.heal()
    assert look(store, phones, settings, time, GRACE / 10 - timedelta(seconds=1))["found"] == 0
    assert look(store, phones, settings, time, timedelta(seconds=1))["found"] == 1
    message = people.fresh(store, one.message)
    assert message.provider_sid == phones.find_sent("+919007100001", one.prompt.opens_at)[0].sid
    assert message.state is MessageState.DELIVERED
    assert people.fresh(store, one.prompt).state is PromptState.ASKED


def test_a_text_that_never_arrived_is_sent_again_once_after_the_grace(store, phones, settings, time, one):
    phones.fail(Failures(timeout_before_accept=True))
    send(store, phones, settings, time)
    start = time.now
    for seconds in (60, 240, 299):
        assert look(store, phones, settings, time, timedelta(seconds=seconds))["resent"] == 0
    assert look(store, phones, settings, time, timedelta(seconds=1))["resent"] == 1
    assert time.now - start == GRACE
    send(store, phones, settings, time)
    for _ in range(5):
        look(store, phones, settings, time, GRACE)
        send(store, phones, settings, time)
    message = people.fresh(store, one.message)
    assert (message.attempt, message.state, message.reason) == (2, MessageState.FAILED, "outcome_unknown")


def test_while_the_list_cannot_be_read_nothing_is_sent_again(store, phones, settings, time, one):
    phones.fail(Failures(timeout_before_accept=True))
    send(store, phones, settings, time)

    class NoList:
        def find_sent(self, *_):
            raise Unknown("HTTP 500")

    look(store, NoList(), settings, time, GRACE * 2)
    assert people.fresh(store, one.message).state is MessageState.UNKNOWN
    assert look(store, phones, settings, time, GRACE)["resent"] == 1


def test_a_text_past_its_time_is_not_sent_again(store, phones, settings, time, site, now):
    with store.writing() as session:
        row = people.waiting(session, site, now, closes_at=now + GRACE / 2)
    phones.fail(Failures(timeout_before_accept=True))
    send(store, phones, settings, time)
    look(store, phones, settings, time, GRACE)
    message = people.fresh(store, row.message)
    assert (message.state, message.reason) == (MessageState.EXPIRED, "outcome_unknown")


def test_two_texts_that_read_the_same_are_bound_to_one_id_each(store, phones, settings, time, site, one):
    with store.writing() as session:
        twins = [
            people.text(
                session, one.patient, None, time.now, kind=MessageKind.REPLY, key=k, text_key="resumed", question=""
            )
            for k in ("a", "b")
        ]
    phones.fail(Failures(timeout_after_accept=True))
    send(store, phones, settings, time)
    phones.heal()
    with store.reading() as session:
        assert {session.get(Message, each.id).state for each in twins} == {MessageState.UNKNOWN}
    look(store, phones, settings, time, GRACE / 10)
    sids = [people.fresh(store, each).provider_sid for each in twins]
    assert None not in sids
    assert len(set(sids)) == 2


def test_one_listed_text_is_never_bound_to_two_rows(store, phones, settings, time, one):
    with store.writing() as session:
        twins = [
            people.text(
                session,
                one.patient,
                None,
                time.now,
                kind=MessageKind.REPLY,
                key=k,
                text_key="resumed",
                question="",
                expires_at=time.now + GRACE * 9,
            )
            for k in ("a", "b")
        ]
    phones.fail(Failures(timeout_after_accept=True))
    with store.writing() as session:
        session.get(Message, twins[1].id).send_at = time.now + timedelta(seconds=1)
    send(store, phones, settings, time)
    phones.fail(Failures(timeout_before_accept=True))
    time.now += timedelta(seconds=1)
    send(store, phones, settings, time)
    phones.heal()
    look(store, phones, settings, time, GRACE / 10)
    found = [people.fresh(store, each) for each in twins]
    assert [each.state for each in found] == [MessageState.DELIVERED, MessageState.UNKNOWN]


def test_a_call_whose_worker_died_becomes_unknown_after_the_lease(store, phones, settings, time, one):
    class Dying:
        def send(self, *_):
            raise SystemExit

    with pytest.raises(SystemExit):
        prompting.send_due(store, Dying(), settings, time)
    assert people.fresh(store, one.message).state is MessageState.SENDING
    assert prompting.recover(store, time.now + timedelta(seconds=30)) == (0, 1)


def test_statuses_are_asked_for_where_no_callbacks_come(store, phones, settings, time, one):
    alone = replace(settings, public_url="")
    send(store, phones, alone, time)
    assert people.fresh(store, one.message).state is MessageState.ACCEPTED
    look(store, phones, alone, time, timedelta(seconds=30))
    assert people.fresh(store, one.message).state is MessageState.DELIVERED


def close(store, at):
    with store.writing() as session:
        return reconciling.close_windows(session, at)


def test_a_prompt_that_reached_the_phone_and_was_not_answered_is_missed(store, phones, settings, time, one):
    send(store, phones, settings, time)
    assert close(store, one.prompt.closes_at - timedelta(seconds=1)) == 0
    assert close(store, one.prompt.closes_at) == 1
    assert people.fresh(store, one.prompt).state is PromptState.MISSED
    with store.reading() as session:
        assert [task.reason for task in session.exec(select(Task))] == ["no_answer"]


def test_a_prompt_that_never_reached_the_phone_is_ours(store, phones, settings, time, one):
    phones.fail(Failures(code=30005))
    send(store, phones, settings, time)
    listed = phones.find_sent("+919007100001", one.prompt.opens_at)[0]
    from prom.services import delivering

    with store.writing() as session:
        delivering.status(session, None, listed.sid, "undelivered", 30005, time.now)
    close(store, one.prompt.closes_at)
    prompt = people.fresh(store, one.prompt)
    assert (prompt.state, prompt.reason) == (PromptState.NOT_SENT, "error_30005")


def test_a_prompt_held_over_its_window_says_so(store, phones, settings, time, one):
    with store.writing() as session:
        channels.hold(session, "restored", time.now)
    time.now = one.prompt.closes_at
    send(store, phones, settings, time)
    prompt = people.fresh(store, one.prompt)
    assert (prompt.state, prompt.reason) == (PromptState.NOT_SENT, "held")


def test_a_restored_backup_finds_what_had_gone_out_and_does_not_send_it_again(store, phones, settings, time, one):
    send(store, phones, settings, time)
    with store.writing() as session:  # the backup was taken before
        message, prompt = session.get(Message, one.message.id), session.get(type(one.prompt), one.prompt.id)
        message.state, message.provider_sid, message.body_sealed, message.phone_sealed = (
            MessageState.PENDING,
            None,
            None,
            None,
        )
        message.sending_at, message.status_rank = None, -1
        prompt.state, prompt.asked_at = PromptState.PLANNED, None
        channels.hold(session, "restored", time.now)
    time.now += timedelta(hours=3)
    assert send(store, phones, settings, time).claimed == 0
    assert reconciling.adopt(store, phones, time.now) == 1
    with store.writing() as session:
        channels.release(session)
    assert send(store, phones, settings, time).claimed == 0
    assert people.fresh(store, one.prompt).state is PromptState.ASKED
    assert len(phones.find_sent("+919007100001", one.prompt.opens_at)) == 1
