"""Record the answer to one question of a prompt, however it came: text, link, phone or in the clinic.

The first answer counts. A second one to the same question is kept beside it; only a correction replaces it, and the
history stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from prom.domain import instruments
from prom.services import watching
from prom.storage import answers, audit, inbound, tasks
from prom.storage.models import Answer, AnswerState, Episode, Inbound, Patient, Prompt, PromptState, Source, TaskKind

Value = int | tuple[int | None, ...]
# Any question of the form tells its instrument; the item is named beside it.
CSI_QUESTION = "csi_1_5"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an answer came from: the way, the time it was given, and who or what read it."""

    source: Source
    answered_at: datetime
    actor: audit.Actor
    inbound: Inbound | None = None
    rule: str = ""
    parser_version: str = ""
    proxy: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an answer: `counted` is False when an earlier answer to the question stays in force."""

    counted: bool
    rows: tuple[Answer, ...]


def questions(prompt: Prompt) -> tuple[str, ...]:
    """Return the question keys of a prompt in the order asked."""
    return tuple(prompt.questions.split())


def open_question(prompt: Prompt) -> str | None:
    """Return the question that waits for an answer, or None when all are answered."""
    asked = questions(prompt)
    return asked[prompt.position] if prompt.position < len(asked) else None


def record(
    session: Session, prompt: Prompt, key: str, value: Value, origin: Origin, now: datetime, *, correction: bool = False
) -> Recorded:
    """Store the answer to a question of a prompt and move the conversation on."""
    inbound.lock_prompt(session, prompt)
    episode = inbound.episode_of(session, prompt)
    question = instruments.question(key)
    values = _per_item(question, value)
    held = {row.item: row for row in _current(session, prompt, key)}
    rows = []
    for item, number in values:
        rows.append(_store(session, episode, prompt, question, item, number, held.get(item), origin, now, correction))
    counted = any(row.state is AnswerState.CURRENT for row in rows)
    if counted:
        _counted(session, prompt, now)
    return Recorded(counted, tuple(rows))


def record_item(
    session: Session, prompt: Prompt, item: int, value: int | None, origin: Origin, now: datetime, *, correction: bool
) -> Recorded:
    """Store one item of the CSI from a page, or that it was skipped (`value` None).

    The sensitive items have no question of their own: they are never asked by text.
    """
    inbound.lock_prompt(session, prompt)
    episode = inbound.episode_of(session, prompt)
    question = instruments.question(CSI_QUESTION)
    held = next((row for row in _of_instrument(session, prompt, CSI_QUESTION) if row.item == item), None)
    row = _store(session, episode, prompt, question, item, value, held, origin, now, correction)
    counted = row.state is AnswerState.CURRENT
    if counted:
        _counted(session, prompt, now)
    return Recorded(counted, (row,))


def _counted(session: Session, prompt: Prompt, now: datetime) -> None:
    _move_on(session, prompt, now)
    watching.refresh(session, [prompt.episode_id], now)


def _per_item(question: instruments.Question, value: Value) -> list[tuple[int, int | None]]:
    if isinstance(value, tuple):
        if len(value) != len(question.items):
            raise ValueError(f"{len(question.items)} values are needed, not {len(value)}")
        return list(zip(question.items, value, strict=True))
    return [(question.items[0] if question.instrument in {"csi", "peg"} else 0, value)]


def _current(session: Session, prompt: Prompt, key: str) -> list[Answer]:
    items = {item for _, _, item in _wanted(key)}
    return [row for row in _of_instrument(session, prompt, key) if row.item in items]


def _of_instrument(session: Session, prompt: Prompt, key: str) -> list[Answer]:
    kept = answers.kept_as(key)
    return [
        row
        for row in answers.of_prompt(session, prompt.id)
        if row.state is AnswerState.CURRENT and (row.instrument, row.series) == kept
    ]


def _store(  # noqa: PLR0913, PLR0917 - one answer's facts
    session: Session,
    episode: Episode,
    prompt: Prompt,
    question: instruments.Question,
    item: int,
    value: int | None,
    held: Answer | None,
    origin: Origin,
    now: datetime,
    correction: bool,
) -> Answer:
    instrument, series = answers.kept_as(question.key)
    patient = session.get_one(Patient, episode.patient_id)
    replaces = held if held is not None and correction else None
    if replaces is not None:
        answers.supersede(session, replaces, AnswerState.CORRECTED, origin.reason or "corrected by the patient")
    row = answers.add(
        session,
        episode,
        occasion=prompt.time_point,
        instrument=instrument,
        series=series,
        item=item,
        value=value,
        answered_at=origin.answered_at,
        now=now,
        source=origin.source,
        prompt=prompt,
        inbound=origin.inbound,
        staff_id=origin.actor.staff_id,
        rule=origin.rule,
        parser_version=origin.parser_version,
        replaces=replaces,
        proxy=origin.proxy or patient.proxy,
        state=AnswerState.SECOND if held is not None and replaces is None else AnswerState.CURRENT,
    )
    old = "" if replaces is None else str(replaces.value)
    change = audit.Change(f"{instrument} {item}".strip(), old, str(value))
    audit.record(
        session, origin.actor, _action(row, replaces), row, now, patient=patient, change=change, reason=origin.reason
    )
    return row


def _action(row: Answer, replaces: Answer | None) -> str:
    if replaces is not None:
        return "answer_corrected"
    return "answer_kept_beside" if row.state is AnswerState.SECOND else "answer_stored"


def _move_on(session: Session, prompt: Prompt, now: datetime) -> None:
    asked = questions(prompt)
    done = answered_keys(session, prompt)
    position = next((index for index, key in enumerate(asked) if key not in done), len(asked))
    if position != prompt.position:
        prompt.position, prompt.reasks = position, 0
    if position >= len(asked):
        prompt.state = PromptState.ANSWERED
        prompt.answered_at = prompt.answered_at or now
        tasks.close_for_prompt(session, prompt.id, TaskKind.CHASE, outcome="answered", now=now)
    else:
        prompt.state = PromptState.PARTLY
    session.add(prompt)
    session.flush()


def answered_keys(session: Session, prompt: Prompt) -> set[str]:
    """Return the questions of a prompt that have an answer for each of their items."""
    rows = [row for row in answers.of_prompt(session, prompt.id) if row.state is AnswerState.CURRENT]
    held = {(row.instrument, row.series, row.item) for row in rows}
    return {key for key in questions(prompt) if _wanted(key) <= held}


def _wanted(key: str) -> set[tuple[str, str, int]]:
    instrument, series = answers.kept_as(key)
    items: Sequence[int] = instruments.question(key).items if instrument in {"csi", "peg"} else (0,)
    return {(instrument, series, item) for item in items}


def strike(session: Session, answer: Answer, reason: str, actor: audit.Actor, now: datetime) -> bool:
    """Take an answer out of the count, with a reason; the row stays and is shown struck out."""
    if not reason.strip():
        raise ValueError("say why the answer is struck out")
    if not answers.supersede(session, answer, AnswerState.STRUCK, reason):
        return False
    patient = session.get_one(Patient, answer.patient_id)
    change = audit.Change(f"{answer.instrument} {answer.item}", str(answer.value), "struck out")
    audit.record(session, actor, "answer_struck", answer, now, patient=patient, change=change, reason=reason)
    if answer.instrument in {"csi", "csi_total"}:
        watching.score_baseline(session, answer.episode_id, now)
    watching.refresh(session, [answer.episode_id], now)
    return True
