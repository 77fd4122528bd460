"""Answers and events from files, and files that cannot be read."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from prom.services import importing
from prom.storage import answers, audit, episodes, patients, plans, relief_rows
from prom.storage.models import EventKind, PromptState, Source
from tests.conftest import CASES

COHORT = CASES / "cohort"
LATER = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
needs_cohort = pytest.mark.skipif(not COHORT.exists(), reason="the sample cohort is not here")

CSI = [f"csi_{number:02d}" for number in range(1, 26)]
SOUND = {
    "record_id": "R-1",
    "site": "main",
    "first_name": "Asha",
    "last_name": "Das",
    "phone": "+919007000001",
    "language": "en",
    "time_zone": "Asia/Kolkata",
    "birth_year": "1961",
    "sex": "F",
    "procedure": "genicular_rfa",
    "target": "knee",
    "side": "left",
    "level": "",
    "indication": "osteoarthritis",
    "procedure_at": "2025-06-10T13:30:00+05:30",
    "baseline_nrs": "8",
    **dict.fromkeys(CSI, "1"),
    "consent_sms_at": "2025-06-03T13:30:00+05:30",
}
ANSWER = {
    "record_id": "R-1",
    "procedure_at": "2025-06-10T13:30:00+05:30",
    "instrument": "nrs",
    "item": "average_24h",
    "value": "3",
    "answered_at": "2025-06-13T10:00:00+05:30",
    "source": "sms",
}
EVENT = {"record_id": "R-1", "procedure_at": "2025-06-10T13:30:00+05:30", "kind": "repeat", "on": "2025-12-01"}


def _csv(*rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _load(store, what, text, **options):
    with store.writing() as session:
        return getattr(importing, what)(session, text, audit.COMMAND, LATER, **options)


def _episodes(store, *rows, **options):
    return _load(store, "episodes", _csv(*rows), **options)


def _count(store):
    with store.reading() as session:
        return len(episodes.between(session, [1], datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)))


def test_local_times_are_read_in_the_patients_zone(store, site):
    row = SOUND | {"time_zone": "Europe/London", "procedure_at": "2025-06-10T13:30"}
    assert _episodes(store, row).errors == []
    with store.reading() as session:
        (episode,) = episodes.of_patient(session, patients.by_record(session, site.id, "R-1").id)
        assert episode.procedure_at == datetime(2025, 6, 10, 12, 30, tzinfo=UTC)


def test_a_local_time_that_came_twice_is_told(store, site):
    row = SOUND | {"time_zone": "Europe/London", "procedure_at": "2025-10-26T01:30"}
    report = _episodes(store, row)
    assert report.errors == []
    assert "came twice" in report.warnings[0]


def test_another_procedure_or_date_is_a_second_episode_of_the_same_patient(store, site):
    second = SOUND | {"procedure_at": "2025-11-10T10:00:00+05:30"}
    report = _episodes(store, SOUND, SOUND | {"side": "right"}, second)
    assert (report.stored, report.errors, report.warnings) == (3, [], [])
    with store.reading() as session:
        assert len(episodes.of_patient(session, patients.by_record(session, site.id, "R-1").id)) == 3


def test_contradictions_about_a_known_person_are_told_and_change_nothing(store, site):
    second = SOUND | {"procedure_at": "2025-11-10T10:00", "birth_year": "1962", "first_name": "Usha"}
    report = _episodes(store, SOUND, second)
    assert report.errors == []
    assert [warning.split(": ")[:2] for warning in report.warnings] == [
        ["line 3", "first_name"],
        ["line 3", "birth_year"],
    ]
    with store.reading() as session:
        patient = patients.by_record(session, site.id, "R-1")
        assert (patient.birth_year, patients.first_name(session, patient)) == (1961, "Asha")


def test_a_phone_of_two_patients_is_told(store, site):
    report = _episodes(store, SOUND, SOUND | {"record_id": "R-2"})
    assert report.stored == 2
    assert report.warnings == ["line 3: phone: another patient of this site has the same phone"]


@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        ({"baseline_nrs": "7"}, "baseline_nrs", "another value"),
        ({"csi_01": "2"}, "csi_01", "another value"),
        ({"procedure_at": "2025-06-10T15:00:00+05:30"}, "procedure_at", "for the same day at 13:30"),
    ],
)
def test_a_repeated_row_that_says_something_else_is_an_error(store, site, change, column, reason):
    _episodes(store, SOUND)
    report = _episodes(store, SOUND | change)
    assert report.errors[0][:2] == (2, column)
    assert reason in report.errors[0][2]


def test_another_sites_name_is_unknown_to_who_may_not_see_it(store, site):
    report = _episodes(store, SOUND, site_ids=[site.id + 1])
    assert report.errors == [(2, "site", "there is no site 'main'")]


def test_past_windows_are_planned_but_never_texted(store, site):
    _episodes(store, SOUND)
    with store.reading() as session:
        (episode,) = episodes.of_patient(session, patients.by_record(session, site.id, "R-1").id)
        rows = plans.prompts(session, episode.id)
        assert [row.time_point for row in rows if row.state is PromptState.PLANNED] == ["d270", "d365"]
        assert {row.reason for row in rows if row.state is PromptState.NOT_SENT} == {"before_enrolment"}


BAD_ANSWERS = [
    ({"record_id": ""}, "record_id", "is empty"),
    ({"record_id": "R-9"}, "record_id", "no patient has this record number"),
    ({"procedure_at": "2025-06-11T13:30:00+05:30"}, "procedure_at", "no procedure at that time"),
    ({"procedure_at": ""}, "procedure_at", "is empty"),
    ({"procedure_at": "soon"}, "procedure_at", "is not a time such as"),
    ({"instrument": "mood"}, "instrument", "'mood' is not one of nrs"),
    ({"instrument": ""}, "instrument", "is empty"),
    ({"item": "worst"}, "item", "one of average_24h, current"),
    ({"item": ""}, "item", "one of average_24h, current"),
    ({"instrument": "csi", "item": "26"}, "item", "a number from 1 to 25"),
    ({"instrument": "csi", "item": "0"}, "item", "a number from 1 to 25"),
    ({"instrument": "peg", "item": "4"}, "item", "a number from 1 to 3"),
    ({"instrument": "pgic", "item": "2"}, "item", "has no items"),
    ({"value": ""}, "value", "is empty"),
    ({"value": "11"}, "value", "outside 0-10"),
    ({"value": "3.5"}, "value", "is not a whole number"),
    ({"value": "٣"}, "value", "is not a whole number"),
    ({"instrument": "csi", "item": "3", "value": "5"}, "value", "outside 0-4"),
    ({"instrument": "csi_total", "item": "", "value": "101"}, "value", "outside 0-100"),
    ({"instrument": "pgic", "item": "", "value": "0"}, "value", "outside 1-7"),
    ({"instrument": "relief_percent", "item": "", "value": "-5"}, "value", "outside 0-100"),
    ({"answered_at": ""}, "answered_at", "is empty"),
    ({"answered_at": "2025-06-13"}, "answered_at", "has no time of day"),
    ({"answered_at": "2026-03-03T10:00"}, "answered_at", "is in the future"),
    ({"source": "pigeon"}, "source", "is not one of sms"),
]


@pytest.mark.parametrize(("change", "column", "reason"), BAD_ANSWERS, ids=[str(bad[0])[:40] for bad in BAD_ANSWERS])
def test_a_bad_answer_row_is_named_with_line_and_reason(store, site, change, column, reason):
    _episodes(store, SOUND)
    report = _load(store, "answers", _csv(ANSWER, ANSWER | {"answered_at": "2025-06-17T10:00"} | change))
    assert [(line, name) for line, name, _ in report.errors] == [(3, column)]
    assert reason in report.errors[0][2]
    assert report.stored == 0


def test_answers_keep_time_and_source_and_are_stored_once(store, site):
    _episodes(store, SOUND)
    rows = [ANSWER, ANSWER | {"instrument": "csi", "item": "3", "value": "2", "source": "link"}]
    report = _load(store, "answers", _csv(*rows, rows[0]))
    assert (report.rows, report.stored, report.skipped_same, report.errors) == (3, 2, 1, [])
    again = _load(store, "answers", _csv(*rows))
    assert (again.stored, again.skipped_same) == (0, 2)
    with store.reading() as session:
        (episode,) = episodes.of_patient(session, patients.by_record(session, site.id, "R-1").id)
        found = [row for row in answers.current(session, episode.id) if row.occasion == "import"]
        assert {(row.instrument, row.item, row.value, row.source) for row in found} == {
            ("nrs", 0, 3, Source.SMS),
            ("csi", 3, 2, Source.LINK),
        }
        assert found[0].answered_at == datetime(2025, 6, 13, 4, 30, tzinfo=UTC)
        assert answers.verify_macs(session) == []


def test_an_imported_answer_answers_the_prompt_of_its_window(store, site):
    _episodes(store, SOUND)
    late = ANSWER | {"answered_at": "2025-07-10T10:00:00+05:30", "value": "4"}
    assert _load(store, "answers", _csv(ANSWER, late)).errors == []
    with store.reading() as session:
        (episode,) = episodes.of_patient(session, patients.by_record(session, site.id, "R-1").id)
        states = {row.time_point: row.state for row in plans.prompts(session, episode.id)}
        assert states["d3"] is PromptState.ANSWERED
        assert states["d30"] is PromptState.PARTLY
        assert states["d60"] is PromptState.NOT_SENT


def test_another_value_at_the_same_time_is_an_error(store, site):
    _episodes(store, SOUND)
    report = _load(store, "answers", _csv(ANSWER, ANSWER | {"value": "4"}))
    assert report.errors == [(3, "value", "another value is stored for the same question and time")]


BAD_EVENTS = [
    ({"record_id": "R-9"}, "record_id", "no patient"),
    ({"procedure_at": "2025-06-11T13:30:00+05:30"}, "procedure_at", "no procedure at that time"),
    ({"kind": "party"}, "kind", "'party' is not one of repeat"),
    ({"kind": ""}, "kind", "is empty"),
    ({"on": ""}, "on", "is empty"),
    ({"on": "01.12.2025"}, "on", "is not a date such as"),
    ({"on": "2025-02-30"}, "on", "is not on the calendar"),
    ({"on": "2026-03-03"}, "on", "is in the future"),
]


@pytest.mark.parametrize(("change", "column", "reason"), BAD_EVENTS, ids=[str(bad[0])[:40] for bad in BAD_EVENTS])
def test_a_bad_event_row_is_named_with_line_and_reason(store, site, change, column, reason):
    _episodes(store, SOUND)
    report = _load(store, "events", _csv(EVENT | change))
    assert [(line, name) for line, name, _ in report.errors] == [(2, column)]
    assert reason in report.errors[0][2]


def test_an_event_ends_the_plan_and_is_stored_once(store, site):
    _episodes(store, SOUND)
    assert _load(store, "events", _csv(EVENT)).stored == 1
    assert _load(store, "events", _csv(EVENT)).skipped_same == 1
    with store.reading() as session:
        (episode,) = episodes.of_patient(session, patients.by_record(session, site.id, "R-1").id)
        assert [event.kind for event in episodes.events(session, [episode.id])] == [EventKind.REPEAT]
        assert {row.state for row in plans.prompts(session, episode.id)} == {
            PromptState.NOT_SENT,
            PromptState.CANCELLED,
        }


@needs_cohort
def test_the_cohort_is_imported_once_and_scored_as_expected(store, site):
    expected = {case["record_id"]: case for case in json.loads((COHORT / "expected.json").read_text())["episodes"]}
    counts = {"episodes": 60, "answers": 671, "events": 2}
    for what, count in counts.items():
        text = importing.decoded((COHORT / f"{what}.csv").read_bytes())
        report = _load(store, what, text)
        assert (report.stored, report.skipped_same, report.errors) == (count, 0, [])
    for what, count in counts.items():
        text = importing.decoded((COHORT / f"{what}.csv").read_bytes())
        again = _load(store, what, text)
        assert (again.stored, again.skipped_same, again.errors) == (0, count, [])
    with store.reading() as session:
        for record_id, case in expected.items():
            patient = patients.by_record(session, site.id, record_id)
            (episode,) = episodes.of_patient(session, patient.id)
            record = episodes.sensitization(session, episode.id)
            csi = case["csi"]
            assert (record.csi_answered, record.csi_min, record.csi_max) == (
                csi["answered"],
                csi["min_total"],
                csi["max_total"],
            )
            assert _outcome(session, episode) == {"T50": case["T50"]["state"], "T30": case["T30"]["state"]}


def _outcome(session, episode):
    rows = relief_rows.stored(session, [episode.id])[episode.id]
    return {f"T{threshold}": row.state for threshold, row in rows.items()}
