"""Fetch the texts that webhooks did not bring, and read again those that could not be understood."""

from threading import Event

from prom.services import polling
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Look at the provider's list of received texts."""
    now = app.clock.now()
    again = polling.read_again(app.store, now)
    return f"fetched {polling.fetch(app.store, app.gateway, now)}, understood {again}"
