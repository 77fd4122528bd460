"""The report page."""

import pytest

from tests import people
from tests.web.signing import text


@pytest.mark.parametrize("role", ["coordinator", "clinician", "admin"])
def test_everybody_of_the_clinic_reads_the_report(client_as, store, site, now, role):
    with store.writing() as session:
        people.asha(session, site, now)
    page = text(client_as(role).get("/reports?month=2026-03"))
    assert "Report for March 2026" in page
    assert "Next month:" in page


@pytest.mark.parametrize("month", ["", "2026-13", "soon", "2026-03"])
def test_a_month_that_is_none_shows_this_one(client_as, site, month):
    assert "Report for March 2026" in text(client_as("clinician").get(f"/reports?month={month}"))
