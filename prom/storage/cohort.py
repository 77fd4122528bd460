"""What comparing whole cohorts reads: plain tuples of every followed episode, no rows of objects."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import String, case, func, literal, select, type_coerce
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from prom.storage.models import (
    CoTreatment,
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
_SIGNS = (
    col(Sensitization.brush_allodynia),
    col(Sensitization.pinprick_hyperalgesia),
    col(Sensitization.static_pressure),
    col(Sensitization.cold_heat),
    col(Sensitization.after_sensation),
)
# 2 a sign beyond the site, 1 at the site at most, 0 looked for and none found, -1 not looked for.
_FOUND = case(
    (literal("beyond").in_(_SIGNS), 2),
    (literal("site").in_(_SIGNS), 1),
    (literal("none").in_(_SIGNS), 0),
    else_=-1,
)
WAVE_PARTS = len(_FACTS) + 9


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


def waves(session: Session, size: int, ids: Collection[int] | None = None) -> Iterator[Parts]:
    """Yield the facts of all judged episodes, or of some, in waves, one list a fact, with their verdicts.

    After the facts come zone, indication, side, what the examination found, fields at 50 and at 30 percent, the end day
    and time they were judged by, and the course. Instants come as the database holds them: a hundred thousand need not
    be understood to be compared.
    """
    waning, loss = aliased(Relief), aliased(Relief)
    more = (
        col(Patient.time_zone),
        col(Episode.indication),
        col(Episode.side),
        _FOUND,
        waning.fields,
        loss.fields,
        waning.end_day,
        type_coerce(waning.computed_at, String),
        waning.course,
    )
    query = _followed(*more).join(waning, (waning.episode_id == col(Episode.id)) & (waning.threshold == 50))
    query = query.join(loss, (loss.episode_id == col(Episode.id)) & (loss.threshold == 30)).limit(size)
    if ids is not None:
        query = query.where(col(Episode.id).in_(ids))
    after = 0
    while found := session.connection().execute(query.where(col(Episode.id) > after)).all():
        yield _turned(found, WAVE_PARTS)
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


def _of(query: Any, column: Any, ids: Collection[int] | None) -> Any:
    return query if ids is None else query.where(column.in_(ids))


def not_sent(session: Session, ids: Collection[int] | None = None) -> list[tuple[int, str]]:
    """Return (episode id, time point) of the prompts that we did not send."""
    query = select(col(Prompt.episode_id), col(Prompt.time_point)).where(col(Prompt.state) == PromptState.NOT_SENT)
    found = session.connection().execute(_of(query, col(Prompt.episode_id), ids))
    return [(row[0], row[1]) for row in found]


def conclusions(session: Session, ids: Collection[int] | None = None) -> list[tuple[int, str]]:
    """Return (episode id, concluded cause) of the newest review of each episode."""
    newest = _of(select(func.max(col(Review.id))), col(Review.episode_id), ids).group_by(col(Review.episode_id))
    query = select(col(Review.episode_id), col(Review.cause)).where(col(Review.id).in_(newest))
    return [(row[0], row[1]) for row in session.connection().execute(query)]


def treatments(session: Session, ids: Collection[int] | None = None) -> list[tuple[int, str]]:
    """Return (episode id, kind) of every treatment beside a procedure."""
    query = _of(select(col(CoTreatment.episode_id), col(CoTreatment.kind)), col(CoTreatment.episode_id), ids)
    return [(row[0], row[1].value) for row in session.connection().execute(query)]


def stops(session: Session, ids: Collection[int] | None = None) -> list[tuple[int, date]]:
    """Return (episode id, day) of everything that may end a follow-up: events, deaths, withdrawals."""
    events = _of(select(col(Event.episode_id), col(Event.happened_on)), col(Event.episode_id), ids)
    found = [(row[0], row[1]) for row in session.connection().execute(events)]
    for column in (col(Patient.died_on), col(Patient.withdrawn_on)):
        query: Any = select(col(Episode.id), column).join(Patient, col(Patient.id) == col(Episode.patient_id))
        query = _of(query.where(column.is_not(None)), col(Episode.id), ids)
        found += [(row[0], row[1]) for row in session.connection().execute(query)]
    return found


def newest_verdict(session: Session) -> datetime | None:
    """Return when a verdict was last computed."""
    found: datetime | None = session.connection().execute(select(func.max(col(Relief.computed_at)))).scalar_one()
    return found
