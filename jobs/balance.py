"""Note the credit at the provider, and warn before it runs out."""

from threading import Event

from prom.services import crediting
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Ask the provider once."""
    seen = crediting.look(app.store, app.gateway, app.clock.now())
    return "no balance" if seen is None else f"balance {seen.hundredths / 100:.2f} {seen.currency}"
