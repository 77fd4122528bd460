"""Deliver what simulated phones and the simulated carrier would have posted to our webhooks."""

from threading import Event

from prom.messaging.simulated import SimulatedGateway
from prom.services import simulating
from prom.wiring import App


def run(app: App, _stop: Event) -> str:
    """Deliver what is due; with a real gateway there is nothing to do."""
    if not isinstance(app.gateway, SimulatedGateway):
        return ""
    world = simulating.World(app.store, app.gateway, app.settings, app.clock)
    return f"delivered {simulating.deliver(world, app.clock.now())}"
