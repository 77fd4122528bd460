"""Texts that come in: kept before they are understood, understood once and in order, given to the right question."""

import itertools
import threading
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prom.messaging.simulated import SimulatedGateway
from prom.services import delivering, polling, receiving
from prom.storage import inbound, messages
from prom.storage.models import (
    Answer,
    AnswerState,
    Inbound,
    InboundState,
    Message,
    MessageEvent,
    MessageState,
    Prompt,
    PromptState,
    Task,
)
from prom.storage.session import Store, engine_for
from tests import outbox, replies

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def asha(store, site, now):
    """Return Asha, asked for her pain an hour ago."""
    return replies.asked(store, site, now)


def says(store, phone, body, at, **more):
    """Let a phone's text come in and return its row."""
    with store.writing() as session:
        links_work = more.pop("links_work", True)
        return receiving.receive(session, replies.text(phone, body, at, **more), at, links_work=links_work)


def kept(store):
    return [(row.value, row.state.value) for row in replies.every(store, Answer)]


def reasons(store):
    return [row.reason for row in replies.every(store, Task)]


def ask_also(store, patient_of, now, **changes):
    """Ask the patient's phone one more thing at an instant."""
    with store.writing() as session:
        prompt, message = outbox.add_prompt(session, patient_of.patient, patient_of.episode, now, **changes)
        replies.reach(session, prompt, message, now)
    return prompt


def test_two_quick_replies_are_read_in_order_the_second_as_a_correction_and_both_are_kept(store, asha, now):
    says(store, asha.phone, "7", now)
    says(store, asha.phone, "no 5", now + timedelta(seconds=3))
    assert kept(store) == [(7, "corrected"), (5, "current")]


def test_the_same_text_again_changes_nothing(store, asha, now):
    first = says(store, asha.phone, "7", now, sid="SM1")
    again = says(store, asha.phone, "7", now + MINUTE, sid="SM1")
    assert again.id == first.id
    assert kept(store) == [(7, "current")]


def test_a_late_reply_is_kept_with_its_time_for_people_and_not_counted(store, asha, now):
    late = now + timedelta(days=3)
    says(store, asha.phone, "6", late)
    assert kept(store) == []
    assert [row.received_at for row in replies.texts_in(store)] == [late]
    assert [(row.reason, row.candidate) for row in replies.every(store, Task)] == [("late_reply", "6")]


def test_an_open_prompt_takes_replies_until_its_window_ends_or_72_hours_are_over(store, site, now):
    long = {"closes_at": now + timedelta(days=30), "asked_at": now}
    for after, counted in ((72 * HOUR, True), (72 * HOUR + MINUTE, False), (timedelta(0), True)):
        one = replies.asked(store, site, now, **long)
        says(store, one.phone, "4", now + after)
        assert bool(replies.scores(store, one.prompt)) is counted, after
    short = replies.asked(store, site, now, closes_at=now + HOUR, asked_at=now)
    says(store, short.phone, "4", now + HOUR)
    assert replies.scores(store, short.prompt) == []


def test_the_next_prompt_takes_the_replies_from_then_on(store, asha, now):
    newer = ask_also(store, asha, now, key="d14")
    says(store, asha.phone, "3", now + MINUTE)
    assert replies.scores(store, newer) == [3]
    assert replies.scores(store, asha.prompt) == []


def test_a_text_fetched_late_answers_what_was_asked_before_it_and_never_the_next_prompt(store, asha, now):
    newer = ask_also(store, asha, now, key="d14")
    with store.writing() as session:
        missed = replies.text(asha.phone, "3", now - MINUTE)
        receiving.receive(session, missed, now + HOUR)
    assert replies.scores(store, asha.prompt) == [3]
    assert replies.scores(store, newer) == []
    assert replies.every(store, Answer)[0].answered_at == now - MINUTE


def test_a_text_fetched_late_whose_prompt_is_over_is_for_people(store, asha, now):
    with store.writing() as session:
        session.get_one(Prompt, asha.prompt.id).state = PromptState.MISSED
    newer = ask_also(store, asha, now, key="d14")
    with store.writing() as session:
        row = receiving.receive(session, replies.text(asha.phone, "3", now - MINUTE), now + HOUR)
    assert kept(store) == []
    assert row.prompt_id != newer.id
    assert reasons(store) == ["late_reply"]


