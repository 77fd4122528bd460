"""One's own duty: days away, the deputy, the number, the morning's counts."""

from datetime import timedelta

import pytest

from prom.storage import staff
from tests.web.desk import page


@pytest.fixture
def sen(store, site, client_as, now):
    """Return a second clinician."""
    from prom.storage.models import Role

    with store.writing() as session:
        return staff.add(session, "sen@clinic.example", "Dr Sen", Role.CLINICIAN, site.id, now)


def days(now, first=0, last=7):
    return {
        "away_from_on": (now + timedelta(days=first)).date().isoformat(),
        "away_to_on": (now + timedelta(days=last)).date().isoformat(),
    }


def test_days_away_name_who_stands_in(store, client_as, sen, now):
    client = client_as("clinician")
    answer = client.post("/me", data={**days(now), "deputy": sen.public_id, "phone": "+919830012345", "digest": "y"})
    assert answer.status_code == 303
    shown = page(client.get("/me"))
    assert "You are away until 9 Mar 2026; Dr Sen gets your urgent texts." in shown
    assert 'value="+919830012345"' in shown
    assert "9 Mar 2026" in page(client.get("/clinic"))


def test_a_mistake_is_said_at_its_field_and_what_was_typed_is_kept(client_as, sen, now):
    client = client_as("clinician")
    answer = client.post("/me", data={**days(now, 7, 0), "phone": "123", "deputy": sen.public_id})
    assert answer.status_code == 422
    shown = page(answer)
    assert "The last day lies before the first." in shown
    assert "This number" in shown
    assert 'value="123"' in shown
    answer = client.post("/me", data={"away_from_on": "soon"})
    assert "Write a date such as" in page(answer)


def test_the_deputys_list_says_for_whom_and_until_when(store, client_as, sen, now):
    client = client_as("clinician")
    with store.writing() as session:
        me = staff.by_email(session, "clinician@clinic.example")
        row = staff.by_email(session, sen.email)
        row.away_from_on, row.away_to_on, row.deputy_id = now.date(), (now + timedelta(days=3)).date(), me.id
        session.add(row)
    assert "For Dr Sen too, until 5 Mar 2026." in page(client.get("/clinic"))
    assert "You stand in for Dr Sen until 5 Mar 2026." in page(client.get("/me"))


@pytest.mark.parametrize("role", ["coordinator", "clinician", "admin", "auditor"])
def test_everybody_has_the_page(client_as, role):
    assert client_as(role).get("/me").status_code == 200


def test_nobody_unknown_sees_it(app):
    assert app.test_client().get("/me").status_code == 302


def test_what_was_passed_on_stands_above_the_list(store, site, client_as, now):
    from prom.services import attending
    from prom.storage import audit, tasks
    from prom.storage.models import TaskKind
    from tests import people

    client = client_as("clinician")
    with store.writing() as session:
        episode = people.asha(session, site, now)
        task = tasks.open_task(
            session, site_id=site.id, kind=TaskKind.CALL, reason="red_flag_fever", dedupe_key="f", urgent=True,
            patient_id=episode.patient_id, now=now,
        )  # fmt: skip
        attending.escalate(session, task, audit.CLOCK, now)
    shown = page(client.get("/clinic"))
    assert "Passed on to you" in shown
    assert "Asha Das" in shown
    assert "Possible emergency" in shown


def test_the_lists_buttons_review_write_and_plan(store, site, client_as, now):
    from tests.web import clinician_patients as known

    bikash = known.bikash_and_asha(store, now)[0]
    shown = page(client_as("clinician").get("/clinic"))
    for words, href in (("Message", f"/patients/{bikash}/messages"), ("Plan", f"/patients/{bikash}/schedule")):
        assert f'href="{href}">{words}' in shown
    assert "Mark reviewed" in shown
