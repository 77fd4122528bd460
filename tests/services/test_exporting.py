"""Exports: without names or dates unless asked, no cell runs as a formula, every column explained."""

import csv
import io
import json
from datetime import timedelta

import pytest
from sqlmodel import select

from prom.services import consenting, ending, exporting, merging, planning, watching
from prom.storage import answers, audit, episodes, patients
from prom.storage.models import EventKind, Patient, Purpose, Sensitization, Source
from tests import people

TABLES = ("episodes", "answers", "outcomes", "messages", "audit")


@pytest.fixture
def followed(store, site, now):
    """Return a time a fortnight after Asha's procedure, with an answer and an event on record."""
    later = now + timedelta(days=30)
    with store.writing() as session:
        episode = people.asha(session, site, now, first_name="=Asha", target="-knee|cmd")
        people.bikash(session, site, now)
        planning.mark_done(session, episode, episode.procedure_at, audit.COMMAND, episode.procedure_at)
        answers.add(
            session,
            episode,
            occasion="d14",
            instrument="nrs",
            series="average_24h",
            value=3,
            answered_at=episode.procedure_at + timedelta(days=14),
            now=later,
            source=Source.SMS,
        )
        on = (episode.procedure_at + timedelta(days=20)).date()
        ending.record(session, episode, EventKind.REPEAT, on, audit.COMMAND, later)
        consenting.withdraw_follow_up(session, episodes.patient_of(session, episode), on, audit.COMMAND, later)
        watching.refresh(session, [episode.id], later)
    return later


def _text(store, what, fmt, now, *, identified=False, **options):
    with store.reading() as session:
        return "".join(exporting.export(session, what, fmt, identified, now, **options))


def _rows(store, what, now, **options):
    return list(csv.DictReader(io.StringIO(_text(store, what, "csv", now, **options))))


@pytest.mark.parametrize("what", TABLES)
@pytest.mark.parametrize("fmt", ["csv", "json"])
def test_no_name_phone_record_number_or_date_leaves_unless_asked(store, followed, what, fmt):
    text = _text(store, what, fmt, followed)
    for secret in ("Asha", "Das", people.ASHA_PHONE, "9007000", "R-101", "2026-", "main", "Kolkata"):
        assert secret not in text


def test_identified_exports_name_the_patient(store, followed):
    row = _rows(store, "episodes", followed, identified=True)[0]
    assert (row["record_id"], row["last_name"], row["phone"]) == ("R-101", "Das", people.ASHA_PHONE)
    assert row["procedure_at"] == "2026-03-12T10:00:00+05:30"
    assert row["birth_year"] == "1960"


def test_an_episode_carries_baseline_age_and_csi(store, followed):
    row = _rows(store, "episodes", followed)[0]
    assert (row["baseline_nrs"], row["baseline_answers"], row["age"]) == ("8.0", "1", "66")
    assert (row["csi_total"], row["csi_band"], row["csi_01"], row["csi_25"]) == ("20", "subclinical", "1", "0")
    assert (row["state"], row["texts"], row["episode"]) == ("done", "no", "1")


def test_answers_carry_days_since_the_procedure(store, followed):
    rows = [row for row in _rows(store, "answers", followed) if row["occasion"] == "d14"]
    assert [(row["day"], row["value"], row["series"], row["source"]) for row in rows] == [
        ("14", "3", "average_24h", "sms")
    ]


def test_outcomes_carry_both_thresholds(store, followed):
    rows = _rows(store, "outcomes", followed)
    assert [row["threshold"] for row in rows] == ["50", "30"]
    assert rows[0]["baseline"] == "8.0"


def test_messages_tell_what_waits_and_what_was_held_back(store, followed):
    rows = _rows(store, "messages", followed)
    held = {row["reason"] for row in rows if row["state"] == "suppressed"}
    assert held == {"repeat", "window_over"}
    assert {row["due_day"] for row in rows} >= {"-7", "-1", "3", "365"}


def test_the_audit_trail_is_opened_only_with_names(store, followed):
    assert "old" not in _rows(store, "audit", followed)[0]
    rows = _rows(store, "audit", followed, identified=True)
    recorded = [row for row in rows if row["action"] == "event recorded"]
    assert recorded[0]["new"] == "repeat 2026-04-01"
    left = [row for row in rows if row["action"] == "follow-up withdrawn"]
    assert (left[0]["object_kind"], left[0]["new"]) == ("patient", "2026-04-01")


