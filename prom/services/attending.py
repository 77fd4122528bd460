"""Working on a task of the queue: take it, put it off, close it, take that back for a minute, say whose text it is."""

from datetime import datetime, timedelta

from sqlmodel import Session

from prom.domain import timetable
from prom.services import closing_days, contacting, entering
from prom.storage import acts, audit, channels, desk, tasks
from prom.storage.models import Inbound, InboundState, Patient, Site, Task, TaskKind

CLAIM_LASTS = timedelta(minutes=30)
UNDO_WITHIN = timedelta(seconds=60)
CALL_AGAIN = timedelta(hours=3)
CALL_AGAIN_URGENT = timedelta(minutes=15)
LONGEST_NOTE = 500
ASSIGNED, UNASSIGNED = "text assigned", "assignment taken back"
NUMBER_CHANGED_HERE, WRONG_NUMBER = "number_changed", "wrong_number"


class TaskError(ValueError):
    """Something that cannot be done to a task; the message says why in plain words."""


def claim(session: Session, task: Task, actor: audit.Actor, now: datetime, *, over: bool = False) -> bool:
    """Take a task to work on it, from somebody else only with `over`; tell whether it is taken."""
    assert actor.staff_id is not None
    if over:
        taken = desk.take_over(session, task, actor.staff_id, now)
    else:
        taken = desk.claim(session, task, actor.staff_id, now, now - CLAIM_LASTS)
    if taken:
        _record(session, task, actor, "task taken", now)
    return taken


def holder(task: Task, now: datetime) -> int | None:
    """Return the id of who is working on a task now, or None."""
    if task.claimed_at is None or now - task.claimed_at > CLAIM_LASTS:
        return None
    return task.claimed_by_id


def close(session: Session, task: Task, outcome: str, actor: audit.Actor, now: datetime, *, note: str = "") -> bool:
    """Close a task with its outcome; False when somebody closed it before. The note is kept in the history, sealed."""
    if not tasks.close(session, task, outcome=outcome[:40], now=now, staff_id=actor.staff_id):
        return False
    _read(session, task, InboundState.READ)
    _record(session, task, actor, "task done", now, audit.Change("outcome", "", outcome))
    _note(session, task, note, actor, now)
    return True


def put_off(
    session: Session,
    task: Task,
    until: datetime | None,
    outcome: str,
    actor: audit.Actor,
    now: datetime,
    note: str = "",
) -> datetime:
    """Let a task come back at an instant and return when; None: in three hours within the day, urgent in 15 minutes."""
    at = until or _next_try(session, task, now)
    if at <= now:
        raise TaskError("Choose a time in the future.")
    if at > now + timedelta(days=60):
        raise TaskError("Choose a time within 60 days.")
    if not desk.put_off(session, task, at):
        raise TaskError("Somebody has closed this in the meantime.")
    _record(session, task, actor, "task put off", now, audit.Change("not_before", outcome, at.isoformat()))
    _note(session, task, note, actor, now)
    return at


def _next_try(session: Session, task: Task, now: datetime) -> datetime:
    if task.urgent:
        return now + CALL_AGAIN_URGENT
    zone = session.get_one(Site, task.site_id).time_zone
    again = timetable.next_opening(now + CALL_AGAIN, zone, timetable.TextKind.PROMPT)
    return closing_days.open_at(session, task.site_id, again)


def undo(session: Session, task: Task, actor: audit.Actor, now: datetime) -> int | None:
    """Open a task again that its actor closed within the last minute; return how many scores were taken back.

    None when it was closed longer ago, or by somebody else.
    """
    assert actor.staff_id is not None
    outcome = task.outcome
    if not desk.reopen(session, task, actor.staff_id, now - UNDO_WITHIN):
        return None
    if outcome == NUMBER_CHANGED_HERE:
        _number_back(session, task, actor, now)
    if outcome == WRONG_NUMBER:
        _right_number(session, task, actor, now)
    back = entering.take_back(session, task, actor, now)
    _read(session, task, InboundState.PEOPLE if task.patient_id is not None else InboundState.UNMATCHED)
    _record(session, task, actor, "task opened again", now)
    return back


def _number_back(session: Session, task: Task, actor: audit.Actor, now: datetime) -> None:
    """Give the patient of a task the number back that closing it had changed."""
    patient = session.get(Patient, task.patient_id) if task.patient_id is not None else None
    changes = {contacting.NUMBER_CHANGED, contacting.NUMBER_BACK}
    for row in acts.latest(session, actor.name, changes, now - UNDO_WITHIN):
        if patient is not None and row.object_id == patient.public_id and row.action == contacting.NUMBER_CHANGED:
            contacting.number_back(session, patient, row, actor, now)


