"""`prom doctor` on a double of the provider and a web server of our own: what is well, watched and wrong."""

import os
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import pytest
from sqlmodel import func, select
from werkzeug.serving import make_server

from prom import clock, config, wiring
from prom.app import create_app
from prom.messaging.twilio import TwilioAccount, TwilioGateway
from prom.services import backing_up, doctor, settings_checklist, wordings
from prom.services.doctor import Level
from prom.storage import channels, sites
from prom.storage.models import Audit, Inbound, InboundState, Message, MessageEvent, MessageState, Site
from tests import outbox, people
from tests.doubles.twilio_api import ACCOUNT_SID, AUTH_TOKEN, OWN_NUMBER, TwilioDouble

SERVICE = "MG" + "a" * 32
US = {"10dlc_brand": "BN1", "10dlc_campaign": "CM1", "baa": "yes"}


@pytest.fixture
def double(tmp_path):
    with TwilioDouble(ledger=tmp_path / "ledger.jsonl") as running:
        yield running


class Clinic:
    """A clinic with Twilio, as far as the doctor sees it."""

    def __init__(self, store, instance, double):
        self.store, self.double = store, double
        self.instance = instance
        self.environ = {
            "PROM_INSTANCE": str(instance),
            "PROM_GATEWAY": "twilio",
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "PROM_TWILIO_FROM": OWN_NUMBER,
            "PROM_TWILIO_API_URL": double.url,
            "PROM_TOTP": "off",
        }
        self.token = AUTH_TOKEN

    def settings(self, **environ):
        return config.read({name: value for name, value in (self.environ | environ).items() if value})

    def look(self, now, **environ):
        settings = self.settings(**environ)
        account = TwilioAccount(
            account_sid=ACCOUNT_SID,
            auth_token=self.token,
            from_number=settings.twilio_from,
            messaging_service=settings.twilio_messaging_service,
            api_url=self.double.url,
            call_seconds=2.0,
        )
        gateway = TwilioGateway(account)
        try:
            return doctor.findings(self.store, settings, gateway, now)
        finally:
            gateway.close()


@pytest.fixture
def served(store, instance, double):
    """Return a clinic whose public address is a web server of this test."""
    made = Clinic(store, instance, double)
    with serving(store, instance, made.settings()) as url:
        made.environ["PROM_PUBLIC_URL"] = url
        double.resources.number(OWN_NUMBER, f"{url}/twilio/inbound")
        yield made


@contextmanager
def serving(store, instance, settings):
    """Serve prom with these settings on a free port, and give its address."""
    app = create_app(wiring.App(settings, store, None, clock.Clock(instance, movable=False)))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    url = f"http://127.0.0.1:{server.server_port}"
    app.extensions["prom"] = replace(app.extensions["prom"], settings=replace(settings, public_url=url))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()


def well(store, instance, site, doctor_account, now):
    """Put everything in order that the database holds."""
    with store.writing() as session:
        row = session.get_one(Site, site.id)
        row.country = "US"
        sites.heartbeat(session, "send", clock.wall())
        sites.heartbeat(session, "poll", clock.wall())
        assert settings_checklist.confirm(session, row, US, people.actor(doctor_account), now, links=True) == []
        for item in wordings.items(session, row, "en"):
            wordings.sign(session, row, item.key, "en", item.digest, people.actor(doctor_account), now)
    folder = instance / "backups"
    folder.mkdir()
    (folder / "prom-1.backup").write_bytes(b"x")


def said(found, level=None):
    return [f"{one.words}: {one.do}" for one in found if level in {None, one.level}]


def has(found, level, *words):
    return any(all(word in line for word in words) for line in said(found, level))


def test_a_set_up_in_order_has_nothing_but_good_findings(served, store, instance, site, dr_rao, now):
    well(store, instance, site, dr_rao, now)
    found = served.look(now)
    assert said(found, Level.PROBLEM) == []
    assert said(found, Level.WARNING) == []
    assert doctor.healthy(found)
    for words in (
        "credentials",
        "belongs to the account",
        "sends replies",
        "signed request",
        "s apart",
        "clock ticked",
    ):
        assert has(found, Level.OK, words), words


def test_the_round_trip_changes_nothing(served, store, instance, site, dr_rao, now):
    def counts():
        with store.reading() as session:
            return [
                session.exec(select(func.count()).select_from(table)).one() for table in (Audit, Inbound, MessageEvent)
            ]

    before = counts()
    assert has(served.look(now), Level.OK, "signed request")
    assert counts() == before


