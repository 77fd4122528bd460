"""Scores that a person enters: read out of a text the machine could not read, or told on the phone.

What was entered while working on a task carries the task's name as its rule, so that it can be taken back with it.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from prom.domain import instruments
from prom.domain.instruments import Scale
from prom.services import answering, watching
from prom.services.answering import Origin, Recorded, Value
from prom.storage import answers, audit, desk, inbound, plans
from prom.storage.models import Answer, Inbound, Patient, Prompt, PromptState, Source, Task

LIMITS: Mapping[Scale, tuple[int, int]] = {
    Scale.NRS: (0, 10),
    Scale.CSI: (0, 4),
    Scale.PGIC: (1, 7),
    Scale.PERCENT: (0, 100),
}
CORRECTIONS = frozenset({"late_correction", "correction_out_of_range"})
MOST_PROPOSALS = 2
_NUMBER = re.compile(r"(?<![\d.,/])\d{1,3}(?:\.\d)?(?![\d/]|[.,]\d)")


class EntryError(ValueError):
    """A value that cannot be entered; `field` is its place in the form, the message says why in plain words."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Target:
    """The question that a text or a call answers; `correction` replaces the answer it already has."""

    prompt: Prompt
    question: str
    correction: bool = False


def rule_of(task: Task) -> str:
    """Return the rule that answers entered while working on a task carry."""
    return f"staff:{task.public_id}"


def target(session: Session, task: Task) -> Target | None:
    """Return which question the text of a task answers, or None when that cannot be said.

    Without a prompt of its own a text belongs to the one asked last before it came: a late reply never answers a later
    question.
    """
    prompt = plans.prompts_by_ids(session, [task.prompt_id])[0] if task.prompt_id is not None else None
    if prompt is None and task.patient_id is not None and task.inbound_id is not None:
        received = session.get_one(Inbound, task.inbound_id)
        prompt = desk.last_asked(session, task.patient_id, received.received_at)
    if prompt is None:
        return None
    if task.reason in CORRECTIONS:
        key = _last_answered(session, prompt)
        return None if key is None else Target(prompt, key, correction=True)
    key = _first_open(session, prompt)
    return None if key is None else Target(prompt, key)


def _first_open(session: Session, prompt: Prompt) -> str | None:
    answered = answering.answered_keys(session, prompt)
    return next((key for key in answering.questions(prompt) if key not in answered), None)


def _last_answered(session: Session, prompt: Prompt) -> str | None:
    answered = answering.answered_keys(session, prompt)
    return next((key for key in reversed(answering.questions(prompt)) if key in answered), None)


def unanswered(session: Session, prompt: Prompt) -> tuple[str, ...]:
    """Return the questions of a prompt that have no answer yet, in the order asked."""
    answered = answering.answered_keys(session, prompt)
    return tuple(key for key in answering.questions(prompt) if key not in answered)


def proposals(question: str, candidate: str, text: str) -> tuple[int, ...]:
    """Return the values to offer with one tap, the most likely first: at most two, all on the scale of the question."""
    asked = instruments.question(question)
    if asked.scale is Scale.CSI5:
        return ()
    low, high = asked.limits
    found = [whole for part in (candidate, *_numbers(text)) for whole in _wholes(part) if low <= whole <= high]
    return tuple(dict.fromkeys(found))[:MOST_PROPOSALS]


def _numbers(text: str) -> list[str]:
    return _NUMBER.findall(_plain(text[:400]))


def _plain(text: str) -> str:
    """Return a text in its plainest signs, with digits of any script as 0-9."""
    signs = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in signs)


def _wholes(number: str) -> list[int]:
    """Return a number, or both its neighbours: between 4 and 5 a person chooses."""
    whole, _dot, part = number.partition(".")
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", number):
        return []
    return [int(whole)] if not part.strip("0") else [int(whole), int(whole) + 1]


def value_of(question: str, typed: str, field: str = "value") -> Value:
    """Return what was typed as an answer to a question, or raise EntryError saying what it takes."""
    asked = instruments.question(question)
    plain = _plain(typed).strip()
    if asked.scale is Scale.CSI5:
        return _sheet(asked, plain, field)
    low, high = asked.limits
    if not (plain.isascii() and plain.isdecimal() and len(plain) <= 3) or not low <= int(plain) <= high:
        raise EntryError(field, f"Enter one whole number from {low} to {high}.")
    return int(plain)


