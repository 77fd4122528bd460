"""Treatments beside a procedure on the page: added, ended, corrected, taken out, each in its history."""

import pytest

from prom.storage import audit, lists, sites
from tests.web import clinician_patients as known
from tests.web.desk import page


@pytest.fixture
def bikash(store, site, now):
    """Return the public id of Bikash."""
    return known.bikash_and_asha(store, now)[0]


@pytest.fixture
def client(bikash, client_as):
    """Return a signed-in clinician."""
    return client_as("clinician")


def lanes(store, patient_id):
    with store.reading() as session:
        return lists.co_treatments(session, [known.episode_of(session, patient_id).id])


def post(client, patient_id, **typed):
    return client.post(f"/patients/{patient_id}/treatments", data=typed)


@pytest.fixture
def lane(store, client, bikash):
    """Return an anticonvulsant that goes on."""
    answer = post(client, bikash, do="add", kind="anticonvulsant", started_on="2025-12-01", note="pregabalin")
    assert answer.status_code == 303
    return lanes(store, bikash)[0]


def test_a_treatment_is_added_and_drawn_under_the_course(store, client, bikash, lane):
    assert (lane.kind.value, str(lane.started_on), lane.stopped_on) == ("anticonvulsant", "2025-12-01", None)
    shown = page(client.get(f"/patients/{bikash}"))
    assert "Anticonvulsant (gabapentinoid)" in shown
    assert "and going on" in shown
    assert "pregabalin" in page(client.get(f"/patients/{bikash}/treatments"))


def test_a_treatment_is_ended(store, client, bikash, lane):
    assert post(client, bikash, do="end", treatment_id=lane.public_id, stopped_on="2026-01-15").status_code == 303
    assert str(lanes(store, bikash)[0].stopped_on) == "2026-01-15"


def test_a_correction_needs_a_reason_and_stays_in_the_history(store, client, bikash, lane):
    typed = {"do": "correct", "treatment_id": lane.public_id, "kind": "antidepressant", "started_on": "2025-12-03"}
    answer = post(client, bikash, **typed)
    assert answer.status_code == 422
    assert "Say why it is changed." in page(answer)
    assert 'value="2025-12-03"' in page(answer)
    post(client, bikash, **typed, reason="wrong line of the chart")
    assert (lanes(store, bikash)[0].kind.value, str(lanes(store, bikash)[0].started_on)) == (
        "antidepressant",
        "2025-12-03",
    )
    shown = page(client.get(f"/patients/{bikash}/treatments"))
    assert "2025-12-01 → 2025-12-03 (wrong line of the chart)" in shown


def test_a_treatment_that_was_never_given_is_taken_out_with_a_reason(store, client, bikash, lane):
    assert post(client, bikash, do="remove", treatment_id=lane.public_id).status_code == 422
    post(client, bikash, do="remove", treatment_id=lane.public_id, reason="another patient's")
    assert lanes(store, bikash) == []
    with store.reading() as session:
        last = audit.history(session, "cotreatment", lane.public_id)[0]
    assert (last.action, last.reason) == ("treatment removed", "another patient's")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"kind": "magic", "started_on": "2025-12-01"}, "Choose a treatment."),
        ({"kind": "cbt"}, "Write the day it started."),
        ({"kind": "cbt", "started_on": "yesterday"}, "Write a date such as"),
        ({"kind": "cbt", "started_on": "2027-12-01"}, "The start lies in the future."),
        ({"kind": "cbt", "started_on": "2025-12-01", "stopped_on": "2025-11-01"}, "The end lies before the start."),
    ],
)
def test_what_cannot_be_is_refused_and_kept_in_the_form(store, client, bikash, typed, words):
    answer = post(client, bikash, do="add", **typed)
    assert answer.status_code == 422
    assert words in page(answer)
    assert lanes(store, bikash) == []


def test_another_site_changes_nothing(store, bikash, lane, client_as):
    with store.writing() as session:
        north = sites.add(session, "north", "North Clinic", "Asia/Kolkata")
    stranger = client_as("clinician", north.id)
    assert stranger.get(f"/patients/{bikash}/treatments").status_code == 404
    assert post(stranger, bikash, do="remove", treatment_id=lane.public_id, reason="x").status_code == 404
    assert len(lanes(store, bikash)) == 1


def test_the_lane_of_another_patient_is_not_found(store, client, bikash, lane):
    asha = known.public_id(store, "R-101")
    assert post(client, asha, do="remove", treatment_id=lane.public_id, reason="x").status_code == 404
    assert len(lanes(store, bikash)) == 1
