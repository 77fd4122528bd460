"""The real Twilio client against a server that fails: each way must end in the right one of four outcomes."""

import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from prom.domain import delivery
from prom.messaging.gateway import Balance, NotReached, Refused, RetryLater, Sent, Unknown
from prom.messaging.twilio import TwilioGateway
from tests.doubles.twilio_api import OWN_NUMBER

ASHA = "+919812345678"
BIKASH = "+919898765432"


def hour_ago():
    return datetime.now(UTC) - timedelta(hours=1)


def outcome(gateway, to=ASHA, body="How is your pain today?"):
    """Return what a send raises."""
    with pytest.raises(Exception) as caught:
        gateway.send(to, body, "17", 3600)
    return caught.value


# Sending.


def test_an_accepted_text_has_the_providers_id_and_first_status(gateway, double):
    sent = gateway.send(ASHA, "How is your pain today?", "17", 3600)
    (entry,) = double.book.accepted()
    assert sent == Sent(entry["sid"], "queued")
    assert (entry["to"], entry["from"], entry["body"]) == (ASHA, OWN_NUMBER, "How is your pain today?")


def test_our_message_id_is_in_the_callback_address(gateway, double):
    gateway.send(ASHA, "text", "a b&c/é", 3600)
    (entry,) = double.book.accepted()
    assert entry["status_callback"] == "https://clinic.example/prom/twilio/status?m=a%20b%26c%2F%C3%A9"


def test_without_a_public_address_no_callback_is_asked_for(account, double):
    TwilioGateway(account(public_url="")).send(ASHA, "text", "17", 3600)
    assert double.book.accepted()[0]["status_callback"] is None


def test_a_messaging_service_replaces_the_number(account, double):
    sent = TwilioGateway(account(from_number="", messaging_service="MG1")).send(ASHA, "text", "17", 3600)
    assert sent.status == "accepted"
    assert double.book.accepted()[0]["messaging_service_sid"] == "MG1"


@pytest.mark.parametrize(("left", "asked"), [(3600, "3600"), (36_000, "36000"), (90_000, "36000"), (0, "1"), (-5, "1")])
def test_the_validity_stays_within_what_twilio_takes(gateway, double, left, asked):
    gateway.send(ASHA, "text", "17", left)
    assert double.book.accepted()[0]["validity_period"] == asked


@pytest.mark.parametrize("body", ["আপনার ব্যথা কত?", "crème 😀 ^{}[]~|€", "a&b=c+d%20", "line\nline", "\x00"])
def test_any_text_arrives_as_it_was_written(gateway, double, body):
    gateway.send(ASHA, body, "17", 3600)
    assert double.book.accepted()[0]["body"] == body


def test_half_a_character_is_refused_before_it_is_sent(gateway, double):
    refusal = outcome(gateway, body="pain \ud800")
    assert (type(refusal), refusal.code, refusal.http_status) == (Refused, None, 0)
    assert double.requests["send"] == 0


# The outcome table.

CERTAIN_REFUSALS = [
    (20003, 401),
    (21211, 400),
    (21217, 400),
    (21408, 403),
    (21603, 400),
    (21606, 400),
    (21610, 400),
    (21611, 400),
    (21612, 400),
    (21614, 400),
    (21703, 400),
    (30002, 403),
    (20404, 404),
    (99999, 418),
]


@pytest.mark.parametrize(("code", "status"), CERTAIN_REFUSALS)
def test_a_refusal_keeps_its_code(gateway, double, code, status):
    double.fail({"kind": "error", "code": code, "status": status})
    refusal = outcome(gateway)
    assert isinstance(refusal, Refused)
    assert (refusal.code, refusal.http_status) == (code, status)
    assert delivery.reaction(refusal.code, refusal.http_status) == delivery.reaction(code)
    assert double.book.accepted() == []


def test_a_refusal_in_the_new_error_format_keeps_its_code(gateway, double):
    double.fail({"kind": "rfc9457", "code": 21610, "message": "unsubscribed"})
    refusal = outcome(gateway)
    assert (type(refusal), refusal.code, refusal.message) == (Refused, 21610, "unsubscribed")


def test_a_server_error_in_the_new_format_is_unknown(gateway, double):
    double.fail({"kind": "rfc9457", "code": 20500, "status": 503})
    assert isinstance(outcome(gateway), Unknown)


def test_a_wrong_token_is_refused_with_20003(account):
    refusal = outcome(TwilioGateway(account(auth_token="wrong")))
    assert (refusal.code, refusal.http_status) == (20003, 401)


def test_a_refusal_by_something_in_between_has_no_code(gateway, double):
    double.fail({"kind": "html_200", "status": 403})
    refusal = outcome(gateway)
    assert (type(refusal), refusal.code, refusal.http_status) == (Refused, None, 403)


@pytest.mark.parametrize(
    ("said", "meant"),
    [("7", 7.0), (0, 0.0), ("2.5", 2.5), (None, None), ("soon", None), ("-3", None), ("9" * 9, 86400.0)],
)
def test_retry_after_is_read_from_the_answer(gateway, double, said, meant):
    double.fail({"kind": "429", "retry_after": said})
    wait = outcome(gateway)
    assert (type(wait), wait.code, wait.retry_after_seconds) == (RetryLater, 20429, meant)


