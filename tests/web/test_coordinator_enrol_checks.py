"""Beside the enrolment form: the phone in words, a test text with its state, duplicates, and many from a list."""

import io
import re
from datetime import timedelta

import pytest

from prom.storage import episodes, messages, patients
from prom.storage.models import MessageKind, MessageState
from tests import people
from tests.web.desk import another, other_site, page
from tests.web.test_coordinator_enrol import BASELINE, PROCEDURE, WHO, carried, enrolled, step

LIST = (
    "record_id,first_name,last_name,phone,procedure,side,target,procedure_at,consent_sms_at\n"
    "R-501,Tara,Sen,9007000501,genicular_rfa,left,knee,2026-03-12 10:00,2026-03-01 09:00\n"
    "R-502,Uma,Dey,9007000502,epidural_steroid,,lumbar,2026-03-12 11:00,\n"
)


@pytest.fixture
def client(client_as):
    """Return the coordinator's browser."""
    return client_as("coordinator")


def test_a_mobile_number_is_named_with_its_country(client):
    shown = page(step(client, 1, WHO, "check"))
    assert "+91 90070 00188: a mobile number of India" in shown


def test_a_number_of_another_country_is_told(client):
    shown = page(step(client, 1, WHO | {"phone": "+447400123456"}, "check"))
    assert "a mobile number of United Kingdom" in shown
    assert "Not the country of the site" in shown


@pytest.mark.parametrize("typed", ["", "12", "+91 33 2345 6789", "call me"])
def test_a_number_that_takes_no_texts_is_told_at_its_field(client, typed):
    answer = step(client, 1, WHO | {"phone": typed}, "check")
    assert answer.status_code == 422
    assert '<a href="#phone">' in page(answer)


def texts(wired):
    from sqlmodel import select

    from prom.storage.models import Message

    with wired.store.reading() as session:
        return [row for row in session.exec(select(Message)) if row.kind is MessageKind.TEST]


def test_a_test_text_is_queued_and_its_state_can_be_asked(client, wired):
    shown = page(step(client, 1, WHO, "test"))
    (row,) = texts(wired)
    assert "Test text: is about to leave" in shown
    address = re.search(r'data-test-text="([^"]+)"', shown)[1]
    assert client.get(address).get_json()["over"] is False
    with wired.store.writing() as session:
        messages.by_public_id(session, row.public_id).state = MessageState.SENT
    assert "sent, waiting for the phone" in client.get(address).get_json()["words"]
    with wired.store.writing() as session:
        messages.by_public_id(session, row.public_id).state = MessageState.DELIVERED
    state = client.get(address).get_json()
    assert state["over"] is True
    assert "delivered, the phone can read us" in state["words"]
    again = page(step(client, 1, carried(shown) | WHO, "check"))
    assert "delivered, the phone can read us" in again


def test_the_state_of_a_test_text_belongs_to_its_number(client):
    shown = page(step(client, 1, WHO, "test"))
    other = page(step(client, 1, carried(shown) | WHO | {"phone": "90070 00177"}, "check"))
    assert "Test text:" not in other


def test_no_test_text_without_a_yes_to_texts(client, wired):
    answer = step(client, 1, WHO | {"consent_texts": "no"}, "test")
    assert answer.status_code == 422
    assert texts(wired) == []


def test_a_test_text_of_another_site_or_of_none_is_not_there(client_as, wired, client):
    step(client, 1, WHO, "test")
    far = other_site(wired.store)
    (row,) = texts(wired)
    assert client_as("coordinator", far.id).get(f"/enrol/test/{row.public_id}").status_code == 404
    assert client.get("/enrol/test/nobody").status_code == 404


