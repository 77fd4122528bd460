"""A clinic's channel settings: read strictly, stored with old and new values, and the country's checklist."""

from decimal import Decimal

import pytest
from sqlmodel import select

from prom.services import settings_channel, settings_checklist
from prom.storage import audit, channels
from prom.storage.models import Audit, Site
from tests import people

FORM = {
    "label": "Asha Clinic",
    "phone": "+91 33 4000 1000",
    "time_zone": "Asia/Kolkata",
    "country": "in",
    "language": "en",
    "two_way": "yes",
    "echo": "last",
    "sender": "",
    "monthly_segments": "",
    "segment_price": "",
    "currency": "",
}
ENTITY = "1234567890123456789"


@pytest.fixture
def actor(mina):
    return people.actor(mina)


def wrong(weekdays=(), **changes):
    with pytest.raises(settings_channel.ChannelError) as error:
        settings_channel.read(FORM | changes, list(weekdays))
    return dict(error.value.errors)


def save(store, site, actor, now, **changes):
    with store.writing() as session:
        row = session.get_one(Site, site.id)
        return settings_channel.save(session, row, settings_channel.read(FORM | changes, []), actor, now)


def test_what_is_saved_unchanged_leaves_no_trace(store, site, actor, now):
    assert save(store, site, actor, now) == []
    with store.reading() as session:
        assert session.exec(select(Audit).where(Audit.action == "setting changed")).all() == []


def test_each_change_is_kept_with_its_old_and_new_value(store, site, actor, now):
    changed = save(store, site, actor, now, two_way="no", segment_price="0.0832", currency="usd", label=" Far  Clinic ")
    assert changed == ["label", "two_way", "segment_price", "currency"]
    with store.reading() as session:
        row = session.get_one(Site, site.id)
        assert (row.label, row.two_way, row.segment_price, row.currency) == ("Far Clinic", False, 832, "USD")
        rows = session.exec(select(Audit).where(Audit.action == "setting changed")).all()
        seen = {
            one.field: (
                audit.value(session, None, one, one.old_sealed),
                audit.value(session, None, one, one.new_sealed),
            )
            for one in rows
        }
    assert seen["two_way"] == ("yes", "no")
    assert seen["label"] == ("Asha Clinic", "Far Clinic")
    assert seen["segment_price"] == ("none", "832")
    assert {one.actor for one in rows} == {actor.name}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("label", ""),
        ("label", "x" * 41),
        ("label", "Clinic {name}"),
        ("phone", ""),
        ("phone", "call us"),
        ("phone", "12"),
        ("time_zone", "Kolkata"),
        ("country", "ZZ"),
        ("language", "xx"),
        ("echo", "never"),
        ("sender", "MG123"),
        ("sender", "+0123"),
        ("sender", "Asha Clinic!"),
        ("sender", "AshaClinic"),
        ("monthly_segments", "-1"),
        ("monthly_segments", "1.5"),
        ("monthly_segments", "99999999999999999999"),
        ("segment_price", "free"),
        ("segment_price", "0.00001"),
        ("segment_price", "-1"),
        ("segment_price", "NaN"),
        ("segment_price", "1e9"),
        ("currency", "rupees"),
    ],
)
def test_a_wrong_field_is_named(name, value):
    assert name in wrong(**{name: value})


def test_a_price_needs_its_currency():
    assert list(wrong(segment_price="0.1")) == ["currency"]


def test_a_clinic_is_open_at_least_one_day():
    assert "closed_weekdays" in wrong(weekdays="0123456")
    assert settings_channel.read(FORM, ["6", "5", "x"]).closed_weekdays == "5 6"


@pytest.mark.parametrize(
    ("sender", "kept"),
    [("+1 (500) 555-0006", "+15005550006"), ("MG" + "a" * 32, "MG" + "a" * 32), ("54321", "54321"), ("", "")],
)
def test_senders_of_every_kind_are_kept(sender, kept):
    assert settings_channel.read(FORM | {"sender": sender}, []).sender == kept


