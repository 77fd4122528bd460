"""Sessions are rows: a new id at sign-in, 15 idle minutes, 12 hours in all, ended at once."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlmodel import select

from prom.services import signing_in
from prom.storage import audit, staff
from prom.storage.models import WebSession
from tests.web.signing import EMAIL, cookie, sign_in

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


@pytest.fixture
def at():
    """Return the real time as a thing that can be moved on."""
    with time_machine.travel(START, tick=False) as moving:
        yield moving


def rows(store):
    with store.reading() as session:
        return list(session.exec(select(WebSession)))


def is_open(client):
    return client.get("/help").status_code == 200


def test_before_sign_in_there_is_no_row(app, account, store):
    client = app.test_client()
    client.get("/login")
    sign_in(client, password="wrong wrong wrong")
    assert rows(store) == []


def test_every_sign_in_gets_a_new_id_that_is_kept_hashed(app, account, store):
    client = app.test_client()
    client.get("/login")
    before = cookie(client)
    sign_in(client)
    token = cookie(client).removeprefix("r.")
    assert cookie(client) != before
    [row] = rows(store)
    assert row.token_hash == staff.hashed(token)
    assert len(token) >= 43, "256 random bits"
    assert token.encode() not in store.engine.url.database.encode()
    client.post("/logout")
    sign_in(client)
    assert cookie(client).removeprefix("r.") != token


def test_a_planted_cookie_is_not_taken_over(app, account, store):
    client = app.test_client()
    client.set_cookie("prom", "r." + "x" * 43)
    sign_in(client)
    assert cookie(client) != "r." + "x" * 43
    assert is_open(client)


def test_15_idle_minutes_end_a_session_and_use_keeps_it(app, account, at):
    client = app.test_client()
    sign_in(client)
    for _ in range(4):
        at.shift(timedelta(minutes=14, seconds=59))
        assert is_open(client)
    at.shift(timedelta(minutes=15))
    assert not is_open(client)


def test_a_session_ends_12_hours_after_sign_in_whatever_its_use(app, account, at):
    client = app.test_client()
    sign_in(client)
    for _ in range(71):
        at.shift(timedelta(minutes=10))
        assert is_open(client)
    at.shift(timedelta(minutes=10))
    assert not is_open(client)


def test_that_a_session_was_seen_is_written_once_a_minute(app, account, store, at):
    client = app.test_client()
    sign_in(client)
    is_open(client)
    at.shift(59)
    is_open(client)
    assert rows(store)[0].last_seen_at == START
    at.shift(2)
    is_open(client)
    assert rows(store)[0].last_seen_at == START + timedelta(seconds=61)


def test_disabling_an_account_ends_its_sessions_at_once(app, account, store):
    client = app.test_client()
    sign_in(client)
    assert is_open(client)
    with store.writing() as session:
        signing_in.disable(session, EMAIL, audit.COMMAND, START)
    assert not is_open(client)
    assert rows(store) == []


def test_a_reset_ends_sessions_at_once(app, account, store):
    client = app.test_client()
    sign_in(client)
    with store.writing() as session:
        signing_in.reset(session, EMAIL, audit.COMMAND, START)
    assert not is_open(client)


def test_a_forged_or_changed_cookie_opens_nothing(app, account):
    client = app.test_client()
    sign_in(client)
    good = cookie(client)
    for bad in (good[:-1], good + "a", "r.", "eyJfdXNlcl9pZCI6IjEifQ.x.y"):
        thief = app.test_client()
        thief.set_cookie("prom", bad)
        assert not is_open(thief)


def flags(answer, name):
    [header] = [value for value in answer.headers.getlist("Set-Cookie") if value.startswith(f"{name}=")]
    return {part.strip().lower() for part in header.split(";")[1:]}


def test_the_cookie_is_for_this_host_and_https_when_the_public_address_is(app_with, account):
    app = app_with(PROM_PUBLIC_URL="https://clinic.example")
    client = app.test_client()
    for answer in (client.get("/login", base_url="https://clinic.example"),):
        assert flags(answer, "__Host-prom") == {"secure", "httponly", "path=/", "samesite=lax"}
    answer = client.post(
        "/login", data={"email": EMAIL, "password": "plenty of quiet knees"}, base_url="https://clinic.example"
    )
    assert flags(answer, "__Host-prom") == {"secure", "httponly", "path=/", "samesite=lax"}


def test_the_cookie_is_plain_but_shut_to_scripts_over_http(app, account):
    answer = sign_in(app.test_client())
    assert flags(answer, "prom") == {"httponly", "path=/", "samesite=lax"}


def test_one_person_may_have_two_sessions_and_sign_out_ends_one(app, account, store):
    one, two = app.test_client(), app.test_client()
    sign_in(one)
    sign_in(two)
    one.post("/logout")
    assert not is_open(one)
    assert is_open(two)


def test_what_a_session_holds_lies_sealed(app, account, store):
    client = app.test_client()
    sign_in(client)
    [row] = rows(store)
    assert "_user_id" not in row.content
    assert account.fs_uniquifier not in row.content
    with store.writing() as session:
        session.merge(row).content = "{}"
    assert not is_open(client)
