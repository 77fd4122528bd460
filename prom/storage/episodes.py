"""Episodes: one procedure of one patient each, and the queries that find them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import insert, update
from sqlmodel import Session, col, select

from prom.storage.models import Episode, EpisodeState, Event, EventKind, Patient, Sensitization
from prom.storage.session import vault_of


def by_public_id(session: Session, public_id: str, site_ids: Collection[int] | None) -> Episode | None:
    """Return an episode of the sites the reader may see (None: all sites), or None."""
    query = select(Episode).where(col(Episode.public_id) == public_id)
    if site_ids is not None:
        query = query.where(col(Episode.site_id).in_(site_ids))
    return session.exec(query).one_or_none()


def of_patient(session: Session, patient_id: int) -> list[Episode]:
    """Return a patient's episodes, the earliest procedure first."""
    return list(
        session.exec(
            select(Episode)
            .where(col(Episode.patient_id) == patient_id)
            .order_by(col(Episode.procedure_at), col(Episode.id))
        )
    )


def by_ids(session: Session, ids: Collection[int]) -> list[Episode]:
    """Return some episodes."""
    return list(session.exec(select(Episode).where(col(Episode.id).in_(ids))))


def of_patients(session: Session, patient_ids: Iterable[int]) -> list[Episode]:
    """Return the episodes of some patients."""
    return list(session.exec(select(Episode).where(col(Episode.patient_id).in_(sorted(set(patient_ids))))))


def between(session: Session, site_ids: Iterable[int], start: datetime, end: datetime) -> list[Episode]:
    """Return the procedures of some sites from an instant up to another, cancelled ones left out."""
    return list(
        session.exec(
            select(Episode)
            .where(
                col(Episode.site_id).in_(set(site_ids)),
                col(Episode.procedure_at) >= start,
                col(Episode.procedure_at) < end,
                col(Episode.state) != EpisodeState.CANCELLED,
            )
            .order_by(col(Episode.procedure_at), col(Episode.id))
        )
    )


def patient_of(session: Session, episode: Episode) -> Patient:
    """Return the patient of an episode."""
    patient = session.get(Patient, episode.patient_id)
    assert patient is not None
    return patient


def add_all(session: Session, rows: Sequence[Episode]) -> dict[str, int]:
    """Insert new episodes in one statement and return their ids by public id."""
    if not rows:
        return {}
    values = [row.model_dump(exclude={"id"}) for row in rows]
    session.flush()
    stored = session.connection().execute(insert(Episode).returning(col(Episode.public_id), col(Episode.id)), values)
    return dict(iter(stored))


def take(session: Session, episode: Episode, was: EpisodeState, becomes: EpisodeState) -> bool:
    """Change an episode's state if it is still as seen; return False if somebody else was quicker."""
    session.add(episode)
    taken = session.execute(
        update(Episode)
        .where(col(Episode.id) == episode.id, col(Episode.state) == was)
        .values(state=becomes)
        .execution_options(synchronize_session=False)
    )
    session.refresh(episode)
    return bool(getattr(taken, "rowcount", 0) == 1)


@dataclass(frozen=True, slots=True)
class NewCsi:
    """The CSI of a new episode: items answered (None with an imported total) and the bounds of the total."""

    episode_id: int
    answered: int | None
    lowest: int
    highest: int
    source: str
    at: datetime


def add_sensitization(session: Session, rows: Sequence[NewCsi], now: datetime) -> None:
    """Insert baseline sensitization records that hold a CSI and nothing else yet, in one statement."""
    if not rows:
        return
    # Text columns are empty, not NULL, where nothing is recorded.
    empty = {name: "" for name, kind in Sensitization.__annotations__.items() if kind is str}
    values = [
        {
            **empty,
            "episode_id": row.episode_id,
            "csi_answered": row.answered,
            "csi_min": row.lowest,
            "csi_max": row.highest,
            "csi_source": row.source,
            "csi_at": row.at,
            "recorded_at": now,
        }
        for row in rows
    ]
    session.flush()
    session.connection().execute(insert(Sensitization), values)


def sensitization(session: Session, episode_id: int) -> Sensitization | None:
    """Return the baseline sensitization record of an episode, or None."""
    return session.exec(select(Sensitization).where(col(Sensitization.episode_id) == episode_id)).one_or_none()


def events(session: Session, episode_ids: Iterable[int]) -> list[Event]:
    """Return the events of some episodes by day."""
    return list(
        session.exec(
            select(Event)
            .where(col(Event.episode_id).in_(set(episode_ids)))
            .order_by(col(Event.happened_on), col(Event.id))
        )
    )


def add_event(session: Session, episode: Episode, kind: EventKind, on: date, now: datetime, note: str = "") -> Event:
    """Add an event to an episode; the note is sealed with the patient's key."""
    row = Event(
        episode_id=episode.id,
        patient_id=episode.patient_id,
        site_id=episode.site_id,
        kind=kind,
        happened_on=on,
        recorded_at=now,
    )
    if note:
        key = patient_of(session, episode).key_sealed
        row.note_sealed = vault_of(session).seal(key, f"event|note|{row.public_id}", note)
    session.add(row)
    session.flush()
    return row


def event_note(session: Session, event: Event) -> str:
    """Return an event's note, empty if there is none."""
    if event.note_sealed is None:
        return ""
    patient = session.get_one(Patient, event.patient_id)
    return vault_of(session).open(patient.key_sealed, f"event|note|{event.public_id}", event.note_sealed)


def open_of_patient(session: Session, patient_id: int, since: date | None = None) -> list[Episode]:
    """Return a patient's episodes that are not cancelled, of procedures from a day on."""
    rows = [row for row in of_patient(session, patient_id) if row.state is not EpisodeState.CANCELLED]
    return rows if since is None else [row for row in rows if row.procedure_at.date() >= since]
