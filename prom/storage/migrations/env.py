"""Run migrations on the connection that prom.storage.migrating hands over."""

from typing import Any

from alembic import context
from sqlmodel import AutoString, SQLModel, UTCDateTime

from prom.storage import models  # noqa: F401  the tables register themselves


def render_item(kind: str, item: Any, _autogen: Any) -> Any:
    """Write plain SQLAlchemy types: migrations must not depend on sqlmodel's internals."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        length = getattr(item.impl, "length", None)
        return f"sa.String(length={length})" if length else "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_item=render_item,
    render_as_batch=True,
    transactional_ddl=True,
    transaction_per_migration=True,
)
context.run_migrations()
