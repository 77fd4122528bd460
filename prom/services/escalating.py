"""Urgent tasks that nobody took: after 15 minutes of open hours a clinician is told by text, without patient data.

The patient was told at once what to do in an emergency; this is about the clinic. A task is acknowledged when somebody
took it, put it off after trying, or closed it. Open hours are 08:00 to 21:00 on the site's open days.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlmodel import Session

from prom.domain import timetable
from prom.services import absences, attending, closing_days, texting
from prom.storage import audit, on_call, patients
from prom.storage.models import Patient, Site, Task

PATIENCE = timedelta(minutes=15)
OPENS, CLOSES = time(8), time(21)
TEXT_LIVES = timedelta(hours=1)
BATCH = 100

SHOWN = 20


@dataclass(frozen=True, slots=True)
class PassedOn:
    """An urgent task that was passed on to a clinician and is open still; a text of nobody known has no patient."""

    patient_public_id: str
    name: str
    reason: str
    since: datetime
    zone: str


def queue(session: Session, now: datetime) -> int:
    """Pass on what waited too long, and return how many tasks that were."""
    passed = 0
    for task in on_call.unacknowledged(session, now - PATIENCE, BATCH):
        site = session.get_one(Site, task.site_id)
        if _waited(session, site, task, now) >= PATIENCE and attending.escalate(session, task, audit.CLOCK, now):
            passed += 1
            tell(session, site, task, now)
    return passed


def _waited(session: Session, site: Site, task: Task, now: datetime) -> timedelta:
    """Return how long a task has waited while the clinic was open today; nothing while it is closed."""
    there = timetable.local(now, site.time_zone)
    if not OPENS <= there.time() < CLOSES or closing_days.open_day(session, site.id, there.date()) != there.date():
        return timedelta()
    opened = timetable.instant_of(datetime.combine(there.date(), OPENS), site.time_zone).astimezone(UTC)
    return now - max(opened, task.created_at, task.not_before or task.created_at)


def tell(session: Session, site: Site, task: Task, now: datetime) -> None:
    """Text the clinicians on duty that an urgent task waits; the text says nothing about a patient."""
    on = timetable.local(now, site.time_zone).date()
    told = [
        member
        for member in absences.receivers(session, site.id, on)
        if texting.queue_staff_text(
            session,
            member,
            "staff_urgent",
            {"label": site.label},
            now,
            dedupe_key=f"urgent|{task.public_id}|{member.public_id}",
            expires_at=now + TEXT_LIVES,
        )
        is not None
    ]
    reason = f"{len(told)} told by text" if told else "nobody has a number: the page alone tells"
    audit.record(session, audit.CLOCK, "clinicians told", task, now, reason=reason)


def passed_on(session: Session, site_ids: Collection[int]) -> list[PassedOn]:
    """Return what was passed on to the clinicians of some sites and is open still, the oldest first."""
    found = []
    for task in on_call.escalated(session, site_ids, SHOWN):
        patient = session.get(Patient, task.patient_id) if task.patient_id is not None else None
        zone = session.get_one(Site, task.site_id).time_zone
        name = "" if patient is None else patients.name(session, patient) or patients.record_number(session, patient)
        public_id = "" if patient is None else patient.public_id
        found.append(PassedOn(public_id, name, task.reason, task.escalated_at or task.created_at, zone))
    return found
