"""Backup, restore and release: checked and encrypted copies, and not one text before somebody releases."""

import json

from prom.storage import channels, patients, staff
from tests import people

EMAIL = "late@clinic.example"


def test_a_backup_comes_back_on_hold_until_released(prom, store, site, now, instance, tmp_path):
    with store.writing() as session:
        people.asha(session, site, now)
    file = tmp_path / "copy.backup"
    done = prom("backup", str(file))
    assert done.returncode == 0, done.stderr
    assert b"Asha" not in file.read_bytes()
    assert b"SQLite format" not in file.read_bytes()
    manifest = json.loads(file.with_suffix(".json").read_text())
    assert manifest["bytes"] == file.stat().st_size
    assert prom("user", "add", EMAIL, "--role", "auditor").returncode == 0
    store.engine.dispose()
    done = prom("restore", str(file))
    assert done.returncode == 0, done.stderr
    assert "prom release" in done.stdout
    with store.reading() as session:
        assert staff.by_email(session, EMAIL) is None, "made after the backup"
        [patient] = patients.by_phone(session, people.ASHA_PHONE)
        assert patients.name(session, patient) == "Asha Das"
        assert channels.seen(session).held_reason == "restored"
    assert "HOLD ended" in prom("release").stdout
    with store.reading() as session:
        assert channels.seen(session).held_at is None
    assert "Nothing was on HOLD" in prom("release").stdout


def test_a_damaged_backup_changes_nothing(prom, store, site, now, instance, tmp_path):
    file = tmp_path / "copy.backup"
    assert prom("backup", str(file)).returncode == 0
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    before = (instance / "prom.db").read_bytes()
    for name in (str(file), str(instance / "prom.db"), str(tmp_path / "missing")):
        done = prom("restore", name)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "Traceback" not in done.stderr
    assert (instance / "prom.db").read_bytes() == before
    assert [path.name for path in instance.glob(".prom.db*")] == []
