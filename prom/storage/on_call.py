"""Who of the staff gets what: the clinicians of a site, those who want the morning's counts, urgent tasks that wait."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import or_
from sqlmodel import Session, col, select

from prom.storage.models import Role, Staff, Task


def active(session: Session, role: Role, site_id: int | None) -> list[Staff]:
    """Return the active staff of a role who see a site; None: those who see every site."""
    query = select(Staff).where(col(Staff.role) == role, col(Staff.active)).order_by(col(Staff.id))
    mine = col(Staff.site_id).is_(None)
    return list(session.exec(query.where(mine if site_id is None else or_(mine, col(Staff.site_id) == site_id))))


def by_id(session: Session, staff_id: int) -> Staff | None:
    """Return somebody of the staff, or None."""
    return session.get(Staff, staff_id)


def want_digest(session: Session) -> list[Staff]:
    """Return the active staff who want the morning's counts and have a number."""
    query = select(Staff).where(col(Staff.active), col(Staff.digest), col(Staff.phone_index).is_not(None))
    return list(session.exec(query.order_by(col(Staff.id))))


def unacknowledged(session: Session, before: datetime, limit: int) -> list[Task]:
    """Return urgent open tasks about patients, waiting since before an instant, that nobody took or passed on."""
    query = (
        select(Task)
        .where(
            col(Task.urgent),
            col(Task.done_at).is_(None),
            col(Task.escalated_at).is_(None),
            col(Task.created_at) <= before,
            or_(col(Task.patient_id).is_not(None), col(Task.inbound_id).is_not(None)),
            or_(col(Task.not_before).is_(None), col(Task.not_before) <= before),
            col(Task.claimed_at).is_(None),
        )
        .order_by(col(Task.created_at), col(Task.id))
    )
    return list(session.exec(query.limit(limit)))


def escalated(session: Session, site_ids: Collection[int], limit: int) -> list[Task]:
    """Return the open tasks of some sites that were passed on to a clinician, the oldest first."""
    query = (
        select(Task)
        .where(col(Task.site_id).in_(site_ids), col(Task.done_at).is_(None), col(Task.escalated_at).is_not(None))
        .order_by(col(Task.escalated_at), col(Task.id))
    )
    return list(session.exec(query.limit(limit)))
