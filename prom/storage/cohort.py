"""What comparing whole cohorts reads: plain tuples of every followed episode, no rows of objects; and its snapshots."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from prom.storage.models import (
    Audit,
    CohortSnapshot,
    Episode,
    EpisodeState,
    Event,
    Patient,
    Prompt,
    PromptState,
    Relief,
    Review,
    Sensitization,
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a followed episode beside its answers; CSI bounds are None without a questionnaire."""

    episode_id: int
    public_id: str
    site_id: int
    procedure: str
    procedure_at: datetime
    time_zone: str
    birth_year: int | None
    sex: str | None
    csi_min: int | None
    csi_max: int | None
    phq4: int | None
    opioids: str | None


def facts(session: Session, site_ids: Collection[int] | None, procedure: str | None = None) -> list[Facts]:
    """Return the done episodes of some sites (None: all) in order of their ids."""
    query = (
        select(
            col(Episode.id),
            col(Episode.public_id),
            col(Episode.site_id),
            col(Episode.procedure),
            col(Episode.procedure_at),
            col(Patient.time_zone),
            col(Patient.birth_year),
            col(Patient.sex),
            col(Sensitization.csi_min),
            col(Sensitization.csi_max),
            col(Sensitization.phq4),
            col(Sensitization.opioids),
        )
        .join(Patient, col(Patient.id) == col(Episode.patient_id))
        .outerjoin(Sensitization, col(Sensitization.episode_id) == col(Episode.id))
        .where(col(Episode.state) == EpisodeState.DONE)
    )
    if site_ids is not None:
        query = query.where(col(Episode.site_id).in_(site_ids))
    if procedure is not None:
        query = query.where(col(Episode.procedure) == procedure)
    found: Any = session.connection().execute(query.order_by(col(Episode.id)))
    return [Facts(*row) for row in found]


def verdicts(session: Session, threshold: int) -> list[tuple[int, str, int, datetime, str]]:
    """Return (episode id, fields, end day, when computed, course) of all verdicts at a threshold, by episode."""
    query = (
        select(
            col(Relief.episode_id), col(Relief.fields), col(Relief.end_day), col(Relief.computed_at), col(Relief.course)
        )
        .where(col(Relief.threshold) == threshold)
        .order_by(col(Relief.episode_id))
    )
    found: Any = session.connection().execute(query)
    return [tuple(row) for row in found]


def not_sent(session: Session) -> list[tuple[int, str]]:
    """Return (episode id, time point) of the prompts that we did not send."""
    query = select(col(Prompt.episode_id), col(Prompt.time_point)).where(col(Prompt.state) == PromptState.NOT_SENT)
    return [(row[0], row[1]) for row in session.connection().execute(query)]


def conclusions(session: Session) -> list[tuple[int, str, str]]:
    """Return (episode id, concluded cause, causes considered) of the newest review of each episode."""
    newest = select(func.max(col(Review.id))).group_by(col(Review.episode_id))
    query = select(col(Review.episode_id), col(Review.cause), col(Review.causes)).where(col(Review.id).in_(newest))
    return [(row[0], row[1], row[2]) for row in session.connection().execute(query)]


def stops(session: Session) -> list[tuple[int, date]]:
    """Return (episode id, day) of everything that may end a follow-up: events, deaths, withdrawals."""
    events = select(col(Event.episode_id), col(Event.happened_on))
    found = [(row[0], row[1]) for row in session.connection().execute(events)]
    for column in (col(Patient.died_on), col(Patient.withdrawn_on)):
        query: Any = select(col(Episode.id), column).join(Patient, col(Patient.id) == col(Episode.patient_id))
        found += [(row[0], row[1]) for row in session.connection().execute(query.where(column.is_not(None)))]
    return found


def watermark(session: Session) -> int:
    """Return a number that grows with every change: each leaves an audit row."""
    return int(session.connection().execute(select(func.coalesce(func.max(col(Audit.id)), 0))).scalar_one())


def newest_verdict(session: Session) -> datetime | None:
    """Return when a verdict was last computed."""
    found: datetime | None = session.connection().execute(select(func.max(col(Relief.computed_at)))).scalar_one()
    return found


def snapshot(session: Session, key: str) -> CohortSnapshot | None:
    """Return a ready-made answer by its key."""
    return session.scalars(select(CohortSnapshot).where(col(CohortSnapshot.key) == key)).one_or_none()


def snapshot_marks(session: Session) -> dict[str, tuple[datetime, int]]:
    """Return when each snapshot was made and how far it saw."""
    query = select(col(CohortSnapshot.key), col(CohortSnapshot.made_at), col(CohortSnapshot.watermark))
    return {row[0]: (row[1], row[2]) for row in session.connection().execute(query)}


def keep(session: Session, rows: Sequence[tuple[str, str]], made_at: datetime, seen: int) -> None:
    """Store snapshots, given as (key, content), in the place of older ones."""
    if not rows:
        return
    postgres = session.get_bind().dialect.name == "postgresql"
    made: Any = postgresql.insert(CohortSnapshot) if postgres else sqlite.insert(CohortSnapshot)
    replacing = made.on_conflict_do_update(
        index_elements=["key"],
        set_={name: made.excluded[name] for name in ("made_at", "watermark", "content")},
    )
    values = [{"key": key, "content": content, "made_at": made_at, "watermark": seen} for key, content in rows]
    session.connection().execute(replacing, values)
