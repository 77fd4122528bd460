"""Emergency access to another site's patients: who opened it, why, until when."""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from prom.storage.models import BreakGlass, Site

MINUTES = 60


def open_for(session: Session, staff_id: int, site_id: int, reason: str, now: datetime) -> BreakGlass:
    """Open a site's patients to somebody for an hour."""
    row = BreakGlass(
        staff_id=staff_id,
        site_id=site_id,
        reason=reason,
        opened_at=now,
        expires_at=now + timedelta(minutes=MINUTES),
    )
    session.add(row)
    session.flush()
    return row


def sites_open(session: Session, staff_id: int, now: datetime) -> list[Site]:
    """Return the sites somebody has emergency access to at an instant."""
    query = (
        select(Site)
        .join(BreakGlass, col(BreakGlass.site_id) == col(Site.id))
        .where(col(BreakGlass.staff_id) == staff_id, col(BreakGlass.expires_at) > now)
        .distinct()
    )
    return list(session.exec(query.order_by(col(Site.name))))


def since(session: Session, at: datetime, most: int = 50) -> list[BreakGlass]:
    """Return the openings since an instant, newest first."""
    query = select(BreakGlass).where(col(BreakGlass.opened_at) >= at).order_by(col(BreakGlass.opened_at).desc())
    return list(session.exec(query.limit(most)))
