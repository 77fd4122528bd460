"""Cox regression: R's numbers on the leukaemia trial, statsmodels on random data, and what has no estimate."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.hazard_regression import PHReg

from prom.statistics import cox
from tests.statistics import shared


def cohort(seed, n, log_ratios, tied=True):
    """Return days, events and covariates of patients whose hazards differ by these log ratios."""
    random = np.random.default_rng(seed)
    covariates = random.normal(size=(n, len(log_ratios)))
    days = random.exponential(100, n) * np.exp(-covariates @ np.array(log_ratios))
    followed = random.uniform(20, 365, n)
    time = np.minimum(days, followed)
    return np.ceil(time / 7) if tied else time, (days <= followed).astype(int), covariates, random.integers(0, 3, n)


def test_the_leukaemia_trial_gives_rs_efron_estimate():
    fit = cox.fit(shared.TIME, shared.EVENT, shared.GROUP, ["placebo"])
    (placebo,) = fit.coefficients
    assert math.isclose(placebo.coef, 1.572125149, rel_tol=1e-9)
    assert math.isclose(placebo.se, 0.4123967177, rel_tol=1e-9)
    assert math.isclose(placebo.hr, 4.816873898, rel_tol=1e-9)
    assert math.isclose(placebo.low, 2.146508213, rel_tol=1e-9)
    assert math.isclose(placebo.high, 10.80931068, rel_tol=1e-9)
    assert math.isclose(fit.loglik_null, -93.18427, rel_tol=1e-8)
    assert math.isclose(fit.loglik, -85.00842458, rel_tol=1e-9)


def test_the_leukaemia_trial_passes_rs_check_of_proportional_hazards():
    fit = cox.fit(shared.TIME, shared.EVENT, shared.GROUP, ["placebo"])
    assert math.isclose(fit.check_of_all.chi2, 0.0228634, rel_tol=1e-5)
    assert math.isclose(fit.checks[0].p, 0.87981, rel_tol=1e-5)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("tied", [True, False])
def test_statsmodels_agrees_on_several_covariates_and_strata(seed, tied):
    time, event, covariates, strata = cohort(seed, 200, [0.5, -0.3, 0.0], tied)
    ours = cox.fit(time, event, covariates, ["a", "b", "c"], strata)
    theirs = PHReg(time, covariates, status=event, ties="efron", strata=strata).fit()
    assert np.allclose([one.coef for one in ours.coefficients], theirs.params, atol=1e-7)
    assert np.allclose([one.se for one in ours.coefficients], theirs.bse, atol=1e-7)
    assert np.allclose([one.p for one in ours.coefficients], theirs.pvalues, atol=1e-7)
    assert math.isclose(ours.loglik, theirs.llf, rel_tol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_hazard_ratio_is_found_again(seed):
    time, event, covariates, _ = cohort(100 + seed, 1500, [math.log(1.4), 0.0])
    csi, other = cox.fit(time, event, covariates, ["CSI per 10", "age"]).coefficients
    assert csi.low < 1.4 < csi.high
    assert csi.p < 1e-6
    assert abs(other.coef) < 4 * other.se


def test_a_hazard_ratio_that_turns_with_time_is_noticed():
    random = np.random.default_rng(7)
    high = random.integers(0, 2, 2000)
    time = np.where(high == 1, 100 * random.weibull(3, 2000), 100 * random.weibull(0.7, 2000))
    assert cox.fit(time, np.ones(2000), high, ["high"]).check_of_all.p < 1e-10


@pytest.mark.parametrize("seed", range(4))
def test_a_constant_hazard_ratio_passes_the_check(seed):
    time, event, covariates, strata = cohort(200 + seed, 800, [0.6, -0.2])
    assert cox.fit(time, event, covariates, ["a", "b"], strata).check_of_all.p > 0.01


def test_the_unit_of_a_covariate_only_rescales_its_coefficient():
    time, event, covariates, _ = cohort(9, 200, [0.5, -0.3])
    plain = cox.fit(time, event, covariates, ["a", "b"])
    moved = cox.fit(time, event, covariates * [1e6, 1e-6] + [1e7, 5], ["a", "b"])
    assert math.isclose(plain.coefficients[0].coef, moved.coefficients[0].coef * 1e6, rel_tol=1e-6)
    assert math.isclose(plain.coefficients[1].z, moved.coefficients[1].z, rel_tol=1e-6)
    assert math.isclose(plain.check_of_all.chi2, moved.check_of_all.chi2, rel_tol=1e-5)


def test_a_covariate_that_separates_the_events_is_named_and_the_rest_is_estimated():
    early = [1, 1, 1, 1, 0, 0, 0, 0]
    fit = cox.fit(range(1, 9), early, np.column_stack((early, [0, 1, 0, 0, 1, 0, 1, 0])), ["opioids", "age"])
    assert fit.coefficients[0].hr is None
    assert fit.warnings == ("opioids separates the events: its hazard ratio has no finite estimate",)
    assert math.isclose(fit.coefficients[1].coef, 0.8958797, abs_tol=1e-6)
    assert fit.p < 0.05


def test_a_covariate_that_says_nothing_new_is_named():
    time, event, covariates, _ = cohort(3, 100, [0.4])
    fit = cox.fit(time, event, np.column_stack((covariates, 2 * covariates + 1, np.ones(100))), ["csi", "twice", "one"])
    assert fit.coefficients[0].hr is not None
    assert [one.covariate for one in fit.coefficients if one.problem] == ["twice", "one"]
    assert fit.df == 1
    assert len(fit.warnings) == 2


def test_a_covariate_constant_within_strata_says_nothing():
    time, event, _, strata = cohort(3, 100, [0.4])
    assert cox.fit(time, event, strata, ["procedure"], strata).coefficients[0].hr is None


@pytest.mark.parametrize(("time", "event"), [([1, 2, 3], [0, 0, 0]), ([], [])], ids=["no events", "nobody"])
def test_without_information_there_is_no_estimate_and_no_crash(time, event):
    fit = cox.fit(time, event, [float(day) for day in range(len(time))], ["csi"])
    assert fit.coefficients[0].hr is None
    assert fit.p is None
    assert fit.warnings == ("csi cannot be estimated: no event happened while patients differed",)


def test_when_everyone_has_the_event_at_one_time_nobody_is_at_more_risk():
    (csi,) = cox.fit([4, 4, 4], [1, 1, 1], [30, 40, 60], ["csi"]).coefficients
    assert math.isclose(csi.hr, 1.0)
    assert math.isclose(csi.p, 1.0)


def test_patients_who_left_before_the_first_event_say_nothing():
    time, event, covariates, _ = cohort(5, 60, [0.5])
    plain = cox.fit(time + 1, event, covariates, ["csi"])
    more = cox.fit(
        np.append(time + 1, [0, 0]), np.append(event, [0, 0]), np.append(covariates, [[1e12], [-1e9]], axis=0), ["csi"]
    )
    assert math.isclose(plain.coefficients[0].coef, more.coefficients[0].coef, rel_tol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 1), st.integers(0, 3), st.integers(0, 1)), max_size=14))
def test_no_small_table_makes_it_fail(rows):
    matrix = np.array([[one[2], one[3]] for one in rows], dtype=float).reshape(len(rows), 2)
    fit = cox.fit([one[0] for one in rows], [one[1] for one in rows], matrix, ["a", "b"])
    assert fit.loglik >= fit.loglik_null - 1e-9
    for one in fit.coefficients:
        assert (one.problem is None) == (one.hr is not None)
        assert one.hr is None or one.low <= one.hr <= one.high


def test_a_model_without_covariates_is_the_null_model():
    fit = cox.fit([1, 2], [1, 1], np.zeros((2, 0)), [])
    assert fit.loglik == fit.loglik_null
    assert fit.p is None


@pytest.mark.parametrize(
    ("covariates", "names", "what"),
    [([[1.0], [math.nan]], ["a"], "finite"), ([[1.0], [2.0]], ["a", "b"], "name"), ([[1.0]], ["a"], "length")],
)
def test_impossible_covariates_are_refused(covariates, names, what):
    with pytest.raises(ValueError, match=what):
        cox.fit([1, 2], [1, 1], covariates, names)
