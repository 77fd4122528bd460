"""Enrolment in three steps: what was typed is kept, every mistake is named at its field, duplicates are refused."""

import html
import re

import pytest

from prom.storage import consents, episodes, patients, plans
from prom.storage import desk as desk_rows
from prom.storage.models import EpisodeState, MessageState, Purpose
from tests import people
from tests.web.desk import other_site, page

WHO = {
    "record_number": "R-900",
    "first_name": "Nila",
    "last_name": "Bose",
    "phone": "90070 00188",
    "language": "bn",
    "time_zone": "Asia/Kolkata",
    "birth_year": "1961",
    "sex": "F",
    "consent_texts": "yes",
    "consent_data": "yes",
    "consent_on": "2026-03-02",
    "consent_method": "paper",
}
PROCEDURE = {
    "procedure": "genicular_rfa",
    "target": "knee",
    "side": "left",
    "indication": "osteoarthritis",
    "procedure_at": "2026-03-12T10:00",
}
BASELINE = {"baseline_nrs": "7", **{f"csi_{number:02d}": "2" for number in range(1, 26)}}
ALL = {**WHO, **PROCEDURE, **BASELINE}


@pytest.fixture
def client(client_as):
    """Return the coordinator's browser."""
    return client_as("coordinator")


def step(client, number, sent, go="next"):
    return client.post("/enrol", data={**sent, "step": str(number), "go": go})


