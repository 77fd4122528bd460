"""Scores from items: the bounds rule, bands, changes, and what is refused."""

import json
import pathlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prom.domain import scoring
from prom.domain.scoring import CsiChange

CASES = pathlib.Path(__file__).parents[3] / "shared/cases/csi_cases.json"
VECTORS = json.loads(CASES.read_text(encoding="utf-8")) if CASES.exists() else []
forms = st.lists(st.one_of(st.none(), st.integers(0, 4)), min_size=25, max_size=25)


@pytest.mark.parametrize(
    "case", VECTORS, ids=lambda case: f"{case['expected']['min_total']}-{case['expected']['max_total']}"
)
def test_every_csi_vector_is_scored_exactly(case):
    assert scoring.csi(case["items"]).as_json() == case["expected"]
    assert scoring.csi_case(case).as_json() == case["expected"]


@given(forms, st.lists(st.integers(0, 4), min_size=25, max_size=25))
def test_the_bounds_hold_whatever_the_missing_items_would_have_been(items, filling):
    result = scoring.csi(items)
    full = scoring.csi([fill if item is None else item for item, fill in zip(items, filling, strict=True)])
    assert result.min_total <= full.total <= result.max_total
    if result.severity is not None:
        assert full.severity == result.severity
    if result.ge40 is not None:
        assert full.ge40 is result.ge40
    assert result.answered + result.missing == 25
    certain = scoring.csi_at_least(result)
    if certain.startswith("at least"):
        names = [band.name for band in scoring.BANDS]
        assert names.index(full.severity) >= names.index(certain.removeprefix("at least "))


@given(forms)
def test_prorating_rounds_half_up_and_only_for_one_or_two_missing(items):
    result = scoring.csi(items)
    if result.missing in {1, 2}:
        exact = Fraction(25 * result.min_total, result.answered)
        assert result.prorated == (exact + Fraction(1, 2)) // 1
    else:
        assert result.prorated is None


@given(forms)
def test_a_result_is_rebuilt_from_its_stored_bounds(items):
    result = scoring.csi(items)
    assert scoring.csi_from_bounds(result.answered, result.min_total, result.max_total) == result


@pytest.mark.parametrize(
    ("total", "band"),
    [(0, "subclinical"), (29, "subclinical"), (30, "mild"), (39, "mild"), (40, "moderate"), (49, "moderate"),
     (50, "severe"), (59, "severe"), (60, "extreme"), (100, "extreme")],
)  # fmt: skip
def test_the_bands_are_nebletts(total, band):
    assert scoring.csi_band(total) == band


def form(answered, missing=0, value=2):
    return [value] * answered + [0] * (25 - answered - missing) + [None] * missing


@pytest.mark.parametrize(
    "items",
    [[0] * 24, [0] * 26, [5] + [0] * 24, [-1] + [0] * 24, [True] + [0] * 24, [1.0] + [0] * 24, ["1"] + [0] * 24,
     "0" * 25, None, {}, 7],
)  # fmt: skip
def test_what_is_no_csi_form_is_refused(items):
    with pytest.raises(ValueError) as refusal:
        scoring.csi(items)
    assert "csi" in str(refusal.value)


@pytest.mark.parametrize("line", [None, {}, {"items": [1]}, {"csi_total": 101}, {"csi_total": 40.5}, []])
def test_a_broken_csi_line_is_refused(line):
    with pytest.raises(ValueError):
        scoring.csi_case(line)


def test_at_least_is_certain_once_the_lower_bound_reaches_the_band():
    assert scoring.csi_at_least(scoring.csi(form(20, 5))) == "at least moderate"
    assert scoring.csi_at_least(scoring.csi(form(14, 11))) == "undetermined"
    assert scoring.csi_at_least(scoring.csi(form(20))) == "moderate"
    assert scoring.csi_at_least(scoring.csi(form(16, 3))) == "at least mild"


def test_an_imported_total_has_no_items_and_says_so():
    result = scoring.csi_total(47)
    assert not result.items_known
    assert result.as_json() == {
        "answered": None, "missing": None, "min_total": 47, "max_total": 47, "total": 47, "prorated": None,
        "severity": "moderate", "ge40": True, "items_known": False,
    }  # fmt: skip
    assert scoring.csi_case({"csi_total": 47}) == result


@pytest.mark.parametrize("total", [-1, 101, 40.0, True, "40", None])
def test_an_impossible_total_is_refused(total):
    with pytest.raises(ValueError):
        scoring.csi_total(total)


def test_item_24_carried_forward_counts_as_answered_and_is_labelled():
    items = [2] * 25
    items[23] = None
    carried = scoring.csi(items, item_24=4)
    assert (carried.total, carried.answered, carried.item_24_carried) == (52, 25, True)
    assert carried.as_json()["item_24_carried"] is True
    own = scoring.csi([2] * 25, item_24=4)
    assert (own.total, own.item_24_carried) == (50, False)


def test_other_published_cut_offs_are_named_data():
    result = scoring.csi_total(41)
    assert scoring.csi_reaches(result)
    assert not scoring.csi_reaches(result, "chinese")
    assert not scoring.csi_reaches(result, "danish_low_back")
    assert scoring.csi_reaches(result, "groningen_women")
    with pytest.raises(ValueError, match="no cut-off"):
        scoring.csi_reaches(result, "martian")


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [(50, 40, CsiChange.REAL_IMPROVEMENT), (50, 41, CsiChange.NONE), (40, 50, CsiChange.REAL_WORSENING),
     (41, 50, CsiChange.NONE), (40, 40, CsiChange.NONE)],
)  # fmt: skip
def test_a_change_is_real_from_ten_points(before, after, change):
    assert scoring.csi_change(scoring.csi_total(before), scoring.csi_total(after)) is change


@given(forms, forms, st.lists(st.integers(0, 4), min_size=25, max_size=25))
def test_a_change_is_only_stated_when_no_missing_item_could_undo_it(before, after, filling):
    def full(items):
        return scoring.csi([fill if item is None else item for item, fill in zip(items, filling, strict=True)])

    change = scoring.csi_change(scoring.csi(before), scoring.csi(after))
    if change is not CsiChange.UNDETERMINED:
        assert scoring.csi_change(full(before), full(after)) is change


@pytest.mark.parametrize("value", [-1, 11, 3.0, "3", True, None])
def test_a_pain_score_is_a_whole_number_from_zero_to_ten(value):
    assert not scoring.is_nrs(value)
    with pytest.raises(ValueError):
        scoring.nrs_value(value)


def test_every_whole_number_from_zero_to_ten_is_a_pain_score():
    assert [scoring.nrs_value(value) for value in range(11)] == list(range(11))


def test_much_and_very_much_improved_are_pgic_responses():
    assert [level for level in range(1, 8) if scoring.pgic_responder(level)] == [1, 2]
    with pytest.raises(ValueError, match="PGIC"):
        scoring.pgic_responder(0)


def test_peg_is_the_mean_of_three_items():
    assert scoring.peg_mean([7, 8, 8]) == Fraction(23, 3)
    assert scoring.peg_mean([7, None, 8]) is None
    with pytest.raises(ValueError):
        scoring.peg_mean([7, 8])
