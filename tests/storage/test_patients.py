"""Patients' sealed fields, and how they are found."""

import pytest
from sqlalchemy import text

from prom.storage import patients
from prom.storage.models import Patient, Site
from prom.storage.patients import Identity
from prom.storage.vault import VaultError


def _added(store, site, number, first, last, phone, now, time_zone="Asia/Kolkata"):
    with store.writing() as session:
        patient = Patient(
            site_id=site.id,
            key_sealed=store.vault.new_data_key(),
            record_index="",
            time_zone=time_zone,
            created_at=now,
        )
        ids = patients.add_all(session, [(patient, Identity(number, first, last, phone))])
        return session.get_one(Patient, ids[patient.public_id])


@pytest.fixture
def two(store, site, now):
    return [
        _added(store, site, "R-7", "আশা", "Das Gupta", "+919007000001", now),
        _added(store, site, "R-8", "Anand", "Dasgupta", "+919007000001", now),
    ]


def test_names_are_found_by_word_and_by_their_first_letters(store, site, two):
    with store.reading() as session:

        def found(words):
            return [patients.record_number(session, row) for row in patients.by_name(session, words, [site.id])]

        assert found("das") == ["R-8", "R-7"]
        assert found("DAS gupta") == ["R-7"]
        assert found("dasgupta") == ["R-8"]
        assert found("আশা") == ["R-7"]
        assert found("ana das") == ["R-8"]
        assert found("da") == []
        assert found("  ") == []
        assert found("nobody") == []


def test_a_name_is_not_found_at_another_site(store, site, two):
    with store.reading() as session:
        assert patients.by_name(session, "das", [site.id + 1]) == []


def test_a_record_number_is_found_whatever_its_case_and_width(store, site, two):
    with store.reading() as session:
        for written in ("R-7", " r-7", "Ｒ-７"):
            assert patients.by_record(session, site.id, written).id == two[0].id
        assert patients.by_record(session, site.id, "R-9") is None
        assert patients.by_record(session, site.id + 1, "R-7") is None


def test_all_patients_of_a_phone_are_found(store, two):
    with store.reading() as session:
        assert [row.id for row in patients.by_phone(session, "+919007000001")] == [row.id for row in two]
        assert patients.by_phone(session, "+919007000002") == []


def test_a_public_id_is_found_only_at_ones_own_sites(store, site, two):
    with store.reading() as session:
        assert patients.by_public_id(session, two[0].public_id, None).id == two[0].id
        assert patients.by_public_id(session, two[0].public_id, [site.id]).id == two[0].id
        assert patients.by_public_id(session, two[0].public_id, [site.id + 1]) is None
        assert patients.by_public_id(session, two[0].public_id, []) is None


def test_another_phone_and_name_replace_their_indexes(store, site, two):
    with store.writing() as session:
        patient = session.get_one(Patient, two[0].id)
        patients.set_phone(session, patient, "+919007000009")
        patients.set_name(session, patient, "Usha", "")
        session.flush()
        assert patients.phone(session, patient) == "+919007000009"
        assert patients.name(session, patient) == "Usha"
        assert [row.id for row in patients.by_name(session, "das", [site.id])] == [two[1].id]
        assert [row.id for row in patients.by_name(session, "ush", [site.id])] == [two[0].id]
        patients.set_phone(session, patient, None)
        assert patients.phone(session, patient) is None


def test_nothing_that_names_a_patient_lies_in_the_database(store, two):
    with store.reading() as session:
        rows = [
            *session.execute(text("SELECT * FROM patient")),
            *session.execute(text("SELECT * FROM nameindex")),
        ]
    for row in rows:
        for cell in row:
            plain = cell if isinstance(cell, bytes) else str(cell).encode()
            for secret in ("Das", "das", "Anand", "9007000001", "R-7", "আশা"):
                assert secret.encode() not in plain


def test_a_cell_moved_to_another_row_does_not_open(store, two):
    with store.writing() as session:
        one, other = (session.get_one(Patient, row.id) for row in two)
        other.key_sealed, other.first_name_sealed = one.key_sealed, one.first_name_sealed
        with pytest.raises(VaultError, match="does not open"):
            patients.first_name(session, other)


def test_a_patient_without_name_and_phone_has_none(store, site, now):
    patient = _added(store, site, "R-1", "", "", None, now)
    with store.reading() as session:
        assert (patients.name(session, patient), patients.phone(session, patient)) == ("", None)
        assert session.get_one(Site, site.id).name == "main"
