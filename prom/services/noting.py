"""What staff note beside the answers: events of a procedure, and treatments that run beside it."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from prom.domain import timetable
from prom.services import ending, watching
from prom.services.ending import EventError
from prom.storage import audit, desk, episodes, lists
from prom.storage.models import CoTreatment, CoTreatmentKind, Episode, EpisodeState, Event, EventKind
from prom.storage.session import vault_of

LONGEST_NOTE = 500
OF_THE_PERSON = frozenset({EventKind.DEATH, EventKind.OPTOUT})


@dataclass(frozen=True, slots=True)
class Treatment:
    """A treatment beside a procedure with its note in clear."""

    row: CoTreatment
    note: str


def event(
    session: Session, episode: Episode, kind: EventKind, on: date, note: str, actor: audit.Actor, now: datetime
) -> bool:
    """Record an event and judge the relief anew; False when it was recorded before.

    A death, or leaving the follow-up, is of the person: every procedure of theirs gets it.
    """
    _check_day(session, episode, kind, on, now)
    everything = [episode]
    if kind in OF_THE_PERSON:
        everything += [one for one in episodes.open_of_patient(session, episode.patient_id) if one.id != episode.id]
    stored = [ending.record(session, one, kind, on, actor, now, note=note[:LONGEST_NOTE]) for one in everything]
    watching.refresh(session, [one.id for one in everything], now)
    return any(row is not None for row in stored)


def _check_day(session: Session, episode: Episode, kind: EventKind, on: date, now: datetime) -> None:
    zone = episodes.patient_of(session, episode).time_zone
    if on > timetable.local(now, zone).date():
        raise EventError("The day lies in the future.")
    if kind in OF_THE_PERSON:
        if on.year < timetable.local(episode.created_at, zone).year - 1:
            raise EventError("The day is too long ago.")
        return
    if episode.state is not EpisodeState.DONE:
        raise EventError("The procedure is not marked done: mark it first.")
    if on < timetable.local(episode.procedure_at, zone).date():
        raise EventError("The day lies before the procedure.")


def events(session: Session, episode: Episode) -> list[tuple[Event, str]]:
    """Return the events of a procedure with their notes, by day."""
    return [(row, episodes.event_note(session, row)) for row in episodes.events(session, [episode.id])]


def treatment(
    session: Session,
    episode: Episode,
    kind: CoTreatmentKind,
    *,
    started_on: date,
    stopped_on: date | None,
    note: str,
    actor: audit.Actor,
    now: datetime,
) -> CoTreatment:
    """Record a treatment that runs beside a procedure; without an end it goes on."""
    patient = episodes.patient_of(session, episode)
    if started_on > timetable.local(now, patient.time_zone).date():
        raise EventError("The start lies in the future.")
    if stopped_on is not None and stopped_on < started_on:
        raise EventError("The end lies before the start.")
    row = CoTreatment(
        episode_id=episode.id,
        patient_id=episode.patient_id,
        site_id=episode.site_id,
        kind=kind,
        started_on=started_on,
        stopped_on=stopped_on,
    )
    if note.strip():
        place = f"cotreatment|note|{row.public_id}"
        row.note_sealed = vault_of(session).seal(patient.key_sealed, place, note.strip()[:LONGEST_NOTE])
    desk.add_co_treatment(session, row)
    end = stopped_on.isoformat() if stopped_on is not None else ""
    change = audit.Change("treatment", "", f"{kind} {started_on.isoformat()} {end}".strip())
    audit.record(session, actor, "treatment recorded", row, now, patient=patient, change=change)
    return row


def treatments(session: Session, episode: Episode) -> list[Treatment]:
    """Return the treatments beside a procedure by their start."""
    key = episodes.patient_of(session, episode).key_sealed
    vault = vault_of(session)
    return [
        Treatment(
            row,
            vault.open(key, f"cotreatment|note|{row.public_id}", row.note_sealed) if row.note_sealed else "",
        )
        for row in lists.co_treatments(session, [episode.id])
    ]
