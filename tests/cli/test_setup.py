"""Setting up by command: accounts, keys, the audit trail; errors are one plain line."""

import sqlite3

import pytest

from prom.storage import answers, audit, staff, vault
from prom.storage.models import Answer
from prom.storage.session import Store
from tests import people
from tests.cli.conftest import PASSWORD

EMAIL = "mina@clinic.example"


def is_one_plain_line(done, code=1):
    return (
        done.returncode == code
        and done.stdout == ""
        and done.stderr.count("\n") == 1
        and done.stderr.startswith("prom: ")
        and "Traceback" not in done.stderr
    )


def test_init_makes_everything_and_again_changes_nothing(prom, tmp_path):
    fresh = {"PROM_INSTANCE": str(tmp_path / "fresh")}
    first = prom("init", **fresh)
    assert first.returncode == 0, first.stderr
    assert "field-1.key" in first.stdout
    keys = {path.name: path.read_bytes() for path in (tmp_path / "fresh" / "keys").iterdir()}
    assert {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "fresh" / "keys").iterdir()} == {"0o400"}
    again = prom("init", **fresh)
    assert again.returncode == 0, again.stderr
    assert "none" in again.stdout
    assert {path.name: path.read_bytes() for path in (tmp_path / "fresh" / "keys").iterdir()} == keys


