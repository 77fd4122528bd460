"""Savepoints on SQLite, given to its driver as they are.

SQLAlchemy compiles these three statements anew at each use, which costs more than all else about a savepoint; a text
that comes in opens two. What sessions and transactions know of their savepoints stays theirs.
"""

import sqlite3
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError


def spell_once(dialect: Dialect) -> None:
    """Let the engine of a dialect open and end savepoints without compiling anything."""
    # The names are the library's own: sa_savepoint_ and a number.
    own: Any = dialect
    own.do_savepoint = lambda connection, name: _run(connection, f"SAVEPOINT {name}")
    own.do_release_savepoint = lambda connection, name: _run(connection, f"RELEASE SAVEPOINT {name}")
    own.do_rollback_to_savepoint = lambda connection, name: _run(connection, f"ROLLBACK TO SAVEPOINT {name}")


def _run(connection: Connection, statement: str) -> None:
    driver: Any = connection.connection.driver_connection
    try:
        driver.execute(statement)
    except sqlite3.Error as error:
        # Callers know the errors of SQLAlchemy.
        raise DBAPIError.instance(statement, {}, error, sqlite3.Error, hide_parameters=True) from error
