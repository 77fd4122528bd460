"""The settings pages: channel, texts, wordings; who may open and change them, and what is kept."""

import re

import pytest
from sqlmodel import select

from prom.domain import wording
from prom.messaging.simulated_phones import Failures
from prom.services import wordings
from prom.storage import audit, channels, sites, staff
from prom.storage.models import Audit, ClosedDay, Site
from prom.web import guards
from tests import outbox, people
from tests.web import desk
from tests.web.signing import text

CHANNEL = {
    "label": "Asha Clinic",
    "phone": "+913340001000",
    "time_zone": "Asia/Kolkata",
    "country": "IN",
    "language": "en",
    "two_way": "no",
    "echo": "last",
    "segment_price": "0.125",
    "currency": "INR",
}
WORDING = "Thank you, noted: {recorded}. Wrong? CHANGE."
PAGES = ("/settings", "/settings/channel", "/settings/messages", "/settings/messages/thanks/en")


@pytest.fixture
def admin(client_as):
    """Return a signed-in administrator of all sites."""
    return client_as("admin")


def fresh(store, site):
    with store.reading() as session:
        return session.get_one(Site, site.id)


def own(store, site):
    with store.reading() as session:
        return sites.overrides(session, site.id)


@pytest.mark.parametrize("path", PAGES)
def test_administrators_open_the_settings_and_nobody_else(admin, client_as, path):
    assert admin.get(path).status_code == 200
    for role in ("coordinator", "clinician", "auditor"):
        assert client_as(role).get(path).status_code == 403


def test_clinicians_open_the_wordings_and_nobody_else(admin, client_as):
    assert client_as("clinician").get("/settings/wordings").status_code == 200
    for client in (admin, client_as("coordinator"), client_as("auditor")):
        assert client.get("/settings/wordings").status_code == 403


def test_the_channel_is_changed_with_old_and_new_values_kept(admin, store, site):
    data = CHANNEL | {"closed_weekdays": ["5", "6"]}
    assert admin.post("/settings/channel", data=data).status_code == 303
    row = fresh(store, site)
    assert (row.two_way, row.segment_price, row.currency, row.closed_weekdays) == (False, 1250, "INR", "5 6")
    with store.reading() as session:
        rows = session.exec(select(Audit).where(Audit.action == "setting changed")).all()
        kept = {one.field: (one.old_sealed, one.new_sealed) for one in rows}
    assert kept["two_way"] == (b"yes", b"no")
    assert kept["closed_weekdays"] == (b"none", b"5 6")


def test_what_was_typed_wrong_is_named_and_kept_and_nothing_is_stored(admin, store, site):
    answer = admin.post("/settings/channel", data=CHANNEL | {"time_zone": "Bengal", "label": "Better Name"})
    assert answer.status_code == 422
    page = text(answer)
    assert "Choose a time zone" in page
    assert 'value="Better Name"' in page
    assert fresh(store, site).label == "Asha Clinic"


def test_two_way_in_a_country_that_forbids_it_is_warned_of_on_the_pages(admin, store, site):
    for path in ("/settings", "/settings/channel"):
        assert "do not reach us from India" in text(admin.get(path))
    admin.post("/settings/channel", data=CHANNEL)
    assert "DLT principal entity id" in text(admin.get("/settings/channel"))


def test_extra_fields_of_a_form_change_nothing(admin, store, site):
    before = fresh(store, site)
    admin.post("/settings/channel", data=CHANNEL | {"name": "other", "quiet_hours": "", "key_sealed": "x", "id": "9"})
    after = fresh(store, site)
    assert (after.name, after.quiet_hours, after.key_sealed) == (before.name, True, before.key_sealed)


def test_the_checklist_is_confirmed_point_by_point(admin, store, site):
    admin.post("/settings/channel", data=CHANNEL)
    bad = admin.post("/settings/channel/checklist", data={"dlt_entity": "12"})
    assert bad.status_code == 422
    assert "does not look like" in text(bad)
    good = {"dlt_entity": "1234567890123456789", "dlt_url": "yes", "dlt_template|link_ready|en": "1107160000000012345"}
    assert admin.post("/settings/channel/checklist", data=good).status_code == 303
    page = text(admin.get("/settings/channel"))
    assert 'value="1234567890123456789"' in page
    assert 'value="1107160000000012345"' in page


