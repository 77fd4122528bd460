"""The theatre list: several procedures at once marked done, moved to another day, or cancelled.

Each procedure is looked at alone: one that cannot be changed (somebody has just marked it) stands in nobody's way and
is told with its reason.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlmodel import Session

from prom.domain import timetable
from prom.services import enrolments, planning
from prom.services.planning import PlanningError
from prom.storage import audit, episodes
from prom.storage.models import Episode, EpisodeState

MOST_AT_ONCE = 100


@dataclass(slots=True)
class Result:
    """How many procedures were changed, and those that were not, each with the reason in plain words."""

    changed: int = 0
    refused: list[tuple[Episode, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Move:
    """What another day would do to one procedure; `problem` says why it cannot be moved there."""

    episode: Episode
    at: datetime
    preview: timetable.Preview | None
    problem: str = ""


def mark_done(session: Session, rows: Sequence[Episode], actor: audit.Actor, now: datetime) -> Result:
    """Mark procedures done, each at its planned time (at most now)."""

    def one(episode: Episode) -> None:
        at = min(episode.procedure_at, now)
        check_date(session, episode, at, now)
        planning.mark_done(session, episode, at, actor, now)

    return _each(rows, one)


def cancel(session: Session, rows: Sequence[Episode], reason: str, actor: audit.Actor, now: datetime) -> Result:
    """Cancel planned procedures."""
    return _each(rows, lambda episode: planning.cancel(session, episode, actor, now, reason))


def move(session: Session, rows: Sequence[Episode], on: date, actor: audit.Actor, now: datetime) -> Result:
    """Move procedures to another day, each at the same time of its day."""

    def one(episode: Episode) -> None:
        at = same_time(session, episode, on)
        check_move(session, episode, at, now)
        planning.move(session, episode, at, actor, now)

    return _each(rows, one)


def preview_move(session: Session, rows: Sequence[Episode], on: date, now: datetime) -> list[Move]:
    """Return what another day would do to each procedure; nothing is stored."""
    found = []
    for episode in rows:
        at = same_time(session, episode, on)
        try:
            check_move(session, episode, at, now)
        except PlanningError as error:
            found.append(Move(episode, at, None, str(error)))
        else:
            found.append(Move(episode, at, planning.preview_move(session, episode, at, now)))
    return found


def same_time(session: Session, episode: Episode, on: date) -> datetime:
    """Return the instant at which the clock of the patient shows a procedure's time on another day."""
    zone = episodes.patient_of(session, episode).time_zone
    clock = timetable.local(episode.procedure_at, zone).time()
    return timetable.instant_of(datetime.combine(on, clock), zone)


def check_date(session: Session, episode: Episode, at: datetime, now: datetime) -> None:
    """Raise PlanningError when a procedure cannot have a date."""
    if at < enrolments.EARLIEST_PROCEDURE:
        raise PlanningError("This date is too long ago.")
    if at > now + timedelta(days=enrolments.LATEST_DAYS_AHEAD):
        raise PlanningError("This date is more than two years ahead.")
    twins = [
        one
        for one in episodes.of_patient(session, episode.patient_id)
        if one.id != episode.id and _facts(one) == _facts(episode) and one.procedure_at == at
    ]
    if twins:
        raise PlanningError("The same procedure of this patient is enrolled for that time already.")


def check_move(session: Session, episode: Episode, at: datetime, now: datetime) -> None:
    """Raise PlanningError when a procedure cannot be moved to an instant."""
    check_date(session, episode, at, now)
    if at == episode.procedure_at:
        raise PlanningError("This is the date it has now.")
    if episode.state is EpisodeState.CANCELLED:
        raise PlanningError("This procedure is cancelled: reopen it first.")
    if episode.state is EpisodeState.PLANNED and at <= now:
        raise PlanningError("This date is past: mark the procedure done with that date instead.")
    if episode.state is EpisodeState.DONE and at > now:
        raise PlanningError("This procedure is done: its date cannot lie in the future.")


def _facts(episode: Episode) -> tuple[str, str, str, str]:
    return episode.procedure, episode.target, episode.side, episode.level


def _each(rows: Sequence[Episode], work: Callable[[Episode], None]) -> Result:
    result = Result()
    for episode in rows:
        try:
            work(episode)
            result.changed += 1
        except PlanningError as error:
            result.refused.append((episode, str(error)))
    return result
