"""What rehearsals and the demo look at: every message, reply and score as other programs read them."""

from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from prom.storage import inbound, messages, patients
from prom.storage.models import Answer, AnswerState, Inbound, Message, MessageState, Patient, Prompt, Source


def texts_accepted_at(session: Session, now: datetime) -> list[tuple[Message, Prompt]]:
    """Return the questions the provider accepted at an instant, with their prompts, without what only tells."""
    query = (
        select(Message, Prompt)
        .join(Prompt, col(Prompt.id) == col(Message.prompt_id))
        .where(
            col(Message.accepted_at) == now,
            col(Message.question) != "",
            col(Message.text_key).not_in(["thanks", "correction_done", "link_offer"]),
        )
    )
    return list(session.exec(query))


def all_messages(session: Session) -> list[dict[str, Any]]:
    """Return every text with its number, words as sent, state and prompt."""
    query = select(Message, Prompt.public_id).join(Prompt, col(Prompt.id) == col(Message.prompt_id), isouter=True)
    found = []
    for row, prompt in session.exec(query.order_by(col(Message.id))):
        found.append(
            {
                "to": messages.phone(session, row) or _number_of(session, row),
                "body": messages.body(session, row),
                "state": row.state.value,
                "reason": row.reason,
                "sid": row.provider_sid,
                "prompt": prompt,
                "due_at": row.due_at.isoformat(),
            }
        )
    return found


def _number_of(session: Session, row: Message) -> str:
    if row.patient_id is None:
        return ""
    return patients.phone(session, session.get_one(Patient, row.patient_id)) or ""


def all_inbound(session: Session) -> list[dict[str, Any]]:
    """Return every text that came in, with its number."""
    rows = session.exec(select(Inbound).order_by(col(Inbound.id)))
    return [
        {"sid": row.provider_sid, "from": inbound.phone(session, row), "state": row.state.value, "outcome": row.outcome}
        for row in rows
    ]


def all_scores(session: Session) -> list[dict[str, Any]]:
    """Return every counted score given by a patient, with the id of the text it came by (None for a link)."""
    query = (
        select(Answer, Inbound.provider_sid, Patient)
        .join(Patient, col(Patient.id) == col(Answer.patient_id))
        .join(Inbound, col(Inbound.id) == col(Answer.inbound_id), isouter=True)
        .where(col(Answer.state) == AnswerState.CURRENT, col(Answer.source).in_([Source.SMS, Source.LINK]))
        .order_by(col(Answer.id))
    )
    return [
        {
            "phone": patients.phone(session, patient),
            "value": answer.value,
            "sid": sid,
            "instrument": answer.instrument,
            "item": answer.item,
        }
        for answer, sid, patient in session.exec(query)
    ]


def next_due(session: Session, now: datetime) -> datetime | None:
    """Return when the next waiting text is due after an instant, or None when nothing waits."""
    return session.exec(
        select(func.min(Message.send_at)).where(col(Message.state) == MessageState.PENDING, col(Message.send_at) > now)
    ).one()


def without_end(session: Session) -> bool:
    """Tell whether the provider accepted a text and has not said yet what became of it."""
    waiting = (MessageState.ACCEPTED, MessageState.SENT)
    return session.exec(select(Message.id).where(col(Message.state).in_(waiting)).limit(1)).first() is not None


def counts(session: Session) -> dict[str, dict[str, int]]:
    """Return how many messages and replies are in each state, and how many scores count."""
    sent = session.exec(select(Message.state, func.count()).group_by(col(Message.state)))
    came = session.exec(select(Inbound.state, func.count()).group_by(col(Inbound.state)))
    given = session.exec(select(Answer.source, func.count()).group_by(col(Answer.source)))
    return {
        "messages": {str(state): number for state, number in sent},
        "inbound": {str(state): number for state, number in came},
        "scores": {str(source): number for source, number in given},
    }


def make_due(session: Session, prompt: Prompt, at: datetime) -> bool:
    """Make the waiting text of a prompt due at an instant; False when none waits."""
    row = session.exec(
        select(Message).where(col(Message.prompt_id) == prompt.id, col(Message.state) == MessageState.PENDING)
    ).first()
    if row is None:
        return False
    prompt.due_at = row.due_at = row.send_at = at
    session.add_all([prompt, row])
    session.flush()
    return True
