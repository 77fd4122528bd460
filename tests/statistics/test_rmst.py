"""Restricted means: R's numbers, the plain area, and the variance other libraries get wrong."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.statistics import rmst, survival
from tests.statistics import shared

CURVES = survival.compare(shared.TIME, shared.EVENT, shared.GROUP).curves


def test_the_variance_is_the_estimators_and_not_one_patients():
    mean = rmst.restricted_mean(CURVES[0], 20)
    assert math.isclose(mean.value, 16.116526611, rel_tol=1e-9)
    assert math.isclose(mean.se, 1.251560196, rel_tol=1e-9)


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=40), st.integers(1, 45))
def test_without_censoring_it_is_the_mean_of_the_times_cut_at_tau(times, tau):
    mean = rmst.restricted_mean(survival.kaplan_meier(times, [1] * len(times)), tau)
    cut = np.minimum(times, tau)
    assert math.isclose(mean.value, cut.mean(), rel_tol=1e-12)
    assert math.isclose(mean.se, cut.std() / math.sqrt(len(times)), rel_tol=1e-9, abs_tol=1e-9)
    assert not mean.extended


def test_the_difference_adds_the_variances():
    treated, placebo = (rmst.restricted_mean(curve, 23) for curve in CURVES)
    gap = rmst.difference(placebo, treated)
    assert math.isclose(gap.value, 8.66667 - 17.90924, abs_tol=1e-5)
    assert math.isclose(gap.se, math.hypot(1.55319, 1.37739), abs_tol=1e-5)
    assert gap.low < gap.value < gap.high < 0
    assert gap.p < 1e-4


def test_the_common_follow_up_is_the_shortest_of_the_longest():
    assert rmst.common_tau(CURVES) == 23.0
    assert rmst.common_tau(()) == 0.0


def test_a_tau_beyond_the_follow_up_is_told():
    assert rmst.restricted_mean(CURVES[0], 40).extended
    assert not rmst.restricted_mean(CURVES[1], 40).extended


def test_without_events_the_whole_time_is_kept_and_nothing_varies():
    still = rmst.restricted_mean(survival.kaplan_meier([50, 60], [0, 0]), 30)
    assert (still.value, still.se) == (30.0, 0.0)
    assert rmst.difference(still, still).p is None


def test_means_to_different_ends_are_not_compared():
    with pytest.raises(ValueError, match="different tau"):
        rmst.difference(rmst.restricted_mean(CURVES[0], 20), rmst.restricted_mean(CURVES[1], 23))


@pytest.mark.parametrize("tau", [0, -1, math.inf, math.nan])
def test_tau_is_a_positive_number(tau):
    with pytest.raises(ValueError, match="positive"):
        rmst.restricted_mean(CURVES[0], tau)
