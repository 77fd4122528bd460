"""Everything the relief classification reads of an episode, and its stored verdicts: plain rows, a statement a table.

Statements are built once: an answer by text is judged while the provider waits, and 10,000 imported episodes are judged
in one go.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Table, and_, bindparam, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from prom.storage.models import Answer, AnswerState, Episode, EpisodeState, Event, EventKind, Patient, Relief, Site
from prom.storage.statements import Statement

BATCH = 500
PAIN, PAIN_SERIES = "nrs", "average_24h"


@dataclass(frozen=True, slots=True)
class Followed:
    """An episode whose procedure was done, with what its days are counted by."""

    id: int
    public_id: str
    patient_id: int
    site_id: int
    procedure: str
    procedure_at: datetime
    time_zone: str
    died_on: date | None
    withdrawn_on: date | None


@dataclass(frozen=True, slots=True)
class Score:
    """One pain answer that counts. A correction carries the time of the answer it corrects."""

    episode_id: int
    answered_at: datetime
    nrs: int


IDS: Any = bindparam("ids", expanding=True)
ONE: Any = bindparam("one")
_DONE = (
    select(
        col(Episode.id),
        col(Episode.public_id),
        col(Episode.patient_id),
        col(Episode.site_id),
        col(Episode.procedure),
        col(Episode.procedure_at),
        col(Patient.time_zone),
        col(Patient.died_on),
        col(Patient.withdrawn_on),
    )
    .join(Patient, col(Patient.id) == col(Episode.patient_id))
    .where(col(Episode.state) == EpisodeState.DONE)
)
_SCORES = (
    select(col(Answer.episode_id), col(Answer.answered_at), col(Answer.value), col(Answer.id), col(Answer.replaces_id))
    .where(
        col(Answer.instrument) == PAIN,
        col(Answer.series) == PAIN_SERIES,
        col(Answer.state) == AnswerState.CURRENT,
        col(Answer.value).is_not(None),
    )
    .order_by(col(Answer.answered_at), col(Answer.id))
)
_ORIGINALS = select(col(Answer.id), col(Answer.answered_at), col(Answer.replaces_id)).where(col(Answer.id).in_(IDS))
_EVENTS = select(col(Event.episode_id), col(Event.happened_on), col(Event.kind))


@dataclass(frozen=True, slots=True)
class ByEpisode:
    """One query over some episodes, or over one: a list of names costs a quarter of a millisecond to spell out."""

    of_some: Any
    of_one: Statement

    @classmethod
    def of(cls, query: Any, column: Any) -> "ByEpisode":
        """Return a query narrowed to episodes by a column."""
        return cls(query.where(column.in_(IDS)), Statement(query.where(column == ONE)))

    def rows(self, session: Session, ids: Sequence[int]) -> Sequence[Any]:
        """Return the rows of some episodes."""
        if len(ids) == 1:
            return self.of_one.rows(session, one=ids[0])
        return session.connection().execute(self.of_some, {"ids": ids}).all()


_DONE_OF = ByEpisode.of(_DONE, col(Episode.id))
_SCORES_OF = ByEpisode.of(_SCORES, col(Answer.episode_id))
_EVENTS_OF = ByEpisode.of(_EVENTS, col(Event.episode_id))


def batches(ids: Iterable[int]) -> Iterator[list[int]]:
    """Yield ids in order, without doubles, in batches that one statement can name."""
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH]


def followed(session: Session, ids: Sequence[int]) -> list[Followed]:
    """Return those of some episodes whose procedure was done."""
    return [Followed(*row) for row in _DONE_OF.rows(session, ids)]


def done_ids(
    session: Session, procedure: str | None = None, site_id: int | None = None, until: datetime | None = None
) -> list[int]:
    """Return the ids of all done episodes, of one procedure or site, with a procedure up to an instant."""
    query = select(col(Episode.id)).where(col(Episode.state) == EpisodeState.DONE)
    if procedure is not None:
        query = query.where(col(Episode.procedure) == procedure)
    if site_id is not None:
        query = query.where(col(Episode.site_id) == site_id)
    if until is not None:
        query = query.where(col(Episode.procedure_at) <= until)
    return list(session.connection().execute(query.order_by(col(Episode.id))).scalars())


def scores(session: Session, ids: Sequence[int]) -> list[Score]:
    """Return the average pain scores that count of some episodes, in the order they were given."""
    found = _SCORES_OF.rows(session, ids)
    corrections = {answer_id: replaces for _, _, _, answer_id, replaces in found if replaces is not None}
    if not corrections:
        return [Score(row[0], row[1], row[2]) for row in found]
    first_given = _first_given(session, corrections)
    rows = [(first_given.get(answer_id, at), answer_id, of, nrs) for of, at, nrs, answer_id, _ in found]
    return [Score(episode_id, at, nrs) for at, _, episode_id, nrs in sorted(rows)]


def _first_given(session: Session, corrections: dict[int, int]) -> dict[int, datetime]:
    """Return when the answers that corrections stand for were first given: a correction keeps its day."""
    given: dict[int, datetime] = {}
    waiting = dict(corrections)
    while waiting:
        rows = session.connection().execute(_ORIGINALS, {"ids": sorted(set(waiting.values()))}).all()
        known = {row.id: row for row in rows}
        following: dict[int, int] = {}
        for correction, original in waiting.items():
            row = known[original]
            given[correction] = row.answered_at
            if row.replaces_id is not None:
                following[correction] = row.replaces_id
        waiting = following
    return given


def baseline_csi(session: Session, episode_id: int) -> list[Answer]:
    """Return the CSI answers, items and totals, that count and were given up to the procedure, by time."""
    query = (
        select(Answer)
        .join(Episode, col(Episode.id) == col(Answer.episode_id))
        .where(
            col(Answer.episode_id) == episode_id,
            col(Answer.instrument).in_(("csi", "csi_total")),
            col(Answer.state) == AnswerState.CURRENT,
            col(Answer.answered_at) <= col(Episode.procedure_at),
        )
        .order_by(col(Answer.answered_at), col(Answer.id))
    )
    return list(session.scalars(query))


def events(session: Session, ids: Sequence[int]) -> list[tuple[int, date, str]]:
    """Return (episode id, day, kind) of the events of some episodes."""
    return [(row[0], row[1], row[2].value) for row in _EVENTS_OF.rows(session, ids)]


def _upsert(insert: Any) -> Any:
    columns = [column.name for column in _TABLE.c if column.name != "id"]
    made = insert(_TABLE).values({name: bindparam(name) for name in columns})
    replaced = {name: made.excluded[name] for name in columns if name not in {"episode_id", "threshold"}}
    return made.on_conflict_do_update(index_elements=["episode_id", "threshold"], set_=replaced)


_TABLE: Table = Relief.__table__  # type: ignore[attr-defined]
_UPSERT = Statement(_upsert(sqlite.insert), _upsert(postgresql.insert))


def store(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert verdicts, or replace those of the same episode and threshold."""
    _UPSERT.change_all(session, rows)


