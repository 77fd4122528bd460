"""Twenty patients answer through the real Twilio client against a local double of its API.

Every webhook comes twice, the web process is killed in between, and each answer is stored once.
"""

import pytest

from tests import processes
from tests.doubles.twilio_api import TwilioDouble

pytestmark = pytest.mark.faults


@pytest.fixture
def double(tmp_path):
    with TwilioDouble(ledger=tmp_path / "ledger.jsonl") as running:
        yield running


@pytest.fixture
def clinic(tmp_path, double):
    instance = tmp_path / "instance"
    running = processes.Clinic(instance, processes.twilio_environment(instance, double.url))
    yield running
    running.end()


def test_twenty_patients_answer_once_each(clinic, double):
    clinic.prom("init")
    clinic.prom("seed", "--patients", "20", "--due", "20", "--seed", "7")
    web = clinic.serve()
    double.postman.set_habits(
        enabled=True,
        duplicate=1.0,
        reorder=0.5,
        public_url="https://clinic.example/prom",
        local_url=f"http://127.0.0.1:{clinic.port}",
    )
    clinic.start("prom", "clock")
    asked = processes.wait_for(lambda: _asked(double, 20), what="sending 20 prompts")

    said = {}
    for number, text in enumerate(asked):
        said[text["to"]] = number % 11
        sid = f"SM{number:032x}"
        double.inbound(text["to"], str(number % 11), sid=sid)
        double.inbound(text["to"], str(number % 11), sid=sid)
        if number == 10:
            # The process dies with webhooks on their way; the double tries each once more, as the provider does.
            clinic.kill(web)
            web = clinic.serve()
    double.postman.drain()
    for number, text in enumerate(asked):
        double.inbound(text["to"], str(number % 11), sid=f"SM{number:032x}")
    double.postman.drain()

    processes.wait_for(lambda: len(clinic.state()["scores"]) >= 20, what="20 scores")
    state = clinic.state()
    scores = [(score["phone"], score["value"]) for score in state["scores"]]
    assert sorted(scores) == sorted(said.items())
    assert len({score["sid"] for score in state["scores"]}) == 20
    assert len(state["inbound"]) == 20
    questions = [text for text in double.book.accepted() if text["to"] in said and "0 (no pain)" in text["body"]]
    assert len(questions) == 20


def _asked(double, count):
    texts = double.book.accepted()
    return texts if len(texts) >= count else None
