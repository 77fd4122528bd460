"""Texts that come in: whose clinic they are of, in which country, by whom, and what the trail says of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from prom.messaging.simulated import SimulatedGateway
from prom.services import polling, receiving
from prom.storage import answers, audit, inbound, sites
from prom.storage.models import Answer, Audit, InboundState, Patient, Site, Task
from tests import replies
from tests.services.test_receiving import kept, reasons, says

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def asha(store, site, now):
    """Return Asha, asked for her pain an hour ago."""
    return replies.asked(store, site, now)


@pytest.fixture
def second_site(store):
    """Return another clinic of the same house, with a number of its own; its name comes after the first's."""
    with store.writing() as session:
        other = sites.add(session, "zoo road", "Zoo Road Clinic", "Asia/Kolkata")
        other.sender = "+15005550009"
    return other


@pytest.mark.parametrize(("to", "name"), [("+15005550009", "zoo road"), ("+15005550006", "main"), ("", "main")])
def test_our_number_says_whose_an_unknown_sender_is(store, site, second_site, now, to, name):
    with store.writing() as session:
        text = replace(replies.text("+919007999999", "7", now), to=to)
        receiving.receive(session, text, now)
    (row,) = replies.texts_in(store)
    assert row.to_number == to
    with store.reading() as session:
        assert session.get_one(Site, row.site_id).name == name
        assert (inbound.body(session, row), inbound.phone(session, row)) == ("7", "+919007999999")
    assert [task.site_id for task in replies.every(store, Task)] == [row.site_id]


def test_a_patients_text_stays_with_their_clinic_whatever_number_it_came_to(store, site, second_site, asha, now):
    with store.writing() as session:
        receiving.receive(session, replace(replies.text(asha.phone, "6", now), to=second_site.sender), now)
    (row,) = replies.texts_in(store)
    assert (row.site_id, row.to_number) == (site.id, second_site.sender)
    assert replies.scores(store, asha.prompt) == [6]


def test_a_phone_known_to_two_clinics_belongs_to_the_one_it_texted(store, site, second_site, asha, now):
    replies.asked(store, second_site, now, phone=asha.phone, asked_at=now - 2 * HOUR)
    with store.writing() as session:
        row = receiving.receive(session, replace(replies.text(asha.phone, "x?", now), to=second_site.sender), now)
    assert row.site_id == second_site.id


def test_a_number_that_is_no_number_is_kept_as_far_as_it_goes(store, site, now):
    with store.writing() as session:
        receiving.receive(session, replace(replies.text("+919007999999", "7", now), to="\x00" + "9" * 99), now)
    assert replies.texts_in(store)[0].to_number == "9" * 40


@pytest.mark.parametrize(("country", "kinds"), [("AU", ["red_flag_emergency_number"]), ("US", [])])
def test_a_countrys_own_emergency_number_is_one_there(store, site, now, country, kinds):
    with store.writing() as session:
        session.get_one(Site, site.id).country = country
    one = replies.asked(store, site, now)
    says(store, one.phone, "000", now)
    assert [reason for reason in reasons(store) if reason.startswith("red_flag")] == kinds


def test_a_caregivers_reply_says_so_and_a_patients_own_does_not(store, site, now):
    for proxy in (True, False):
        one = replies.asked(store, site, now)
        with store.writing() as session:
            session.get_one(Patient, one.patient.id).proxy = proxy
        says(store, one.phone, "6", now)
        says(store, one.phone, "no 5", now + MINUTE)
        rows = [row for row in replies.every(store, Answer) if row.prompt_id == one.prompt.id]
        assert [row.proxy for row in rows] == [proxy, proxy]


@pytest.mark.parametrize(
    "body",
    [
        "bXkgcGFpbiBpcyA3IHRvZGF5IGFuZCB0aGUga25lZSBpcyBzdGlmZg==",
        "4KaG4Kau4Ka+4KawIOCmrOCnjeCmr+CmpeCmviDgpo/gppbgpqgg4KetLCDgpqfgpqjgp43gpq/gpqzgpr7gpqYg4KaG4Kaq4Kao4Ka+4KaV4K",
    ],
)
def test_a_broken_encoding_is_for_people_and_never_a_score(store, asha, now, body):
    row = says(store, asha.phone, body, now)
    assert kept(store) == []
    assert row.state is InboundState.PEOPLE
    assert len(reasons(store)) == 1


def test_the_trail_of_a_reply_has_its_answer_sealed_and_its_reading(store, asha, now):
    row = says(store, asha.phone, "6", now)
    entries = {one.action: one for one in replies.every(store, Audit) if one.actor == "patient"}
    assert set(entries) == {"answer_stored", "text_read"}
    assert (entries["text_read"].object_kind, entries["text_read"].object_id) == ("inbound", row.public_id)
    (answer,) = replies.every(store, Answer)
    stored = entries["answer_stored"]
    assert (stored.object_kind, stored.object_id, stored.field) == ("answer", answer.public_id, "nrs 0")
    with store.reading() as session:
        patient = session.get_one(Patient, asha.patient.id)
        assert audit.value(session, patient, stored, stored.new_sealed) == "6"
        assert answers.verify_macs(session) == []
    assert (answer.inbound_id, answer.rule[:5], answer.recorded_at) == (row.id, "score", now)


def test_a_fetched_text_names_the_clinic_whose_number_it_came_to(store, site, second_site, now, instance):
    phones = SimulatedGateway(instance / "other.db", lambda: now, number=second_site.sender)
    try:
        phones.text("+919007999999", "7")
        assert polling.fetch(store, phones, now + HOUR, links_work=True) == 1
    finally:
        phones.close()
    (row,) = replies.texts_in(store)
    assert (row.site_id, row.to_number) == (second_site.id, second_site.sender)
