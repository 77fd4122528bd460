"""Moving running procedures to another version of their plan: only by an explicit act, after a look at what it does.

What was sent stays as it is. A question the new version does not have is dropped, one it adds is planned if its days
are still to come.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from prom.domain import timetable
from prom.domain.timetable import DropReason
from prom.services import planning, replanning, watching
from prom.storage import audit, episodes, plans
from prom.storage.models import Episode, PromptState
from prom.storage.models import Plan as PlanRow

MOST_AT_ONCE = 200
_LISTS = ("moved", "kept", "added", "already_sent")
_NOT_ASKED = (PromptState.PLANNED, PromptState.NOT_SENT)


@dataclass(frozen=True, slots=True)
class Preview:
    """What moving would do to all running procedures together; `left` is how many more wait for another round."""

    episodes: int
    moved: int
    kept: int
    dropped: int
    added: int
    already_sent: int
    left: int


def preview(session: Session, row: PlanRow, now: datetime) -> Preview:
    """Return what moving the running procedures of a site to a version would do; nothing is stored."""
    total = plans.running_elsewhere(session, row)
    counts: Counter[str] = Counter()
    with session.no_autoflush:
        chosen = plans.running_on_others(session, row, MOST_AT_ONCE)
        for episode in chosen:
            result = _foreseen(session, episode, row, now)
            # A question whose days were over anyway is not dropped by the new version.
            dropped = [one for one in result.dropped if one.reason is DropReason.NOT_IN_PLAN]
            counts["dropped"] += len(dropped)
            for name in _LISTS:
                counts[name] += len(getattr(result, name))
    sums = {name: counts[name] for name in (*_LISTS, "dropped")}
    return Preview(episodes=len(chosen), left=total - len(chosen), **sums)


def _foreseen(session: Session, episode: Episode, row: PlanRow, now: datetime) -> timetable.Preview:
    patient = episodes.patient_of(session, episode)
    stands = episode.plan_id
    episode.plan_id = row.id
    try:
        return replanning.preview(session, episode, episode.procedure_at, patient.time_zone, now)
    finally:
        episode.plan_id = stands


def move(session: Session, row: PlanRow, actor: audit.Actor, now: datetime) -> int:
    """Move running procedures of the site to a version, at most some hundred at once; return how many."""
    chosen = plans.running_on_others(session, row, MOST_AT_ONCE)
    known = plans.by_ids(session, {episode.plan_id for episode in chosen})
    for episode in chosen:
        patient = episodes.patient_of(session, episode)
        change = audit.Change("plan", f"version {known[episode.plan_id].version}", f"version {row.version}")
        audit.record(session, actor, "plan changed", episode, now, patient=patient, change=change)
        episode.plan_id = row.id
        session.add(episode)
        replanning.apply(session, episode, episode.procedure_at, patient.time_zone, now)
        _questions(session, episode, row)
        planning.queue_texts(session, episode, now)
    watching.refresh(session, [episode.id for episode in chosen], now)
    return len(chosen)


def _questions(session: Session, episode: Episode, row: PlanRow) -> None:
    """Let the questions that were not asked yet ask what the new version asks on their day."""
    asks = {point.key: " ".join(point.questions) for point in plans.plan(row).time_points}
    for prompt in plans.prompts(session, episode.id):
        if prompt.state in _NOT_ASKED and prompt.time_point in asks:
            prompt.questions = asks[prompt.time_point]
            session.add(prompt)
    session.flush()
