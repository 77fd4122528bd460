"""Another site does not exist: every address, argument and form field that names something of it answers 404."""

import pytest
from sqlmodel import SQLModel, select

from prom.storage import audit, staff
from prom.storage.models import Role, Site
from prom.web import guards
from tests.web import attacked, desk
from tests.web.test_guards import rules

IDS = frozenset({"public_id", "answer_id", "episode_id"})
MOVING = frozenset({"audit", "websession", "signinthrottle"})
FAR_PHONE = "+919007000301"


@pytest.fixture
def far(store, site, now):
    """Return a clinic with one of everything at another site."""
    with store.writing() as session:
        row = Site(
            name="far",
            label="Far Clinic",
            phone="+913340002000",
            time_zone="Asia/Kolkata",
            key_sealed=store.vault.new_data_key(),
        )
        session.add(row)
    return attacked.clinic(store, row, now, record="R-301", phone=FAR_PHONE)


@pytest.fixture
def near(store, site, now, far):
    """Return one's own clinic with one of everything."""
    return attacked.clinic(store, site, now)


def contents(store):
    with store.reading() as session:
        return {
            name: sorted(map(repr, session.execute(select(*table.columns))))
            for name, table in SQLModel.metadata.tables.items()
            if name not in MOVING
        }


def assert_refused(store, ask):
    """Check that a request is answered 404, that an audit row tells of the try, and that nothing was changed."""
    before, tries = contents(store), len(desk.actions(store, "refused_other_site"))
    answer = ask()
    assert answer.status_code == 404, (answer.status_code, answer.location)
    assert contents(store) == before
    assert len(desk.actions(store, "refused_other_site")) > tries, "no audit row of the try"


@pytest.mark.parametrize("role", list(Role))
def test_every_address_with_an_id_is_tried_with_every_id_of_another_site(app, client_as, store, near, far, role):
    client = client_as(role.value, None if role in {Role.ADMIN, Role.AUDITOR} else near.site.id)
    if role in {Role.ADMIN, Role.AUDITOR}:
        with store.writing() as session:
            account = staff.by_email(session, f"{role.value}@clinic.example")
            account.site_id = near.site.id
            session.add(account)
    before = contents(store)
    for rule, method in rules(app):
        if guards.permission_of(app, rule.endpoint) not in guards.ALLOWED[role] or not rule.arguments & IDS:
            continue
        for name in rule.arguments & IDS:
            for kind, theirs in far.ids.items():
                given = dict.fromkeys(rule.arguments, near.ids["patient"]) | {"action": "reset", name: theirs}
                address = app.url_map.bind("localhost").build(rule.endpoint, given, method=method)
                answer = client.open(address, method=method)
                assert answer.status_code in {400, 404, 422} | ({302} if method == "POST" else set()), (address, kind)
                assert theirs not in answer.get_data(as_text=True), (rule, kind)
                if answer.status_code == 302:
                    assert answer.location.startswith("/verify"), rule
    assert contents(store) == before


@pytest.mark.parametrize(
    ("role", "address"),
    [
        ("admin", "/settings/channel?site={site}"),
        ("admin", "/settings/consents?site={site}"),
        ("admin", "/settings/questionnaires?site={site}"),
        ("admin", "/settings/page-texts?site={site}"),
        ("admin", "/settings/messages/nrs/en?site={site}"),
        ("admin", "/settings/schedules/versions/{plan}"),
        ("admin", "/cohort?site={site}"),
        ("admin", "/cohort.csv?site={site}"),
        ("admin", "/reports?site={site name}"),
        ("clinician", "/settings/wordings?site={site}"),
        ("clinician", "/cohort?site={site}"),
        ("coordinator", "/reports?site={site name}"),
        ("coordinator", "/enrol?patient={patient}"),
        ("coordinator", "/enrol/test/{test text}"),
        ("coordinator", "/patients/{near}/schedule?episode={done}"),
        ("coordinator", "/patients/{near}/history?question={prompt}"),
        ("coordinator", "/patients/{near}/baseline/{planned}"),
        ("clinician", "/patients/{near}?episode={done}"),
        ("clinician", "/patients/{near}/print?episode={done}"),
        ("clinician", "/patients/{near}/sensitization?episode={done}"),
        ("clinician", "/patients/{near}/treatments?episode={done}"),
        ("clinician", "/patients/{near}/answers/{answer}"),
    ],
)
def test_an_address_that_names_another_site_is_not_found(client_as, store, near, far, role, address):
    client = bound(client_as, store, role, near)
    assert_refused(store, lambda: client.get(address.format(**far.ids, near=near.ids["patient"])))


