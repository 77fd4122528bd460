"""What comparing whole cohorts reads: plain tuples of every followed episode, no rows of objects; and its snapshots."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import String, func, select, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
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

Parts = tuple[Sequence[Any], ...]
_FACTS = (
    col(Episode.id),
    col(Episode.site_id),
    col(Episode.procedure),
    type_coerce(col(Episode.procedure_at), String),
    col(Patient.birth_year),
    col(Patient.sex),
    col(Sensitization.csi_min),
    col(Sensitization.csi_max),
    col(Sensitization.phq4),
    col(Sensitization.opioids),
)


def _followed(*more: Any) -> Any:
    """Return the query of the facts of done episodes, and of more columns."""
    return (
        select(*_FACTS, *more)
        .join(Patient, col(Patient.id) == col(Episode.patient_id))
        .outerjoin(Sensitization, col(Sensitization.episode_id) == col(Episode.id))
        .where(col(Episode.state) == EpisodeState.DONE)
        .order_by(col(Episode.id))
    )


def facts(session: Session, ids: Sequence[int]) -> Parts:
    """Return the facts of some done episodes by id, one list a fact.

    They are id, site, procedure, when, birth year, sex, the two bounds of the CSI, PHQ-4 and opioids.
    """
    return _turned(session.connection().execute(_followed().where(col(Episode.id).in_(ids))).all(), len(_FACTS))


def waves(session: Session, size: int) -> Iterator[Parts]:
    """Yield the facts of all judged episodes in waves, one list a fact, with their verdicts.

    After the facts come zone, fields at 50 and at 30 percent, the end day and time they were judged by, and the course.
    Instants come as the database holds them: a hundred thousand need not be understood to be compared.
    """
    waning, loss = aliased(Relief), aliased(Relief)
    more = (
        col(Patient.time_zone),
        waning.fields,
        loss.fields,
        waning.end_day,
        type_coerce(waning.computed_at, String),
        waning.course,
    )
    query = _followed(*more).join(waning, (waning.episode_id == col(Episode.id)) & (waning.threshold == 50))
    query = query.join(loss, (loss.episode_id == col(Episode.id)) & (loss.threshold == 30)).limit(size)
    after = 0
    while found := session.connection().execute(query.where(col(Episode.id) > after)).all():
        yield _turned(found, len(_FACTS) + len(more))
        after = found[-1][0]


def _turned(found: Sequence[Any], width: int) -> Parts:
    return tuple(zip(*found, strict=True)) if found else ((),) * width


def public_ids(session: Session, ids: Collection[int]) -> dict[int, str]:
    """Return the public ids of some episodes."""
    query = select(col(Episode.id), col(Episode.public_id)).where(col(Episode.id).in_(ids))
    return {row[0]: row[1] for row in session.connection().execute(query)}


def places_of(session: Session, ids: Collection[int]) -> dict[int, tuple[datetime, str]]:
    """Return when the procedures of some episodes were, and the patient's zone."""
    query = (
        select(col(Episode.id), col(Episode.procedure_at), col(Patient.time_zone))
        .join(Patient, col(Patient.id) == col(Episode.patient_id))
        .where(col(Episode.id).in_(ids))
    )
    return {row[0]: (row[1], row[2]) for row in session.connection().execute(query)}


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
