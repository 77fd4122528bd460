"""Is it alive, is it ready, and numbers for Prometheus. No patient data."""

from datetime import timedelta

from flask import Blueprint
from flask.typing import ResponseReturnValue

from prom import clock
from prom.storage import outbox, sites
from prom.web import context, guards

blueprint = Blueprint("health", __name__)
STALE_TICK = timedelta(minutes=2)


@blueprint.get("/healthz")
@guards.needs(guards.Permission.PUBLIC)
def healthz() -> ResponseReturnValue:
    """Say that the process answers."""
    return {"status": "ok"}


@blueprint.get("/readyz")
@guards.needs(guards.Permission.PUBLIC)
def readyz() -> ResponseReturnValue:
    """Say whether the database answers, the clock ticks and how old the oldest due message is."""
    with context.reading() as session:
        beat = sites.last_beat(session, "send")
        oldest = outbox.oldest_due(session, context.now())
    tick_age = (clock.wall() - beat.at).total_seconds() if beat else None
    ready = tick_age is not None and tick_age < STALE_TICK.total_seconds()
    waiting = (context.now() - oldest).total_seconds() if oldest else 0
    answer = {"database": "ok", "tick_age_seconds": tick_age, "oldest_due_seconds": waiting, "ready": ready}
    return answer, 200 if ready else 503
