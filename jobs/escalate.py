"""Tell a clinician about urgent tasks that nobody took."""

from threading import Event

from prom.services import escalating
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Pass on what waited too long."""
    with app.store.writing() as session:
        return f"passed on {escalating.queue(session, app.clock.now())}"
