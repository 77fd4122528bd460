"""Headers and error pages: the policy on every answer, a number on every error, and no database needed for them."""

import pytest

from tests.web.signing import sign_in, text

CSP = (
    "default-src 'none'; script-src 'self'; "
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
PAGES = {
    "anonymous": ("/", "/login", "/healthz", "/readyz", "/a/" + "x" * 26, "/setup/x", "/who", "/nowhere", "/sim"),
    "coordinator": ("/todo", "/patients", "/enrol", "/cohort", "/help", "/admin/users"),
    "clinician": ("/clinic", "/patients", "/cohort", "/help", "/enrol"),
    "admin": ("/admin/users", "/admin/system", "/admin/audit", "/cohort", "/todo"),
    "auditor": ("/admin/audit", "/help", "/admin/users"),
}


def answers(app, client_as, role):
    client = app.test_client() if role == "anonymous" else client_as(role)
    return [client.get(path) for path in PAGES[role]]


@pytest.mark.parametrize("role", PAGES)
def test_every_page_has_the_policy_and_is_not_stored(app, client_as, site, role):
    for answer in answers(app, client_as, role):
        assert answer.headers["Content-Security-Policy"] == CSP, answer.request.path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize("role", PAGES)
def test_no_page_holds_inline_code_or_another_host(app, client_as, site, role):
    for answer in answers(app, client_as, role):
        page = answer.get_data(as_text=True)
        for forbidden in (" style=", "<style", " onclick=", " onload=", "javascript:", "https://", "//cdn"):
            assert forbidden not in page, (answer.request.path, forbidden)
        assert page.count("<script") == page.count('<script src="/static/') + page.count(
            '<script type="application/json"'
        )


def test_hsts_is_sent_when_the_public_address_is_https(app_with, site):
    app = app_with(PROM_PUBLIC_URL="https://clinic.example")
    answer = app.test_client().get("/login", base_url="https://clinic.example")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_static_files_with_a_version_may_be_kept(app):
    answer = app.test_client().get("/static/prom.css")
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/static/../config.py", "/static/%2e%2e/config.py", "/static/", "/static/prom.css/x"])
def test_static_files_end_at_their_folder(app, path):
    assert app.test_client().get(path).status_code == 404


def test_an_error_page_names_its_request_and_not_the_address(app):
    answer = app.test_client().get("/nowhere/Secret-Name")
    assert answer.status_code == 404
    assert answer.headers["X-Request-Id"] in answer.get_data(as_text=True)
    assert "Secret-Name" not in answer.get_data(as_text=True)


def test_a_mistake_of_ours_is_logged_by_place_without_its_words(app, caplog):
    def fails():
        raise LookupError("Asha Das +919007000101")

    fails.permission = "public"
    app.view_functions["health.healthz"] = fails
    answer = app.test_client().get("/healthz")
    assert answer.status_code == 500
    assert answer.headers["Content-Security-Policy"] == CSP
    assert answer.headers["X-Request-Id"] in answer.get_data(as_text=True)
    assert "LookupError" in caplog.text
    assert answer.headers["X-Request-Id"] in caplog.text
    assert "Asha" not in caplog.text + answer.get_data(as_text=True)


@pytest.fixture
def gone(store, account):
    """Return a function that takes the database away."""

    def take_away():
        store.engine.dispose()
        path = store.engine.url.database
        import pathlib

        for name in (path, f"{path}-wal", f"{path}-shm"):
            pathlib.Path(name).unlink(missing_ok=True)
        pathlib.Path(path).mkdir()

    return take_away


@pytest.mark.parametrize("path", ["/todo", "/help", "/patients", "/readyz", "/a/" + "x" * 26])
def test_without_its_database_a_page_answers_503_and_says_try_again(app, gone, path, caplog):
    client = app.test_client()
    sign_in(client)
    gone()
    answer = client.get(path)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert answer.headers["Content-Security-Policy"] == CSP
    assert answer.headers["X-Request-Id"] in answer.get_data(as_text=True)
    assert "x" * 26 not in caplog.text


def test_healthz_answers_without_a_database_with_and_without_a_cookie(app, gone):
    client = app.test_client()
    sign_in(client)
    gone()
    assert client.get("/healthz").json == {"status": "ok"}
    assert app.test_client().get("/healthz").status_code == 200


def test_a_sign_in_without_a_database_is_a_503(app, gone):
    gone()
    assert sign_in(app.test_client()).status_code == 503


def test_the_body_limit_is_one_import_and_a_little(app, client_as):
    answer = client_as("coordinator").post("/patients", data={"q": "x" * (6 * 1024 * 1024)})
    assert answer.status_code == 413
    assert "5 MB" in text(answer)