def test_formula_cells_are_escaped_and_phones_and_negatives_are_not(store, followed):
    row = _rows(store, "episodes", followed, identified=True)[0]
    assert row["first_name"] == "'=Asha"
    assert row["target"] == "'-knee|cmd"
    assert row["phone"] == people.ASHA_PHONE
    messages = _rows(store, "messages", followed)
    assert "-7" in {row["due_day"] for row in messages}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("+919007000001", "+919007000001"),
        (-3, "-3"),
        ("-3.5", "-3.5"),
        ("=1+1", "'=1+1"),
        ("+1+1", "'+1+1"),
        ("-1+cmd", "'-1+cmd"),
        ("@sum", "'@sum"),
        ("\t=1", "'\t=1"),
        (" =1", "' =1"),
        ("＝1", "'＝1"),
        ("plain", "plain"),
        ("", ""),
        (None, ""),
        (True, "yes"),
    ],
)
def test_a_cell_never_runs(value, written):
    assert exporting.cell(value) == written


@pytest.mark.parametrize("what", TABLES)
@pytest.mark.parametrize("identified", [False, True])
def test_json_has_the_columns_of_the_codebook(store, followed, what, identified):
    rows = json.loads(_text(store, what, "json", followed, identified=identified))
    names = [entry["column"] for entry in exporting.codebook(what, identified=identified)]
    assert rows
    assert all(list(row) == names for row in rows)
    assert all(entry["meaning"] for entry in exporting.codebook(what, identified=identified))


def test_an_empty_database_exports_an_empty_list_and_a_header(store, site, now):
    assert json.loads(_text(store, "answers", "json", now)) == []
    assert _text(store, "answers", "csv", now).startswith("study_id,episode,")


@pytest.mark.parametrize("what", TABLES)
def test_other_sites_stay_out(store, site, followed, what):
    assert json.loads(_text(store, what, "json", followed, site_ids=[site.id + 1])) == []


def test_what_cannot_be_exported_is_said_plainly(store, now):
    with store.reading() as session:
        with pytest.raises(exporting.ExportError, match="known are episodes"):
            exporting.export(session, "secrets", "csv", False, now)
        with pytest.raises(exporting.ExportError, match="no format 'xls'"):
            exporting.export(session, "answers", "xls", False, now)


def test_an_export_leaves_an_audit_row(store, site, now):
    with store.writing() as session:
        exporting.note(session, "answers", "csv", True, audit.COMMAND, now)
    assert _rows(store, "audit", now, identified=True)[-1]["reason"] == "answers as csv, with names"


def test_exports_follow_the_number_of_the_procedure(store, site, now, followed):
    with store.writing() as session:
        people.asha(session, site, now, side="right")
        assert len(episodes.of_patient(session, 1)) == 2
    rows = _rows(store, "episodes", followed)
    assert sorted(row["episode"] for row in rows if row["study_id"] == rows[0]["study_id"]) == ["1", "2"]


@pytest.mark.parametrize("what", ["episodes", "answers"])
@pytest.mark.parametrize("identified", [False, True])
def test_a_fhir_bundle_is_valid_and_names_nobody_unless_asked(store, followed, what, identified):
    bundle = pytest.importorskip("fhir.resources.R4B.bundle")
    text = _text(store, what, "fhir", followed, identified=identified)
    bundle.Bundle.model_validate_json(text)
    entries = [entry["resource"] for entry in json.loads(text)["entry"]]
    kinds = {entry["resourceType"] for entry in entries}
    answered = {"Observation", "Questionnaire", "QuestionnaireResponse"} if what == "answers" else set()
    assert kinds == {"Patient", "Consent", "Procedure"} | answered
    assert (people.ASHA_PHONE in text) == identified
    # The bundle carries the time it was made, and no other date.
    assert ("2026-" in json.dumps(entries)) == identified


def test_a_pain_score_in_fhir_is_an_integer_with_its_days(store, followed):
    entries = [entry["resource"] for entry in json.loads(_text(store, "answers", "fhir", followed))["entry"]]
    (score,) = [
        one for one in entries if one["resourceType"] == "Observation" and one["extension"][0]["valueInteger"] == 14
    ]
    assert score["valueInteger"] == 3
    assert score["code"]["coding"][0] == {"system": "http://loinc.org", "code": "72514-3"}
    assert "effectiveDateTime" not in score


