"""Interval-censored loss: the estimate is the proven maximum, and the tests give the published numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.statistics import intervals, survival

ends = st.tuples(st.integers(0, 12), st.integers(0, 8) | st.none()).map(
    lambda pair: (float(pair[0]), math.inf if pair[1] is None else float(pair[0] + pair[1]))
)
observed = st.lists(ends, min_size=1, max_size=40)


def split(rows):
    return [list(column) for column in zip(*rows, strict=True)]


def visits(seed, n, ratio=1.0):
    """Return the last held and first lost of monthly visits, in two groups whose hazards differ by this ratio."""
    random = np.random.default_rng(seed)
    group = random.integers(0, 2, n)
    days = random.exponential(150, n) / np.where(group == 1, ratio, 1.0)
    left = np.minimum(days // 30, 12) * 30
    return left, np.where(left == 360, np.inf, left + 30), group


@settings(deadline=None)
@given(observed)
def test_the_mass_adds_up_to_one_and_the_maximum_is_proven(rows):
    found = intervals.estimate(*split(rows))
    assert math.isclose(sum(box.mass for box in found.boxes), 1.0, abs_tol=1e-9)
    assert all(box.left <= box.right and box.mass > 0 for box in found.boxes)
    assert found.proven


@settings(deadline=None)
@given(observed)
def test_no_small_shift_of_mass_is_more_likely(rows):
    left, right = split(rows)
    found = intervals.estimate(left, right)

    def loglik(masses):
        total = 0.0
        for start, end in rows:
            inside = [
                mass
                for box, mass in zip(found.boxes, masses, strict=True)
                if (box.right <= end and (box.left >= start if start < end else box.left == start == box.right))
                and not (box.left == box.right == start and start < end)
            ]
            total += math.log(sum(inside))
        return total

    masses = [box.mass for box in found.boxes]
    assert math.isclose(loglik(masses), found.loglik, abs_tol=1e-7)
    for place in range(len(masses) - 1):
        step = 0.01 * min(masses[place], masses[place + 1])
        moved = list(masses)
        moved[place], moved[place + 1] = moved[place] - step, moved[place + 1] + step
        assert loglik(moved) <= found.loglik + 1e-9


@settings(deadline=None)
@given(observed)
def test_neither_order_nor_repetition_changes_the_estimate(rows):
    left, right = split(rows)
    once = intervals.estimate(left, right).boxes
    again = intervals.estimate((left + left)[::-1], (right + right)[::-1]).boxes
    weighted = intervals.estimate(left, right, [3] * len(left)).boxes
    for other in (again, weighted):
        assert [(box.left, box.right) for box in other] == [(box.left, box.right) for box in once]
        assert np.allclose([box.mass for box in other], [box.mass for box in once], atol=1e-8)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 1)), min_size=1, max_size=40))
def test_exact_and_right_censored_times_give_kaplan_meier(rows):
    time, event = split(rows)
    found = intervals.estimate(time, [day if seen else math.inf for day, seen in rows])
    curve = survival.kaplan_meier(time, event)
    for day, share in zip(curve.time, curve.surv, strict=True):
        assert math.isclose(intervals.survival_at(found, day)[1], share, abs_tol=1e-8)


def test_turnbulls_doubly_censored_example():
    weights = {"exact": [12, 6, 2, 3], "not yet": [3, 2, 0, 3], "before": [2, 4, 2, 5]}
    days = [1.0, 2.0, 3.0, 4.0]
    found = intervals.estimate(
        [*days, *days, *[-math.inf] * 4], [*days, *[math.inf] * 4, *days], [n for row in weights.values() for n in row]
    )
    shares = [intervals.survival_at(found, day)[1] for day in days]
    assert np.allclose(shares, [0.53756771, 0.29459403, 0.20976022, 0.09484575], atol=1e-6)


def test_seven_patients_by_hand():
    left, right = [2, 5, 1, 1, 9, 8, 10], [3, 6, 7, 7, 12, 10, 13]
    found = intervals.estimate(left, right)
    assert [(box.left, box.right) for box in found.boxes] == [(2, 3), (5, 6), (9, 10), (10, 12)]
    assert np.allclose([box.mass for box in found.boxes], [2 / 7, 2 / 7, 3 / 14, 3 / 14], atol=1e-12)
    score = intervals.scores(left, right)
    assert np.allclose(score, [5 / 7, 11 / 35, 18 / 35, 18 / 35, -24 / 35, -13 / 70, -83 / 70], atol=1e-12)
    exact = intervals.exact_p(score, [0, 0, 1, 1, 0, 1, 0])
    assert math.isclose(exact.less, 8 / 35)
    assert exact.arrangements == 35


def test_inside_a_box_survival_is_between_two_values():
    found = intervals.estimate([0, 10], [10, math.inf])
    assert intervals.survival_at(found, 5) == (0.5, 1.0)
    assert intervals.survival_at(found, 10) == (0.5, 0.5)


def test_the_median_is_the_box_in_which_one_half_is_crossed():
    assert intervals.median(intervals.estimate([0, 10, 20], [10, 20, 30])) == (10.0, 20.0)
    assert intervals.median(intervals.estimate([0, 20, 20], [10, math.inf, math.inf])) is None


def test_of_equal_ends_the_exact_time_lies_before_the_open_stretch():
    found = intervals.estimate([5, 5, 3], [5, math.inf, 5])
    assert [(box.left, box.right) for box in found.boxes] == [(5.0, 5.0), (5.0, math.inf)]
    assert np.allclose([box.mass for box in found.boxes], [2 / 3, 1 / 3])


def test_nobody_has_no_boxes():
    assert intervals.estimate([], []).boxes == ()
    assert intervals.estimate([1], [2], [0]).boxes == ()
    assert intervals.scores([], []).size == 0


@pytest.mark.parametrize("kind", ["sun", "finkelstein"])
@settings(max_examples=60, deadline=None)
@given(rows=observed)
def test_scores_add_up_to_nothing(kind, rows):
    score = intervals.scores(*split(rows), kind)
    assert np.isfinite(score).all()
    assert abs(score.sum()) < 1e-6 * len(rows)


@pytest.mark.parametrize("kind", ["sun", "finkelstein"])
def test_a_planted_difference_is_found_and_none_is_not(kind):
    left, right, group = visits(1, 400, ratio=2.0)
    seen = intervals.permutation_test(intervals.scores(left, right, kind), group)
    assert seen.p < 1e-6
    assert seen.z < 0
    left, right, group = visits(2, 400)
    assert intervals.permutation_test(intervals.scores(left, right, kind), group).p > 0.05


def test_three_groups_share_two_degrees_of_freedom():
    left, right, _ = visits(3, 90)
    test = intervals.permutation_test(intervals.scores(left, right), np.arange(90) % 3)
    assert (test.df, test.z) == (2, None)
    assert 0 < test.p <= 1


def test_where_all_scores_are_equal_nothing_is_compared():
    test = intervals.permutation_test(intervals.scores([0, 0], [5, 5]), [0, 1])
    assert (test.chi2, test.p) == (None, None)
    assert intervals.permutation_test([1.0, -1.0], [0, 0]).p is None


def test_too_many_arrangements_are_not_tried():
    assert intervals.exact_p(np.zeros(60), np.arange(60) % 2) is None
    assert intervals.exact_p([1.0, -1.0], [0, 0]) is None


@settings(max_examples=40, deadline=None)
@given(st.lists(ends, min_size=4, max_size=9))
def test_the_two_one_sided_exact_p_values_overlap_in_the_observed_sum(rows):
    score = intervals.scores(*split(rows))
    exact = intervals.exact_p(score, [place % 2 for place in range(len(rows))])
    assert exact.less + exact.greater > 1
    assert exact.two_sided >= min(exact.less, exact.greater) - 1e-12


@pytest.mark.parametrize(("n", "spread"), [(3000, 3000.0), (2500, 60.0)])
def test_thousands_of_different_intervals_reach_the_proven_maximum(n, spread):
    random = np.random.default_rng(n)
    days, left = random.exponential(1000, n), random.uniform(0, 2000, n)
    right = left + random.uniform(1, spread, n)
    seen = np.where(days < left, 0, np.where(days < right, left, right))
    end = np.where(days < left, left, np.where(days < right, right, np.inf))
    assert intervals.estimate(seen, end).proven


@pytest.mark.parametrize(
    ("left", "right"), [([5], [4]), ([-1], [2]), ([math.nan], [2]), ([1], [math.nan]), ([math.inf], [math.inf])]
)
def test_impossible_intervals_are_refused(left, right):
    with pytest.raises(ValueError, match="interval"):
        intervals.estimate(left, right)


@pytest.mark.parametrize(("left", "weight"), [([1, 2], None), ([1], [-1]), ([1], [1, 2])])
def test_lists_that_do_not_fit_are_refused(left, weight):
    with pytest.raises(ValueError, match=r"lists|weights"):
        intervals.estimate(left, [2], weight)