def test_the_same_phone_and_a_similar_name_are_told_with_who(client, wired, site, now):
    with wired.store.writing() as session:
        people.asha(session, site, now)
        people.bikash(session, site, now, first_name="Nila", last_name="Boshe", birth_year=1961)
    shown = page(step(client, 1, WHO | {"phone": people.ASHA_PHONE}))
    assert re.search(r"Asha Das · R-101</a> has the same phone", shown)
    assert re.search(r"Nila Boshe · R-102</a> has a similar name and year of birth", shown)


def test_another_year_of_birth_is_another_person(client, wired, site, now):
    with wired.store.writing() as session:
        people.bikash(session, site, now, first_name="Nila", last_name="Bose", birth_year=1980)
    assert "Is the person here already?" not in page(step(client, 1, WHO))


def test_a_record_number_of_another_site_is_told_by_nothing_more(client, wired, now):
    another(wired.store, now)
    shown = page(step(client, 1, WHO | {"record_number": "R-101"}))
    assert "This record number is already known here." in shown
    assert "Asha" not in shown
    assert "Far" not in shown


def test_after_saving_without_a_baseline_the_patient_answers_it(client, wired, site):
    answer = step(client, 4, {**WHO, **PROCEDURE}, "enrol")
    patient, (episode,) = enrolled(wired, site)
    assert answer.location.endswith(f"/patients/{patient.public_id}/baseline/{episode.public_id}")
    assert client.get(answer.location).status_code == 200


def test_another_procedure_starts_with_what_is_known_and_no_name_in_the_address(client, wired, site, now):
    step(client, 4, {**WHO, **PROCEDURE, **BASELINE}, "enrol")
    patient, _rows = enrolled(wired, site)
    shown = page(client.get(f"/patients/{patient.public_id}/schedule"))
    address = f"/enrol?patient={patient.public_id}"
    assert address in shown
    form = page(client.get(address))
    assert 'value="R-900"' in form
    assert 'value="Nila"' in form
    step(client, 4, {**WHO, **PROCEDURE, "side": "right"}, "enrol")
    assert [row.side for row in enrolled(wired, site)[1]] == ["left", "right"]


def test_a_patient_of_another_site_fills_no_form(client, wired, now):
    _far, foreign = another(wired.store, now)
    with wired.store.reading() as session:
        theirs = episodes.patient_of(session, foreign).public_id
    assert client.get(f"/enrol?patient={theirs}").status_code == 404


def posted(client, text, go="check", **changes):
    return client.post("/enrol/list", data={"lines": text, "go": go} | changes)


def test_a_list_is_shown_as_it_was_understood_and_stores_nothing(client, wired, site):
    shown = page(posted(client, LIST))
    assert "2 new procedures, 0 there already." in shown
    assert "Tara Sen" in shown
    assert "Enrol 2 procedures" in shown
    assert enrolled(wired, site, "R-501") == (None, [])


def test_a_list_is_enrolled_whole_with_what_is_the_same_for_all_filled_in(client, wired, site):
    assert posted(client, LIST, "enrol").status_code == 303
    patient, (episode,) = enrolled(wired, site, "R-501")
    assert (patient.language, patient.time_zone, episode.side) == ("en", "Asia/Kolkata", "left")
    with wired.store.reading() as session:
        assert patients.phone(session, patient) == "+919007000501"
    assert enrolled(wired, site, "R-502")[0] is not None
    assert "0 new procedures, 2 there already." in page(posted(client, LIST))


def test_one_bad_line_names_itself_and_nobody_is_enrolled(client, wired, site):
    bad = LIST + "R-503,Bad,Row,12,magic,left,knee,soon,\n"
    answer = posted(client, bad, "enrol")
    shown = page(answer)
    assert answer.status_code == 422
    assert "Line 4, phone" in shown
    assert "Line 4, procedure_at" in shown
    assert enrolled(wired, site, "R-501") == (None, [])
    assert "R-503" in shown


@pytest.mark.parametrize("mark", ["\t", ";"])
def test_lines_pasted_from_a_spreadsheet_are_read(client, mark):
    assert "2 new procedures" in page(posted(client, LIST.replace(",", mark)))


