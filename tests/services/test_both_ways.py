"""One prompt answered by text and on its page at the same moment: one score counts, the other is kept for people."""

import threading
from types import SimpleNamespace

import pytest

from prom.services import linking, receiving
from prom.storage import audit
from prom.storage.models import Answer, AnswerState, InboundState, Prompt, PromptState, Source, Task
from prom.storage.session import Store, engine_for
from tests import outbox, replies

ROUNDS = 6


def on_the_page(store, prompt_id, value, now):
    """Let a page that was opened before any answer save one."""
    with store.writing() as session:
        prompt = session.get_one(Prompt, prompt_id)
        linking.answer(session, prompt, linking.steps(session, prompt)[0], value, "", audit.PATIENT, now)


def by_text(store, text, now):
    with store.writing() as session:
        receiving.receive(session, text, now)


def both_at_once(one, other, asked, number, now):
    """Answer 3 by text and 7 on the page, each from a thread of its own."""
    together, trouble = threading.Barrier(2), []

    def run(act, *arguments):
        together.wait()
        try:
            act(*arguments)
        except Exception as error:  # noqa: BLE001 - told by the assertion below
            trouble.append(error)

    ways = [
        (by_text, one, replies.text(asked.phone, "3", now, sid=f"SM{number:032d}"), now),
        (on_the_page, other, asked.prompt.id, 7, now),
    ]
    threads = [threading.Thread(target=run, args=way) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []


def left(store, asked):
    """Return what stands after both: the answers of the prompt, the prompt, the text and the reasons of its tasks."""
    rows = [row for row in replies.every(store, Answer) if row.prompt_id == asked.prompt.id]
    (text,) = [row for row in replies.texts_in(store) if row.patient_id == asked.patient.id]
    tasks = [row for row in replies.every(store, Task) if row.inbound_id == text.id]
    (prompt,) = [row for row in replies.every(store, Prompt) if row.id == asked.prompt.id]
    return SimpleNamespace(rows=rows, prompt=prompt, text=text, tasks=tasks)


def one_counts_and_the_other_is_kept(seen):
    counted = [row for row in seen.rows if row.state is AnswerState.CURRENT]
    beside = [row for row in seen.rows if row.state is AnswerState.SECOND]
    assert len(counted) == 1
    assert seen.prompt.state is PromptState.ANSWERED
    if counted[0].source is Source.SMS:
        assert (counted[0].value, [row.value for row in beside]) == (3, [7])
        assert seen.tasks == []
        return
    assert counted[0].value == 7
    if beside:
        # The question was open yet when the text was read, and answered when it was stored.
        assert ([row.value for row in beside], seen.tasks) == ([3], [])
    else:
        # No question was open any more: a person sees the text, with its number.
        assert seen.text.state is InboundState.PEOPLE
        assert [(task.reason, task.candidate) for task in seen.tasks] == [("late_reply", "3")]


def test_both_ways_at_once_give_one_score(store, site, now):
    for number in range(ROUNDS):
        asked = replies.asked(store, site, now)
        both_at_once(store, store, asked, number, now)
        one_counts_and_the_other_is_kept(left(store, asked))


@pytest.mark.postgres
def test_both_ways_at_once_give_one_score_on_postgresql(postgres_store, postgres_url, now):
    with postgres_store.writing() as session:
        site = outbox.site(session)
    other = Store(engine_for(postgres_url), postgres_store.vault)
    try:
        for number in range(ROUNDS):
            asked = replies.asked(postgres_store, site, now)
            both_at_once(postgres_store, other, asked, number, now)
            one_counts_and_the_other_is_kept(left(postgres_store, asked))
    finally:
        other.engine.dispose()


@pytest.mark.parametrize("first", ["text", "page"])
def test_whichever_way_comes_first_counts(store, site, now, first):
    asked = replies.asked(store, site, now)
    ways = [lambda: by_text(store, replies.text(asked.phone, "3", now), now)]
    ways.append(lambda: on_the_page(store, asked.prompt.id, 7, now))
    for way in ways if first == "text" else reversed(ways):
        way()
    seen = left(store, asked)
    one_counts_and_the_other_is_kept(seen)
    assert next(row for row in seen.rows if row.state is AnswerState.CURRENT).value == (3 if first == "text" else 7)
