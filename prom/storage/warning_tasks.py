"""Tasks that warn of trouble of our own (a halted channel, low credit): closed by themselves when it is over."""

from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col

from prom.storage.models import Task


def close(session: Session, key_start: str, *, outcome: str, now: datetime) -> int:
    """Close the open tasks whose dedupe key begins so, and return how many there were."""
    closed = session.connection().execute(
        update(Task)
        .where(col(Task.dedupe_key).startswith(key_start, autoescape=True), col(Task.done_at).is_(None))
        .values(done_at=now, outcome=outcome)
    )
    return closed.rowcount
