"""Taking back, for a minute, what closes no task: whose text it was said to be, and a number that was changed.

What was done is read off the audit trail, so nothing has to be kept for it; taking back is an act of its own there.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from prom.services import attending, contacting
from prom.storage import acts, audit, inbound, patients
from prom.storage.models import Audit, Patient


@dataclass(frozen=True, slots=True)
class Act:
    """Something that may still be taken back: its audit row, what it was, and whom it concerns."""

    entry: Audit
    action: str
    patient: Patient


def possible(session: Session, site_ids: Collection[int], actor: audit.Actor, now: datetime) -> list[Act]:
    """Return what its actor did within the last minute and may take back, the newest first."""
    named = {attending.ASSIGNED, attending.UNASSIGNED, contacting.NUMBER_CHANGED, contacting.NUMBER_BACK}
    rows = acts.latest(session, actor.name, named, now - attending.UNDO_WITHIN)
    found = []
    for row in rows:
        patient = _whose(session, row, site_ids)
        if row.action in {attending.ASSIGNED, contacting.NUMBER_CHANGED} and patient is not None:
            found.append(Act(row, row.action, patient))
    return found


def _whose(session: Session, row: Audit, site_ids: Collection[int]) -> Patient | None:
    if row.action in {contacting.NUMBER_CHANGED, contacting.NUMBER_BACK}:
        return patients.by_public_id(session, row.object_id, site_ids)
    text = inbound.by_public_id(session, row.object_id, site_ids)
    return session.get(Patient, text.patient_id) if text is not None and text.patient_id is not None else None


def take_back(session: Session, act: Act, actor: audit.Actor, now: datetime) -> None:
    """Take an act back; raise TaskError or ContactError when something has been built on it since."""
    if act.action == attending.ASSIGNED:
        text = inbound.by_public_id(session, act.entry.object_id, [act.patient.site_id])
        assert text is not None
        attending.unassign(session, text, actor, now)
    else:
        contacting.number_back(session, act.patient, act.entry, actor, now)
