"""Doors that are tried from outside: tokens of another kind, addresses to go on to, paths, uploads, sessions."""

import io
from urllib.parse import urljoin, urlsplit

import pytest
import time_machine

from prom import clock
from prom.storage import staff
from tests.web import attacked
from tests.web.baseline import invited
from tests.web.conftest import PASSWORD

OUTSIDE = (
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    "\\\\evil",
)


@pytest.fixture
def clinic(store, site, now):
    return attacked.clinic(store, site, now)


def test_a_token_opens_its_own_kind_of_page_only(app, clinic):
    for number, (mine, token) in enumerate(clinic.tokens.items()):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"10.2.0.{number}"
        for kind in "abc":
            answer = client.get(f"/{kind}/{token}")
            assert answer.status_code in ({200} if kind == mine else {410, 429}), (mine, kind)
            if kind != mine:
                for tail, data in (
                    ("", {"q": "nrs", "answer": "3"}),
                    ("/new", {}),
                    ("/finish", {}),
                    ("/1", {"answer": "3"}),
                ):
                    assert client.post(f"/{kind}/{token}{tail}", data=data).status_code in {404, 405, 410, 429}
        assert client.get(f"/stop/{token}").status_code in ({200} if mine == "a" else {410, 429})
        assert client.get(f"/setup/{token}").status_code == 410


def test_a_token_with_one_sign_changed_opens_nothing(app, clinic):
    for number, (kind, token) in enumerate(clinic.tokens.items()):
        for place in (0, len(token) // 2, len(token) - 1):
            other = token[:place] + ("0" if token[place] != "0" else "1") + token[place + 1 :]
            client = app.test_client()
            address = {"REMOTE_ADDR": f"10.0.{number}.{place}"}
            assert client.get(f"/{kind}/{other}", environ_base=address).status_code == 410
        for odd in (token + "x", token[:-1], token.upper() + " ", "\N{ARABIC-INDIC DIGIT THREE}" * 30):
            address = {"REMOTE_ADDR": f"10.1.{number}.{len(odd)}"}
            assert client.get(f"/{kind}/{odd}", environ_base=address).status_code == 410


@pytest.mark.parametrize("where", OUTSIDE)
def test_nobody_is_sent_to_another_host(app, account, where):
    client = app.test_client()
    given = {"email": account.email, "password": PASSWORD}
    answer = client.post("/login", query_string={"next": where}, data=given | {"next": where})
    # An address outside is refused with the form, or made a path of our own.
    assert answer.status_code in {200, 302}
    assert goes_to(answer) == "localhost"
    answer = client.post("/verify", query_string={"next": where}, data={"password": PASSWORD, "next": where})
    assert goes_to(answer) == "localhost"


def goes_to(answer):
    return urlsplit(urljoin("http://localhost/login", (answer.location or "").replace("\\", "/"))).netloc


def test_the_host_that_a_request_names_stands_in_no_answer(app, account):
    client = app.test_client()
    for path in ("/login", "/todo", "/who", "/a/" + "x" * 30, "/nothing"):
        answer = client.get(path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
        assert "evil.example" not in answer.get_data(as_text=True) + (answer.location or ""), path


@pytest.mark.parametrize(
    "path", ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "/etc/passwd", "....//app.py", "prom.css%00"]
)
def test_static_addresses_lead_to_static_files_only(app, path):
    assert app.test_client().get(f"/static/{path}").status_code in {308, 400, 404}


@pytest.mark.parametrize("token", ["..%2f..%2fprom", "x", "a" * 32, "a" * 5000, "%00", "."])
def test_an_upload_that_is_not_ones_own_is_over(client_as, site, token):
    answer = client_as("admin").post(f"/data/import/{token}", data={"what": "episodes", "act": "store"})
    assert answer.status_code in {400, 404, 422}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 1000,
        b"\xff\xfe\x00\xd8\x00\x00",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"1" * 10_000,
        b"site,record_number\n" + b'"' * 200_000,
        b"x" * 200_000,
        ("a,b\n" + "9" * 10_000 + ",x\n").encode(),
        "\u202e,<script>alert(1)</script>\n=1+1,%s".encode(),
    ],
    ids=range(10),
)
def test_a_file_of_anything_is_refused_in_words(client_as, site, content):
    admin, coordinator = client_as("admin"), client_as("coordinator")
    for name in ("a.csv", "a.json", "<script>alert(1)</script>.csv", "../../a\r\nX-Injected: y.csv"):
        for client, path, more in (
            (admin, "/settings/questionnaires", {}),
            (admin, "/data/import", {"what": "episodes"}),
            (admin, "/data/import", {"what": "answers"}),
            (coordinator, "/enrol/list", {"go": "show"}),
        ):
            answer = client.post(path, data=more | {"file": (io.BytesIO(content), name)})
            # A line break in the name ends the part's head: what follows is a field, and one with NULs is refused.
            assert answer.status_code in {200, 400, 422}, (path, name)
            assert "<script>alert" not in answer.get_data(as_text=True), (path, name)
            assert "X-Injected" not in answer.headers


