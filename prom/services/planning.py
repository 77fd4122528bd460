"""Turn a procedure's plan into prompts and waiting texts, and follow the procedure: done, moved, cancelled, reopened.

All prompts of a plan are rows from enrolment on. Texts wait in the outbox for those that may be sent: before the
procedure from enrolment on, after it only once staff have marked it done. What was sent is never planned again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache

from sqlmodel import Session

from prom.domain import procedures, timetable
from prom.domain.procedures import TimePoint, Unit
from prom.services import replanning, watching
from prom.storage import audit, consents, episodes, messages, plans
from prom.storage.models import Episode, EpisodeState, MessageKind, Patient, Plan, Prompt, PromptState, Purpose
from prom.storage.plans import NewPrompt

DIARY, PROMPT = "diary", "prompt"
NOON = time(12)
BEFORE_ENROLMENT = "before_enrolment"
PROCEDURE_CANCELLED = "procedure_cancelled"
NOT_DONE_YET = "not_done_yet"


class PlanningError(ValueError):
    """A change of a procedure that is not possible; the message says why in plain words."""


@dataclass(frozen=True, slots=True)
class Started:
    """An episode whose plan begins, with its patient and whether texts to them are agreed to."""

    episode: Episode
    patient: Patient
    texting: bool


def default_plan_row(session: Session, procedure: str, now: datetime) -> Plan:
    """Return the stored shipped plan of a procedure, storing it on first use."""
    return plans.default_row(session, procedure, now)


def start(session: Session, started: Sequence[Started], now: datetime) -> None:
    """Make the prompts of new episodes and queue the texts that may be sent; some hundred episodes at once."""
    found = plans.by_ids(session, {one.episode.plan_id for one in started})
    read = {plan_id: plans.plan(row) for plan_id, row in found.items()}
    made = {one.episode.id: _prompts(one.episode, one.patient, read[one.episode.plan_id], now) for one in started}
    plans.add_prompts(session, [prompt for rows in made.values() for prompt in rows])
    texts = [
        text
        for one in started
        if one.texting and _reachable(one.patient)
        for text in _texts(one.episode, one.patient, made[one.episode.id], now)
    ]
    messages.add_many(session, texts, now)


def materialise(session: Session, episode: Episode, now: datetime) -> list[Prompt]:
    """Make the prompts of an episode's plan that are not there yet and return all its prompts."""
    patient = episodes.patient_of(session, episode)
    plan = plans.plan(plans.by_ids(session, [episode.plan_id])[episode.plan_id])
    there = {prompt.time_point for prompt in plans.prompts(session, episode.id)}
    fresh = [prompt for prompt in _prompts(episode, patient, plan, now) if prompt.time_point not in there]
    plans.add_prompts(session, fresh)
    return plans.prompts(session, episode.id)


def _prompts(episode: Episode, patient: Patient, plan: procedures.Plan, now: datetime) -> list[NewPrompt]:
    at, zone, key = episode.procedure_at, patient.time_zone, episode.public_id
    episode_id, patient_id, site_id = episode.id, episode.patient_id, episode.site_id
    day = timetable.local(at, zone).date()
    made = []
    for point in plan.time_points:
        opens_at, closes_at = _window(at, day, point, zone)
        # A window that was over at enrolment is nobody's silence: the patient was never asked.
        over = closes_at <= now
        made.append(
            NewPrompt(
                episode_id=episode_id,
                patient_id=patient_id,
                site_id=site_id,
                time_point=point.key,
                kind=DIARY if point.unit is Unit.HOURS else PROMPT,
                questions=" ".join(point.questions),
                state=PromptState.NOT_SENT if over else PromptState.PLANNED,
                reason=BEFORE_ENROLMENT if over else "",
                due_at=timetable.due_at(at, point, zone, key, patient.ask_minute),
                opens_at=opens_at,
                closes_at=closes_at,
            )
        )
    return made


