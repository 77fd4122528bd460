"""A clinic's closed days move people's work to the next open day, and never a question to a patient."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from prom.services import attending, closing_days, reminding
from prom.storage import audit, closing, plans, tasks
from prom.storage.models import Audit, Message, Prompt, PromptState, Site, Task, TaskKind
from tests import outbox, people

KOLKATA = ZoneInfo("Asia/Kolkata")
MONDAY = date(2026, 3, 2)
SATURDAY, SUNDAY = date(2026, 3, 7), date(2026, 3, 8)
DAY = timedelta(days=1)


def close(store, site, weekdays="", *days):
    with store.writing() as session:
        session.get_one(Site, site.id).closed_weekdays = weekdays
        for day in days:
            closing.add(session, site.id, day, "Holi")


def open_day(store, site, day):
    with store.reading() as session:
        return closing_days.open_day(session, site.id, day)


def test_an_open_day_is_its_own(store, site):
    assert open_day(store, site, SUNDAY) == SUNDAY


def test_weekends_and_holidays_are_passed_over_together(store, site):
    close(store, site, "5 6", SUNDAY + DAY, SUNDAY + 2 * DAY)
    assert open_day(store, site, SATURDAY) == SUNDAY + 3 * DAY
    assert open_day(store, site, SATURDAY - DAY) == SATURDAY - DAY


def test_another_sites_holiday_is_not_ours(store, site):
    with store.writing() as session:
        far = Site(name="far", label="Far", time_zone="Asia/Kolkata", key_sealed=store.vault.new_data_key())
        session.add(far)
    close(store, far, "0", MONDAY + DAY)
    assert open_day(store, site, MONDAY) == MONDAY
    assert open_day(store, far, MONDAY) == MONDAY + 2 * DAY


def test_a_clinic_that_is_never_open_keeps_the_day(store, site):
    close(store, site, "0 1 2 3 4 5 6")
    assert open_day(store, site, MONDAY) == MONDAY


def test_what_is_no_weekday_is_left_out(store, site):
    close(store, site, "7 x -1 6")
    assert open_day(store, site, SUNDAY) == SUNDAY + DAY
    assert open_day(store, site, MONDAY) == MONDAY


@given(st.sets(st.integers(0, 6)))
def test_weekdays_come_back_as_they_were_kept(days):
    assert closing.weekdays(closing.as_text(days)) == days


def test_the_day_is_the_clinics_own_day(store, site):
    close(store, site, "6")
    with store.reading() as session:
        # Saturday 20:00 UTC is Sunday 01:30 in Kolkata.
        moved = closing_days.open_at(session, site.id, datetime(2026, 3, 7, 20, tzinfo=UTC))
    assert moved.astimezone(KOLKATA) == datetime(2026, 3, 9, 9, 0, tzinfo=KOLKATA)


@pytest.fixture
def unanswered(store, site, now):
    """Return a prompt that was asked on Monday 11:30 and is open for six days."""
    with store.writing() as session:
        row = outbox.waiting(session, site, now, closes_at=now + 6 * DAY)
        session.get(Message, row.message.id).state = "delivered"
        prompt = session.get(Prompt, row.prompt.id)
        prompt.state, prompt.asked_at = PromptState.ASKED, now
    return row


def call(store):
    with store.reading() as session:
        return session.exec(select(Task).where(Task.kind == TaskKind.CHASE)).one()


def test_a_call_that_falls_on_a_closed_day_waits_for_the_next_open_morning(store, site, unanswered, now):
    close(store, site, "4", SATURDAY, SUNDAY)
    with store.writing() as session:
        reminding.queue(session, now + 4 * DAY)
    assert call(store).not_before.astimezone(KOLKATA) == datetime(2026, 3, 9, 9, 0, tzinfo=KOLKATA)
    with store.reading() as session:
        assert tasks.open_tasks(session, [site.id], now=now + 5 * DAY) == []
        assert len(tasks.open_tasks(session, [site.id], now=now + 7 * DAY)) == 1


def test_a_call_on_an_open_day_is_to_be_made_at_once(store, site, unanswered, now):
    close(store, site, "5 6")
    with store.writing() as session:
        reminding.queue(session, now + 4 * DAY)
    assert call(store).not_before is None


def test_a_task_put_off_until_tomorrow_skips_a_closed_day_but_an_urgent_one_does_not(store, site, mina, now):
    close(store, site, "1")
    evening = now + timedelta(hours=8)
    with store.writing() as session:
        rows = [
            tasks.open_task(
                session,
                site_id=site.id,
                kind=TaskKind.CALL,
                reason="call_me",
                dedupe_key=str(urgent),
                urgent=urgent,
                now=now,
            )
            for urgent in (False, True)
        ]
        actor = people.actor(mina)
        later = [attending.put_off(session, row, None, "no_answer", actor, evening) for row in rows]
    assert later[0].astimezone(KOLKATA).date() == MONDAY + 2 * DAY
    assert later[1] == evening + attending.CALL_AGAIN_URGENT


def test_questions_keep_their_days_on_closed_days(store, site, now):
    with store.writing() as session:
        before = [row.due_at for row in plans.prompts(session, people.asha(session, site, now).id)]
    close(store, site, "0 1 2 3 4 5 6")
    with store.writing() as session:
        after = [row.due_at for row in plans.prompts(session, people.bikash(session, site, now).id)]
    assert [at.date() for at in before] == [at.date() for at in after]


def test_holidays_are_added_and_taken_away_with_an_audit_row_each(store, site, mina, now):
    with store.writing() as session:
        closing_days.add_day(session, site, SATURDAY, " Holi ", people.actor(mina), now)
        with pytest.raises(closing_days.ClosingError, match="already"):
            closing_days.add_day(session, site, SATURDAY, "", people.actor(mina), now)
        with pytest.raises(closing_days.ClosingError, match="today on"):
            closing_days.add_day(session, site, MONDAY - DAY, "", people.actor(mina), now)
        assert [row.name for row in closing_days.coming(session, site, now)] == ["Holi"]
        assert closing_days.remove_day(session, site, SATURDAY, people.actor(mina), now)
        assert not closing_days.remove_day(session, site, SATURDAY, people.actor(mina), now)
        rows = session.exec(select(Audit).where(Audit.field == "closed_day").order_by(Audit.id)).all()
        assert [row.action for row in rows] == ["holiday added", "holiday removed"]
        assert audit.value(session, None, rows[0], rows[0].new_sealed) == "2026-03-07 Holi"
