"""Ready-made parts of the cohort page, by key: kept, read and forgotten."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from prom.storage.models import CohortSnapshot

Kept = tuple[str, str]


def snapshot(session: Session, key: str) -> CohortSnapshot | None:
    """Return a ready-made part by its key."""
    return session.scalars(select(CohortSnapshot).where(col(CohortSnapshot.key) == key)).one_or_none()


def contents(session: Session, keys: Collection[str]) -> dict[str, str]:
    """Return the contents of the parts that there are among some keys."""
    query = select(col(CohortSnapshot.key), col(CohortSnapshot.content)).where(col(CohortSnapshot.key).in_(keys))
    return {row[0]: row[1] for row in session.connection().execute(query)}


def marks(session: Session, prefix: str) -> dict[str, tuple[datetime, int]]:
    """Return when each part whose key begins so was made, and how far it saw."""
    query = select(col(CohortSnapshot.key), col(CohortSnapshot.made_at), col(CohortSnapshot.watermark))
    query = query.where(col(CohortSnapshot.key).startswith(prefix, autoescape=True))
    return {row[0]: (row[1], row[2]) for row in session.connection().execute(query)}


def keep(session: Session, rows: Sequence[Kept], made_at: datetime, seen: int) -> None:
    """Store parts, given as (key, content), in the place of older ones."""
    if not rows:
        return
    postgres = session.get_bind().dialect.name == "postgresql"
    made: Any = postgresql.insert(CohortSnapshot) if postgres else sqlite.insert(CohortSnapshot)
    replacing = made.on_conflict_do_update(
        index_elements=["key"],
        set_={name: made.excluded[name] for name in ("made_at", "watermark", "content")},
    )
    values = [{"key": key, "content": content, "made_at": made_at, "watermark": seen} for key, content in rows]
    session.connection().execute(replacing, values)


def forget(session: Session, keys: Collection[str]) -> None:
    """Delete parts."""
    if keys:
        session.connection().execute(delete(CohortSnapshot).where(col(CohortSnapshot.key).in_(keys)))
