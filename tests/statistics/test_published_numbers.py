"""R's and published numbers from the shared cases, as precisely as they are printed."""

import csv
import json
import math
from fractions import Fraction

import numpy as np
import pytest

from prom.statistics import intervals, report
from tests.statistics import shared


def expected(name):
    return json.loads((shared.CASES / name).read_text(encoding="utf-8"))


def reported(name, taus=()):
    with (shared.CASES / name).open(encoding="utf-8", newline="") as lines:
        return report.survival_report_of_lines(lines, taus)


@pytest.fixture(scope="module")
def freireich():
    return expected("freireich_6mp.expected.json"), reported("freireich_6mp.csv", [20, 23])


def test_the_file_is_the_trial_used_elsewhere():
    with (shared.CASES / "freireich_6mp.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [int(row["time"]) for row in rows] == shared.TIME
    assert [int(row["event"]) for row in rows] == shared.EVENT


def test_the_curve_of_6mp(freireich):
    wanted, found = freireich[0]["km_6mp"], freireich[1]["km"]["6MP"]
    for key in ("time", "n_risk", "n_event"):
        assert found[key] == wanted[key]
    assert np.allclose(found["surv"], wanted["surv"], atol=1e-9)
    assert np.allclose(found["se"], wanted["se_greenwood"], atol=1e-7)
    limits = np.column_stack((found["ci_low"], found["ci_high"]))
    assert np.allclose(limits, wanted["ci_loglog"], atol=1e-6)


def test_the_medians(freireich):
    wanted, found = freireich
    for group in ("6MP", "placebo"):
        assert found["km"][group]["median"] == wanted["median"][group]
        assert found["km"][group]["median_ci"] == wanted["median_ci_loglog"][group]


def test_log_rank_cox_and_the_check_of_hazards(freireich):
    wanted, found = freireich
    assert math.isclose(found["logrank"]["chi2"], wanted["logrank_chi2"], rel_tol=1e-9)
    assert math.isclose(found["logrank"]["p"], wanted["logrank_p"], rel_tol=1e-6)
    efron, (row,) = wanted["cox"]["efron"], found["cox"]
    assert np.allclose([row["coef"], row["se"], row["hr"]], [efron["coef"], efron["se"], efron["hr"]], rtol=1e-9)
    assert np.allclose([row["low"], row["high"]], efron["ci"], rtol=1e-9)
    assert np.allclose(found["cox_loglik"], efron["loglik"], rtol=1e-8)
    assert math.isclose(found["zph"]["chisq"], wanted["cox_zph"]["chisq"], abs_tol=5e-8)
    assert math.isclose(found["zph"]["p"], wanted["cox_zph"]["p"], abs_tol=5e-6)


@pytest.mark.parametrize(("tau", "digits"), [(20, 1e-9), (23, 1e-5)])
def test_restricted_means(freireich, tau, digits):
    wanted, found = freireich
    for group in ("6MP", "placebo"):
        mean = found["rmst"][str(tau)]["groups"][group]
        assert np.allclose([mean["value"], mean["se"]], wanted[f"rmst_tau{tau}"][group], atol=digits)


@pytest.fixture(scope="module")
def bcos():
    return expected("bcos_interval.expected.json"), reported("bcos_interval.csv")


@pytest.mark.parametrize("group", ["Rad", "RadChem"])
def test_the_interval_estimate(bcos, group):
    wanted, found = bcos
    assert np.allclose(found["npmle"][group], wanted["npmle"][group], atol=1e-8)
    assert np.allclose([box[2] for box in found["npmle"][group]], wanted["npmle_published_4dp"][group], atol=5.1e-5)
    assert math.isclose(found["loglik"][group], wanted["npmle_loglik"][group], abs_tol=1e-7)


@pytest.mark.parametrize("kind", ["sun", "finkelstein"])
def test_the_interval_log_rank_tests(bcos, kind):
    wanted, found = bcos[0][f"logrank_{kind}_published"], bcos[1][f"logrank_{kind}"]
    assert math.isclose(found["z"], wanted["Z"], abs_tol=5e-5)
    assert math.isclose(found["p"], wanted["p"], abs_tol=5e-7)
    assert math.isclose(found["u"]["Rad"], wanted["U_rad"], abs_tol=2e-6)


def test_seven_patients_exactly():
    case = expected("npmle_exact7.json")
    boxes = intervals.estimate(case["L"], case["R"]).boxes
    for box, (left, right, mass) in zip(boxes, case["npmle"], strict=True):
        assert (box.left, box.right) == (left, right)
        assert math.isclose(box.mass, Fraction(mass), abs_tol=1e-12)
    score = intervals.scores(case["L"], case["R"])
    assert np.allclose(score, [float(Fraction(text)) for text in case["sun_scores"]], atol=1e-12)
    exact = intervals.exact_p(score, case["group"])
    assert math.isclose(exact.less, Fraction(case["exact_one_sided_p"]), abs_tol=1e-12)


def test_turnbulls_doubly_censored_example():
    wanted, found = expected("turnbull1974.expected.json"), reported("turnbull1974.csv")
    assert found["time"] == wanted["time"]
    assert np.allclose(found["surv"], wanted["surv"], atol=1e-6)
    assert np.allclose(found["surv"], wanted["surv_published"], atol=5.1e-4)
