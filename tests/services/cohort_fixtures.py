"""The 60 episodes of the shared cohort in a database, imported once a session, and what is expected of them."""

import json
import shutil
import sqlite3
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from prom.services import comparing, importing
from prom.storage import audit, patients, sites, vault
from prom.storage.models import Episode, Patient
from prom.storage.session import Store, engine_for
from tests.conftest import CASES

FOLDER = CASES / "cohort"
LATER = datetime(2026, 11, 1, tzinfo=UTC)
here = pytest.mark.skipif(not FOLDER.exists(), reason="the shared cases are not on this machine")


def load(session, folder=FOLDER, now=LATER):
    for kind in ("episodes", "answers", "events"):
        report = getattr(importing, kind)(session, (folder / f"{kind}.csv").read_text(), audit.COMMAND, now)
        assert report.errors == []


@pytest.fixture(scope="session")
def made(migrated, tmp_path_factory):
    """Return a folder with the 60 episodes of the shared cohort, without and with its pages, and its site."""
    folder = tmp_path_factory.mktemp("cohort")
    shutil.copy(migrated / "prom.db", folder / "work.db")
    store = opened(folder / "work.db", migrated)
    with store.writing() as session:
        main = sites.add(session, "main", "Asha Clinic", "Asia/Kolkata")
        load(session)
    keep_copy(folder, "plain.db")
    with store.writing() as session:
        comparing.refresh_snapshots(session, LATER)
    keep_copy(folder, "shown.db")
    store.engine.dispose()
    return folder, main


def keep_copy(folder, name):
    connection = sqlite3.connect(folder / "work.db")
    connection.execute("VACUUM INTO ?", (str(folder / name),))
    connection.close()


def opened(file, keys):
    return Store(engine_for(f"sqlite:///{file}"), vault.load(keys / "keys"))


def copied(made, name, tmp_path, migrated):
    shutil.copy(made[0] / name, tmp_path / "cohort.db")
    return opened(tmp_path / "cohort.db", migrated)


@pytest.fixture
def imported(made, tmp_path, migrated):
    """Return a store with the imported cohort."""
    store = copied(made, "plain.db", tmp_path, migrated)
    yield store
    store.engine.dispose()


@pytest.fixture
def shown(made, tmp_path, migrated):
    """Return the imported cohort with its pages made."""
    store = copied(made, "shown.db", tmp_path, migrated)
    yield store
    store.engine.dispose()


@pytest.fixture
def main(made):
    """Return the site of the cohort."""
    return made[1]


def expected():
    return json.loads((FOLDER / "expected.json").read_text())["episodes"]


def by_record(session):
    pairs = session.exec(select(Episode, Patient).join(Patient, Patient.id == Episode.patient_id)).all()
    return {patients.record_number(session, patient): episode for episode, patient in pairs}
