"""The REDCap files go into a REDCap project as they are, and PyCap reads back what the answers table holds."""

import csv
import io
from datetime import timedelta

import pytest

from prom.domain import instruments, own_instruments
from prom.services import exporting, planning
from prom.storage import answers, audit, episodes
from prom.storage.models import Source
from tests import people
from tests.doubles.redcap import TOKEN, Redcap
from tests.services.test_own_instruments import STIFF

redcap = pytest.importorskip("redcap")

# A key that another field has, and one that REDCap would rename.
AWKWARD = {
    "day.toml": STIFF.replace("stiff", "day").replace("items = 3", "items = 1").replace('"mean"', '"single"'),
    "odd.toml": STIFF.replace("stiff", "odd__key_"),
}


def _only_first(text):
    head, first, *_ = text.split("[[question]]")
    return f"{head}[[question]]{first}"


@pytest.fixture
def adopted():
    before = instruments.adopt(
        own_instruments.added_by(
            {"stiff.toml": STIFF, "day.toml": _only_first(AWKWARD["day.toml"]), "odd.toml": AWKWARD["odd.toml"]}
        )
    )
    yield
    instruments.adopt(before)


def _answer(session, episode, day, value, occasion, instrument="nrs", item=0, now=None, number=0):
    answers.add(
        session,
        episode,
        occasion=occasion,
        instrument=instrument,
        series="average_24h" if instrument == "nrs" else "",
        item=item,
        value=value,
        answered_at=episode.procedure_at + timedelta(days=day, minutes=number),
        now=now,
        source=Source.IMPORT if occasion == "import" else Source.SMS,
    )


@pytest.fixture
def clinic(store, site, now, adopted):
    """Return a time at which three patients have answers, in windows and outside, and of the clinic's own forms."""
    later = now + timedelta(days=60)
    with store.writing() as session:
        for enrol in (people.asha, people.bikash, people.chitra):
            episode = enrol(session, site, now)
            planning.mark_done(session, episode, episode.procedure_at, audit.COMMAND, episode.procedure_at)
            _answer(session, episode, 14, 3, "d14", now=later)
            _answer(session, episode, 30, None, "d30", "pgic", now=later)
            _answer(session, episode, 20, 4, "import", now=later)
            _answer(session, episode, 20, 5, "import", now=later, number=5)
            _answer(session, episode, 30, 6, "d30", "stiff", 1, now=later)
            _answer(session, episode, 30, 7, "d30", "day", now=later)
            _answer(session, episode, 30, 8, "d30", "odd__key_", 2, now=later)
    return later


@pytest.fixture
def project():
    """Return PyCap's project on a fresh REDCap."""
    double = Redcap()
    yield redcap.Project(double.url, TOKEN)
    double.server.stop()


def _files(store, now, *, identified):
    with store.reading() as session:
        files = {name: "".join(text) for name, text in exporting.beside(session, "answers", "redcap", identified)}
        for what in ("episodes", "answers"):
            files[what] = "".join(exporting.export(session, what, "redcap", identified, now))
    return files


def _imported(project, files):
    project.import_metadata(files["redcap-data-dictionary.csv"], import_format="csv")
    project.import_events(files["redcap-events.csv"], import_format="csv")
    project.import_instrument_event_mappings(files["redcap-instrument-event-mapping.csv"], import_format="csv")
    project.import_repeating_instruments_events(files["redcap-repeating-events.csv"], import_format="csv")
    counts = [project.import_records(files[what], import_format="csv")["count"] for what in ("episodes", "answers")]
    assert counts == [len(list(csv.reader(io.StringIO(files[what])))) - 1 for what in ("episodes", "answers")]


@pytest.mark.parametrize("identified", [False, True])
def test_the_files_go_in_as_they_are_and_pycap_reads_every_answer_back(store, clinic, project, identified):
    _imported(project, _files(store, clinic, identified=identified))
    assert project.def_field == "record_id"
    assert set(project.forms) == {"procedure", "answers"}
    assert project.is_longitudinal
    frame = project.export_records(format_type="df")
    assert frame.index.names == ["record_id", "redcap_event_name"]
    scores = [name for name in project.field_names if not name.startswith("p_") and name not in {"record_id", "day"}]
    read_back = int(frame[scores].notna().to_numpy().sum())
    with store.reading() as session:
        every = [
            row
            for one in episodes.by_ids(session, [1, 2, 3])
            for row in answers.current(session, one.id)
            if row.value is not None
        ]
    assert read_back == len(every)
    assert frame[scores].sum().sum() == sum(row.value for row in every)


def test_a_second_answer_in_a_window_or_on_a_day_is_a_repeat_and_not_lost(store, clinic, project):
    _imported(project, _files(store, clinic, identified=False))
    frame = project.export_records(format_type="df").xs("unscheduled_arm_1", level="redcap_event_name")
    first = frame.loc[frame.index[0]]
    assert list(first["redcap_repeat_instance"]) == [1, 2]
    assert list(first["nrs_average"]) == [4, 5]
    assert list(first["day"]) == [20, 20]


def test_an_own_questionnaire_has_fields_that_redcap_does_not_rename(store, clinic):
    rows = list(csv.DictReader(io.StringIO(_files(store, clinic, identified=False)["redcap-data-dictionary.csv"])))
    names = [row["Variable / Field Name"] for row in rows]
    assert {"stiff_1", "stiff_2", "stiff_3", "own_day", "odd_key_1", "odd_key_2", "odd_key_3"} <= set(names)
    assert names.count("day") == 1
