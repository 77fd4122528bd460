"""Queue the morning's counts for the staff who want them."""

from threading import Event

from prom.services import digesting
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Queue what is due this morning."""
    with app.store.writing() as session:
        return f"queued {digesting.queue(session, app.clock.now())}"
