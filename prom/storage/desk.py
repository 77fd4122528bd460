"""What the coordinator's desk asks of the database: claims on tasks, the day's counts, procedures, a patient's texts.

Opening and closing tasks is in `tasks`; here is what happens to a task while people work on it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, update
from sqlmodel import Session, col, select

from prom.storage.models import (
    Answer,
    AnswerState,
    CoTreatment,
    Episode,
    EpisodeState,
    Inbound,
    Message,
    MessageKind,
    MessageState,
    Patient,
    Plan,
    Prompt,
    PromptState,
    Staff,
    Task,
    TaskKind,
)

NEVER_LEFT = (MessageState.PENDING, MessageState.CLAIMED, MessageState.EXPIRED, MessageState.SUPPRESSED)
# A theatre list is shorter; what nobody has marked for weeks is reached as the first ones are.
PROCEDURES_SHOWN = 60
ASKED = tuple(state for state in PromptState if state not in {PromptState.PLANNED, PromptState.NOT_SENT})
LONGEST_WINDOW = timedelta(days=31)
CONVERSING = (MessageKind.PROMPT, MessageKind.DIARY, MessageKind.REMINDER, MessageKind.CONFIRMATION)

# What tells somebody in a possible emergency what to do; two of them also confirm an opt-out.
ADVICE = ("emergency", "emergency_self_harm", "opt_out_emergency", "opt_out_self_harm")


@dataclass(frozen=True, slots=True)
class Day:
    """The prompts of one day: texted, answered of those, and those that we did not send."""

    asked: int
    answered: int
    not_sent: int


def claim(session: Session, task: Task, staff_id: int, now: datetime, stale_before: datetime) -> bool:
    """Take an open task for a person unless somebody else took it since `stale_before`; tell whether it is theirs."""
    taken = session.connection().execute(
        update(Task)
        .where(
            col(Task.id) == task.id,
            col(Task.done_at).is_(None),
            or_(
                col(Task.claimed_by_id).is_(None),
                col(Task.claimed_by_id) == staff_id,
                col(Task.claimed_at) <= stale_before,
            ),
        )
        .values(claimed_by_id=staff_id, claimed_at=now)
    )
    session.refresh(task)
    return taken.rowcount == 1


def take_over(session: Session, task: Task, staff_id: int, now: datetime) -> bool:
    """Take an open task from whoever has it."""
    return claim(session, task, staff_id, now, now)


def put_off(session: Session, task: Task, until: datetime) -> bool:
    """Let an open task wait until an instant, for anybody to take then; False when it is done already."""
    done = session.connection().execute(
        update(Task)
        .where(col(Task.id) == task.id, col(Task.done_at).is_(None))
        .values(not_before=until, claimed_by_id=None, claimed_at=None)
    )
    session.refresh(task)
    return done.rowcount == 1


def reopen(session: Session, task: Task, staff_id: int, since: datetime) -> bool:
    """Open a task again that a person closed since an instant; False when it was not them, or longer ago."""
    done = session.connection().execute(
        update(Task)
        .where(col(Task.id) == task.id, col(Task.done_by_id) == staff_id, col(Task.done_at) >= since)
        .values(done_at=None, done_by_id=None, outcome="", not_before=None)
    )
    session.refresh(task)
    return done.rowcount == 1


def escalate(session: Session, task: Task, now: datetime) -> bool:
    """Note that an open task was passed to a physician; False when that was done before or it is closed."""
    done = session.connection().execute(
        update(Task)
        .where(col(Task.id) == task.id, col(Task.done_at).is_(None), col(Task.escalated_at).is_(None))
        .values(escalated_at=now)
    )
    session.refresh(task)
    return done.rowcount == 1


def done_since(session: Session, site_ids: Collection[int], staff_id: int, since: datetime) -> list[Task]:
    """Return the tasks a person closed since an instant, the last first."""
    query = select(Task).where(
        col(Task.site_id).in_(site_ids), col(Task.done_by_id) == staff_id, col(Task.done_at) >= since
    )
    return list(session.exec(query.order_by(col(Task.done_at).desc()).limit(5)))


def counts(session: Session, site_ids: Collection[int], now: datetime) -> dict[TaskKind, int]:
    """Return how many tasks of each kind are open now; those put off to later are not counted."""
    query: Any = (
        select(Task.kind, func.count())
        .where(
            col(Task.site_id).in_(site_ids),
            col(Task.done_at).is_(None),
            or_(col(Task.not_before).is_(None), col(Task.not_before) <= now),
        )
        .group_by(col(Task.kind))
    )
    return {TaskKind(kind): int(number) for kind, number in session.exec(query)}


def later(session: Session, site_ids: Collection[int], now: datetime) -> int:
    """Return how many open tasks wait for a later time."""
    query = select(func.count()).where(
        col(Task.site_id).in_(site_ids), col(Task.done_at).is_(None), col(Task.not_before) > now
    )
    return session.exec(query).one()


def day(session: Session, site_ids: Collection[int], start: datetime, end: datetime) -> Day:
    """Return the counts of the prompts asked from an instant up to another."""
    asked: Any = (
        select(func.count(), func.count(col(Prompt.answered_at)))
        .select_from(Prompt)
        .where(
            col(Prompt.site_id).in_(site_ids),
            # By the index on state and due time: a prompt is asked within its window, at most a month after it was due.
            col(Prompt.state).in_(ASKED),
            col(Prompt.due_at) >= start - LONGEST_WINDOW,
            col(Prompt.asked_at) >= start,
            col(Prompt.asked_at) < end,
        )
    )
    total, answered = session.exec(asked).one()
    missing = select(func.count()).where(
        col(Prompt.site_id).in_(site_ids),
        col(Prompt.state) == PromptState.NOT_SENT,
        col(Prompt.due_at) >= start,
        col(Prompt.due_at) < end,
    )
    return Day(int(total), int(answered), session.exec(missing).one())


def planned_until(session: Session, site_ids: Collection[int], end: datetime) -> list[Episode]:
    """Return the procedures that nobody has marked done, moved or cancelled and that were planned before an instant."""
    return list(
        session.exec(
            select(Episode)
            .where(
                col(Episode.site_id).in_(site_ids),
                col(Episode.state) == EpisodeState.PLANNED,
                col(Episode.procedure_at) < end,
            )
            .order_by(col(Episode.procedure_at), col(Episode.id))
            .limit(PROCEDURES_SHOWN)
        )
    )


def done_between(session: Session, site_ids: Collection[int], start: datetime, end: datetime) -> list[Episode]:
    """Return the procedures marked done whose date is from an instant up to another."""
    query = select(Episode).where(
        col(Episode.site_id).in_(site_ids),
        col(Episode.state) == EpisodeState.DONE,
        col(Episode.procedure_at) >= start,
        col(Episode.procedure_at) < end,
    )
    return list(session.exec(query.order_by(col(Episode.procedure_at), col(Episode.id)).limit(PROCEDURES_SHOWN)))


def patients_by_id(session: Session, ids: Collection[int]) -> dict[int, Patient]:
    """Return some patients by id."""
    return {row.id: row for row in session.exec(select(Patient).where(col(Patient.id).in_(ids)))}


def open_episodes(session: Session, patient_id: int) -> list[Episode]:
    """Return a patient's procedures that are not cancelled, the earliest first."""
    query = select(Episode).where(col(Episode.patient_id) == patient_id, col(Episode.state) != EpisodeState.CANCELLED)
    return list(session.exec(query.order_by(col(Episode.procedure_at), col(Episode.id))))