def test_a_name_as_sender_is_for_one_way_channels():
    assert settings_channel.read(FORM | {"sender": "AshaClinic", "two_way": "no"}, []).sender == "AshaClinic"
    assert "cannot be answered" in wrong(sender="AshaClinic")["sender"]


def test_two_way_texting_where_the_country_forbids_it_is_warned_of(site):
    assert "India" in settings_channel.warnings(site)[0]
    site.two_way = False
    assert settings_channel.warnings(site) == []


def test_the_low_balance_is_kept_in_hundredths(store, actor, now, site):
    with store.writing() as session:
        assert settings_channel.save_low_balance(session, "20.5", actor, now)
        assert not settings_channel.save_low_balance(session, "20.50", actor, now)
        assert settings_channel.standing(session, site, now).low_balance == Decimal("20.5")
        for bad in ("-1", "x", "1.001"):
            with pytest.raises(settings_channel.ChannelError):
                settings_channel.save_low_balance(session, bad, actor, now)
        assert settings_channel.save_low_balance(session, "", actor, now)
        assert channels.main(session).low_balance is None


def test_a_held_site_is_released_by_a_person_with_an_audit_row(store, site, actor, now):
    with store.writing() as session:
        channels.hold(session, "monthly_spend", now, channels.site_name(site.id))
        assert settings_channel.standing(session, site, now).site_held_reason == "monthly_spend"
        assert settings_channel.release_site(session, site, actor, now)
        assert not settings_channel.release_site(session, site, actor, now)
        assert settings_channel.standing(session, site, now).site_held_at is None
        row = session.exec(select(Audit).where(Audit.action == "texts released")).one()
    assert (row.actor, row.reason) == (actor.name, "monthly_spend")


def checklist_of(store, site, links=True):
    with store.reading() as session:
        return settings_checklist.of_site(session, session.get_one(Site, site.id), links=links)


def one_way(store, site):
    with store.writing() as session:
        session.get_one(Site, site.id).two_way = False


def test_an_indian_clinic_registers_each_text_that_leaves_in_each_language(store, site, now):
    one_way(store, site)
    with store.writing() as session:
        people.bikash(session, site, now)
    seen = checklist_of(store, site)
    templates = {(line.text_key, line.language) for line in seen.lines if line.text_key}
    languages = {language for _, language in templates}
    assert len(languages) == 2
    assert {key for key, _ in templates} == set(settings_checklist.texts_sent(two_way=False, links=True))
    assert ("link_ready", "en") in templates
    assert "opening" not in {key for key, _ in templates}


def test_without_a_public_address_the_texts_without_links_are_the_ones_that_leave():
    keys = settings_checklist.texts_sent(two_way=False, links=False)
    assert "opening" in keys
    assert "link_ready" not in keys


def test_no_part_of_another_text_is_ever_registered():
    for two_way in (True, False):
        for links in (True, False):
            keys = settings_checklist.texts_sent(two_way=two_way, links=links)
            assert not [key for key in keys if key.startswith("label_") or key == "echo"]
            assert {"emergency", "emergency_self_harm", "test_text"} <= set(keys)


def test_confirmed_points_are_no_longer_missing_and_emptied_ones_are_again(store, site, actor, now):
    one_way(store, site)

    def confirm(**values):
        with store.writing() as session:
            row = session.get_one(Site, site.id)
            return settings_checklist.confirm(session, row, values, actor, now, links=True)

    assert confirm(dlt_entity=ENTITY, dlt_url="yes") == []
    gaps = {gap.key for gap in checklist_of(store, site).missing}
    assert {"dlt_entity", "dlt_url"} & gaps == set()
    assert "dlt_header" in gaps
    assert [key for key, _ in confirm(dlt_entity="12", dlt_url="yes", dlt_header="ASHACL")] == ["dlt_entity"]
    assert "dlt_header" in {gap.key for gap in checklist_of(store, site).missing}
    assert confirm(dlt_header="ASHACL") == []
    assert "dlt_entity" in {gap.key for gap in checklist_of(store, site).missing}
    with store.reading() as session:
        rows = session.exec(select(Audit).where(Audit.field == "registration")).all()
        assert audit.value(session, None, rows[0], rows[0].new_sealed) == f"dlt_entity: {ENTITY}"