def test_wrong_credentials_are_a_problem_and_end_the_questions(served, now):
    served.token = "another-token"
    found = served.look(now)
    assert has(found, Level.PROBLEM, "refuses the credentials", "20003", "TWILIO_AUTH_TOKEN")
    assert not doctor.healthy(found)
    assert not has(found, None, "belongs")


def test_a_server_with_another_token_refuses_the_round_trip(served, now):
    found = served.look(now, TWILIO_AUTH_TOKEN="rotated")
    assert has(found, Level.PROBLEM, "signed request", "refused", "PROM_PUBLIC_URL")


def test_a_token_that_is_being_rotated_in_is_accepted(served, store, instance, now):
    rotating = replace(served.settings(), twilio_auth_token="older", twilio_auth_token_next=AUTH_TOKEN)
    with serving(store, instance, rotating) as url:
        found = served.look(now, PROM_PUBLIC_URL=url)
    assert has(found, Level.OK, "signed request")


def test_an_address_that_leads_elsewhere_is_named(served, double, now):
    found = served.look(now, PROM_PUBLIC_URL="http://127.0.0.1:9")
    assert has(found, Level.WARNING, "does not lead here", "nothing listens there")
    found = served.look(now, PROM_PUBLIC_URL=double.url)
    assert has(found, Level.WARNING, "does not lead here", "HTTP 401")


def test_a_number_of_somebody_else_is_a_problem(served, double, now):
    double.resources.numbers.clear()
    assert has(served.look(now), Level.PROBLEM, OWN_NUMBER, "does not belong")


def test_a_number_without_texts_is_a_problem(served, double, now):
    double.resources.number(OWN_NUMBER, served.environ["PROM_PUBLIC_URL"] + "/twilio/inbound", sms=False)
    assert has(served.look(now), Level.PROBLEM, "cannot send texts")


@pytest.mark.parametrize(("url", "method"), [("", "POST"), ("https://old.example/sms", "POST"), ("same", "GET")])
def test_a_webhook_that_goes_elsewhere_is_a_problem_where_replies_are_expected(
    served, double, store, site, now, url, method
):
    wanted = served.environ["PROM_PUBLIC_URL"] + "/twilio/inbound"
    double.resources.number(OWN_NUMBER, wanted if url == "same" else url, method)
    assert has(served.look(now), Level.WARNING, "sends replies to", wanted)
    with store.writing() as session:
        session.get_one(Site, site.id).country = "US"
    assert has(served.look(now), Level.PROBLEM, "sends replies to", wanted)


def test_a_messaging_service_is_looked_up_with_its_pool_and_its_webhook(served, double, now):
    wanted = served.environ["PROM_PUBLIC_URL"] + "/twilio/inbound"
    environ = {"PROM_TWILIO_FROM": "", "PROM_TWILIO_MESSAGING_SERVICE": SERVICE}
    assert has(served.look(now, **environ), Level.PROBLEM, SERVICE, "does not belong")
    double.resources.services[SERVICE] = {"inbound_request_url": wanted, "inbound_method": "POST"}
    assert has(served.look(now, **environ), Level.PROBLEM, "has no number")
    double.resources.pools[SERVICE] = [OWN_NUMBER]
    found = served.look(now, **environ)
    assert has(found, Level.OK, SERVICE, "belongs")
    assert has(found, Level.OK, SERVICE, "sends replies")
    double.resources.services[SERVICE] = {"use_inbound_webhook_on_number": True}
    assert has(served.look(now, **environ), Level.OK, OWN_NUMBER, "sends replies")


def test_the_senders_of_single_sites_are_looked_up_too(served, store, site, now):
    with store.writing() as session:
        session.get_one(Site, site.id).sender = "+15005550009"
    assert has(served.look(now), Level.PROBLEM, "+15005550009", "does not belong")


def test_a_closed_or_trial_account_is_named(served, double, now):
    double.resources.account["status"] = "suspended"
    assert has(served.look(now), Level.PROBLEM, "account is suspended")
    double.resources.account |= {"status": "active", "type": "Trial"}
    assert has(served.look(now), Level.WARNING, "trial")


@pytest.mark.parametrize(("minutes", "level"), [(1, Level.WARNING), (20, Level.PROBLEM)])
def test_a_clock_that_is_off_is_named(served, double, now, minutes, level):
    double.resources.headers = {"Date": format_datetime(clock.wall() - timedelta(minutes=minutes), usegmt=True)}
    assert has(served.look(now), level, "s apart", "NTP")


