"""One's own account: sessions listed and ended, the password changed, staying signed in, emergency access with a reason."""

import pytest
from sqlmodel import select

from prom.services import leaving
from prom.storage import audit, episodes, staff
from prom.storage.models import Message, MessageKind, Role, Task
from tests import people
from tests.web import desk
from tests.web.conftest import PASSWORD
from tests.web.signing import sign_in, text

NEW = "seven slow herons wade"


def actions(store):
    with store.reading() as session:
        return [row.action for row in audit.newest(session, 30)]


def test_somebody_signed_in_twice_sees_both_sessions_and_ends_the_other(app, account, store):
    here, there = app.test_client(), app.test_client()
    sign_in(here)
    sign_in(there)
    assert text(here.get("/me/security")).count("this one") == 1
    assert here.post("/me/sessions/end").status_code == 303
    assert here.get("/me/security").status_code == 200
    assert there.get("/me/security").status_code == 302
    assert "sessions_ended" in actions(store)


def test_a_new_password_must_be_good_and_ends_the_other_sessions(app, account, store):
    here, there = app.test_client(), app.test_client()
    sign_in(here)
    sign_in(there)
    weak = here.post("/me/password", data={"password": "short", "again": "short"})
    assert weak.status_code == 422
    assert "at least 12 characters" in text(weak)
    assert here.post("/me/password", data={"password": NEW, "again": NEW}).status_code == 303
    assert there.get("/me/security").status_code == 302
    assert sign_in(app.test_client(), password=PASSWORD).status_code == 200
    assert sign_in(app.test_client(), password=NEW).status_code == 302
    assert {"password_changed", "sign_in_failed"} <= set(actions(store))


def test_signing_out_leaves_a_row_in_the_trail(app, account, store):
    client = app.test_client()
    sign_in(client)
    client.post("/logout")
    assert "signed_out" in actions(store)


def test_staying_signed_in_answers_without_a_page(app, account):
    client = app.test_client()
    assert client.post("/me/stay").status_code == 302
    sign_in(client)
    assert client.post("/me/stay").status_code == 204


@pytest.fixture
def far_asha(store, site, now):
    """Return the page of Asha, a patient of another site; there is an administrator with a phone."""
    _, episode = desk.another(store, now)
    with store.writing() as session:
        admin = staff.add(session, "boss@clinic.example", "Boss", Role.ADMIN, None, now)
        staff.set_phone(session, admin, "+919007000777")
        return f"/patients/{episodes.patient_of(session, episode).public_id}"


def test_emergency_access_needs_a_reason_lasts_an_hour_and_is_told(client_as, store, far_asha):
    clinician = client_as("clinician")
    assert clinician.get(far_asha).status_code == 404
    assert clinician.post("/emergency-access", data={"site": "far", "reason": "now"}).status_code == 422
    given = {"site": "far", "reason": "Collapsed in our waiting room"}
    assert clinician.post("/emergency-access", data=given).status_code == 303
    assert clinician.get(far_asha).status_code == 200
    assert "glass_broken" in actions(store)
    with store.reading() as session:
        told = session.exec(select(Message).where(Message.kind == MessageKind.STAFF)).all()
    assert [one.text_key for one in told] == ["staff_urgent"]
    assert "Collapsed in our waiting room" in text(client_as("admin").get("/admin/users"))


def test_coordinators_have_no_emergency_access(client_as, site):
    assert client_as("coordinator").get("/emergency-access").status_code == 403


def test_a_leavers_claimed_tasks_go_to_the_heir_and_the_cover_with_them(store, site, now):
    with store.writing() as session:
        asha = people.asha(session, site, now)
        mina, heir, away = (
            staff.add(session, f"{name}@clinic.example", name, Role.COORDINATOR, site.id, now)
            for name in ("mina", "heir", "away")
        )
        away.deputy_id = mina.id
        task = Task(
            site_id=site.id, patient_id=asha.patient_id, kind="call", reason="call_me", created_at=now, dedupe_key="x"
        )
        task.claimed_by_id, task.claimed_at = mina.id, now
        session.add(task)
        session.flush()
        assert leaving.leave(session, mina, heir, audit.COMMAND, now) == 1
        session.refresh(task)
        session.refresh(away)
        assert (task.claimed_by_id, away.deputy_id, mina.active) == (heir.id, heir.id, False)
        clinician = staff.add(session, "doc@clinic.example", "doc", Role.CLINICIAN, site.id, now)
        with pytest.raises(leaving.HandOverError, match="another role"):
            leaving.leave(session, heir, clinician, audit.COMMAND, now)
