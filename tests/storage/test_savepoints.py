"""Savepoints keep what was written before them and take back what was written in them."""

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from prom.storage.models import Suppression
from tests.conftest import NOW


def _stopped(phone):
    return Suppression(phone_index=phone, stopped_at=NOW, source="staff")


def _phones(store):
    with store.reading() as session:
        return sorted(session.exec(select(Suppression.phone_index)))


def test_a_savepoint_that_fails_takes_back_only_what_was_written_in_it(store):
    with store.writing() as session:
        session.add(_stopped("before"))
        within = session.begin_nested()
        session.add(_stopped("in it"))
        session.flush()
        within.rollback()
        session.add(_stopped("after"))
    assert _phones(store) == ["after", "before"]


def test_what_an_inner_savepoint_takes_back_leaves_the_outer_one_whole(store):
    with store.writing() as session, session.begin_nested():
        session.add(_stopped("outer"))
        inner = session.begin_nested()
        session.add(_stopped("inner"))
        session.flush()
        inner.rollback()
        with session.begin_nested():
            session.add(_stopped("second inner"))
    assert _phones(store) == ["outer", "second inner"]


def test_a_savepoint_that_is_gone_is_an_error_of_the_database(store):
    engine = store.engine
    if engine.dialect.name != "sqlite":
        pytest.skip("another driver")
    with engine.connect() as connection:
        connection.begin()
        with pytest.raises(DBAPIError):
            engine.dialect.do_release_savepoint(connection, "sa_savepoint_7")
