"""Tests of the texts to patients: complete, private, in their size, and the same as the reviewed golden files."""

import os
import re
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.domain import instruments, wording
from prom.domain.segments import segments
from prom.domain.wording import KEYS, LANGUAGES, check_override, preview, render

GOLDEN = Path(__file__).parent / "golden" / "texts"
EVERY_TEXT = [(key, language) for language in LANGUAGES for key in KEYS]
PLAIN_TEXTS = [key for key in KEYS if not KEYS[key].fixed]
LATIN = [language for language in LANGUAGES if not wording.language(language).indic]
WRAPPERS = ("opening", "reminder_72h", "confirmation")


def listing(language):
    spoken = wording.language(language)
    lines = [f"{spoken.name} ({language}), version {spoken.version}. Written by the test with PROM_WRITE_GOLDEN=1."]
    for key in KEYS:
        lines += ["", *_entry(key, preview(key, language), wording.most_segments(key, language))]
        item = key.startswith("csi_item_")
        template = spoken.texts["csi_item" if item else key]
        notes = [template.status, f"version {template.version}" if KEYS[key].fixed else ""]
        notes.append("needs a native speaker's review" if template.needs_review else "")
        lines += [f"    ({note})" for note in notes if note]
    lines += ["", "Each question in what stands around it:"]
    for question in instruments.QUESTIONS:
        for wrapper in WRAPPERS:
            text = wording.wrapped(wrapper, question, language, clinic=wording.SAMPLE["clinic"], place="shoulder_right")
            lines.append(f"{wrapper} {question}: {segments(text).count}")
    return "\n".join(lines) + "\n"


