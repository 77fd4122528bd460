"""What somebody did a moment ago and may still take back: read off the audit trail, where every act is."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from prom.storage.models import Audit

# The trail is long and is not indexed by time: a minute's acts stand among its last rows.
LAST_ROWS = 5000
MOST = 20


def latest(session: Session, actor: str, actions: Collection[str], since: datetime) -> list[Audit]:
    """Return the last act of somebody on each object since an instant, the newest first."""
    newest = session.exec(select(func.max(Audit.id))).one() or 0
    query = (
        select(Audit)
        .where(
            col(Audit.id) > newest - LAST_ROWS,
            col(Audit.actor) == actor,
            col(Audit.action).in_(actions),
            col(Audit.at) >= since,
        )
        .order_by(col(Audit.id).desc())
        .limit(MOST)
    )
    found: dict[tuple[str, str], Audit] = {}
    for row in session.exec(query):
        found.setdefault((row.object_kind, row.object_id), row)
    return list(found.values())
