"""The pages of plans: a table to edit, mistakes named, a rehearsal, versions, and running procedures moved on purpose."""

import pytest

from prom.storage import desk
from tests import people
from tests.web.desk import actions, other_site, page

RFA = "/settings/schedules/genicular_rfa"


def form(*days, **changes):
    fields = {"lines": str(len(days)), "go": "check"}
    for number, day in enumerate(days):
        fields |= {f"unit_{number}": "days", f"at_{number}": str(day)}
    return fields | changes


def test_the_settings_lead_to_the_plans(client_as):
    client = client_as("admin")
    assert "/settings/schedules" in page(client.get("/settings"))
    shown = page(client.get("/settings/schedules"))
    assert "Genicular nerve radiofrequency ablation" in shown
    assert "as shipped, version 1" in shown


def test_the_table_shows_the_plan_in_use_and_twelve_months_of_it(client_as):
    shown = page(client_as("admin").get(RFA))
    assert 'value="365"' in shown
    assert "After silence" in shown
    assert "Month 12" in shown
    assert "Save as a new version" not in shown


def test_a_changed_table_is_checked_rehearsed_and_then_saved(client_as, wired, site, now):
    client = client_as("admin")
    checked = page(client.post(RFA, data=form(10, 50, impression_1="y")))
    assert "Save as a new version" in checked
    assert "Day 50" in checked
    saved = client.post(RFA, data=form(10, 50, go="save"), follow_redirects=True)
    assert "Own version 2" in page(saved)
    assert "own, version 2" in page(client.get("/settings/schedules"))
    with wired.store.reading() as session:
        assert desk.own_plan(session, site.id, "genicular_rfa").version == "2"
    assert len(actions(wired.store, "plan saved")) == 1


def test_a_mistake_is_named_with_its_line_and_what_was_typed_is_kept(client_as, wired, site):
    answer = client_as("admin").post(RFA, data=form(14, 14, "soon", go="save"))
    shown = page(answer)
    assert answer.status_code == 422
    assert "Line 2: day 14 stands on line 1 already." in shown
    assert "Line 3: enter a whole day" in shown
    assert 'value="soon"' in shown
    with wired.store.reading() as session:
        assert desk.own_plan(session, site.id, "genicular_rfa") is None


@pytest.mark.parametrize("changes", [{"a_month": "0"}, {"a_month": "lots"}, {"example_at": "soon"}])
def test_an_example_that_makes_no_sense_is_told(client_as, changes):
    assert "There is a problem" in page(client_as("admin").post(RFA, data=form(14, **changes)))


def test_running_procedures_move_only_after_a_look(client_as, wired, site, now):
    with wired.store.writing() as session:
        people.asha(session, site, now)
    client = client_as("admin")
    shown = page(client.post(RFA, data=form(10, 50, go="save"), follow_redirects=True))
    assert "1 procedure has questions to come by another version." in shown
    assert actions(wired.store, "plan changed") == []
    with wired.store.reading() as session:
        row = desk.own_plan(session, site.id, "genicular_rfa")
    moved = client.post(f"/settings/schedules/versions/{row.public_id}/move", follow_redirects=True)
    assert "1 running procedure follows this version now." in page(moved)
    assert "None: every running procedure" in page(moved)
    assert len(actions(wired.store, "plan changed")) == 1


def test_an_older_version_that_is_still_followed_stays_listed(client_as, wired, site, now):
    with wired.store.writing() as session:
        people.asha(session, site, now)
    client = client_as("admin")
    client.post(RFA, data=form(10, 50, go="save"))
    assert "Older versions" in page(client.get("/settings/schedules"))


def test_a_version_of_another_site_is_not_there(client_as, wired, site):
    client = client_as("admin")
    client.post(RFA, data=form(10, 50, go="save"))
    far = other_site(wired.store)
    with wired.store.reading() as session:
        row = desk.own_plan(session, site.id, "genicular_rfa") or desk.own_plan(session, far.id, "genicular_rfa")
    elsewhere = far if row.site_id == site.id else site
    assert client.get(f"/settings/schedules/versions/{row.public_id}?site={elsewhere.public_id}").status_code == 404
    assert client.get("/settings/schedules/magic").status_code == 404


@pytest.mark.parametrize("role", ["coordinator", "clinician", "auditor"])
def test_only_admins_edit_plans(client_as, role):
    client = client_as(role)
    assert client.get("/settings/schedules").status_code == 403
    assert client.post(RFA, data=form(10, go="save")).status_code == 403
