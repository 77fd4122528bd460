"""The clock runs every job, one failing job keeps no other from running, and each says when it last ran."""

import logging
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlmodel import select

from jobs import scheduler
from prom import config, wiring
from prom.storage import sites
from prom.storage.models import AuditSeal, Message, MessageState
from tests import outbox as people

ROOT = Path(__file__).parents[2]


@pytest.fixture
def app(instance):
    app = wiring.open_app(config.read({"PROM_INSTANCE": str(instance), "PROM_TICK_SECONDS": "0.1"}))
    yield app
    app.gateway.close()
    app.store.engine.dispose()


def waiting(app, texts):
    now = app.clock.now()
    with app.store.writing() as session:
        site = people.site(session)
        site.quiet_hours = False
        return [people.waiting(session, site, now).message for _ in range(texts)]


def states(app):
    with app.store.reading() as session:
        return {row.state for row in session.exec(select(Message))}


def test_one_round_sends_delivers_and_seals(app):
    waiting(app, 3)
    assert scheduler.once(app, Event())
    assert states(app) <= {MessageState.ACCEPTED, MessageState.DELIVERED}
    assert scheduler.once(app, Event())
    assert states(app) == {MessageState.DELIVERED}
    with app.store.reading() as session:
        assert session.exec(select(AuditSeal)).all()
        for job in scheduler.JOBS:
            assert sites.last_beat(session, job.name) is not None


def test_a_failing_job_says_one_line_without_its_words_and_the_others_go_on(app, caplog, monkeypatch):
    def fails(_app, _stop):
        raise ValueError("+919007100001 said: my pain is 7")

    broken = replace(scheduler.JOBS[0], name="broken", run=fails)
    monkeypatch.setattr(scheduler, "JOBS", (broken, *scheduler.JOBS))
    waiting(app, 1)
    with caplog.at_level(logging.ERROR, logger="jobs"):
        assert not scheduler.once(app, Event())
    assert states(app) == {MessageState.ACCEPTED}
    assert [record.getMessage().partition(" at ")[0] for record in caplog.records] == ["job broken failed: ValueError"]
    assert "9007100001" not in caplog.text


def test_the_scheduler_runs_every_job_at_once_and_stops_clean(app):
    waiting(app, 5)
    stop = Event()
    running = scheduler.start(app, stop)
    end = time.monotonic() + 20
    while states(app) != {MessageState.DELIVERED} and time.monotonic() < end:
        time.sleep(0.05)
    stop.set()
    running.shutdown(wait=True)
    assert states(app) == {MessageState.DELIVERED}


def test_every_job_has_a_name_of_its_own_and_a_pace(app):
    names = [job.name for job in scheduler.JOBS]
    assert len(set(names)) == len(names)
    assert all(job.every_seconds(app.settings) > 0 for job in scheduler.JOBS)


def test_without_a_public_address_the_list_is_asked_often(app):
    poll = next(job for job in scheduler.JOBS if job.name == "poll")
    assert poll.every_seconds(replace(app.settings, public_url="")) <= 15
    assert poll.every_seconds(replace(app.settings, public_url="https://clinic.example")) == 600


def run(instance, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "jobs", *arguments],
        cwd=ROOT,
        env={"PROM_INSTANCE": str(instance), "PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_process_runs_once_and_ends_well(instance, app):
    waiting(app, 2)
    done = run(instance, "--once")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert MessageState.PENDING not in states(app)


def test_the_process_ends_at_its_hour(instance, app):
    at = (app.clock.now() - timedelta(seconds=1)).isoformat()
    assert run(instance, "--until", at).returncode == 0


def test_a_process_that_may_not_start_says_why_in_one_line(tmp_path):
    done = run(tmp_path / "nothing")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
