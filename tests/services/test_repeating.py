"""A procedure done again at the same site and side ends the course of the earlier one."""

from datetime import timedelta

import pytest

from prom.services import ending, planning, repeating
from prom.storage import audit, episodes
from prom.storage.models import EventKind
from tests import people
from tests.services.test_watching import told

FIRST, SECOND = 200, 80


@pytest.fixture
def again(store, site, now):
    """Return Asha's two procedures, 200 and 80 days ago; changes are of the second."""

    def made(**changes):
        with store.writing() as session:
            first = people.asha(session, site, now, procedure_at=now - timedelta(days=FIRST), done=True)
            values = {"procedure_at": now - timedelta(days=SECOND), "done": True}
            second = people.asha(session, site, now, **(values | changes))
        return first, second

    return made


def repeats(store, *rows):
    with store.reading() as session:
        return [
            (row.episode_id, row.happened_on)
            for row in episodes.events(session, [one.id for one in rows])
            if row.kind is EventKind.REPEAT
        ]


def test_the_second_one_is_a_repeat_for_the_first(store, again, now):
    first, second = again()
    assert repeats(store, first, second) == [(first.id, second.procedure_at.date())]
    with store.reading() as session:
        assert "event recorded" in [
            row.action for row in audit.history(session, "event", episodes.events(session, [first.id])[0].public_id)
        ]


def test_the_relief_of_the_first_is_judged_anew(store, again, now):
    first, _second = again()
    with store.writing() as session:
        assert told(session, first, [(14, 2), (30, 2)], now)[50] == "competing_repeat"


@pytest.mark.parametrize(
    "changes",
    [{"side": "right"}, {"target": "hip"}, {"procedure": "epidural_steroid", "target": "lumbar"}],
    ids=["other side", "other target", "other procedure"],
)
def test_another_place_is_no_repeat(store, again, changes):
    assert repeats(store, *again(**changes)) == []


def test_without_a_target_nobody_can_tell(store, site, now):
    with store.writing() as session:
        first = people.asha(session, site, now, target="", side="", procedure_at=now - timedelta(days=90), done=True)
        second = people.asha(session, site, now, target="", side="", procedure_at=now - timedelta(days=9), done=True)
    assert repeats(store, first, second) == []


def test_a_planned_one_is_a_repeat_once_it_is_done(store, again, now):
    later = now + timedelta(days=10)
    first, second = again(procedure_at=later, done=False)
    assert repeats(store, first, second) == []
    with store.writing() as session:
        row = episodes.by_ids(session, [second.id])[0]
        planning.mark_done(session, row, later, audit.COMMAND, later + timedelta(hours=1))
    assert repeats(store, first, second) == [(first.id, later.date())]


def test_an_event_recorded_before_stands(store, again, now, site):
    with store.writing() as session:
        first = people.asha(session, site, now, procedure_at=now - timedelta(days=FIRST), done=True)
        on = (now - timedelta(days=SECOND + 2)).date()
        ending.record(session, first, EventKind.SURGERY, on, audit.COMMAND, now)
        second = people.asha(session, site, now, procedure_at=now - timedelta(days=SECOND), done=True)
    assert repeats(store, first, second) == []


def test_three_in_a_row_make_two_repeats_in_whatever_order_they_come(store, site, now):
    with store.writing() as session:
        made = {
            days: people.asha(session, site, now, procedure_at=now - timedelta(days=days), done=True)
            for days in (50, 300, 150)
        }
        assert repeating.propose(session, made[150], now) == []
    assert sorted(repeats(store, *made.values())) == sorted(
        [
            (made[300].id, made[150].procedure_at.date()),
            (made[150].id, made[50].procedure_at.date()),
            (made[300].id, made[50].procedure_at.date()),
        ]
    )
