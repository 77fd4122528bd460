"""Procedures and plans: the table of the clinical rules, answer windows, and what a clinic may not enter."""

import pytest

from prom.domain import procedures
from prom.domain.procedures import TimePoint, Unit

RFA = [3, 7, 14, 30, 60, 90, 120, 150, 180, 270, 365]
PAIN_DAYS = {
    "diagnostic_block": [],
    "genicular_rfa": RFA,
    "medial_branch_rfa": RFA,
    "epidural_steroid": [3, 7, 14, 28, 42, 60, 90, 120, 180],
    "sympathetic_block": [1, 3, 7, 14, 21, 30, 60, 90],
    "neuromodulation_trial": [1, 2, 3, 4, 5, 6, 7],
    "neuromodulation": [7, 14, 30, 60, 90, 120, 150, 180, 270, 365, 455, 545, 635, 725],
}
PGIC_DAYS = {
    "diagnostic_block": [],
    "genicular_rfa": [30, 90, 180, 365],
    "medial_branch_rfa": [30, 90, 180, 365],
    "epidural_steroid": [28, 90, 180],
    "sympathetic_block": [14, 30, 90],
    "neuromodulation_trial": [7],
    "neuromodulation": [30, 90, 180, 365],
}
CSI_DAYS = {
    "diagnostic_block": [],
    "genicular_rfa": [90, 180],
    "medial_branch_rfa": [90, 180],
    "epidural_steroid": [90],
    "sympathetic_block": [90],
    "neuromodulation_trial": [],
    "neuromodulation": [180, 365],
}


@pytest.mark.parametrize("key", PAIN_DAYS)
def test_the_default_plans_are_the_table(key):
    plan = procedures.default_plan(key)
    assert list(plan.days_asking("average_24h")) == PAIN_DAYS[key]
    assert list(plan.days_asking("pgic")) == PGIC_DAYS[key]
    assert list(plan.days_asking("relief_percent")) == PGIC_DAYS[key]
    assert list(plan.days_asking("csi")) == CSI_DAYS[key]


@pytest.mark.parametrize("key", PAIN_DAYS)
def test_every_plan_asks_pain_a_week_and_a_day_before(key):
    plan = procedures.default_plan(key)
    before = [point.offset for point in plan.time_points if point.unit is Unit.DAYS and point.offset < 0]
    assert before == [-7, -1]
    assert all(plan.time_point(f"d{day}").questions == ("nrs",) for day in before)


def test_only_five_procedures_are_classified():
    charted = [key for key, procedure in procedures.PROCEDURES.items() if procedure.relief is None]
    assert charted == ["diagnostic_block", "neuromodulation_trial"]
    assert set(procedures.PROCEDURES) == set(PAIN_DAYS)


def test_hour_prompts_ask_current_pain():
    block = procedures.default_plan("diagnostic_block")
    hours = {point.key: point for point in block.time_points if point.unit is Unit.HOURS}
    assert list(hours) == ["before", "h1", "h3", "h6", "h24"]
    assert all(point.questions[0] == "nrs_current" for point in hours.values())
    assert hours["h24"].questions[1:] == ("pgic", "relief_percent")
    assert hours["before"].window == (-1.5, 0.0)
    assert hours["h3"].window == (2.5, 4.0)
    assert hours["h24"].window == (20.0, 28.0)


def test_day_three_after_ablation_watches_for_soreness_only():
    plan = procedures.default_plan("genicular_rfa")
    assert [point.key for point in plan.time_points if point.safety] == ["d3"]


@pytest.mark.parametrize(
    ("day", "window"),
    [(1, (1, 2)), (2, (1, 3)), (7, (6, 8)), (8, (5, 11)), (14, (11, 17)), (20, (17, 23)), (21, (16, 26)),
     (28, (23, 33)), (30, (23, 37)), (41, (34, 48)), (42, (32, 52)), (89, (79, 99)), (90, (76, 104)),
     (179, (165, 193)), (180, (159, 201)), (269, (248, 290)), (270, (242, 298)), (364, (336, 392)),
     (365, (335, 395)), (725, (695, 755)), (-7, (-8, -6)), (-1, (-2, 0))],
)  # fmt: skip
def test_answer_windows_widen_with_time_and_never_open_before_day_one(day, window):
    assert procedures.day_window(day) == window


@pytest.mark.parametrize(
    ("day", "key"),
    [
        (5, None),
        (6, "d7"),
        (32, "d28"),
        (33, "d28"),
        (34, "d42"),
        (35, "d42"),
        (50, "d42"),
        (51, "d42"),
        (52, "d60"),
        (500, None),
    ],
)
def test_a_day_inside_two_windows_belongs_to_the_nearer_prompt(day, key):
    found = procedures.assign_day(procedures.default_plan("epidural_steroid"), "average_24h", day)
    assert (found and found.key) == key


