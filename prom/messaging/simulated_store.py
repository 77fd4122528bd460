"""The file behind the simulated gateway: one SQLite database, shared by all processes of a rehearsal or a demo."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

Connection = sqlite3.Connection

_TABLES = """
CREATE TABLE IF NOT EXISTS text (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    direction TEXT NOT NULL CHECK (direction IN ('out', 'in', 'carrier')),
    phone TEXT NOT NULL,
    body TEXT NOT NULL,
    num_media INTEGER NOT NULL DEFAULT 0,
    message_id TEXT NOT NULL DEFAULT '',
    sender TEXT NOT NULL DEFAULT '',
    at REAL NOT NULL,
    arrives_at REAL,
    final TEXT,
    code INTEGER
);
CREATE INDEX IF NOT EXISTS text_of_phone ON text (phone, at);
CREATE INDEX IF NOT EXISTS text_that_came_in ON text (at) WHERE direction = 'in';
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL REFERENCES text (sid),
    status TEXT NOT NULL,
    due_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS event_that_is_due ON event (due_at, id);
CREATE TABLE IF NOT EXISTS blocked (phone TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failing (phone TEXT PRIMARY KEY, switches TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS credit (hundredths INTEGER NOT NULL, currency TEXT NOT NULL);
"""


class Store:
    """One connection for each process, used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._pid = 0

    def read(self, query: str, values: Sequence[object]) -> list[sqlite3.Row]:
        """Return the rows of a query."""
        with self._lock:
            return self._open().execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is committed at the end, or undone by an error."""
        with self._lock:
            db = self._open()
            # IMMEDIATE waits for its turn at the start; a transaction that first reads would fail in the middle.
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.rollback()
                raise
            db.commit()

    def take_events(self, until: float, limit: int) -> list[sqlite3.Row]:
        """Remove the events due by an instant and return them with their texts, in order."""
        with self._lock:
            if not self.read("SELECT 1 FROM event WHERE due_at <= ? LIMIT 1", (until,)):
                return []
            with self.writing() as db:
                rows = db.execute(
                    "SELECT event.id AS event_id, event.status, text.* FROM event JOIN text USING (sid)"
                    " WHERE due_at <= ? ORDER BY due_at, event.id LIMIT ?",
                    (until, limit),
                ).fetchall()
                db.executemany("DELETE FROM event WHERE id = ?", [(row["event_id"],) for row in rows])
                return rows

    def close(self) -> None:
        """Close this process's connection."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def _open(self) -> Connection:
        # A connection must not cross a fork: SQLite would lose its locks.
        if self._connection is None or self._pid != os.getpid():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _connect(self._path)
            self._pid = os.getpid()
        return self._connection


def plan(db: Connection, sid: str, status: str, due_at: float) -> None:
    """Note an event to be posted at an instant."""
    db.execute("INSERT INTO event (sid, status, due_at) VALUES (?, ?, ?)", (sid, status, due_at))


def _connect(path: Path) -> Connection:
    db = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode=WAL")
    # A pretend provider may forget its last texts in a power cut; it must not slow a demo down.
    db.execute("PRAGMA synchronous=NORMAL")
    with closing(db.cursor()) as cursor:
        if not cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'credit'").fetchone():
            cursor.executescript(_TABLES)
            if not cursor.execute("SELECT 1 FROM pragma_table_info('text') WHERE name = 'sender'").fetchone():
                # A file of an older version, from before sites had numbers of their own.
                cursor.execute("ALTER TABLE text ADD COLUMN sender TEXT NOT NULL DEFAULT ''")
    return db