def test_columns_may_be_called_as_people_call_them(client):
    text = LIST.replace("record_id", "MRN").replace("phone", "Mobile").replace("procedure_at", "Date")
    assert "2 new procedures" in page(posted(client, text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "needs a line with the names of its columns"),
        ("record_id,procedure,procedure_at\n", "needs a line with the names of its columns"),
        ("record_id,procedure\nR-1,genicular_rfa\n", "The column procedure_at is missing."),
        ("record_id,mrn,procedure,procedure_at\na,b,c,d\n", "The column record_id is there twice."),
        ("record_id,procedure,procedure_at,shoe\na,b,c,d\n", "There is no column"),
        ("record_id,procedure,procedure_at\na,b,c,d\n", "Line 2 has 4 cells, but there are 3 columns."),
        ("record_id,procedure,procedure_at\n" + "a,b,c\n" * 501, "500 are allowed"),
        ('record_id,procedure,procedure_at\n"a,b,c\n', "The list cannot be read"),
    ],
)
def test_what_is_no_list_is_told(client, text, says):
    answer = posted(client, text)
    assert answer.status_code == 422
    assert says in page(answer)


def test_a_file_may_be_chosen_instead(client, wired, site):
    sent = {"go": "check", "file": (io.BytesIO(("\ufeff" + LIST).encode()), "list.csv")}
    assert "2 new procedures" in page(client.post("/enrol/list", data=sent, content_type="multipart/form-data"))
    sent = {"go": "check", "file": (io.BytesIO(b"\xff\x00\xff"), "list.csv")}
    assert client.post("/enrol/list", data=sent, content_type="multipart/form-data").status_code == 422


def test_a_list_never_enrols_into_another_site(client, wired, site):
    far = other_site(wired.store)
    text = LIST.replace("record_id,", "site,record_id,").replace("R-501", "far,R-501").replace("R-502", "far,R-502")
    assert posted(client, text, "enrol").status_code == 422
    assert posted(client, text, "enrol", site=far.public_id).status_code == 404
    assert enrolled(wired, far, "R-501") == (None, [])


@pytest.mark.parametrize("role", ["clinician", "admin", "auditor"])
def test_only_coordinators_enrol_from_a_list(client_as, role):
    assert client_as(role).get("/enrol/list").status_code == 403


def test_a_phone_stops_taking_test_texts_after_three_in_an_hour(client, wired, now):
    for _each in range(3):
        assert step(client, 1, WHO, "test").status_code == 200
        wired.clock.move_to(wired.clock.now() + timedelta(seconds=5))
    assert "3 test texts within the hour" in page(step(client, 1, WHO, "test"))


def test_a_consent_is_kept_in_the_version_the_site_uses_now(client, wired, site, now):
    from prom.domain import consent
    from prom.services import consenting_texts
    from prom.storage import audit, consents
    from prom.storage.models import Purpose

    words = "\n\n".join(consent.document(consent.Purpose.TEXTING, "bn", clinic="{clinic}", phone="{phone}").paragraphs)
    with wired.store.writing() as session:
        chosen = session.get(type(site), site.id)
        consenting_texts.add(session, chosen, Purpose.TEXTING, "bn", "2026.1", words, audit.COMMAND, now)
    assert "2026.1" in page(step(client, 1, WHO | {"consent_on": "2026-03-02"}, "check"))
    assert "version 2026.1" in page(step(client, 3, {**WHO, **PROCEDURE, **BASELINE}))
    step(client, 4, {**WHO, **PROCEDURE, **BASELINE}, "enrol")
    patient, _rows = enrolled(wired, site)
    with wired.store.reading() as session:
        kept = {row.purpose: row.version for row in consents.of_patient(session, patient.id)}
    assert kept[Purpose.TEXTING] == "2026.1"
    assert kept[Purpose.DATA_USE] != "2026.1"
