"""Curves, tests and models beside statsmodels, and competing risks beside the definition, on many random data sets."""

import numpy as np
import pytest
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from prom.statistics import competing, cox, landmark, survival

NEAR = 1e-6


def drawn(seed, most=250):
    """Return times, events and groups; every other data set has many ties."""
    chance = np.random.default_rng(seed)
    n = int(chance.integers(40, most))
    time = chance.integers(1, 30, n).astype(float) if seed % 2 else chance.exponential(50, n)
    return chance, time, (chance.random(n) < chance.uniform(0.3, 1)).astype(int), chance.integers(0, 3, n)


@pytest.mark.parametrize("seed", range(12))
def test_curves_and_the_log_rank_test_are_statsmodels(seed):
    _, time, event, group = drawn(seed)
    ours, theirs = survival.kaplan_meier(time, event), SurvfuncRight(time, event)
    known = ours.surv > 0
    assert ours.surv == pytest.approx(theirs.surv_prob, abs=NEAR)
    assert ours.se[known] == pytest.approx(np.asarray(theirs.surv_prob_se)[known], abs=NEAR)
    test = survival.logrank(time, event, group)
    assert (test.chi2, test.p) == pytest.approx(survdiff(time, event, group), rel=NEAR)


@pytest.mark.parametrize("seed", range(12))
def test_cox_models_with_ties_and_strata_are_statsmodels(seed):
    chance, time, event, group = drawn(seed)
    covariates = chance.normal(size=(time.size, 1 + seed % 4))
    strata = group if seed % 3 == 0 else None
    ours = cox.fit(time, event, covariates, [f"x{place}" for place in range(covariates.shape[1])], strata)
    theirs = PHReg(time, covariates, status=event, ties="efron", strata=strata).fit(disp=0)
    assert [one.coef for one in ours.coefficients] == pytest.approx(theirs.params, abs=1e-5)
    assert [one.se for one in ours.coefficients] == pytest.approx(theirs.bse, abs=1e-5)
    assert ours.loglik == pytest.approx(theirs.llf, rel=NEAR)


@pytest.mark.parametrize("seed", range(8))
def test_competing_risks_are_their_definition(seed):
    chance = np.random.default_rng(seed)
    n = int(chance.integers(1, 60))
    time, cause = chance.integers(1, 20, n), chance.integers(0, 4, n)
    free, struck, wanted = 1.0, np.zeros(3), {}
    for day in np.unique(time):
        risk = (time >= day).sum()
        hit = np.array([((time == day) & (cause == kind)).sum() for kind in (1, 2, 3)])
        struck = struck + free * hit / risk
        free *= 1 - hit.sum() / risk
        wanted[day] = struck
    for place, curve in enumerate(competing.cumulative_incidence(time, cause, 3)):
        assert curve.n == n
        assert curve.incidence == pytest.approx([wanted[day][place] for day in curve.time], abs=1e-12)


def test_a_held_out_expectation_may_rest_on_a_wider_group_and_never_on_the_patient():
    time = np.array([200.0] * 15 + [80.0] * 10)
    lost = (time < 100).astype(int)
    few, everyone = np.arange(25) < 5, np.ones(25, dtype=bool)
    found = landmark.held_out([(few, everyone)], time, lost, 50, 180)
    assert np.isfinite(found).sum() == 5
    own = np.arange(25) % 5 == 0
    assert found[0] == pytest.approx(landmark.expected_course(time[~own], lost[~own], 50, 180).probability)


def test_calibration_by_fifths_counts_every_patient_once():
    chance = np.random.default_rng(3)
    predicted = chance.random(500)
    time = np.where(chance.random(500) < predicted, 200.0, chance.integers(60, 180, 500))
    rows = landmark.calibration(predicted, time, time < 200, 180, parts=5)
    assert [row.n for row in rows] == [100] * 5
    assert all(row.low <= row.observed <= row.high for row in rows)
    assert all(abs(row.observed - row.predicted) < 0.15 for row in rows)
