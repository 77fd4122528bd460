"""Real web processes, killed while replies pour in: nothing that was answered 2xx is lost, nothing counts twice."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from tests import crowds, outbox, processes
from tests.doubles.twilio_api import ACCOUNT_SID, OWN_NUMBER, TwilioDouble
from tests.doubles.webhooks import Postman

pytestmark = pytest.mark.faults

PUBLIC = "https://clinic.example/prom"
PHONES_AT_ONCE = 8
REPLIES = 10_000


@dataclass
class Storm:
    """Replies of many phones with doubles and forgeries, in no order, on a web process that is killed meanwhile."""

    clinic: processes.Clinic
    double: TwilioDouble
    phones: list[str]
    kills: int
    serve: tuple[str, ...] = ()
    up: threading.Event = field(default_factory=threading.Event)
    posted: Counter = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)
    forged: Counter = field(default_factory=Counter)

    def __post_init__(self):
        self.dice = random.Random(11)
        self.double.postman.set_habits(public_url=PUBLIC, local_url=f"http://127.0.0.1:{self.clinic.port}")
        self.forger = Postman(ACCOUNT_SID, "a guessed token", workers=0)
        self.forger.set_habits(public_url=PUBLIC, local_url=f"http://127.0.0.1:{self.clinic.port}")
        self.texts = {phone: (f"SM{number:032x}", self.dice.randint(0, 10)) for number, phone in enumerate(self.phones)}

    def rage(self):
        web = self.clinic.serve(*self.serve)
        self.up.set()
        posts = [(self.reply, phone) for phone in self.phones]
        posts += [(self.reply, phone) for phone in self.dice.sample(self.phones, len(self.phones) // 4)]
        posts += [(self.twins, phone) for phone in self.dice.sample(self.phones, len(self.phones) // 20)]
        posts += [(self.forgery, phone) for phone in self.dice.sample(self.phones, len(self.phones) // 8)]
        self.dice.shuffle(posts)
        with ThreadPoolExecutor(PHONES_AT_ONCE) as pool:
            for work, phone in posts:
                pool.submit(work, phone)
            for kill in range(1, self.kills + 1):
                share = kill * len(posts) // (self.kills + 1)
                processes.wait_for(lambda share=share: self.posted.total() >= share, 120, f"reply {share}")
                self.up.clear()
                self.clinic.kill(web)
                web = self.clinic.serve(*self.serve)
                self.up.set()
        return web

    def reply(self, phone):
        sid, value = self.texts[phone]
        self.up.wait()
        answer = self.double.inbound(phone, str(value), sid=sid)["posted"]["answer"]
        self.posted[answer] += 1
        if answer == 200:
            self.taken.add(sid)

    def twins(self, phone):
        """Post the same text twice in the same moment."""
        twin = threading.Thread(target=self.reply, args=(phone,))
        twin.start()
        self.reply(phone)
        twin.join()

    def forgery(self, phone):
        self.up.wait()
        sid = f"FORGED{phone}"
        text = {"sid": sid, "from": phone, "to": OWN_NUMBER, "body": "10", "num_media": "0"}
        self.forged[self.forger.post_inbound(text)["answer"]] += 1
        self.posted[sid] += 1


@pytest.fixture
def double():
    with TwilioDouble() as double:
        yield double


def clinic_of(store, instance, double, number, **environment):
    """Return a clinic with so many patients whose question reached them an hour ago, and their phones."""
    now = datetime.now(UTC)
    with store.writing() as session:
        site = outbox.site(session)
        site.quiet_hours = False
    phones = crowds.asked(store, site, now - timedelta(hours=1), number)
    variables = processes.twilio_environment(instance, double.url, **environment)
    return processes.Clinic(instance, variables), phones


def agrees(storm):
    """Check that all that was answered 2xx is there, and after the list was asked, every reply exactly once."""
    state = storm.clinic.state()
    there = Counter(row["sid"] for row in state["inbound"])
    assert storm.taken <= set(there), "answered 2xx and lost"
    assert set(there.values()) == {1}
    assert set(storm.forged) <= {403, None}
    assert storm.forged[403] > 0
    storm.clinic.prom("clock", "--once")
    state = storm.clinic.state()
    expected = {phone: (sid, value) for phone, (sid, value) in storm.texts.items()}
    assert Counter(row["sid"] for row in state["inbound"]) == Counter(sid for sid, _ in expected.values())
    assert sorted((row["phone"], row["sid"], row["value"]) for row in state["scores"]) == sorted(
        (phone, sid, value) for phone, (sid, value) in expected.items()
    )
    thanks = Counter(row["to"] for row in state["messages"] if row["prompt"] and "recorded" in row["body"])
    assert set(thanks.values()) <= {1}
    assert {row["state"] for row in state["inbound"]} == {"read"}


@pytest.mark.timeout(900)
def test_ten_thousand_replies_with_doubles_twins_forgeries_and_eight_kills(store, instance, double):
    clinic, phones = clinic_of(store, instance, double, REPLIES)
    storm = Storm(clinic, double, phones, kills=8)
    try:
        web = storm.rage()
        assert len(storm.taken) > 0.9 * REPLIES
        agrees(storm)
        assert clinic.stop(web) == 0
    finally:
        clinic.end()


@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_the_same_on_postgresql_with_four_workers(postgres_store, postgres_url, instance, double):
    clinic, phones = clinic_of(postgres_store, instance, double, REPLIES, PROM_DATABASE_URL=postgres_url)
    storm = Storm(clinic, double, phones, kills=8, serve=("--workers", "4"))
    try:
        web = storm.rage()
        assert len(storm.taken) > 0.9 * REPLIES
        agrees(storm)
        assert clinic.stop(web) == 0
    finally:
        clinic.end()
