"""The double itself: what it signs validates, what it was told to lose is lost, and it runs as a program."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from prom.messaging.gateway import Refused, Unknown
from prom.messaging.signature import Verifier
from prom.messaging.twilio import TwilioAccount, TwilioGateway
from tests.doubles.http_server import HttpServer, Reply
from tests.doubles.twilio_api import ACCOUNT_SID, AUTH_TOKEN, OWN_NUMBER, TwilioDouble

ASHA = "+919812345678"
PUBLIC = "https://clinic.example/prom"


@pytest.fixture
def double():
    with TwilioDouble() as running:
        yield running


class Clinic:
    """A web server in the place of ours: keeps the webhooks whose signature is right."""

    def __init__(self):
        self.verifier = Verifier(PUBLIC, [AUTH_TOKEN])
        self.seen = []
        self.answers = []
        self.server = HttpServer(self._respond)
        self.server.start()

    def _respond(self, asked):
        path = asked.path + ("?" + "&".join(f"{k}={v}" for k, v in asked.query) if asked.query else "")
        if not self.verifier.valid(path, asked.fields, asked.headers["x-twilio-signature"]):
            return Reply(403)
        self.seen.append((path, dict(asked.fields)))
        return Reply(self.answers.pop(0) if self.answers else 200, b"<Response/>", "text/xml")


@pytest.fixture
def clinic():
    made = Clinic()
    yield made
    made.server.stop()


def gateway_to(url):
    return TwilioGateway(
        TwilioAccount(
            account_sid=ACCOUNT_SID,
            auth_token=AUTH_TOKEN,
            from_number=OWN_NUMBER,
            public_url=PUBLIC,
            api_url=url,
            call_seconds=4.0,
        )
    )


def ask(url, method, path, value=None):
    connection = HTTPConnection(urlsplit(url).netloc, timeout=5)
    connection.request(method, path, None if value is None else json.dumps(value).encode())
    answer = connection.getresponse()
    read = json.loads(answer.read())
    connection.close()
    return answer.status, read


def post_habits(double, clinic, **habits):
    ask(
        double.url,
        "POST",
        "/_double/callbacks",
        {"enabled": True, "public_url": PUBLIC, "local_url": clinic.server.url, **habits},
    )


def test_status_callbacks_are_signed_for_the_public_address_and_posted_to_the_local_one(double, clinic):
    post_habits(double, clinic, statuses=["queued", "sent", "delivered"])
    sent = gateway_to(double.url).send(ASHA, "text", "17", 3600)
    double.postman.drain()
    assert sorted(fields["MessageStatus"] for _, fields in clinic.seen) == ["delivered", "queued", "sent"]
    assert {(path, fields["MessageSid"]) for path, fields in clinic.seen} == {("/twilio/status?m=17", sent.sid)}
    assert [one["answer"] for one in double.postman.posted] == [200, 200, 200]


def test_callbacks_are_doubled_or_lost_as_told(double, clinic):
    gateway = gateway_to(double.url)
    post_habits(double, clinic, duplicate=1.0)
    gateway.send(ASHA, "text", "17", 3600)
    double.postman.drain()
    assert len(clinic.seen) == 4
    post_habits(double, clinic, lose=1.0)
    sent = gateway.send(ASHA, "text", "18", 3600)
    double.postman.drain()
    assert len(clinic.seen) == 4
    assert gateway.status_of(sent.sid).status in {"sent", "delivered"}


def test_a_single_status_can_be_posted_with_its_error(double, clinic):
    post_habits(double, clinic, enabled=False)
    sent = gateway_to(double.url).send(ASHA, "text", "17", 3600)
    status, posted = ask(
        double.url, "POST", "/_double/status", {"sid": sent.sid, "status": "undelivered", "error_code": 21610}
    )
    assert (status, posted["answer"]) == (200, 200)
    assert clinic.seen[0][1]["ErrorCode"] == "21610"


def test_a_text_from_a_phone_is_signed_posted_and_listed(double, clinic):
    post_habits(double, clinic)
    _, answer = ask(double.url, "POST", "/_double/inbound", {"from": ASHA, "body": "7 ৭ & é", "num_media": 1})
    (path, fields) = clinic.seen[0]
    assert (path, fields["Body"], fields["NumMedia"], fields["MessageSid"]) == (
        "/twilio/inbound",
        "7 ৭ & é",
        "1",
        answer["sid"],
    )
    ask(double.url, "POST", "/_double/inbound", {"from": ASHA, "body": "7 ৭ & é", "sid": answer["sid"]})
    assert [fields["MessageSid"] for _, fields in clinic.seen] == [answer["sid"]] * 2
    assert len(gateway_to(double.url).received_since(datetime.now(UTC) - timedelta(minutes=1))) == 1


def test_a_webhook_that_fails_is_posted_once_more(double, clinic):
    post_habits(double, clinic)
    clinic.answers = [503, 200]
    double.inbound(ASHA, "7")
    assert len(clinic.seen) == 2


def test_a_phone_that_wrote_stop_is_blocked_by_the_carrier(double):
    double.inbound(ASHA, " Stop ", post=False)
    with pytest.raises(Refused) as caught:
        gateway_to(double.url).send(ASHA, "text", "17", 3600)
    assert caught.value.code == 21610


def test_faults_fall_by_chance_and_the_same_seed_falls_the_same(double):
    gateway = gateway_to(double.url)

    def falls():
        ask(
            double.url,
            "POST",
            "/_double/faults",
            {"seed": 3, "faults": [{"kind": "accept_then_500", "probability": 0.5}]},
        )
        fallen = []
        for n in range(20):
            try:
                gateway.send(ASHA, str(n), str(n), 3600)
                fallen.append(False)
            except Unknown:
                fallen.append(True)
        return fallen

    first = falls()
    assert 3 < sum(first) < 17
    assert falls() == first


def test_an_unknown_fault_is_refused(double):
    assert ask(double.url, "POST", "/_double/faults", [{"kind": "earthquake"}])[0] == 400


def test_it_runs_as_a_program_and_its_ledger_outlives_a_kill(tmp_path):
    file = tmp_path / "ledger.jsonl"
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.doubles.twilio_api", "--port", "0", "--ledger", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env={**os.environ}) as program:
        url = f"http://127.0.0.1:{int(program.stdout.readline())}"
        sent = gateway_to(url).send(ASHA, "text", "17", 3600)
        status, listed = ask(url, "GET", "/_double/ledger")
        program.send_signal(signal.SIGKILL)
    assert status == 200
    assert [one["sid"] for one in listed] == [sent.sid]
    entry = json.loads(file.read_text())
    assert (entry["sid"], entry["to"], entry["body"]) == (sent.sid, ASHA, "text")
    assert entry["status_callback"] == f"{PUBLIC}/twilio/status?m=17"