_FORGET = delete(Relief).where(col(Relief.episode_id).in_(IDS))


def forget(session: Session, ids: Sequence[int]) -> None:
    """Delete the verdicts of episodes that are no longer followed."""
    session.connection().execute(_FORGET, {"ids": ids})


def stored(session: Session, ids: Iterable[int]) -> dict[int, dict[int, Relief]]:
    """Return the stored verdicts of some episodes: {episode id: {threshold: row}}."""
    found: dict[int, dict[int, Relief]] = {}
    for batch in batches(ids):
        for row in session.scalars(select(Relief).where(col(Relief.episode_id).in_(batch))):
            found.setdefault(row.episode_id, {})[row.threshold] = row
    return found


def waiting(session: Session, state: str, ends: Mapping[str, tuple[int, datetime]], limit: int) -> list[int]:
    """Return episodes in a state that time alone may end.

    `ends` gives for each procedure the last day of the window that the state waits for, and the instant before which
    the procedure must have been for that day to be over.
    """
    over = [
        and_(col(Relief.procedure) == key, col(Relief.end_day) <= day, col(Episode.procedure_at) < before)
        for key, (day, before) in ends.items()
    ]
    query = (
        select(col(Relief.episode_id))
        .join(Episode, col(Episode.id) == col(Relief.episode_id))
        # All sites and thresholds, named so that the index on site, threshold and state serves.
        .where(col(Relief.site_id).in_(select(col(Site.id))), col(Relief.threshold).in_((50, 30)))
        .where(col(Relief.state) == state, or_(*over))
        .distinct()
        .limit(limit)
    )
    return list(session.connection().execute(query).scalars())


def unjudged(session: Session, since: datetime, limit: int) -> list[int]:
    """Return episodes marked done since an instant that have no verdict."""
    query = (
        select(col(Episode.id))
        .where(col(Episode.state) == EpisodeState.DONE, col(Episode.done_at) >= since)
        .where(~select(col(Relief.id)).where(col(Relief.episode_id) == col(Episode.id)).exists())
        .limit(limit)
    )
    return list(session.connection().execute(query).scalars())


def with_new_events(session: Session, since: date, limit: int) -> list[int]:
    """Return judged episodes with an event entered after they were judged, or one whose day has come since then.

    A death or a withdrawal of a patient concerns all their episodes.
    """
    concerns_all = col(Event.kind).in_((EventKind.DEATH, EventKind.OPTOUT))
    query = (
        select(col(Episode.id))
        .join(Event, col(Event.patient_id) == col(Episode.patient_id))
        .join(Relief, col(Relief.episode_id) == col(Episode.id))
        .where(
            or_(col(Event.episode_id) == col(Episode.id), concerns_all),
            or_(
                col(Event.recorded_at) > col(Relief.computed_at),
                # A date and an instant: both databases compare the date as its midnight.
                col(Event.happened_on) >= col(Relief.computed_at),
                col(Event.happened_on) >= since,
            ),
        )
        .distinct()
        .limit(limit)
    )
    return list(session.connection().execute(query).scalars())


def withdrawn(session: Session, limit: int) -> list[int]:
    """Return episodes that have a verdict though their procedure is no longer done: cancelled, or planned again."""
    query = (
        select(col(Episode.id))
        .where(col(Episode.state) != EpisodeState.DONE)
        .where(select(col(Relief.id)).where(col(Relief.episode_id) == col(Episode.id)).exists())
        .limit(limit)
    )
    return list(session.connection().execute(query).scalars())


def baseline(row: Relief) -> float | None:
    """Return the mean baseline that a verdict was judged against, or None."""
    found: float | None = json.loads(row.fields).get("baseline")
    return found


def course(row: Relief) -> tuple[tuple[int, int], ...]:
    """Return the (day, score) pairs after the procedure that a verdict at 50 percent was judged by."""
    pairs = (pair.split(":") for pair in row.course.split())
    return tuple((int(day), int(nrs)) for day, nrs in pairs)