def test_a_form_in_fhir_is_a_response_to_its_questionnaire_with_a_derived_total(store, followed):
    entries = [entry["resource"] for entry in json.loads(_text(store, "answers", "fhir", followed))["entry"]]
    (form,) = [one for one in entries if one["resourceType"] == "Questionnaire"]
    responses = [one for one in entries if one["resourceType"] == "QuestionnaireResponse"]
    assert len(form["item"]) == 25
    assert form["item"][0] == {
        "linkId": "1",
        "text": "Item 1: unrefreshing sleep",
        "type": "integer",
        "required": False,
    }
    assert {one["questionnaire"] for one in responses} == {"urn:x-prom:questionnaire:csi|1"}
    assert {one["status"] for one in responses} == {"completed"}
    (derived,) = [
        one for one in entries if one.get("derivedFrom", [{}])[0].get("reference", "").endswith(responses[0]["id"])
    ]
    items = [answer["answer"][0]["valueInteger"] for answer in responses[0]["item"]]
    assert (len(items), derived["valueInteger"]) == (25, sum(items))


def test_a_consent_taken_back_is_inactive_in_fhir(store, followed):
    entries = [entry["resource"] for entry in json.loads(_text(store, "episodes", "fhir", followed))["entry"]]
    consents = [one for one in entries if one["resourceType"] == "Consent"]
    assert {one["status"] for one in consents} == {"active", "inactive"}
    assert all("dateTime" not in one for one in consents)


def test_every_id_in_a_fhir_bundle_is_its_own(store, followed):
    entries = [entry["resource"] for entry in json.loads(_text(store, "answers", "fhir", followed))["entry"]]
    ids = [(one["resourceType"], one["id"]) for one in entries]
    assert len(set(ids)) == len(ids)


def test_an_empty_fhir_bundle_is_valid(store, site, now):
    assert json.loads(_text(store, "answers", "fhir", now))["type"] == "collection"


def test_redcap_records_have_unique_event_names_and_fields_of_the_dictionary(store, followed):
    procedures = list(csv.DictReader(io.StringIO(_text(store, "episodes", "redcap", followed))))
    records = list(csv.DictReader(io.StringIO(_text(store, "answers", "redcap", followed))))
    dictionary = list(csv.DictReader(io.StringIO("".join(exporting.data_dictionary()))))
    fields = [row["Variable / Field Name"] for row in dictionary]
    assert len(dictionary[0]) == 18
    assert set(procedures[0]) | set(records[0]) == {
        *fields,
        "redcap_event_name",
        "redcap_repeat_instrument",
        "redcap_repeat_instance",
    }
    assert procedures[0]["redcap_event_name"] == "baseline_arm_1"
    asha = [row for row in records if row["record_id"] == procedures[0]["record_id"]]
    assert [(row["redcap_event_name"], row["day"], row["nrs_average"], row["csi_01"]) for row in asha] == [
        ("baseline_arm_1", "-10", "8", "1"),
        ("d14_arm_1", "14", "3", ""),
    ]


def test_the_redcap_set_up_names_every_event_of_the_records(store, followed):
    with store.reading() as session:
        files = {name: "".join(parts) for name, parts in exporting.beside(session, "answers", "redcap", False)}
    events = list(csv.DictReader(io.StringIO(files["redcap-events.csv"])))
    pairs = list(csv.DictReader(io.StringIO(files["redcap-instrument-event-mapping.csv"])))
    names = [row["unique_event_name"] for row in events]
    assert names[:4] == ["baseline_arm_1", "d_minus_7_arm_1", "d_minus_1_arm_1", "d3_arm_1"]
    assert names[-1] == "unscheduled_arm_1"
    assert [int(row["day_offset"]) for row in events] == list(range(len(events)))
    assert all(f"{row['event_name']}_arm_1" == row["unique_event_name"] for row in events)
    assert [(row["unique_event_name"], row["form"]) for row in pairs[:2]] == [
        ("baseline_arm_1", "procedure"),
        ("baseline_arm_1", "answers"),
    ]
    records = _text(store, "answers", "redcap", followed)
    assert {row["redcap_event_name"] for row in csv.DictReader(io.StringIO(records))} <= set(names)


def test_an_episode_carries_its_sensitization_record(store, followed):
    with store.writing() as session:
        record = session.exec(select(Sensitization).order_by(Sensitization.episode_id)).first()
        record.brush_allodynia, record.ppt_site_kpa, record.not_done = "beyond", 180.5, "dn4"
    row = _rows(store, "episodes", followed)[0]
    assert [row[name] for name in ("brush_allodynia", "ppt_site_kpa", "dn4", "not_done")] == [
        "beyond",
        "180.5",
        "",
        "dn4",
    ]


