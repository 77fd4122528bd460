"""Queue the reminders and confirmations that are due, and fill the call list."""

from threading import Event

from prom.services import reminding
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Queue what is due now."""
    with app.store.writing() as session:
        return f"queued {reminding.queue(session, app.clock.now())}"
