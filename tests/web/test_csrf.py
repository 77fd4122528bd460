"""Forms of other sites change nothing: every unsafe route wants its token."""

import re

import pytest

from prom.web import guards
from tests.web.signing import EMAIL, cookie
from tests.web.test_guards import address, rules

FREE = {"webhooks", "patient"}  # a signature and the token in the address stand in for it


@pytest.fixture
def guarded(app, client_as):
    """Return a maker of signed-in clients of an app that checks tokens."""

    def make(role):
        client = client_as(role)
        app.config["WTF_CSRF_ENABLED"] = True
        return client

    return make


@pytest.mark.parametrize("role", ["coordinator", "clinician", "admin"])
def test_an_unsafe_request_without_a_token_is_refused(app, guarded, role):
    client = guarded(role)
    for rule, method in rules(app):
        permission = guards.permission_of(app, rule.endpoint)
        if method != "POST" or permission is None or rule.endpoint.partition(".")[0] in FREE:
            continue
        assert client.post(address(app, rule)).status_code == 400, rule
        assert client.post(address(app, rule), data={"csrf_token": "made up"}).status_code == 400, rule
    assert client.get("/help").status_code == 200, "nobody was signed out by it"


def test_webhooks_and_patients_links_ask_for_no_token(app, site):
    app.config["WTF_CSRF_ENABLED"] = True
    client = app.test_client()
    assert client.post("/twilio/inbound").status_code == 403, "no signature"
    assert client.post("/a/" + "x" * 26, data={"q": "nrs", "answer": "3"}).status_code == 410


def test_the_forms_carry_a_token_that_works(app, account):
    app.config["WTF_CSRF_ENABLED"] = True
    client = app.test_client()
    data = {"email": EMAIL, "password": "plenty of quiet knees"}
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login").get_data(as_text=True)).group(1)
    assert client.post("/login", data=data).status_code == 400
    assert client.post("/login", data=data | {"csrf_token": token}).status_code == 302
    page = client.get("/help").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page).group(1)
    assert client.post("/logout", data={"csrf_token": token}).status_code == 302
    assert client.get("/help").status_code == 302


def test_a_token_of_another_browser_does_not_work(app, account):
    app.config["WTF_CSRF_ENABLED"] = True
    mine, theirs = app.test_client(), app.test_client()
    page = theirs.get("/login").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page).group(1)
    mine.get("/login")
    assert cookie(mine) != cookie(theirs)
    answer = mine.post("/login", data={"email": EMAIL, "password": "plenty of quiet knees", "csrf_token": token})
    assert answer.status_code == 400
