"""Tests of what a patient agreed to, and of the documents they read."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.domain import consent
from prom.domain.consent import Consent, Purpose, document, is_outdated, is_withdrawn, may_text, standing
from prom.domain.wording import LANGUAGES

GIVEN = datetime(2026, 3, 1, 9, tzinfo=UTC)
LATER = GIVEN + timedelta(days=30)
DAY = timedelta(days=1)


def texting(given_at=GIVEN, withdrawn_at=None, version="1"):
    return Consent(Purpose.TEXTING, version, given_at, withdrawn_at)


def test_nobody_is_texted_without_consent():
    assert not may_text([], LATER)
    assert not may_text([Consent(Purpose.DATA_USE, "1", GIVEN), Consent(Purpose.CAREGIVER, "1", GIVEN)], LATER)


def test_a_consent_holds_from_the_moment_it_is_given_to_its_withdrawal():
    one = [texting(withdrawn_at=LATER)]
    assert not may_text(one, GIVEN - timedelta(seconds=1))
    assert may_text(one, GIVEN)
    assert may_text(one, LATER - timedelta(seconds=1))
    assert not may_text(one, LATER)


def test_a_new_consent_after_a_withdrawal_counts():
    both = [texting(withdrawn_at=LATER), texting(LATER + DAY)]
    assert not may_text(both, LATER)
    assert may_text(both, LATER + DAY)
    assert standing(both, Purpose.TEXTING, LATER + DAY) == both[1]


def test_a_withdrawal_is_told_from_never_having_been_asked():
    assert not is_withdrawn([], Purpose.TEXTING, LATER)
    assert is_withdrawn([texting(withdrawn_at=LATER)], Purpose.TEXTING, LATER)
    assert not is_withdrawn([texting(withdrawn_at=LATER)], Purpose.DATA_USE, LATER)
    assert not is_withdrawn([texting(withdrawn_at=LATER), texting(LATER)], Purpose.TEXTING, LATER)


def test_the_newest_of_two_standing_consents_is_named():
    two = [texting(GIVEN + DAY), texting(GIVEN)]
    assert standing(two, Purpose.TEXTING, LATER) == two[0]


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 60), st.none() | st.integers(0, 60)), max_size=5), st.integers(0, 120))
def test_texting_is_allowed_exactly_while_a_consent_stands(spans, day):
    now = GIVEN + day * DAY
    held = [texting(GIVEN + a * DAY, None if b is None else GIVEN + (a + b) * DAY) for a, b in spans]
    expected = any(a <= day and (b is None or day < a + b) for a, b in spans)
    assert may_text(held, now) == expected
    assert not (may_text(held, now) and is_withdrawn(held, Purpose.TEXTING, now))


def test_impossible_consents_are_refused():
    with pytest.raises(ValueError, match="before it was given"):
        texting(LATER, GIVEN)
    with pytest.raises(ValueError, match="zone"):
        texting(datetime(2026, 3, 1))  # noqa: DTZ001


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("purpose", list(Purpose))
def test_every_document_exists_in_every_language_and_names_the_clinic(purpose, language):
    read = document(purpose, language, clinic="Lakeside", phone="+91 33 2345 6789")
    assert read.language == language
    assert read.needs_review == (language != "en")
    whole = " ".join((read.title, *read.paragraphs, read.agree))
    assert "+91 33 2345 6789" in whole
    assert "{" not in whole


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_document_about_texts_says_how_to_stop(language):
    assert any("STOP" in one for one in document(Purpose.TEXTING, language, clinic="C", phone="1").paragraphs)


def test_a_document_in_a_language_we_lack_is_english():
    assert document(Purpose.TEXTING, "fr", clinic="C", phone="1").language == "en"


def test_a_version_that_was_never_written_is_refused():
    with pytest.raises(ValueError, match="version '99'"):
        document(Purpose.TEXTING, "en", clinic="C", phone="1", version="99")


def test_a_consent_to_an_older_version_stands_and_is_asked_for_anew():
    old = texting(version="0.9")
    assert is_outdated(old)
    assert may_text([old], LATER)
    assert not is_outdated(texting(version=consent.current_version(Purpose.TEXTING)))