@pytest.mark.parametrize(
    ("country", "api", "two_way"), [("IN", "", 0), ("US", "", 1), ("IN", "http://127.0.0.1:9/api", 1)]
)
def test_a_live_clinic_starts_with_links_where_replies_do_not_arrive(prom, tmp_path, country, api, two_way):
    folder = tmp_path / "live"
    live = {"PROM_GATEWAY": "twilio", "TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "secret"}
    where = {"PROM_TWILIO_FROM": "+15005550006", "PROM_PUBLIC_URL": "https://clinic.example"}
    done = prom("init", "--country", country, **live, **where, PROM_TWILIO_API_URL=api, PROM_INSTANCE=str(folder))
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(folder / "prom.db") as database:
        assert database.execute("SELECT two_way FROM site").fetchone() == (two_way,)


def test_without_init_a_command_says_what_to_do(prom, tmp_path):
    done = prom("user", "reset", EMAIL, PROM_INSTANCE=str(tmp_path / "nowhere"))
    assert is_one_plain_line(done)
    assert "prom init" in done.stderr


@pytest.mark.parametrize(
    "command", [("serve", "--port", "0"), ("clock", "--once"), ("seed", "--patients", "3"), ("state", "--json")]
)
def test_without_init_nothing_starts_and_nothing_is_marked(prom, tmp_path, command):
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    done = prom(*command, PROM_INSTANCE=str(nowhere))
    assert is_one_plain_line(done)
    assert "prom init" in done.stderr
    assert list(nowhere.glob("demo*")) == []


def test_a_clock_without_its_database_says_so_in_one_line(prom, site):
    nobody = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    done = prom("clock", "--once", PROM_DATABASE_URL=nobody)
    assert is_one_plain_line(done)
    assert "the database does not answer" in done.stderr


@pytest.mark.parametrize("numbers", [("-1", "0"), ("0", "0"), ("2", "3"), ("2", "-1")])
def test_a_number_of_patients_that_cannot_be_is_refused(prom, site, instance, numbers):
    assert is_one_plain_line(prom("seed", "--patients", numbers[0], "--due", numbers[1]))
    assert list(instance.glob("demo*")) == []


def test_a_new_account_gets_a_one_time_link_and_no_password(prom, store, site, instance):
    done = prom("user", "add", EMAIL, "--role", "coordinator")
    assert done.returncode == 0, done.stderr
    [link] = [line for line in done.stdout.splitlines() if "/setup/" in line]
    token = link.rpartition("/")[2]
    with store.reading() as session:
        account = staff.by_email(session, EMAIL)
        assert account.password is None
        assert account.site_id == site.id
    assert len(token) >= 43, "256 random bits"
    assert token.encode() not in b"".join(path.read_bytes() for path in instance.glob("prom.db*"))


def test_a_password_may_come_from_standard_input_and_is_kept_hashed(prom, store, site, instance):
    done = prom("user", "add", EMAIL, "--role", "admin", "--password-stdin", said=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert "/setup/" not in done.stdout
    with store.reading() as session:
        assert staff.by_email(session, EMAIL).password.startswith("$argon2id$")


@pytest.mark.parametrize("password", ["short", "password1234", ""])
def test_a_bad_password_is_refused_and_no_account_is_made(prom, store, site, password):
    done = prom("user", "add", EMAIL, "--role", "admin", "--password-stdin", said=f"{password}\n")
    assert is_one_plain_line(done)
    with store.reading() as session:
        assert staff.by_email(session, EMAIL) is None


def test_what_cannot_be_done_is_one_line_and_wrong_use_is_2(prom, site):
    prom("user", "add", EMAIL, "--role", "auditor")
    for arguments in (
        ("user", "add", EMAIL, "--role", "auditor"),
        ("user", "add", "no address", "--role", "auditor"),
        ("user", "add", "other@clinic.example", "--role", "clinician", "--site", "nowhere"),
        ("user", "reset", "nobody@clinic.example"),
        ("user", "disable", "nobody@clinic.example"),
    ):
        assert is_one_plain_line(prom(*arguments)), arguments
    for arguments in ((), ("nonsense",), ("user", "add", EMAIL), ("user", "add", EMAIL, "--role", "root")):
        done = prom(*arguments)
        assert done.returncode == 2, arguments
        assert "Traceback" not in done.stderr


def test_disable_ends_sessions_and_reset_opens_the_account_again(prom, store, site, now):
    prom("user", "add", EMAIL, "--role", "auditor", "--password-stdin", said=f"{PASSWORD}\n")
    with store.writing() as session:
        staff.open_web_session(session, staff.by_email(session, EMAIL).id, "{}", "", now)
    assert prom("user", "disable", EMAIL).returncode == 0
    with store.reading() as session:
        account = staff.by_email(session, EMAIL)
        assert not account.active
        assert staff.sessions_of(session, account.id) == []
    assert "/setup/" in prom("user", "reset", EMAIL).stdout
    with store.reading() as session:
        account = staff.by_email(session, EMAIL)
        assert account.active
        assert account.password is None
        actions = [row.action for row in audit.newest(session, 10)]
    assert {"user_disabled", "user_reset", "user_reopened"} <= set(actions)


def test_audit_verify_names_a_score_that_was_flipped(prom, store, site, now, instance):
    with store.writing() as session:
        people.asha(session, site, now)
        audit.seal(session, now)
    assert prom("audit", "verify").returncode == 0
    with store.reading() as session:
        from sqlmodel import select

        answer = session.exec(select(Answer).where(Answer.instrument == "nrs")).first()
        assert answers.verify_macs(session) == []
    with sqlite3.connect(instance / "prom.db") as database:
        database.execute("UPDATE answer SET value = 9 - value WHERE public_id = ?", (answer.public_id,))
    done = prom("audit", "verify")
    assert is_one_plain_line(done)
    assert answer.public_id in done.stderr


def test_audit_verify_names_a_block_whose_rows_were_changed(prom, store, site, now, instance):
    with store.writing() as session:
        people.asha(session, site, now)
        audit.seal(session, now)
    with sqlite3.connect(instance / "prom.db") as database:
        with pytest.raises(sqlite3.IntegrityError):
            database.execute("UPDATE audit SET actor = 'x' WHERE id = 1")
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE audit SET actor = 'x' WHERE id = 1")
    done = prom("audit", "verify")
    assert is_one_plain_line(done)
    assert "audit rows 1 to" in done.stderr


def test_rotated_keys_leave_everything_readable(prom, store, site, now, instance):
    from prom.storage import patients

    own = {path.name: path.read_bytes() for path in (instance / "keys").iterdir()}
    (instance / "keys").unlink()
    (instance / "keys").mkdir()
    for name, content in own.items():
        (instance / "keys" / name).write_bytes(content)
    with store.writing() as session:
        people.asha(session, site, now)
    for expected in (2, 3):
        assert prom("keys", "rotate").returncode == 0
        keys = vault.load(instance / "keys")
        assert max(keys.field_keys) == expected
        with Store(store.engine, keys).reading() as session:
            [patient] = patients.by_phone(session, people.ASHA_PHONE)
            assert patients.name(session, patient) == "Asha Das"
            assert patient.key_sealed[0] == expected
    assert prom("audit", "verify").returncode == 0