def _sheet(asked: instruments.Question, plain: str, field: str) -> tuple[int | None, ...]:
    signs = re.sub(r"[\s,]", "", plain).upper()
    if len(signs) != len(asked.items) or any(sign not in "01234X" for sign in signs):
        raise EntryError(field, f"Enter {len(asked.items)} signs, each 0 to 4, or X for one left out.")
    return tuple(None if sign == "X" else int(sign) for sign in signs)


def read_reply(
    session: Session, task: Task, where: Target, value: Value, actor: audit.Actor, now: datetime
) -> Recorded:
    """Record what a person read out of the text of a task, at the time the text came."""
    row = session.get_one(Inbound, task.inbound_id)
    origin = Origin(
        Source.SMS,
        row.received_at,
        actor,
        inbound=row,
        rule=rule_of(task),
        reason="the patient's correction, read by staff" if where.correction else "",
    )
    return answering.record(session, where.prompt, where.question, value, origin, now, correction=where.correction)


def by_phone(
    session: Session,
    prompt: Prompt,
    values: Mapping[str, Value],
    actor: audit.Actor,
    now: datetime,
    *,
    rule: str = "phone",
    proxy: bool = False,
) -> int:
    """Record what a patient (or somebody for them) said on the phone now; return how many answers count."""
    origin = Origin(Source.PHONE, now, actor, rule=rule, proxy=proxy)
    done = [answering.record(session, prompt, key, value, origin, now) for key, value in values.items()]
    return sum(recorded.counted for recorded in done)


def take_back(session: Session, task: Task, actor: audit.Actor, now: datetime) -> int:
    """Take back what was entered while working on a task; return how many answers that were.

    The answers stay, struck out; one that they replaced counts again, as a new row.
    """
    prompts = _prompts_of(session, task)
    rows = desk.entered(session, [prompt.id for prompt in prompts], rule_of(task))
    for row in rows:
        _take_back(session, row, actor, now)
    for prompt in prompts:
        _open_again(session, prompt, now)
    return len(rows)


def _prompts_of(session: Session, task: Task) -> list[Prompt]:
    ids = {task.prompt_id} if task.prompt_id is not None else set()
    if task.prompt_id is None and task.inbound_id is not None and task.patient_id is not None:
        received = session.get_one(Inbound, task.inbound_id)
        asked = desk.last_asked(session, task.patient_id, received.received_at)
        ids = {asked.id} if asked is not None else set()
    return plans.prompts_by_ids(session, ids)


def _take_back(session: Session, row: Answer, actor: audit.Actor, now: datetime) -> None:
    answering.strike(session, row, "entered by mistake, taken back", actor, now)
    if row.replaces_id is None:
        return
    before = session.get_one(Answer, row.replaces_id)
    prompt = session.get_one(Prompt, row.prompt_id)
    episode = inbound.episode_of(session, prompt)
    restored = answers.add(
        session,
        episode,
        occasion=before.occasion,
        instrument=before.instrument,
        series=before.series,
        item=before.item,
        value=before.value,
        answered_at=before.answered_at,
        now=now,
        source=before.source,
        prompt=prompt,
        staff_id=actor.staff_id,
        rule=before.rule,
        parser_version=before.parser_version,
        replaces=row,
    )
    patient = session.get_one(Patient, row.patient_id)
    change = audit.Change(f"{row.instrument} {row.item}", str(row.value), str(before.value))
    audit.record(session, actor, "answer_restored", restored, now, patient=patient, change=change)
    watching.refresh(session, [episode.id], now)


def _open_again(session: Session, prompt: Prompt, now: datetime) -> None:
    """Let a prompt take answers again after one was taken back."""
    missing = unanswered(session, prompt)
    if not missing or prompt.state not in {PromptState.ANSWERED, PromptState.PARTLY}:
        return
    asked = answering.questions(prompt)
    prompt.position = asked.index(missing[0])
    prompt.answered_at = None
    partly = len(missing) < len(asked)
    waiting = PromptState.PARTLY if partly else PromptState.ASKED
    prompt.state = waiting if prompt.closes_at > now or partly else PromptState.MISSED
    if prompt.asked_at is None:
        prompt.state = PromptState.PLANNED if prompt.closes_at > now else PromptState.NOT_SENT
    session.add(prompt)
    session.flush()
