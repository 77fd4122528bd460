"""The expected course: only those who still held relief count, and predictions are checked against what happened."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.statistics import landmark

followed = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 1)), min_size=1, max_size=60)


def split(rows):
    return [list(column) for column in zip(*rows, strict=True)]


def test_those_who_lost_relief_or_left_before_the_landmark_do_not_count():
    course = landmark.expected_course([10, 30, 60, 100, 200, 200], [1, 1, 0, 1, 0, 0], landmark=30, horizon=180)
    assert (course.n, course.events, course.n_at_horizon) == (4, 1, 2)
    assert np.isclose(course.probability, 2 / 3, atol=1e-12)
    assert course.low < course.probability < course.high


@settings(deadline=None)
@given(followed)
def test_without_censoring_it_is_the_share_that_held_on(rows):
    times = [day for day, _ in rows]
    course = landmark.expected_course(times, [1] * len(times), landmark=10, horizon=20)
    held = [day for day in times if day > 10]
    assert course.n == len(held)
    if held:
        assert np.isclose(course.probability, sum(day > 20 for day in held) / len(held), atol=1e-12)


@settings(deadline=None)
@given(followed)
def test_the_probability_lies_between_its_limits(rows):
    course = landmark.expected_course(*split(rows), landmark=5, horizon=15)
    if course.probability is not None:
        assert 0 <= course.low <= course.probability <= course.high <= 1


def test_where_nobody_lost_relief_the_lower_limit_is_wilsons():
    course = landmark.expected_course([200] * 10, [0] * 10, landmark=30, horizon=180)
    assert (course.probability, course.high) == (1.0, 1.0)
    assert np.isclose(course.low, 0.7224672, atol=1e-6)


def test_a_course_that_nobody_was_followed_through_is_not_told():
    course = landmark.expected_course([50, 60], [0, 1], landmark=30, horizon=180)
    assert course.probability == 0.0
    assert landmark.expected_course([50, 60], [1, 0], landmark=30, horizon=180).probability is None
    assert landmark.expected_course([10], [1], landmark=30, horizon=180).probability is None


def test_the_landmark_lies_before_the_horizon():
    with pytest.raises(ValueError, match="before the horizon"):
        landmark.expected_course([1], [1], landmark=180, horizon=180)


def cohort(n=600):
    random = np.random.default_rng(11)
    alike = random.integers(0, 3, n)
    return alike, np.ceil(random.exponential(np.array([600.0, 250.0, 100.0])[alike])), np.ones(n, dtype=int)


def test_nobody_is_predicted_from_their_own_course():
    alike, time, event = np.zeros(10, dtype=int), np.arange(31.0, 41.0), np.ones(10, dtype=int)
    plain = landmark.held_out_predictions(alike, time, event, 30, 35)
    time[0] = 99.0
    assert landmark.held_out_predictions(alike, time, event, 30, 35)[0] == plain[0]


def test_held_out_predictions_match_what_happened():
    alike, time, event = cohort()
    predicted = landmark.held_out_predictions(alike, time, event, landmark=30, horizon=180)
    assert np.isnan(predicted[time <= 30]).all()
    rows = landmark.calibration(predicted, time, event, horizon=180)
    assert len(rows) == 3
    assert sum(row.n for row in rows) == (time > 30).sum()
    assert [row.predicted for row in rows] == sorted(row.predicted for row in rows)
    assert all(abs(row.predicted - row.observed) < 0.1 for row in rows)


def test_equal_predictions_are_not_torn_apart():
    rows = landmark.calibration([0.5] * 9, range(100, 109), [1] * 9, horizon=104)
    assert [row.n for row in rows] == [9]
    assert np.isclose(rows[0].observed, 4 / 9)


def test_different_predictions_make_thirds():
    rows = landmark.calibration(np.arange(9) / 9, range(100, 109), [1] * 9, horizon=104)
    assert [row.n for row in rows] == [3, 3, 3]


def test_without_predictions_the_table_is_empty():
    assert landmark.calibration([np.nan], [5], [1], horizon=4) == ()
    assert landmark.calibration([], [], [], horizon=4) == ()
