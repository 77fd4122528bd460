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

# Above this the newest are found by walking the procedures back in time: half the clinic is soon met. Below it walking
# would pass nearly everybody, and the few are sorted instead. Measured at 100,000 procedures: 3-12 ms, not 110-210.
WALKED_FROM = 2000


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
    if states is not None:
        return _judged(session, site_ids, states, offset, limit)
    query = _listed(site_ids)
    if planned:
        query = query.where(col(Episode.state) == EpisodeState.PLANNED)
    if losing:
        query = query.where(
            col(Episode.id).in_(
                select(Alert.episode_id).where(col(Alert.cleared_at).is_(None), col(Alert.reviewed_at).is_(None))
            )
        )
    total = session.exec(select(func.count()).select_from(query.subquery())).one()
    return _newest(session, query, offset, limit), total


def _listed(site_ids: Collection[int]) -> Any:
    return select(Episode.id).where(_at(site_ids), col(Episode.state) != EpisodeState.CANCELLED)


def _at(site_ids: Collection[int]) -> Any:
    # Adding nothing keeps SQLite from gathering and sorting everybody of the site: it walks the index on the date.
    return (col(Episode.site_id) + 0).in_(site_ids)


def _newest(session: Session, query: Any, offset: int, limit: int) -> list[int]:
    ordered = query.order_by(col(Episode.procedure_at).desc(), col(Episode.id).desc())
    return list(session.exec(ordered.offset(offset).limit(limit)))


def _judged(
    session: Session, site_ids: Collection[int], states: Collection[str], offset: int, limit: int
) -> tuple[list[int], int]:
    """Return a page of the episodes in some states: a procedure that is not done has none."""
    chosen = (col(Relief.site_id).in_(site_ids), col(Relief.threshold) == 50, col(Relief.state).in_(states))
    total = session.exec(select(func.count()).select_from(Relief).where(*chosen)).one()
    if total <= WALKED_FROM:
        ids = list(session.exec(select(Relief.episode_id).where(*chosen)))
        return _newest(session, select(Episode.id).where(col(Episode.id).in_(ids)), offset, limit), total
    mine = (col(Relief.episode_id) == col(Episode.id), col(Relief.threshold) == 50, col(Relief.state).in_(states))
    walked = select(Episode.id).where(_at(site_ids), select(Relief.id).where(*mine).exists())
    return _newest(session, walked, offset, limit), total


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
