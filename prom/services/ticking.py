"""What the clock's jobs leave behind: when each last ran, for the health page and for people who wonder."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from prom.storage import sites
from prom.storage.session import Store


def note(store: Store, job: str, detail: str, now: datetime) -> None:
    """Note that a job ran, and how far it came."""
    # Two clocks that start in the same moment both find no row; one note is enough.
    with suppress(IntegrityError), store.writing() as session:
        sites.heartbeat(session, job, now, detail)