def test_closed_days_are_added_and_removed(admin, store, now):
    assert admin.post("/settings/channel/holidays", data={"day": "2026-03-04", "name": "Holi"}).status_code == 303
    assert "Holi" in text(admin.get("/settings/channel"))
    assert admin.post("/settings/channel/holidays", data={"day": "2026-03-04"}).status_code == 422
    assert admin.post("/settings/channel/holidays", data={"day": "soon"}).status_code == 422
    assert admin.post("/settings/channel/holidays", data={"day": "2020-01-01"}).status_code == 422
    assert admin.post("/settings/channel/holidays/2026-03-04/remove").status_code == 303
    assert admin.post("/settings/channel/holidays/2026-03-04/remove").status_code == 404
    assert admin.post("/settings/channel/holidays/never/remove").status_code == 404
    with store.reading() as session:
        assert session.exec(select(ClosedDay)).all() == []


def test_a_held_site_and_a_held_channel_are_released_from_the_page(admin, store, site, now):
    with store.writing() as session:
        channels.hold(session, "monthly_spend", now, channels.site_name(site.id))
        channels.hold(session, "restored", now)
    page = text(admin.get("/settings/channel"))
    assert "the month's limit of segments is reached" in page
    assert "a backup was put back" in page
    assert admin.post("/settings/channel/release").status_code == 303
    assert admin.post("/settings/channel/release-all").status_code == 303
    with store.reading() as session:
        assert channels.held_sites(session) == {}
        assert channels.seen(session).held_at is None
        assert len(session.exec(select(Audit).where(Audit.action == "texts released")).all()) == 2


def test_the_channel_stays_on_hold_while_the_providers_list_cannot_be_read(admin, store, site, now, wired):
    with store.writing() as session:
        outbox.waiting(session, session.get_one(Site, site.id), now)
        channels.hold(session, "restored", now)
    wired.gateway.fail(Failures(unreachable=True))
    answer = admin.post("/settings/channel/release-all")
    assert answer.status_code == 409
    assert "HOLD stays" in text(answer)
    with store.reading() as session:
        assert channels.seen(session).held_at is not None


def test_an_administrator_of_one_site_changes_only_that_site_and_never_the_whole_channel(
    app, client_as, store, site, now, password_hash
):
    far = desk.other_site(store)
    with store.writing() as session:
        row = staff.add(session, "one@clinic.example", "One", staff.Role.ADMIN, site.id, now)
        row.password = password_hash
        channels.hold(session, "restored", now)
    client = app.test_client()
    client.post("/login", data={"email": "one@clinic.example", "password": "plenty of quiet knees"})
    assert client.get("/settings").status_code == 200
    for path in PAGES:
        assert client.get(f"{path}?site={far.public_id}").status_code == 404
    assert client.post(f"/settings/channel?site={far.public_id}", data=CHANNEL).status_code == 404
    assert client.post("/settings/channel/release-all").status_code == 403
    assert client.post("/settings/channel/balance", data={"low_balance": "1"}).status_code == 403
    assert fresh(store, far).two_way
    with store.reading() as session:
        assert session.exec(select(Audit).where(Audit.action == "refused_other_site")).first() is not None
        assert channels.seen(session).held_at is not None


def test_an_administrator_of_all_sites_chooses_one(admin, store, site):
    far = desk.other_site(store)
    assert "Far Clinic" in text(admin.get(f"/settings?site={far.public_id}"))
    admin.post(f"/settings/channel?site={far.public_id}", data=CHANNEL | {"label": "Farther"})
    assert fresh(store, far).label == "Farther"
    assert fresh(store, site).label == "Asha Clinic"
    assert admin.get("/settings?site=nobody").status_code == 404


def test_a_change_asks_for_a_fresh_sign_in(admin, store, site, monkeypatch):
    monkeypatch.setattr(guards, "FRESH_SECONDS", -1)
    assert admin.get("/settings/channel").status_code == 200
    assert "Sign in again now" in text(admin.get("/settings/channel"))
    answer = admin.post("/settings/channel", data=CHANNEL)
    assert answer.status_code == 302
    assert "/verify" in answer.headers["Location"]
    assert fresh(store, site).two_way


def test_the_list_of_texts_shows_segments_costs_and_what_is_changed(admin, store):
    admin.post("/settings/channel", data=CHANNEL)
    admin.post("/settings/messages/thanks/en", data={"text": WORDING})
    page = text(admin.get("/settings/messages?language=en"))
    assert "changed by the clinic" in page
    assert "needs clinical review" in page
    assert "0.125 INR" in page
    assert "0.375 INR" in text(admin.get("/settings/messages?language=hi"))
    assert admin.get("/settings/messages?language=xx").status_code == 404


def test_every_text_stands_on_the_list_under_a_heading(admin):
    page = text(admin.get("/settings/messages?language=en"))
    for key in wording.KEYS:
        assert f"/settings/messages/{key}/en" in page, key


