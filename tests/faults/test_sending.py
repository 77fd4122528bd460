"""Real clock processes against a double of the provider that lies, hangs and dies: nothing twice, nothing lost."""

import random
import resource
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from prom.messaging.gateway import Sent
from prom.services import prompting
from prom.storage import channels
from tests import crowds, processes
from tests import outbox as people
from tests.doubles.twilio_api import TwilioDouble
from tests.faults.rehearsal import Rehearsal

pytestmark = pytest.mark.faults
PUBLIC = "https://clinic.example"

LIES = [
    {"kind": "timeout_before", "probability": 0.1, "seconds": 5, "count": 1, "once_a_phone": True},
    {"kind": "500", "probability": 0.1, "count": 3, "once_a_phone": True},
    {"kind": "html_200", "probability": 0.1, "count": 3, "once_a_phone": True},
    {"kind": "reset_before", "probability": 0.1, "count": 3, "once_a_phone": True},
    {"kind": "accept_then_timeout", "probability": 0.02, "seconds": 5},
    {"kind": "accept_then_500", "probability": 0.06},
    {"kind": "accept_then_broken_json", "probability": 0.05},
    {"kind": "accept_then_html", "probability": 0.05},
    {"kind": "reset_after_accept", "probability": 0.05},
    {"kind": "429", "probability": 0.05, "retry_after": 1},
    {"kind": "latency", "probability": 0.3, "seconds": 0.2},
]


@pytest.fixture
def double():
    with TwilioDouble() as double:
        yield double


@pytest.fixture
def rehearsal(instance, store, double):
    rehearsal = Rehearsal(instance, store, double)
    yield rehearsal
    rehearsal.stop()


@pytest.mark.timeout(600)
def test_three_hundred_texts_two_clocks_twelve_kills_and_a_lying_provider(rehearsal, double):
    rehearsal.environment["PROM_SEND_RATE"] = "25"
    rehearsal.clinic(300)
    lies_and_kills(rehearsal, double, kills=12)
    rehearsal.agrees(300)


@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_the_same_on_postgresql_with_three_clocks_and_four_web_workers(instance, postgres_store, postgres_url, double):
    rehearsal = Rehearsal(instance, postgres_store, double, postgres_url, PROM_SEND_RATE="25")
    web = processes.Clinic(instance, rehearsal.environment)
    try:
        rehearsal.clinic(300)
        web.serve("--workers", "4")
        local = f"http://127.0.0.1:{web.port}"
        double.postman.set_habits(
            enabled=True, public_url=PUBLIC, local_url=local, delay=0.2, duplicate=0.3, reorder=0.3, lose=0.2
        )
        lies_and_kills(rehearsal, double, kills=12, clocks=3)
        double.postman.drain(20)
        rehearsal.agrees(300)
        told = {
            each["sid"] for each in double.postman.posted if each["status"] == "delivered" and each["answer"] == 200
        }
        with_status = {row.provider_sid for row in rehearsal.messages() if row.state.value == "delivered"}
        assert len(told) > 150
        assert told <= with_status
    finally:
        web.end()
        rehearsal.stop()


def lies_and_kills(rehearsal, double, kills, clocks=2):
    dice = random.Random(7)
    double.fail(*LIES, seed=7)
    running = [rehearsal.clock() for _ in range(clocks)]
    for number in range(kills):
        time.sleep(dice.uniform(1.5, 3.0))
        rehearsal.kill(running[number % clocks])
        running[number % clocks] = rehearsal.clock()
    double.fail()
    rehearsal.wait(rehearsal.all_settled, 90)


def test_killed_before_the_provider_got_it_one_resend_follows_after_the_grace(rehearsal, double):
    rehearsal.clinic(1)
    double.fail({"kind": "timeout_before", "seconds": 60, "count": 1})
    clock = rehearsal.clock()
    rehearsal.wait(lambda: rehearsal.states()["sending"] == 1 and double.requests["send"] == 1, 60)
    rehearsal.kill(clock)
    started = time.monotonic()
    rehearsal.clock()
    rehearsal.wait(rehearsal.all_accepted, 40)
    assert time.monotonic() - started >= 6
    assert double.requests["send"] == 2
    rehearsal.agrees(1)


