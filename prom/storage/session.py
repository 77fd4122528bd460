"""Engines and sessions for SQLite and PostgreSQL.

Every writing transaction on SQLite is BEGIN IMMEDIATE: one that reads, then writes would fail at once with "database
is locked" whatever the busy timeout. Reading sessions use a plain BEGIN.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlmodel import Session

from prom.storage import replaced
from prom.storage.vault import Vault

BUSY_SECONDS = 10


class BusyError(OSError):
    """No write transaction could begin in time; the caller may try again."""


@dataclass(slots=True)
class Store:
    """A database with its keys: where sessions come from.

    On SQLite one process takes its write transactions one after another (`_writer`): p99 under load is 17-21 ms
    with the lock and 103-500 ms without it, when threads meet at the file lock.
    """

    engine: Engine
    vault: Vault
    _writer: threading.RLock = field(default_factory=threading.RLock)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction that may write; commit at the end, roll back on an error."""
        if self.engine.dialect.name == "sqlite":
            # Longer than this a webhook's caller has gone: say so while it still listens.
            if not self._writer.acquire(timeout=BUSY_SECONDS):
                raise BusyError("the database is busy")
            try:
                with self._session(self.engine) as session, session.begin():
                    yield session
            finally:
                self._writer.release()
        else:
            with self._session(self.engine) as session, session.begin():
                yield session

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
            url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, hide_parameters=True
        )
        event.listen(engine, "connect", _prepare_sqlite if synced else _prepare_unsynced)
        event.listen(engine, "begin", _begin_sqlite)
        replaced.watch(engine)
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