def _entry(key, text, most):
    size = segments(text)
    return [f"{key}: {size.count} of {most} ({size.encoding}, {size.units} units)", f"    {text}"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_as_it_was_reviewed(language):
    path = GOLDEN / f"{language}.txt"
    if os.environ.get("PROM_WRITE_GOLDEN") == "1":
        path.write_text(listing(language), encoding="utf-8")
    assert listing(language) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_exactly_the_known_texts(language):
    base = {key for key in KEYS if not key.startswith("csi_item_")}
    assert set(wording.language(language).texts) == base


def test_every_question_has_a_text():
    assert set(instruments.QUESTIONS) <= set(KEYS)


@pytest.mark.parametrize(("key", "language"), EVERY_TEXT)
def test_a_text_stays_within_its_segments(key, language):
    assert segments(preview(key, language)).count <= wording.most_segments(key, language)


@pytest.mark.parametrize(("key", "language"), EVERY_TEXT)
def test_our_own_wording_passes_the_check_of_a_clinics_wording(key, language):
    if KEYS[key].fixed or key.startswith("csi_item_"):
        pytest.skip("this text is fixed or made of another")
    assert check_override(key, language, wording.language(language).texts[key].text) == []


@pytest.mark.parametrize("language", LATIN)
def test_latin_texts_travel_in_the_gsm_alphabet(language):
    assert [key for key in KEYS if segments(preview(key, language)).encoding != "gsm7"] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_capital_words_are_only_those_that_we_understand(language):
    for key in KEYS:
        template = wording.language(language).texts.get(key)
        capitals = set(re.findall(r"\b[A-Z]{2,}\b", template.text)) if template else set()
        assert capitals <= {"STOP", "START", "CHANGE", "LATER", "PAUSE", "OK"}, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_names_a_diagnosis_a_procedure_or_a_sensitive_item(language):
    spoken = wording.language(language)
    private = re.compile(
        r"sensiti[sz]ation|fibromyalgia|arthritis|procedure|injection|ablation|nerve|steroid|stimulator|surgery"
        r"|anxiety|bladder|pelvic|trauma|mood|urinary|ইনজেকশন|অপারেশন|इंजेक्शन|ऑपरेशन|operation",
        re.IGNORECASE,
    )
    assert not [key for key in KEYS if private.search(preview(key, language))]
    assert set(spoken.topics) == set(range(1, 26)) - instruments.SENSITIVE_ITEMS - instruments.NEVER_BY_TEXT


def test_english_topics_are_those_of_the_instrument():
    assert all(instruments.CSI_TOPICS[item] == topic for item, topic in wording.language("en").topics.items())


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_every_translated_text_is_marked_for_review(language):
    assert all(template.needs_review for template in wording.language(language).texts.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_emergency_texts_have_a_version_and_a_review_status(language):
    for key in [key for key in KEYS if KEYS[key].fixed]:
        template = wording.language(language).texts[key]
        assert (template.version, template.status) == (1, "needs clinical review")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["emergency", "emergency_self_harm"])
def test_a_clinic_cannot_replace_an_emergency_text(kind, language):
    said = {"clinic": "C", "emergency_number": "112"}
    assert check_override(kind, language, "Call {emergency_number} {clinic}") != []
    assert render(kind, language, {(kind, language): "hello"}, **said) == render(kind, language, **said)
    assert "112" in render(kind, language, **said)


def test_a_text_needs_all_its_variables_and_no_other():
    with pytest.raises(ValueError, match="needs 'link'"):
        render("link_ready", "en", clinic="C")
    with pytest.raises(ValueError, match="no variable 'name'"):
        render("link_ready", "en", clinic="C", link="L", name="Asha")
    with pytest.raises(ValueError, match="no text 'hello'"):
        render("hello", "en")


def test_a_variable_is_never_read_as_a_template():
    assert render("link_ready", "en", clinic="{link}", link="L") == "{link}: your questions are ready: L"


def test_a_clinics_own_wording_replaces_ours_in_its_language_only():
    own = {("thanks_plain", "en"): "Thanks \u2013 got it."}
    assert render("thanks_plain", "en", own) == "Thanks - got it."
    assert render("thanks_plain", "bn", own) == render("thanks_plain", "bn")


def test_a_clinic_may_import_the_wording_of_a_single_item():
    assert check_override("csi_item_7", "en", "Item seven as licensed. Reply 0 to 4.") == []
    own = {("csi_item_7", "en"): "Item seven as licensed. Reply 0 to 4."}
    assert wording.ask("csi_item_7", "en", own) == "Item seven as licensed. Reply 0 to 4."
    assert "teeth grinding" in wording.ask("csi_item_4", "en", own)


def test_a_sensitive_item_is_never_asked_by_text():
    with pytest.raises(ValueError, match="sensitive"):
        wording.ask("csi_item_24", "en")


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        ("thanks_plain", "  ", "empty"),
        ("link_ready", "Your questions: {link}", "{clinic} is missing"),
        ("link_ready", "{clinic} {link} {name}", "{name} is not known"),
        ("link_ready", "{clinic} {link} {", "Braces"),
        ("link_ready", "{clinic} {link.host} {link}", "Braces"),
        ("opening", "{clinic}: {question}", "must offer STOP"),
        ("csi_1_5", "Reply 5 digits", "must offer X"),
        ("thanks_plain", "a" * 161, "2 segments"),
        ("thanks_plain", "ধন্যবাদ " * 10, "segments"),
        ("thanks_plain", "All well? Reply YES", "YES"),
        ("thanks_plain", "All well? reply yes please", "YES"),
        ("thanks_plain", "Send END when done", "END"),
        ("thanks_plain", "More at https://clinic.example", "{link}"),
        ("thanks_plain", "Thanks\x00", "control"),
        ("hello", "Hello", "no text"),
    ],
)
def test_a_wording_that_cannot_be_used_says_why(key, text, problem):
    assert any(problem in said for said in check_override(key, "en", text))


def test_a_wording_in_an_unknown_language_is_refused():
    assert check_override("thanks_plain", "xx", "Hello") != []


@settings(max_examples=100)
@given(st.sampled_from(PLAIN_TEXTS), st.sampled_from(LANGUAGES), st.text(string.printable, max_size=200))
def test_a_wording_that_passes_the_check_can_be_sent(key, language, text):
    if not check_override(key, language, text):
        assert segments(preview(key, language, {(key, language): text})).count <= wording.most_segments(key, language)


@pytest.mark.parametrize(
    ("code", "known"),
    [("bn", "bn"), ("BN-IN", "bn"), ("bn_latn", "bn-Latn"), ("hi-latn", "hi-Latn"), ("fr", "en"), ("", "en")],
)
def test_a_language_falls_back_to_its_nearest(code, known):
    assert wording.known_language(code) == known


@pytest.mark.parametrize(
    ("target", "side", "place"),
    [
        ("knee", "left", "knee_left"),
        ("Right genicular nerves", "right", "knee_right"),
        ("knee", "both", "knee"),
        ("lumbar facet", "right", "low_back"),
        ("stellate", "left", "general"),
        ("spinal cord", "right", "general"),
        ("", "", "general"),
    ],
)
def test_a_question_names_the_place_and_never_the_target(target, side, place):
    assert wording.place_key(target, side) == place
    assert place in wording.language("bn").places


def test_a_question_asks_about_its_place():
    assert "your left knee" in wording.ask("nrs", "en", place="knee_left")
    assert "your main pain area" in wording.ask("nrs", "en")
    assert "হাঁটু" in wording.ask("nrs_current", "bn", place="knee")


