"""The coordinator's queue: one row for each thing a person must do, opened once whoever notices it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from prom.storage.conversation import Asked
from prom.storage.models import Task, TaskKind
from prom.storage.statements import Statement
from prom.storage.types import new_public_id

# The order in which a coordinator acts: a call cannot wait, a stopped patient can.
ORDER = (TaskKind.CALL, TaskKind.READ, TaskKind.FIX, TaskKind.CHASE, TaskKind.STOPPED)


def open_task(  # noqa: PLR0913 - one argument a column
    session: Session,
    *,
    site_id: int,
    kind: TaskKind,
    reason: str,
    dedupe_key: str,
    patient_id: int | None = None,
    prompt_id: int | None = None,
    inbound_id: int | None = None,
    message_id: int | None = None,
    urgent: bool = False,
    candidate: str = "",
    now: datetime,
    not_before: datetime | None = None,
) -> Task | None:
    """Open a task, or return None when it was opened before (done or not): the dedupe key says what is the same."""
    row = {
        "public_id": new_public_id(),
        "site_id": site_id,
        "patient_id": patient_id,
        "prompt_id": prompt_id,
        "inbound_id": inbound_id,
        "message_id": message_id,
        "kind": kind,
        "urgent": urgent,
        "reason": reason,
        "candidate": candidate,
        "created_at": now,
        "not_before": not_before,
        "outcome": "",
        "dedupe_key": dedupe_key,
    }
    statement = _insert(session).values(row).on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(Task)
    opened: Task | None = session.scalars(statement).first()
    return opened


def open_tasks(
    session: Session,
    site_ids: Sequence[int],
    *,
    kind: TaskKind | None = None,
    patient_id: int | None = None,
    now: datetime | None = None,
    limit: int = 200,
) -> list[Task]:
    """Return the open tasks of some sites: urgent first, then by kind in order of action, then oldest first.

    With `now`, tasks that wait for a call-back time in the future are left out.
    """
    query = select(Task).where(col(Task.site_id).in_(site_ids), col(Task.done_at).is_(None))
    if kind is not None:
        query = query.where(col(Task.kind) == kind)
    if patient_id is not None:
        query = query.where(col(Task.patient_id) == patient_id)
    if now is not None:
        query = query.where(or_(col(Task.not_before).is_(None), col(Task.not_before) <= now))
    rank = case({each.value: place for place, each in enumerate(ORDER)}, value=col(Task.kind))
    return list(
        session.exec(query.order_by(col(Task.urgent).desc(), rank, col(Task.created_at), col(Task.id)).limit(limit))
    )


def by_public_id(session: Session, public_id: str, site_ids: Sequence[int]) -> Task | None:
    """Return one task of these sites, or None."""
    query = select(Task).where(col(Task.public_id) == public_id, col(Task.site_id).in_(site_ids))
    return session.exec(query).first()


def close(session: Session, task: Task, *, outcome: str, now: datetime, staff_id: int | None = None) -> bool:
    """Close an open task, and tell whether it was this call that closed it."""
    closed = session.connection().execute(
        update(Task)
        .where(col(Task.id) == task.id, col(Task.done_at).is_(None))
        .values(done_at=now, done_by_id=staff_id, outcome=outcome)
    )
    session.refresh(task)
    return closed.rowcount == 1


_KIND = Task.__table__.c.kind.type  # type: ignore[attr-defined]
# By the index on site, open and kind; built once, because each answer closes what was opened to chase it.
_CLOSE = Statement(
    update(Task)
    .where(
        col(Task.site_id) == bindparam("of_site"),
        col(Task.done_at).is_(None),
        col(Task.kind) == bindparam("of_kind", type_=_KIND),
        col(Task.prompt_id) == bindparam("of_prompt"),
    )
    .values(done_at=bindparam("closed_at"), outcome=bindparam("closed_as"))
)


def close_for_prompt(session: Session, prompt: Asked, kind: TaskKind, *, outcome: str, now: datetime) -> int:
    """Close the open tasks of one kind about a prompt (an answer came in), and return how many there were."""
    return _CLOSE.change(
        session, of_site=prompt.site_id, of_prompt=prompt.id, of_kind=kind, closed_at=now, closed_as=outcome
    )


def close_older(session: Session, kind: TaskKind, before: datetime, *, outcome: str, now: datetime) -> int:
    """Close the open tasks of one kind that were opened before an instant, and return how many there were."""
    closed = session.connection().execute(
        update(Task)
        .where(col(Task.kind) == kind, col(Task.created_at) < before, col(Task.done_at).is_(None))
        .values(done_at=now, outcome=outcome)
    )
    return closed.rowcount


def _insert(session: Session) -> Any:
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(Task)
    return sqlite.insert(Task)
