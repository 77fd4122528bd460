"""Turns to write: in order of arrival, and one commit for several pieces of work that nobody is told of before it."""

import sqlite3
import threading
import time

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from prom.storage import session as sessions
from prom.storage import sites
from prom.storage.models import Heartbeat
from prom.storage.session import BusyError
from prom.storage.turns import Turns
from tests.conftest import NOW


def beat(session, name):
    sites.heartbeat(session, name, NOW)


def beats(store):
    with store.reading() as session:
        return {row.name for row in session.exec(select(Heartbeat))}


def started(works):
    """Run each piece of work in a thread of its own, in this order of arrival; return the threads."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
        time.sleep(0.03)
    return threads


def test_turns_come_in_the_order_of_arrival():
    turns, order = Turns(), []

    def work(number):
        assert turns.take(5)
        order.append(number)
        turns.give()

    assert turns.take(1)
    threads = started([lambda number=number: work(number) for number in range(6)])
    turns.give()
    for thread in threads:
        thread.join()
    assert order == list(range(6))
    assert turns.take(0.1), "nobody has it any more"


def test_who_waits_too_long_leaves_the_line():
    turns = Turns()
    assert turns.take(1)
    assert not turns.take(0.02)
    turns.give()
    assert turns.take(0.1)


def test_unfinished_work_goes_only_to_who_joins_it():
    turns = Turns()
    turns.take(1)
    assert not turns.give_to_joiner(), "nobody waits"
    (plain,) = started([lambda: (turns.take(5), turns.give())])
    assert not turns.give_to_joiner(), "the next in the line does not join"
    turns.give()
    plain.join()


@pytest.fixture
def commits(store):
    """Return the list of commits that reach the database."""
    seen = []
    event.listen(store.engine, "commit", seen.append)
    return seen


def together(store, names, *, fails=()):
    """Let pieces of work come one behind the other while the first holds the turn; return what each was told."""
    told, first = {}, threading.Event()

    def work(name):
        try:
            with store.writing_together() as session:
                beat(session, name)
                if name == names[0]:
                    first.wait(5)
                assert name not in fails
            told[name] = "stored"
        except (AssertionError, OSError, DBAPIError) as error:
            told[name] = type(error).__name__

    threads = started([lambda name=name: work(name) for name in names])
    first.set()
    for thread in threads:
        thread.join()
    return told


def test_work_that_waits_shares_one_commit(store, commits):
    names = ["a", "b", "c", "d"]
    assert together(store, names) == dict.fromkeys(names, "stored")
    assert len(commits) == 1
    assert beats(store) == set(names)


@pytest.mark.parametrize("failing", ["a", "c", "d"])
def test_a_piece_that_fails_takes_nothing_else_with_it(store, failing):
    told = together(store, ["a", "b", "c", "d"], fails={failing})
    assert told == {name: "AssertionError" if name == failing else "stored" for name in "abcd"}
    assert beats(store) == set("abcd") - {failing}


def test_nobody_is_told_before_the_commit(store, monkeypatch):
    reached = threading.Event()
    real = store.engine.dialect.do_commit

    def slow(connection):
        time.sleep(0.1)
        reached.set()
        real(connection)

    monkeypatch.setattr(store.engine.dialect, "do_commit", slow)
    told = together(store, ["a", "b", "c"])
    assert told == dict.fromkeys("abc", "stored")
    assert reached.is_set()


def test_a_commit_that_fails_is_told_to_all(store, monkeypatch):
    def broken(_connection):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(store.engine.dialect, "do_commit", broken)
    told = together(store, ["a", "b", "c"])
    assert set(told) == {"a", "b", "c"}
    assert "stored" not in told.values()
    monkeypatch.undo()
    assert beats(store) == set()
    assert together(store, ["d", "e"]) == {"d": "stored", "e": "stored"}


def test_what_the_database_takes_back_whole_is_told_to_all(store):
    told, first = {}, threading.Event()

    def piece(name, work):
        try:
            with store.writing_together() as session:
                beat(session, name)
                session.flush()
                work(session)
            told[name] = "stored"
        except (OSError, DBAPIError) as error:
            told[name] = type(error).__name__

    def taken_back(session):
        # As SQLite does by itself when the disk is full.
        session.connection().connection.driver_connection.execute("ROLLBACK")

    works = [("a", lambda _: first.wait(5)), ("b", taken_back), ("c", lambda _: None)]
    threads = started([lambda one=one: piece(*one) for one in works])
    first.set()
    for thread in threads:
        thread.join()
    assert told["a"] == "BusyError"
    assert told["b"] != "stored"
    assert told["c"] == "stored"
    assert beats(store) == {"c"}


def test_other_writers_keep_their_own_transactions(store, commits):
    order, first = [], threading.Event()

    def joined(name):
        with store.writing_together() as session:
            beat(session, name)
            if name == "a":
                first.wait(5)
        order.append(name)

    def alone():
        with store.writing() as session:
            beat(session, "own")
        order.append("own")

    threads = started([lambda: joined("a"), alone, lambda: joined("b")])
    first.set()
    for thread in threads:
        thread.join()
    assert len(commits) == 3
    assert beats(store) == {"a", "own", "b"}
    assert order[0] == "a"


def test_a_database_that_another_process_holds_is_busy(store, instance, monkeypatch):
    monkeypatch.setattr(sessions, "BUSY_SECONDS", 0.05)
    other = sqlite3.connect(instance / "prom.db", isolation_level=None)
    event.listen(store.engine, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout=50"))
    other.execute("BEGIN IMMEDIATE")
    told = together(store, ["a", "b"])
    assert set(told.values()) <= {"OperationalError", "BusyError"}
    other.execute("ROLLBACK")
    other.close()
    assert together(store, ["c"]) == {"c": "stored"}


def test_a_writer_waits_for_its_turn_at_most_so_long(store, monkeypatch):
    monkeypatch.setattr(sessions, "BUSY_SECONDS", 0.05)
    seen = []

    def late():
        try:
            with store.writing():
                pass
        except BusyError:
            seen.append("busy")

    with store.writing():
        thread = threading.Thread(target=late)
        thread.start()
        thread.join()
    assert seen == ["busy"]


@pytest.mark.postgres
def test_on_postgresql_each_piece_commits_by_itself(postgres_store):
    told = together(postgres_store, ["a", "b", "c"], fails={"b"})
    assert told == {"a": "stored", "b": "AssertionError", "c": "stored"}
    assert beats(postgres_store) == {"a", "c"}
