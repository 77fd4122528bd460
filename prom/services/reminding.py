"""Ask again: reminders of unanswered prompts, confirmations after a bad score, and at last the call list.

Sources:
    CLINICAL rules, section 4: reminders at +24 h and +72 h, the call list 24 h after the last, confirmations at +3 d
    and +7 d. The hours and days themselves are in `domain.timetable`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from prom.domain import timetable
from prom.domain.procedures import TimePoint
from prom.domain.timetable import AskAgain, Reminders, ServedByPlan
from prom.services import closing_days, rendering
from prom.storage import audit, messages, plans, prompts, sites, tasks
from prom.storage.models import Episode, MessageKind, Patient, Prompt, PromptState, TaskKind

AT_ONCE = 500
FIRST, SECOND = "reminder_24h", "reminder_72h"
NO_LONGER = "no_longer_suspected"
# A confirmation is planned at most this long before it is due.
LOOKED_AHEAD = timedelta(days=5)
_GONE = frozenset({PromptState.NOT_SENT, PromptState.CANCELLED})


def queue(session: Session, now: datetime) -> int:
    """Queue the reminders and confirmations that are due and fill the call list; return how many texts are new."""
    return queue_reminders(session, now) + queue_confirmations(session, now)


def queue_reminders(session: Session, now: datetime) -> int:
    """Queue one reminder for each unanswered prompt that is due one, and return how many are new."""
    added, after_id = 0, 0
    while batch := prompts.asked_before(session, now - timetable.FIRST_REMINDER, now, after_id, AT_ONCE):
        added += _remind(session, batch, now)
        after_id = batch[-1].id
    return added


def queue_confirmations(session: Session, now: datetime) -> int:
    """Plan to ask again where a first bad score puts a patient in suspected loss; return how many texts are new.

    What was planned for a suspicion that has gone is dropped.
    """
    for prompt in prompts.no_longer_suspected(session, now, now + LOOKED_AHEAD):
        prompt.state, prompt.reason = PromptState.CANCELLED, NO_LONGER
        session.add(prompt)
        plans.hold_back(session, [prompt.id], NO_LONGER)
        audit.record(session, audit.CLOCK, "confirmation dropped", prompt, now)
    added = 0
    for site in sites.everything(session):
        for episode, patient, bad_day in prompts.suspected(session, site.id):
            added += _confirm(session, episode, patient, bad_day, now)
    return added


def call_list(session: Session, prompt: Prompt, patient: Patient, now: datetime) -> None:
    """Put an unanswered prompt on the call list 24 h after its last reminder; windows under two days never."""
    call_at = _times(prompt, patient).call_at
    if call_at is None or patient.died_on is not None or patient.withdrawn_on is not None:
        return
    call_at = closing_days.open_at(session, prompt.site_id, max(call_at, now))
    tasks.open_task(
        session,
        site_id=prompt.site_id,
        kind=TaskKind.CHASE,
        reason="no_answer",
        dedupe_key=f"no_answer|{prompt.public_id}",
        patient_id=prompt.patient_id,
        prompt_id=prompt.id,
        now=now,
        not_before=call_at if call_at > now else None,
    )


def _remind(session: Session, batch: Sequence[Prompt], now: datetime) -> int:
    people = prompts.patients_by_id(session, {prompt.patient_id for prompt in batch})
    keys = [_key(prompt, which) for prompt in batch for which in (FIRST, SECOND)]
    known = messages.known_keys(session, keys)
    rows = []
    for prompt in batch:
        patient = people[prompt.patient_id]
        times = _times(prompt, patient)
        if times.call_at is not None and times.call_at <= now:
            call_list(session, prompt, patient, now)
        row = _reminder(prompt, patient, times, known, now)
        if row is not None:
            rows.append(row)
    return messages.add_many(session, rows, now)


def _times(prompt: Prompt, patient: Patient) -> Reminders:
    asked_at = prompt.asked_at or prompt.due_at
    return timetable.reminders(asked_at, prompt.opens_at, prompt.closes_at, patient.time_zone)


def _reminder(
    prompt: Prompt, patient: Patient, times: Reminders, known: set[str], now: datetime
) -> dict[str, Any] | None:
    """Return the latest reminder that is due; an earlier one that we slept through is not made up for."""
    if times.second_at is not None and times.second_at <= now:
        which, due_at = SECOND, times.second_at
    elif times.first_at is not None and times.first_at <= now:
        which, due_at = FIRST, times.first_at
    else:
        return None
    if _key(prompt, which) in known or patient.phone_index is None or due_at >= prompt.closes_at:
        return None
    return _text(prompt, patient, MessageKind.REMINDER, which, due_at)


def _key(prompt: Prompt, which: str) -> str:
    return f"{prompt.public_id}|{which}"


def _text(prompt: Prompt, patient: Patient, kind: MessageKind, which: str, due_at: datetime) -> dict[str, Any]:
    return {
        "site_id": prompt.site_id,
        "patient_id": prompt.patient_id,
        "prompt_id": prompt.id,
        "dedupe_key": _key(prompt, which),
        "kind": kind,
        "text_key": which,
        "question": rendering.open_question(prompt.questions, prompt.position),
        "phone_index": patient.phone_index,
        "due_at": due_at,
        "expires_at": prompt.closes_at,
    }


def _confirm(session: Session, episode: Episode, patient: Patient, bad_day: int, now: datetime) -> int:
    planned = prompts.of_episode(session, episode.id)
    match timetable.confirmation(bad_day, _planned_days(episode, patient, planned)):
        case AskAgain(first, second):
            asked = {prompt.time_point: prompt for prompt in planned}
            point = _next(first, second, asked, episode, patient, now)
            return 0 if point is None else _ask(session, episode, patient, point, now)
        case ServedByPlan():
            return 0


def _planned_days(episode: Episode, patient: Patient, planned: Sequence[Prompt]) -> list[int]:
    return [
        timetable.relief_day(episode.procedure_at, prompt.due_at, patient.time_zone)
        for prompt in planned
        if prompt.kind == "prompt" and prompt.state not in _GONE and "nrs" in prompt.questions.split()
    ]


def _next(
    first: TimePoint,
    second: TimePoint,
    asked: dict[str, Prompt],
    episode: Episode,
    patient: Patient,
    now: datetime,
) -> TimePoint | None:
    """Return the confirmation to plan now; the second only when the first got no answer."""
    before = asked.get(first.key)
    if before is not None and before.state not in {PromptState.MISSED, PromptState.NOT_SENT}:
        return None
    for point in (first, second):
        _, closes_at = timetable.window(episode.procedure_at, point, patient.time_zone)
        if point.key not in asked and now < closes_at:
            return point
    return None


def _ask(session: Session, episode: Episode, patient: Patient, point: TimePoint, now: datetime) -> int:
    opens_at, closes_at = timetable.window(episode.procedure_at, point, patient.time_zone)
    prompt = plans.NewPrompt(
        episode_id=episode.id,
        patient_id=patient.id,
        site_id=episode.site_id,
        time_point=point.key,
        kind="confirmation",
        questions=" ".join(point.questions),
        due_at=timetable.due_at(episode.procedure_at, point, patient.time_zone, episode.public_id, patient.ask_minute),
        opens_at=opens_at,
        closes_at=closes_at,
    )
    plans.add_prompts(session, [prompt])
    stored = next(row for row in prompts.of_episode(session, episode.id) if row.time_point == point.key)
    audit.record(session, audit.CLOCK, "confirmation planned", stored, now)
    if patient.phone_index is None:
        return 0
    return messages.add_many(
        session, [_text(stored, patient, MessageKind.CONFIRMATION, "confirmation", stored.due_at)], now
    )
