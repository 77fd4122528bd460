"""Statements of the hot paths: spelled out once for SQLite and given to its driver as they are.

Of the 20 microseconds that Core takes for a small statement SQLite itself needs two. A text that comes in needs twenty
statements, so there Core alone would cost more than all the work. The same column types convert what goes in and comes
out; on PostgreSQL, where the way to the server counts, Core runs them.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect, Table, bindparam, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import scoped_session
from sqlmodel import Session

Convert = Callable[[Any], Any]
_DRIVER = "sqlite driver"


class Statement:
    """One SELECT, INSERT or UPDATE with named parameters, every one of them given at each run."""

    def __init__(self, element: Any, on_postgresql: Any = None) -> None:
        self._element = element
        # Where the two databases have words of their own.
        self._for_core = element if on_postgresql is None else on_postgresql
        self._sql = ""
        # What each place takes: a parameter's name or a fixed value, and how it is converted.
        self._names: tuple[str | None, ...] = ()
        self._fixed: tuple[Any, ...] = ()
        self._converters: tuple[Convert | None, ...] = ()
        self._results: tuple[tuple[int, Convert], ...] = ()

    @classmethod
    def adding_to(cls, table: Table) -> "Statement":
        """Return the INSERT of one whole row; the database gives it its id."""
        return cls(
            insert(table).values({column.name: bindparam(column.name) for column in table.c if column.name != "id"})
        )

    def rows(self, session: Session, /, **parameters: Any) -> Sequence[Any]:
        """Return the rows of a SELECT as tuples."""
        driver = _driver(session)
        if driver is None:
            return session.connection().execute(self._for_core, parameters).all()
        found = self._run(session, driver, parameters).fetchall()
        return [self._converted(row) for row in found] if self._results else found

    def first(self, session: Session, /, **parameters: Any) -> Any:
        """Return the first row of a SELECT as a tuple, or None."""
        found = self.rows(session, **parameters)
        return found[0] if found else None

    def change(self, session: Session, /, **parameters: Any) -> int:
        """Run an INSERT or UPDATE and return how many rows it touched."""
        driver = _driver(session)
        if driver is None:
            return session.connection().execute(self._for_core, parameters).rowcount
        return self._run(session, driver, parameters).rowcount

    def change_all(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run an INSERT or UPDATE for each of some rows."""
        driver = _driver(session)
        if driver is None and rows:
            session.connection().execute(self._for_core, list(rows))
        elif driver is not None:
            for row in rows:
                self._run(session, driver, row)

    def insert(self, session: Session, /, **parameters: Any) -> int:
        """Run an INSERT of one row and return its id."""
        driver = _driver(session)
        if driver is None:
            added: Any = session.connection().execute(self._for_core, parameters)
            return int(added.inserted_primary_key[0])
        return int(self._run(session, driver, parameters).lastrowid or 0)

    def _run(self, session: Session, driver: sqlite3.Connection, parameters: Mapping[str, Any]) -> sqlite3.Cursor:
        if not self._sql:
            self._spell(session.get_bind().dialect)
        values = [
            fixed if name is None else parameters[name] if convert is None else convert(parameters[name])
            for name, fixed, convert in zip(self._names, self._fixed, self._converters, strict=True)
        ]
        try:
            return driver.execute(self._sql, values)
        except sqlite3.Error as error:
            # Callers know the errors of SQLAlchemy; the values stay out of them, they may be a patient's.
            raise DBAPIError.instance(self._sql, {}, error, sqlite3.Error, hide_parameters=True) from error

    def _converted(self, row: Sequence[Any]) -> tuple[Any, ...]:
        cells = list(row)
        for place, convert in self._results:
            cells[place] = convert(cells[place])
        return tuple(cells)

    def _spell(self, dialect: Dialect) -> None:
        compiled: Any = self._element.compile(dialect=dialect)
        binds = [compiled.binds[name] for name in compiled.positiontup]
        converters = [bind.type.dialect_impl(dialect).bind_processor(dialect) for bind in binds]
        given = [bind.required for bind in binds]
        self._names = tuple(bind.key if open_ else None for bind, open_ in zip(binds, given, strict=True))
        self._fixed = tuple(
            None if open_ else convert(bind.value) if convert else bind.value
            for bind, open_, convert in zip(binds, given, converters, strict=True)
        )
        self._converters = tuple(converters)
        columns = getattr(self._element, "selected_columns", ())
        results = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._results = tuple((place, convert) for place, convert in enumerate(results) if convert)
        # Set last: another thread may be looking.
        self._sql = str(compiled)


def _driver(session: Session | scoped_session[Any]) -> sqlite3.Connection | None:
    """Return SQLite's connection of a session's transaction, or None on another database."""
    # The sign-in library keeps one session a request behind a proxy.
    own: Session = session() if isinstance(session, scoped_session) else session
    transaction = own.get_transaction()
    kept = own.info.get(_DRIVER)
    if kept is not None and transaction is not None and kept[0] is transaction:
        known: sqlite3.Connection | None = kept[1]
        return known
    found = own.connection().connection.driver_connection
    driver = found if isinstance(found, sqlite3.Connection) else None
    own.info[_DRIVER] = own.get_transaction(), driver
    return driver
