"""A person who wishes to be forgotten: nothing names them any more, the scores and the trail stay whole."""

import pytest
from sqlmodel import select

from prom.services import erasing, exporting
from prom.storage import audit, episodes, inbound, messages, patients
from prom.storage.models import Answer, Consent, Inbound, Message, MessageState, Patient
from tests import people


@pytest.fixture
def erased(store, site, now):
    with store.writing() as session:
        episode = people.asha(session, site, now)
        people.bikash(session, site, now)
        row = inbound.add(session, site, "SM1", people.ASHA_PHONE, "It is Asha, call me", 0, now)
        row.patient_id = episode.patient_id
        # One of her texts is unclear: it must neither be looked for nor sent again.
        unclear = session.exec(select(Message).where(Message.patient_id == episode.patient_id)).first()
        unclear.state, unclear.sending_at = MessageState.UNKNOWN, now
    with store.writing() as session:
        return erasing.erase(session, "main", "r-101", audit.COMMAND, now)


def test_nothing_names_the_person_and_nobody_finds_them(store, site, erased):
    with store.reading() as session:
        patient = session.get_one(Patient, erased.id)
        assert patients.name(session, patient) == ""
        assert patients.phone(session, patient) is None
        assert patients.record_number(session, patient) == ""
        assert patients.by_record(session, site.id, "R-101") is None
        assert patients.by_phone(session, people.ASHA_PHONE) == []
        (reply,) = session.exec(select(Inbound).where(Inbound.patient_id == erased.id)).all()
        assert (inbound.body(session, reply), inbound.phone(session, reply)) == ("", "")


def test_no_text_leaves_any_more_and_every_consent_is_withdrawn(store, erased):
    with store.reading() as session:
        texts = session.exec(select(Message).where(Message.patient_id == erased.id)).all()
        assert texts
        assert {one.state for one in texts} == {MessageState.SUPPRESSED}
        assert {messages.body(session, one) for one in texts} == {""}
        assert all(row.withdrawn_at for row in session.exec(select(Consent).where(Consent.patient_id == erased.id)))


def test_the_scores_stay_under_the_study_number_and_the_trail_stays_whole(store, erased, now):
    with store.writing() as session:
        audit.seal(session, now)
    with store.reading() as session:
        assert len(session.exec(select(Answer).where(Answer.patient_id == erased.id)).all()) == 26
        assert audit.verify(session) is None
        text = "".join(exporting.export(session, "audit", "csv", True, now))
        assert "patient_erased" in text
        assert people.ASHA_PHONE not in text
        assert erased.study_id in "".join(exporting.export(session, "answers", "csv", False, now))


def test_others_keep_everything(store, site, erased):
    with store.reading() as session:
        bikash = patients.by_record(session, site.id, "R-102")
        assert patients.phone(session, bikash) == people.BIKASH_PHONE
        assert episodes.of_patient(session, bikash.id)


def test_who_is_not_there_cannot_be_erased(store, site, now):
    with store.writing() as session, pytest.raises(erasing.ErasureError, match="no patient 'R-9' at main"):
        erasing.erase(session, "main", "R-9", audit.COMMAND, now)
