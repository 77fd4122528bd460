"""Sites: opened with a key of their own, seen by an administrator as sums."""

import pytest

from prom.storage import sites
from tests import people
from tests.web.signing import text

GOOD = {"name": "north", "label": "North Clinic", "time_zone": "Asia/Dhaka", "country": "bd", "language": "bn"}


def test_a_site_is_opened_with_its_own_zone_country_and_language(client_as, store, site):
    assert client_as("admin").post("/admin/sites", data=GOOD).status_code == 303
    with store.reading() as session:
        north = sites.by_name(session, "north")
        assert (north.label, north.time_zone, north.country, north.language) == (
            "North Clinic",
            "Asia/Dhaka",
            "BD",
            "bn",
        )
        assert north.key_sealed != site.key_sealed


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "main"), ("name", "No Spaces"), ("label", ""), ("time_zone", "Kolkata"), ("country", "India")],
)
def test_what_is_wrong_is_said_beside_its_field(client_as, store, site, field, value):
    answer = client_as("admin").post("/admin/sites", data=GOOD | {field: value})
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.get_data(as_text=True)
    with store.reading() as session:
        assert len(sites.everything(session)) == 1


def test_an_administrator_sees_sums_and_no_patient(client_as, store, site, now):
    with store.writing() as session:
        people.asha(session, site, now)
        people.bikash(session, site, now)
    page = text(client_as("admin").get("/admin/sites"))
    assert 'data-label="Patients" class="num">2<' in page
    assert "Bikash" not in page
    assert "R-101" not in page


def test_only_administrators_open_sites(client_as, site):
    assert client_as("coordinator").post("/admin/sites", data=GOOD).status_code == 403
