"""Is it alive, is it ready, and numbers for Prometheus. No patient data."""

from collections.abc import Iterable
from datetime import timedelta

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from prom import clock
from prom.storage import metrics as stored
from prom.storage import outbox, sites
from prom.web import context, guards

blueprint = Blueprint("health", __name__)
Values = Iterable[tuple[tuple[str, ...], float]]
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


@blueprint.get("/metrics")
@guards.needs(guards.Permission.PUBLIC)
def metrics() -> ResponseReturnValue:
    """Hand out counts for Prometheus: what waits, what failed, whether the clock ticks. No patient, no site."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()

    def gauge(name: str, words: str, values: Values, *labels: str) -> None:
        metric = Gauge(f"prom_{name}", words, labels, registry=registry)
        for key, value in values:
            (metric.labels(*key) if labels else metric).set(value)

    with context.reading() as session:
        now = context.now()
        count, oldest = stored.due(session, now)
        gauge("texts_due", "Texts that wait although they are due.", [((), count)])
        waits = (now - oldest).total_seconds() if oldest else 0.0
        gauge("texts_oldest_due_seconds", "How long the longest of them waits.", [((), waits)])
        texts = [((state,), n) for state, n in stored.texts(session, now).items()]
        gauge("texts_last_day", "Texts planned for the last 24 hours by state.", texts, "state")
        gauge("inbound_unread", "Texts that came in and are not understood yet.", [((), stored.unread(session))])
        tasks = [((kind, str(urgent).lower()), n) for (kind, urgent), n in stored.open_tasks(session).items()]
        gauge("tasks_open", "Open tasks of the coordinators.", tasks, "kind", "urgent")
        ages = [((name,), (clock.wall() - at).total_seconds()) for name, at in stored.beats(session).items()]
        gauge("job_age_seconds", "Seconds since each job of the clock last ran.", ages, "job")
        channels = stored.channels(session)
        halted = [((one.name,), one.halted_at is not None) for one in channels]
        gauge("channel_halted", "1 while the channel is halted.", halted, "channel")
        held = [((one.name,), one.held_at is not None) for one in channels]
        gauge("channel_held", "1 while texts are on hold.", held, "channel")
        balances = [((one.name,), one.balance / 100) for one in channels if one.balance is not None]
        gauge("channel_balance", "Credit at the provider, in its currency.", balances, "channel")
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
