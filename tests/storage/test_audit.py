"""The audit trail is append-only and its seals show any change."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from prom.storage import audit
from prom.storage.models import Site


def _three_rows(store, site, now):
    with store.writing() as session:
        for action in ("one", "two", "three"):
            audit.record(session, audit.COMMAND, action, session.get(Site, site.id), now)
    with store.writing() as session:
        assert audit.seal(session, now) == 3


def test_sealed_rows_verify(store, site, now):
    _three_rows(store, site, now)
    with store.reading() as session:
        assert audit.verify(session) is None
        assert audit.unsealed(session) == 0


@pytest.mark.parametrize("statement", ["UPDATE audit SET action = 'x'", "DELETE FROM audit", "DELETE FROM auditseal"])
def test_the_database_refuses_to_change_audit_rows(store, site, now, statement):
    _three_rows(store, site, now)
    with pytest.raises(DBAPIError, match="never changed or deleted"), store.writing() as session:
        session.execute(text(statement))


def test_a_change_behind_the_triggers_is_named(store, site, now):
    _three_rows(store, site, now)
    with store.writing() as session:
        session.execute(text("DROP TRIGGER audit_no_update"))
        session.execute(text("UPDATE audit SET action = 'forged' WHERE id = 2"))
    with store.reading() as session:
        assert audit.verify(session) == "audit rows 1 to 3 were changed, added or removed after sealing"
