"""The clinician's lists: who is losing relief, all patients, finding one, and the help page."""

import pytest

from prom.domain import procedures
from prom.storage import sites
from prom.web import clinician_words
from tests.web import clinician_patients as known


@pytest.fixture
def people(store, site, now):
    """Return the public ids of Bikash and Asha."""
    return known.bikash_and_asha(store, now)


def page(client, path, status=200):
    answer = client.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)[:500]
    return answer.get_data(as_text=True)


def test_whoever_lost_relief_is_listed_with_the_rule_the_csi_and_the_denominator(people, client_as):
    text = page(client_as("clinician"), "/clinic")
    assert "1 of 2 procedures followed need a look" in text
    assert "Bikash Roy" in text
    assert "Relief held on day 30 and was below 30 % by day 60" in text
    assert "CSI 50 severe" in text
    assert 'class="spark"' in text


def test_what_one_score_may_raise_is_never_in_the_colours_of_a_loss(app):
    with app.test_request_context():
        assert {kind: words.tone for kind, words in clinician_words.kinds().items()} == {
            "red_flag": "alert", "red": "alert", "deterioration": "info", "amber": "amber", "not_answering": "info",
        }  # fmt: skip


def test_whoever_is_in_relief_is_not_listed(people, client_as):
    assert "Asha Roy" not in page(client_as("clinician"), "/clinic")


def test_the_list_can_be_narrowed_to_one_kind(people, client_as):
    client = client_as("clinician")
    assert "Bikash Roy" in page(client, "/clinic?show=red")
    assert "Bikash Roy" not in page(client, "/clinic?show=not_answering")


def test_an_empty_list_says_of_how_many_nothing_is_open(store, site, now, client_as):
    known.bring_in(store, now, [("R-101", "Asha", known.LOW_CSI, 8, known.ASHA)])
    assert "of 1 procedures followed, no confirmed loss of relief is open" in page(client_as("clinician"), "/clinic")


def test_a_coordinator_sees_the_patients_but_not_the_reviews(people, client_as):
    client = client_as("coordinator")
    page(client, "/clinic", 403)
    text = page(client, "/patients")
    assert "Asha Roy" in text
    assert "Bikash Roy" in text


@pytest.mark.parametrize("role", ["admin", "auditor"])
def test_who_does_not_treat_patients_does_not_see_them(people, client_as, role):
    client = client_as(role)
    page(client, "/patients", 403)
    page(client, f"/patients/{people[0]}", 403)


def test_patients_are_filtered_by_their_verdict(people, client_as):
    client = client_as("clinician")
    text = page(client, "/patients?filter=lost")
    assert "Bikash Roy" in text
    assert "Asha Roy" not in text
    assert "Asha Roy" in page(client, "/patients?filter=in_relief")


@pytest.mark.parametrize("path", ["/patients?filter=best", "/patients?page=x", "/patients?page=-1"])
def test_a_list_that_does_not_exist_is_404(people, client_as, path):
    page(client_as("clinician"), path, 404)


@pytest.mark.parametrize("text", ["R-102", "r-102", "Bikash Roy", "bik"])
def test_a_patient_is_found_by_record_number_or_name(people, client_as, text):
    answer = client_as("clinician").post("/patients", data={"text": text})
    found = answer.get_data(as_text=True)
    # The page comes straight back: a redirect would put the name into an address.
    assert answer.status_code == 200
    assert "Bikash Roy" in found
    assert "Asha Roy" not in found


def test_a_search_that_finds_nobody_says_how_to_search(people, client_as):
    answer = client_as("clinician").post("/patients", data={"text": "Nobody"})
    assert "Write the whole record number" in answer.get_data(as_text=True)


def test_no_link_of_a_page_holds_a_name_or_a_record_number(people, client_as):
    text = page(client_as("clinician"), "/patients")
    links = [part.split('"')[0] for part in text.split('href="')[1:]]
    assert not [link for link in links if "Bikash" in link or "R-10" in link]


def test_another_site_sees_nothing_of_this_one(store, people, client_as):
    with store.writing() as session:
        north = sites.add(session, "north", "North Clinic", "Asia/Kolkata")
    client = client_as("clinician", north.id)
    assert "Bikash" not in page(client, "/patients")
    assert "Bikash" not in page(client, "/clinic")
    assert "Roy" not in client.post("/patients", data={"text": "Bikash"}).get_data(as_text=True)


def test_the_help_page_names_every_procedure_and_its_studies(client_as):
    text = page(client_as("auditor"), "/help")
    for procedure in procedures.PROCEDURES.values():
        assert procedure.label in text
    assert "Bennett 2017" in text
    assert "authors and journal not confirmed" in text
    assert "day 14 to 56" in text


def test_no_page_calls_a_score_a_diagnosis(people, client_as):
    client = client_as("clinician")
    for path in ("/clinic", "/patients", "/help", "/cohort", f"/patients/{people[0]}", f"/patients/{people[0]}/print"):
        assert "has central sensitization" not in page(client, path).lower()