def test_no_number_answers_a_question_that_is_still_on_its_way(store, site, now):
    visit = replies.asked(store, site, now, questions="nrs pgic")
    says(store, visit.phone, "7", now)
    says(store, visit.phone, "6", now + timedelta(seconds=5))
    assert kept(store) == [(7, "current")]
    assert reasons(store) == ["late_reply"]


def test_a_shared_phone_is_bound_by_the_prompt_asked_last_and_else_a_person_decides(store, site, now, asha):
    other = replies.asked(store, site, now, phone=asha.phone, asked_at=now - MINUTE)
    says(store, asha.phone, "2", now)
    assert replies.scores(store, other.prompt) == [2]
    assert replies.scores(store, asha.prompt) == []
    row = says(store, asha.phone, "9", now + 2 * HOUR)
    assert row.patient_id is None
    assert reasons(store) == ["shared_phone"]
    assert kept(store) == [(2, "current")]


def test_a_text_of_an_unknown_number_is_unmatched_and_nothing_goes_back(store, site, now):
    row = says(store, "+919007999999", "7", now)
    assert (row.state, row.patient_id) == (InboundState.UNMATCHED, None)
    assert reasons(store) == ["unmatched_sender"]
    assert replies.sent_back(store) == []


def test_the_page_is_offered_only_where_it_can_be_reached(store, site, now):
    for links_work, expected in ((True, 1), (False, 0)):
        one = replies.asked(store, site, now)
        for number in range(3):
            says(store, one.phone, "hmm", now + number * MINUTE, links_work=links_work)
        with store.reading() as session:
            texts = [row.text_key for row in messages.of_prompt(session, one.prompt.id)]
        assert texts.count("link_offer") == expected
        assert texts.count("reask_1") == texts.count("reask_2") == 1


@pytest.mark.parametrize("last", ["delivered", "undelivered", "failed"])
def test_statuses_in_any_order_with_doubles_end_right(store, site, now, last):
    order = ("accepted", "queued", "sending", "sent", last)
    ends = {"delivered": MessageState.DELIVERED, "undelivered": MessageState.UNDELIVERED, "failed": MessageState.FAILED}
    for number, permuted in enumerate(itertools.islice(itertools.permutations(order), 0, None, 7)):
        one = replies.asked(store, site, now)
        for status in (*permuted, permuted[number % 5]):
            with store.writing() as session:
                found = delivering.status(session, one.message.public_id, one.message.provider_sid, status, None, now)
        assert found.state is ends[last], permuted
    with store.reading() as session:
        assert session.get(Message, one.message.id).status_rank == 5
    assert len(replies.every(store, MessageEvent)) == 18 * 6


def test_read_after_delivered_stays_delivered_and_unknown_statuses_move_nothing(store, asha, now):
    for status in ("read", "delivered", "something_new", ""):
        with store.writing() as session:
            row = delivering.status(session, asha.message.public_id, asha.message.provider_sid, status, None, now)
    assert (row.state, row.status_rank) == (MessageState.DELIVERED, 6)


surrogates = st.text(st.characters(), max_size=60)
WORDS = ("7", "no", "STOP", "START", "1\u20e3", "\ud800", "\x00", "৭", ",", ".", "-", "?", "5/10", "help", "\u200d")
mixed = st.lists(st.sampled_from(WORDS), max_size=8)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(surrogates | mixed.map(" ".join) | st.text("\u0301\u0338 7", max_size=1600))
def test_no_text_raises_or_is_lost_and_no_score_is_impossible(store, asha, now, body):
    row = says(store, asha.phone, body, now)
    assert row.state is not InboundState.UNREAD
    with store.reading() as session:
        assert inbound.body(session, session.get_one(Inbound, row.id)) == body
    assert all(0 <= score <= 10 for score in replies.scores(store))


def poison(store, prompt):
    """Break a prompt so that no reply to it can be understood, and return how to mend it."""

    def set_questions(questions):
        with store.writing() as session:
            session.get_one(Prompt, prompt.id).questions = questions

    set_questions("no_such_question")
    return lambda: set_questions("nrs")


