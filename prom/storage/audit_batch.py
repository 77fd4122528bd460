"""Audit rows of changes that come by the thousand: one statement, the same columns as `audit.record` writes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlmodel import Session

from prom.storage.audit import Actor
from prom.storage.models import Audit


@dataclass(frozen=True, slots=True)
class Entry:
    """One change without old and new values: what was done to which object."""

    action: str
    object_kind: str
    object_id: str
    site_id: int | None


def record_all(session: Session, actor: Actor, entries: Iterable[Entry], now: datetime) -> None:
    """Add one audit row for each entry."""
    values = [
        {
            "at": now,
            "actor": actor.name,
            "session": actor.session,
            "address": actor.address,
            "request_id": actor.request_id,
            "site_id": entry.site_id,
            "action": entry.action,
            "object_kind": entry.object_kind,
            "object_id": entry.object_id,
            "field": "",
            "reason": "",
        }
        for entry in entries
    ]
    if values:
        session.flush()
        session.connection().execute(insert(Audit), values)
