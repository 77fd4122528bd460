"""The list of jobs and how often each runs. All truth about what is due is in rows: a job only looks and acts.

One failing job says so in one line and does not keep the others from running.
"""

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from threading import Event

from apscheduler.schedulers.background import BackgroundScheduler

from jobs import (
    balance,
    close,
    digest,
    escalate,
    models,
    narrow,
    poll,
    reconcile,
    refresh,
    remind,
    seal,
    send,
    simulate,
)
from prom import clock
from prom.config import Settings
from prom.services import ticking
from prom.wiring import App

# A heartbeat is a write: ticks of a second need not each leave one.
NOTED_EVERY_SECONDS = 5.0
MINUTE = 60.0
log = logging.getLogger("jobs")


@dataclass(frozen=True, slots=True)
class Job:
    """A job: its name, what it does, and the seconds from one start to the next."""

    name: str
    run: Callable[[App, Event], str]
    every_seconds: Callable[[Settings], float]


def _poll_seconds(settings: Settings) -> float:
    """Without a public address the list is the only way in; with one it only fills gaps."""
    return 10 * MINUTE if settings.public_url else 10.0


JOBS = (
    Job("poll", poll.run, _poll_seconds),
    Job("simulate", simulate.run, lambda settings: settings.tick_seconds),
    Job("close", close.run, lambda _: 20.0),
    Job("remind", remind.run, lambda _: MINUTE),
    Job("escalate", escalate.run, lambda _: MINUTE),
    Job("digest", digest.run, lambda _: 5 * MINUTE),
    Job("send", send.run, lambda settings: settings.tick_seconds),
    Job("reconcile", reconcile.run, lambda settings: min(30.0, max(0.2, settings.grace_seconds / 20))),
    Job("balance", balance.run, lambda _: 60 * MINUTE),
    Job("seal", seal.run, lambda _: 10.0),
    Job("refresh", refresh.run, lambda _: MINUTE),
    Job("narrow", narrow.run, lambda settings: max(1.0, settings.tick_seconds)),
    Job("models", models.run, lambda _: 24 * 60 * MINUTE),
)


@dataclass(slots=True)
class Runner:
    """Runs jobs one by one, whatever happens inside them."""

    app: App
    stop: Event
    noted: dict[str, float] = field(default_factory=dict)

    def run(self, job: Job) -> bool:
        """Run a job once, and tell whether it came through."""
        try:
            detail = job.run(self.app, self.stop)
            self._note(job, detail)
        except Exception as error:  # noqa: BLE001 - the other jobs must go on
            # The error's own words may quote a number or a text: its kind and place have to do.
            log.error("job %s failed: %s at %s", job.name, type(error).__name__, _place(error))  # noqa: TRY400
            return False
        return True

    def _note(self, job: Job, detail: str) -> None:
        now = time.monotonic()
        if now - self.noted.get(job.name, -NOTED_EVERY_SECONDS) >= NOTED_EVERY_SECONDS:
            ticking.note(self.app.store, job.name, detail, clock.wall())
            self.noted[job.name] = now


def once(app: App, stop: Event) -> bool:
    """Run every job once, in order, and tell whether all came through."""
    runner = Runner(app, stop)
    outcomes = [runner.run(job) for job in JOBS if not stop.is_set()]
    return all(outcomes)


def start(app: App, stop: Event) -> BackgroundScheduler:
    """Start the jobs, each at once and then at its own pace, and return what runs them."""
    # The scheduler warns at each tick that finds its job still running, which is what ticks are for.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    runner = Runner(app, stop)
    for job in JOBS:
        scheduler.add_job(
            runner.run,
            "interval",
            args=[job],
            id=job.name,
            seconds=job.every_seconds(app.settings),
            next_run_time=clock.wall(),
        )
    scheduler.start()
    return scheduler


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}:{frames[-1].lineno}" if frames else "unknown place"
