"""Counts for a monitor: bounded reads by index, no patient data."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from prom.storage import inbound
from prom.storage.models import Channel, Heartbeat, Inbound, Message, MessageState, Task

DAY = timedelta(days=1)
ENDED = (MessageState.DELIVERED, MessageState.UNDELIVERED, MessageState.FAILED, MessageState.EXPIRED)
UNDER_WAY = (MessageState.CLAIMED, MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.SENT)


def due(session: Session, now: datetime) -> tuple[int, datetime | None]:
    """Return how many texts wait although they are due, and since when the longest does."""
    query = select(func.count(), func.min(Message.send_at)).where(
        col(Message.state) == MessageState.PENDING, col(Message.send_at) <= now
    )
    return session.exec(query).one()


def texts(session: Session, now: datetime) -> Mapping[str, int]:
    """Return how many texts are under way, and how many ended in each way of those planned for the last day."""
    query = (
        select(Message.state, func.count())
        .where(col(Message.state).in_((*UNDER_WAY, *ENDED, MessageState.SUPPRESSED)), col(Message.send_at) > now - DAY)
        .group_by(col(Message.state))
    )
    return {str(state): count for state, count in session.exec(query)}


def unread(session: Session) -> int:
    """Return how many texts came in that were not understood yet."""
    return session.exec(select(func.count()).select_from(Inbound).where(inbound.IS_UNREAD)).one()


def open_tasks(session: Session) -> Mapping[tuple[str, bool], int]:
    """Return how many tasks are open by kind, the urgent ones apart."""
    query = (
        select(Task.kind, Task.urgent, func.count())
        .where(col(Task.done_at).is_(None))
        .group_by(col(Task.kind), col(Task.urgent))
    )
    return {(str(kind), urgent): count for kind, urgent, count in session.exec(query)}


def beats(session: Session) -> Mapping[str, datetime]:
    """Return when each job last ran."""
    return dict(iter(session.exec(select(Heartbeat.name, Heartbeat.at))))


def channels(session: Session) -> list[Channel]:
    """Return the senders with their halts and holds."""
    return list(session.exec(select(Channel).order_by(col(Channel.name))))
