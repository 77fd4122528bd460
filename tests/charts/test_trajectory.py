"""The rules of the trajectory chart, one sentence each."""

import dataclasses
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from prom.charts import course, relief, sensitization, theme, timeline, trajectory
from tests.charts import synthetic


def traces(figure, **wanted):
    return [trace for trace in figure["data"] if all(trace.get(key) == value for key, value in wanted.items())]


def rings(figure):
    return [t for t in figure["data"] if t.get("marker", {}).get("color") == theme.ALERT and t.get("mode") == "markers"]


def test_up_is_worse_and_the_page_says_so():
    chart = trajectory.chart(synthetic.bikash())
    low, high = chart.figure["layout"]["yaxis"]["range"]
    assert low < 0
    assert high > 10
    assert chart.direction == "Lower is better."


def test_relief_in_percent_is_a_chart_of_its_own():
    assert relief.chart(synthetic.bikash()).direction == "Higher is better."


def test_a_ring_marks_exactly_the_bad_answers():
    (ring,) = rings(trajectory.figure(synthetic.bikash()))
    assert ring["x"] == [56, 59, 92, 118]
    assert not rings(trajectory.figure(synthetic.asha()))


def test_the_line_is_dashed_across_a_missed_question_and_solid_elsewhere():
    figure = trajectory.figure(synthetic.bikash())
    (dashed,) = [t for t in figure["data"] if t.get("line", {}).get("dash") == "4px,4px"]
    assert dashed["x"] == [-1, 7, None]


def test_a_question_we_failed_to_send_is_not_shown_as_the_patients_silence():
    figure = trajectory.figure(synthetic.asha())
    (ours,) = [t for t in figure["data"] if t.get("marker", {}).get("symbol") == "square-open"]
    assert ours["text"] == ["Day 90: not sent by us"]


def test_similar_patients_are_shown_only_from_twelve_answers_a_time_point():
    figure = trajectory.figure(synthetic.bikash())
    (median,) = [t for t in figure["data"] if t.get("line", {}).get("dash") == "dot"]
    assert max(median["x"]) == 120


def test_a_thin_time_point_breaks_the_band_of_similar_patients():
    points = [
        course.SimilarPoint(day, n, 1, 2, 3, 4, 5) for day, n in ((7, 20), (14, 20), (30, 11), (60, 12), (90, 12))
    ]
    runs = course.Similar("", tuple(points)).shown()
    assert [[point.day for point in run] for run in runs] == [[7, 14], [60, 90]]


def test_there_are_no_relief_lines_without_a_baseline():
    with_lines = trajectory.figure(synthetic.bikash())["layout"]["shapes"]
    without = trajectory.figure(dataclasses.replace(synthetic.bikash(), baseline=None))["layout"]["shapes"]
    assert len(with_lines) - len(without) == 3


def test_the_thirty_and_fifty_percent_lines_stand_at_seven_and_five_tenths_of_the_baseline():
    levels = [s["y0"] for s in trajectory.figure(synthetic.bikash())["layout"]["shapes"] if s.get("yref") == "y"]
    assert levels == [7.0, 4.9, 3.5]


def test_close_event_numbers_do_not_cover_one_another():
    close = dataclasses.replace(synthetic.bikash(), events=(course.Event(60, "a"), course.Event(61, "b")))
    heights = [a["yshift"] for a in trajectory.figure(close)["layout"]["annotations"] if a.get("bgcolor") == theme.INK]
    assert heights[0] != heights[1]


def test_overlapping_treatments_get_a_row_each_and_later_ones_reuse_it():
    letters = [a for a in trajectory.figure(synthetic.bikash())["layout"]["annotations"] if a.get("yref") == "y2"]
    rows = {a["text"]: a["y"] for a in letters}
    assert rows["A"] != rows["B"] == rows["C"]


def test_the_sentence_names_lowest_latest_and_replies():
    assert trajectory.summary(synthetic.bikash()) == (
        "Pain was 7 before the procedure, lowest 3 at day 14 (57\xa0% relief), latest 6 at day 118 (14\xa0% relief), "
        "below the limit on days 56, 59, 92 and 118, 6 of 7 questions answered."
    )


def test_a_patient_without_answers_still_has_a_chart():
    silent = course.Trajectory((), None, 10)
    chart = trajectory.chart(silent)
    assert chart.summary == "No pain answer yet."
    assert chart.figure["layout"]["shapes"]


def test_the_numbers_hold_every_answer_and_every_missed_question():
    rows = trajectory.table(synthetic.bikash()).rows
    assert ("day 3", "", "", "no reply") in rows
    assert ("day 0", "4", "", "answered, not counted") in rows
    assert ("day 56", "6", "14\xa0%", "answered, below the limit") in rows


def test_hours_are_told_in_hours():
    assert timeline.when(1 / 24) == "1 h after"
    assert timeline.when(-0.5 / 24) == "30 min before"
    assert timeline.when(1.0) == "day 1"


@given(st.floats(-30, 1000), st.floats(-30, 1000))
@settings(max_examples=100)
def test_the_stretched_axis_keeps_the_order_of_days(one, other):
    assert (one < other) == (timeline.stretched(one) < timeline.stretched(other)) or abs(one - other) < 1e-9


@given(st.lists(st.floats(0, 10), max_size=6), st.floats(0.1, 2))
@settings(max_examples=100)
def test_labels_that_touch_are_moved_apart(places, gap):
    moved = sorted(theme.apart(places, gap))
    assert all(after - before >= gap - 1e-9 for before, after in pairwise(moved))


def test_an_incomplete_csi_is_a_bar_between_its_bounds_and_no_change_is_claimed():
    scores = (sensitization.CsiScore(0, 44, 52), sensitization.CsiScore(90, 40, 40))
    course_ = sensitization.CsiCourse(scores, 100)
    assert sensitization.figure(course_)["data"][0]["error_y"]["array"] == [4.0, 0.0]
    assert sensitization.summary(course_).endswith("no change that can be called real.")


def test_a_csi_change_is_called_real_from_ten_points_between_the_bounds():
    scores = (sensitization.CsiScore(0, 50, 54), sensitization.CsiScore(90, 40, 40))
    assert "a fall of 10 or more" in sensitization.summary(sensitization.CsiCourse(scores, 100))
