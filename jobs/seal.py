"""Seal the new rows of the audit trail."""

from threading import Event

from prom.services import sealing
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Seal what is new."""
    return f"sealed {sealing.seal_new(app.store, app.clock.now())}"
