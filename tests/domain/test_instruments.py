"""Questions and instruments: what may be asked by text, and how a clinic's data file is checked."""

import pytest

from prom.domain import instruments
from prom.domain.instruments import Scale

OWN = """
[[instrument]]
key = "short"
name = "A short form"
version = "1"
source = "the clinic"
items = 3
low = 0
high = 4
total = "sum"
worse = "high"
band = [{ name = "low", low = 0, high = 5 }, { name = "high", low = 6, high = 12 }]
cut_off = [{ name = "default", version = "1", at_least = 6, population = "adults" }]
"""


def test_the_sheet_is_asked_in_five_texts_without_item_24():
    asked = [item for key in instruments.CSI_BY_SHEET for item in instruments.question(key).items]
    assert asked == [item for item in range(1, 26) if item != 24]
    assert instruments.question("csi_21_25").items == (21, 22, 23, 25)
    assert {instruments.question(key).scale for key in instruments.CSI_BY_SHEET} == {Scale.CSI5}


@pytest.mark.parametrize("item", sorted(instruments.SENSITIVE_ITEMS | instruments.NEVER_BY_TEXT))
def test_a_sensitive_item_has_no_text_of_its_own(item):
    with pytest.raises(ValueError, match="never asked by text"):
        instruments.question(f"csi_item_{item}")


def test_every_other_item_can_be_asked_alone():
    open_items = set(range(1, 26)) - instruments.SENSITIVE_ITEMS - instruments.NEVER_BY_TEXT
    assert len(open_items) == 19
    assert all(instruments.question(f"csi_item_{item}").items == (item,) for item in open_items)


@pytest.mark.parametrize("key", ["", "csi", "csi_item_26", "csi_item_x", "csi_item_", "csi_2_6", "NRS"])
def test_an_unknown_question_is_refused(key):
    with pytest.raises(ValueError, match="no question"):
        instruments.question(key)


def test_current_pain_and_average_pain_are_different_series():
    assert instruments.question("nrs").series != instruments.question("nrs_current").series
    assert instruments.question("nrs").instrument == instruments.question("nrs_current").instrument


def test_every_item_has_a_neutral_topic_of_a_few_words():
    assert sorted(instruments.CSI_TOPICS) == list(range(1, 26))
    assert all(len(topic.split()) <= 5 and topic[0].islower() for topic in instruments.CSI_TOPICS.values())


def test_every_question_belongs_to_a_shipped_instrument_and_fits_its_items():
    for question in instruments.QUESTIONS.values():
        assert all(1 <= item <= instruments.instrument(question.instrument).items for item in question.items)


def test_a_clinic_adds_an_instrument_without_code():
    short = instruments.instruments_from(OWN)["short"]
    assert (short.lowest_total, short.highest_total) == (0, 12)
    assert short.band(6).name == "high"
    assert short.cut_off("default").at_least == 6


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("items = 3", "items = 0", "items"),
        ("items = 3", 'items = "3"', "whole number"),
        ("high = 4\n", "high = 0\n", "empty"),
        ('total = "sum"', 'total = "median"', "one of"),
        ('total = "sum"', 'total = "single"', "single"),
        ("low = 6, high = 12", "low = 7, high = 12", "gaps"),
        ("low = 6, high = 12", "low = 6, high = 11", "cover"),
        ("at_least = 6", "at_least = 13", "outside"),
        ('name = "A short form"', "", "'name'"),
        ('worse = "high"', 'worse = "high"\nitem_texts = ["a"]', "unknown field"),
        ("[[instrument]]", "[[instrument", "TOML"),
        ("band = [", "band = [3, ", "list of tables"),
    ],
)
def test_a_broken_data_file_is_refused_in_plain_words(before, after, says):
    assert before in OWN
    with pytest.raises(ValueError, match=says):
        instruments.instruments_from(OWN.replace(before, after, 1))


def test_an_instrument_described_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        instruments.instruments_from(OWN + OWN)


def test_a_total_outside_the_range_has_no_band():
    with pytest.raises(ValueError, match="outside 0-100"):
        instruments.instrument("csi").band(101)
    with pytest.raises(ValueError, match="no instrument"):
        instruments.instrument("csi9")
