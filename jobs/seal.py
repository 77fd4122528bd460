"""Seal the new rows of the audit trail, and forget sessions that are over."""

from threading import Event

from prom import clock
from prom.services import sealing
from prom.storage import staff
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Seal what is new; delete sessions that ended."""
    sealed = sealing.seal_new(app.store, app.clock.now())
    with app.store.writing() as session:
        staff.prune_web_sessions(session, clock.wall())
    return f"sealed {sealed}"
