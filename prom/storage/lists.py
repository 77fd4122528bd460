"""Lists of procedures, a page at a time: what a list shows is read for its fifty rows only."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from prom.storage.models import (
    Alert,
    Answer,
    CoTreatment,
    Episode,
    EpisodeState,
    Patient,
    Relief,
    Sensitization,
)


def page(
    session: Session,
    site_ids: Collection[int],
    *,
    states: Collection[str] | None = None,
    losing: bool = False,
    planned: bool = False,
    offset: int,
    limit: int,
) -> tuple[list[int], int]:
    """Return the episode ids of one page, the newest procedure first, and how many there are in all.

    `states` are those at 50 percent relief; `losing` keeps episodes with an open alert, `planned` those not done.
    """
    query = select(Episode.id).where(col(Episode.site_id).in_(site_ids), col(Episode.state) != EpisodeState.CANCELLED)
    if planned:
        query = query.where(col(Episode.state) == EpisodeState.PLANNED)
    if states is not None:
        query = query.join(Relief, col(Relief.episode_id) == col(Episode.id)).where(
            col(Relief.threshold) == 50, col(Relief.state).in_(states)
        )
    if losing:
        query = query.where(
            col(Episode.id).in_(
                select(Alert.episode_id).where(col(Alert.cleared_at).is_(None), col(Alert.reviewed_at).is_(None))
            )
        )
    total = session.exec(select(func.count()).select_from(query.subquery())).one()
    ordered = query.order_by(col(Episode.procedure_at).desc(), col(Episode.id).desc())
    return list(session.exec(ordered.offset(offset).limit(limit))), total


def people(session: Session, episode_ids: Collection[int]) -> list[tuple[Episode, Patient, Sensitization | None]]:
    """Return episodes with their patient and sensitization record, in the order asked."""
    query: Any = (
        select(Episode, Patient, Sensitization)
        .join(Patient, col(Patient.id) == col(Episode.patient_id))
        .outerjoin(Sensitization, col(Sensitization.episode_id) == col(Episode.id))
        .where(col(Episode.id).in_(episode_ids))
    )
    found = {row[0].id: (row[0], row[1], row[2]) for row in session.exec(query)}
    return [found[episode_id] for episode_id in episode_ids if episode_id in found]


def co_treatments(session: Session, episode_ids: Iterable[int]) -> list[CoTreatment]:
    """Return the treatments beside some procedures by their start."""
    return list(
        session.exec(
            select(CoTreatment)
            .where(col(CoTreatment.episode_id).in_(set(episode_ids)))
            .order_by(col(CoTreatment.started_on), col(CoTreatment.id))
        )
    )


def answers(session: Session, episode_id: int) -> list[Answer]:
    """Return all answers of a procedure, those that no longer count included, in the order they were given."""
    return list(
        session.exec(
            select(Answer).where(col(Answer.episode_id) == episode_id).order_by(col(Answer.answered_at), col(Answer.id))
        )
    )


def alerts(session: Session, episode_id: int) -> list[Alert]:
    """Return all alerts of a procedure, the newest first."""
    return list(session.exec(select(Alert).where(col(Alert.episode_id) == episode_id).order_by(col(Alert.id).desc())))
