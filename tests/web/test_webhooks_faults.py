"""The provider's doors with a database in trouble: 503 asks for another try, and nothing is half done."""

import sqlite3

import pytest
from sqlalchemy import create_engine, event

from prom.storage import migrating, vault
from prom.storage import session as sessions
from prom.storage.session import Store, engine_for
from tests import outbox, replies, servers
from tests.web.test_webhooks import INBOUND, STATUS, asha, door, fields_of, post

__all__ = ["asha", "door"]


@pytest.fixture
def impatient(instance, store):
    """Return a store of its own that does not wait for a locked database, and what to do on each connection."""
    wishes = ["PRAGMA busy_timeout=50"]
    engine = engine_for(f"sqlite:///{instance / 'prom.db'}")

    @event.listens_for(engine, "checkout")
    def wish(connection, *_):
        for one in wishes:
            connection.execute(one)

    yield Store(engine, store.vault), wishes
    engine.dispose()


def test_a_locked_database_is_answered_503_and_the_next_try_counts(door, store, impatient, instance, asha):
    app = door(impatient[0])
    lock = sqlite3.connect(instance / "prom.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    answer = post(app, fields_of(asha.phone, "6"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    lock.execute("ROLLBACK")
    lock.close()
    assert post(app, fields_of(asha.phone, "6")).status_code == 200
    assert replies.scores(store) == [6]


def test_a_read_only_database_is_answered_503_and_nothing_is_half_done(door, store, impatient, asha):
    slow, wishes = impatient
    app = door(slow)
    wishes.append("PRAGMA query_only=ON")
    assert post(app, fields_of(asha.phone, "6")).status_code == 503
    assert replies.texts_in(store) == []
    wishes[-1] = "PRAGMA query_only=OFF"
    assert post(app, fields_of(asha.phone, "6")).status_code == 200
    assert replies.scores(store) == [6]


def test_a_full_disk_is_answered_503_and_what_was_answered_200_is_there(door, store, impatient, asha):
    slow, wishes = impatient
    app = door(slow)
    wishes.append("PRAGMA max_page_count=1")
    answers = [post(app, fields_of(asha.phone, "long words " * 140, f"SM{number}")).status_code for number in range(40)]
    assert 503 in answers
    assert len(replies.texts_in(store)) == answers.count(200)
    wishes[-1] = "PRAGMA max_page_count=1000000"
    assert post(app, fields_of(asha.phone, "6", "SM99")).status_code == 200
    assert [row.provider_sid for row in replies.texts_in(store)][-1] == "SM99"


@pytest.fixture
def own_store(instance, store):
    """Return a store on the same database that a test may break."""
    engine = engine_for(f"sqlite:///{instance / 'prom.db'}")
    yield Store(engine, store.vault)
    engine.dispose()


def test_a_database_that_is_gone_is_answered_503_and_the_next_try_counts(door, own_store, instance, store, asha):
    app = door(own_store)
    aside = instance.with_name("aside")
    for path in (INBOUND, STATUS):
        store.engine.dispose()
        own_store.engine.dispose()
        (instance / "prom.db").rename(aside)
        (instance / "prom.db").mkdir()
        answer = post(app, fields_of(asha.phone, "6", MessageStatus="sent"), path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        (instance / "prom.db").rmdir()
        aside.rename(instance / "prom.db")
    assert post(app, fields_of(asha.phone, "6")).status_code == 200
    assert replies.scores(store) == [6]


def test_a_damaged_database_is_answered_503(door, own_store, instance, asha):
    app = door(own_store)
    own_store.engine.dispose()
    for leftover in instance.glob("prom.db-*"):
        leftover.unlink()
    (instance / "prom.db").write_bytes(b"no database at all" * 1000)
    assert post(app, fields_of(asha.phone, "6")).status_code == 503


def test_no_free_connection_in_time_is_answered_503(door, store, instance, asha):
    engine = create_engine(f"sqlite:///{instance / 'prom.db'}", pool_size=1, max_overflow=0, pool_timeout=0.05)
    app = door(Store(engine, store.vault))
    with engine.connect():
        assert post(app, fields_of(asha.phone, "6")).status_code == 503
    engine.dispose()
    assert replies.texts_in(store) == []


def test_a_write_turn_that_does_not_come_is_answered_503(door, own_store, store, asha, monkeypatch):
    monkeypatch.setattr(sessions, "BUSY_SECONDS", 0.05)
    app = door(own_store)
    with own_store.writing():
        assert post(app, fields_of(asha.phone, "6")).status_code == 503
    assert post(app, fields_of(asha.phone, "6")).status_code == 200
    assert replies.scores(store) == [6]


@pytest.mark.postgres
def test_a_postgresql_that_stops_is_answered_503_and_nothing_was_half_done(door, migrated, now):
    with servers.postgres() as url:
        database = f"{url}/postgres"
        migrating.upgrade(database)
        engine = engine_for(database)
        store = Store(engine, vault.load(migrated / "keys"))
        with store.writing() as session:
            site = outbox.site(session)
        asha = replies.asked(store, site, now)
        app = door(store)
        assert post(app, fields_of(asha.phone, "6", "SM1")).status_code == 200
        assert replies.scores(store) == [6]
    assert post(app, fields_of(asha.phone, "7", "SM2")).status_code == 503
    engine.dispose()