def due_texts(session: Session, site_ids: Collection[int], now: datetime) -> int:
    """Return how many texts of some sites wait although their time has come."""
    query = select(func.count()).where(
        col(Message.state) == MessageState.PENDING, col(Message.send_at) <= now, col(Message.site_id).in_(site_ids)
    )
    return session.exec(query).one()


def rows_of(session: Session, tasks: Iterable[Task]) -> list[object]:
    """Load what some tasks speak of, a statement a table; keep the list, so that `session.get` finds it there."""
    open_tasks = list(tasks)
    wanted: list[tuple[type[Any], set[int]]] = [
        (Patient, {task.patient_id for task in open_tasks if task.patient_id}),
        (Prompt, {task.prompt_id for task in open_tasks if task.prompt_id}),
        (Inbound, {task.inbound_id for task in open_tasks if task.inbound_id}),
        (Message, {task.message_id for task in open_tasks if task.message_id}),
        (Staff, {task.claimed_by_id for task in open_tasks if task.claimed_by_id}),
    ]
    found: list[object] = []
    for model, ids in wanted:
        if ids:
            found += session.exec(select(model).where(model.id.in_(ids)))
    return found


def texts_left(session: Session, prompt_ids: Collection[int]) -> dict[int, tuple[int, datetime]]:
    """Return for each prompt how many of its questions and reminders have left, and when the last one did."""
    query: Any = (
        select(Message.prompt_id, func.count(), func.max(Message.sending_at))
        .where(
            col(Message.prompt_id).in_(prompt_ids),
            col(Message.kind).in_(CONVERSING),
            col(Message.state).not_in(NEVER_LEFT),
            col(Message.sending_at).is_not(None),
        )
        .group_by(col(Message.prompt_id))
    )
    return {int(prompt_id): (int(number), last) for prompt_id, number, last in session.exec(query)}


