"""Trouble below us: a full disk, a size limit, a locked or damaged database, a server killed, a migration cut off."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from prom.storage import migrating, vault
from prom.storage.session import Store, engine_for
from tests import crowds, outbox, processes, servers
from tests.doubles.twilio_api import TwilioDouble
from tests.faults.rehearsal import Rehearsal

pytestmark = pytest.mark.faults
PUBLIC = "https://clinic.example/prom"
SIZE_LIMIT = 4096


@pytest.fixture
def double():
    with TwilioDouble() as double:
        yield double


@pytest.fixture
def rehearsal(instance, store, double):
    rehearsal = Rehearsal(instance, store, double, PROM_SEND_RATE="20")
    yield rehearsal
    rehearsal.stop()


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a file system of its own of eight megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a small disk: left out")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def limit(process, size):
    """Limit the size of any file that a process and its children may write."""
    for pid in [process.pid, *children(process.pid)]:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def children(pid):
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


class Door:
    """A web process and the phones that text to it."""

    def __init__(self, store, instance, double, **environment):
        with store.writing() as session:
            site = outbox.site(session)
            site.quiet_hours = False
        self.phones = iter(crowds.asked(store, site, datetime.now(UTC) - timedelta(hours=1), 60))
        self.clinic = processes.Clinic(instance, processes.twilio_environment(instance, double.url, **environment))
        double.postman.set_habits(public_url=PUBLIC, local_url=f"http://127.0.0.1:{self.clinic.port}")
        self.double, self.taken, self.sent = double, set(), set()

    def reply(self):
        """Let the next phone answer, and return what the webhook answered."""
        posted = self.double.inbound(next(self.phones), "4")["posted"]
        self.sent.add(posted["sid"])
        if posted["answer"] == 200:
            self.taken.add(posted["sid"])
        return posted["answer"]

    def agrees(self):
        """Check that nothing that was answered 200 is lost, and that the list brings the rest, each once."""
        assert self.taken <= {row["sid"] for row in self.clinic.state()["inbound"]}
        self.clinic.prom("clock", "--once")
        state = self.clinic.state()
        assert sorted(row["sid"] for row in state["inbound"]) == sorted(self.sent)
        assert sorted(row["sid"] for row in state["scores"]) == sorted(self.sent)


def test_a_size_limit_stops_sending_and_nothing_is_lost_or_doubled_after_it(rehearsal, double):
    rehearsal.clinic(60)
    clock = rehearsal.clock()
    rehearsal.wait(lambda: rehearsal.states()["accepted"] > 5, 20)
    limit(clock, SIZE_LIMIT)
    time.sleep(1)
    before = len(double.book.accepted())
    time.sleep(3)
    assert len(double.book.accepted()) <= before + 1
    assert clock.poll() is None
    limit(clock, resource.RLIM_INFINITY)
    rehearsal.wait(rehearsal.all_accepted, 60)
    rehearsal.agrees(60)


def test_a_size_limit_is_answered_503_and_nothing_that_was_answered_200_is_lost(store, instance, double):
    door = Door(store, instance, double)
    try:
        web = door.clinic.serve()
        assert door.reply() == 200
        limit(web, SIZE_LIMIT)
        assert [door.reply() for _ in range(5)] == [503] * 5
        limit(web, resource.RLIM_INFINITY)
        assert [door.reply() for _ in range(5)] == [200] * 5
        door.agrees()
    finally:
        door.clinic.end()


def moved(instance, folder):
    """Put an instance on another disk."""
    shutil.copy(instance / "prom.db", folder / "prom.db")
    (folder / "keys").symlink_to((instance / "keys").resolve())
    return Store(engine_for(f"sqlite:///{folder / 'prom.db'}"), vault.load(folder / "keys"))


def fill(folder):
    """Fill a disk to its last byte, and return the file that does."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    return filler


def test_a_full_disk_stops_replies_and_texts_and_both_go_on_when_there_is_room(instance, small_disk, double):
    store = moved(instance, small_disk)
    door = Door(store, small_disk, double)
    rehearsal = Rehearsal(small_disk, store, double)
    try:
        door.clinic.serve()
        clock = rehearsal.clock()
        assert door.reply() == 200
        filler = fill(small_disk)
        answers = [door.reply() for _ in range(8)]
        # What still fits into the last page of a file may be stored; the rest is refused, and the caller is told.
        assert set(answers) <= {200, 503}
        assert answers[-1] == 503
        filler.unlink()
        assert [door.reply() for _ in range(5)] == [200] * 5
        assert clock.poll() is None
        thanked = len(door.taken)
        rehearsal.wait(lambda: len(double.book.accepted()) >= thanked, 40)
        rehearsal.stop()
        door.agrees()
        assert set(rehearsal.sent().values()) == {1}
    finally:
        rehearsal.stop()
        door.clinic.end()
        store.engine.dispose()


