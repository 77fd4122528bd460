"""Small groups carry no p value, and a model needs ten events a covariate."""

import pytest

from prom.statistics import guards


@pytest.mark.parametrize(
    ("n", "events", "small"), [(10, 5, False), (9, 5, True), (10, 4, True), (9, 9, True), (500, 4, True)]
)
def test_ten_patients_and_five_events_are_the_least(n, events, small):
    assert guards.too_small(n, events) is small
    assert guards.guards({"below_40": (100, 50), "40_or_more": (n, events)}).allows_p is not small


def test_the_small_group_is_named():
    found = guards.guards({"below_40": (100, 50), "40_or_more": (9, 8)})
    assert [one.group for one in found.small] == ["40_or_more"]
    assert found.warnings[0].startswith("group 40_or_more has 9 patients and 8 events")


@pytest.mark.parametrize(
    ("events", "covariates", "warns"), [(20, 2, False), (19, 2, True), (0, 0, False), (0, 1, True)]
)
def test_fewer_than_ten_events_a_covariate_warn(events, covariates, warns):
    found = guards.guards({"all": (500, events)}, covariates)
    assert (found.few is not None) is warns


def test_a_model_on_fewer_rows_is_judged_by_its_own_events():
    assert guards.guards({"all": (500, 100)}, 3, model_events=25).few == guards.FewEvents(25, 3)
