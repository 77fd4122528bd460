"""Consistent copies of a SQLite database that may be in use; a file copy of a live database may hold nothing."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path


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