def test_killed_after_the_provider_accepted_it_the_list_binds_it(rehearsal, double):
    rehearsal.clinic(1)
    double.fail({"kind": "accept_then_timeout", "seconds": 60, "count": 1})
    clock = rehearsal.clock()
    rehearsal.wait(lambda: len(double.book.accepted()) == 1, 60)
    rehearsal.kill(clock)
    rehearsal.clock()
    rehearsal.wait(rehearsal.all_accepted, 40)
    assert double.requests["send"] == 1
    rehearsal.agrees(1)


def test_killed_with_a_claim_in_hand_all_is_sent_once_after_the_lease(rehearsal, double):
    rehearsal.environment["PROM_SEND_RATE"] = "20"
    rehearsal.clinic(60)
    clock = rehearsal.clock()
    rehearsal.wait(lambda: rehearsal.states()["claimed"] > 5 and rehearsal.states()["accepted"] > 5, 60)
    rehearsal.kill(clock)
    rehearsal.clock()
    rehearsal.wait(rehearsal.all_accepted, 60)
    rehearsal.agrees(60)


def test_sigterm_finishes_the_call_in_flight_and_leaves_nothing_unknown(rehearsal, double):
    rehearsal.environment["PROM_SEND_RATE"] = "20"
    rehearsal.clinic(100)
    double.fail({"kind": "latency", "seconds": 1.0})
    clock = rehearsal.clock()
    rehearsal.wait(lambda: rehearsal.states()["accepted"] >= 1, 60)
    started = time.monotonic()
    clock.send_signal(signal.SIGTERM)
    assert clock.wait(timeout=15) == 0
    assert time.monotonic() - started < 10
    states = rehearsal.states()
    assert set(states) == {"accepted", "pending"}
    assert len(double.book.accepted()) == states["accepted"]


FREEZES_BEFORE_ITS_FIRST_CALL = """
import os, signal, sqlite3
from prom import clock, config, wiring
from prom.services import prompting
app = wiring.open_app(config.read())
frozen = []
def now():
    with sqlite3.connect(app.settings.instance / "prom.db") as look:
        marked = look.execute("SELECT count(*) FROM message WHERE state = 'sending'").fetchone()[0]
    look.close()
    if marked and not frozen:
        frozen.append(True)
        os.kill(os.getpid(), signal.SIGSTOP)
    return clock.wall()
counts = prompting.send_due(app.store, app.gateway, app.settings, now)
print(counts.accepted, counts.given_back)
"""


def test_a_worker_frozen_past_its_lease_does_not_send_what_another_has_sent(rehearsal, double):
    rehearsal.clinic(20)
    frozen = rehearsal.script(FREEZES_BEFORE_ITS_FIRST_CALL)
    rehearsal.wait(lambda: rehearsal.states()["sending"] == 1 and stopped(frozen), 60)
    rehearsal.clock()
    rehearsal.wait(rehearsal.all_accepted, 60)
    frozen.send_signal(signal.SIGCONT)
    assert frozen.wait(timeout=20) == 0
    # Whoever found the text in `sending` could not know that its call was never made: it was looked for, then resent.
    assert double.requests["send"] == 20
    rehearsal.agrees(20)


def test_a_worker_frozen_for_less_than_its_lease_gives_the_text_back_just_before_the_call(rehearsal, double):
    rehearsal.clinic(3)
    frozen = rehearsal.script(FREEZES_BEFORE_ITS_FIRST_CALL)
    rehearsal.wait(lambda: rehearsal.states()["sending"] == 1 and stopped(frozen), 60)
    time.sleep(1.5)
    frozen.send_signal(signal.SIGCONT)
    assert frozen.wait(timeout=20) == 0
    assert double.requests["send"] == 0
    assert rehearsal.states() == {"pending": 3}
    rehearsal.clock()
    rehearsal.wait(rehearsal.all_accepted, 60)
    rehearsal.agrees(3)


