"""When prompts fall due, across changes of clocks; quiet hours, reminders, confirmations, moved dates."""

# Wall-clock times have no zone on purpose: turning them into instants is what is tested.
# ruff: noqa: DTZ001

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.domain import procedures, timetable
from prom.domain.timetable import AskAgain, DropReason, NewDate, Planned, ServedByPlan, TextKind

ZONES = [
    "Asia/Kolkata", "America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Beirut",
    "Pacific/Apia", "America/Havana", "UTC",
]  # fmt: skip
RFA = procedures.default_plan("genicular_rfa")
BLOCK = procedures.default_plan("diagnostic_block")


def at(zone, *wall):
    return datetime(*wall, tzinfo=ZoneInfo(zone)).astimezone(UTC)


zones = st.sampled_from(ZONES)
instants = st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@settings(max_examples=200, deadline=None)
@given(instants, zones, st.text(max_size=12), st.sampled_from(RFA.time_points))
def test_a_day_prompt_is_due_between_nine_and_eleven_on_its_own_day(procedure_at, zone, key, point):
    due = timetable.due_at(procedure_at, point, zone, key)
    wall = timetable.local(due, zone)
    day = timetable.local(procedure_at, zone).date() + timedelta(days=point.offset)
    if (zone, day) != ("Pacific/Apia", date(2011, 12, 30)):
        assert wall.date() == day
        assert 9 <= wall.hour < 11
        opens, closes = timetable.window(procedure_at, point, zone)
        assert opens <= due < closes or point.offset < 0
    assert due == timetable.due_at(procedure_at, point, zone, key)


@settings(max_examples=200, deadline=None)
@given(instants, zones, st.sampled_from(RFA.time_points))
def test_a_window_is_whole_calendar_days(procedure_at, zone, point):
    opens, closes = timetable.window(procedure_at, point, zone)
    first, last = point.window
    assert timetable.relief_day(procedure_at, opens, zone) >= first
    assert timetable.relief_day(procedure_at, opens - timedelta(seconds=1), zone) < first
    assert timetable.relief_day(procedure_at, closes - timedelta(seconds=1), zone) <= last
    if point.offset > 0:
        assert timetable.relief_day(procedure_at, closes, zone) > last
    else:
        assert closes <= procedure_at


@settings(max_examples=200, deadline=None)
@given(st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1)), zones)
def test_a_wall_time_that_exists_is_kept_and_one_that_is_skipped_moves_forward(wall, zone):
    instant = timetable.instant_of(wall, zone)
    shown = timetable.local(instant, zone)
    assert shown.replace(tzinfo=None) >= wall
    if shown.replace(tzinfo=None) == wall:
        assert shown.fold == 0
    else:
        before = timetable.local(instant - timedelta(seconds=1), zone)
        assert before.replace(tzinfo=None) < wall


def test_nine_o_clock_stays_nine_o_clock_across_the_change_of_clocks():
    procedure_at = at("America/New_York", 2025, 3, 2, 13, 0)
    before, after = (
        timetable.due_at(procedure_at, RFA.time_point(key), "America/New_York", "asha") for key in ("d3", "d14")
    )
    assert timetable.local(before, "America/New_York").time() == timetable.local(after, "America/New_York").time()
    assert (after - before) == timedelta(days=11, hours=-1)


def test_a_time_in_the_gap_moves_to_the_first_valid_minute():
    assert timetable.instant_of(datetime(2025, 3, 9, 2, 30), "America/New_York") == at(
        "America/New_York", 2025, 3, 9, 3, 0
    )
    assert timetable.instant_of(datetime(2025, 10, 5, 2, 15), "Australia/Lord_Howe") == datetime(
        2025, 10, 4, 15, 30, tzinfo=UTC
    )


def test_a_time_that_happens_twice_is_taken_once_the_first_time():
    assert timetable.instant_of(datetime(2025, 11, 2, 1, 30), "America/New_York") == datetime(
        2025, 11, 2, 5, 30, tzinfo=UTC
    )


def test_a_day_that_a_zone_skipped_is_asked_at_the_next_valid_minute():
    assert timetable.instant_of(datetime(2011, 12, 30, 9), "Pacific/Apia") == at("Pacific/Apia", 2011, 12, 31, 0, 0)


