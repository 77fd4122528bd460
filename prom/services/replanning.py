"""Lay an episode's prompts out anew under another date or zone, leaving alone whatever was sent.

The rules are in `domain/timetable.replan`; here its verdict is read from rows and written to rows.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session

from prom.domain import timetable
from prom.domain.procedures import Unit
from prom.domain.timetable import DropReason, NewDate, Placed, Planned, Preview
from prom.storage import answers, episodes, plans
from prom.storage.models import Episode, Patient, Prompt, PromptState
from prom.storage.plans import NewPrompt

WINDOW_OVER = "window_over"
NOT_IN_PLAN = "not_in_plan"
BASELINE_SERIES = ("average_24h", "current")
_NOT_ASKED = (PromptState.PLANNED, PromptState.NOT_SENT)


def preview(session: Session, episode: Episode, at: datetime, zone: str, now: datetime) -> Preview:
    """Return what a date and zone would do to an episode's prompts."""
    return _replan(session, episode, _plannable(session, episode), _new_date(session, episode, at, zone, now))


def apply(session: Session, episode: Episode, at: datetime, zone: str, now: datetime) -> Preview:
    """Lay the prompts out anew, store the date, and return what was done. The caller queues the texts."""
    rows = _plannable(session, episode)
    new = _new_date(session, episode, at, zone, now)
    result = _replan(session, episode, rows, new)
    by_key = {row.time_point: row for row in rows}
    for placed in (*result.kept, *result.moved):
        _place(by_key[placed.key], placed)
    for dropped in result.dropped:
        _drop(session, by_key[dropped.key], dropped.reason)
    plans.add_prompts(session, [_fresh(episode, new, placed, placed.key) for placed in result.added])
    again = [_fresh(episode, new, placed, _next_key(placed.key, by_key)) for placed in result.asked_again]
    plans.add_prompts(session, again)
    episode.procedure_at = at
    session.add(episode)
    session.flush()
    return result


def retime(session: Session, episode: Episode, patient: Patient, now: datetime) -> None:
    """Place what is still to come at the patient's time of day, inside its window; no day changes.

    What is due today at an hour that the new time has passed keeps its hour: a choice never skips a question.
    """
    plan = plans.plan(plans.by_ids(session, [episode.plan_id])[episode.plan_id])
    points = {point.key: point for point in plan.time_points}
    ahead = [row for row in _plannable(session, episode) if row.state is PromptState.PLANNED and row.due_at > now]
    left = plans.left(session, [row.id for row in ahead])
    for row in ahead:
        # d-7.2 is the second asking of d-7.
        point = points.get(row.time_point.partition(".")[0])
        if point is None or row.id in left:
            continue
        zone, key = patient.time_zone, episode.public_id
        due_at = timetable.due_at(episode.procedure_at, point, zone, key, patient.ask_minute)
        if due_at > now and row.opens_at <= due_at < row.closes_at:
            row.due_at = due_at
            session.add(row)
    session.flush()


def revive(session: Session, episode: Episode, reason: str, now: datetime) -> None:
    """Plan again the prompts that were cancelled for a reason, as far as their windows are not over."""
    for prompt in plans.prompts(session, episode.id):
        if prompt.state is PromptState.CANCELLED and prompt.reason == reason:
            over = prompt.closes_at <= now
            asked = PromptState.MISSED if over else PromptState.ASKED
            unasked = PromptState.NOT_SENT if over else PromptState.PLANNED
            prompt.state = unasked if prompt.asked_at is None else asked
            prompt.reason = WINDOW_OVER if prompt.state is PromptState.NOT_SENT else ""
            session.add(prompt)
    session.flush()


def _plannable(session: Session, episode: Episode) -> list[Prompt]:
    # Confirmations follow from a score, not from the plan; a cancelled prompt stays cancelled.
    rows = plans.prompts(session, episode.id)
    return [row for row in rows if row.kind != "confirmation" and row.state is not PromptState.CANCELLED]


def _new_date(session: Session, episode: Episode, at: datetime, zone: str, now: datetime) -> NewDate:
    plan = plans.plan(plans.by_ids(session, [episode.plan_id])[episode.plan_id])
    return NewDate(plan, at, zone, episode.public_id, now, episodes.patient_of(session, episode).ask_minute)


def _replan(session: Session, episode: Episode, rows: Iterable[Prompt], new: NewDate) -> Preview:
    rows = list(rows)
    left = plans.left(session, [row.id for row in rows])
    planned = [Planned(row.time_point, row.due_at, row.state not in _NOT_ASKED or row.id in left) for row in rows]
    baseline = [
        answer.answered_at
        for answer in answers.current(session, episode.id)
        if answer.instrument == "nrs" and answer.series in BASELINE_SERIES
        if answer.answered_at <= episode.procedure_at
    ]
    return timetable.replan(planned, new, baseline)


def _place(prompt: Prompt, placed: Placed) -> None:
    prompt.due_at, prompt.opens_at, prompt.closes_at = placed.due_at, placed.opens_at, placed.closes_at
    prompt.state, prompt.reason = PromptState.PLANNED, ""


def _drop(session: Session, prompt: Prompt, reason: DropReason) -> None:
    over = reason is DropReason.WINDOW_OVER
    if prompt.state is PromptState.PLANNED:
        prompt.state = PromptState.NOT_SENT if over else PromptState.CANCELLED
        prompt.reason = WINDOW_OVER if over else NOT_IN_PLAN
    plans.hold_back(session, [prompt.id], prompt.reason or WINDOW_OVER)


def _fresh(episode: Episode, new: NewDate, placed: Placed, key: str) -> NewPrompt:
    point = new.plan.time_point(placed.key)
    return NewPrompt(
        episode_id=episode.id,
        patient_id=episode.patient_id,
        site_id=episode.site_id,
        time_point=key,
        kind="diary" if point.unit is Unit.HOURS else "prompt",
        questions=" ".join(point.questions),
        due_at=placed.due_at,
        opens_at=placed.opens_at,
        closes_at=placed.closes_at,
    )


def _next_key(key: str, taken: Iterable[str]) -> str:
    # A text that went out keeps its row, so asking again needs a key of its own: d-7, d-7.2, d-7.3.
    number = 2
    while f"{key}.{number}" in taken:
        number += 1
    return f"{key}.{number}"
