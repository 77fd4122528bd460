"""The simulated phones: statuses and replies delivered, and time stepped from one due instant to the next."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from prom.clock import Clock
from prom.config import Settings
from prom.messaging.gateway import Received
from prom.messaging.simulated import SimulatedGateway
from prom.messaging.simulated_phones import StatusUpdate
from prom.services import delivering, prompting, receiving, reconciling, reminding, watching
from prom.storage import rehearsal
from prom.storage.session import Store

MOST_ROUNDS = 20
DAILY = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class World:
    """A simulated clinic: its database, phones, settings and movable time."""

    store: Store
    gateway: SimulatedGateway
    settings: Settings
    clock: Clock


def deliver(world: World, now: datetime) -> int:
    """Hand over the statuses and texts that are due, as webhooks would, and return how many there were."""
    events = world.gateway.due_callbacks(now)
    for event in events:
        with world.store.writing() as session:
            match event:
                case StatusUpdate(sid=sid, message_id=own, status=status, error_code=code):
                    delivering.status(session, own, sid, status, None if code is None else str(code), now)
                case Received():
                    receiving.receive(session, event, now)
    return len(events)


def settle(world: World, now: datetime) -> int:
    """Send what is due and deliver what follows from it until nothing is left now; return the texts sent."""
    sent = 0
    for _ in range(MOST_ROUNDS):
        done = prompting.send_due(world.store, world.gateway, world.settings, lambda: now)
        sent += done.accepted
        if deliver(world, now) == 0 and done.claimed == 0:
            break
    return sent


def step_to(world: World, target: datetime, moved: Callable[[datetime], None] | None = None) -> int:
    """Move time to a target, stopping at each instant at which something is due; return the texts sent."""
    now, sent = world.clock.now(), 0
    while now < target:
        now = _next_stop(world, now, target)
        world.clock.move_to(now)
        sent += _work(world, now)
        if moved:
            moved(now)
    return sent


def _work(world: World, now: datetime) -> int:
    with world.store.writing() as session:
        reminding.queue(session, now)
        reconciling.close_windows(session, now)
        watching.refresh_stale(session, now, 500)
    return settle(world, now)


def _next_stop(world: World, now: datetime, target: datetime) -> datetime:
    with world.store.reading() as session:
        due = rehearsal.next_due(session, now)
    stops = [target, now + DAILY, *([due] if due else [])]
    return min(stop for stop in stops if stop > now)


def next_prompt(world: World) -> datetime | None:
    """Return when the next text is due, or None when nothing waits."""
    with world.store.reading() as session:
        return rehearsal.next_due(session, world.clock.now())
