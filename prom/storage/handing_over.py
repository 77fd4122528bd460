"""What one member of staff holds that another may take over: claimed tasks, and alerts during absences."""

from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col

from prom.storage.models import Staff, Task


def claims(session: Session, from_id: int, to_id: int | None, now: datetime) -> int:
    """Give the open tasks somebody claimed to another (None: to nobody in particular) and return how many."""
    moved = session.execute(
        update(Task)
        .where(col(Task.claimed_by_id) == from_id, col(Task.done_at).is_(None))
        .values(claimed_by_id=to_id, claimed_at=now if to_id is not None else None)
    )
    return int(moved.rowcount)  # type: ignore[attr-defined]


def deputies(session: Session, from_id: int, to_id: int | None) -> None:
    """Let another cover for those whom somebody covered for; nobody covers for themselves."""
    covered = col(Staff.deputy_id) == from_id
    if to_id is not None:
        session.execute(update(Staff).where(covered, col(Staff.id) == to_id).values(deputy_id=None))
    session.execute(update(Staff).where(covered).values(deputy_id=to_id))