def test_a_database_locked_for_fifteen_seconds_answers_503_in_time_and_loses_no_reply(store, instance, double):
    door = Door(store, instance, double)
    try:
        door.clinic.serve()
        assert door.reply() == 200
        began = time.monotonic()
        with closing(sqlite3.connect(instance / "prom.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answers = []
            phones = [threading.Thread(target=lambda: answers.append(door.reply()), daemon=True) for _ in range(3)]
            for phone in phones:
                phone.start()
            time.sleep(15)
            other.execute("ROLLBACK")
        for phone in phones:
            phone.join(30)
        # The first try of each is answered 503 after ten seconds, the provider's second try gets in.
        assert answers == [200, 200, 200]
        assert time.monotonic() - began < 30
        door.agrees()
    finally:
        door.clinic.end()


@pytest.fixture
def server():
    server = servers.Postgres()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def on_server(server, instance, migrated, double):
    """Return a clinic with two clocks and two web workers on a server that may be killed."""
    admin = create_engine(f"{server.url}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE prom"))
    admin.dispose()
    url = f"{server.url}/prom"
    migrating.upgrade(url)
    store = Store(engine_for(url), vault.load(migrated / "keys"))
    rehearsal = Rehearsal(instance, store, double, url, PROM_SEND_RATE="20", PROM_PUBLIC_URL=PUBLIC)
    rehearsal.clinic(120)
    clinic = processes.Clinic(instance, rehearsal.environment)
    double.postman.set_habits(public_url=PUBLIC, local_url=f"http://127.0.0.1:{clinic.port}")
    clinic.serve("--workers", "2")
    for _ in range(2):
        rehearsal.clock()
    yield rehearsal
    clinic.end()
    rehearsal.stop()
    store.engine.dispose()


@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_postgresql_killed_and_started_again_is_used_again_within_ten_seconds(server, on_server, double):
    on_server.wait(lambda: on_server.states()["accepted"] > 5, 30)
    asked = iter([each["to"] for each in double.book.accepted()])
    replied = lambda: double.inbound(next(asked), "4")["posted"]["answer"]  # noqa: E731
    assert replied() == 200
    server.kill()
    assert replied() == 503
    time.sleep(2)
    server.start()
    began, before = time.monotonic(), len(double.book.accepted())
    processes.wait_for(lambda: len(double.book.accepted()) > before, 10, "the next text")
    processes.wait_for(lambda: replied() == 200, 10, "the next reply")
    assert time.monotonic() - began < 10
    on_server.wait(on_server.all_accepted, 90)
    sent = Counter((each["to"], each["body"]) for each in double.book.accepted())
    assert set(sent.values()) == {1}
    assert len({to for to, _ in sent}) == 120
    assert {row.provider_sid for row in on_server.messages()} == {each["sid"] for each in double.book.accepted()}


@pytest.mark.parametrize("damage", ["header", "pages"])
def test_a_damaged_database_is_refused_at_start_in_one_plain_line(instance, store, damage):
    with store.writing() as session:
        outbox.site(session)
    store.engine.dispose()
    path = instance / "prom.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
    content = bytearray(path.read_bytes())
    where = 0 if damage == "header" else len(content) // 3
    content[where : where + 20_000] = os.urandom(20_000)
    path.write_bytes(content)
    clinic = processes.Clinic(instance, processes.twilio_environment(instance, "", PROM_GATEWAY="simulated"))
    for command in (("serve", "--port", str(clinic.port)), ("clock", "--once")):
        done = clinic.prom(*command, check=False)
        assert done.returncode == 1
        assert "the database is damaged" in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        assert "Traceback" not in done.stderr


OLD_ROWS = """
INSERT INTO site (id, public_id, name, label, phone, time_zone, country, language, two_way, echo, quiet_hours,
    key_sealed) VALUES (1, 's', 'main', 'Clinic', '', 'Asia/Kolkata', 'IN', 'en', 1, 'last', 1, x'00');
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO message (public_id, site_id, dedupe_key, kind, priority, text_key, question, phone_index, state, status_rank,
    reason, error_code, due_at, send_at, expires_at, created_at, attempt, checks, resent)
SELECT printf('m%d', i), 1, printf('m%d', i), 'prompt', 3, 'nrs', 'nrs', 'x', 'pending', -1, '', '',
    '2030-01-01 00:00:00.000000', '2030-01-01 00:00:00.000000', '2030-01-02 00:00:00.000000',
    '2030-01-01 00:00:00.000000', 0, 0, 0 FROM n;
"""


def old_database(path):
    """Write a database of the second schema with twenty thousand waiting texts."""
    from alembic import command

    engine = migrating._engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        config = migrating._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    engine.dispose()
    with closing(sqlite3.connect(path)) as database:
        database.executescript(OLD_ROWS)


def test_a_migration_killed_at_any_point_starts_clean_and_ends_complete(tmp_path, migrated):
    instance = tmp_path / "old"
    instance.mkdir()
    (instance / "keys").symlink_to(migrated / "keys")
    old_database(instance / "prom.db")
    environment = processes.twilio_environment(instance, "", PROM_GATEWAY="simulated")
    cut_off = 0
    for milliseconds in (0, 5, 20, 50, 100, 200):
        child = subprocess.Popen(
            [sys.executable, "-m", "prom", "init"],
            cwd=processes.ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while child.poll() is None and not writes(instance):
            time.sleep(0.002)
        time.sleep(milliseconds / 1000)
        child.send_signal(signal.SIGKILL)
        cut_off += child.wait() == -signal.SIGKILL
    assert cut_off >= 3
    clinic = processes.Clinic(instance, environment)
    assert clinic.prom("init").returncode == 0
    with closing(sqlite3.connect(instance / "prom.db")) as database:
        assert database.execute("SELECT count(*) FROM message WHERE staff_id IS NULL").fetchone() == (20_000,)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        left = database.execute("SELECT name FROM sqlite_master WHERE name LIKE '_alembic_tmp%'").fetchall()
    assert left == []
    engine = engine_for(f"sqlite:///{instance / 'prom.db'}")
    migrating.check(engine)
    engine.dispose()


def writes(instance):
    """Tell whether a process is writing to the database."""
    with closing(sqlite3.connect(instance / "prom.db", timeout=0, isolation_level=None)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        database.execute("ROLLBACK")
    return False
