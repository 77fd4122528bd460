"""Record what ends or colours an episode: repeat, surgery, explant, leaving the follow-up, death.

From such a day on no text of the episode leaves; a death or a withdrawal ends all plans of the patient.
"""

from datetime import date, datetime

from sqlmodel import Session

from prom.services import consenting, planning
from prom.storage import audit, episodes
from prom.storage.models import Episode, Event, EventKind, Patient


class EventError(ValueError):
    """An event that cannot be recorded; the message says why in plain words."""


def record(
    session: Session,
    episode: Episode,
    kind: EventKind,
    on: date,
    actor: audit.Actor,
    now: datetime,
    *,
    note: str = "",
) -> Event | None:
    """Record an event on a day in the patient's zone, or return None when it is recorded already."""
    stored = episodes.events(session, [episode.id])
    if any(event.kind is kind and event.happened_on == on for event in stored):
        return None
    if any(event.kind is kind for event in stored) and kind in {EventKind.DEATH, EventKind.OPTOUT}:
        raise EventError(f"{kind} is recorded on another day already")
    patient = episodes.patient_of(session, episode)
    event = episodes.add_event(session, episode, kind, on, now, note)
    change = audit.Change("happened_on", "", f"{kind} {on.isoformat()}")
    audit.record(session, actor, "event recorded", event, now, patient=patient, change=change)
    _end_plans(session, episode, patient, event, actor, now)
    return event


def _end_plans(
    session: Session, episode: Episode, patient: Patient, event: Event, actor: audit.Actor, now: datetime
) -> None:
    match event.kind:
        case EventKind.OPTOUT:
            consenting.withdraw_follow_up(session, patient, event.happened_on, actor, now)
        case EventKind.DEATH:
            patient.died_on = patient.died_on or event.happened_on
            session.add(patient)
            everything = episodes.of_patient(session, patient.id)
            planning.end(session, [each.id for each in everything], EventKind.DEATH.value)
        case _:
            planning.end(session, [episode.id], event.kind.value)