@pytest.mark.parametrize(
    ("role", "address", "data"),
    [
        ("admin", "/settings/channel/release?site={site}", {}),
        ("admin", "/settings/channel/holidays?site={site}", {"day": "2026-05-01", "name": "May"}),
        ("admin", "/settings/messages/thanks/en?site={site}", {"text": "Thank you."}),
        ("admin", "/settings/schedules/genicular_rfa?site={site}", {"go": "save", "lines": "0"}),
        ("admin", "/settings/schedules/versions/{plan}/move", {}),
        ("clinician", "/settings/wordings/emergency/en?site={site}", {"digest": "x"}),
        ("clinician", "/patients/{near}/review", {"alert": "{alert}"}),
        ("clinician", "/patients/{near}/review", {"alert": "{near alert}", "episode": "{done}"}),
        ("clinician", "/patients/{near}/answers/{answer}", {"reason": "wrong"}),
        (
            "clinician",
            "/patients/{near}/treatments",
            {"do": "remove", "treatment_id": "{treatment}", "reason": "wrong"},
        ),
        ("clinician", "/patients/{near}/treatments", {"do": "add", "episode": "{done}", "kind": "other"}),
        ("clinician", "/patients/{near}/sensitization", {"episode": "{done}", "reason": "x"}),
        ("coordinator", "/patients/{near}/merge", {"other": "{patient}"}),
        ("coordinator", "/patients/{near}/merge", {"other": "{patient}", "confirm": "1", "sure": "y"}),
        ("coordinator", "/procedures/many", {"action": "cancel", "confirm": "1", "episode": "{planned}"}),
        ("coordinator", "/tasks/{near task}/assign", {"patient": "{patient}"}),
        ("coordinator", "/enrol", {"site": "{site}", "step": "1", "go": "next"}),
        ("coordinator", "/enrol/list", {"site": "{site}", "lines": "a;b"}),
        ("coordinator", "/patients/{near}/baseline/{planned}", {"way": "qr"}),
    ],
)
def test_a_form_that_names_another_site_is_not_found(client_as, store, near, far, role, address, data):
    client = bound(client_as, store, role, near)
    ids = far.ids | {
        "near": near.ids["patient"],
        "near task": near.ids["task 0"],
        "near alert": near.ids["alert"],
    }
    sent = {name: value.format(**ids) for name, value in data.items()}
    assert_refused(store, lambda: client.post(address.format(**ids), data=sent))


def bound(client_as, store, role, near):
    """Return a client of somebody who answers for one's own site only."""
    client = client_as(role, None if role in {"admin", "auditor"} else near.site.id)
    with store.writing() as session:
        for account in staff.everyone(session, None):
            account.site_id = near.site.id
            session.add(account)
    return client


def test_an_administrator_of_one_site_makes_nobody_an_administrator_of_all(client_as, store, near, far):
    client = bound(client_as, store, "admin", near)
    answer = client.post("/admin/users", data={"email": "mine@x.example", "role": "admin", "site": ""})
    assert answer.status_code == 200
    assert (
        client.post("/admin/users", data={"email": "far@x.example", "role": "admin", "site": "far"}).status_code == 422
    )
    with store.reading() as session:
        assert staff.by_email(session, "mine@x.example").site_id == near.site.id
        assert staff.by_email(session, "far@x.example") is None
    assert client.post("/admin/sites", data={"name": "third"}).status_code == 403


@pytest.mark.parametrize("action", ["reset", "disable"])
def test_an_administrator_of_one_site_changes_no_account_of_others(client_as, store, near, far, now, action):
    client = bound(client_as, store, "admin", near)
    with store.writing() as session:
        theirs = [
            staff.add(session, "far@x.example", "Far", Role.CLINICIAN, far.site.id, now).public_id,
            staff.add(session, "all@x.example", "All", Role.ADMIN, None, now).public_id,
        ]
    page = client.get("/admin/users").get_data(as_text=True)
    assert "far@x.example" not in page
    assert "all@x.example" not in page
    for one in theirs:
        assert client.post(f"/admin/users/{one}/{action}").status_code == 404
    assert len(desk.actions(store, "refused_other_site")) == 2
    with store.reading() as session:
        assert all(staff.by_public_id(session, one).active for one in theirs)


@pytest.mark.parametrize("role", ["admin", "auditor"])
def test_the_trail_of_one_site_is_read_by_its_own_auditor(client_as, store, near, far, role):
    client = bound(client_as, store, role, near)
    page = client.get("/admin/audit").get_data(as_text=True)
    with store.reading() as session:
        rows = audit.newest(session, 100, None, [near.site.id])
    assert rows
    assert "Far" not in page
    for theirs in far.ids.values():
        assert theirs not in page or theirs == "far"
    if role == "admin":
        assert "Far Clinic" not in client.get("/admin/sites").get_data(as_text=True)


def test_emergency_access_opens_patients_and_signs_nothing_for_their_clinic(client_as, store, near, far):
    client = client_as("clinician", near.site.id)
    given = {"site": "far", "reason": "their clinician is away and a patient called"}
    assert client.post("/emergency-access", data=given).status_code == 303
    assert client.get(f"/patients/{far.ids['patient']}").status_code == 200
    page = f"/settings/wordings?site={far.ids['site']}"
    assert_refused(store, lambda: client.get(page))
    sign = f"/settings/wordings/emergency/en?site={far.ids['site']}"
    assert_refused(store, lambda: client.post(sign, data={"digest": "x"}))
