"""Files of episodes, answers and events: all or nothing, idempotent, every mistake named with its line."""

import csv
import io
from datetime import UTC, datetime

import pytest

from prom.services import importing
from prom.storage import answers, audit, consents, episodes, patients
from prom.storage.models import EpisodeState, Purpose, Source
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


def test_a_sound_row_is_stored_with_everything_it_says(store, site):
    report = _episodes(store, SOUND)
    assert (report.rows, report.stored, report.skipped_same, report.errors, report.warnings) == (1, 1, 0, [], [])
    with store.reading() as session:
        patient = patients.by_record(session, site.id, "r-1")
        assert patients.name(session, patient) == "Asha Das"
        assert patients.phone(session, patient) == "+919007000001"
        (episode,) = episodes.of_patient(session, patient.id)
        assert episode.state is EpisodeState.DONE
        assert episode.procedure_at == datetime(2025, 6, 10, 8, 0, tzinfo=UTC)
        assert consents.live(session, patient.id, Purpose.TEXTING).method == "import"
        record = episodes.sensitization(session, episode.id)
        assert (record.csi_answered, record.csi_min, record.csi_max) == (25, 25, 25)
        rows = answers.current(session, episode.id)
        assert {row.source for row in rows} == {Source.IMPORT}
        assert [row.value for row in rows if row.instrument == "nrs"] == [8]


def test_the_same_file_again_stores_nothing_and_says_so(store, site):
    _episodes(store, SOUND)
    again = _episodes(store, SOUND)
    assert (again.stored, again.skipped_same, again.errors) == (0, 1, [])
    assert _count(store) == 1


def test_a_dry_run_reports_and_stores_nothing(store, site):
    report = _episodes(store, SOUND, dry_run=True)
    assert (report.stored, report.errors) == (1, [])
    assert _count(store) == 0


def test_one_bad_row_keeps_the_whole_file_out(store, site):
    report = _episodes(store, SOUND, SOUND | {"record_id": "R-2", "sex": "Q"})
    assert report.errors == [(3, "sex", "'Q' is not one of F, M, X")]
    assert report.stored == 0
    assert _count(store) == 0


BAD_EPISODES = [
    ({"record_id": ""}, "record_id", "a record number is needed"),
    ({"record_id": "9" * 61}, "record_id", "longer than 60"),
    ({"site": ""}, "site", "is empty"),
    ({"site": "other"}, "site", "there is no site 'other'"),
    ({"first_name": "x" * 81}, "first_name", "longer than 80"),
    ({"last_name": "x" * 81}, "last_name", "longer than 80"),
    ({"phone": ""}, "phone", "there is no phone"),
    ({"phone": "hello"}, "phone", "is not a phone number"),
    ({"phone": "+9190070"}, "phone", "too few or too many"),
    ({"phone": "+913340001000"}, "phone", "is not a mobile phone"),
    ({"phone": "+911234567890"}, "phone", "is not"),
    ({"phone": "9.19E+11"}, "phone", "phone"),
    ({"phone": "+919007000001 ext 5"}, "phone", "letters or an extension"),
    ({"language": "xx"}, "language", "'xx' is not one of en"),
    ({"time_zone": "Kolkata"}, "time_zone", "is not a time zone"),
    ({"time_zone": "Asia"}, "time_zone", "is not a time zone"),
    ({"time_zone": "../../etc/passwd"}, "time_zone", "is not a time zone"),
    ({"birth_year": "61"}, "birth_year", "older than 120"),
    ({"birth_year": "2026"}, "birth_year", "after the procedure"),
    ({"birth_year": "abc"}, "birth_year", "is not a whole number"),
    ({"sex": "female"}, "sex", "is not one of F, M, X"),
    ({"procedure": "magic"}, "procedure", "'magic' is not one of"),
    ({"procedure": ""}, "procedure", "is not one of"),
    ({"target": "x" * 61}, "target", "longer than 60"),
    ({"side": "upper"}, "side", "is not one of left, right"),
    ({"level": "x" * 41}, "level", "longer than 40"),
    ({"indication": "magic"}, "indication", "is not one of"),
    ({"procedure_at": ""}, "procedure_at", "is empty"),
    ({"procedure_at": "10.06.2025"}, "procedure_at", "is not a time such as"),
    ({"procedure_at": "2025-06-10"}, "procedure_at", "has no time of day"),
    ({"procedure_at": "2025-02-30T10:00"}, "procedure_at", "is not on the calendar"),
    ({"procedure_at": "1970-01-01T10:00"}, "procedure_at", "too long ago"),
    ({"procedure_at": "2205-06-10T10:00"}, "procedure_at", "two years ahead"),
    ({"time_zone": "Europe/London", "procedure_at": "2025-03-30T01:30"}, "procedure_at", "did not exist"),
    ({"baseline_nrs": "11"}, "baseline_nrs", "11 is outside 0-10"),
    ({"baseline_nrs": "-1"}, "baseline_nrs", "-1 is outside 0-10"),
    ({"baseline_nrs": "7.5"}, "baseline_nrs", "is not a whole number"),
    ({"baseline_nrs": "seven"}, "baseline_nrs", "is not a whole number"),
    ({"csi_03": "5"}, "csi_03", "5 is outside 0-4"),
    ({"csi_25": "x"}, "csi_25", "is not a whole number"),
    ({"consent_sms_at": "2030-01-01T10:00"}, "consent_sms_at", "is in the future"),
    ({"consent_sms_at": "yes"}, "consent_sms_at", "is not a time such as"),
]


