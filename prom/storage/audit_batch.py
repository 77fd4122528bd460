"""Audit rows of changes that come by the thousand: one statement, the same columns as `audit.record` writes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from prom.storage import bulk
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
    same = {
        "at": now,
        "actor": actor.name,
        "session": actor.session,
        "address": actor.address,
        "request_id": actor.request_id,
        "field": "",
        "reason": "",
    }
    bulk.insert_rows(session, Audit, list(entries), Entry.__slots__, same)