def _window(at: datetime, day: date, point: TimePoint, zone: str) -> tuple[datetime, datetime]:
    if point.unit is Unit.DAYS and point.offset > 0:
        return _day_window(day, point, zone)
    return timetable.window(at, point, zone)


@lru_cache(maxsize=8192)
def _day_window(day: date, point: TimePoint, zone: str) -> tuple[datetime, datetime]:
    """Return the window of a prompt in days after the procedure: the same for all procedures of a day and zone."""
    return timetable.window(timetable.instant_of(datetime.combine(day, NOON), zone), point, zone)


def _reachable(patient: Patient) -> bool:
    return patient.phone_index is not None and patient.died_on is None and patient.withdrawn_on is None


def queue_texts(session: Session, episode: Episode, now: datetime) -> int:
    """Queue the first text of each planned prompt that may be asked, and return how many are new.

    Without consent to texts, or without a phone, nothing is queued. Texts that never left wait again.
    """
    patient = episodes.patient_of(session, episode)
    if not _reachable(patient) or consents.live(session, patient.id, Purpose.TEXTING) is None:
        return 0
    planned = plans.prompts(session, episode.id)
    waiting = [prompt for prompt in planned if _may_be_asked(episode, prompt, now)]
    fresh = [prompt for prompt in waiting if not plans.requeue(session, prompt)]
    return messages.add_many(session, _texts(episode, patient, fresh, now), now)


def _may_be_asked(episode: Episode, prompt: Prompt | NewPrompt, now: datetime) -> bool:
    if prompt.state is not PromptState.PLANNED or prompt.closes_at <= now:
        return False
    if episode.state is EpisodeState.DONE:
        return True
    return episode.state is EpisodeState.PLANNED and prompt.closes_at <= episode.procedure_at


def _texts(
    episode: Episode, patient: Patient, rows: Iterable[Prompt | NewPrompt], now: datetime
) -> list[dict[str, object]]:
    return [_text(episode, patient, prompt) for prompt in rows if _may_be_asked(episode, prompt, now)]


def _text(episode: Episode, patient: Patient, prompt: Prompt | NewPrompt) -> dict[str, object]:
    question = prompt.questions.partition(" ")[0]
    return {
        "site_id": prompt.site_id,
        "patient_id": prompt.patient_id,
        "prompt_id": prompt.id,
        "dedupe_key": f"{episode.public_id}|{prompt.time_point}|{question}|{prompt.kind}",
        "kind": MessageKind(prompt.kind),
        "text_key": question,
        "question": question,
        "phone_index": patient.phone_index,
        "due_at": prompt.due_at,
        "expires_at": prompt.closes_at,
    }


def mark_done(session: Session, episode: Episode, at: datetime, actor: audit.Actor, now: datetime) -> None:
    """Say that the procedure took place at an instant: the prompts after it are placed by it and start."""
    if at > now:
        raise PlanningError("a procedure cannot be done in the future")
    if not episodes.take(session, episode, EpisodeState.PLANNED, EpisodeState.DONE):
        raise PlanningError(f"this procedure is already {episode.state}")
    episode.done_at = now
    patient = episodes.patient_of(session, episode)
    audit.record(session, actor, "procedure done", episode, now, patient=patient, change=_moved(episode, at))
    replanning.apply(session, episode, at, patient.time_zone, now)
    queue_texts(session, episode, now)
    watching.refresh(session, [episode.id], now)
    # An event ends plans, so its module imports this one.
    from prom.services import repeating

    repeating.propose(session, episode, now, actor)


def preview_move(session: Session, episode: Episode, new_at: datetime, now: datetime) -> timetable.Preview:
    """Return what another date would do to the prompts: kept, moved, dropped, already sent, asked again."""
    patient = episodes.patient_of(session, episode)
    return replanning.preview(session, episode, new_at, patient.time_zone, now)


