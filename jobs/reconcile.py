"""Find out what became of texts whose outcome is unknown."""

from threading import Event

from prom.services import reconciling
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Look at the provider's list for each text that is due a look."""
    done = reconciling.run(app.store, app.gateway, app.settings, app.clock.now())
    return ", ".join(f"{name} {number}" for name, number in done.items() if number)
