"""Seal the new rows of the audit trail, block by block."""

from datetime import datetime

from prom.storage import audit
from prom.storage.session import Store


def seal_new(store: Store, now: datetime) -> int:
    """Seal all audit rows that are not sealed yet, and return how many there were."""
    sealed = 0
    while True:
        with store.reading() as session:
            if not audit.unsealed(session):
                return sealed
        with store.writing() as session:
            block = audit.seal(session, now)
        if not block:
            return sealed
        sealed += block
