"""Who may open what: every route names a permission, every role is let in or refused, other sites do not exist."""

import pytest
from sqlmodel import select

from prom.storage import audit, episodes
from prom.storage.models import Role, Site
from prom.web import guards
from tests import people

P = guards.Permission
PUBLIC = {
    "patient.question",
    "patient.answer",
    "patient.call",
    "patient.done",
    "patient.new_link",
    "patient.calendar",
    "patient.note",
    "patient.stop_page",
    "patient.stop",
    "patient.who",
    "patient.contact",
    "patient.choices",
    "patient.choose",
    "patient.withdraw",
    "patient.baseline",
    "patient.baseline_question",
    "patient.baseline_answer",
    "patient.baseline_done",
    "patient.baseline_finish",
    "patient.baseline_new_link",
    "patient.hand_back",
    "patient.consent",
    "patient.consent_answer",
    "patient.consent_finish",
    "patient.consent_back",
    "patient.consent_new_link",
    "assets.static_file",
    "assets.favicon",
    "health.healthz",
    "health.readyz",
    "health.metrics",
    "webhooks.check",
    "webhooks.inbound",
    "webhooks.status",
    "signing_in.setup",
} | guards.SECURITY_PAGES
SHUT = {"security.static", "security.tf_select", "security.two_factor_rescue"}
ARGUMENTS = {
    "token": "x" * 26,
    "name": "prom.css",
    "public_id": "nobody",
    "action": "reset",
    "number": "1",
    "entry_id": "1",
}


def rules(app):
    return [(rule, method) for rule in app.url_map.iter_rules() for method in rule.methods & {"GET", "POST"}]


def address(app, rule):
    given = {name: ARGUMENTS.get(name, "nobody") for name in rule.arguments}
    with app.test_request_context():
        return app.url_map.bind("localhost").build(rule.endpoint, given, method=None)


def opened(app, client, rule, method):
    return client.open(address(app, rule), method=method)


def test_every_route_names_a_permission_or_is_shut(app):
    nameless = {rule.endpoint for rule, _ in rules(app) if guards.permission_of(app, rule.endpoint) is None}
    assert nameless == SHUT


def test_the_public_routes_are_these_and_no_others(app):
    public = {rule.endpoint for rule, _ in rules(app) if guards.permission_of(app, rule.endpoint) is P.PUBLIC}
    assert public <= PUBLIC


def test_no_two_roles_together_see_patients_and_administer():
    for role in (Role.ADMIN, Role.AUDITOR):
        assert not guards.ALLOWED[role] & {P.PATIENTS, P.ENROL, P.REVIEW, P.QUEUE}
    for role in (Role.COORDINATOR, Role.CLINICIAN):
        assert not guards.ALLOWED[role] & {P.USERS, P.AUDIT, P.SETTINGS, P.EXPORT}


def test_nobody_unknown_gets_past_the_sign_in(app, site):
    for rule, method in rules(app):
        permission = guards.permission_of(app, rule.endpoint)
        if permission in {P.PUBLIC, P.DEMO}:
            continue
        answer = opened(app, app.test_client(), rule, method)
        if permission is None:
            assert answer.status_code == 403, rule
        else:
            assert answer.status_code == 302, rule
            assert answer.location.startswith("/login"), rule


@pytest.mark.parametrize("role", list(Role))
def test_a_role_opens_its_own_pages_and_no_others(app, client_as, role):
    client = client_as(role.value)
    for rule, method in rules(app):
        permission = guards.permission_of(app, rule.endpoint)
        if permission in {P.PUBLIC, P.DEMO, None}:
            continue
        answer = opened(app, client, rule, method)
        if permission in guards.ALLOWED[role]:
            assert answer.status_code in {200, 204, 302, 303, 400, 404, 422}, (rule, method, answer.status_code)
        else:
            assert answer.status_code == 403, (rule, method, answer.status_code)


def test_a_refusal_is_in_the_audit_trail_with_who_and_what(client_as, store):
    answer = client_as("clinician").get("/admin/users")
    with store.reading() as session:
        [row] = [row for row in audit.newest(session, 20) if row.action == "refused"]
    assert row.reason == "needs users"
    assert row.address == "127.0.0.1"
    assert row.session
    assert row.request_id == answer.headers["X-Request-Id"]


