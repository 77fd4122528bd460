"""Queries about what a clinic has confirmed of its country's checklist for texting."""

from datetime import datetime

from sqlmodel import Session, col, select

from prom.storage.models import ChannelFact


def facts(session: Session, site_id: int) -> dict[str, ChannelFact]:
    """Return the confirmed points of a site by key."""
    rows = session.exec(select(ChannelFact).where(col(ChannelFact.site_id) == site_id))
    return {row.key: row for row in rows}


def put(session: Session, site_id: int, key: str, value: str, staff_id: int, now: datetime) -> ChannelFact:
    """Confirm a point, or change what it was confirmed with."""
    row = facts(session, site_id).get(key) or ChannelFact(
        site_id=site_id, key=key, value=value, confirmed_at=now, staff_id=staff_id
    )
    row.value, row.confirmed_at, row.staff_id = value, now, staff_id
    session.add(row)
    session.flush()
    return row


def remove(session: Session, row: ChannelFact) -> None:
    """Take a confirmation back."""
    session.delete(row)
    session.flush()