def test_a_tie_goes_to_the_earlier_prompt():
    plan = procedures.plan_from("own", "1", {"pain_days": [12, 16]})
    assert procedures.assign_day(plan, "average_24h", 14).key == "d12"


def test_a_series_is_only_assigned_to_prompts_that_ask_it():
    plan = procedures.default_plan("genicular_rfa")
    assert procedures.assign_day(plan, "csi", 62) is None
    assert procedures.assign_day(plan, "csi", 92).key == "d90"
    assert procedures.assign_hour(procedures.default_plan("diagnostic_block"), "current", 3.9).key == "h3"
    assert procedures.assign_hour(procedures.default_plan("diagnostic_block"), "current", 4.5) is None


def test_a_day_belongs_to_one_prompt_of_the_daily_trial():
    plan = procedures.default_plan("neuromodulation_trial")
    assert [procedures.assign_day(plan, "average_24h", day).offset for day in range(1, 9)] == [1, 2, 3, 4, 5, 6, 7, 7]


def test_a_shipped_plan_survives_editing_as_data():
    for key in procedures.PROCEDURES:
        data = procedures.default_plan_data(key)
        assert procedures.plan_from(key, data.pop("version"), data) == procedures.default_plan(key)


def test_a_clinic_may_set_a_window_of_its_own():
    plan = procedures.plan_from("own", "2", {"pain_days": [90], "windows": {"d90": [80, 100]}})
    assert plan.time_point("d90").window == (80, 100)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"pain_days": [7, 7]}, "share a key"),
        ({"pain_days": [0]}, "day or hour 0"),
        ({"pain_days": [7.5]}, "whole numbers"),
        ({"pain_days": [True]}, "whole numbers"),
        ({"pain_days": 7}, "whole numbers"),
        ({"pain_days": [7], "csi_days": [14]}, "csi_days"),
        ({"pain_days": [7], "impression_days": [14]}, "impression_days"),
        ({"pain_hours": [3], "impression_hours": [6]}, "impression_hours"),
        ({"pain_day": [7]}, "unknown field"),
        ({"pain_days": [7], "windows": {"d8": [1, 9]}}, "d8"),
        ({"pain_days": [7], "windows": {"d7": [8, 9]}}, "outside its own"),
        ({"pain_days": [7], "windows": {"d7": [0, 9]}}, "before day 1"),
        ({"pain_days": [7], "windows": {"d7": 9}}, "first and its last"),
        ({"pain_days": [7], "windows": {"d-1": [-2, 3]}}, "past the procedure"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused_in_plain_words(data, says):
    with pytest.raises(ValueError, match=says):
        procedures.plan_from("own", "1", data)


def test_two_prompts_of_one_series_on_one_day_are_refused():
    one = TimePoint("a", Unit.DAYS, 7, ("nrs",), (6, 8))
    other = TimePoint("b", Unit.DAYS, 7, ("nrs", "pgic"), (6, 8))
    with pytest.raises(ValueError, match="average_24h"):
        procedures.Plan("own", "1", (one, other))
    procedures.Plan("own", "1", (one, TimePoint("b", Unit.DAYS, 7, ("pgic",), (6, 8))))


@pytest.mark.parametrize(
    ("unit", "questions", "says"),
    [(Unit.HOURS, ("nrs",), "cannot ask"), (Unit.DAYS, ("nrs_current",), "cannot ask"), (Unit.DAYS, (), "asks nothing"),
     (Unit.DAYS, ("csi_item_24",), "never asked by text")],
)  # fmt: skip
def test_a_time_point_asks_what_its_unit_allows(unit, questions, says):
    with pytest.raises(ValueError, match=says):
        TimePoint("x", unit, 7, questions, (6, 8))


def test_an_unknown_procedure_or_time_point_is_refused():
    with pytest.raises(ValueError, match="no procedure"):
        procedures.procedure("leeches")
    with pytest.raises(ValueError, match="no time point"):
        procedures.default_plan("genicular_rfa").time_point("d8")
    with pytest.raises(ValueError, match="relief windows"):
        procedures.relief_windows_from({"response": [1, 2]})


def test_time_points_are_ordered_by_when_they_are_asked_and_confirmations_come_last():
    keys = ["c+3", "d14", "baseline", "h6", "d-7", "d3", "h24", "d-1"]
    assert sorted(keys, key=procedures.hours_after) == ["d-7", "d-1", "h6", "h24", "d3", "d14", "baseline", "c+3"]
