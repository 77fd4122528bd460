"""Kaplan-Meier and log-rank: textbook numbers, statsmodels as a second opinion, and the edges."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from prom.statistics import survival
from tests.statistics import shared

followed = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 1)), min_size=1, max_size=60)
grouped = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 1), st.integers(0, 2)), min_size=8, max_size=60)


def split(rows):
    return [list(column) for column in zip(*rows, strict=True)]


def test_the_leukaemia_trial_gives_the_textbook_curve():
    curve = survival.kaplan_meier(*split(shared.TREATED))
    assert curve.time.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.n_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert np.allclose(
        curve.surv, [0.857142857, 0.806722689, 0.752941176, 0.690196078, 0.62745098, 0.537815126, 0.448179272]
    )
    assert (curve.median, curve.median_low, curve.median_high) == (23.0, 13.0, None)


def test_the_leukaemia_trial_gives_the_textbook_log_rank():
    test = survival.logrank(shared.TIME, shared.EVENT, shared.GROUP)
    assert math.isclose(test.chi2, 16.79294099, rel_tol=1e-9)
    assert math.isclose(test.p, 4.168809e-05, rel_tol=1e-6)
    assert test.df == 1


@settings(max_examples=60, deadline=None)
@given(followed)
def test_curve_and_greenwood_agree_with_statsmodels(rows):
    time, event = split(rows)
    ours = survival.kaplan_meier(time, event)
    if not ours.events:
        return
    theirs = SurvfuncRight(np.array(time), np.array(event))
    at = np.isin(theirs.surv_times, ours.time)
    assert np.allclose(theirs.surv_prob[at], ours.surv, atol=1e-12)
    alive = ours.surv > 0
    assert np.allclose(theirs.surv_prob_se[at][alive], ours.se[alive], atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(grouped)
def test_log_rank_agrees_with_statsmodels(rows):
    time, event, group = split(rows)
    ours = survival.logrank(time, event, group)
    if ours.chi2 is None or len(set(group)) != ours.df + 1:
        return
    chi2, p = survdiff(np.array(time), np.array(event), np.array(group))
    assert math.isclose(ours.chi2, chi2, rel_tol=1e-6, abs_tol=1e-9)
    assert math.isclose(ours.p, p, rel_tol=1e-6, abs_tol=1e-9)


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_without_censoring_the_curve_is_the_share_still_above(times):
    curve = survival.kaplan_meier(times, [1] * len(times))
    shares = [sum(time > day for time in times) / len(times) for day in range(32)]
    assert np.allclose(survival.survival_at(curve, range(32)), shares, atol=1e-12)


@settings(deadline=None)
@given(followed)
def test_the_curve_falls_between_its_limits(rows):
    curve = survival.kaplan_meier(*split(rows))
    known = np.isfinite(curve.low)
    assert (np.diff(np.append(1.0, curve.surv)) < 0).all()
    assert ((curve.low <= curve.surv) & (curve.surv <= curve.high))[known].all()
    assert (curve.surv[~known] == 0).all()


@settings(deadline=None)
@given(followed)
def test_nobody_is_at_risk_twice_or_forgotten(rows):
    time, event = split(rows)
    curve = survival.kaplan_meier(time, event)
    days = np.arange(32)
    assert survival.at_risk(curve, days).tolist() == [sum(one >= day for one in time) for day in days]
    assert curve.n == curve.events + curve.censor_count.sum()


@settings(deadline=None)
@given(grouped)
def test_the_order_of_patients_and_of_groups_does_not_matter(rows):
    time, event, group = split(rows)
    first = survival.logrank(time, event, group)
    second = survival.logrank(time[::-1], event[::-1], [2 - one for one in group[::-1]])
    assert (first.chi2 is None) == (second.chi2 is None)
    assert first.chi2 is None or math.isclose(first.chi2, second.chi2, rel_tol=1e-7, abs_tol=1e-9)


@settings(deadline=None)
@given(followed)
def test_days_and_fractions_of_days_are_counted_alike(rows):
    time, event = split(rows)
    whole, halves = survival.kaplan_meier(time, event), survival.kaplan_meier([one + 0.5 for one in time], event)
    assert np.array_equal(whole.surv, halves.surv)
    assert np.array_equal(whole.time + 0.5, halves.time)


def test_times_far_apart_are_counted_like_any_others():
    curve = survival.kaplan_meier([3, 10_000_000, 20_000_000], [1, 1, 0])
    assert curve.time.tolist() == [3.0, 10_000_000.0]
    assert np.allclose(curve.surv, [2 / 3, 1 / 3])


def test_a_curve_without_events_stays_at_one_and_has_no_median():
    curve = survival.kaplan_meier([5, 9], [0, 0])
    assert survival.survival_at(curve, [0, 9, 99]).tolist() == [1.0, 1.0, 1.0]
    assert (curve.median, curve.followed_to) == (None, 9.0)
    assert survival.limits_at(curve, 9) == (1.0, 1.0, 1.0)


def test_nobody_at_all_is_no_error():
    curve = survival.kaplan_meier([], [])
    assert (curve.n, curve.events, curve.median) == (0, 0, None)


def test_at_a_survival_of_zero_there_is_no_standard_error():
    curve = survival.kaplan_meier([4, 4], [1, 1])
    assert curve.surv.tolist() == [0.0]
    assert np.isnan(curve.se).all()
    assert survival.steps(curve) == [[0.0, 1.0, 1.0, 1.0, 2.0], [4.0, 0.0, None, None, 2.0]]


def test_a_step_exactly_on_one_half_puts_the_median_in_the_middle():
    assert survival.kaplan_meier([2, 4, 6, 8], [1, 1, 1, 1]).median == 5.0
    assert survival.kaplan_meier([2, 4, 6, 8], [1, 1, 0, 0]).median == 4.0


def test_an_event_comes_before_a_departure_on_its_day():
    assert survival.kaplan_meier([5, 5], [1, 0]).n_risk.tolist() == [2.0]


@pytest.mark.parametrize(
    ("time", "event"),
    [([3, 5, 8], [0, 0, 0]), ([4, 4, 4], [1, 1, 1])],
    ids=["no events", "everyone at one time"],
)
def test_where_nothing_can_be_compared_there_is_no_p_value(time, event):
    test = survival.logrank(time, event, [0, 1, 1])
    assert (test.chi2, test.p) == (None, None)
    assert survival.trend(test).p is None


def test_one_group_is_compared_with_nothing():
    test = survival.logrank([1, 2], [1, 1], [0, 0])
    assert (test.df, test.p) == (0, None)


def test_a_group_without_patients_does_not_count():
    with_gap = survival.logrank(shared.TIME, shared.EVENT, [2 * one for one in shared.GROUP])
    assert math.isclose(with_gap.chi2, 16.79294099, rel_tol=1e-9)
    assert with_gap.df == 1


def test_the_trend_over_two_groups_is_the_log_rank_test():
    test = survival.logrank(shared.TIME, shared.EVENT, shared.GROUP)
    assert math.isclose(survival.trend(test).chi2, test.chi2, rel_tol=1e-12)
    assert math.isclose(survival.trend(test, [10, 40]).chi2, test.chi2, rel_tol=1e-12)


def test_the_trend_takes_the_scores_it_is_given():
    random = np.random.default_rng(40)
    group = random.integers(0, 3, 300)
    time = np.ceil(random.exponential(60 / (1 + group), 300))
    test = survival.logrank(time, np.ones(300), group)
    assert survival.trend(test).chi2 > 30
    assert survival.trend(test).chi2 < test.chi2 + 1e-9
    assert survival.trend(test, [0, 1, 0]).chi2 < 10


@pytest.mark.parametrize(
    ("time", "event", "group", "what"),
    [
        ([-1], [1], [0], "negative"),
        ([math.nan], [1], [0], "finite"),
        ([math.inf], [1], [0], "finite"),
        ([1], [2], [0], "0 or 1"),
        ([1], [1], [-1], "whole numbers"),
        ([1], [1], [0.5], "whole numbers"),
        ([1, 2], [1], [0, 0], "length"),
        ([1, 2], [1, 0], [0], "length"),
        ([[1, 2]], [1], [0], "flat"),
    ],
)
def test_impossible_values_are_refused(time, event, group, what):
    with pytest.raises(ValueError, match=what):
        survival.compare(time, event, group)


@pytest.mark.parametrize("kind", [np.int64, np.float64])
@pytest.mark.parametrize("truth", [np.int64, np.bool_, np.float64])
def test_however_the_numbers_are_kept_the_answer_is_one_and_they_stay_as_they_were(kind, truth):
    time, event, group = np.array(shared.TIME, kind), np.array(shared.EVENT, truth), np.array(shared.GROUP)
    found = survival.compare(time, event, group)
    assert math.isclose(found.logrank.chi2, 16.79294099, rel_tol=1e-9)
    assert (time.tolist(), event.tolist(), group.tolist()) == (shared.TIME, shared.EVENT, shared.GROUP)
    assert np.array_equal(
        survival.kaplan_meier(time, event).surv, survival.kaplan_meier(shared.TIME, shared.EVENT).surv
    )
    assert time.tolist() == shared.TIME


@pytest.mark.parametrize("event", [[0.5], [math.nan], [-1], [2]])
def test_an_event_happened_or_did_not(event):
    with pytest.raises(ValueError, match="0 or 1"):
        survival.kaplan_meier([1], event)
