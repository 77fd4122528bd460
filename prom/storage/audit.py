"""The audit trail: one row beside every change, in the same transaction, sealed in blocks by a job.

A chain row by row would put a lock on every writer; blocks are sealed each tick instead, each HMAC over its rows and
the seal before it. `verify` names the first block that does not agree.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, func, text
from sqlmodel import Session, col, select

from prom.storage.models import Audit, AuditSeal, Patient
from prom.storage.session import vault_of
from prom.storage.statements import Statement

BLOCK_ROWS = 5000


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a staff member's public id with session and address, or patient, clock, command, gateway."""

    name: str
    staff_id: int | None = None
    session: str = ""
    address: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One field's old and new value, as text."""

    field: str = ""
    old: str = ""
    new: str = ""


NO_CHANGE = Change()
CLOCK = Actor("clock")
COMMAND = Actor("command")
GATEWAY = Actor("gateway")
PATIENT = Actor("patient")


@dataclass(frozen=True, slots=True)
class Thing:
    """What was acted on, by the name of its table and its public id."""

    kind: str
    public_id: str
    site_id: int | None


# Built once: nearly every change writes an audit row, and the object mapper would cost ten times as much.
_TABLE: Table = Audit.__table__  # type: ignore[attr-defined]
_ADD = Statement.adding_to(_TABLE)


def record(
    session: Session,
    actor: Actor,
    action: str,
    row: object,
    now: datetime,
    *,
    patient: Patient | None = None,
    change: Change = NO_CHANGE,
    reason: str = "",
) -> None:
    """Add one audit row. `row` is the table row acted on; the change is sealed with the patient's key.

    Without a patient the change must hold nothing personal, and is stored as it is.
    """
    thing = Thing(type(row).__name__.lower(), str(getattr(row, "public_id", "")), getattr(row, "site_id", None))
    key = patient.key_sealed if patient is not None else None
    note(session, actor, action, thing, now, key=key, change=change, reason=reason)


def note(
    session: Session,
    actor: Actor,
    action: str,
    thing: Thing,
    now: datetime,
    *,
    key: bytes | None = None,
    change: Change = NO_CHANGE,
    reason: str = "",
) -> None:
    """Add one audit row about a thing that is no table row at hand; `key` seals the change."""
    place = f"audit|{change.field}|{thing.public_id}"
    values = {
        "at": now,
        "actor": actor.name,
        "session": actor.session,
        "address": actor.address,
        "request_id": actor.request_id,
        "site_id": thing.site_id,
        "action": action,
        "object_kind": thing.kind,
        "object_id": thing.public_id,
        "field": change.field,
        "old_sealed": _sealed(session, key, place, change.old),
        "new_sealed": _sealed(session, key, place, change.new),
        "reason": reason[:240],
    }
    _ADD.change(session, **values)


def value(session: Session, patient: Patient | None, entry: Audit, sealed: bytes | None) -> str:
    """Return an old or new value in clear."""
    if sealed is None:
        return ""
    if patient is None:
        return sealed.decode()
    return vault_of(session).open(patient.key_sealed, f"audit|{entry.field}|{entry.object_id}", sealed)


def _sealed(session: Session, key: bytes | None, place: str, text: str) -> bytes | None:
    if not text:
        return None
    return text.encode() if key is None else vault_of(session).seal(key, place, text)


def history(session: Session, object_kind: str, object_id: str, limit: int = 200) -> list[Audit]:
    """Return the newest audit rows of one object, newest first."""
    return list(
        session.exec(
            select(Audit)
            .where(col(Audit.object_kind) == object_kind, col(Audit.object_id) == object_id)
            .order_by(col(Audit.id).desc())
            .limit(limit)
        )
    )


def newest(
    session: Session, limit: int, before: int | None = None, site_ids: Collection[int] | None = None
) -> list[Audit]:
    """Return the newest audit rows, or those before an id, newest first; of all sites unless some are named."""
    query = select(Audit).order_by(col(Audit.id).desc()).limit(limit)
    if site_ids is not None:
        query = query.where(col(Audit.site_id).in_(site_ids))
    return list(session.exec(query if before is None else query.where(col(Audit.id) < before)))


def seal(session: Session, now: datetime) -> int:
    """Seal the rows since the last seal as one block and return how many there were."""
    if session.get_bind().dialect.name == "postgresql":
        # Waits for writers in flight: a row that commits late with a low id would fall between two blocks.
        session.execute(text("LOCK TABLE audit IN SHARE MODE"))
    last = session.exec(select(AuditSeal).order_by(col(AuditSeal.id).desc()).limit(1)).first()
    start = last.last_id if last else 0
    rows = _rows(session, start, None)
    if not rows:
        return 0
    previous = last.mac if last else b""
    mac = _block_mac(vault_of(session).audit_key, previous, rows)
    session.add(AuditSeal(first_id=start + 1, last_id=rows[-1].id, mac=mac, at=now))
    return len(rows)


def verify(session: Session) -> str | None:
    """Return None when every sealed block agrees, else a sentence naming the first that does not."""
    previous, expected_first = b"", 1
    for block in session.exec(select(AuditSeal).order_by(col(AuditSeal.id))):
        rows = _rows(session, block.first_id - 1, block.last_id)
        mac = _block_mac(vault_of(session).audit_key, previous, rows)
        if block.first_id != expected_first or not hmac.compare_digest(mac, block.mac):
            return f"audit rows {block.first_id} to {block.last_id} were changed, added or removed after sealing"
        previous, expected_first = block.mac, block.last_id + 1
    return None


def unsealed(session: Session) -> int:
    """Return how many audit rows wait for the next seal."""
    last = session.exec(select(func.max(AuditSeal.last_id))).one() or 0
    return session.exec(select(func.count()).select_from(Audit).where(col(Audit.id) > last)).one()


def _rows(session: Session, after: int, last: int | None) -> list[Audit]:
    query = select(Audit).where(col(Audit.id) > after).order_by(col(Audit.id))
    query = query.limit(BLOCK_ROWS) if last is None else query.where(col(Audit.id) <= last)
    return list(session.exec(query))


def _block_mac(key: bytes, previous: bytes, rows: Iterable[Audit]) -> bytes:
    digest = hmac.new(key, previous, hashlib.sha256)
    for row in rows:
        for name in Audit.model_fields:
            part = getattr(row, name)
            shown = part.isoformat() if isinstance(part, datetime) else repr(part)
            digest.update(f"{name}={shown}\x1f".encode())
    return digest.digest()
