"""What the Twilio gateway reads back, and what it never shows."""

import logging
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from prom.messaging.gateway import Refused, RetryLater, Unknown
from prom.messaging.twilio import TwilioAccount, TwilioGateway
from tests.doubles.twilio_api import OWN_NUMBER, TwilioDouble

ASHA = "+919812345678"
BIKASH = "+919898765432"


def hour_ago():
    return datetime.now(UTC) - timedelta(hours=1)


def outcome(gateway, to=ASHA, body="How is your pain today?"):
    """Return what a send raises."""
    with pytest.raises(Exception) as caught:
        gateway.send(to, body, "17", 3600)
    return caught.value


def test_after_a_reset_the_next_text_goes_out(gateway, double):
    double.fail({"kind": "reset_before", "count": 1})
    outcome(gateway)
    assert gateway.send(ASHA, "text", "17", 3600).sid


# Lists.


def test_what_was_sent_to_a_phone_is_found_and_nothing_else(gateway, double):
    first = gateway.send(ASHA, "one", "1", 3600)
    gateway.send(BIKASH, "two", "2", 3600)
    double.inbound(ASHA, "7", post=False)
    (found,) = gateway.find_sent(ASHA, hour_ago())
    assert (found.sid, found.to, found.body, found.status, found.error_code) == (first.sid, ASHA, "one", "queued", None)
    assert found.sent_at.tzinfo == UTC


def test_a_text_that_still_waits_in_twilios_queue_is_found(account):
    gateway = TwilioGateway(account(from_number="", messaging_service="MG1"))
    sent = gateway.send(ASHA, "text", "1", 3600)
    assert [one.sid for one in gateway.find_sent(ASHA, hour_ago())] == [sent.sid]


def test_a_list_of_many_pages_is_read_to_its_end(gateway, double, monkeypatch):
    monkeypatch.setattr("prom.messaging.twilio.PAGE_SIZE", 7)
    sent = {gateway.send(ASHA, f"text {n}", str(n), 3600).sid for n in range(23)}
    found = gateway.find_sent(ASHA, hour_ago())
    assert {one.sid for one in found} == sent
    assert len(found) == 23
    assert double.requests["list"] == 4


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-10))])
def test_an_instant_means_the_same_in_every_zone(gateway, double, zone):
    gateway.send(ASHA, "text", "1", 3600)
    double.inbound(ASHA, "7", post=False)
    just_before = (datetime.now(UTC) - timedelta(seconds=5)).astimezone(zone)
    just_after = (datetime.now(UTC) + timedelta(seconds=5)).astimezone(zone)
    assert len(gateway.find_sent(ASHA, just_before)) == 1
    assert len(gateway.find_sent(ASHA, just_before, until=just_after)) == 1
    assert gateway.find_sent(ASHA, just_before - timedelta(hours=1), until=just_before) == []
    assert gateway.find_sent(ASHA, just_after) == []
    assert len(gateway.received_since(just_before)) == 1
    assert gateway.received_since(just_after) == []


def test_the_filter_reaches_twilio_in_utc(gateway, double):
    kolkata = timezone(timedelta(hours=5, minutes=30))
    gateway.received_since(datetime(2025, 3, 1, 2, 15, 30, 999, tzinfo=kolkata))
    assert double.last_queries[-1]["DateSent>"] == "2025-02-28T20:45:30Z"


def test_a_text_sent_in_the_same_second_is_found(gateway):
    since = datetime.now(UTC)
    gateway.send(ASHA, "text", "1", 3600)
    assert len(gateway.find_sent(ASHA, since)) == 1


