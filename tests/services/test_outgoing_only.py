"""A clinic without a public address: statuses and replies are polled, and no text offers a link that nobody could open."""

import time
from datetime import timedelta

import pytest
from sqlmodel import select

from prom import clock
from prom.messaging.twilio import TwilioAccount, TwilioGateway
from prom.services import polling, prompting, reconciling
from prom.storage import messages, rehearsal
from prom.storage.models import Inbound, Message, MessageState, Site
from tests import outbox
from tests.doubles.twilio_api import ACCOUNT_SID, AUTH_TOKEN, OWN_NUMBER, TwilioDouble

PHONE = "+919831000001"


@pytest.fixture
def double(tmp_path):
    with TwilioDouble(ledger=tmp_path / "ledger.jsonl") as running:
        yield running


class Clinic:
    """A clinic that speaks to the double and that nobody can reach."""

    def __init__(self, store, instance, double):
        self.store, self.double = store, double
        self.settings = outbox.settings(instance, public_url="", twilio_api_url=double.url)
        self.gateway = TwilioGateway(
            TwilioAccount(
                account_sid=ACCOUNT_SID,
                auth_token=AUTH_TOKEN,
                from_number=OWN_NUMBER,
                api_url=double.url,
                call_seconds=2,
            )
        )

    def tick(self, at):
        """Run what the clock process runs."""
        polling.fetch(self.store, self.gateway, at, links_work=False)
        done = prompting.send_due(self.store, self.gateway, self.settings, lambda: at)
        reconciling.run(self.store, self.gateway, self.settings, at)
        return done.accepted

    def reply(self, words):
        self.double.inbound(PHONE, words, post=False)

    def bodies(self):
        return [text["body"] for text in self.double.book.accepted()]


@pytest.fixture
def clinic(store, instance, double, site):
    made = Clinic(store, instance, double)
    with store.writing() as session:
        row = session.get_one(Site, site.id)
        row.quiet_hours, row.two_way = False, True
    yield made
    made.gateway.close()


@pytest.fixture
def at():
    """Return the real time, as the double keeps it: two seconds ago, because its list knows whole seconds only."""
    return clock.wall() - timedelta(seconds=2)


def ask(clinic, site, at, **changes):
    with clinic.store.writing() as session:
        row = outbox.waiting(session, session.get_one(Site, site.id), at, phone=PHONE, **changes)
    assert clinic.tick(at) == 1
    return row


def test_no_status_callback_is_asked_for(clinic, site, at):
    ask(clinic, site, at)
    assert not clinic.double.book.accepted()[0].get("status_callback")


def test_statuses_are_asked_for_until_they_are_final(clinic, store, site, at):
    row = ask(clinic, site, at)
    sid = clinic.double.book.accepted()[0]["sid"]
    clinic.double.book.set_status(sid, "delivered")
    clinic.tick(at + timedelta(minutes=1))
    assert outbox.fresh(store, row.message).state is MessageState.DELIVERED


def test_an_undelivered_text_is_learnt_with_its_code(clinic, store, site, at):
    row = ask(clinic, site, at)
    clinic.double.book.set_status(clinic.double.book.accepted()[0]["sid"], "undelivered", 30005)
    clinic.tick(at + timedelta(minutes=1))
    message = outbox.fresh(store, row.message)
    assert (message.state, message.error_code) == (MessageState.UNDELIVERED, "30005")
    assert outbox.all_tasks(store)


def test_replies_are_fetched_once_and_scored(clinic, store, site, at):
    ask(clinic, site, at)
    clinic.reply("6")
    for minutes in (1, 2, 3):
        clinic.tick(at + timedelta(minutes=minutes))
    with store.reading() as session:
        assert len(session.exec(select(Inbound)).all()) == 1
        assert [score["value"] for score in rehearsal.all_scores(session)] == [6]


def test_unreadable_replies_are_asked_again_and_never_with_a_link(clinic, store, site, at):
    ask(clinic, site, at)
    for number, words in enumerate(("about the same", "who knows", "still the same", "same same"), start=1):
        clinic.reply(words)
        clinic.tick(at + timedelta(minutes=number))
        clinic.tick(at + timedelta(minutes=number, seconds=10))
    assert len(clinic.bodies()) > 1
    assert not any("http" in body or "[link]" in body for body in clinic.bodies())
    with store.reading() as session:
        stored = [messages.body(session, row) for row in session.exec(select(Message))]
    assert not any("link" in body for body in stored)


def test_a_long_set_is_asked_question_by_question_without_a_link(clinic, store, site, at):
    row = ask(clinic, site, at)
    with store.writing() as session:
        prompt = session.get(type(row.prompt), row.prompt.id)
        prompt.questions = "nrs pgic relief_percent"
    for words in ("6", "3", "40"):
        # The double stamps replies with the real time: a clock that ran ahead of it would make them early.
        time.sleep(1)
        clinic.reply(words)
        clinic.tick(clock.wall())
        clinic.tick(clock.wall())
    assert not any("http" in body for body in clinic.bodies())
    with store.reading() as session:
        values = [score["value"] for score in rehearsal.all_scores(session)]
    assert values == [6, 3, 40]


def test_a_clinic_set_to_one_way_still_asks_in_words(clinic, store, site, at):
    with store.writing() as session:
        session.get_one(Site, site.id).two_way = False
    ask(clinic, site, at)
    (body,) = clinic.bodies()
    assert "http" not in body
    assert "[link]" not in body
