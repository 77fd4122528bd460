"""Treatments beside a procedure as they change: ended, corrected, or taken out because they were never given."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from prom.domain import timetable
from prom.services.ending import EventError
from prom.storage import audit, co_treatments
from prom.storage.models import CoTreatment, CoTreatmentKind, Patient

LONGEST_REASON = 120


@dataclass(frozen=True, slots=True)
class Lane:
    """What a treatment is and how long it ran; no end means it goes on."""

    kind: CoTreatmentKind
    started_on: date
    stopped_on: date | None


def lane_of(row: CoTreatment) -> Lane:
    """Return a treatment as it stands."""
    return Lane(row.kind, row.started_on, row.stopped_on)


def end(session: Session, row: CoTreatment, on: date, actor: audit.Actor, now: datetime) -> bool:
    """Say on which day a treatment ended; False when it ended on that day already."""
    return correct(session, row, Lane(row.kind, row.started_on, on), "ended", actor, now)


def correct(session: Session, row: CoTreatment, wanted: Lane, reason: str, actor: audit.Actor, now: datetime) -> bool:
    """Change what a treatment is or when it ran, with a reason; False when nothing would change."""
    _check(session, row, wanted, reason, now)
    changed = [name for name in Lane.__slots__ if getattr(row, name) != getattr(wanted, name)]
    patient = session.get_one(Patient, row.patient_id)
    for name in changed:
        change = audit.Change(name, _words(getattr(row, name)), _words(getattr(wanted, name)))
        audit.record(
            session, actor, "treatment changed", row, now, patient=patient, change=change, reason=reason.strip()
        )
        setattr(row, name, getattr(wanted, name))
    session.add(row)
    session.flush()
    return bool(changed)


def _check(session: Session, row: CoTreatment, wanted: Lane, reason: str, now: datetime) -> None:
    today = timetable.local(now, session.get_one(Patient, row.patient_id).time_zone).date()
    if wanted.started_on > today:
        raise EventError("The start lies in the future.")
    if wanted.stopped_on is not None and wanted.stopped_on < wanted.started_on:
        raise EventError("The end lies before the start.")
    _check_reason(reason)


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise EventError("Say why it is changed.")
    if len(reason.strip()) > LONGEST_REASON:
        raise EventError(f"The reason is too long: {LONGEST_REASON} characters at most.")


def _words(value: object) -> str:
    return "" if value is None else str(value)


def remove(session: Session, row: CoTreatment, reason: str, actor: audit.Actor, now: datetime) -> None:
    """Take out a treatment that was never given; the audit trail keeps what was recorded, and why it went."""
    _check_reason(reason)
    patient = session.get_one(Patient, row.patient_id)
    was = f"{row.kind} {row.started_on.isoformat()} {_words(row.stopped_on)}".strip()
    change = audit.Change("treatment", was, "removed")
    audit.record(session, actor, "treatment removed", row, now, patient=patient, change=change, reason=reason.strip())
    co_treatments.remove(session, row)