def test_a_naive_instant_is_refused(gateway):
    with pytest.raises(ValueError, match="aware"):
        gateway.find_sent(ASHA, datetime(2025, 3, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="aware"):
        gateway.received_since(datetime(2025, 3, 1))  # noqa: DTZ001


def test_received_texts_come_oldest_first_with_their_pictures(gateway, double):
    sids = [
        double.inbound(who, body, media, post=False)["sid"] for who, body, media in [(ASHA, "7", 0), (BIKASH, "", 2)]
    ]
    gateway.send(ASHA, "text", "1", 3600)
    double.inbound(ASHA, "to somebody else", to="+15005550009", post=False)
    seven, picture = gateway.received_since(hour_ago())
    assert {seven.sid, picture.sid} == set(sids)
    by_phone = {one.from_: one for one in (seven, picture)}
    assert (by_phone[ASHA].body, by_phone[ASHA].to, by_phone[ASHA].num_media) == ("7", OWN_NUMBER, 0)
    assert (by_phone[BIKASH].body, by_phone[BIKASH].num_media) == ("", 2)


def test_a_messaging_service_reads_what_came_to_all_its_numbers(account, double):
    double.inbound(ASHA, "7", to="+15005550001", post=False)
    double.inbound(ASHA, "8", to="+15005550002", post=False)
    gateway = TwilioGateway(account(from_number="", messaging_service="MG1"))
    gateway.send(ASHA, "text", "1", 3600)
    assert [one.body for one in gateway.received_since(hour_ago())] in (["7", "8"], ["8", "7"])


def test_one_text_is_known_by_its_id(gateway, double):
    sent = gateway.send(ASHA, "text", "1", 3600)
    double.book.set_status(sent.sid, "undelivered", 30003)
    seen = gateway.status_of(sent.sid)
    assert (seen.status, seen.error_code) == ("undelivered", 30003)


@pytest.mark.parametrize("sid", ["SM" + "f" * 32, "", "../../Accounts", "SM1/Media", "SM é"])
def test_an_id_that_twilio_does_not_know_is_none(gateway, sid):
    assert gateway.status_of(sid) is None


READS = [
    lambda gateway: gateway.find_sent(ASHA, hour_ago()),
    lambda gateway: gateway.received_since(hour_ago()),
    lambda gateway: gateway.status_of("SM1"),
    lambda gateway: gateway.probe(),
]
BAD_READS = [
    ({"kind": "429", "retry_after": 9}, RetryLater),
    ({"kind": "error", "code": 20003}, Refused),
    ({"kind": "html_200"}, Unknown),
    ({"kind": "redirect"}, Unknown),
    ({"kind": "html_200", "status": 404}, Refused),
    ({"kind": "500"}, Unknown),
    ({"kind": "reset_before"}, Unknown),
    ({"kind": "timeout_before", "seconds": 2}, Unknown),
    ({"kind": "rfc9457", "code": 20003, "status": 401}, Refused),
]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(("fault", "expected"), BAD_READS)
def test_reading_fails_in_the_same_four_ways(hasty, double, read, fault, expected):
    double.fail({**fault, "on": "any"})
    with pytest.raises(expected) as caught:
        read(hasty)
    if expected is RetryLater:
        assert caught.value.retry_after_seconds == 9.0


def test_a_probe_of_a_healthy_line_says_nothing(gateway, double):
    assert gateway.probe() is None
    assert double.book.accepted() == []


# Around it.


def test_forty_threads_send_each_text_once(gateway, double):
    def send_five(worker):
        results.extend(
            gateway.send(f"+9198000000{worker:02}", f"text {n}", f"{worker}-{n}", 3600).sid for n in range(5)
        )
        gateway.close()

    results = []
    threads = [threading.Thread(target=send_five, args=(worker,)) for worker in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = {entry["sid"]: entry for entry in double.book.accepted()}
    assert len(results) == len(set(results)) == len(entries) == 200
    assert len({(entry["to"], entry["body"]) for entry in entries.values()}) == 200


def test_each_thread_reads_its_own_retry_after(gateway, double):
    phones = [f"+9198000000{n:02}" for n in range(12)]
    double.fail(*({"kind": "429", "retry_after": n, "to": phone} for n, phone in enumerate(phones)))
    waits = {}

    def send(phone):
        for _ in range(5):
            waits.setdefault(phone, set()).add(outcome(gateway, to=phone).retry_after_seconds)
        gateway.close()

    threads = [threading.Thread(target=send, args=(phone,)) for phone in phones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waits == {phone: {float(n)} for n, phone in enumerate(phones)}


def test_no_phone_and_no_text_reaches_a_log_or_an_error(account, double, caplog):
    caplog.set_level(logging.DEBUG)
    canary, words = "+919812399999", "canary words"
    gateway = TwilioGateway(account(call_seconds=0.5))
    errors = []
    faults = [
        {"kind": "error", "code": 21211, "message": f"The 'To' number {canary} is not valid: +91 98123-99999"},
        {"kind": "rfc9457", "code": 21211, "message": f"Bad {canary}"},
        *({"kind": kind, "seconds": 1} for kind in ("429", "html_200", "500", "reset_before", "timeout_before")),
    ]
    for fault in faults:
        double.fail({**fault, "on": "any"})
        errors.append(outcome(gateway, to=canary, body=words))
        with pytest.raises(Exception) as caught:
            gateway.find_sent(canary, hour_ago())
        errors.append(caught.value)
    double.fail()
    gateway.send(canary, words, "1", 3600)
    gateway.find_sent(canary, hour_ago())
    for error in errors:
        assert error.__context__ is None
        assert error.__cause__ is None
        logging.getLogger("prom").error("%s %r", error, error, exc_info=error)
    for secret in (canary, canary[1:], "98123-99999", "%2B91", words):
        assert secret not in caplog.text


def test_proxies_of_the_environment_and_twilios_regions_are_not_used(gateway, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("TWILIO_REGION", "au1")
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    assert gateway.send(ASHA, "text", "1", 3600).sid


def test_connecting_and_reading_together_stay_within_the_call(account):
    for seconds in (0.5, 1.0, 8.0):
        connect, read = account(call_seconds=seconds).timeouts
        assert connect > 0
        assert read > 0
        assert connect + read == pytest.approx(seconds)


@pytest.mark.parametrize(
    "wrong",
    [
        {"auth_token": ""},
        {"auth_token": " "},
        {"account_sid": ""},
        {"from_number": ""},
        {"messaging_service": "MG1"},
        {"call_seconds": 0},
        {"call_seconds": 8.1},
    ],
)
def test_an_impossible_account_is_refused(account, wrong):
    with pytest.raises(ValueError):
        account(**wrong)


def test_the_token_is_not_shown():
    account = TwilioAccount(account_sid="AC1", auth_token="very-secret", from_number=OWN_NUMBER)
    assert "very-secret" not in repr(account)


def test_the_library_is_loaded_with_the_first_text_only():
    import subprocess
    import sys

    script = "import sys, prom.messaging.twilio; raise SystemExit('twilio' in sys.modules or 'requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_ledger_outlives_the_double(tmp_path, account):
    file = tmp_path / "kept.jsonl"
    with TwilioDouble(ledger=file) as first:
        sid = TwilioGateway(account(api_url=first.url)).send(ASHA, "text", "1", 3600).sid
    with TwilioDouble(ledger=file) as second:
        (found,) = TwilioGateway(account(api_url=second.url)).find_sent(ASHA, hour_ago())
    assert found.sid == sid


def test_texts_to_every_number_of_ours_are_listed_and_no_others(gateway, double):
    for number, to in enumerate((OWN_NUMBER, "+15005550009", "+15005550017")):
        double.inbound(f"+91900710000{number}", "7", to=to, post=False)
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert {one.to for one in gateway.received_since(since)} == {OWN_NUMBER}
    assert {one.to for one in gateway.received_since(since, ["+15005550009"])} == {OWN_NUMBER, "+15005550009"}


def test_with_a_service_of_one_site_all_that_came_in_is_listed(gateway, double):
    for number, to in enumerate((OWN_NUMBER, "+15005550009")):
        double.inbound(f"+91900710000{number}", "7", to=to, post=False)
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert len(gateway.received_since(since, ["MG" + "1" * 32])) == 2
