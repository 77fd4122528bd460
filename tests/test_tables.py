"""House rules about tables: models equal the head migration, constructors refuse unknown names, instants are UTC."""

import re
from datetime import datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text
from sqlmodel import SQLModel, UTCDateTime

from prom.storage import migrating, models
from prom.storage.session import engine_for

TABLES = [getattr(models, name) for name in models.__all__ if hasattr(getattr(models, name), "__table__")]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_a_constructor_refuses_a_name_it_does_not_have(table):
    with pytest.raises(TypeError, match="no column no_such_column"):
        table(no_such_column=1)


def test_every_instant_is_aware_utc():
    for table in SQLModel.metadata.tables.values():
        for column in table.columns:
            if column.name.endswith(("_at", "_until")) or column.type.python_type is datetime:
                assert isinstance(column.type, UTCDateTime), f"{table.name}.{column.name}"


def test_every_public_id_is_random_and_long():
    ids = {models.Patient().public_id for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch("[0-9a-f]{20}", public_id) for public_id in ids)


def test_every_patient_row_carries_its_site():
    for table in SQLModel.metadata.tables.values():
        if "patient_id" in table.columns and table.name != "nameindex":
            assert "site_id" in table.columns, table.name


def _differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, SQLModel.metadata))


def _checks_sqlite(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index')")).all()
    found = set()
    for name, sql in rows:
        flat = " ".join((sql or "").replace('"', "").split())
        for check in re.finditer(r"CONSTRAINT \S+ CHECK \((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)", flat):
            found.add(f"{name}: {check.group()}")
        if "CREATE UNIQUE INDEX" in flat:
            found.add(f"{name}: {flat}")
    return found


def _checks_postgres(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
                "WHERE contype IN ('c', 'u', 'f', 'p') AND connamespace = current_schema()::regnamespace"
            )
        ).all()
    return {" | ".join(row) for row in rows if row[0] != "alembic_version"}


def test_models_equal_the_head_migration_on_sqlite(tmp_path):
    migrating.upgrade(f"sqlite:///{tmp_path / 'head.db'}")
    head = create_engine(f"sqlite:///{tmp_path / 'head.db'}")
    fresh = create_engine(f"sqlite:///{tmp_path / 'fresh.db'}")
    SQLModel.metadata.create_all(fresh)
    assert _differences(head) == []
    assert _checks_sqlite(head) == _checks_sqlite(fresh)
    assert len(_checks_sqlite(head)) > 30
    head.dispose()
    fresh.dispose()


@pytest.mark.postgres
def test_models_equal_the_head_migration_on_postgresql(postgres_url, another_postgres_url):
    migrating.upgrade(postgres_url)
    head, fresh = engine_for(postgres_url), engine_for(another_postgres_url)
    SQLModel.metadata.create_all(fresh)
    assert _differences(head) == []
    assert _checks_postgres(head) == _checks_postgres(fresh)
    assert "alembic_version" in inspect(head).get_table_names()
    head.dispose()
    fresh.dispose()


def test_a_database_of_a_newer_program_is_refused(tmp_path):
    url = f"sqlite:///{tmp_path / 'prom.db'}"
    migrating.upgrade(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(migrating.SchemaError, match="newer prom"):
        migrating.check(engine)
    with pytest.raises(migrating.SchemaError, match="newer prom"):
        migrating.upgrade(url)
    engine.dispose()


def test_an_empty_database_asks_for_init(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'prom.db'}")
    with pytest.raises(migrating.SchemaError, match="run `prom init`"):
        migrating.check(engine)
    engine.dispose()