@pytest.mark.parametrize("path", ["/data/import", "/settings/questionnaires", "/enrol/list", "/login"])
def test_more_than_five_megabytes_are_not_taken(client_as, site, path):
    client = client_as("coordinator" if path == "/enrol/list" else "admin")
    body = b"--x\r\nContent-Disposition: form-data; name=file; filename=a.csv\r\n\r\n" + b"x" * (6 * 1024 * 1024)
    answer = client.post(path, data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 413


def test_plans_are_saved_and_moved_to_only_with_a_fresh_password(client_as, clinic):
    with time_machine.travel(clock.wall(), tick=False) as moving:
        client = client_as("admin")
        for _ in range(2):
            moving.shift(10 * 60)
            assert client.get("/settings/schedules/genicular_rfa").status_code == 200
        for path, data in (
            ("/settings/schedules/genicular_rfa", {"go": "save", "lines": "0"}),
            (f"/settings/schedules/versions/{clinic.ids['plan']}/move", {}),
        ):
            answer = client.post(path, data=data)
            assert answer.status_code == 302, path
            assert answer.location.startswith("/verify"), path
        assert client.post("/settings/schedules/genicular_rfa", data={"lines": "0"}).status_code == 422, (
            "a look is free"
        )


def test_staying_and_giving_the_password_again_do_not_outlast_twelve_hours(client_as):
    with time_machine.travel(clock.wall(), tick=False) as moving:
        client = client_as("admin")
        for _ in range(70):
            moving.shift(10 * 60)
            assert client.post("/me/stay").status_code == 204
            client.post("/verify", data={"password": PASSWORD})
        moving.shift(21 * 60)
        assert client.post("/me/stay").status_code == 302


def test_from_the_tablet_no_way_leads_back_to_staff_pages(app, client_as, store, clinic):
    client = client_as("coordinator")
    cookie = client.get_cookie("prom").value
    path = f"/patients/{clinic.ids['waiting']}/baseline/{clinic.ids['planned']}"
    answer = client.post(path, data={"way": "tablet"})
    assert answer.location.startswith("/b/")
    other_tab = app.test_client()
    other_tab.set_cookie("prom", cookie)
    for one in (client, other_tab):
        for page in ("/todo", "/patients", path, f"/patients/{clinic.ids['waiting']}", "/me/security", "/"):
            assert one.get(page).location.startswith("/login"), page
        assert one.post("/me/stay").status_code == 302
    assert client.get(answer.location).status_code == 200
    assert clinic.ids["waiting"] not in client.get(answer.location).get_data(as_text=True)


def test_a_disabled_account_is_out_at_once_and_its_set_up_link_with_it(app, client_as, store, now):
    client = client_as("coordinator")
    with store.writing() as session:
        account = staff.by_email(session, "coordinator@clinic.example")
        token = staff.new_setup_link(session, account, clock.wall())
        account.active = False
        session.add(account)
    assert client.get("/todo").location.startswith("/login")
    assert app.test_client().get(f"/setup/{token}").status_code == 410


def test_an_invitation_dies_with_a_newer_one_on_every_address(app, wired, site, now):
    old = invited(app, wired, site, now)
    from prom.services import inviting
    from prom.storage import audit
    from prom.storage.models import Episode, InvitationKind, Patient

    with wired.store.writing() as session:
        patient = session.get_one(Patient, old.patient.id)
        episode = session.get_one(Episode, old.episode.id)
        inviting.invite(session, patient, episode, InvitationKind.BASELINE, "qr", audit.COMMAND, now)
    for tail in ("", "/1", "/done", "/back"):
        assert old.page(tail).status_code == 410, tail
    for tail in ("/1", "/finish"):
        assert old.client.post(old.address + tail, data={"answer": "3"}).status_code == 410, tail


@pytest.mark.parametrize("path", ["/patients/a%00", "/todo?kind=%00", "/tasks/%00", "/enrol?patient=%00"])
def test_a_nul_in_an_address_is_a_wrong_request(client_as, site, path):
    """PostgreSQL takes no NUL in a text: there it would be an error of ours."""
    assert client_as("coordinator").get(path).status_code == 400


def test_a_nul_in_a_form_is_a_wrong_request_but_patients_are_heard(app, client_as, clinic):
    assert client_as("coordinator").post("/patients", data={"text": "a\0"}).status_code == 400
    assert app.test_client().post("/login", data={"email": "a\0@b", "password": "x"}).status_code == 400
    answer = app.test_client().post(f"/a/{clinic.tokens['a']}/note", data={"note": "my knee\0 hurts"})
    assert answer.status_code == 303