@pytest.mark.parametrize(("change", "column", "reason"), BAD_EPISODES, ids=[str(bad[0])[:40] for bad in BAD_EPISODES])
def test_a_bad_episode_row_is_named_with_line_and_reason(store, site, change, column, reason):
    report = _episodes(store, SOUND | {"record_id": "R-0", "phone": "+919007000009"}, SOUND | change)
    assert [(line, name) for line, name, _ in report.errors] == [(3, column)]
    assert reason in report.errors[0][2]
    assert report.stored == 0


def test_all_mistakes_of_all_rows_are_told_at_once(store, site):
    bad = SOUND | {"sex": "Q", "side": "up", "baseline_nrs": "12", "site": "nowhere"}
    report = _episodes(store, bad, SOUND | {"record_id": "R-2", "csi_01": "9"})
    assert {(line, name) for line, name, _ in report.errors} == {
        (2, "sex"),
        (2, "side"),
        (2, "baseline_nrs"),
        (2, "site"),
        (3, "csi_01"),
    }


def test_a_total_beside_incomplete_items_is_refused_and_beside_a_complete_form_must_agree(store, site):
    assert _episodes(store, SOUND | {"csi_total": "40"}).errors[0][1:] == (
        "csi_total",
        "is 40, but the 25 items add up to 25",
    )
    report = _episodes(store, SOUND | {"csi_total": "24", "csi_04": ""})
    assert report.errors[0][1] == "csi_total"
    assert _episodes(store, SOUND | {"csi_total": "25"}).errors == []


def test_a_total_alone_is_stored_without_items(store, site):
    row = {name: cell for name, cell in SOUND.items() if name not in CSI} | {"csi_total": "44"}
    assert _episodes(store, row).errors == []
    with store.reading() as session:
        (episode,) = episodes.of_patient(session, patients.by_record(session, site.id, "R-1").id)
        record = episodes.sensitization(session, episode.id)
        assert (record.csi_answered, record.csi_min, record.csi_max) == (None, 44, 44)


def test_an_open_csi_item_is_kept_as_skipped_and_no_csi_as_none(store, site):
    blank = SOUND | dict.fromkeys(CSI, "") | {"record_id": "R-2"}
    assert _episodes(store, SOUND | {"csi_07": ""}, blank).errors == []
    with store.reading() as session:
        (one,) = episodes.of_patient(session, patients.by_record(session, site.id, "R-1").id)
        (two,) = episodes.of_patient(session, patients.by_record(session, site.id, "R-2").id)
        record = episodes.sensitization(session, one.id)
        assert (record.csi_answered, record.csi_min, record.csi_max) == (24, 24, 28)
        skipped = [row.item for row in answers.current(session, one.id) if row.value is None]
        assert skipped == [7]
        assert episodes.sensitization(session, two.id) is None


@pytest.mark.parametrize(
    ("header", "column", "reason"),
    [
        (lambda names: [*names, "shoe_size"], "shoe_size", "unknown column 'shoe_size'"),
        (lambda names: [name for name in names if name != "procedure_at"], "procedure_at", "is missing"),
        (lambda names: [name for name in names if name != "csi_13"], "csi_13", "is missing"),
        (lambda names: [*names, "sex"], "sex", "is there twice"),
        (lambda names: [*names, ""], "", "has no name"),
    ],
)
def test_wrong_columns_are_named(store, site, header, column, reason):
    report = _load(store, "episodes", ",".join(header(list(SOUND))) + "\r\n")
    assert report.errors[0][:2] == (1, column)
    assert reason in report.errors[0][2]


def test_files_with_other_forms_are_explained(store, site):
    assert _load(store, "episodes", "").errors == [(1, "", "the file is empty")]
    assert "semicolons" in _load(store, "episodes", ";".join(SOUND) + "\n").errors[0][2]
    text = _csv(SOUND)
    assert "cells, but the header has" in _load(store, "episodes", text + "R-2,main\r\n").errors[0][2]
    assert _load(store, "episodes", text + '"open').errors[0][:2] == (3, "")


def test_line_numbers_count_lines_inside_quoted_cells_and_blank_lines(store, site):
    text = _csv(SOUND | {"last_name": "Das\nGupta"}, SOUND | {"record_id": "R-2", "sex": "Q"})
    assert _load(store, "episodes", text.replace("\r\nR-2", "\r\n\r\nR-2")).errors[0][:2] == (5, "sex")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_of_spreadsheets_are_read(store, site, encoding):
    text = _csv(SOUND | {"first_name": "আশা"})
    assert _load(store, "episodes", importing.decoded(text.encode(encoding))).errors == []
    with store.reading() as session:
        assert patients.first_name(session, patients.by_record(session, site.id, "R-1")) == "আশা"


def test_files_that_are_no_text_or_too_large_are_refused():
    with pytest.raises(importing.FileError, match="larger than 5 MB"):
        importing.decoded(b"a" * (5 * 1024 * 1024 + 1))
    with pytest.raises(importing.FileError, match="not UTF-8"):
        importing.decoded(b"\xff\x00\xfa")
    with pytest.raises(importing.FileError, match="NUL"):
        importing.decoded(b"a\0b")
