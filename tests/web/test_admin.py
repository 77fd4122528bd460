"""The administrator's pages: accounts with one-time links, the system, the audit trail."""

import re

import pytest

from prom.storage import audit, staff
from tests import people
from tests.web.signing import cookie, sign_in, text


@pytest.fixture
def admin(client_as):
    """Return a signed-in administrator."""
    return client_as("admin")


def added(client, **changes):
    return client.post("/admin/users", data={"email": "New@Clinic.example", "role": "clinician", "site": ""} | changes)


def test_a_new_account_gets_a_link_that_is_shown_once_and_opens_it(app, admin, store):
    page = text(added(admin))
    link = re.search(r"(/setup/[\w-]{40,})", page).group(1)
    assert link not in text(admin.get("/admin/users"))
    words = {"password": "seven slow herons wade", "again": "seven slow herons wade"}
    client = app.test_client()
    assert client.post(link, data=words).status_code == 302
    assert sign_in(client, "new@clinic.example", words["password"]).status_code == 302
    assert client.get("/clinic").status_code == 200
    with store.reading() as session:
        actions = [row.action for row in audit.newest(session, 10)]
    assert {"user_added", "password_set", "signed_in"} <= set(actions)
    assert "seven slow" not in page


def test_the_link_names_the_address_of_the_settings_whatever_the_request_says(admin):
    admin.set_cookie("prom", cookie(admin), domain="evil.example")
    data = {"email": "n@clinic.example", "role": "auditor"}
    page = text(admin.post("/admin/users", data=data, base_url="http://evil.example"))
    assert "evil" not in page
    assert "http://127.0.0.1:5000/setup/" in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"email": "no address"}, "not an e-mail address"),
        ({"email": "admin@clinic.example"}, "has an account already"),
        ({"site": "nowhere"}, "no site"),
    ],
)
def test_a_wrong_account_is_explained_and_what_was_typed_is_kept(admin, store, changes, words):
    answer = added(admin, **changes)
    assert answer.status_code == 422
    assert words in text(answer)
    with store.reading() as session:
        assert len(staff.everyone(session, None)) == 1


def test_a_role_that_does_not_exist_is_refused(admin):
    assert added(admin, role="root").status_code == 400


def test_extra_form_fields_change_nothing(admin, store):
    added(admin, active="", password="x", public_id="chosen", site_id="7", tf_totp_secret="x")
    with store.reading() as session:
        row = staff.by_email(session, "new@clinic.example")
    assert row.active
    assert row.password is None
    assert row.public_id != "chosen"
    assert row.tf_totp_secret is None


def test_disabling_somebody_ends_their_session(admin, client_as, store):
    client = client_as("coordinator")
    with store.reading() as session:
        their_id = staff.by_email(session, "coordinator@clinic.example").public_id
    assert client.get("/help").status_code == 200
    assert admin.post(f"/admin/users/{their_id}/disable").status_code == 303
    assert client.get("/help").status_code == 302
    assert "disabled" in text(admin.get("/admin/users"))


def test_nobody_shuts_themselves_out_or_changes_somebody_unknown(admin, store):
    with store.reading() as session:
        own_id = staff.by_email(session, "admin@clinic.example").public_id
    assert admin.post(f"/admin/users/{own_id}/disable").status_code == 403
    assert admin.post("/admin/users/nobody/disable").status_code == 404
    assert admin.post(f"/admin/users/{own_id}/delete").status_code == 404
    assert admin.get("/admin/users").status_code == 200


def test_the_system_page_shows_findings_and_sites_and_no_secret(admin, store, site):
    page = text(admin.get("/admin/system"))
    assert site.label in page
    for key in (store.vault.index_key, store.vault.link_key, store.vault.audit_key, store.vault.cookie_key):
        assert key.hex() not in page


def test_the_audit_page_is_for_admins_and_auditors_and_names_nobody(admin, client_as, store, site, now):
    with store.writing() as session:
        people.asha(session, site, now)
    for client in (admin, client_as("auditor")):
        page = text(client.get("/admin/audit"))
        assert "signed_in" in page
        assert "Asha Das" not in page
        assert people.ASHA_PHONE not in page
        assert client.get("/admin/audit?before=zz").status_code == 200


def test_the_audit_page_says_when_the_trail_was_changed(admin, store, now, instance):
    import sqlite3

    with store.writing() as session:
        audit.seal(session, now)
    with sqlite3.connect(instance / "prom.db") as database:
        database.execute("DROP TRIGGER IF EXISTS audit_no_update")
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE audit SET actor = 'somebody' WHERE id = 1")
    assert "changed, added or removed after sealing" in text(admin.get("/admin/audit"))
