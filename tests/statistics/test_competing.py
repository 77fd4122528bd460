"""Cumulative incidence: it adds up with Kaplan-Meier, and statsmodels agrees."""

import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import CumIncidenceRight

from prom.statistics import competing, survival

rows = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 2)), min_size=1, max_size=60)


@settings(deadline=None)
@given(rows)
def test_all_causes_and_survival_add_up_to_one(given_rows):
    time, cause = (list(column) for column in zip(*given_rows, strict=True))
    curves = competing.cumulative_incidence(time, cause, causes=2)
    free = survival.kaplan_meier(time, [one > 0 for one in cause])
    days = np.arange(32)
    total = sum(competing.incidence_at(curve, days) for curve in curves) + survival.survival_at(free, days)
    assert np.allclose(total, 1.0, atol=1e-12)


@settings(deadline=None)
@given(rows)
def test_with_one_cause_it_is_one_minus_kaplan_meier_with_greenwood(given_rows):
    time, cause = (list(column) for column in zip(*given_rows, strict=True))
    event = [int(one > 0) for one in cause]
    (curve,) = competing.cumulative_incidence(time, event)
    free = survival.kaplan_meier(time, event)
    assert np.allclose(curve.incidence, 1.0 - free.surv, atol=1e-12)
    alive = free.surv > 0
    assert np.allclose(curve.se[alive], free.se[alive], atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_statsmodels_agrees(given_rows):
    time, cause = (np.array(column) for column in zip(*given_rows, strict=True))
    if set(cause.tolist()) < {1, 2}:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = CumIncidenceRight(time, cause)
    for curve in competing.cumulative_incidence(time, cause)[: len(theirs.cinc)]:
        at = np.isin(theirs.times, curve.time)
        assert np.allclose(theirs.cinc[curve.cause - 1][at], curve.incidence, atol=1e-12)
        known = np.isfinite(theirs.cinc_se[curve.cause - 1][at])
        assert np.allclose(theirs.cinc_se[curve.cause - 1][at][known], curve.se[known], atol=1e-7)


@settings(deadline=None)
@given(rows)
def test_the_limits_hold_the_incidence_between_them(given_rows):
    time, cause = (list(column) for column in zip(*given_rows, strict=True))
    for curve in competing.cumulative_incidence(time, cause):
        known = np.isfinite(curve.low)
        assert ((curve.low >= 0) & (curve.low <= curve.incidence) & (curve.incidence <= curve.high))[known].all()
        assert (curve.high[known] <= 1).all()


def test_a_repeat_before_the_loss_lowers_the_risk_that_censoring_would_give():
    time, cause = [10, 20, 30, 40], [2, 1, 2, 1]
    lost, repeated = competing.cumulative_incidence(time, cause)
    assert np.allclose(lost.incidence, [0, 0.25, 0.25, 0.5])
    assert np.allclose(repeated.incidence, [0.25, 0.25, 0.5, 0.5])
    assert survival.kaplan_meier(time, [one == 1 for one in cause]).surv[-1] == 0.0


def test_a_cause_that_never_struck_has_a_flat_curve_without_limits():
    never = competing.cumulative_incidence([5, 6], [1, 0], causes=3)[2]
    assert never.events == 0
    assert never.incidence.tolist() == [0.0]
    assert np.isnan(never.low).all()


def test_nobody_at_all_is_no_error():
    (curve,) = competing.cumulative_incidence([], [])
    assert (curve.n, curve.events) == (0, 0)
