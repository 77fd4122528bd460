"""A clinic's closed days: coordinators' work moves to the next open day, patients' questions never do."""

from datetime import date, datetime, time, timedelta

from sqlmodel import Session

from prom.domain import timetable
from prom.storage import audit, closing
from prom.storage.models import ClosedDay, Site

# Longer than this no clinic is closed: a calendar without an open day says nothing about when work is done.
LOOKED_AHEAD_DAYS = 366
WORK_BEGINS = time(9)
LONGEST_NAME = 60
WEEK = frozenset(range(7))


class ClosingError(ValueError):
    """A closed day cannot be kept as it was entered; the message says why in plain words."""


def open_day(session: Session, site_id: int, day: date) -> date:
    """Return the next day, or the day itself, that is neither a closed weekday nor a holiday of the site."""
    site = session.get_one(Site, site_id)
    weekly = closing.weekdays(site.closed_weekdays)
    last = day + timedelta(days=LOOKED_AHEAD_DAYS)
    holidays = {row.closed_on for row in closing.between(session, site_id, day, last)}
    for step in range(LOOKED_AHEAD_DAYS + 1):
        found = day + timedelta(days=step)
        if found.weekday() not in weekly and found not in holidays:
            return found
    return day


def open_at(session: Session, site_id: int, instant: datetime) -> datetime:
    """Return the instant itself on an open day of the site, else the morning of the next open day."""
    zone = session.get_one(Site, site_id).time_zone
    there = timetable.local(instant, zone).date()
    found = open_day(session, site_id, there)
    return instant if found == there else timetable.instant_of(datetime.combine(found, WORK_BEGINS), zone)


def coming(session: Session, site: Site, now: datetime) -> list[ClosedDay]:
    """Return the holidays of a site from today on."""
    today = timetable.local(now, site.time_zone).date()
    return closing.between(session, site.id, today, today + timedelta(days=2 * LOOKED_AHEAD_DAYS))


def add_day(session: Session, site: Site, day: date, name: str, actor: audit.Actor, now: datetime) -> None:
    """Keep a day as a holiday of the site."""
    today = timetable.local(now, site.time_zone).date()
    if not today <= day <= today + timedelta(days=2 * LOOKED_AHEAD_DAYS):
        raise ClosingError("Enter a day from today on, at most two years ahead.")
    if closing.one(session, site.id, day) is not None:
        raise ClosingError("This day is on the list already.")
    closing.add(session, site.id, day, name.strip()[:LONGEST_NAME])
    change = audit.Change("closed_day", "", f"{day.isoformat()} {name.strip()[:LONGEST_NAME]}".strip())
    audit.record(session, actor, "holiday added", site, now, change=change)


def remove_day(session: Session, site: Site, day: date, actor: audit.Actor, now: datetime) -> bool:
    """Take a holiday of the site away; False when there is none."""
    row = closing.one(session, site.id, day)
    if row is None:
        return False
    change = audit.Change("closed_day", f"{day.isoformat()} {row.name}".strip())
    closing.remove(session, row)
    audit.record(session, actor, "holiday removed", site, now, change=change)
    return True