def stopped(process):
    """Tell whether a process was stopped by SIGSTOP."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_a_storm_of_429_loses_and_doubles_nothing(rehearsal, double):
    rehearsal.clinic(40)
    double.fail({"kind": "429", "retry_after": 1})
    rehearsal.clock()
    rehearsal.wait(lambda: double.requests["send"] >= 1, 60)
    time.sleep(3)
    assert double.book.accepted() == []
    double.fail()
    rehearsal.wait(rehearsal.all_accepted, 60)
    rehearsal.agrees(40)


def test_a_storm_of_500_holds_back_most_texts_and_loses_none(rehearsal, double):
    rehearsal.clinic(60)
    double.fail({"kind": "500", "on": "any"})
    rehearsal.clock()
    rehearsal.wait(lambda: double.requests["send"] >= 3, 60)
    time.sleep(10)
    assert double.requests["send"] < 30
    double.fail()
    rehearsal.wait(rehearsal.all_accepted, 60)
    rehearsal.agrees(60)


def test_an_account_without_rights_halts_the_channel_and_keeps_the_queue(rehearsal, double):
    rehearsal.clinic(20)
    double.fail({"kind": "error", "code": 20003, "status": 401, "on": "any"})
    rehearsal.clock()
    rehearsal.wait(lambda: double.requests["send"] >= 1, 60)
    time.sleep(3)
    assert rehearsal.states()["pending"] == 20
    assert double.requests["send"] == 1


def test_two_clocks_at_once_send_the_same_set_once(rehearsal, double):
    rehearsal.clinic(120)
    rehearsal.clock()
    rehearsal.clock()
    rehearsal.wait(rehearsal.all_accepted, 60)
    rehearsal.agrees(120)


def test_one_run_of_the_clock_sends_what_is_due_and_ends(rehearsal, double):
    rehearsal.environment["PROM_SEND_RATE"] = "1000"
    rehearsal.clinic(30)
    assert rehearsal.clock("--once").wait(timeout=60) == 0, rehearsal.logs()
    rehearsal.agrees(30)


def test_a_clock_ends_with_its_parent(rehearsal, double):
    rehearsal.clinic(1)
    clock = rehearsal.clock("--parent", "1")
    assert clock.wait(timeout=20) == 0


def test_thirty_seconds_of_latency_hold_no_lock(rehearsal, double):
    rehearsal.clinic(2)
    double.fail({"kind": "latency", "seconds": 30})
    rehearsal.clock()
    rehearsal.wait(lambda: double.requests["send"] >= 1, 60)
    started = time.monotonic()
    with rehearsal.store.writing() as session:
        channels.main(session)
    assert time.monotonic() - started < 1


def test_a_database_locked_for_fifteen_seconds_loses_and_doubles_nothing(rehearsal, double):
    rehearsal.environment["PROM_SEND_RATE"] = "20"
    rehearsal.clinic(60)
    rehearsal.clock()
    rehearsal.wait(lambda: rehearsal.states()["accepted"] > 5, 60)
    with closing(sqlite3.connect(rehearsal.instance / "prom.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(15)
        other.execute("ROLLBACK")
    rehearsal.wait(rehearsal.all_accepted, 60)
    rehearsal.agrees(60)


@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_postgresql_connections_that_are_cut_are_made_again(instance, postgres_store, postgres_url, double):
    rehearsal = Rehearsal(instance, postgres_store, double, postgres_url, PROM_SEND_RATE="20")
    cut = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    try:
        rehearsal.clinic(60)
        rehearsal.clock()
        rehearsal.wait(lambda: rehearsal.states()["accepted"] > 5, 60)
        for _ in range(5):
            with postgres_store.engine.connect() as connection:
                connection.execute(cut)
            time.sleep(0.7)
        rehearsal.wait(rehearsal.all_accepted, 60)
        rehearsal.agrees(60)
    finally:
        rehearsal.stop()


@pytest.mark.timeout(600)
def test_five_thousand_due_at_once_are_all_sent_with_flat_memory(instance, store):
    with store.writing() as session:
        site = people.site(session)
        site.quiet_hours = False
    crowds.waiting(store, site, datetime.now(UTC), 5000)
    gateway = Sink()
    settings = people.settings(instance)
    prompting.send_due(store, gateway, settings, lambda: datetime.now(UTC), limit=500)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while prompting.send_due(store, gateway, settings, lambda: datetime.now(UTC)).claimed:
        pass
    grown_kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(gateway.sent) == len(set(gateway.sent)) == 5000
    assert grown_kilobytes < 20_000


class Sink:
    def __init__(self):
        self.sent = []

    def send(self, to, *_):
        self.sent.append(to)
        return Sent(f"SM{len(self.sent):032d}", "queued")
