"""Keep the projections: relief states that time alone changes."""

from threading import Event

from prom.services import watching
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Judge anew what may have changed since."""
    with app.store.writing() as session:
        return f"judged {watching.refresh_stale(session, app.clock.now())}"
