"""Rules of texting by country: replies, registrations, and numbers that are nobody's."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prom.domain import countries

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "cases"
ENTITY, HEADER, TEMPLATE = "1234567890123456789", "ASHACL", "1107160000000012345"
TEXTS = [("link_ready", "en"), ("link_ready", "hi")]


def keys(found):
    return [one.key for one in found]


def all_of(code, two_way):
    """Return facts that confirm every point of a country."""
    sample = {"dlt_entity": ENTITY, "dlt_header": HEADER, "dlt_template": TEMPLATE}
    facts = {}
    for point in countries.country(code).points:
        value = "yes" if point.needs is countries.Needs.YES else sample.get(point.key, "BN123")
        for key in [countries.text_point(point.key, *text) for text in TEXTS] if point.each_text else [point.key]:
            facts[key] = value
    return facts


def test_india_asks_for_entity_header_a_template_a_text_and_the_links_address():
    assert keys(countries.missing("IN", {}, False, TEXTS)) == [
        "dlt_entity",
        "dlt_header",
        "dlt_template|link_ready|en",
        "dlt_template|link_ready|hi",
        "dlt_url",
    ]


def test_replies_by_text_are_named_where_they_do_not_arrive():
    assert keys(countries.missing("IN", all_of("IN", True), True, TEXTS)) == [countries.TWO_WAY]
    assert keys(countries.missing("bd", all_of("BD", True), True)) == [countries.TWO_WAY]
    assert countries.missing("US", all_of("US", True), True) == []
    assert countries.missing("GB", all_of("GB", True), True) == []


def test_the_united_states_ask_for_brand_and_campaign():
    assert keys(countries.missing("US", {}, True))[:2] == ["10dlc_brand", "10dlc_campaign"]


@pytest.mark.parametrize("code", ["IN", "US", "GB", "BD", "ZZ"])
def test_nothing_is_missing_when_every_point_is_confirmed(code):
    assert countries.missing(code, all_of(code, False), False, TEXTS) == []


@pytest.mark.parametrize("code", [*countries.known(), "ZZ"])
def test_every_point_says_how_it_is_done_and_where_the_rule_stands(code):
    rules = countries.country(code)
    assert rules.points
    assert rules.source
    assert rules.as_of
    for point in rules.points:
        assert point.how
        assert point.source
        assert point.as_of
        assert len(point.key) <= 40


def test_a_country_without_rules_of_its_own_is_told_to_look_them_up():
    rules = countries.country("fr")
    assert rules.code == "FR"
    assert rules.two_way is None
    assert not rules.forbids_two_way
    assert keys(countries.missing("FR", {}, True)) == ["provider_guideline"]


@pytest.mark.parametrize("value", ["", "  ", "123", "12345678901234567890123", "abc", "१२३४५६७८९०१२३४५६७८९"])
def test_an_id_that_cannot_be_one_does_not_confirm(value):
    facts = all_of("IN", False) | {"dlt_entity": value}
    assert keys(countries.missing("IN", facts, False, TEXTS)) == ["dlt_entity"]


def test_points_about_links_and_replies_are_asked_only_where_there_are_any():
    assert "dlt_url" not in keys(countries.missing("IN", {}, False, links=False))
    assert "number_can_receive" in keys(countries.missing("GB", {}, True))
    assert "number_can_receive" not in keys(countries.missing("GB", {}, False))


def test_every_number_of_the_example_files_is_known_as_made_up():
    path = CASES / "cohort" / "episodes.csv"
    if not path.exists():
        pytest.skip("the example files are not here")
    with path.open(encoding="utf-8", newline="") as file:
        phones = [row["phone"] for row in csv.DictReader(file)]
    assert phones
    assert all(countries.made_up(phone) for phone in phones)


@pytest.mark.parametrize("phone", ["+12125550123", "+15005550006", "+447700900461", "+61491570156", "+919007000059"])
def test_numbers_kept_for_fiction_and_tests_are_made_up(phone):
    assert countries.made_up(phone)


@pytest.mark.parametrize(
    "phone", ["+12125551234", "+447700800461", "+919831012345", "+919007000159", "", "12125550123"]
)
def test_other_numbers_may_be_somebodys(phone):
    assert countries.made_up(phone) is None


@given(st.text(), st.dictionaries(st.text(), st.text(), max_size=3), st.booleans())
def test_whatever_is_asked_nothing_raises(code, facts, two_way):
    assert isinstance(countries.missing(code, facts, two_way, [("a", "b")]), list)
