"""Texts that are not sent: each is a visible row with a reason, its prompt knows, and where it matters a person does.

What kept a text back is told from what the patient did: a prompt that we failed to send is `not_sent`, never missed.
"""

from datetime import datetime

from sqlmodel import Session

from prom.storage import audit, channels, outbox, prompts, tasks
from prom.storage.models import Message, MessageKind, MessageState, Patient, Prompt, TaskKind

# The phone may start again with START, so these prompts stay planned until their window is over.
# A question asked by telephone stays planned too: it is missed or answered, but never a text that failed.
MAY_COME_BACK = frozenset({"opted_out", "asked_by_phone"})


def stop(
    session: Session, message: Message, state: MessageState, reason: str, now: datetime, *, told: bool = True
) -> None:
    """Record that a text does not go out (again), and why; `told` False leaves telling a person to the caller."""
    message.state, message.reason, message.lease_until = state, reason[:40], None
    if message.kind in outbox.OPENING and message.prompt_id is not None and reason not in MAY_COME_BACK:
        prompt = session.get_one(Prompt, message.prompt_id)
        if prompts.not_sent(prompt, reason):
            session.add(prompt)
    if told and message.kind is MessageKind.EMERGENCY:
        tell(session, message, TaskKind.CALL, "emergency_not_texted", now, urgent=True)
    audit.record(session, audit.CLOCK, "text not sent", message, now, reason=reason)
    session.flush()


def tell(
    session: Session,
    message: Message,
    kind: TaskKind,
    reason: str,
    now: datetime,
    *,
    key: str = "",
    urgent: bool = False,
) -> None:
    """Open a task about a text; `key` makes several texts one task, without it each has its own."""
    if message.kind is MessageKind.TEST:
        # Whoever sends a test text looks at its row as it comes and goes; nobody else can do anything about it.
        return
    if message.kind is MessageKind.STAFF:
        kind, reason = TaskKind.FIX, "staff_not_texted"
    tasks.open_task(
        session,
        site_id=message.site_id,
        kind=kind,
        reason=reason,
        dedupe_key=f"{reason}|{key or message.public_id}"[:80],
        patient_id=None if key else message.patient_id,
        prompt_id=None if key else message.prompt_id,
        inbound_id=None if key else message.inbound_id,
        message_id=message.id,
        urgent=urgent,
        now=now,
    )


def opt_out(session: Session, message: Message, *, accepted: bool, now: datetime) -> None:
    """Record that the carrier blocks us for a phone: the opt-out, and all that waits for it is suppressed."""
    fresh = channels.suppress(session, message.phone_index, source="carrier", now=now)
    state = message.state if accepted else MessageState.SUPPRESSED
    stop(session, message, state, "opted_out", now)
    suppress_waiting(session, message.phone_index)
    if not fresh:
        return
    for patient in channels.patients_of(session, message.phone_index):
        audit.record(session, audit.GATEWAY, "opted out", patient, now, reason="carrier")
        tasks.open_task(
            session,
            site_id=patient.site_id,
            kind=TaskKind.STOPPED,
            reason="opted_out",
            dedupe_key=f"opted_out|{patient.public_id}|{now:%Y-%m-%d}",
            patient_id=patient.id,
            now=now,
        )


def suppress_waiting(session: Session, phone_index: str) -> int:
    """Take all texts that wait for a phone out of the queue after an opt-out, and return how many."""
    session.flush()
    return outbox.suppress_phone(session, phone_index, "opted_out")


def number_unusable(session: Session, message: Message, code: str, now: datetime) -> None:
    """Remember that a number takes no texts and ask the coordinator for another."""
    if message.patient_id is not None:
        patient = session.get_one(Patient, message.patient_id)
        if patient.phone_index == message.phone_index:
            patient.unusable_reason = (code or "refused")[:24]
            session.add(patient)
            change = audit.Change("unusable_reason", "", patient.unusable_reason)
            audit.record(session, audit.GATEWAY, "number unusable", patient, now, patient=patient, change=change)
    tell(session, message, TaskKind.FIX, "number_unusable", now)