def carried(shown):
    """Return the hidden fields of a page, as the browser would send them on."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', shown)
    return {name: html.unescape(value) for name, value in found if name not in {"csrf_token", "step"}}


def enrolled(wired, site, record="R-900"):
    with wired.store.reading() as session:
        patient = patients.by_record(session, site.id, record)
        return (patient, episodes.of_patient(session, patient.id)) if patient else (None, [])


def test_three_steps_and_a_summary_lead_to_the_schedule(client, wired, site):
    assert "Enrol a patient" in page(client.get("/enrol"))
    second = page(step(client, 1, WHO))
    third = page(step(client, 2, {**carried(second), **PROCEDURE}))
    fourth = page(step(client, 3, {**carried(third), **BASELINE}))
    assert "Nila Bose" in fourth
    assert "25 of 25 answered, 50" in fourth
    assert enrolled(wired, site) == (None, [])
    answer = step(client, 4, carried(fourth), "enrol")
    assert answer.status_code == 303
    patient, (episode,) = enrolled(wired, site)
    assert answer.location.endswith(f"/patients/{patient.public_id}/schedule?episode={episode.public_id}")
    assert (episode.procedure, episode.side, episode.state) == ("genicular_rfa", "left", EpisodeState.PLANNED)
    with wired.store.reading() as session:
        assert patients.phone(session, patient) == "+919007000188"
        assert {row.purpose for row in consents.of_patient(session, patient.id)} == {Purpose.TEXTING, Purpose.DATA_USE}
        assert episodes.sensitization(session, episode.id).csi_min == 50
        assert len(plans.prompts(session, episode.id)) == 13
    assert "Enrolled." in page(client.get(answer.location))


def test_an_empty_first_step_names_each_field(client):
    answer = step(client, 1, {})
    assert answer.status_code == 422
    shown = page(answer)
    for place in ("record_number", "consent_texts", "consent_data"):
        assert f'<a href="#{place}">' in shown
        assert f'id="{place}"' in shown


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("phone", "12", "Mobile phone:"),
        ("phone", "+91 33 2345 6789", "not a mobile phone"),
        ("phone", "", "texts were agreed to, but there is no phone"),
        ("birth_year", "61", "Year of birth:"),
        ("birth_year", "2030", "after the procedure"),
        ("birth_year", "old", "must be a whole number"),
        ("time_zone", "Asia/Nowhere", "not a time zone"),
        ("time_zone", "../etc/passwd", "not a time zone"),
        ("consent_on", "2026-05-01", "is in the future"),
        ("consent_on", "May", "must be a date"),
        ("consent_method", "", "say how the consent was given"),
        ("consent_texts", "maybe", "choose yes or no"),
        ("sex", "Q", "Sex:"),
        ("language", "xx", "Language:"),
        ("first_name", "x" * 90, "is longer than 80 characters"),
    ],
)
def test_a_mistake_about_the_person_stays_on_the_first_step(client, field, typed, says):
    answer = step(client, 1, {**WHO, field: typed})
    assert answer.status_code == 422
    shown = html.unescape(page(answer))
    assert says in shown
    assert f'href="#{field}"' in shown
    assert 'value="R-900"' in shown


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("procedure", "", "is not one of"),
        ("procedure", "magic", "is not one of"),
        ("procedure_at", "", "is needed"),
        ("procedure_at", "soon", "must be a date with a time"),
        ("procedure_at", "2026-03-12", "must be a date with a time"),
        ("procedure_at", "1950-03-12T10:00", "too long ago"),
        ("procedure_at", "2036-03-12T10:00", "more than two years ahead"),
        ("side", "up", "is not one of"),
    ],
)
def test_a_mistake_about_the_procedure_stays_on_the_second_step(client, field, typed, says):
    answer = step(client, 2, {**WHO, **PROCEDURE, field: typed})
    assert answer.status_code == 422
    assert says in html.unescape(page(answer))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"baseline_nrs": "11"}, "11 is outside 0-10"),
        ({"baseline_nrs": "seven"}, "must be a whole number"),
        ({"csi_03": "5"}, "5 is outside 0-4"),
        ({"csi_total": "101", **{f"csi_{n:02d}": "" for n in range(1, 26)}}, "101 is outside 0-100"),
        ({"csi_total": "49"}, "add up to 50"),
        ({"csi_total": "50", "csi_25": ""}, "give all 25 items, or the total alone"),
        ({"baseline_at": "2026-03-20T10:00"}, "never from memory after it"),
        ({"baseline_at": "2026-03-10T10:00"}, "is in the future"),
    ],
)
def test_a_mistake_about_the_baseline_stays_on_the_third_step(client, wired, site, changes, says):
    answer = step(client, 3, {**ALL, **changes})
    assert answer.status_code == 422
    assert says in html.unescape(page(answer))
    assert step(client, 4, {**ALL, **changes}, "enrol").status_code == 422
    assert enrolled(wired, site) == (None, [])


def test_the_schedule_preview_is_dated_and_priced_per_language(client):
    shown = page(step(client, 2, {**WHO, **PROCEDURE}, "show"))
    assert "Day 14" in shown
    assert "Thu 26 Mar 2026" in shown
    assert "23 Mar to 29 Mar" in shown
    assert "31" in shown
    for name in ("English", "हिन्दी", "বাংলা"):
        assert name in shown
    cost = re.search(r'<th scope="row">English</th><td[^>]*>(\d+)</td><td[^>]*>(\d+)</td>', shown)
    indic = re.search(r'<th scope="row">বাংলা – chosen</th><td[^>]*>(\d+)</td><td[^>]*>(\d+)</td>', shown)
    assert cost.group(1) == indic.group(1)
    assert int(indic.group(2)) > int(cost.group(2))


def test_left_out_items_leave_the_total_between_its_bounds(client):
    shown = page(step(client, 3, {**ALL, "csi_25": ""}, "show"))
    assert "24 of 25 answered." in shown
    assert "Total between 48 and 52." in shown


def test_back_keeps_what_was_typed(client):
    shown = page(step(client, 3, ALL, "1"))
    assert 'value="Nila"' in shown
    assert carried(shown)["csi_25"] == "2"
    assert carried(shown)["procedure_at"] == "2026-03-12T10:00"


def test_the_same_procedure_of_the_same_patient_is_refused(client, wired, site):
    assert step(client, 4, ALL, "enrol").status_code == 303
    again = step(client, 2, ALL)
    assert again.status_code == 422
    assert "already enrolled" in page(again)
    assert "is known here: Nila Bose" in page(again)
    assert step(client, 4, ALL, "enrol").status_code == 422
    assert len(enrolled(wired, site)[1]) == 1


def test_another_side_of_a_known_patient_is_a_second_procedure(client, wired, site):
    step(client, 4, ALL, "enrol")
    assert step(client, 4, {**ALL, "side": "right"}, "enrol").status_code == 303
    assert len(enrolled(wired, site)[1]) == 2


def test_a_phone_that_another_patient_has_is_told(client, wired, site, now):
    with wired.store.writing() as session:
        people.asha(session, site, now)
    shown = page(step(client, 3, {**ALL, "phone": people.ASHA_PHONE}))
    assert "another patient of this site has the same phone" in shown


def test_a_past_date_counts_as_done_and_needs_a_baseline_from_before_it(client, wired, site):
    past = {**ALL, "procedure_at": "2026-02-20T10:00"}
    assert step(client, 3, past).status_code == 422
    dated = {**past, "baseline_at": "2026-02-19T09:00"}
    assert step(client, 4, dated, "enrol").status_code == 303
    _patient, (episode,) = enrolled(wired, site)
    assert episode.state is EpisodeState.DONE


def test_without_consent_no_text_waits(client, wired, site):
    step(client, 4, {**ALL, "consent_texts": "no", "phone": ""}, "enrol")
    patient, _episodes = enrolled(wired, site)
    with wired.store.reading() as session:
        assert not [m for m in desk_rows.messages_of(session, patient.id) if m.state is MessageState.PENDING]


def test_a_site_that_is_not_mine_is_never_enrolled_into(client, wired, site):
    far = other_site(wired.store)
    assert step(client, 4, {**ALL, "site": far.public_id}, "enrol").status_code == 404
    assert enrolled(wired, far) == (None, [])
    assert enrolled(wired, site) == (None, [])


def test_odd_requests_are_refused(client):
    assert step(client, 9, WHO).status_code == 400
    assert step(client, 1, WHO, "jump").status_code == 400
    shown = page(step(client, 1, {**WHO, "first_name": '<script>alert("x")</script>', "phone": "1"}))
    assert "<script>" not in shown


@pytest.mark.parametrize("role", ["clinician", "admin", "auditor"])
def test_only_coordinators_enrol(client_as, role):
    assert client_as(role).get("/enrol").status_code == 403


def test_enrolling_needs_the_forms_token(app, client, wired, site):
    app.config["WTF_CSRF_ENABLED"] = True
    assert step(client, 4, ALL, "enrol").status_code == 400
    assert enrolled(wired, site) == (None, [])
