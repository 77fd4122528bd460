"""Send what is due, after taking back what dead workers left."""

from threading import Event

from prom.services import prompting
from prom.wiring import App


def run(app: App, stop: Event) -> str:
    """Run one round of sending."""
    waiting, unknown = prompting.recover(app.store, app.clock.now())
    done = prompting.send_due(app.store, app.gateway, app.settings, app.clock.now, stop)
    return f"sent {done.accepted} of {done.claimed}; taken back {waiting}, unknown {unknown}"
