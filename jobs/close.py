"""Close prompts whose answer window is over."""

from threading import Event

from prom.services import reconciling
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Close one batch of windows."""
    with app.store.writing() as session:
        return f"closed {reconciling.close_windows(session, app.clock.now())}"