def test_retry_after_may_be_a_date(gateway, double):
    double.fail({"kind": "429", "retry_after": "Fri, 31 Dec 2049 23:59:59 GMT"})
    assert outcome(gateway).retry_after_seconds == 86400.0
    double.fail({"kind": "429", "retry_after": "Fri, 31 Dec 1999 23:59:59 GMT"})
    assert outcome(gateway).retry_after_seconds == 0.0


def test_the_wait_of_one_answer_is_not_taken_for_the_next(gateway, double):
    double.fail({"kind": "429", "retry_after": 7, "count": 1}, {"kind": "429"})
    assert [outcome(gateway).retry_after_seconds for _ in range(2)] == [7.0, None]


def test_code_20429_waits_even_with_another_status(gateway, double):
    double.fail({"kind": "error", "code": 20429, "status": 400})
    assert isinstance(outcome(gateway), RetryLater)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_unknown(gateway, double, status):
    double.fail({"kind": "500", "status": status})
    assert isinstance(outcome(gateway), Unknown)


@pytest.mark.parametrize(
    "kind",
    ["accept_then_500", "accept_then_broken_json", "accept_then_html", "reset_after_accept", "accept_then_timeout"],
)
def test_an_accepted_text_without_a_clear_answer_is_unknown_and_can_be_found(hasty, double, kind):
    double.fail({"kind": kind, "seconds": 2})
    assert isinstance(outcome(hasty), Unknown)
    (found,) = hasty.find_sent(ASHA, hour_ago())
    assert found.sid == double.book.accepted()[0]["sid"]
    assert double.requests["send"] == 1


@pytest.mark.parametrize("kind", ["reset_before", "timeout_before", "html_200", "redirect"])
def test_an_unclear_answer_to_a_text_that_was_not_accepted_is_unknown_too(hasty, double, kind):
    double.fail({"kind": kind, "seconds": 2})
    assert isinstance(outcome(hasty), Unknown)
    assert hasty.find_sent(ASHA, hour_ago()) == []
    assert double.requests["send"] == 1


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'"text"', b'{"sid": null}', b'{"sid": 7}', b"\xff\xfe"])
def test_an_acceptance_without_a_message_id_is_unknown(gateway, double, body, monkeypatch):
    from tests.doubles.http_server import Reply

    monkeypatch.setattr(double.server, "respond", lambda _: Reply(201, body))
    assert isinstance(outcome(gateway), Unknown)


def test_an_answer_that_ends_too_early_is_unknown(gateway, double, monkeypatch):
    from tests.doubles.http_server import Reply

    short = Reply(201, b'{"sid": "SM1"}', headers={"Content-Length": "500", "Connection": "close"})
    monkeypatch.setattr(double.server, "respond", lambda _: short)
    threading.Timer(0.2, double.server.stop).start()
    assert isinstance(outcome(gateway), Unknown)


def test_a_refused_connection_has_certainly_sent_nothing(account):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert isinstance(outcome(TwilioGateway(account(api_url=nobody))), NotReached)


def test_a_name_that_does_not_exist_has_certainly_sent_nothing(account, monkeypatch):
    def no_such_name(*_args, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    assert isinstance(outcome(TwilioGateway(account(api_url="http://nobody.invalid"))), NotReached)


def test_a_provider_that_does_not_let_us_connect_has_certainly_sent_nothing(account):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            waiting.append(one)
        silent = f"http://127.0.0.1:{full.getsockname()[1]}"
        trouble = outcome(TwilioGateway(account(api_url=silent, call_seconds=0.5)))
        for one in waiting:
            one.close()
    assert isinstance(trouble, NotReached)


def test_a_silent_provider_is_given_up_in_time(account, double):
    double.fail({"kind": "latency", "seconds": 5})
    begun = time.monotonic()
    assert isinstance(outcome(TwilioGateway(account(call_seconds=0.6))), Unknown)
    assert time.monotonic() - begun < 1.5


def test_some_latency_is_no_trouble(gateway, double):
    double.fail({"kind": "latency", "seconds": 0.3})
    assert gateway.send(ASHA, "text", "17", 3600).sid


def test_a_text_is_never_posted_twice_by_the_client_itself(gateway, double):
    double.fail({"kind": "500"})
    for _ in range(3):
        outcome(gateway)
    assert double.requests["send"] == 3


@pytest.mark.parametrize(("own", "field"), [("+15005550009", "From"), ("MG" + "1" * 32, "MessagingServiceSid")])
def test_a_site_sends_from_its_own_number_or_service(gateway, double, own, field):
    gateway.send(ASHA, "text", "17", 3600, own)
    fields = double.last_queries[-1]
    assert fields[field] == own
    assert {"From", "MessagingServiceSid"} & set(fields) == {field}


@pytest.mark.parametrize(
    ("said", "hundredths"), [("12.34", 1234), ("0", 0), ("-3.456", -346), ("100", 10000), ("7.999", 799)]
)
def test_the_balance_is_read_in_hundredths(gateway, double, said, hundredths):
    double.balance = {"balance": said, "currency": "usd"}
    assert gateway.balance() == Balance(hundredths, "USD")


def test_a_balance_that_is_no_number_is_unknown(gateway, double):
    double.balance = {"balance": "much", "currency": "USD"}
    with pytest.raises(Unknown):
        gateway.balance()
