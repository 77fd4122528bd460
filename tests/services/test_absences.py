"""Who receives alerts while somebody is away."""

from datetime import date, timedelta

import pytest

from prom.services import absences
from prom.services.absences import AbsenceError, Given
from prom.storage import audit, on_call, sites
from prom.storage import staff as staff_rows
from prom.storage.models import Role
from tests import people

TODAY = date(2026, 3, 2)
WEEK = TODAY + timedelta(days=7)


@pytest.fixture
def clinic(store, site, now):
    """Return a maker of clinicians by name: of the site, or of one given."""

    def make(name, *, site_id=site.id, role=Role.CLINICIAN):
        with store.writing() as session:
            return people.staff(session, f"{name}@clinic.example", name, role, site_id, now)

    return make


def away(store, member, deputy, *, start=TODAY, end=WEEK):
    with store.writing() as session:
        row = on_call.by_id(session, member.id)
        row.away_from_on, row.away_to_on, row.deputy_id = start, end, deputy.id if deputy else None
        session.add(row)


def receivers(store, site, on=TODAY):
    with store.reading() as session:
        return [one.name for one in absences.receivers(session, site.id, on)]


def save(store, member, given, now):
    with store.writing() as session:
        row = on_call.by_id(session, member.id)
        return absences.save(session, row, given, people.actor(member), now)


def test_everybody_here_receives(store, site, clinic):
    clinic("Rao")
    clinic("Sen")
    clinic("Mina", role=Role.COORDINATOR)
    assert receivers(store, site) == ["Rao", "Sen"]


def test_a_deputy_receives_for_who_is_away_from_the_first_day_to_the_last(store, site, clinic):
    rao, sen = clinic("Rao"), clinic("Sen")
    away(store, rao, sen)
    assert receivers(store, site, TODAY - timedelta(days=1)) == ["Rao", "Sen"]
    assert receivers(store, site, TODAY) == ["Sen"]
    assert receivers(store, site, WEEK) == ["Sen"]
    assert receivers(store, site, WEEK + timedelta(days=1)) == ["Rao", "Sen"]
    with store.reading() as session:
        assert [one.name for one in absences.stands_in_for(session, sen, TODAY)] == ["Rao"]
        assert absences.stands_in_for(session, rao, TODAY) == []


def test_a_deputy_who_is_away_passes_on_to_theirs(store, site, clinic):
    rao, sen, das = clinic("Rao"), clinic("Sen"), clinic("Das", site_id=None)
    away(store, rao, sen)
    away(store, sen, das)
    assert receivers(store, site) == ["Das"]
    with store.reading() as session:
        assert {one.name for one in absences.stands_in_for(session, das, TODAY)} == {"Rao", "Sen"}


def test_when_all_are_away_in_a_circle_everybody_receives(store, site, clinic):
    rao, sen = clinic("Rao"), clinic("Sen")
    away(store, rao, sen)
    away(store, sen, rao)
    assert receivers(store, site) == ["Rao", "Sen"]


def test_a_deputy_sees_at_least_the_same_sites_and_has_the_same_role(store, site, clinic):
    rao = clinic("Rao")
    with store.writing() as session:
        north = sites.add(session, "north", "North Clinic", "Asia/Kolkata")
    clinic("Far", site_id=north.id)
    clinic("Everywhere", site_id=None)
    clinic("Mina", role=Role.COORDINATOR)
    with store.reading() as session:
        assert [one.name for one in absences.deputies(session, rao)] == ["Everywhere"]


def test_what_is_said_is_kept_and_audited_without_the_number(store, site, clinic, now):
    rao, sen = clinic("Rao"), clinic("Sen")
    given = Given("09830012345", digest=True, away_from_on=TODAY, away_to_on=WEEK, deputy=sen.public_id)
    assert set(save(store, rao, given, now)) == {"digest", "away_from_on", "away_to_on", "deputy_id", "phone"}
    with store.reading() as session:
        row = on_call.by_id(session, rao.id)
        assert staff_rows.phone(session, row) == "+919830012345"
        rows = audit.history(session, "staff", rao.public_id)
        told = [audit.value(session, None, entry, entry.new_sealed) for entry in rows]
    assert "set" in told
    assert not any("98300" in words for words in told)
    assert save(store, rao, given, now) == ()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (Given(phone="12345"), "phone"),
        (Given(digest=True), "phone"),
        (Given(away_from_on=TODAY), "away_to_on"),
        (Given(away_to_on=TODAY), "away_from_on"),
        (Given(away_from_on=WEEK, away_to_on=TODAY), "away_to_on"),
        (Given(away_from_on=TODAY - timedelta(days=9), away_to_on=TODAY - timedelta(days=1)), "away_to_on"),
        (Given(away_from_on=TODAY, away_to_on=WEEK), "deputy"),
        (Given(away_from_on=TODAY, away_to_on=WEEK, deputy="nobody"), "deputy"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(store, site, clinic, now, given, field):
    rao, _sen = clinic("Rao"), clinic("Sen")
    with pytest.raises(AbsenceError) as error:
        save(store, rao, given, now)
    assert field in error.value.problems
    with store.reading() as session:
        assert on_call.by_id(session, rao.id).away_from_on is None


def test_nobody_stands_in_for_themselves(store, site, clinic, now):
    rao, _sen = clinic("Rao"), clinic("Sen")
    with pytest.raises(AbsenceError):
        save(store, rao, Given(away_from_on=TODAY, away_to_on=WEEK, deputy=rao.public_id), now)