def assign(session: Session, task: Task, patient: Patient, actor: audit.Actor, now: datetime) -> None:
    """Say whose text it is that a task is about: the text and the task belong to that patient from now on."""
    if task.inbound_id is None:
        raise TaskError("There is no text to assign.")
    if task.done_at is not None:
        raise TaskError("Somebody has closed this in the meantime.")
    if patient.site_id != task.site_id:
        raise TaskError("This patient belongs to another site.")
    row = session.get_one(Inbound, task.inbound_id)
    channels.lock_phone(session, row.phone_index)
    row.patient_id = task.patient_id = patient.id
    row.state = InboundState.PEOPLE
    session.add_all([row, task])
    session.flush()
    audit.record(session, actor, ASSIGNED, row, now, patient=patient)


def unassign(session: Session, row: Inbound, actor: audit.Actor, now: datetime) -> None:
    """Take back whose text it was said to be; raise TaskError once something was recorded from it."""
    channels.lock_phone(session, row.phone_index)
    patient = session.get_one(Patient, row.patient_id)
    about = desk.open_about(session, [row.id])
    if not about or desk.answers_from(session, [row.id]):
        raise TaskError("Something was recorded from this text since: take that back first.")
    for task in about:
        task.patient_id = None
        session.add(task)
    row.patient_id, row.state = None, InboundState.UNMATCHED
    session.add(row)
    session.flush()
    audit.record(session, actor, UNASSIGNED, row, now, patient=patient)


def escalate(session: Session, task: Task, actor: audit.Actor, now: datetime) -> bool:
    """Pass an open task to a physician; False when that was done before, or the task is closed."""
    if not desk.escalate(session, task, now):
        return False
    _record(session, task, actor, "task escalated", now)
    return True


def wrong_number(session: Session, task: Task, actor: audit.Actor, now: datetime) -> None:
    """Ask for another number after a call that somebody else answered; texts to this one stop meanwhile."""
    patient = session.get(Patient, task.patient_id) if task.patient_id is not None else None
    if patient is None:
        return
    change = audit.Change("unusable_reason", patient.unusable_reason, WRONG_NUMBER)
    audit.record(session, actor, "number unusable", patient, now, patient=patient, change=change)
    patient.unusable_reason = WRONG_NUMBER
    session.add(patient)
    tasks.open_task(
        session,
        site_id=task.site_id,
        kind=TaskKind.FIX,
        reason="number_unusable",
        dedupe_key=f"{WRONG_NUMBER}|{task.public_id}|{now:%Y%m%d%H%M%S}",
        patient_id=patient.id,
        prompt_id=task.prompt_id,
        now=now,
    )


def _right_number(session: Session, task: Task, actor: audit.Actor, now: datetime) -> None:
    """Take back that a call reached the wrong person."""
    patient = session.get(Patient, task.patient_id) if task.patient_id is not None else None
    if patient is None or patient.unusable_reason != WRONG_NUMBER:
        return
    patient.unusable_reason = ""
    session.add(patient)
    change = audit.Change("unusable_reason", WRONG_NUMBER, "")
    audit.record(session, actor, "number usable", patient, now, patient=patient, change=change)
    for other in tasks.open_tasks(session, [task.site_id], kind=TaskKind.FIX, patient_id=patient.id):
        if other.dedupe_key.startswith(f"{WRONG_NUMBER}|{task.public_id}|"):
            tasks.close(session, other, outcome="taken_back", now=now)


def held_by_another(task: Task, actor: audit.Actor, now: datetime) -> bool:
    """Tell whether somebody else is on a task: a call is made by one person only, unless it is taken over."""
    return holder(task, now) not in {None, actor.staff_id}


def _read(session: Session, task: Task, state: InboundState) -> None:
    if task.inbound_id is None:
        return
    row = session.get_one(Inbound, task.inbound_id)
    others = [one for one in desk.open_about(session, [row.id]) if one.id != task.id]
    if row.state is not InboundState.UNREAD and not others:
        row.state = state
        session.add(row)


def _note(session: Session, task: Task, note: str, actor: audit.Actor, now: datetime) -> None:
    plain = note.strip()[:LONGEST_NOTE]
    patient = session.get(Patient, task.patient_id) if task.patient_id is not None else None
    if plain and patient is not None:
        change = audit.Change("note", "", plain)
        audit.record(session, actor, "task note", task, now, patient=patient, change=change)


def _record(
    session: Session,
    task: Task,
    actor: audit.Actor,
    action: str,
    now: datetime,
    change: audit.Change = audit.NO_CHANGE,
) -> None:
    patient = session.get(Patient, task.patient_id) if task.patient_id is not None else None
    audit.record(session, actor, action, task, now, patient=patient, change=change, reason=task.reason)
