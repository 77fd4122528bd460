"""Record the answer to one question of a prompt, however it came: text, link, phone or in the clinic.

The first answer counts. A second one to the same question is kept beside it; only a correction replaces it, and the
history stays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from prom.domain import instruments
from prom.services import watching
from prom.storage import answers, audit, conversation, tasks
from prom.storage.answers import Given
from prom.storage.conversation import Asked, Person, Text
from prom.storage.models import Answer, AnswerState, Patient, PromptState, Source, TaskKind

Value = int | tuple[int | None, ...]
# Any question of the form tells its instrument; the item is named beside it.
CSI_QUESTION = "csi_1_5"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an answer came from: the way, the time it was given, and who or what read it."""

    source: Source
    answered_at: datetime
    actor: audit.Actor
    inbound: Text | None = None
    rule: str = ""
    parser_version: str = ""
    proxy: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an answer: `counted` is False when an earlier answer to the question stays in force."""

    counted: bool
    rows: tuple[Given, ...]


def questions(prompt: Asked) -> tuple[str, ...]:
    """Return the question keys of a prompt in the order asked."""
    return tuple(prompt.questions.split())


def open_question(prompt: Asked) -> str | None:
    """Return the question that waits for an answer, or None when all are answered."""
    asked = questions(prompt)
    return asked[prompt.position] if prompt.position < len(asked) else None


def record(
    session: Session,
    prompt: Asked,
    key: str,
    value: Value,
    origin: Origin,
    now: datetime,
    *,
    correction: bool = False,
    patient: Person | Patient | None = None,
) -> Recorded:
    """Store the answer to a question of a prompt and move the conversation on; `patient` is whose it is, if at hand."""
    return _record(session, prompt, key, _per_item(instruments.question(key), value), origin, now, correction, patient)


def record_item(
    session: Session, prompt: Asked, item: int, value: int | None, origin: Origin, now: datetime, *, correction: bool
) -> Recorded:
    """Store one item of the CSI from a page, or that it was skipped (`value` None).

    The sensitive items have no question of their own: they are never asked by text.
    """
    return _record(session, prompt, CSI_QUESTION, [(item, value)], origin, now, correction, None)


def _record(
    session: Session,
    prompt: Asked,
    key: str,
    values: Sequence[tuple[int, int | None]],
    origin: Origin,
    now: datetime,
    correction: bool,
    patient: Person | Patient | None,
) -> Recorded:
    session.flush()
    conversation.lock_prompt(session, prompt)
    given = answers.given(session, prompt.id)
    kept_as = answers.kept_as(key)
    held = {row.item: row for row in _counting(given) if (row.instrument, row.series) == kept_as}
    answering = _Answering(session, prompt, origin, now, correction, patient or _patient(session, prompt))
    rows = [answering.store(kept_as, item, value, held.get(item)) for item, value in values]
    counted = any(row.state is AnswerState.CURRENT for row in rows)
    if counted:
        replaced = {held[row.item].id for row in rows if row.state is AnswerState.CURRENT and row.item in held}
        _move_on(session, prompt, [row for row in (*given, *rows) if row.id not in replaced], now)
        if kept_as in watching.JUDGED_BY:
            watching.refresh(session, [prompt.episode_id], now)
    return Recorded(counted, tuple(rows))


def _patient(session: Session, prompt: Asked) -> Patient:
    return session.get_one(Patient, prompt.patient_id)


def _counting(rows: Iterable[Given]) -> list[Given]:
    return [row for row in rows if row.state is AnswerState.CURRENT]


def _per_item(question: instruments.Question, value: Value) -> list[tuple[int, int | None]]:
    if isinstance(value, tuple):
        if len(value) != len(question.items):
            raise ValueError(f"{len(question.items)} values are needed, not {len(value)}")
        return list(zip(question.items, value, strict=True))
    return [(question.stored_item, value)]


@dataclass(frozen=True, slots=True)
class _Answering:
    """One answer on its way into the record; its rows share all this."""

    session: Session
    prompt: Asked
    origin: Origin
    now: datetime
    correction: bool
    patient: Person | Patient

    def store(self, kept_as: tuple[str, str], item: int, value: int | None, held: Given | None) -> Given:
        """Store one item: counted, beside the answer it repeats, or in place of the one it corrects."""
        replaces = held if self.correction else None
        if replaces is not None:
            old = self.session.get_one(Answer, replaces.id)
            reason = self.origin.reason or "corrected by the patient"
            answers.supersede(self.session, old, AnswerState.CORRECTED, reason)
        second = held is not None and replaces is None
        state = AnswerState.SECOND if second else AnswerState.CURRENT
        row = answers.store(self.session, self._row(kept_as, item, value, replaces, state), self.now)
        old_value = "" if replaces is None else str(replaces.value)
        audit.note(
            self.session,
            self.origin.actor,
            "answer_corrected" if replaces is not None else "answer_kept_beside" if second else "answer_stored",
            audit.Thing("answer", row.public_id, self.prompt.site_id),
            self.now,
            key=self.patient.key_sealed,
            change=audit.Change(f"{kept_as[0]} {item}".strip(), old_value, str(value)),
            reason=self.origin.reason,
        )
        return row

    def _row(
        self, kept_as: tuple[str, str], item: int, value: int | None, replaces: Given | None, state: AnswerState
    ) -> answers.NewAnswer:
        prompt, origin = self.prompt, self.origin
        return answers.NewAnswer(
            episode_id=prompt.episode_id,
            patient_id=prompt.patient_id,
            site_id=prompt.site_id,
            occasion=prompt.time_point,
            instrument=kept_as[0],
            series=kept_as[1],
            item=item,
            value=value,
            answered_at=origin.answered_at,
            source=origin.source,
            staff_id=origin.actor.staff_id,
            rule=origin.rule,
            prompt_id=prompt.id,
            state=state,
            inbound_id=origin.inbound.id if origin.inbound else None,
            parser_version=origin.parser_version,
            replaces_id=replaces.id if replaces else None,
            proxy=origin.proxy or self.patient.proxy,
        )


def _move_on(session: Session, prompt: Asked, rows: Iterable[Given], now: datetime) -> None:
    asked = questions(prompt)
    done = _answered(prompt, rows)
    position = next((index for index, key in enumerate(asked) if key not in done), len(asked))
    # The count of re-asks is the prompt's: it goes on over its questions.
    prompt.position = position
    if position >= len(asked):
        prompt.state = PromptState.ANSWERED
        prompt.answered_at = prompt.answered_at or now
        tasks.close_for_prompt(session, prompt, TaskKind.CHASE, outcome="answered", now=now)
    else:
        prompt.state = PromptState.PARTLY
    conversation.keep_prompt(session, prompt)


def answered_keys(session: Session, prompt: Asked) -> set[str]:
    """Return the questions of a prompt that have an answer for each of their items."""
    return _answered(prompt, answers.given(session, prompt.id))


def _answered(prompt: Asked, rows: Iterable[Given]) -> set[str]:
    held = {(row.instrument, row.series, row.item) for row in _counting(rows)}
    return {key for key in questions(prompt) if _wanted(key) <= held}


def _wanted(key: str) -> set[tuple[str, str, int]]:
    instrument, series = answers.kept_as(key)
    asked = instruments.question(key)
    items: Sequence[int] = asked.items if asked.numbered else (0,)
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