def last_asked(session: Session, patient_id: int, at: datetime) -> Prompt | None:
    """Return the prompt of a patient that was asked last before an instant, or None."""
    query = select(Prompt).where(col(Prompt.patient_id) == patient_id, col(Prompt.asked_at) <= at)
    return session.exec(query.order_by(col(Prompt.asked_at).desc(), col(Prompt.id).desc()).limit(1)).first()


def open_about(session: Session, inbound_ids: Sequence[int]) -> list[Task]:
    """Return the open tasks about some texts."""
    query = select(Task).where(col(Task.inbound_id).in_(inbound_ids), col(Task.done_at).is_(None))
    return list(session.exec(query.order_by(col(Task.id))))


def advice_to(session: Session, row: Inbound) -> Message | None:
    """Return the emergency text that answers a text, by the phone: that is what the index knows."""
    query = select(Message).where(
        col(Message.phone_index) == row.phone_index,
        col(Message.inbound_id) == row.id,
        col(Message.text_key).in_(ADVICE),
    )
    return session.exec(query.limit(1)).first()


def messages_of(session: Session, patient_id: int, limit: int = 300) -> list[Message]:
    """Return the texts to a patient whatever became of them, the latest first."""
    query = select(Message).where(col(Message.patient_id) == patient_id)
    return list(session.exec(query.order_by(col(Message.due_at).desc(), col(Message.id).desc()).limit(limit)))


def repoint(session: Session, patient_id: int, phone_index: str) -> int:
    """Point the questions and reminders that wait for a patient at another phone, and return how many there were."""
    done = session.execute(
        update(Message)
        .where(
            col(Message.patient_id) == patient_id,
            col(Message.state) == MessageState.PENDING,
            col(Message.kind).in_(CONVERSING),
            col(Message.phone_sealed).is_(None),
        )
        .values(phone_index=phone_index)
        .execution_options(synchronize_session="fetch")
    )
    return int(getattr(done, "rowcount", 0))


def entered(session: Session, prompt_ids: Collection[int], rule: str) -> list[Answer]:
    """Return the answers in force that a person entered under a rule such as that of one task."""
    query = select(Answer).where(
        col(Answer.prompt_id).in_(prompt_ids), col(Answer.rule) == rule, col(Answer.state) == AnswerState.CURRENT
    )
    return list(session.exec(query.order_by(col(Answer.id))))


def answers_from(session: Session, inbound_ids: Collection[int]) -> dict[int, list[Answer]]:
    """Return the answers in force that came with some texts, by text."""
    query = select(Answer).where(col(Answer.inbound_id).in_(inbound_ids), col(Answer.state) == AnswerState.CURRENT)
    found: dict[int, list[Answer]] = {}
    for row in session.exec(query.order_by(col(Answer.id))):
        found.setdefault(row.inbound_id or 0, []).append(row)
    return found


def add_co_treatment(session: Session, row: CoTreatment) -> CoTreatment:
    """Add a treatment beside a procedure."""
    session.add(row)
    session.flush()
    return row


def own_plan(session: Session, site_id: int, procedure: str) -> Plan | None:
    """Return a site's own newest plan of a procedure, or None: the shipped one is in use."""
    query = select(Plan).where(col(Plan.site_id) == site_id, col(Plan.procedure) == procedure)
    return session.exec(query.order_by(col(Plan.id).desc()).limit(1)).first()
