"""Tail probabilities against scipy, far out and near the middle."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from prom.statistics import tails


@settings(deadline=None)
@given(st.floats(-37, 37))
def test_the_normal_tail_is_scipys(z):
    assert math.isclose(tails.normal_upper(z), stats.norm.sf(z), rel_tol=1e-12, abs_tol=1e-300)
    assert math.isclose(tails.two_sided(z), 2 * stats.norm.sf(abs(z)), rel_tol=1e-12, abs_tol=1e-300)


@settings(deadline=None)
@given(st.floats(1e-12, 1 - 1e-12))
def test_the_normal_quantile_is_scipys(probability):
    assert math.isclose(tails.normal_quantile(probability), stats.norm.ppf(probability), rel_tol=1e-12, abs_tol=1e-12)


@settings(deadline=None)
@given(st.floats(0, 1200), st.integers(1, 60))
def test_the_chi_square_tail_is_scipys(chi2, df):
    assert math.isclose(tails.chi_square_upper(chi2, df), stats.chi2.sf(chi2, df), rel_tol=1e-11, abs_tol=1e-300)


def test_the_chi_square_tail_starts_at_one():
    assert tails.chi_square_upper(0.0, 3) == 1.0
    assert tails.chi_square_upper(1e-300, 40) == 1.0
    assert tails.chi_square_upper(5e-324, 2) == 1.0


def test_ninety_five_percent_reach_1_96_standard_errors():
    assert math.isclose(tails.half_width(0.95), 1.959963984540054, rel_tol=1e-15)


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_a_level_outside_0_and_1_is_refused(level):
    with pytest.raises(ValueError, match="confidence level"):
        tails.half_width(level)


def test_there_is_no_chi_square_without_degrees_of_freedom():
    with pytest.raises(ValueError, match="degrees of freedom"):
        tails.chi_square_upper(1.0, 0)
