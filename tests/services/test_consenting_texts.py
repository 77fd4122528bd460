"""Consent texts: the clinic's own versions over the shipped ones, never changed; agreeing to what was shown."""

from datetime import timedelta

import pytest

from prom.domain import consent
from prom.services import consenting_texts
from prom.services.consenting_texts import TextError
from prom.storage import audit, consents, episodes
from prom.storage.models import Purpose
from tests import people

OWN = "May we?\n\n{clinic} asks.\nStill the same paragraph.\n\nCall {phone}.\n\nYes, you may."


def add(session, site, now, **changes):
    values = {"purpose": Purpose.TEXTING, "language": "en", "version": "2026.1", "text": OWN} | changes
    return consenting_texts.add(session, site, *values.values(), audit.COMMAND, now)


def test_the_shipped_text_stands_until_the_clinic_has_its_own(store, site, now):
    with store.writing() as session:
        shipped = consenting_texts.current(session, site, Purpose.TEXTING, "en")
        assert shipped.version == "1"
        add(session, site, now)
        own = consenting_texts.current(session, site, Purpose.TEXTING, "en")
        assert own.title == "May we?"
        assert own.paragraphs == ("Asha Clinic asks. Still the same paragraph.", "Call +913340001000.")
        assert own.agree == "Yes, you may."
        assert consenting_texts.current(session, site, Purpose.TEXTING, "bn").version == "1"
        add(session, site, now + timedelta(days=1), version="2026.2")
        assert consenting_texts.current(session, site, Purpose.TEXTING, "en").version == "2026.2"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"version": ""}, "version"),
        ({"version": "1"}, "version"),
        ({"version": "a b"}, "version"),
        ({"language": "fr"}, "language"),
        ({"text": "Only a title\n\nand a sentence"}, "text"),
        ({"text": OWN.replace("{clinic}", "{name}")}, "text"),
        ({"text": OWN + " {"}, "text"),
        ({"text": OWN + "\x07"}, "text"),
        ({"text": OWN + "x" * consent.LONGEST_TEXT}, "text"),
    ],
)
def test_what_is_wrong_is_told_by_field_and_nothing_is_kept(store, site, now, changes, field):
    with store.writing() as session:
        with pytest.raises(TextError) as caught:
            add(session, site, now, **changes)
        assert [name for name, _ in caught.value.problems] == [field]
        assert consenting_texts.versions(session, site) == []


def test_a_version_is_never_changed(store, site, now):
    with store.writing() as session:
        add(session, site, now)
        with pytest.raises(TextError):
            add(session, site, now, text=OWN.replace("May we?", "Can we?"))
        add(session, site, now, language="hi", text=OWN)


def test_a_patient_agrees_to_the_version_and_language_that_were_shown(store, site, now):
    with store.writing() as session:
        patient = episodes.patient_of(session, people.asha(session, site, now))
        shown = consenting_texts.current(session, site, Purpose.DATA_USE, "hi")
        given = consenting_texts.agree(session, patient, shown, shown.version, "tablet", audit.PATIENT, now)
        assert (given.version, given.language, given.method, given.given_at) == ("1", "hi", "tablet", now)
        again = consenting_texts.agree(session, patient, shown, shown.version, "page", audit.PATIENT, now)
        assert again.id == given.id
        assert consenting_texts.take_back(session, patient, Purpose.DATA_USE, audit.PATIENT, now)
        assert not consenting_texts.take_back(session, patient, Purpose.DATA_USE, audit.PATIENT, now)
        assert consents.live(session, patient.id, Purpose.DATA_USE) is None
        assert len(consents.of_patient(session, patient.id)) == 2
