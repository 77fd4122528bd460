"""Clocks that sleep, freeze and jump, and a backup of three months ago: at most one text a phone, and none before."""

import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from prom.clock import Clock
from prom.storage.models import Message, Prompt, PromptState
from tests import outbox as people
from tests import processes
from tests.doubles.twilio_api import TwilioDouble
from tests.faults.rehearsal import Rehearsal

pytestmark = pytest.mark.faults

PHONES = 12
DAYS = 3
DAY = timedelta(days=1)


class Moving:
    """A clinic with simulated phones whose clock can be moved while its processes run."""

    def __init__(self, instance, store):
        self.instance, self.store = instance, store
        variables = processes.twilio_environment(instance, "", PROM_GATEWAY="simulated", PROM_DEMO="1")
        self.clinic = processes.Clinic(instance, variables)
        self.time = Clock(instance, movable=True)
        self.start = self.time.now()

    def patients(self):
        """Add patients with one question a day, the first of them due now."""
        with self.store.writing() as session:
            site = people.site(session)
            site.quiet_hours = False
            for _ in range(PHONES):
                one = people.waiting(session, site, self.start, key="d0", closes_at=self.start + DAY)
                for day in range(1, DAYS + 1):
                    due = self.start + day * DAY - timedelta(hours=1)
                    people.add_prompt(
                        session,
                        one.patient,
                        one.episode,
                        self.start,
                        due_at=due,
                        closes_at=due + 2 * DAY,
                        key=f"d{day}",
                    )

    def clock(self):
        return self.clinic.start("jobs")

    def move(self, by):
        self.time.move_to(self.start + by)

    def texts(self):
        """Return how many texts each phone got, by the phones' own book."""
        with closing(sqlite3.connect(self.instance / "simulated.db")) as book:
            try:
                return Counter(phone for (phone,) in book.execute("SELECT phone FROM text WHERE direction = 'out'"))
            except sqlite3.OperationalError:
                return Counter()

    def prompts(self):
        with self.store.reading() as session:
            return list(session.exec(select(Prompt)))

    def quiet(self, texts, seconds=3.0):
        """Wait until so many texts are out, then see that no more follow."""
        processes.wait_for(lambda: self.texts().total() >= texts, 40, f"{texts} texts")
        time.sleep(seconds)
        return self.texts()


@pytest.fixture
def moving(instance, store):
    moving = Moving(instance, store)
    moving.patients()
    yield moving
    for child in moving.clinic.running:
        child.send_signal(signal.SIGCONT)
    moving.clinic.end()


def gaps(moving):
    """Return how the prompts that were due in the three days ended, newest left out."""
    over = [row for row in moving.prompts() if row.time_point in {f"d{day}" for day in range(1, DAYS)}]
    return Counter((row.state, row.reason) for row in over)


@pytest.mark.timeout(600)
def test_after_three_days_off_each_phone_gets_one_text_and_the_gaps_are_ours(moving):
    moving.move(DAYS * DAY)
    moving.clock()
    sent = moving.quiet(PHONES)
    assert len(sent) == PHONES
    assert set(sent.values()) == {1}
    assert gaps(moving) == {(PromptState.NOT_SENT, "system_off"): PHONES * (DAYS - 1)}
    assert {row.state for row in moving.prompts() if row.time_point == f"d{DAYS}"} == {PromptState.ASKED}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "jumped"])
def test_a_clock_that_sleeps_or_jumps_three_days_sends_one_more_text_a_phone(moving, frozen):
    clock = moving.clock()
    moving.quiet(PHONES, 0.5)
    if frozen:
        # Not within a transaction: a process that is stopped there keeps SQLite's lock, and all wait for it.
        stop_between_transactions(moving, clock)
    moving.move(DAYS * DAY)
    clock.send_signal(signal.SIGCONT)
    sent = moving.quiet(2 * PHONES)
    assert set(sent.values()) == {2}
    # A second clock starts its reminders at once: they give way to what was just asked.
    moving.clock()
    assert moving.quiet(2 * PHONES, 4.0) == sent
    assert gaps(moving) == {(PromptState.NOT_SENT, "system_off"): PHONES * (DAYS - 1)}


def stop_between_transactions(moving, clock):
    for _ in range(50):
        clock.send_signal(signal.SIGSTOP)
        with closing(sqlite3.connect(moving.instance / "prom.db", timeout=0.2, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                clock.send_signal(signal.SIGCONT)
                time.sleep(0.05)
                continue
            other.execute("ROLLBACK")
            return
    raise AssertionError("the clock is never between transactions")


@pytest.mark.timeout(600)
def test_a_clock_set_back_an_hour_sends_nothing_twice_and_goes_on(moving):
    moving.clock()
    moving.quiet(PHONES, 0.5)
    moving.move(-timedelta(hours=1))
    assert set(moving.quiet(PHONES).values()) == {1}
    moving.move(DAY)
    sent = moving.quiet(2 * PHONES)
    assert set(sent.values()) == {2}


@pytest.mark.timeout(600)
def test_a_backup_of_three_months_ago_sends_nothing_until_released_and_then_only_what_is_in_its_window(instance, store):
    with TwilioDouble() as double:
        rehearsal = Rehearsal(instance, store, double)
        clinic = processes.Clinic(instance, {**rehearsal.environment})
        try:
            restored(rehearsal, clinic, double, store)
        finally:
            rehearsal.stop()


def restored(rehearsal, clinic, double, store):
    now = datetime.now(UTC)
    with store.writing() as session:
        site = people.site(session)
        site.quiet_hours = False
        for day in range(4, 91):
            people.waiting(session, site, now, due_at=now - day * DAY)
        for _ in range(10):
            people.waiting(session, site, now)
        for number in range(10):
            people.waiting(session, site, now, phone=f"+91900800000{number}")
    # The provider takes the texts of ten phones and puts the other ten off.
    double.fail(*({"kind": "429", "retry_after": 1, "to": f"+91900800000{number}"} for number in range(10)))
    clinic.prom("backup", str(rehearsal.instance / "old.backup"))
    clock = rehearsal.clock()
    rehearsal.wait(lambda: len(double.book.accepted()) == 10, 40)
    # The clock goes on over the restore: it must find the new file, and the hold in it.
    clinic.prom("restore", str(rehearsal.instance / "old.backup"))
    double.fail()
    time.sleep(5)
    assert clock.poll() is None
    assert len(double.book.accepted()) == 10
    assert "10 texts that had gone out were found" in clinic.prom("release").stdout
    rehearsal.wait(lambda: len(double.book.accepted()) == 20, 40)
    time.sleep(2)
    assert set(rehearsal.sent().values()) == {1}
    assert len(rehearsal.sent()) == 20
    with store.reading() as session:
        ends = Counter(
            (row.state.value, row.reason) for row in session.exec(select(Message).where(Message.due_at < now - DAY))
        )
    assert ends == {("expired", "held"): 87}
