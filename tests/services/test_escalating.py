"""Urgent tasks that nobody took reach a clinician, in open hours, without a word about the patient."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import select

from jobs import escalate
from prom.services import absences, attending, escalating
from prom.storage import audit, closing, on_call, tasks
from prom.storage.models import Message, MessageKind, TaskKind
from tests import people

NOON = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)  # 12:00 in Kolkata
NIGHT = datetime(2026, 3, 2, 20, 30, tzinfo=UTC)  # 02:00 in Kolkata on the 3rd
QUARTER = timedelta(minutes=15)


@pytest.fixture
def rao(store, site, dr_rao, now):
    """Return Dr Rao with a number."""
    with store.writing() as session:
        row = on_call.by_id(session, dr_rao.id)
        absences.save(session, row, absences.Given("+919830012345"), people.actor(row), now)
    return row


@pytest.fixture
def flag(store, site, asha):
    """Return a maker of red flags of Asha, opened at an instant."""

    def opened(at=NOON, **changes):
        values = {"kind": TaskKind.CALL, "urgent": True, "patient_id": asha.patient_id} | changes
        with store.writing() as session:
            return tasks.open_task(
                session, site_id=site.id, reason="red_flag_legs", dedupe_key=f"f|{at.isoformat()}", now=at, **values
            )

    return opened


def queue(store, at):
    with store.writing() as session:
        return escalating.queue(session, at)


def told(store):
    with store.reading() as session:
        return [
            (row.text_key, row.staff_id, row.patient_id)
            for row in session.exec(select(Message).where(Message.kind == MessageKind.STAFF))
        ]


def fresh(store, task):
    with store.reading() as session:
        return tasks.by_public_id(session, task.public_id, [task.site_id])


def test_after_a_quarter_of_an_hour_a_clinician_is_told_once(store, rao, flag):
    task = flag()
    assert queue(store, NOON + QUARTER - timedelta(seconds=1)) == 0
    assert queue(store, NOON + QUARTER) == 1
    assert queue(store, NOON + 2 * QUARTER) == 0
    assert told(store) == [("staff_urgent", rao.id, None)]
    assert fresh(store, task).escalated_at == NOON + QUARTER
    with store.reading() as session:
        rows = audit.history(session, "task", task.public_id)
    assert [(row.actor, row.action) for row in rows] == [("clock", "clinicians told"), ("clock", "task escalated")]


def test_a_task_that_somebody_took_is_not_passed_on(store, rao, mina, flag):
    task = flag()
    with store.writing() as session:
        row = tasks.by_public_id(session, task.public_id, [task.site_id])
        attending.claim(session, row, people.actor(mina), NOON + timedelta(minutes=5))
    assert queue(store, NOON + QUARTER) == 0


def test_a_task_put_off_after_trying_is_passed_on_when_it_waits_again(store, rao, mina, flag):
    task = flag()
    with store.writing() as session:
        row = tasks.by_public_id(session, task.public_id, [task.site_id])
        back = attending.put_off(session, row, None, "no_reply", people.actor(mina), NOON + timedelta(minutes=5))
    assert queue(store, back) == 0
    assert queue(store, back + QUARTER) == 1


def test_a_closed_task_is_over(store, rao, mina, flag):
    task = flag()
    with store.writing() as session:
        row = tasks.by_public_id(session, task.public_id, [task.site_id])
        attending.close(session, row, "reached", people.actor(mina), NOON)
    assert queue(store, NOON + QUARTER) == 0


def test_at_night_it_waits_for_the_morning_and_a_quarter_of_an_hour(store, rao, flag):
    flag(NIGHT)
    eight = datetime(2026, 3, 3, 2, 30, tzinfo=UTC)  # 08:00 in Kolkata
    assert queue(store, NIGHT + QUARTER) == 0
    assert queue(store, eight) == 0
    assert queue(store, eight + QUARTER) == 1


def test_on_a_closed_day_it_waits(store, site, rao, flag):
    flag()
    with store.writing() as session:
        closing.add(session, site.id, date(2026, 3, 2), "Holi")
    assert queue(store, NOON + QUARTER) == 0
    assert queue(store, NOON + timedelta(days=1)) == 1


@pytest.mark.parametrize("changes", [{"urgent": False}, {"patient_id": None}], ids=["not urgent", "about nobody"])
def test_other_tasks_are_not_passed_on(store, rao, flag, changes):
    flag(**changes)
    assert queue(store, NOON + QUARTER) == 0


def test_the_deputy_is_told_while_the_clinician_is_away(store, site, rao, flag, now):
    with store.writing() as session:
        sen = people.staff(session, "sen@clinic.example", "Dr Sen", "clinician", site.id, now)
        absences.save(session, sen, absences.Given("+919830012346"), people.actor(sen), now)
        row = on_call.by_id(session, rao.id)
        row.away_from_on, row.away_to_on, row.deputy_id = date(2026, 3, 1), date(2026, 3, 9), sen.id
        session.add(row)
    flag()
    queue(store, NOON + QUARTER)
    assert told(store) == [("staff_urgent", sen.id, None)]


def test_without_a_number_the_task_is_still_marked(store, dr_rao, flag):
    task = flag()
    assert queue(store, NOON + QUARTER) == 1
    assert told(store) == []
    assert fresh(store, task).escalated_at is not None


def test_the_job_says_how_many(rao, flag, wired_clock):
    flag()
    assert escalate.run(wired_clock(NOON + QUARTER), None) == "passed on 1"
