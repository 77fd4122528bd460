"""A text is added to the outbox once, and its sealed parts open again."""

from datetime import timedelta

import pytest

from prom.storage import messages, tasks
from prom.storage.models import MessageKind, MessageState, TaskKind


@pytest.fixture
def wanted(site, now):
    return {
        "site_id": site.id,
        "patient_id": None,
        "prompt_id": None,
        "inbound_id": None,
        "dedupe_key": "e1|d7|nrs|prompt",
        "kind": MessageKind.PROMPT,
        "text_key": "ask",
        "phone_index": "0" * 32,
        "due_at": now,
        "expires_at": now + timedelta(days=1),
    }


def test_a_new_text_waits_from_its_due_time(store, wanted, now):
    with store.writing() as session:
        added = messages.add_pending(session, **wanted, now=now)
    assert added.state is MessageState.PENDING
    assert (added.priority, added.send_at, added.attempt, added.status_rank) == (3, now, 0, -1)


def test_the_same_dedupe_key_is_added_once(store, wanted, now):
    with store.writing() as session:
        assert messages.add_pending(session, **wanted, now=now) is not None
        assert messages.add_pending(session, **wanted, now=now) is None


def test_many_texts_are_added_at_once_and_known_ones_skipped(store, wanted, now):
    rows = [{**wanted, "dedupe_key": f"e1|d{day}|nrs|prompt", "variables": {"day": day}} for day in range(50)]
    with store.writing() as session:
        assert messages.add_many(session, rows[:20], now) == 20
        assert messages.add_many(session, rows, now) == 30


def test_variables_and_number_are_sealed_and_open_again(store, wanted, now):
    with store.writing() as session:
        added = messages.add_pending(
            session, **wanted, variables={"echo": "৭", "value": 7}, phone="+919830098300", now=now
        )
        assert b"9830098300" not in added.phone_sealed
        assert messages.variables(session, added) == {"echo": "৭", "value": 7}
        assert messages.phone(session, added) == "+919830098300"
        assert messages.body(session, added) == ""


def test_a_task_is_opened_once_and_closed_once(store, site, now):
    wanted = {"site_id": site.id, "kind": TaskKind.FIX, "reason": "number_unusable", "dedupe_key": "fix|1", "now": now}
    with store.writing() as session:
        task = tasks.open_task(session, **wanted)
        assert tasks.open_task(session, **wanted) is None
        assert tasks.close(session, task, outcome="done", now=now)
        assert not tasks.close(session, task, outcome="done", now=now)
        assert tasks.open_tasks(session, [site.id]) == []


def test_tasks_come_urgent_first_then_in_order_of_action(store, site, now):
    kinds = [(TaskKind.STOPPED, False), (TaskKind.FIX, False), (TaskKind.CALL, False), (TaskKind.READ, True)]
    with store.writing() as session:
        for number, (kind, urgent) in enumerate(kinds):
            tasks.open_task(
                session, site_id=site.id, kind=kind, reason="x", dedupe_key=str(number), urgent=urgent, now=now
            )
        found = [task.kind for task in tasks.open_tasks(session, [site.id])]
    assert found == [TaskKind.READ, TaskKind.CALL, TaskKind.FIX, TaskKind.STOPPED]
