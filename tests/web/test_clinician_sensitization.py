"""The sensitization page: typed, refused at its field with what was typed kept, recorded, seen in its history."""

from datetime import timedelta

import pytest

from prom.storage import audit, episodes, sites
from prom.storage.models import Patient
from tests import people
from tests.web.desk import page


@pytest.fixture
def asha(app, wired, site, now):
    """Return Asha's episode, ten days ahead, without a questionnaire."""
    with wired.store.writing() as session:
        return people.asha(session, site, now, csi_items=None)


@pytest.fixture
def person(wired, asha):
    """Return Asha."""
    with wired.store.reading() as session:
        return session.get(Patient, asha.patient_id)


def record(wired, episode):
    with wired.store.reading() as session:
        return episodes.sensitization(session, episode.id)


def test_a_clinician_types_the_whole_record(client_as, wired, asha, person):
    client = client_as("clinician")
    typed = {
        "brush_allodynia": "beyond", "static_pressure": "site", "cold_heat": "not_done", "ppt_site_kpa": "210",
        "widespread_pain": "9", "symptom_severity": "7", "dn4": "", "not_done": ["dn4"], "opioids": "no",
        "image_guidance": "fluoroscopy", "csi": "", "csi_digits": "2" * 25, "episode": asha.public_id,
    }  # fmt: skip
    answer = client.post(f"/patients/{person.public_id}/sensitization", data=typed)
    assert answer.status_code == 303
    row = record(wired, asha)
    assert (row.brush_allodynia, row.cold_heat, row.widespread_pain, row.csi_min) == ("beyond", "not_done", 9, 50)
    assert row.not_done.split() == ["cold_heat", "dn4"]
    shown = page(client.get(answer.location))
    assert "Findings lean both ways" in shown
    assert "25 of 25 items" in shown
    assert "in the clinic: 25 items" in shown
    assert "History (1)" in shown


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_is_kept(client_as, wired, asha, person):
    client = client_as("coordinator")
    typed = {"widespread_pain": "25", "technique": "cooled RFA", "csi_digits": "12345", "phq4": "3", "not_done": "phq4"}
    answer = client.post(f"/patients/{person.public_id}/sensitization", data=typed)
    assert answer.status_code == 422
    shown = page(answer)
    assert "A value and “not done” cannot both stand." in shown
    answer = client.post(f"/patients/{person.public_id}/sensitization", data=typed | {"not_done": ""})
    shown = page(answer)
    assert "Write a whole number from 0 to 19." in shown
    assert "Write 25 signs" in shown
    assert 'value="cooled RFA"' in shown
    assert 'href="#widespread_pain"' in shown
    assert record(wired, asha) is None


def test_after_the_procedure_a_coordinator_sees_no_findings_to_type(client_as, wired, asha, person, site):
    with wired.store.writing() as session:
        row = episodes.by_ids(session, [asha.id])[0]
        row.procedure_at = wired.clock.now() - timedelta(days=5)
        row.state = "done"
        session.add(row)
    path = f"/patients/{person.public_id}/sensitization"
    coordinator = client_as("coordinator")
    assert 'name="dn4"' not in page(coordinator.get(path))
    assert coordinator.post(path, data={"dn4": "5", "found_on": "2026-02-20"}).status_code == 422
    clinician = client_as("clinician")
    assert "flagged as copied in afterwards" in page(clinician.get(path))
    assert "say on which day" in page(clinician.post(path, data={"dn4": "5"}))
    assert clinician.post(path, data={"dn4": "5", "found_on": "2026-02-20"}).status_code == 303
    assert "Copied in after the procedure: DN4." in page(clinician.get(path))


def test_another_site_finds_nothing_and_the_try_is_noted(client_as, wired, asha, person):
    with wired.store.writing() as session:
        north = sites.add(session, "north", "North Clinic", "Asia/Kolkata")
    stranger = client_as("clinician", north.id)
    path = f"/patients/{person.public_id}/sensitization"
    assert stranger.get(path).status_code == 404
    assert stranger.post(path, data={"dn4": "5"}).status_code == 404
    with wired.store.reading() as session:
        assert "refused_other_site" in [row.action for row in audit.history(session, "patient", person.public_id)]
    assert record(wired, asha) is None


def test_an_admin_sees_no_patient(client_as, person):
    assert client_as("admin").get(f"/patients/{person.public_id}/sensitization").status_code == 403


def test_the_page_leaves_a_row_that_it_was_read(client_as, wired, person):
    client_as("clinician").get(f"/patients/{person.public_id}/sensitization")
    with wired.store.reading() as session:
        rows = audit.history(session, "patient", person.public_id)
    assert ("read", "sensitization") in [(row.action, row.reason) for row in rows]
