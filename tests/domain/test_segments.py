"""Tests of the size of texts: exact at every border, and never a sign cut in two."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.domain.segments import GSM_BASIC, GSM_EXTENSION, cost, fold, parts, segments

GSM_SIGNS = "".join(sorted(GSM_BASIC | GSM_EXTENSION))
LATIN_TEXTS = st.text(st.characters(max_codepoint=0x24F)) | st.text(
    "ab '\u2018\u2019\u201c\u2014\u2026\u00a0\u0301e\u200b\u00ad5"
)


def size(text):
    found = segments(text)
    return found.encoding, found.units, found.count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("gsm7", 0, 0)),
        ("a", ("gsm7", 1, 1)),
        ("a" * 160, ("gsm7", 160, 1)),
        ("a" * 161, ("gsm7", 161, 2)),
        ("a" * 306, ("gsm7", 306, 2)),
        ("a" * 307, ("gsm7", 307, 3)),
        ("€" * 80, ("gsm7", 160, 1)),
        ("€" * 80 + "a", ("gsm7", 161, 2)),
        ("ক" * 70, ("ucs2", 70, 1)),
        ("ক" * 71, ("ucs2", 71, 2)),
        ("ক" * 134, ("ucs2", 134, 2)),
        ("ক" * 135, ("ucs2", 135, 3)),
        ("😀" * 35, ("ucs2", 70, 1)),
        ("😀" * 36, ("ucs2", 72, 2)),
    ],
)
def test_a_text_costs_what_its_borders_say(text, expected):
    assert size(text) == expected


@pytest.mark.parametrize("sign", "^{}\\[]~|€\f")
def test_the_signs_of_the_extension_cost_two(sign):
    assert size(sign) == ("gsm7", 2, 1)


@pytest.mark.parametrize("sign", "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà\n\r\"'")
def test_the_signs_of_the_basic_alphabet_cost_one(sign):
    assert size(sign) == ("gsm7", 1, 1)


@pytest.mark.parametrize("sign", "`ç’“–…ÀáíÁ\t\x1b\u00a0")
def test_a_sign_outside_the_alphabet_turns_the_text_to_utf_16(sign):
    assert segments("a" + sign).encoding == "ucs2"


def test_the_basic_alphabet_has_127_signs_beside_the_escape():
    assert len(GSM_BASIC) == 127
    assert len(GSM_EXTENSION) == 10


def test_one_curly_quote_turns_one_segment_into_two():
    text = "It's " + "a" * 100
    assert segments(text).count == 1
    assert segments(text.replace("'", "\u2019")).count == 2


def test_an_escaped_sign_moves_whole_to_the_next_part():
    text = "a" * 152 + "€" + "a" * 152
    assert parts(text) == ("a" * 152, "€" + "a" * 151, "a")
    assert size(text) == ("gsm7", 306, 3)


def test_a_surrogate_pair_moves_whole_to_the_next_part():
    text = "ক" * 66 + "😀" + "ক" * 66
    assert parts(text) == ("ক" * 66, "😀" + "ক" * 65, "ক")
    assert size(text) == ("ucs2", 134, 3)


@settings(max_examples=150)
@given(st.text(GSM_SIGNS, max_size=500) | st.text(max_size=300))
def test_the_parts_joined_are_the_text_and_each_fits(text):
    cut = parts(text)
    found = segments(text)
    room = {"gsm7": (160, 153), "ucs2": (70, 67)}[found.encoding][len(cut) > 1]
    assert "".join(cut) == text
    assert found.count == len(cut)
    assert all(0 < sum(_width(sign, found.encoding) for sign in part) <= room for part in cut)


def _width(sign, encoding):
    if encoding == "gsm7":
        return 2 if sign in GSM_EXTENSION else 1
    return len(sign.encode("utf-16-le", "surrogatepass")) // 2


def test_a_lone_surrogate_is_counted_and_not_refused():
    assert size("\ud83d") == ("ucs2", 1, 1)


def test_smart_punctuation_of_a_latin_text_becomes_plain():
    assert fold("\u201cIt\u2019s 5\u20136\u2026\u201d\u00a0ok") == '"It\'s 5-6..." ok'
    assert segments(fold("Don\u2019t\u200b worry \u2014 reply")).encoding == "gsm7"


def test_accents_written_apart_are_joined():
    assert fold("cafe\u0301") == "café"


@pytest.mark.parametrize(
    "text",
    [
        "\u201cব্যথা\u201d \u2014 ৫",
        "दर्द \u2018कितना\u2019\u2026",
        "STOP\u0964 \u2018a\u2019",
        "৭ \u2013 ৮",
        "क\u200dष \u2019",
    ],
)
def test_a_text_of_another_script_is_never_touched(text):
    assert fold(text) == text


@settings(max_examples=150)
@given(LATIN_TEXTS)
def test_folding_twice_changes_nothing_more(text):
    assert fold(fold(text)) == fold(text)


def test_a_text_costs_its_price_for_each_segment():
    assert cost("a" * 161, Decimal("0.0075")) == Decimal("0.0150")
    assert cost("", Decimal("0.0075")) == 0