def test_a_text_is_edited_previewed_kept_in_history_and_put_back(admin, store, site):
    path = "/settings/messages/thanks/en"
    tried = admin.post(f"{path}/preview", data={"text": WORDING})
    assert "Thank you, noted: pain 10" in text(tried)
    assert own(store, site) == {}
    assert admin.post(path, data={"text": WORDING}).status_code == 303
    assert own(store, site)["thanks", "en"] == WORDING
    page = text(admin.get(path))
    assert "changed by the clinic" in page
    assert "Admin" in page
    assert admin.post(f"{path}/shipped").status_code == 303
    assert own(store, site) == {}
    assert "as shipped" in text(admin.get(path))


def test_a_wrong_wording_is_explained_and_kept_in_the_field(admin, store, site):
    answer = admin.post("/settings/messages/thanks/en", data={"text": "Hello {nmae} <b>"})
    assert answer.status_code == 422
    assert "{nmae} is not known in this text." in text(answer)
    assert "Hello {nmae} &lt;b&gt;" in answer.get_data(as_text=True)
    assert own(store, site) == {}


def test_the_script_gets_only_the_preview(admin):
    headers = {"X-Preview": "1"}
    answer = admin.post("/settings/messages/thanks/en/preview", data={"text": "{recorded} <CHANGE>"}, headers=headers)
    page = answer.get_data(as_text=True)
    assert "<html" not in page
    assert "&lt;CHANGE&gt;" in page
    assert "1 segment" in page


def test_fixed_and_unknown_texts_are_not_edited(admin, store, site):
    assert "<textarea" not in text(admin.get("/settings/messages/emergency/en"))
    assert admin.post("/settings/messages/emergency/en", data={"text": "Call us"}).status_code == 422
    assert admin.get("/settings/messages/nothing/en").status_code == 404
    assert admin.get("/settings/messages/thanks/xx").status_code == 404
    assert own(store, site) == {}


def test_a_clinician_signs_and_the_banner_goes(admin, client_as, store, site):
    doctor = client_as("clinician")
    assert "need clinical review" in text(admin.get("/settings"))
    page = doctor.get("/settings/wordings").get_data(as_text=True)
    forms = re.findall(r'action="(/settings/wordings/[^"]+)".*?name="digest" value="(\w+)"', page, re.DOTALL)
    assert len(forms) == len(wordings.keys()) + 1
    for action, digest in forms:
        assert doctor.post(action, data={"digest": digest}).status_code == 303
    assert "need clinical review" not in text(admin.get("/settings"))
    assert "Clinician" in text(doctor.get("/settings/wordings"))


def test_a_wording_that_changed_in_the_meantime_is_not_signed(client_as, store, site):
    doctor = client_as("clinician")
    answer = doctor.post("/settings/wordings/emergency/en", data={"digest": "0" * 64})
    assert answer.status_code == 409
    assert "Read it again" in text(answer)
    assert doctor.post("/settings/wordings/thanks/en", data={"digest": ""}).status_code == 404
    assert doctor.post("/settings/wordings/emergency/xx", data={"digest": ""}).status_code == 404


def test_a_patients_language_asks_for_its_signatures(client_as, store, site, now):
    with store.writing() as session:
        people.bikash(session, site, now)
        languages = {item.language for item in wordings.unsigned(session, site)}
    doctor = client_as("clinician")
    for language in languages:
        assert "need clinical review" in text(doctor.get(f"/settings/wordings?language={language}"))


def test_without_a_public_address_the_channel_says_outgoing_only(app_with, password_hash, store, site, now):
    app = app_with(
        PROM_GATEWAY="twilio",
        TWILIO_ACCOUNT_SID="AC1",
        TWILIO_AUTH_TOKEN="t",
        PROM_TWILIO_FROM="+15005550006",
        PROM_TWILIO_API_URL="http://127.0.0.1:9",
    )
    with store.writing() as session:
        row = staff.add(session, "root@clinic.example", "Root", staff.Role.ADMIN, None, now)
        row.password = password_hash
    client = app.test_client()
    client.post("/login", data={"email": "root@clinic.example", "password": "plenty of quiet knees"})
    assert "Outgoing-only mode" in text(client.get("/settings/channel"))


def test_the_audit_of_settings_names_nobody_but_staff(admin, store):
    admin.post("/settings/channel", data=CHANNEL)
    with store.reading() as session:
        rows = [row for row in audit.newest(session, 50) if row.action == "setting changed"]
        account = staff.by_email(session, "admin@clinic.example")
    assert {row.actor for row in rows} == {account.public_id}
