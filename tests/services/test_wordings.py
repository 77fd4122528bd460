"""Emergency texts and lists of warning signs need clinical review until exactly that wording is signed."""

import pytest
from sqlmodel import select

from prom.services import wordings
from prom.storage.models import Audit, Patient, Site
from tests import people


def unsigned(store, site):
    with store.reading() as session:
        return [(item.key, item.language) for item in wordings.unsigned(session, session.get_one(Site, site.id))]


def sign_all(store, site, doctor, now, language="en"):
    with store.writing() as session:
        row = session.get_one(Site, site.id)
        for item in wordings.items(session, row, language):
            assert wordings.sign(session, row, item.key, language, item.digest, people.actor(doctor), now)


def test_nothing_is_signed_at_the_start_and_all_of_it_after_signing(store, site, dr_rao, now):
    assert {key for key, _ in unsigned(store, site)} == {*wordings.keys(), wordings.RED_FLAGS}
    sign_all(store, site, dr_rao, now)
    assert unsigned(store, site) == []
    with store.reading() as session:
        rows = session.exec(select(Audit).where(Audit.action == "wording signed")).all()
    assert len(rows) == len(wordings.keys()) + 1


def test_only_the_languages_of_the_sites_patients_are_asked_for(store, site, dr_rao, now):
    sign_all(store, site, dr_rao, now)
    with store.writing() as session:
        people.bikash(session, site, now)
    languages = {language for _, language in unsigned(store, site)}
    with store.reading() as session:
        spoken = set(session.exec(select(Patient.language)))
    assert languages == spoken - {"en"}


def test_a_signature_holds_for_its_own_site_only(store, site, dr_rao, now):
    sign_all(store, site, dr_rao, now)
    with store.writing() as session:
        far = Site(name="far", label="Far", time_zone="Asia/Kolkata", key_sealed=store.vault.new_data_key())
        session.add(far)
    assert len(unsigned(store, far)) == len(wordings.keys()) + 1


def test_another_emergency_number_makes_the_texts_unsigned_again(store, site, dr_rao, now):
    sign_all(store, site, dr_rao, now)
    with store.writing() as session:
        session.get_one(Site, site.id).country = "US"
    keys = {key for key, _ in unsigned(store, site)}
    assert "emergency" in keys
    assert wordings.RED_FLAGS not in keys


def test_a_wording_that_changed_since_it_was_read_is_not_signed(store, site, dr_rao, now):
    with store.writing() as session:
        row = session.get_one(Site, site.id)
        read = wordings.items(session, row, "en")[0]
        row.country = "US"
        with pytest.raises(wordings.WordingChangedError):
            wordings.sign(session, row, read.key, "en", read.digest, people.actor(dr_rao), now)


def test_signing_twice_is_one_signature(store, site, dr_rao, now):
    sign_all(store, site, dr_rao, now)
    with store.writing() as session:
        row = session.get_one(Site, site.id)
        item = wordings.items(session, row, "en")[-1]
        assert item.key == wordings.RED_FLAGS
        assert not wordings.sign(session, row, item.key, "en", item.digest, people.actor(dr_rao), now)


def test_an_unknown_wording_cannot_be_signed(store, site, dr_rao, now):
    with store.writing() as session, pytest.raises(ValueError, match="no wording"):
        wordings.sign(session, site, "thanks", "en", "x", people.actor(dr_rao), now)


def test_the_text_to_sign_names_the_number_that_patients_will_call(store, site):
    with store.reading() as session:
        row = session.get_one(Site, site.id)
        texts = {item.key: item.text for item in wordings.items(session, row, "en")}
    assert "112" in texts["emergency"]
    assert "14416" in texts["emergency_self_harm"]
