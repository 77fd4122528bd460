"""Consistent copies of a SQLite database that may be in use; a file copy of a live database may hold nothing."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

WAIT_SECONDS = 10


class DamagedError(ValueError):
    """The database is damaged; the message says what SQLite found."""


def copy_database(source: Path, target: Path) -> None:
    """Write a consistent copy of a SQLite database that may be in use, and check it."""
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(fresh)) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        found = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        fresh.unlink()
        raise DamagedError(f"the database is damaged: {found}")
    fresh.replace(target)


def check_whole(path: Path) -> None:
    """Raise DamagedError when a database file is damaged; one that is not there yet is whole."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=WAIT_SECONDS)) as database:
            found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError:
        # Locked, or not to be read now: that is trouble of another kind, and told by whoever opens it next.
        return
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise DamagedError(f"the database is damaged: {found}")


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes from writing to a database while its file is replaced; a damaged one needs no care."""
    with closing(sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)) as database:
        with suppress(sqlite3.DatabaseError):
            database.execute("BEGIN IMMEDIATE")
        yield
