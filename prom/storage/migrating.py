"""Bring a database to the newest schema; killed at any point, the next run starts clean."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Engine, create_engine, event, text

FOLDER = Path(__file__).parent / "migrations"


class SchemaError(RuntimeError):
    """The database does not fit this program; the message says what to do."""


def upgrade(url: str) -> list[str]:
    """Run the missing migrations and return their ids, oldest first."""
    engine = _engine(url)
    try:
        before = _applied(engine)
        with engine.connect() as connection:
            config = _config()
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise SchemaError("this database was made by a newer prom: update prom, then try again") from error
            if engine.dialect.name == "sqlite":
                _check_foreign_keys(connection)
        return [r for r in _revisions() if r not in _older(before)]
    finally:
        engine.dispose()


def check(engine: Engine) -> None:
    """Raise SchemaError unless the database is at this program's schema."""
    current = _applied(engine)
    head = _revisions()[-1]
    if current == head:
        return
    if current is None:
        raise SchemaError("the database is empty: run `prom init`")
    if current in _revisions():
        raise SchemaError("the database is older than this prom: run `prom init` to upgrade it")
    raise SchemaError("this database was made by a newer prom: update prom, then try again")


def revise(url: str, message: str) -> None:
    """Write the next migration from the difference between tables and schema (for developers)."""
    engine = _engine(url)
    with engine.connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.revision(config, message=message, autogenerate=True, rev_id=f"{len(_revisions()) + 1:04d}")
    engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "newline")
    return config


def _revisions() -> list[str]:
    return [script.revision for script in reversed(list(ScriptDirectory.from_config(_config()).walk_revisions()))]


def _older(revision: str | None) -> list[str]:
    known = _revisions()
    return known[: known.index(revision) + 1] if revision in known else []


def _applied(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _engine(url: str) -> Engine:
    engine = create_engine(url)
    if url.startswith("sqlite"):
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # With foreign keys on, a batch ALTER of a parent table empties its children.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("PRAGMA busy_timeout=10000")


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _check_foreign_keys(connection: Any) -> None:
    broken = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
    if broken:
        raise SchemaError(f"{len(broken)} rows point at nothing after the migration: restore the backup")