def test_an_opening_names_the_clinic_and_the_way_out():
    text = wording.wrapped("opening", "relief_percent", "en", clinic="Lakeside")
    assert text.startswith("Lakeside: By how many percent")
    assert text.endswith("Reply STOP to end.")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([("nrs", 4)], "pain 4"),
        ([("nrs", 0), ("pgic", 2), ("relief_percent", 50)], "pain 0, change 2, relief 50%"),
        ([("csi_1_5", (0, 1, None, 3, 4)), ("csi_21_25", (1, 2, 3, 4))], "sheet 01X34 1234"),
        ([("peg_1", 3), ("csi_item_7", 2)], "answer 3, item 7: 2"),
        ([("nrs_current", 10)], "pain now 10"),
    ],
)
def test_what_was_recorded_is_said_in_plain_words(answers, said):
    assert wording.recorded(answers, "en") == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_recorded_sheet_fits_the_thanks(language):
    sheet = [(key, (1,) * len(instruments.question(key).items)) for key in instruments.CSI_BY_SHEET]
    thanks = render("thanks_many", language, recorded=wording.recorded(sheet, language))
    assert segments(thanks).count <= wording.most_segments("thanks_many", language)


@pytest.mark.parametrize(
    ("country", "self_harm", "number"),
    [
        ("IN", False, "112"),
        ("in", True, "14416 or 112"),
        ("US", False, "911"),
        ("US", True, "988 or 911"),
        ("BD", True, "999"),
        ("ZZ", False, "112"),
    ],
)
def test_the_number_to_call_is_that_of_the_country(country, self_harm, number):
    assert wording.emergency_number(country, "en", self_harm=self_harm) == number


def test_the_fingerprint_of_a_wording_changes_with_its_words_only():
    ours = wording.digest("thanks_plain", "en")
    assert ours == wording.digest("thanks_plain", "en", {})
    assert ours == wording.digest("thanks_plain", "en", {("thanks_plain", "bn"): "x"})
    assert ours != wording.digest("thanks_plain", "en", {("thanks_plain", "en"): "Thanks."})
    assert ours != wording.digest("thanks_plain", "hi")
    assert len({wording.digest(key, language) for key, language in EVERY_TEXT}) == len(EVERY_TEXT)


def test_the_fingerprint_of_an_emergency_text_ignores_a_clinics_own_words():
    assert wording.digest("emergency", "en", {("emergency", "en"): "hello"}) == wording.digest("emergency", "en")


def test_a_clinics_own_question_takes_its_words_from_the_clinic():
    own = {("ask_sleep", "en"): "How well did you sleep? 0-10", ("ask_sleep", "bn"): "ঘুম কেমন? 0-10"}
    assert render("ask_sleep", "bn", own) == "ঘুম কেমন? 0-10"
    assert render("ask_sleep", "hi", own) == "How well did you sleep? 0-10"
    assert wording.ask("sleep", "en", own) == "How well did you sleep? 0-10"
    assert wording.wrapped("opening", "sleep", "en", own, clinic="C").startswith("C: How well")
    assert check_override("ask_sleep", "en", "How well did you sleep in {place}? 0-10") == []
    assert check_override("ask_sleep", "en", "How well did you sleep, {name}?") != []
    with pytest.raises(ValueError, match="no words"):
        render("ask_sleep", "en")
    with pytest.raises(ValueError, match="sleep"):
        wording.ask("sleep", "en")


def test_every_emergency_number_says_whose_it_is():
    assert len(wording.emergency_countries()) > 20
    for country in (*wording.emergency_countries(), "ZZ"):
        source, status = wording.emergency_source(country)
        assert len(source) > 10, country
        assert status in {"", "needs clinical review"}, country
    assert wording.emergency_source("ZZ")[1] == "needs clinical review"


def test_english_texts_are_easy_to_read():
    for key in KEYS:
        text = re.sub(r"https?://\S+", "", preview(key, "en"))
        words = re.findall(r"[A-Za-z']+", text)
        if key.startswith("csi_item") or len(words) < 8:
            # The topics of the items are given, and a label is no sentence; a list of answers weighs one grade too much.
            continue
        sentences = max(1, len(re.findall(r"[.?!](?:\s|$)", text)))
        syllables = sum(_syllables(word) for word in words)
        assert 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59 < 8, (key, text)


def _syllables(word):
    beats = len(re.findall(r"[aeiouy]+", word.lower()))
    silent = word.lower().endswith("e") and beats > 1 and not word.lower().endswith("le")
    return max(1, beats - silent)
