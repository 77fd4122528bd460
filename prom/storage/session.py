"""Engines and sessions for SQLite and PostgreSQL.

Every writing transaction on SQLite is BEGIN IMMEDIATE: one that reads, then writes would fail at once with "database
is locked" whatever the busy timeout. Reading sessions use a plain BEGIN.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlmodel import Session

from prom.storage import replaced, savepoints
from prom.storage.turns import Turns
from prom.storage.vault import Vault

BUSY_SECONDS = 10
# So many pieces of work wait for one commit at most: all that threads of one process bring at once.
MOST_TOGETHER = 16


class BusyError(OSError):
    """No write transaction could begin in time; the caller may try again."""


class _OpenShare:
    """A transaction on SQLite that pieces of work share: how many there were, and how it ended for all of them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.pieces = 0
        self._failure: BaseException | None = None
        self._over = threading.Event()

    @property
    def whole(self) -> bool:
        """Tell whether the transaction still stands: on a full disk SQLite takes all of it back, not one piece."""
        driver: Any = self.connection.connection.driver_connection
        return bool(driver.in_transaction)

    def commit(self) -> None:
        """Commit for all, or remember for all why that failed."""
        try:
            with self.connection:
                self._commit()
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self._over.set()

    def _commit(self) -> None:
        try:
            self._check_whole()
            self.connection.commit()
        except BaseException:
            # What is half written must not wait in the pool for the next user of this connection.
            self.connection.invalidate()
            raise

    def _check_whole(self) -> None:
        if not self.whole:
            raise BusyError("the database took back what was written")

    def wait(self) -> None:
        """Wait for the commit that holds a piece of work; raise if there was none."""
        self._over.wait()
        if self._failure is not None:
            raise BusyError("the transaction was not stored") from self._failure


@dataclass(slots=True)
class Store:
    """A database with its keys: where sessions come from.

    On SQLite one process takes its write transactions one after another, in turns: without them threads meet at the
    file lock and the slowest waits half a second.
    """

    engine: Engine
    vault: Vault
    _turns: Turns = field(default_factory=Turns)
    _open: _OpenShare | None = None

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction that may write; commit at the end, roll back on an error."""
        if self.engine.dialect.name == "sqlite":
            self._take_turn()
            try:
                with self._session(self.engine) as session, session.begin():
                    yield session
            finally:
                self._turns.give()
        else:
            with self._session(self.engine) as session, session.begin():
                yield session

    @contextmanager
    def writing_together(self) -> Iterator[Session]:
        """Open a transaction for a short piece of work that may share its commit with others that wait.

        Each piece is stored or not by itself, and this returns after the commit that holds it; if that fails it raises.
        """
        if self.engine.dialect.name != "sqlite":
            with self.writing() as session:
                yield session
            return
        self._take_turn(joins=True)
        share = None
        try:
            share = self._share()
            with (
                Session(
                    share.connection,
                    expire_on_commit=False,
                    info={"vault": self.vault},
                    join_transaction_mode="create_savepoint",
                ) as session,
                session.begin(),
            ):
                yield session
        finally:
            self._finish(share)
        share.wait()

    def _take_turn(self, *, joins: bool = False) -> None:
        # Longer than this a webhook's caller has gone: say so while it still listens.
        if not self._turns.take(BUSY_SECONDS, joins=joins):
            raise BusyError("the database is busy")

    def _share(self) -> _OpenShare:
        """Return the transaction that others left open for this piece of work, or a new one."""
        if self._open is None:
            connection = self.engine.connect()
            try:
                connection.begin()
            except BaseException:
                connection.close()
                raise
            self._open = _OpenShare(connection)
        self._open.pieces += 1
        return self._open

    def _finish(self, share: _OpenShare | None) -> None:
        """Leave the transaction open for the next piece of work, or commit what it holds."""
        may_stay = share is not None and share.whole and share.pieces < MOST_TOGETHER
        if may_stay and self._turns.give_to_joiner():
            return
        try:
            if self._open is not None:
                self._open.commit()
        finally:
            self._open = None
            self._turns.give()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a transaction for reading only."""
        with self._session(self.engine.execution_options(reads=True)) as session:
            yield session

    def _session(self, engine: Engine) -> Session:
        return Session(engine, expire_on_commit=False, info={"vault": self.vault})


def vault_of(session: Session) -> Vault:
    """Return the keys that belong to a session."""
    vault: Vault = session.info["vault"]
    return vault


def engine_for(url: str, *, synced: bool = True) -> Engine:
    """Return an engine with the transaction rules above.

    `synced` False trusts the operating system with the last seconds: for synthetic data only, which can be made again.
    """
    if url.startswith("sqlite"):
        engine = create_engine(
            url,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            hide_parameters=True,
            # The connection used last has the pages that were written last.
            pool_use_lifo=True,
        )
        event.listen(engine, "connect", _prepare_sqlite if synced else _prepare_unsynced)
        event.listen(engine, "begin", _begin_sqlite)
        replaced.watch(engine)
        savepoints.spell_once(engine.dialect)
        return engine
    return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=10, hide_parameters=True)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_unsynced(connection: Any, record: Any) -> None:
    _prepare_sqlite(connection, record)
    connection.execute("PRAGMA synchronous=OFF")


def _begin_sqlite(connection: Any) -> None:
    reads = connection.get_execution_options().get("reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
