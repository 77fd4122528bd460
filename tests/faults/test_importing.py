"""An import that is killed stores nothing, and two of the same file at once store it once."""

import csv
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from sqlmodel import func, select

from prom.storage.models import Episode, Patient, Prompt
from tests import processes

pytestmark = pytest.mark.faults
ROWS = 400
COLUMNS = (
    "record_id site first_name last_name phone language time_zone birth_year sex procedure target side level indication "
    "procedure_at baseline_nrs csi_total consent_sms_at"
)
KILLED_AFTER_SECONDS = (0.0, 0.15, 0.4)


@pytest.fixture
def episodes(tmp_path, site):
    """Return a file of episodes of the site "main"."""
    path = tmp_path / "episodes.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS.split())
        for number in range(ROWS):
            who = [f"R-{number}", "main", "Asha", f"Number {number}", f"+9190071{number:05d}", "en", "Asia/Kolkata"]
            what = ["genicular_rfa", "knee", "left", "", "osteoarthritis", "2025-06-10T13:30:00+05:30", "8", "35"]
            writer.writerow([*who, "1961", "F", *what, "2025-06-03T13:30:00+05:30"])
    return path


@pytest.fixture
def clinic(instance):
    return processes.Clinic(instance, processes.twilio_environment(instance, "", PROM_GATEWAY="simulated"))


def started(clinic, path):
    return subprocess.Popen(
        [sys.executable, "-m", "prom", "import", "episodes", str(path)],
        cwd=processes.ROOT,
        env=clinic.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stored(store):
    with store.reading() as session:
        return tuple(
            session.exec(select(func.count()).select_from(model)).one() for model in (Patient, Episode, Prompt)
        )


def writing(store):
    """Tell whether somebody holds the lock of the database."""
    with closing(sqlite3.connect(store.engine.url.database, timeout=0, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        other.execute("ROLLBACK")
    return False


@pytest.mark.timeout(600)
def test_an_import_killed_anywhere_stores_nothing_and_the_next_stores_all(clinic, store, episodes):
    cut_off = 0
    for seconds in KILLED_AFTER_SECONDS:
        running = started(clinic, episodes)
        while running.poll() is None and not writing(store):
            time.sleep(0.01)
        time.sleep(seconds)
        running.kill()
        running.communicate()
        if running.returncode == -9 and stored(store) == (0, 0, 0):
            cut_off += 1
    assert cut_off >= 2
    before = stored(store)
    assert before[:2] in {(0, 0), (ROWS, ROWS)}
    done = clinic.prom("import", "episodes", str(episodes))
    assert f"{ROWS} rows read" in done.stdout
    assert stored(store)[:2] == (ROWS, ROWS)
    assert f"0 stored, {ROWS} were there already" in clinic.prom("import", "episodes", str(episodes)).stdout


@pytest.mark.timeout(600)
def test_the_same_file_twice_at_once_is_stored_once(clinic, store, episodes):
    twins = [started(clinic, episodes), started(clinic, episodes)]
    said = sorted(twin.communicate(timeout=90)[0] for twin in twins)
    assert [twin.returncode for twin in twins] == [0, 0]
    assert said == [
        f"{ROWS} rows read, 0 stored, {ROWS} were there already.\n",
        f"{ROWS} rows read, {ROWS} stored, 0 were there already.\n",
    ]
    assert stored(store)[:2] == (ROWS, ROWS)
