"""A clinic in an instance folder, the double of the provider, and real clock processes that may be killed."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import select

from prom.storage.models import Message, MessageState, Task
from tests import crowds
from tests import outbox as people
from tests.doubles.twilio_api import ACCOUNT_SID, AUTH_TOKEN, OWN_NUMBER

ROOT = Path(__file__).parents[2]
ACCEPTED = {MessageState.ACCEPTED, MessageState.SENT, MessageState.DELIVERED}


class Rehearsal:
    def __init__(self, instance, store, double, database_url=None, **environment):
        self.instance, self.store, self.double = instance, store, double
        self.started = []
        self.interrupted = set()
        self.environment = {
            "PATH": os.environ["PATH"],
            "PROM_INSTANCE": str(instance),
            "PROM_DATABASE_URL": database_url or f"sqlite:///{instance / 'prom.db'}",
            "PROM_GATEWAY": "twilio",
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "PROM_TWILIO_FROM": OWN_NUMBER,
            "PROM_TWILIO_API_URL": double.url,
            "PROM_PUBLIC_URL": "https://clinic.example",
            "PROM_GRACE_SECONDS": "8",
            "PROM_LEASE_SECONDS": "4",
            "PROM_TICK_SECONDS": "0.2",
            "PROM_SEND_RATE": "200",
            **environment,
        }

    def clinic(self, texts):
        """Add a clinic without quiet hours, with so many patients who have a text due now; return their phones."""
        with self.store.writing() as session:
            site = people.site(session)
            site.quiet_hours = False
        return crowds.waiting(self.store, site, datetime.now(UTC), texts)

    def clock(self, *arguments):
        """Start a clock process."""
        log = (self.instance / f"clock-{len(self.started)}.log").open("w", encoding="utf-8")
        child = subprocess.Popen(
            [sys.executable, "-m", "jobs", *arguments], cwd=ROOT, env=self.environment, stdout=log, stderr=log
        )
        log.close()
        self.started.append(child)
        return child

    def script(self, source):
        """Start a Python process on this clinic."""
        child = subprocess.Popen(
            [sys.executable, "-c", source], cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL, stderr=None
        )
        self.started.append(child)
        return child

    def kill(self, child):
        """Kill a clock, and remember which calls it may have taken with it."""
        child.send_signal(signal.SIGKILL)
        child.wait()
        self.interrupted |= {row.id for row in self.messages() if row.state is MessageState.SENDING}

    def stop(self):
        for child in self.started:
            if child.poll() is None:
                child.send_signal(signal.SIGCONT)
                child.send_signal(signal.SIGTERM)
        for child in self.started:
            try:
                child.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.kill(child)

    def messages(self):
        with self.store.reading() as session:
            return list(session.exec(select(Message)))

    def states(self):
        return Counter(row.state.value for row in self.messages())

    def wait(self, done, seconds):
        """Wait until something is true, or fail with the states as they are."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if done():
                return
            time.sleep(0.1)
        odd = [
            (row.state.value, row.reason, row.error_code, row.attempt, row.resent, row.checks)
            for row in self.messages()
            if row.state not in ACCEPTED
        ]
        got = len(self.sent())
        raise AssertionError(f"not reached in {seconds} s: {self.states()}, {got} phones, {odd[:20]}, {self.logs()}")

    def all_accepted(self):
        return all(row.state in ACCEPTED for row in self.messages())

    def all_settled(self):
        """Tell whether every text was accepted, or was given up after its one resend."""
        return all(
            row.state in ACCEPTED or (row.state is MessageState.FAILED and row.resent) for row in self.messages()
        )

    def logs(self):
        return "".join(path.read_text(encoding="utf-8") for path in sorted(self.instance.glob("clock-*.log")))[-2000:]

    def sent(self):
        """Return how often each phone got a text, by the provider's own book."""
        return Counter(text["to"] for text in self.double.book.accepted())

    def agrees(self, texts):
        """Check that every text reached its phone once, and that our rows say what the provider's book says.

        A text may be missing there only if the provider never got it, neither at first nor by its one resend: then
        a kill fell into one of the two calls, the row says so, and a person has a task.
        """
        book = {text["sid"]: text for text in self.double.book.accepted()}
        sent, rows = self.sent(), self.messages()
        lost = [row for row in rows if row.state not in ACCEPTED]
        assert set(sent.values()) == {1}, "a phone got a text twice"
        assert len(rows) == texts
        assert len(sent) == texts - len(lost)
        assert {row.provider_sid for row in rows if row.provider_sid} == set(book)
        assert {row.provider_sid for row in rows} - set(book) <= {None}
        assert {row.id for row in lost} <= self.interrupted
        assert {(row.state, row.reason, row.resent) for row in lost} <= {(MessageState.FAILED, "outcome_unknown", True)}
        with self.store.reading() as session:
            told = {task.message_id for task in session.exec(select(Task))}
        assert {row.id for row in lost} <= told
