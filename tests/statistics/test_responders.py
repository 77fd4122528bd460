"""Wilson intervals, and the bounds that the unknown leave."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from prom.statistics import responders


@settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilsons(drawn):
    count, n = drawn
    found = responders.share(count, n)
    low, high = proportion_confint(count, n, method="wilson")
    assert math.isclose(found.low, low, abs_tol=1e-12)
    assert math.isclose(found.high, high, abs_tol=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_nobody_is_no_proportion():
    assert responders.share(0, 0).value is None


@pytest.mark.parametrize(("count", "n"), [(-1, 3), (4, 3)])
def test_more_than_all_is_refused(count, n):
    with pytest.raises(ValueError, match="not a proportion"):
        responders.share(count, n)


def test_the_unknown_make_best_and_worst_case():
    found = responders.success(held=6, lost=2, unknown=2)
    assert (found.known.value, found.worst.value, found.best.value) == (0.75, 0.6, 0.8)
    assert found.unknown == 2


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_worst_is_never_above_best(held, lost, unknown):
    found = responders.success(held, lost, unknown)
    if found.worst.n:
        assert found.worst.value <= found.best.value
    if found.known.n:
        assert found.worst.value <= found.known.value <= found.best.value
