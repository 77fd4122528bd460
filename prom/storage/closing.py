"""Queries about a clinic's closed days: its weekly ones are at the site, its holidays are rows."""

from collections.abc import Collection
from datetime import date

from sqlmodel import Session, col, select

from prom.storage.models import ClosedDay


def between(session: Session, site_id: int, first: date, last: date) -> list[ClosedDay]:
    """Return the holidays of a site from a day to a day, both included, in order."""
    query = select(ClosedDay).where(
        col(ClosedDay.site_id) == site_id, col(ClosedDay.closed_on) >= first, col(ClosedDay.closed_on) <= last
    )
    return list(session.exec(query.order_by(col(ClosedDay.closed_on))))


def one(session: Session, site_id: int, day: date) -> ClosedDay | None:
    """Return the holiday of a site on a day, or None."""
    query = select(ClosedDay).where(col(ClosedDay.site_id) == site_id, col(ClosedDay.closed_on) == day)
    return session.exec(query).first()


def add(session: Session, site_id: int, day: date, name: str) -> ClosedDay:
    """Add a holiday."""
    row = ClosedDay(site_id=site_id, closed_on=day, name=name)
    session.add(row)
    session.flush()
    return row


def remove(session: Session, row: ClosedDay) -> None:
    """Take a holiday away."""
    session.delete(row)
    session.flush()


def weekdays(text: str) -> frozenset[int]:
    """Return the weekdays (0 Monday to 6 Sunday) that a site's row names; what is no weekday is left out."""
    return frozenset(int(part) for part in text.split() if part in {"0", "1", "2", "3", "4", "5", "6"})


def as_text(days: Collection[int]) -> str:
    """Return weekdays as a site's row keeps them."""
    return " ".join(str(day) for day in sorted(set(days)))
