"""The simulated phones: statuses and replies delivered, and time stepped from one due instant to the next."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prom.clock import Clock
from prom.config import Settings
from prom.messaging.gateway import Received, SendError
from prom.messaging.simulated import SimulatedGateway
from prom.messaging.simulated_phones import StatusUpdate
from prom.services import delivering, polling, prompting, receiving, reconciling, reminding, watching
from prom.storage import outbox, rehearsal, unclear
from prom.storage.session import Store

MOST_ROUNDS = 20
HOUSEKEEPING = timedelta(hours=12)
# In life the provider's lists are asked every few minutes; a long move of the clock is cut into so many parts at most.
ASKED_EVERY = timedelta(minutes=10)
MOST_PARTS = 48
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


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
                    receiving.receive(session, event, now, links_work=bool(world.settings.public_url))
    return len(events)


def settle(world: World, now: datetime) -> int:
    """Send what is due and deliver what follows from it until nothing is left now; return the texts sent."""
    sent = 0
    for _ in range(MOST_ROUNDS):
        if not _anything_due(world, now):
            break
        done = prompting.send_due(world.store, world.gateway, world.settings, lambda: now)
        sent += done.accepted
        if deliver(world, now) == 0 and done.claimed == 0:
            break
    return sent


def _anything_due(world: World, now: datetime) -> bool:
    with world.store.reading() as session:
        return outbox.any_due(session, now) or world.gateway.anything_due(now)


def step_to(world: World, target: datetime, moved: Callable[[datetime], None] | None = None) -> int:
    """Move time to a target, stopping at each instant at which something is due; return the texts sent."""
    now, sent = world.clock.now(), 0
    while now < target:
        before, now = now, _next_stop(world, now, target)
        world.clock.move_to(now)
        if _rounds(before) < _rounds(now):
            _keep_house(world, now)
        sent += settle(world, now)
        if moved:
            moved(now)
    return sent


def advance(world: World, target: datetime) -> int:
    """Move time to a target as a clinic lives it: lists are polled, unknown outcomes cleared up, a halted line probed.

    Return the texts sent. It is for the person at the simulator: seeding needs none of it.
    """
    part = max(ASKED_EVERY, (target - world.clock.now()) / MOST_PARTS)
    sent = catch_up(world, world.clock.now())
    while world.clock.now() < target:
        until = min(target, world.clock.now() + part) if _in_trouble(world) else target
        sent += step_to(world, until)
        sent += catch_up(world, world.clock.now())
    return sent


def catch_up(world: World, now: datetime) -> int:
    """Fetch what the line did not bring, look after unknown outcomes and send what that lets go; return texts sent."""
    # A line that cannot be reached has no list either: the next look will find it.
    with contextlib.suppress(SendError):
        polling.fetch(world.store, world.gateway, now, links_work=bool(world.settings.public_url))
    reconciling.run(world.store, world.gateway, world.settings, now)
    prompting.recover(world.store, now)
    return react(world)


def react(world: World) -> int:
    """Send and deliver what is due, twice: the clock runs on, and what just left is answered a moment later."""
    return settle(world, world.clock.now()) + settle(world, world.clock.now())


def _in_trouble(world: World) -> bool:
    with world.store.reading() as session:
        unsure = unclear.oldest(session) is not None or rehearsal.without_end(session)
    return unsure or world.gateway.anything_fails() or world.gateway.anything_coming()


def _rounds(at: datetime) -> int:
    """Return how many rounds of housekeeping fit before an instant: it is done twice a day."""
    return (at - EPOCH) // HOUSEKEEPING


def _keep_house(world: World, now: datetime) -> None:
    with world.store.writing() as session:
        reminding.queue(session, now)
        reconciling.close_windows(session, now)
        if _rounds(now) % 2 == 0:
            watching.refresh_stale(session, now, 500)


def _next_stop(world: World, now: datetime, target: datetime) -> datetime:
    with world.store.reading() as session:
        due = rehearsal.next_due(session, now)
    coming = world.gateway.next_event_at(now)
    stops = [target, EPOCH + (_rounds(now) + 1) * HOUSEKEEPING, *(at for at in (due, coming) if at)]
    return min(stop for stop in stops if stop > now)


def next_prompt(world: World) -> datetime | None:
    """Return when the next text is due, or None when nothing waits."""
    with world.store.reading() as session:
        return rehearsal.next_due(session, world.clock.now())