def test_a_day_without_midnight_starts_at_its_first_minute():
    procedure_at = at("Asia/Beirut", 2025, 3, 20, 12)
    opens, _ = timetable.window(
        procedure_at, procedures.plan_from("own", "1", {"pain_days": [11]}).time_point("d11"), "Asia/Beirut"
    )
    assert opens == at("Asia/Beirut", 2025, 3, 28, 0)
    _, closes = timetable.window(
        procedure_at, procedures.plan_from("own", "1", {"pain_days": [6, 9]}).time_point("d6"), "Asia/Beirut"
    )
    assert timetable.instant_of(datetime(2025, 3, 30), "Asia/Beirut") == at("Asia/Beirut", 2025, 3, 30, 1)
    assert closes == at("Asia/Beirut", 2025, 3, 28, 0)


def test_prompts_are_spread_evenly_over_two_hours():
    seconds = [timetable.spread_seconds(f"patient {number}") for number in range(4000)]
    quarters = [sum(1 for second in seconds if second // 1800 == quarter) for quarter in range(4)]
    assert sum(quarters) == 4000
    assert min(quarters) > 900


def test_hour_prompts_count_hours_not_wall_time():
    procedure_at = at("America/New_York", 2025, 11, 2, 0, 30)
    assert timetable.due_at(procedure_at, BLOCK.time_point("h3"), "America/New_York", "x") == procedure_at + timedelta(
        hours=3
    )
    opens, closes = timetable.window(procedure_at, BLOCK.time_point("h24"), "America/New_York")
    assert (opens, closes) == (procedure_at + timedelta(hours=20), procedure_at + timedelta(hours=28))


def test_the_last_baseline_prompt_takes_answers_until_the_procedure_starts():
    procedure_at = at("Asia/Kolkata", 2025, 5, 10, 13, 30)
    opens, closes = timetable.window(procedure_at, RFA.time_point("d-1"), "Asia/Kolkata")
    assert (opens, closes) == (at("Asia/Kolkata", 2025, 5, 8), procedure_at)


def test_the_relief_day_is_a_calendar_difference_in_the_patients_zone():
    procedure_at = at("Asia/Kolkata", 2025, 5, 10, 23, 30)
    assert timetable.relief_day(procedure_at, procedure_at + timedelta(hours=1), "Asia/Kolkata") == 1
    assert timetable.relief_day(procedure_at, procedure_at + timedelta(hours=1), "Europe/London") == 0
    assert timetable.relief_day(procedure_at, procedure_at - timedelta(hours=24), "Asia/Kolkata") == -1


def test_the_baseline_is_fourteen_calendar_days_up_to_the_start():
    zone, procedure_at = "Europe/London", at("Europe/London", 2025, 5, 20, 14)
    assert timetable.in_baseline(procedure_at, at(zone, 2025, 5, 6, 0, 1), zone)
    assert not timetable.in_baseline(procedure_at, at(zone, 2025, 5, 5, 23, 59), zone)
    assert timetable.in_baseline(procedure_at, at(zone, 2025, 5, 20, 9), zone)
    assert not timetable.in_baseline(procedure_at, at(zone, 2025, 5, 20, 14, 1), zone)


@pytest.mark.parametrize("kind", [TextKind.PROMPT, TextKind.REMINDER, TextKind.CONFIRMATION, "prompt"])
def test_texts_we_start_leave_between_eight_and_nine_in_the_evening(kind):
    zone = "Asia/Kolkata"
    for wall, is_quiet in [((7, 59), True), ((8, 0), False), ((20, 59), False), ((21, 0), True), ((0, 0), True)]:
        assert timetable.quiet(at(zone, 2025, 5, 10, *wall), zone, kind) is is_quiet
    assert timetable.next_opening(at(zone, 2025, 5, 10, 21), zone, kind) == at(zone, 2025, 5, 11, 8)
    assert timetable.next_opening(at(zone, 2025, 5, 10, 3), zone, kind) == at(zone, 2025, 5, 10, 8)
    assert timetable.next_opening(at(zone, 2025, 5, 10, 12), zone, kind) == at(zone, 2025, 5, 10, 12)


def test_the_diary_has_longer_hours_and_answers_have_all():
    zone = "Asia/Kolkata"
    late = at(zone, 2025, 5, 10, 22, 29)
    assert not timetable.quiet(late, zone, TextKind.DIARY)
    assert timetable.quiet(late + timedelta(minutes=1), zone, TextKind.DIARY)
    assert not timetable.quiet(at(zone, 2025, 5, 10, 7), zone, TextKind.DIARY)
    assert not timetable.quiet(at(zone, 2025, 5, 10, 3), zone, TextKind.REPLY)
    assert not timetable.quiet(at(zone, 2025, 5, 10, 3), zone, TextKind.EMERGENCY)
    with pytest.raises(ValueError):
        timetable.quiet(late, zone, "newsletter")


@settings(max_examples=200, deadline=None)
@given(instants, zones, st.sampled_from(TextKind))
def test_the_next_opening_is_open_and_nothing_before_it_was(now, zone, kind):
    opening = timetable.next_opening(now, zone, kind)
    assert opening >= now
    assert not timetable.quiet(opening, zone, kind)
    if opening > now:
        assert timetable.quiet(opening - timedelta(seconds=1), zone, kind)
        assert opening - now < timedelta(hours=36)


def window_of(key, procedure_at, zone):
    return timetable.window(procedure_at, RFA.time_point(key), zone)


def test_reminders_come_while_enough_of_the_window_remains():
    zone, procedure_at = "UTC", datetime(2025, 5, 1, 12, tzinfo=UTC)
    asked = datetime(2025, 5, 8, 10, tzinfo=UTC)
    week = timetable.reminders(asked, *window_of("d7", procedure_at, zone), zone)
    assert (week.first_at, week.second_at) == (asked + timedelta(hours=24), None)
    assert week.call_at == asked + timedelta(hours=48)
    asked = datetime(2025, 5, 31, 10, tzinfo=UTC)
    month = timetable.reminders(asked, *window_of("d30", procedure_at, zone), zone)
    assert (month.first_at, month.second_at) == (asked + timedelta(hours=24), asked + timedelta(hours=72))
    assert month.call_at == asked + timedelta(hours=96)


def test_the_limits_of_reminders_are_exact():
    asked = datetime(2025, 5, 8, 10, tzinfo=UTC)
    for hours, first, second in [(35.99, False, False), (36, True, False), (95.99, True, False), (96, True, True)]:
        found = timetable.reminders(asked, asked, asked + timedelta(hours=hours), "UTC")
        assert (found.first_at is not None, found.second_at is not None) == (first, second)
        assert (found.call_at is not None) == (hours >= 48)


def test_two_calendar_days_get_a_call_item_even_when_the_clocks_change():
    zone = "Europe/London"
    opens, closes = at(zone, 2025, 3, 30), at(zone, 2025, 4, 1)
    assert closes - opens == timedelta(hours=47)
    found = timetable.reminders(at(zone, 2025, 3, 31, 10), opens, closes, zone)
    assert (found.first_at, found.call_at) == (None, at(zone, 2025, 4, 1, 10))


def test_an_hourly_prompt_gets_neither_reminder_nor_call():
    procedure_at = datetime(2025, 5, 1, 12, tzinfo=UTC)
    opens, closes = timetable.window(procedure_at, BLOCK.time_point("h24"), "UTC")
    assert timetable.reminders(opens, opens, closes, "UTC") == timetable.Reminders(None, None, None)


def test_a_planned_prompt_soon_after_a_bad_score_serves_as_its_confirmation():
    assert timetable.confirmation(60, [90, 67]) == ServedByPlan(67)
    assert isinstance(timetable.confirmation(60, [68, 61, 30]), AskAgain)


def test_else_a_bad_score_is_asked_again_after_three_and_seven_days():
    added = timetable.confirmation(60, [90])
    assert (added.first.offset, added.second.offset) == (63, 67)
    assert added.first.window[1] < added.second.window[0]
    assert added.first.questions == ("nrs",)


def test_an_answer_is_assigned_to_its_time_point():
    zone, procedure_at = "UTC", datetime(2025, 5, 1, 12, tzinfo=UTC)
    day = timetable.assigned(RFA, "average_24h", procedure_at, procedure_at + timedelta(days=8), zone)
    assert day.key == "d7"
    assert timetable.assigned(RFA, "average_24h", procedure_at, procedure_at + timedelta(days=40), zone) is None
    assert timetable.assigned(RFA, "average_24h", procedure_at, procedure_at - timedelta(hours=2), zone).key == "d-1"
    assert timetable.assigned(RFA, "average_24h", procedure_at, procedure_at + timedelta(hours=2), zone) is None
    assert timetable.assigned(BLOCK, "current", procedure_at, procedure_at + timedelta(hours=3.2), zone).key == "h3"
    assert timetable.assigned(BLOCK, "current", procedure_at, procedure_at - timedelta(hours=1), zone).key == "before"


def test_the_validity_period_ends_with_the_window():
    now = datetime(2025, 5, 1, 12, tzinfo=UTC)
    assert timetable.validity_period(now, now + timedelta(days=3)) == 36000
    assert timetable.validity_period(now, now + timedelta(seconds=90.9)) == 90
    assert timetable.validity_period(now, now - timedelta(seconds=1)) == 0


ZONE = "Asia/Kolkata"


def rows_of(procedure_at, sent=()):
    return [
        Planned(point.key, timetable.due_at(procedure_at, point, ZONE, "asha"), point.key in sent)
        for point in RFA.time_points
    ]


def test_the_same_date_keeps_every_row():
    procedure_at, now = at(ZONE, 2025, 5, 10, 13), at(ZONE, 2025, 5, 1, 13)
    preview = timetable.replan(rows_of(procedure_at), NewDate(RFA, procedure_at, ZONE, "asha", now))
    assert [placed.key for placed in preview.kept] == [point.key for point in RFA.time_points]
    assert (preview.moved, preview.dropped, preview.added, preview.asked_again) == ((), (), (), ())


def test_a_later_date_moves_what_was_not_sent_and_asks_the_baseline_again():
    old, new, now = at(ZONE, 2025, 5, 10, 13), at(ZONE, 2025, 6, 10, 13), at(ZONE, 2025, 5, 9, 13)
    rows = rows_of(old, sent=("d-7", "d-1"))
    preview = timetable.replan(rows, NewDate(RFA, new, ZONE, "asha", now), [at(ZONE, 2025, 5, 3, 10)])
    assert [row.key for row in preview.already_sent] == ["d-7", "d-1"]
    assert [placed.key for placed in preview.moved] == [point.key for point in RFA.time_points[2:]]
    assert [placed.key for placed in preview.asked_again] == ["d-7", "d-1"]
    assert preview.baseline_lost
    assert preview.kept == ()


def test_a_small_move_keeps_the_baseline():
    old, new, now = at(ZONE, 2025, 5, 10, 13), at(ZONE, 2025, 5, 12, 13), at(ZONE, 2025, 5, 9, 13)
    preview = timetable.replan(
        rows_of(old, sent=("d-7",)), NewDate(RFA, new, ZONE, "asha", now), [at(ZONE, 2025, 5, 3, 10)]
    )
    assert not preview.baseline_lost
    assert preview.asked_again == ()


def test_an_earlier_date_drops_prompts_whose_window_is_over():
    old, new, now = at(ZONE, 2025, 5, 20, 13), at(ZONE, 2025, 5, 11, 13), at(ZONE, 2025, 5, 10, 13)
    preview = timetable.replan(rows_of(old), NewDate(RFA, new, ZONE, "asha", now))
    assert [(dropped.key, dropped.reason) for dropped in preview.dropped] == [("d-7", DropReason.WINDOW_OVER)]
    assert "d-1" in {placed.key for placed in preview.moved}


def test_a_new_plan_adds_and_drops_time_points():
    procedure_at, now = at(ZONE, 2025, 5, 10, 13), at(ZONE, 2025, 5, 1, 13)
    plan = procedures.plan_from("genicular_rfa", "2", {"pain_days": [7, 10]})
    preview = timetable.replan(rows_of(procedure_at), NewDate(plan, procedure_at, ZONE, "asha", now))
    assert [placed.key for placed in preview.added] == ["d10"]
    assert {dropped.reason for dropped in preview.dropped} == {DropReason.NOT_IN_PLAN}
    assert [placed.key for placed in preview.kept] == ["d-7", "d-1", "d7"]


def test_a_new_zone_moves_the_prompts_to_its_morning():
    procedure_at, now = at(ZONE, 2025, 5, 10, 13), at(ZONE, 2025, 5, 1, 13)
    preview = timetable.replan(rows_of(procedure_at), NewDate(RFA, procedure_at, "Europe/London", "asha", now))
    assert {timetable.local(placed.due_at, "Europe/London").hour for placed in preview.moved} <= {9, 10}
    assert preview.kept == ()


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc", "America", None, 5])
def test_an_unknown_zone_is_refused(zone):
    with pytest.raises(ValueError, match="no time zone"):
        timetable.local(datetime(2025, 5, 1, tzinfo=UTC), zone)


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="has no time zone"):
        timetable.relief_day(datetime(2025, 5, 1), datetime(2025, 5, 2), "UTC")
