"""The expected course on the patient's page: a sentence with its numbers, or its reason for being absent."""

import pytest

from prom.services import comparing
from tests.services import test_comparing_expected as crowds
from tests.web import clinician_patients as known


@pytest.mark.parametrize(("held", "words"), [(20, "an estimated 67"), (3, "No expected course: 13 patients held")])
def test_the_patients_page_tells_the_expected_course_or_why_not(store, site, now, client_as, monkeypatch, held, words):
    monkeypatch.setattr(known, "_at", lambda now: crowds.treated(now, 300))
    people = crowds.crowd(held, crowds.HELD, "H") + crowds.crowd(10, crowds.LOST, "L")
    known.bring_in(store, now, people)
    monkeypatch.setattr(known, "_at", lambda now: crowds.treated(now, 70))
    (asha,) = known.bring_in(store, now, crowds.crowd(1, crowds.TO_DAY_60, "A"))
    with store.writing() as session:
        comparing.refresh_snapshots(session, now)
    text = client_as("clinician").get(f"/patients/{asha}").get_data(as_text=True)
    assert words in text
    assert "is no promise" in text
