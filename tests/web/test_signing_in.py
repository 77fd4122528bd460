"""Sign-in: one answer for every failure, a second step with single-use codes, growing delays, one-time links."""

import base64
import hmac
import itertools
import re
import struct
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from prom.services import signing_in
from prom.storage import audit, staff
from prom.storage.models import Role
from tests.web.conftest import PASSWORD
from tests.web.signing import EMAIL, sign_in, text

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


@pytest.fixture
def at():
    """Return the real time as a thing that can be moved on."""
    with time_machine.travel(START, tick=False) as moving:
        yield moving


def code_at(key, at):
    """Return the six digits of RFC 6238 for a key at a moment."""
    digest = hmac.digest(base64.b32decode(key), struct.pack(">Q", int(at.timestamp()) // 30), "sha1")
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def set_up_second_step(client, moment=START):
    """Sign in for the first time and set the second step up; return its key."""
    assert sign_in(client).location.startswith("/tf-setup")
    page = text(client.post("/tf-setup", data={"setup": "authenticator"}))
    key = re.search(r"<code>([A-Z2-7-]+)</code>", page).group(1).replace("-", "")
    state = re.search(r'action="(/tf-validate)"', page).group(1)
    answer = client.post(state, data={"code": code_at(key, moment)})
    assert answer.status_code == 302
    return key


@pytest.fixture
def strict(app_with, account, at):
    """Return an app that asks for the second step."""
    return app_with(PROM_TOTP="required")


def test_the_right_password_opens_the_first_page_of_the_role(app, account):
    client = app.test_client()
    assert sign_in(client).location == "/"
    assert client.get("/").location == "/todo"


def test_a_wrong_password_an_unknown_account_and_a_disabled_one_get_the_same_answer(app, account, store, now):
    wrong = sign_in(app.test_client(), password="not this one at all")
    unknown = sign_in(app.test_client(), email="nobody@clinic.example")
    with store.writing() as session:
        signing_in.disable(session, EMAIL, audit.COMMAND, now)
    disabled = sign_in(app.test_client())
    assert wrong.status_code == unknown.status_code == disabled.status_code == 200
    assert text(wrong) == text(unknown) == text(disabled)
    assert "do not match an account" in text(wrong)


def test_an_account_without_a_password_cannot_be_opened(app, store, site, now):
    with store.writing() as session:
        staff.add(session, EMAIL, "Mina", Role.COORDINATOR, site.id, now)
    for password in ("", " ", "None", PASSWORD):
        client = app.test_client()
        sign_in(client, password=password)
        assert client.get("/todo").status_code == 302


def test_remember_me_does_not_exist(app, account):
    client = app.test_client()
    answer = sign_in(client, remember="y")
    assert "remember" not in text(app.test_client().get("/login")).lower()
    assert [name for name in answer.headers.getlist("Set-Cookie") if "remember" in name] == []


def test_sign_out_is_by_post_only_and_the_old_cookie_is_worth_nothing(app, account):
    client = app.test_client()
    sign_in(client)
    old = client.get_cookie("prom").value
    assert client.get("/logout").status_code == 405
    assert client.get("/todo").status_code == 200
    assert client.post("/logout").status_code == 302
    assert client.get("/todo").status_code == 302
    thief = app.test_client()
    thief.set_cookie("prom", old)
    assert thief.get("/todo").status_code == 302


def test_nobody_is_sent_to_another_site_after_sign_in(app, account):
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = app.test_client().post(f"/login?next={target}", data={"email": EMAIL, "password": PASSWORD})
        location = answer.location or "/"
        assert location.startswith("/")
        assert not location.startswith(("//", "/\\"))


def test_sign_in_takes_no_json(app, account):
    answer = app.test_client().post("/login", json={"email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 415


def test_the_first_sign_in_sets_the_second_step_up_and_opens_nothing_before(strict):
    client = strict.test_client()
    assert sign_in(client).location.startswith("/tf-setup")
    assert client.get("/todo").status_code == 302
    other = strict.test_client()
    set_up_second_step(other)
    assert other.get("/todo").status_code == 200


def test_a_code_works_once(strict, at):
    key = set_up_second_step(strict.test_client())
    at.move_to(START + timedelta(minutes=5))
    code = code_at(key, START + timedelta(minutes=5))
    client, thief = strict.test_client(), strict.test_client()
    for each in (client, thief):
        assert sign_in(each).location.startswith("/tf-validate")
    assert client.post("/tf-validate", data={"code": code}).status_code == 302
    assert client.get("/todo").status_code == 200
    assert thief.post("/tf-validate", data={"code": code}).status_code == 200
    assert thief.get("/todo").status_code == 302


def test_a_code_of_the_set_up_is_not_good_for_a_sign_in_too(strict):
    key = set_up_second_step(strict.test_client())
    thief = strict.test_client()
    sign_in(thief)
    assert thief.post("/tf-validate", data={"code": code_at(key, START)}).status_code == 200
    assert thief.get("/todo").status_code == 302


def test_wrong_codes_are_slowed_down_even_when_the_password_is_given_again(strict, at):
    set_up_second_step(strict.test_client())
    statuses = []
    for _ in range(6):
        client = strict.test_client()
        sign_in(client)
        statuses.append(client.post("/tf-validate", data={"code": "000000"}).status_code)
    assert statuses == [200] * 5 + [429]


def test_recovery_codes_open_once_and_lie_encrypted(strict, store, at):
    owner = strict.test_client()
    set_up_second_step(owner)
    page = text(owner.post("/mf-recovery-codes"))
    codes = re.findall(r"<code>([^<]+)</code>", page)
    assert len(codes) >= 5
    with store.reading() as session:
        row = staff.by_email(session, EMAIL)
        assert codes[0] not in row.mf_recovery_codes
        assert row.tf_totp_secret
    for expected in (200, 302):
        client = strict.test_client()
        sign_in(client)
        client.post("/mf-recovery", data={"code": codes[0]})
        assert client.get("/todo").status_code == expected


def test_the_second_step_stays_after_a_reset(strict, store, at, password_hash):
    set_up_second_step(strict.test_client())
    with store.writing() as session:
        token = signing_in.reset(session, EMAIL, audit.COMMAND, START)
        assert signing_in.set_password(session, token, password_hash, START)
    client = strict.test_client()
    assert sign_in(client).location.startswith("/tf-validate")
    assert client.post("/tf-setup", data={"setup": "authenticator"}).status_code == 302
    assert client.get("/todo").status_code == 302


def test_a_disabled_account_does_not_pass_the_second_step(strict, store, at):
    key = set_up_second_step(strict.test_client())
    at.shift(300)
    client = strict.test_client()
    sign_in(client)
    with store.writing() as session:
        signing_in.disable(session, EMAIL, audit.COMMAND, START)
    client.post("/tf-validate", data={"code": code_at(key, START + timedelta(minutes=5))})
    assert client.get("/todo").status_code == 302


def test_the_second_step_cannot_be_switched_off_beside_a_live_gateway(app_with, account):
    live = app_with(
        PROM_GATEWAY="twilio",
        TWILIO_ACCOUNT_SID="AC" + "0" * 32,
        TWILIO_AUTH_TOKEN="secret",
        PROM_TWILIO_FROM="+15005550006",
        PROM_PUBLIC_URL="https://clinic.example",
    )
    assert live.config["SECURITY_TWO_FACTOR_REQUIRED"]


def link_for(store, now=START):
    with store.writing() as session:
        return signing_in.reset(session, EMAIL, audit.COMMAND, now)


def test_a_set_up_link_works_once(app, store, account, at):
    address = f"/setup/{link_for(store)}"
    words = {"password": "seven slow herons wade", "again": "seven slow herons wade"}
    client = app.test_client()
    assert client.get(address).status_code == 200
    assert client.post(address, data=words).status_code == 302
    assert client.get(address).status_code == 410
    assert client.post(address, data=words | {"password": PASSWORD, "again": PASSWORD}).status_code == 410
    assert sign_in(app.test_client(), password=words["password"]).status_code == 302


def test_a_set_up_link_is_good_for_24_hours_and_the_newest_one_counts(app, store, account, at):
    old, address = f"/setup/{link_for(store)}", f"/setup/{link_for(store)}"
    client = app.test_client()
    assert client.get(old).status_code == 410
    at.move_to(START + timedelta(hours=24, seconds=-1))
    assert client.get(address).status_code == 200
    at.move_to(START + timedelta(hours=24))
    assert client.get(address).status_code == 410
    assert client.post(address, data={"password": PASSWORD, "again": PASSWORD}).status_code == 410


def test_a_set_up_link_dies_with_the_account(app, store, account, at):
    address = f"/setup/{link_for(store)}"
    with store.writing() as session:
        signing_in.disable(session, EMAIL, audit.COMMAND, START)
    assert app.test_client().get(address).status_code == 410
    assert app.test_client().post(address, data={"password": PASSWORD, "again": PASSWORD}).status_code == 410


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("eleven char", False),
        ("twelve chars", True),
        ("password1234", False),
        ("123456789012", False),
        ("aaaaaaaaaaaa", False),
        ("Clinic2026!!!!", False),
        ("prom-prom-2026", False),
        ("আমার হাঁটু ব্যথা নেই", True),
        ("wet stone and tea", True),
        ("relief-patient-4!", False),
    ],
)
def test_passwords_are_long_and_not_easily_guessed(password, good):
    assert (signing_in.password_problems(password) == []) is good


def test_a_bad_new_password_is_explained_and_stores_nothing(app, store, account, at):
    address = f"/setup/{link_for(store)}"
    client = app.test_client()
    short = client.post(address, data={"password": "short", "again": "shorter"})
    assert short.status_code == 422
    assert "12 characters" in text(short)
    assert "differ" in text(short)
    assert client.get(address).status_code == 200


def failures(app, count, email=EMAIL, address="127.0.0.1"):
    client = app.test_client()
    return [
        client.post(
            "/login",
            data={"email": email, "password": "wrong wrong wrong"},
            environ_overrides={"REMOTE_ADDR": address},
        ).status_code
        for _ in range(count)
    ]


def test_after_four_failures_an_account_waits_from_every_address(app, account, at):
    assert failures(app, 6) == [200] * 5 + [429]
    assert failures(app, 1, address="10.0.0.9") == [429]
    assert failures(app, 1, email="other@clinic.example", address="10.0.0.9") == [200]


def test_after_four_failures_an_address_waits_whatever_the_account(app, account, at):
    statuses = [failures(app, 1, email=f"guess{n}@clinic.example")[0] for n in range(6)]
    assert statuses == [200] * 5 + [429]
    assert sign_in(app.test_client()).status_code == 429


def test_the_delay_grows_to_a_quarter_of_an_hour_and_never_locks_for_good(app, account, at):
    waits = []
    for _ in range(16):
        answer = sign_in(app.test_client(), password="wrong wrong wrong")
        if answer.status_code == 429:
            seconds = int(answer.headers["Retry-After"])
            waits.append(seconds)
            at.shift(seconds)
    grown = [now for before, now in itertools.pairwise(waits) if now > before]
    assert len(grown) >= 5
    assert max(waits) <= 901
    at.shift(901)
    assert sign_in(app.test_client()).status_code == 302
    assert failures(app, 4) == [200] * 4


def test_failures_of_yesterday_do_not_count_today(app, account, at):
    failures(app, 4)
    at.shift(25 * 3600)
    assert failures(app, 5) == [200] * 5


def test_a_known_password_does_not_reset_the_delay_of_an_address(strict, at):
    failures(strict, 3, email="other@clinic.example")
    sign_in(strict.test_client())
    assert failures(strict, 3, email="another@clinic.example") == [200, 200, 429]


def test_sign_ins_and_failures_are_in_the_audit_trail(app, store, account):
    sign_in(app.test_client(), password="wrong wrong wrong")
    sign_in(app.test_client(), email="nobody@clinic.example")
    sign_in(app.test_client())
    with store.reading() as session:
        rows = [(row.action, row.object_id) for row in reversed(audit.newest(session, 10))]
        mina = staff.by_email(session, EMAIL).public_id
    assert rows == [("sign_in_failed", mina), ("sign_in_failed", ""), ("signed_in", mina)]


def test_a_password_is_kept_as_argon2id_with_46_mib(password_hash):
    assert password_hash.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