def move(session: Session, episode: Episode, new_at: datetime, actor: audit.Actor, now: datetime) -> timetable.Preview:
    """Move the procedure: what was not sent is planned anew; a baseline out of its window is asked again."""
    if episode.state is EpisodeState.CANCELLED:
        raise PlanningError("this procedure is cancelled: reopen it first")
    if episode.state is EpisodeState.DONE and new_at > now:
        raise PlanningError("this procedure is done: its date cannot lie in the future")
    patient = episodes.patient_of(session, episode)
    audit.record(session, actor, "procedure moved", episode, now, patient=patient, change=_moved(episode, new_at))
    episode.moved_from = episode.procedure_at
    result = replanning.apply(session, episode, new_at, patient.time_zone, now)
    queue_texts(session, episode, now)
    watching.refresh(session, [episode.id], now)
    return result


def _moved(episode: Episode, at: datetime) -> audit.Change:
    return audit.Change("procedure_at", episode.procedure_at.isoformat(), at.isoformat())


def change_zone(session: Session, patient: Patient, zone: str, actor: audit.Actor, now: datetime) -> None:
    """Give a patient another time zone: what was not sent is planned anew by its clock."""
    if zone == patient.time_zone:
        return
    change = audit.Change("time_zone", patient.time_zone, zone)
    audit.record(session, actor, "time zone changed", patient, now, patient=patient, change=change)
    for episode in episodes.open_of_patient(session, patient.id):
        replanning.apply(session, episode, episode.procedure_at, zone, now)
    patient.time_zone = zone
    session.add(patient)
    for episode in episodes.open_of_patient(session, patient.id):
        queue_texts(session, episode, now)
        watching.refresh(session, [episode.id], now)


def follow_choices(session: Session, patient: Patient, now: datetime) -> None:
    """Move what is still to come to the time of day that the patient has chosen."""
    session.flush()
    for episode in episodes.open_of_patient(session, patient.id):
        replanning.retime(session, episode, patient, now)
        queue_texts(session, episode, now)


def cancel(session: Session, episode: Episode, actor: audit.Actor, now: datetime, reason: str = "") -> None:
    """Cancel a planned procedure: its plan ends, and no text of it leaves any more."""
    if not episodes.take(session, episode, EpisodeState.PLANNED, EpisodeState.CANCELLED):
        raise PlanningError(f"only a planned procedure can be cancelled; this one is {episode.state}")
    patient = episodes.patient_of(session, episode)
    audit.record(session, actor, "procedure cancelled", episode, now, patient=patient, reason=reason)
    end(session, [episode.id], PROCEDURE_CANCELLED)


def end(session: Session, episode_ids: Iterable[int], reason: str) -> None:
    """End the plans of some episodes: open prompts are cancelled and waiting texts held back, with the reason."""
    ids = [prompt.id for prompt in plans.prompts_of(session, episode_ids)]
    plans.hold_back(session, ids, reason)
    plans.cancel_prompts(session, ids, reason)


def reopen(session: Session, episode: Episode, actor: audit.Actor, now: datetime) -> None:
    """Take back a cancellation, or "done" marked by mistake while no text after the procedure has left."""
    was = episode.state
    if was is EpisodeState.PLANNED:
        raise PlanningError("this procedure is planned already")
    later = [prompt for prompt in plans.prompts(session, episode.id) if prompt.due_at > episode.procedure_at]
    if was is EpisodeState.DONE and plans.left(session, [prompt.id for prompt in later]):
        raise PlanningError("texts after the procedure were sent already: correct its date instead")
    if not episodes.take(session, episode, was, EpisodeState.PLANNED):
        raise PlanningError("somebody else has just changed this procedure")
    episode.done_at = None
    session.add(episode)
    patient = episodes.patient_of(session, episode)
    change = audit.Change("state", was.value, EpisodeState.PLANNED.value)
    audit.record(session, actor, "procedure reopened", episode, now, patient=patient, change=change)
    plans.hold_back(session, [prompt.id for prompt in later], NOT_DONE_YET)
    replanning.revive(session, episode, PROCEDURE_CANCELLED, now)
    queue_texts(session, episode, now)