def test_a_text_that_cannot_be_understood_stays_as_it_came_and_is_read_when_we_can(store, asha, now):
    mend = poison(store, asha.prompt)
    row = says(store, asha.phone, "6", now)
    assert (row.state, row.attempts) == (InboundState.UNREAD, 1)
    with store.reading() as session:
        assert inbound.body(session, row) == "6"
    assert polling.read_again(store, now + MINUTE, links_work=True) == 0
    mend()
    assert polling.read_again(store, now + HOUR, links_work=True) == 1
    assert polling.read_again(store, now + HOUR, links_work=True) == 0
    assert kept(store) == [(6, "current")]
    assert replies.every(store, Answer)[0].answered_at == now
    assert replies.texts_in(store)[0].state is InboundState.READ


def test_what_fails_for_good_is_put_before_people_once_and_holds_up_nobody(store, site, asha, now):
    poison(store, asha.prompt)
    row = says(store, asha.phone, "6", now)
    mend = poison(store, (other := replies.asked(store, site, now)).prompt)
    says(store, other.phone, "3", now)
    mend()
    for number in range(8):
        polling.read_again(store, now + number * MINUTE, links_work=True)
    assert replies.scores(store) == [3]
    assert reasons(store) == ["not_understood"]
    with store.reading() as session:
        seen = session.get_one(Inbound, row.id)
    assert (seen.state, seen.attempts) == (InboundState.PEOPLE, receiving.MOST_ATTEMPTS)


def test_two_workers_reading_again_at_once_count_once(store, asha, now):
    mend = poison(store, asha.prompt)
    row = says(store, asha.phone, "6", now)
    mend()

    def read():
        with store.writing() as session:
            receiving.retry_unread(session, row.id, now + MINUTE)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept(store) == [(6, "current")]
    assert replies.sent_back(store) == ["thanks"]


@pytest.fixture
def gateway(instance, now):
    """Return simulated phones whose texts no webhook brings."""
    gateway = SimulatedGateway(instance / "simulated.db", lambda: now)
    yield gateway
    gateway.close()


def test_texts_that_no_webhook_brought_are_fetched_in_order_and_once(store, asha, now, gateway):
    for body in ("7", "no 5"):
        gateway.text(asha.phone, body)
    assert polling.fetch(store, gateway, now + HOUR, links_work=True) == 2
    assert polling.fetch(store, gateway, now + 2 * HOUR, links_work=True) == 0
    assert kept(store) == [(7, "corrected"), (5, "current")]
    assert {row.received_at for row in replies.texts_in(store)} == {now}


def test_only_the_last_48_hours_are_fetched(store, asha, now, gateway):
    gateway.text(asha.phone, "7")
    assert polling.fetch(store, gateway, now + 49 * HOUR, links_work=True) == 0


def at_once(stores, text, now):
    """Let the same text come in on several connections at once."""
    ready, rows = threading.Barrier(len(stores)), []

    def run(one):
        ready.wait()
        with one.writing() as session:
            rows.append(receiving.receive(session, text, now).id)

    threads = [threading.Thread(target=run, args=(one,)) for one in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return rows


@pytest.mark.postgres
def test_the_same_text_at_once_on_two_postgresql_connections_has_one_effect(postgres_store, postgres_url, now):
    with postgres_store.writing() as session:
        site = outbox.site(session)
    asha = replies.asked(postgres_store, site, now)
    other = Store(engine_for(postgres_url), postgres_store.vault)
    try:
        for _ in range(10):
            rows = at_once([postgres_store, other], replies.text(asha.phone, "6", now), now)
            assert len(rows) == 2
            assert len(set(rows)) == 1
    finally:
        other.engine.dispose()
    assert kept(postgres_store) == [(6, "current")]
    assert replies.sent_back(postgres_store) == ["thanks"]


@pytest.mark.postgres
def test_two_quick_replies_at_once_on_postgresql_leave_one_score_in_force(postgres_store, postgres_url, now):
    with postgres_store.writing() as session:
        site = outbox.site(session)
    other = Store(engine_for(postgres_url), postgres_store.vault)
    try:
        for _ in range(5):
            one = replies.asked(postgres_store, site, now)
            texts = iter([replies.text(one.phone, "7", now), replies.text(one.phone, "no 5", now)])
            threads = [threading.Thread(target=says_now, args=(on, next(texts), now)) for on in (postgres_store, other)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            states = [row.state for row in replies.every(postgres_store, Answer) if row.prompt_id == one.prompt.id]
            assert states.count(AnswerState.CURRENT) == 1
    finally:
        other.engine.dispose()
    assert len(replies.texts_in(postgres_store)) == 10


def says_now(store, text, now):
    with store.writing() as session:
        receiving.receive(session, text, now)