def test_a_provider_that_is_not_there_is_a_problem(served, double, now):
    double.stop()
    found = served.look(now)
    assert has(found, Level.PROBLEM, "does not answer")


def test_without_a_public_address_it_says_outgoing_only_and_who_cannot_answer(served, store, site, now):
    found = served.look(now, PROM_PUBLIC_URL="")
    assert has(found, Level.WARNING, "outgoing-only mode", "polled")
    assert not has(found, None, "signed request")
    with store.writing() as session:
        session.get_one(Site, site.id).two_way = False
    assert has(served.look(now, PROM_PUBLIC_URL=""), Level.PROBLEM, "neither by text nor by link")


def test_a_clock_that_stands_is_a_problem(served, store, now):
    assert has(served.look(now), Level.PROBLEM, "never run")
    with store.writing() as session:
        sites.heartbeat(session, "send", clock.wall() - timedelta(minutes=10))
    assert has(served.look(now), Level.PROBLEM, "600 s ago")


def test_halted_and_held_channels_are_problems(served, store, site, now):
    with store.writing() as session:
        channels.halt(session, "20003", now)
        channels.hold(session, "restored", now)
        channels.hold(session, "monthly_spend", now, channels.site_name(site.id))
    found = served.look(now)
    assert has(found, Level.PROBLEM, "halted", "20003")
    assert has(found, Level.PROBLEM, "HOLD", "prom release")
    assert has(found, Level.PROBLEM, "site main", "monthly_spend", "Settings")


def test_a_low_balance_is_a_problem_and_a_fair_one_is_not(served, store, now):
    with store.writing() as session:
        row = channels.main(session)
        row.balance, row.balance_currency, row.low_balance = 1_234, "USD", 2_000
    assert has(served.look(now), Level.PROBLEM, "12.34 USD", "low")
    with store.writing() as session:
        channels.main(session).low_balance = 1_000
    assert has(served.look(now), Level.OK, "12.34 USD")


def test_old_due_texts_unknown_outcomes_and_unread_texts_are_named(served, store, site, now):
    with store.writing() as session:
        row = outbox.waiting(session, site, now)
        message = session.get(Message, row.message.id)
        message.due_at = message.send_at = now - timedelta(hours=1)
    assert has(served.look(now), Level.PROBLEM, "oldest due text")
    with store.writing() as session:
        message = session.get(Message, row.message.id)
        message.state, message.sending_at = MessageState.UNKNOWN, now - timedelta(minutes=5)
        session.add(
            Inbound(
                provider_sid="SM1",
                site_id=site.id,
                phone_index="0",
                phone_sealed=b"",
                body_sealed=b"",
                received_at=now,
                state=InboundState.UNREAD,
            )
        )
    found = served.look(now)
    assert has(found, Level.WARNING, "unknown outcome")
    assert has(found, Level.WARNING, "1 texts could not be read")
    assert has(served.look(now + timedelta(days=2)), Level.PROBLEM, "unknown outcome")


def test_missing_registrations_and_unsigned_wordings_are_named_with_their_languages(served, store, site, now):
    with store.writing() as session:
        session.get_one(Site, site.id).two_way = False
    found = served.look(now)
    assert has(found, Level.WARNING, "site main", "DLT principal entity id", "texts")
    assert has(found, Level.WARNING, "site main", "need clinical review", "English")


def test_what_is_missing_is_a_problem_where_texts_are_live(served, store, site, now):
    live = replace(served.settings(), twilio_api_url="")
    with store.reading() as session:
        row = session.get_one(Site, site.id)
        found = doctor._site(session, row, live)
    assert has(found, Level.PROBLEM, "DLT principal entity id")
    assert has(found, Level.PROBLEM, "do not reach us from India")


def test_an_old_backup_is_named(served, store, instance, now):
    assert has(served.look(now), Level.WARNING, "no backup")
    backing_up.backup(store, served.settings(), now)
    assert has(served.look(now), Level.OK, "backup is 0 hours old")
    path = next((instance / "backups").glob("*.backup"))
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 3 * 86_400))
    assert has(served.look(now), Level.WARNING, "72 hours old")


def test_no_finding_holds_a_secret(served, now):
    lines = " ".join(said(served.look(now)) + said(served.look(now, TWILIO_AUTH_TOKEN="rotated")))
    assert AUTH_TOKEN not in lines
    assert "rotated" not in lines
