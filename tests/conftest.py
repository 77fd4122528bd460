"""Fixtures every test may use: a real SQLite database, migrated, and a site."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from prom.storage import migrating, vault
from prom.storage.models import Site
from prom.storage.session import Store, engine_for

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
