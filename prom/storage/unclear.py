"""Texts of which we know too little: unknown outcomes, missing statuses, and what a restored backup forgot."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from prom.storage.models import Message, MessageState


def unknown(session: Session, limit: int) -> list[Message]:
    """Return texts whose outcome is unknown, the oldest call first."""
    return list(
        session.exec(
            select(Message)
            .where(col(Message.state) == MessageState.UNKNOWN)
            .order_by(col(Message.sending_at), col(Message.id))
            .limit(limit)
        )
    )


def bound(session: Session, sids: Collection[str]) -> set[str]:
    """Return which of the provider's ids belong to a text of ours already."""
    found = session.exec(select(Message.provider_sid).where(col(Message.provider_sid).in_(sids)))
    return {sid for sid in found if sid is not None}


def without_final_status(session: Session, since: datetime, until: datetime, limit: int) -> list[Message]:
    """Return texts accepted between two instants whose delivery was never told, the least asked about first."""
    return list(
        session.exec(
            select(Message)
            .where(
                col(Message.state).in_((MessageState.ACCEPTED, MessageState.SENT)),
                col(Message.send_at) >= since,
                col(Message.accepted_at) <= until,
                col(Message.provider_sid).is_not(None),
            )
            .order_by(col(Message.checks), col(Message.accepted_at))
            .limit(limit)
        )
    )


def waiting_since(session: Session, now: datetime, after_id: int, limit: int) -> list[Message]:
    """Return texts that wait though they were due before now, and could still leave, by id."""
    return list(
        session.exec(
            select(Message)
            .where(col(Message.id) > after_id, col(Message.state) == MessageState.PENDING, col(Message.due_at) <= now)
            .order_by(col(Message.id))
            .limit(limit)
        )
    )


def oldest(session: Session) -> datetime | None:
    """Return when the oldest call of an unknown outcome was made, or None."""
    query = select(func.min(Message.sending_at)).where(col(Message.state) == MessageState.UNKNOWN)
    return session.exec(query).one()
