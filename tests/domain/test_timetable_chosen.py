"""A time of day that the patient chose: prompts follow it, never out of their window or behind the procedure."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.domain import procedures, timetable

ZONE = "Asia/Kolkata"
AT = datetime(2026, 3, 12, 2, 30, tzinfo=UTC)  # 08:00 in Kolkata
PLAN = procedures.default_plan("genicular_rfa")


def point(key):
    return PLAN.time_point(key)


def test_prompts_are_due_at_the_chosen_minute_of_their_day():
    due = timetable.due_at(AT, point("d14"), ZONE, "key", 18 * 60 + 30)
    assert timetable.local(due, ZONE).isoformat() == "2026-03-26T18:30:00+05:30"


def test_without_a_choice_the_spread_of_the_morning_stands():
    assert timetable.due_at(AT, point("d14"), ZONE, "key") == timetable.due_at(AT, point("d14"), ZONE, "key", None)


def test_hours_after_a_procedure_do_not_follow_a_time_of_day():
    hour = procedures.default_plan("diagnostic_block").time_point("h1")
    assert timetable.due_at(AT, hour, ZONE, "key", 18 * 60) == AT + timedelta(hours=1)


@pytest.mark.parametrize(("minute", "offered"), [(479, False), (480, True), (1200, True), (1201, False), (-1, False)])
def test_the_hours_on_offer_lie_between_eight_and_eight(minute, offered):
    assert timetable.may_ask_at(minute) is offered


def test_a_chosen_time_that_the_clocks_skip_moves_to_the_first_valid_minute():
    at = datetime(2026, 9, 3, 12, 0, tzinfo=UTC)
    due = timetable.due_at(at, point("d3"), "America/Santiago", "key", 0)
    assert timetable.local(due, "America/Santiago").isoformat() == "2026-09-06T01:00:00-03:00"


@given(
    st.integers(480, 1200),
    st.sampled_from([one.key for one in PLAN.time_points]),
    st.sampled_from(["Asia/Kolkata", "America/New_York", "Pacific/Auckland", "Europe/London"]),
    st.integers(0, 730 * 24 * 60),
)
@settings(max_examples=200)
def test_a_chosen_time_stays_in_its_window_and_out_of_quiet_hours(minute, key, zone, after):
    at = AT + timedelta(minutes=after)
    due = timetable.due_at(at, point(key), zone, "key", minute)
    opens, closes = timetable.window(at, point(key), zone)
    usual = timetable.due_at(at, point(key), zone, "key")
    assert opens <= due < closes or due == usual
    assert not timetable.quiet(due, zone, "prompt")