def test_get_changes_nothing_but_the_trail_of_reads(app, client_as, store, site, now):
    with store.writing() as session:
        people.asha(session, site, now)
    clients = [client_as(role.value) for role in Role]
    before = contents(store)
    for client in clients:
        for rule, method in rules(app):
            if method == "GET" and guards.permission_of(app, rule.endpoint) is not P.DEMO:
                opened(app, client, rule, method)
    assert contents(store) == before


def contents(store):
    from sqlmodel import SQLModel

    moving = {"audit", "websession", "signinthrottle"}
    with store.reading() as session:
        return {
            name: sorted(map(repr, session.execute(select(*table.columns))))
            for name, table in SQLModel.metadata.tables.items()
            if name not in moving
        }


@pytest.fixture
def elsewhere(store, site, now):
    """Return a patient of another site."""
    with store.writing() as session:
        other = Site(
            name="other",
            label="Other Clinic",
            phone="+913340002000",
            time_zone="Asia/Kolkata",
            key_sealed=store.vault.new_data_key(),
        )
        session.add(other)
        session.flush()
        episode = people.asha(session, other, now)
        return episode.public_id, episodes.patient_of(session, episode).public_id


@pytest.mark.parametrize("role", ["coordinator", "clinician"])
def test_another_sites_patients_and_procedures_do_not_exist(app, client_as, store, elsewhere, role):
    client, (procedure, patient) = client_as(role), elsewhere
    seen = 0
    for rule, method in rules(app):
        if guards.permission_of(app, rule.endpoint) not in guards.ALLOWED[Role(role)]:
            continue
        kind = rule.rule.split("/")[1]
        if kind not in {"patients", "procedures"} or "public_id" not in rule.arguments:
            continue
        given = dict.fromkeys(rule.arguments, "nobody")
        theirs = given | {"public_id": patient if kind == "patients" else procedure}
        paths = app.url_map.bind("localhost")
        answer = client.open(paths.build(rule.endpoint, theirs, method=method), method=method)
        nothing = client.open(paths.build(rule.endpoint, given, method=method), method=method)
        # A form without its fields may be refused first, but as it is for an id that nobody has.
        assert answer.status_code == nothing.status_code, (rule, method)
        assert answer.status_code in ({404} if method == "GET" else {400, 404, 422}), (rule, method)
        seen += 1
    assert seen > 5
    with store.reading() as session:
        refused = [row for row in audit.newest(session, 100) if row.action == "refused_other_site"]
    assert refused


def test_another_sites_patients_are_in_no_list_and_found_by_no_search(client_as, elsewhere):
    client = client_as("coordinator")
    for page in (client.get("/patients"), client.get("/todo"), client.post("/patients", data={"q": "Asha"})):
        assert elsewhere[1] not in page.get_data(as_text=True)


def test_the_simulator_is_not_there_beside_a_real_gateway(app_with, site):
    app = app_with(
        PROM_GATEWAY="twilio",
        TWILIO_ACCOUNT_SID="AC" + "0" * 32,
        TWILIO_AUTH_TOKEN="secret",
        PROM_TWILIO_FROM="+15005550006",
        PROM_PUBLIC_URL="https://clinic.example",
    )
    client = app.test_client()
    for path in ("/sim", "/sim/1"):
        assert client.get(path, base_url="https://clinic.example").status_code == 404


def test_a_sign_in_goes_on_to_the_page_that_was_asked_for_without_its_search_words(app, account):
    client = app.test_client()
    answer = client.get("/patients?q=Asha")
    assert "Asha" not in answer.location
    answer = client.post(answer.location, data={"email": account.email, "password": "plenty of quiet knees"})
    assert answer.location == "/patients"


def test_acts_on_accounts_ask_for_the_password_again_after_15_minutes(app, client_as, store):
    import time_machine

    from prom import clock

    start = clock.wall()
    with time_machine.travel(start, tick=False) as moving:
        client = client_as("admin")
        for _ in range(2):
            moving.shift(10 * 60)
            assert client.get("/admin/users").status_code == 200
        answer = client.post("/admin/users", data={"email": "new@clinic.example", "role": "auditor", "site": ""})
        assert answer.location.startswith("/verify")
        assert client.post("/verify", data={"password": "wrong wrong wrong"}).status_code == 200
        assert client.post("/verify", data={"password": "plenty of quiet knees"}).status_code == 302
        answer = client.post("/admin/users", data={"email": "new@clinic.example", "role": "auditor", "site": ""})
        assert answer.status_code == 200
