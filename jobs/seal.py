"""Seal the new rows of the audit trail, and forget sessions that are over."""

from threading import Event

from prom import clock
from prom.services import sealing, signing_in
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Seal what is new; delete sessions that ended."""
    sealed = sealing.seal_new(app.store, app.clock.now())
    signing_in.forget_sessions(app.store, clock.wall())
    return f"sealed {sealed}"
