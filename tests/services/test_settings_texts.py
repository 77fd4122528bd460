"""A clinic's own wording: checked, priced, kept in history, and the way back."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.domain import wording
from prom.services import settings_checklist, settings_texts
from prom.storage import checklist, sites
from prom.storage.models import Site
from tests import people

URL = "https://clinic.example"
GOOD = "Thank you, noted: {recorded}. Wrong? Text CHANGE and the number."


@pytest.fixture
def actor(mina):
    return people.actor(mina)


def save(store, site, actor, now, text, key="thanks", language="en"):
    with store.writing() as session:
        return settings_texts.save(session, session.get_one(Site, site.id), key, language, text, actor, now)


def own(store, site):
    with store.reading() as session:
        return sites.overrides(session, site.id)


def test_a_good_wording_is_stored_and_leaves_with_the_next_text(store, site, actor, now):
    assert save(store, site, actor, now, GOOD) == []
    said = wording.render("thanks", "en", own(store, site), recorded="pain 4")
    assert said == "Thank you, noted: pain 4. Wrong? Text CHANGE and the number."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Noted {nmae}. CHANGE", "{nmae} is not known"),
        ("Thank you. CHANGE", "{recorded} is missing"),
        ("Noted {recorded. CHANGE", "Braces"),
        ("Noted {recorded} {Recorded}. CHANGE", "Braces"),
        ("Noted {{recorded}}. CHANGE", "Braces"),
        ("Noted {recorded}.", "must offer CHANGE"),
        ("Noted {recorded}. CHANGE or reply YES", "YES"),
        ("Noted {recorded}. CHANGE www.clinic.example", "Addresses"),
        ("  ", "empty"),
        ("Noted {recorded}. CHANGE " + "long " * 60, "segments"),
        ("x" * 1_601, "too long"),
    ],
)
def test_a_wrong_wording_is_refused_in_plain_words_and_nothing_is_stored(store, site, actor, now, text, words):
    problems = save(store, site, actor, now, text)
    assert any(words in problem for problem in problems), problems
    assert own(store, site) == {}


def test_fixed_texts_cannot_be_changed(store, site, actor, now):
    assert save(store, site, actor, now, "Call {emergency_number}. {clinic}", key="emergency") != []
    assert own(store, site) == {}


def test_curly_quotes_become_plain_in_latin_and_stay_in_other_scripts(store, site, actor, now):
    curly = "Thanks \u2013 \u201cnoted\u201d: {recorded}.\r\nWrong? CHANGE."
    assert save(store, site, actor, now, curly) == []
    assert own(store, site)["thanks", "en"] == 'Thanks - "noted": {recorded}.\nWrong? CHANGE.'
    hindi = "\u0927\u0928\u094d\u092f\u0935\u093e\u0926 \u201c{recorded}\u201d CHANGE"
    assert save(store, site, actor, now, hindi, language="hi") == []
    assert own(store, site)["thanks", "hi"] == hindi


def test_every_change_is_in_the_history_and_the_shipped_words_take_it_back(store, site, actor, now):
    save(store, site, actor, now, GOOD)
    save(store, site, actor, now, GOOD)
    save(store, site, actor, now, GOOD + " Thanks!")
    save(store, site, actor, now, settings_texts.shipped("thanks", "en"))
    with store.writing() as session:
        settings_texts.restore(session, session.get_one(Site, site.id), "thanks", "en", actor, now)
        past = settings_texts.history(session, site, "thanks", "en")
        assert settings_texts.history(session, site, "thanks", "hi") == []
    assert [(one.old, one.new) for one in past] == [
        (GOOD + " Thanks!", ""),
        (GOOD, GOOD + " Thanks!"),
        ("", GOOD),
    ]
    assert {one.actor for one in past} == {actor.name}
    assert own(store, site) == {}


def test_segments_and_cost_follow_the_language_and_the_price(store, site, now):
    with store.writing() as session:
        row = session.get_one(Site, site.id)
        row.segment_price = 1_250
        sizes = dict(settings_texts.sizes(session, row, "opening", URL))
    assert sizes["en"].count == 1
    assert sizes["en"].cost == Decimal("0.125")
    assert sizes["hi"].count == 3
    assert sizes["hi"].cost == Decimal("0.375")
    assert sizes["hi-Latn"].plain
    assert not sizes["bn"].plain


def test_the_preview_shows_the_clinics_own_name_number_and_address(store, site):
    with store.reading() as session:
        row = session.get_one(Site, site.id)
        row.country = "GB"
        help_text = settings_texts.preview(row, "help", "en", {}, URL)
        link_text = settings_texts.preview(row, "link_ready", "en", {}, URL)
    assert site.label in help_text
    assert site.phone in help_text
    assert "999" in help_text
    assert f"{URL}/a/" in link_text
    assert "example/a/4f" not in link_text


def test_a_keyword_that_carriers_take_is_warned_of_in_any_case(store, site):
    with store.reading() as session:
        draft = settings_texts.draft(session, site, "thanks", "en", "{recorded} CHANGE, or cancel at the end", URL)
    assert draft.problems == ()
    assert "CANCEL, END" in draft.warnings[0]


def test_a_draft_with_an_unknown_variable_is_shown_as_typed(store, site):
    with store.reading() as session:
        draft = settings_texts.draft(session, site, "thanks", "en", "{nobody} CHANGE", URL)
    assert draft.shown == "{nobody} CHANGE"
    assert draft.size is None
    assert draft.problems


def test_every_text_is_listed_in_every_language_with_a_group_and_a_size(store, site):
    with store.reading() as session:
        for language in wording.LANGUAGES:
            lines = settings_texts.listed(session, site, language, URL)
            assert [line.key for line in lines] == list(wording.KEYS)
            assert all(line.size.count >= 1 and line.group for line in lines)
            assert {line.key for line in lines if line.unsigned} >= {"emergency", "opt_out_self_harm"}


def test_a_changed_text_loses_its_registration(store, site, actor, now):
    with store.writing() as session:
        row = session.get_one(Site, site.id)
        row.two_way = False
        values = {"dlt_template|link_ready|en": "1107160000000012345"}
        assert settings_checklist.confirm(session, row, values, actor, now, links=True) == []
        assert "dlt_template|link_ready|en" in checklist.facts(session, site.id)
    save(store, site, actor, now, "{clinic}: your questions: {link}", key="link_ready")
    with store.reading() as session:
        assert checklist.facts(session, site.id) == {}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_whatever_is_typed_nothing_raises(text):
    site = Site(name="m", label="Clinic", phone="", time_zone="UTC", key_sealed=b"")
    cleaned = settings_texts.clean(text)
    settings_texts.problems_of("thanks", "en", cleaned)
    assert site.label
