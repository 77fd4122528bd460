"""Which episodes changed since the cohort was last counted: read from the audit trail and from new verdicts.

Every change leaves an audit row in its own transaction, and every new verdict the time it was computed at. Both marks
are looked at with some overlap, because transactions that run side by side need not commit in the order of their
numbers.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from prom.storage.models import (
    Alert,
    Answer,
    Audit,
    CoTreatment,
    Episode,
    Event,
    Patient,
    Prompt,
    Relief,
    Review,
    Sensitization,
)

OVERLAP = timedelta(minutes=2)
OVERLAP_ROWS = 200
NAMED_AT_ONCE = 5_000
_TABLES: dict[str, Any] = {
    "alert": Alert,
    "answer": Answer,
    "cotreatment": CoTreatment,
    "event": Event,
    "prompt": Prompt,
    "review": Review,
}
_RECORD = "sensitization"
# Reading a page changes nothing that is counted.
_READS = ("read", "refused_other_site")


def watermark(session: Session) -> int:
    """Return a number that grows with every change: each leaves an audit row."""
    return int(session.connection().execute(select(func.coalesce(func.max(col(Audit.id)), 0))).scalar_one())


def changed(session: Session, seen: int, since: datetime) -> set[int]:
    """Return the episodes that may have changed after a watermark and a time, by id."""
    named = _named(session, max(seen - OVERLAP_ROWS, 0))
    found = _ids(session, select(col(Relief.episode_id)).where(col(Relief.computed_at) >= since - OVERLAP))
    for kind, table in _TABLES.items():
        found |= _among(session, select(col(table.episode_id)), col(table.public_id), named.get(kind, ()))
    found |= _among(session, select(col(Episode.id)), col(Episode.public_id), named.get("episode", ()))
    theirs = select(col(Episode.id)).join(Patient, col(Patient.id) == col(Episode.patient_id))
    found |= _among(session, theirs, col(Patient.public_id), named.get("patient", ()))
    if _RECORD in named:
        recent = select(col(Sensitization.episode_id)).where(col(Sensitization.recorded_at) >= since - OVERLAP)
        found |= _ids(session, recent)
    return found


def _named(session: Session, seen: int) -> dict[str, list[str]]:
    """Return the public ids that the audit rows after a watermark name, by the kind of row."""
    query = (
        select(col(Audit.object_kind), col(Audit.object_id))
        .where(col(Audit.id) > seen, col(Audit.action).not_in(_READS))
        .distinct()
    )
    named: dict[str, list[str]] = {}
    for kind, name in session.connection().execute(query):
        named.setdefault(kind, []).append(name)
    return named


def _among(session: Session, query: Any, column: Any, names: Sequence[str]) -> set[int]:
    found: set[int] = set()
    for start in range(0, len(names), NAMED_AT_ONCE):
        found |= _ids(session, query.where(column.in_(names[start : start + NAMED_AT_ONCE])))
    return found


def _ids(session: Session, query: Any) -> set[int]:
    return set(session.connection().execute(query).scalars())


def where(session: Session, ids: Collection[int]) -> dict[int, tuple[int, str]]:
    """Return the site and procedure of some episodes."""
    query = select(col(Episode.id), col(Episode.site_id), col(Episode.procedure)).where(col(Episode.id).in_(ids))
    return {row[0]: (row[1], row[2]) for row in session.connection().execute(query)}
