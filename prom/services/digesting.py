"""The morning's counts by text to those of the staff who want them: numbers only, never a word about a patient.

They go out once a day at 07:30 where somebody works, on open days, to people who are here. A morning with nothing to
see sends nothing. Past noon it is too late: the page says more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlmodel import Session

from prom.domain import timetable
from prom.services import absences, closing_days, texting
from prom.storage import alerts, on_call, sites, tasks
from prom.storage import staff as staff_rows
from prom.storage.models import AlertKind, Site, Staff, TaskKind

BEGINS, ENDS = time(7, 30), time(12)
LOSING = (AlertKind.RED.value, AlertKind.AMBER.value)
MOST_CALLS = 999


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of one morning: patients losing relief, alerts new since the last sign-in, patients to call."""

    losing: int
    new: int
    call: int

    @property
    def nothing(self) -> bool:
        """Return whether there is nothing to see."""
        return not (self.losing or self.new or self.call)


def queue(session: Session, now: datetime) -> int:
    """Queue this morning's counts for whoever did not get them yet, and return how many were queued."""
    queued = 0
    for member in on_call.want_digest(session):
        site = staff_rows.home(session, member)
        if site is not None and _is_time(session, member, site, now):
            queued += _queue_one(session, member, site, now)
    return queued


def _is_time(session: Session, member: Staff, site: Site, now: datetime) -> bool:
    there = timetable.local(now, site.time_zone)
    if not BEGINS <= there.time() < ENDS or absences.is_away(member, there.date()):
        return False
    return closing_days.open_day(session, site.id, there.date()) == there.date()


def _queue_one(session: Session, member: Staff, site: Site, now: datetime) -> bool:
    day = timetable.local(now, site.time_zone).date()
    found = counts(session, [one.id for one in sites.visible(session, member.site_id)], member, now)
    if found.nothing:
        return False
    text = texting.queue_staff_text(
        session,
        member,
        "staff_digest",
        {"losing": found.losing, "new": found.new, "call": found.call},
        now,
        dedupe_key=f"digest|{member.public_id}|{day.isoformat()}",
        expires_at=timetable.instant_of(datetime.combine(day, ENDS), site.time_zone).astimezone(UTC)
        + timedelta(minutes=1),
    )
    return text is not None


def counts(session: Session, site_ids: Sequence[int], member: Staff, now: datetime) -> Counts:
    """Return the counts of the sites that somebody sees."""
    standing = alerts.open_counts(session, site_ids, member.current_sign_in_at)
    calls = tasks.open_tasks(session, site_ids, kind=TaskKind.CALL, now=now, limit=MOST_CALLS)
    return Counts(
        losing=alerts.open_episodes(session, site_ids, LOSING),
        new=standing["new"],
        call=len({task.patient_id or -task.id for task in calls}),
    )
