"""The consent page: agreed to and taken back with the same ease, by version, language and way; and its staff page."""

import re
from datetime import timedelta

import pytest

from prom.services import consenting_texts
from prom.storage import audit, consents
from prom.storage.models import InvitationKind, MessageState, Purpose
from tests import people
from tests.web.baseline import invited
from tests.web.patients import dump, linked, text

CONSENT = InvitationKind.CONSENT
OWN = "May we?\n\n{clinic} asks.\n\nYes, you may."


@pytest.fixture
def asha(app, wired, site, now):
    """Return Asha's consent page; she has not agreed to anything."""
    return invited(app, wired, site, now, CONSENT, consent_sms_at=None)


def given(one, purpose=Purpose.TEXTING):
    with one.wired.store.reading() as session:
        return consents.live(session, one.patient.id, purpose)


def answer(one, act="give", purpose="texting", version="1", language="en", query=""):
    data = {"act": act, "purpose": purpose, "version": version, "language": language}
    return one.client.post(one.address + query, data=data)


def test_the_page_shows_each_purpose_in_the_language_and_a_get_agrees_to_nothing(asha):
    before = dump(asha.wired.store)
    page = text(asha.page("?lang=bn"))
    assert "আমরা কি আপনাকে মেসেজ পাঠাতে পারি?" in page
    assert page.count('name="act" value="give"') == 3
    assert "May we text you?" in text(asha.page("?lang=en"))
    asha.client.head(asha.address)
    assert dump(asha.wired.store) == before


def test_agreeing_keeps_version_language_and_way_and_starts_the_texts(asha, now):
    page = text(asha.page("?lang=hi"))
    assert 'name="language" value="hi"' in page
    reply = answer(asha, language="hi", query="?lang=hi")
    assert reply.location == f"{asha.address}?lang=hi&said=yes-texting"
    row = given(asha)
    assert (row.version, row.language, row.method) == ("1", "hi", "page")
    assert row.given_at - now < timedelta(minutes=1)
    page = text(asha.client.get(reply.location))
    assert "२ मार्च २०२६" in page
    assert page.count('value="withdraw"') == 1


def test_what_was_given_is_taken_back_on_the_same_page_and_texts_stop(asha):
    answer(asha)
    with asha.wired.store.reading() as session:
        from sqlmodel import select

        from prom.storage.models import Message

        assert session.exec(select(Message.state)).first() is MessageState.PENDING
    assert answer(asha, "withdraw").location.endswith("said=no-texting")
    assert given(asha) is None
    assert "You have taken it back" in text(asha.page("?said=no-texting"))
    with asha.wired.store.reading() as session:
        assert set(session.exec(select(Message.state))) == {MessageState.SUPPRESSED}


def test_nobody_agrees_to_a_text_that_has_changed_since(asha, site, now):
    with asha.wired.store.writing() as session:
        consenting_texts.add(session, site, Purpose.TEXTING, "en", "2026.1", OWN, audit.COMMAND, now)
    reply = answer(asha, version="1")
    assert reply.status_code == 422
    assert "has changed" in text(reply)
    assert "May we?" in text(reply)
    assert given(asha) is None
    answer(asha, version="2026.1")
    assert given(asha).version == "2026.1"


@pytest.mark.parametrize("purpose", ["", "everything", "\x00"])
def test_an_unknown_purpose_is_nothing(asha, purpose):
    assert answer(asha, purpose=purpose).status_code == 303
    assert given(asha) is None


def test_over_and_wrong_links_agree_to_nothing(asha, now):
    asha.wired.clock.move_to(now + timedelta(days=7))
    assert answer(asha).status_code == 410
    assert asha.page().status_code == 410
    assert asha.client.post("/c/" + "x" * 30).status_code == 410
    assert given(asha) is None


def test_on_the_tablet_it_says_so_and_is_handed_back(app, wired, site, now):
    one = invited(app, wired, site, now, CONSENT, "tablet", consent_sms_at=None)
    answer(one, purpose="data_use")
    assert given(one, Purpose.DATA_USE).method == "tablet"
    assert one.client.post(one.address + "/finish").location == one.address + "/back"
    assert "hand the tablet back" in text(one.page("/back"))
    assert one.page().status_code == 410


def test_the_stop_page_takes_back_too_even_by_a_link_that_is_over(app, wired, site, now):
    one = linked(app, wired, site, now)
    page = text(one.client.get(f"/stop/{one.token}"))
    assert "May we text you?" in page
    one.at(one.prompt.closes_at + timedelta(days=30))
    reply = one.client.post(f"/stop/{one.token}/withdraw", data={"purpose": "texting"})
    assert "You have taken it back" in text(one.client.get(reply.location))
    with wired.store.reading() as session:
        assert consents.live(session, one.prompt.patient_id, Purpose.TEXTING) is None
    wrong = one.client.post("/stop/" + "x" * 30 + "/withdraw", data={"purpose": "texting"})
    assert wrong.status_code == 410


class TestStaff:
    """What the coordinator and the administrator see and do."""

    def test_the_page_lists_what_was_agreed_to_and_opens_the_page_for_the_patient(self, asha, client_as):
        answer(asha)
        mina = client_as("coordinator")
        place = f"/patients/{asha.patient.public_id}/consents"
        page = text(mina.get(place))
        assert "1 (en)" in page
        assert "stands" in page
        assert mina.post(place, data={"way": "qr"}).location == place
        assert "<svg" in text(mina.get(place))
        assert asha.page().status_code == 410
        assert mina.post(place, data={"way": "tablet"}).location.startswith("/c/")
        assert mina.get(place).location.startswith("/login")

    def test_who_did_not_agree_to_texts_is_not_asked_by_text(self, asha, client_as):
        mina = client_as("coordinator")
        reply = mina.post(f"/patients/{asha.patient.public_id}/consents", data={"way": "text"})
        assert reply.status_code == 422
        assert "needs a phone, consent to texts" in text(reply)

    def test_a_new_version_is_added_and_shown_and_wrong_ones_are_told(self, asha, client_as):
        ada = client_as("admin")
        data = {"purpose": "texting", "language": "en", "version": "2026.1", "text": OWN}
        reply = ada.post("/settings/consents", data=data)
        assert reply.status_code == 303
        assert "version 2026.1" in text(ada.get(reply.location))
        assert "May we?" in text(asha.page())
        reply = ada.post("/settings/consents", data=data | {"text": "No parts"})
        assert reply.status_code == 422
        page = text(reply)
        assert re.search(r"<textarea[^>]*>No parts</textarea>", page)
        assert 'href="#text"' in page
        assert "never changed" in page
        assert ada.post("/settings/consents", data=data | {"purpose": "x"}).status_code == 400
        assert ada.get("/settings/consents?site=nobody").status_code == 404


@pytest.mark.parametrize("code", ["en", "hi", "bn"])
def test_the_leaflet_and_the_sheet_print_in_the_patients_language_without_a_name(
    app, wired, site, now, client_as, code
):
    one = invited(app, wired, site, now, enrol=people.bikash)
    mina = client_as("coordinator")
    for what in ("csi", "consent"):
        page = text(mina.get(f"/patients/{one.patient.public_id}/print/{what}?lang={code}"))
        assert f'<html lang="{code}">' in page
        assert "Bikash" not in page
        assert "Roy" not in page
    assert '<html lang="bn">' in text(mina.get(f"/patients/{one.patient.public_id}/print/csi"))
    sheet = text(mina.get(f"/patients/{one.patient.public_id}/print/csi?lang={code}"))
    assert len(re.findall("<tr>", sheet)) == 26
    assert sheet.count('class="box"') == 125