def test_a_csv_comes_with_its_codebook(store, followed):
    with store.reading() as session:
        files = {name: "".join(parts) for name, parts in exporting.beside(session, "answers", "csv", False)}
    rows = list(csv.DictReader(io.StringIO(files["answers-codebook.csv"])))
    header = _text(store, "answers", "csv", followed).splitlines()[0].split(",")
    assert [row["column"] for row in rows] == header
    assert all(row["meaning"] for row in rows)


@pytest.mark.parametrize("fmt", ["redcap", "fhir"])
def test_tables_without_such_a_form_say_so(store, now, fmt):
    with store.reading() as session, pytest.raises(exporting.ExportError, match="episodes and answers do"):
        exporting.export(session, "audit", fmt, False, now)


@pytest.fixture
def took_back(store, followed):
    """Let Bikash take back that his answers may be used; Asha was never asked, which leaves her in."""
    with store.writing() as session:
        bikash = next(one for one in session.exec(select(Patient)) if patients.first_name(session, one) == "Bikash")
        given = {"version": "1", "language": "bn", "method": "paper", "actor": audit.COMMAND}
        consenting.give(session, bikash, Purpose.DATA_USE, given_at=followed, now=followed, **given)
        consenting.withdraw(session, bikash, Purpose.DATA_USE, followed, audit.COMMAND, followed)
        (episode,) = episodes.of_patient(session, bikash.id)
        planning.mark_done(session, episode, episode.procedure_at, audit.COMMAND, episode.procedure_at)
        watching.refresh(session, [episode.id], followed)
    return bikash.study_id


@pytest.mark.parametrize("what", ["episodes", "answers", "outcomes", "messages"])
def test_who_took_back_the_use_of_answers_is_in_no_export_without_names(store, followed, took_back, what):
    for fmt in ("csv", "json", *(("redcap", "fhir") if what in {"episodes", "answers"} else ())):
        assert took_back not in _text(store, what, fmt, followed), fmt
    assert took_back in _text(store, what, "json", followed, identified=True)
    assert {row["study_id"] for row in _rows(store, what, followed)} != set()


@pytest.mark.parametrize("fmt", ["csv", "json", "redcap", "fhir"])
def test_an_export_says_how_many_are_left_out(store, followed, took_back, fmt):
    told = "1 patient is left out: they took back the consent to the use of their answers."
    with store.reading() as session:
        files = {name: "".join(text) for name, text in exporting.beside(session, "episodes", fmt, False)}
        named = {name for name, _ in exporting.beside(session, "episodes", fmt, True)}
        assert exporting.left_out(session, "audit", False) == ""
    assert files["episodes-left-out.txt"] == f"{told}\n"
    assert "episodes-left-out.txt" not in named
    assert fmt != "csv" or told in files["episodes-codebook.csv"]


def test_a_consent_given_again_brings_the_answers_back(store, followed, took_back):
    with store.writing() as session:
        bikash = session.exec(select(Patient).where(Patient.study_id == took_back)).one()
        again = followed + timedelta(hours=1)
        given = {"version": "1", "language": "bn", "method": "paper", "actor": audit.COMMAND}
        consenting.give(session, bikash, Purpose.DATA_USE, given_at=again, now=again, **given)
        assert exporting.left_out(session, "episodes", False) == ""
    assert took_back in _text(store, "episodes", "csv", followed)


def test_a_merged_duplicate_and_its_doubled_procedure_are_nobody_of_their_own(store, site, now):
    with store.writing() as session:
        kept = people.asha(session, site, now)
        twin = people.asha(session, site, now, record_number="R-901", phone="+919007000901")
        keep, drop = (session.get_one(Patient, one.patient_id) for one in (kept, twin))
        merging.merge(session, keep, drop, audit.COMMAND, now)
        gone = drop.study_id
    for what in TABLES[:-1]:
        for identified in (False, True):
            rows = json.loads(_text(store, what, "json", now, identified=identified))
            assert gone not in {row["study_id"] for row in rows}
            assert {row["episode"] for row in rows} <= {1, None}
    assert len(_rows(store, "episodes", now)) == 1
    for fmt in ("redcap", "fhir"):
        assert gone not in _text(store, "answers", fmt, now)
