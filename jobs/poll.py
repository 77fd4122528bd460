"""Fetch the texts that webhooks did not bring, and read again those that could not be understood."""

from threading import Event

from prom.services import polling
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Look at the provider's list of received texts."""
    now = app.clock.now()
    links_work = bool(app.settings.public_url)
    again = polling.read_again(app.store, now, links_work=links_work)
    fetched = polling.fetch(app.store, app.gateway, now, links_work=links_work)
    return f"fetched {fetched}, understood {again}"
