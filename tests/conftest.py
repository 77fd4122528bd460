"""Fixtures every test may use: a real SQLite database, migrated, and a site."""

import os
import shutil
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from prom.storage import migrating, vault
from prom.storage.models import Site
from prom.storage.session import Store, engine_for
from tests import servers

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)  # a Monday, 11:30 in Kolkata
CASES = Path(__file__).resolve().parents[1].parent / "shared" / "cases"


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated, empty SQLite file to copy from: migrating once a session is quick enough."""
    folder = tmp_path_factory.mktemp("migrated")
    migrating.upgrade(f"sqlite:///{folder / 'prom.db'}")
    vault.make_keys(folder / "keys")
    return folder


@pytest.fixture
def instance(migrated: Path, tmp_path: Path) -> Path:
    """Return an instance folder with its own migrated database and keys."""
    folder = tmp_path / "instance"
    folder.mkdir()
    (folder / "prom.db").write_bytes((migrated / "prom.db").read_bytes())
    (folder / "keys").symlink_to(migrated / "keys")
    return folder


@pytest.fixture
def store(instance: Path) -> Iterator[Store]:
    """Return a store on a fresh database."""
    engine = engine_for(f"sqlite:///{instance / 'prom.db'}")
    yield Store(engine, vault.load(instance / "keys"))
    engine.dispose()


@pytest.fixture
def site(store: Store) -> Site:
    """Return the clinic site "main" in Kolkata, with two-way texting."""
    with store.writing() as session:
        row = Site(
            name="main",
            label="Asha Clinic",
            phone="+913340001000",
            time_zone="Asia/Kolkata",
            key_sealed=store.vault.new_data_key(),
        )
        session.add(row)
    return row


@pytest.fixture
def now() -> datetime:
    """Return the fixed time of the tests."""
    return NOW


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine cannot run, and say so; PROM_TEST_REQUIRE=browser,postgres makes that an error."""
    required = set(os.environ.get("PROM_TEST_REQUIRE", "").split(",")) - {""}
    have = {"browser": chromium() is not None, "postgres": servers.postgres_programs() is not None}
    for name, present in have.items():
        marked = [item for item in items if item.get_closest_marker(name)]
        if present or not marked:
            continue
        if name in required:
            raise pytest.UsageError(f"{name} tests are required, but this machine has no {name}")
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=f"this machine has no {name}: left out"))


def chromium() -> str | None:
    """Return the path of the system's Chromium, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Return the base URL of a PostgreSQL server of this test session."""
    with servers.postgres() as url:
        yield url


def _fresh_database(server: str) -> str:
    name = f"prom_{uuid.uuid4().hex[:12]}"
    admin = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return f"{server}/{name}"


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """Return the URL of a fresh PostgreSQL database."""
    return _fresh_database(postgres_server)


@pytest.fixture
def another_postgres_url(postgres_server: str) -> str:
    """Return the URL of a second fresh PostgreSQL database."""
    return _fresh_database(postgres_server)


@pytest.fixture
def postgres_store(postgres_url: str, migrated: Path) -> Iterator[Store]:
    """Return a store on a fresh PostgreSQL database."""
    migrating.upgrade(postgres_url)
    engine = engine_for(postgres_url)
    yield Store(engine, vault.load(migrated / "keys"))
    engine.dispose()
