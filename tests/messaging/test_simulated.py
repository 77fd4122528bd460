"""The pretend provider: accepts, delivers, fails on demand, and is shared by processes."""

import multiprocessing
import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from prom.messaging.gateway import Balance, NotReached, Received, Refused, RetryLater, Unknown
from prom.messaging.simulated import CLINIC_NUMBER, SimulatedGateway
from prom.messaging.simulated_phones import Failures, StatusUpdate

ASHA = "+919812345678"
BIKASH = "+919898765432"
NOON = datetime(2025, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


class Clock:
    def __init__(self, at=NOON):
        self.at = at

    def __call__(self):
        return self.at

    def passes(self, seconds):
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def line(tmp_path, clock):
    gateway = SimulatedGateway(tmp_path / "instance" / "simulated.db", clock)
    yield gateway
    gateway.close()


def updates(line, clock):
    return [
        (one.sid, one.status, one.error_code) for one in line.due_callbacks(clock()) if isinstance(one, StatusUpdate)
    ]


def test_a_text_is_accepted_delivered_and_shown_on_the_phone(line, clock):
    sent = line.send(ASHA, "How is your pain?", "17", 3600)
    assert sent.status == "queued"
    assert line.due_callbacks(clock()) == [
        StatusUpdate(sent.sid, "17", ASHA, "sent", None),
        StatusUpdate(sent.sid, "17", ASHA, "delivered", None),
    ]
    assert line.due_callbacks(clock()) == []
    (bubble,) = line.thread(ASHA)
    assert (bubble.sid, bubble.is_own, bubble.body, bubble.at) == (sent.sid, False, "How is your pain?", NOON)
    seen = line.status_of(sent.sid)
    assert (seen.status, seen.error_code, seen.sent_at) == ("delivered", None, NOON)


def test_a_reply_is_shown_posted_and_listed(line, clock):
    sid = line.text(ASHA, "7 ৭ 😀", num_media=1)
    reply = Received(sid, ASHA, CLINIC_NUMBER, "7 ৭ 😀", 1, NOON)
    assert line.due_callbacks(clock()) == [reply]
    assert line.received_since(NOON) == [reply]
    assert line.received_since(NOON + timedelta(microseconds=1)) == []
    assert [one.is_own for one in line.thread(ASHA)] == [True]


def test_a_conversation_is_in_order_even_within_one_moment(line):
    line.send(ASHA, "one", "1", 3600)
    line.text(ASHA, "two")
    line.send(ASHA, "three", "2", 3600)
    assert [one.body for one in line.thread(ASHA)] == ["one", "two", "three"]


def test_phones_are_listed_with_the_latest_first(line, clock):
    line.send(ASHA, "one", "1", 3600)
    clock.passes(60)
    line.send(BIKASH, "two", "2", 3600)
    line.text(BIKASH, "STOP")
    assert [(one.number, one.is_blocked) for one in line.phones()] == [(BIKASH, True), (ASHA, False)]
    assert line.phones()[0].last_at == clock()


def test_what_was_sent_is_found_by_phone_and_time(line, clock):
    first = line.send(ASHA, "one", "1", 3600)
    clock.passes(60)
    second = line.send(ASHA, "two", "2", 3600)
    line.send(BIKASH, "three", "3", 3600)
    line.text(ASHA, "7")
    assert [one.sid for one in line.find_sent(ASHA, NOON)] == [second.sid, first.sid]
    assert [one.sid for one in line.find_sent(ASHA, clock())] == [second.sid]
    assert [one.sid for one in line.find_sent(ASHA, NOON, until=NOON)] == [first.sid]


def test_an_unknown_id_and_a_reply_are_no_outgoing_text(line):
    assert line.status_of("SM0") is None
    assert line.status_of(line.text(ASHA, "7")) is None


@pytest.mark.parametrize(
    "word", ["STOP", "stop", " Stop ", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"]
)
def test_the_carrier_blocks_exact_keywords(line, word):
    line.text(ASHA, word)
    with pytest.raises(Refused) as caught:
        line.send(ASHA, "text", "1", 3600)
    assert caught.value.code == 21610
    assert line.send(BIKASH, "text", "2", 3600).sid
    assert "unsubscribed" in line.thread(ASHA)[-1].body


@pytest.mark.parametrize("words", ["Stop please", "ST0P", "no more", "the end"])
def test_the_carrier_does_not_understand_anything_else(line, words):
    line.text(ASHA, words)
    assert line.send(ASHA, "text", "1", 3600).sid


@pytest.mark.parametrize("word", ["START", "yes", "Unstop"])
def test_the_carrier_opens_the_line_again(line, word):
    line.text(ASHA, "STOP")
    line.text(ASHA, word)
    assert line.send(ASHA, "text", "1", 3600).sid
    assert len(line.thread(ASHA)) == 5


def test_keywords_reach_us_too(line, clock):
    line.text(ASHA, "STOP")
    line.text(ASHA, "HELP")
    assert [one.body for one in line.due_callbacks(clock())] == ["STOP", "HELP"]
    assert len(line.received_since(NOON)) == 2


def test_a_blocked_phone_is_not_told_twice(line):
    line.text(ASHA, "STOP")
    line.text(ASHA, "STOP")
    assert sum("unsubscribed" in one.body for one in line.thread(ASHA)) == 1


@pytest.mark.parametrize(("body", "code"), [("", 21602), ("x" * 1601, 21617), ("\ud800", None)])
def test_an_impossible_text_is_refused(line, body, code):
    with pytest.raises(Refused) as caught:
        line.send(ASHA, body, "1", 3600)
    assert caught.value.code == code


@pytest.mark.parametrize("body", ["\ud800", "\x00", "́" * 5000, ""])
def test_a_phone_may_text_anything(line, body):
    assert line.text(ASHA, body)
    assert len(line.received_since(NOON)) == 1


# Failures.


def test_a_delay_holds_texts_callbacks_and_replies(line, clock):
    line.fail(Failures(delay_seconds=30))
    sent = line.send(ASHA, "text", "1", 3600)
    line.text(ASHA, "7")
    clock.passes(29)
    assert line.due_callbacks(clock()) == []
    assert line.status_of(sent.sid).status == "queued"
    assert [one.is_own for one in line.thread(ASHA)] == [True]
    clock.passes(1)
    assert len(line.due_callbacks(clock())) == 3
    assert line.status_of(sent.sid).status == "delivered"
    assert [one.is_own for one in line.thread(ASHA)] == [True, False]


def test_a_text_that_waits_longer_than_it_is_wanted_is_not_delivered(line, clock):
    line.fail(Failures(delay_seconds=30))
    sent = line.send(ASHA, "text", "1", 20)
    clock.passes(30)
    assert updates(line, clock)[-1] == (sent.sid, "undelivered", 30036)
    assert line.thread(ASHA) == []


def test_a_carrier_error_comes_in_the_callback(line, clock):
    line.fail(Failures(code=30003))
    sent = line.send(ASHA, "text", "1", 3600)
    assert updates(line, clock) == [(sent.sid, "sent", None), (sent.sid, "undelivered", 30003)]
    assert line.status_of(sent.sid).error_code == 30003
    assert line.thread(ASHA) == []


def test_an_opt_out_may_be_said_in_the_callback(line, clock):
    line.fail(Failures(code=21610, code_in_callback=True))
    sent = line.send(ASHA, "text", "1", 3600)
    assert updates(line, clock)[-1] == (sent.sid, "undelivered", 21610)


@pytest.mark.parametrize(("code", "status"), [(20003, 401), (21211, 400), (21606, 400)])
def test_any_other_error_is_said_at_once(line, code, status):
    line.fail(Failures(code=code))
    with pytest.raises(Refused) as caught:
        line.send(ASHA, "text", "1", 3600)
    assert (caught.value.code, caught.value.http_status) == (code, status)
    with pytest.raises(Refused):
        line.probe()
    assert line.find_sent(ASHA, NOON) == []


@pytest.mark.parametrize(
    "failures", [Failures(too_many_requests=True, retry_after_seconds=9), Failures(code=20429, retry_after_seconds=9)]
)
def test_too_many_requests_names_its_wait(line, failures):
    line.fail(failures)
    with pytest.raises(RetryLater) as caught:
        line.send(ASHA, "text", "1", 3600)
    assert caught.value.retry_after_seconds == 9


def test_an_unreachable_provider_has_sent_nothing(line):
    line.fail(Failures(unreachable=True))
    with pytest.raises(NotReached):
        line.send(ASHA, "text", "1", 3600)
    with pytest.raises(NotReached):
        line.probe()
    line.heal()
    assert line.find_sent(ASHA, NOON) == []
    assert line.probe() is None


def test_a_timeout_after_acceptance_leaves_a_text_to_be_found_and_a_callback(line, clock):
    line.fail(Failures(timeout_after_accept=True))
    with pytest.raises(Unknown):
        line.send(ASHA, "text", "17", 3600)
    (found,) = line.find_sent(ASHA, NOON)
    assert [(one.sid, one.message_id) for one in line.due_callbacks(clock())] == [(found.sid, "17")] * 2


def test_a_timeout_before_acceptance_leaves_nothing(line, clock):
    line.fail(Failures(timeout_before_accept=True))
    with pytest.raises(Unknown):
        line.send(ASHA, "text", "17", 3600)
    assert line.find_sent(ASHA, NOON) == []
    assert line.due_callbacks(clock()) == []


def test_a_swallowed_text_is_accepted_and_nothing_more(line, clock):
    line.fail(Failures(swallow=True))
    sent = line.send(ASHA, "text", "1", 3600)
    clock.passes(10**6)
    assert line.due_callbacks(clock()) == []
    assert line.thread(ASHA) == []
    assert line.status_of(sent.sid).status == "accepted"


def test_callbacks_are_doubled_reordered_or_lost(line, clock):
    line.fail(Failures(duplicate_callbacks=True, reorder_callbacks=True))
    line.send(ASHA, "text", "1", 3600)
    line.text(ASHA, "7")
    assert [one.status for one in line.due_callbacks(clock()) if isinstance(one, StatusUpdate)] == [
        "delivered",
        "delivered",
        "sent",
        "sent",
    ]
    line.fail(Failures(lose_callbacks=True))
    sent = line.send(ASHA, "text", "2", 3600)
    line.text(ASHA, "8")
    assert line.due_callbacks(clock()) == []
    assert line.status_of(sent.sid).status == "delivered"
    assert [one.body for one in line.received_since(NOON)] == ["7", "8"]


def test_a_reply_posted_twice_has_one_id(line, clock):
    line.fail(Failures(duplicate_callbacks=True))
    sid = line.text(ASHA, "7")
    assert [one.sid for one in line.due_callbacks(clock())] == [sid, sid]


def test_one_phone_may_fail_alone_or_be_well_alone(line):
    line.fail(Failures(unreachable=True), ASHA)
    assert line.send(BIKASH, "text", "1", 3600).sid
    with pytest.raises(NotReached):
        line.send(ASHA, "text", "2", 3600)
    line.fail(Failures(unreachable=True))
    line.fail(Failures(), ASHA)
    assert line.send(ASHA, "text", "3", 3600).sid
    with pytest.raises(NotReached):
        line.send(BIKASH, "text", "4", 3600)


def test_switches_outlive_the_process(line, clock, tmp_path):
    wanted = Failures(delay_seconds=1.5, code=30003, reorder_callbacks=True)
    line.fail(wanted, ASHA)
    again = SimulatedGateway(tmp_path / "instance" / "simulated.db", clock)
    assert again.failures(ASHA) == wanted
    assert again.failures() == again.failures(BIKASH) == Failures()
    again.close()


def test_a_negative_delay_is_refused():
    with pytest.raises(ValueError, match="past"):
        Failures(delay_seconds=-1)


# Several at once.


def _send_and_take(path, worker, start, results):
    line = SimulatedGateway(path, lambda: NOON)
    start.wait()
    taken = []
    for n in range(25):
        line.send(ASHA, f"{worker} {n}", f"{worker}-{n}", 3600)
        taken += [(one.message_id, one.status) for one in line.due_callbacks(NOON)]
    results.put(taken)
    line.close()


def test_processes_share_the_file_and_take_each_event_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    start, results = context.Event(), context.Queue()
    path = tmp_path / "simulated.db"
    workers = [context.Process(target=_send_and_take, args=(path, n, start, results)) for n in range(3)]
    for worker in workers:
        worker.start()
    start.set()
    taken = [event for _ in workers for event in results.get(timeout=30)]
    for worker in workers:
        worker.join()
    line = SimulatedGateway(path, lambda: NOON)
    taken += [(one.message_id, one.status) for one in line.due_callbacks(NOON)]
    assert len(taken) == len(set(taken)) == 3 * 25 * 2
    assert len(line.find_sent(ASHA, NOON)) == 75
    line.close()


def test_threads_share_one_gateway(line, clock):
    threads = [threading.Thread(target=lambda n=n: line.send(ASHA, str(n), str(n), 3600)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(line.thread(ASHA)) == 20


def test_a_season_of_texts_is_written_in_a_moment(line, clock):
    begun = time.perf_counter()
    for n in range(1500):
        line.send(f"+9198{n:08}", "How is your pain today?", str(n), 3600)
    assert time.perf_counter() - begun < 5
    assert len(line.phones()) == 1500
    assert sum(len(line.due_callbacks(clock())) for _ in range(7)) == 3000


def test_a_phone_answers_the_number_that_wrote_to_it(line):
    line.send(ASHA, "How is your pain?", "17", 3600, "+15005550009")
    line.text(ASHA, "7")
    line.text(BIKASH, "7")
    assert [one.to for one in line.received_since(NOON)] == ["+15005550009", "+15005550006"]


def test_a_balance_may_be_set(line):
    assert line.balance() is None
    line.set_balance(Balance(123, "USD"))
    assert line.balance() == Balance(123, "USD")
    line.set_balance(None)
    assert line.balance() is None


def test_a_file_of_an_older_version_gets_what_is_new(tmp_path, clock):
    with sqlite3.connect(tmp_path / "old.db") as old:
        old.executescript(
            "CREATE TABLE text (id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, direction TEXT NOT NULL, phone TEXT NOT"
            " NULL, body TEXT NOT NULL, num_media INTEGER NOT NULL DEFAULT 0, message_id TEXT NOT NULL DEFAULT '',"
            " at REAL NOT NULL, arrives_at REAL, final TEXT, code INTEGER);"
            "CREATE TABLE failing (phone TEXT PRIMARY KEY, switches TEXT NOT NULL) WITHOUT ROWID;"
            "INSERT INTO text (sid, direction, phone, body, at) VALUES ('SM1', 'in', '+919007100001', '7', 1);"
        )
    old.close()
    line = SimulatedGateway(tmp_path / "old.db", clock)
    line.send(ASHA, "text", "1", 3600, "+15005550009")
    assert len(line.received_since(datetime.fromtimestamp(0, UTC))) == 1
    line.close()
