"""The pages that merge a duplicate: what may be the same person, what would move, and only then the merge."""

import pytest

from prom.storage import episodes
from prom.storage.models import Patient
from tests import people
from tests.web.desk import actions, another, fresh, page


@pytest.fixture
def two(app, wired, site, now):
    """Return the two records of Asha."""
    with wired.store.writing() as session:
        rows = [
            people.asha(session, site, now),
            people.asha(session, site, now, record_number="R-901", side="right", phone="+919007000901"),
        ]
        return [session.get_one(Patient, row.patient_id) for row in rows]


def address(patient):
    return f"/patients/{patient.public_id}/merge"


def test_the_schedule_leads_to_the_records_that_may_be_the_same_person(client_as, two):
    client = client_as("coordinator")
    assert address(two[0]) in page(client.get(f"/patients/{two[0].public_id}/schedule"))
    shown = page(client.get(address(two[0])))
    assert "R-901" in shown
    assert "Same person" in shown


def test_another_record_is_found_by_its_number(client_as, wired, site, two, now):
    with wired.store.writing() as session:
        people.bikash(session, site, now)
    assert "Bikash Roy" in page(client_as("coordinator").post(address(two[0]), data={"text": "R-102"}))


def test_what_would_move_is_shown_and_nothing_changes(client_as, wired, two):
    shown = page(client_as("coordinator").post(address(two[0]), data={"other": two[1].public_id}))
    assert "Keep R-101, merge R-901 into it?" in shown
    assert "+91 90070 00901" in shown
    assert "Keep R-901 instead" in shown
    assert fresh(wired.store, two[1]).merged_into_id is None


def test_the_other_record_may_be_kept_instead(client_as, wired, two):
    sent = {"other": two[1].public_id, "keep": two[1].public_id}
    assert "Keep R-901, merge R-101 into it?" in page(client_as("coordinator").post(address(two[0]), data=sent))


def test_merging_needs_a_tick_that_it_is_one_person(client_as, wired, two):
    sent = {"other": two[1].public_id, "keep": two[0].public_id, "confirm": "1"}
    answer = client_as("coordinator").post(address(two[0]), data=sent)
    assert answer.status_code == 422
    assert "Tick that both records are one person." in page(answer)
    assert fresh(wired.store, two[1]).merged_into_id is None


def test_after_the_merge_both_addresses_show_the_kept_record(client_as, wired, two):
    client = client_as("coordinator")
    sent = {"other": two[1].public_id, "keep": two[0].public_id, "confirm": "1", "sure": "y"}
    assert "Merged: everything is on this record now." in page(
        client.post(address(two[0]), data=sent, follow_redirects=True)
    )
    with wired.store.reading() as session:
        assert len(episodes.of_patient(session, two[0].id)) == 2
    assert "R-101" in page(client.get(f"/patients/{two[1].public_id}/schedule"))
    history = page(client.get(f"/patients/{two[0].public_id}/history"))
    assert "A duplicate was merged into this record" in history
    assert page(client.get("/patients?q=Asha")).count("R-901") == 0


def test_a_record_of_another_site_is_not_there_and_the_try_is_noted(client_as, wired, two, now):
    _far, foreign = another(wired.store, now)
    with wired.store.reading() as session:
        theirs = session.get_one(Patient, foreign.patient_id).public_id
    answer = client_as("coordinator").post(address(two[0]), data={"other": theirs, "confirm": "1", "sure": "y"})
    assert answer.status_code == 404
    assert len(actions(wired.store, "refused_other_site")) == 1


def test_clinicians_do_not_merge(client_as, two):
    assert client_as("clinician").get(address(two[0])).status_code == 403
