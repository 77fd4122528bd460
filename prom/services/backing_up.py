"""Backup, restore and release.

A backup is a consistent copy (SQLite's backup API, never a file copy of a live database), checked, encrypted with a key
derived from the field key, with a manifest beside it. A restore starts in HOLD: not one text goes out until a person
releases, so that an old backup never sends months of prompts again.
"""

import hashlib
import json
import os
import sqlite3
import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from prom.config import Settings
from prom.messaging.gateway import Gateway, SendError
from prom.services import reconciling
from prom.storage import audit, channels, copying, migrating
from prom.storage.session import Store, engine_for
from prom.storage.vault import Vault, load

MAGIC = b"prom-backup-1\n"
NONCE_BYTES = 12
TAG_BYTES = 16
CHUNK_BYTES = 1024 * 1024


class BackupError(ValueError):
    """A backup cannot be made or used; the message says why, and nothing was changed."""


def backup(store: Store, settings: Settings, now: datetime, target: Path | None = None) -> Path:
    """Write an encrypted, verified backup with its manifest and return its path."""
    if not settings.sqlite:
        raise BackupError("prom backs up SQLite; use pg_dump for PostgreSQL, as docs/operations.md shows")
    with store.reading() as session:
        broken = audit.verify(session)
    if broken:
        raise BackupError(f"{broken}: look into it before you trust a backup")
    target = target or settings.instance / "backups" / f"prom-{now:%Y%m%d-%H%M%S}.backup"
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        plain = Path(folder) / "copy.db"
        _copy(_path(settings), plain)
        digest = _encrypt(plain, target, _key(store.vault))
    manifest = {"made_at": now.isoformat(), "sha256_of_database": digest, "bytes": target.stat().st_size}
    target.with_suffix(".json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="ascii")
    return target


def _copy(source: Path, target: Path) -> None:
    try:
        copying.copy_database(source, target)
    except copying.DamagedError as error:
        raise BackupError(f"no backup was written: {error}") from error


def restore(settings: Settings, source: Path) -> None:
    """Put a backup in the database's place, upgrade it, and hold every text."""
    if not settings.sqlite:
        raise BackupError("prom restores SQLite; use pg_restore for PostgreSQL, as docs/operations.md shows")
    vault = load(settings.instance / "keys")
    target = _path(settings)
    fresh = target.with_name(f".{target.name}.restore")
    _decrypt(source, fresh, _key(vault))
    migrating.upgrade(f"sqlite:///{fresh}")
    _hold(fresh, vault)
    # Processes that run meanwhile notice the new file (storage/replaced); none may write between these steps.
    with copying.alone(target):
        for name in (f"{target.name}-wal", f"{target.name}-shm"):
            target.with_name(name).unlink(missing_ok=True)
        fresh.replace(target)
    for name in (f"{fresh.name}-wal", f"{fresh.name}-shm"):
        fresh.with_name(name).unlink(missing_ok=True)


def _hold(path: Path, vault: Vault) -> None:
    store = Store(engine_for(f"sqlite:///{path}"), vault)
    with store.writing() as session:
        from prom import clock

        channels.hold(session, "restored", clock.wall())
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.engine.dispose()


def release(store: Store, gateway: Gateway, now: datetime, actor: audit.Actor = audit.COMMAND) -> str:
    """End HOLD: look up what the gateway sent meanwhile, then let go what is still in its window."""
    try:
        found = reconciling.adopt(store, gateway, now)
    except SendError as error:
        raise BackupError(f"the gateway's list cannot be read ({type(error).__name__}); HOLD stays") from error
    with store.writing() as session:
        let_go = channels.release(session)
        if let_go:
            audit.record(session, actor, "texts released", channels.main(session), now, reason="hold")
    if not let_go:
        return "Nothing was on HOLD."
    return f"HOLD ended. {found} texts that had gone out were found in the gateway's list and are not sent again."


def _path(settings: Settings) -> Path:
    return Path(settings.database_url.removeprefix("sqlite:///"))


def _key(vault: Vault) -> bytes:
    # Derived from the oldest field key: rotation adds keys, and old backups must stay readable.
    oldest = vault.field_keys[min(vault.field_keys)]
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"prom backup").derive(oldest)


def _encrypt(plain: Path, target: Path, key: bytes) -> str:
    nonce, digest = os.urandom(NONCE_BYTES), hashlib.sha256()
    sealing = Cipher(algorithms.AES(key), modes.GCM(nonce)).encryptor()
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    with plain.open("rb") as source, fresh.open("wb") as out:
        out.write(MAGIC + nonce)
        while chunk := source.read(CHUNK_BYTES):
            digest.update(chunk)
            out.write(sealing.update(chunk))
        out.write(sealing.finalize() + sealing.tag)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(target)
    return digest.hexdigest()


def _decrypt(source: Path, target: Path, key: bytes) -> None:
    size = source.stat().st_size
    with source.open("rb") as sealed:
        is_ours = sealed.read(len(MAGIC)) == MAGIC and size >= len(MAGIC) + NONCE_BYTES + TAG_BYTES
    if not is_ours:
        raise BackupError(f"{source.name} is not a backup of prom")
    with source.open("rb") as sealed, target.open("wb") as out:
        sealed.seek(len(MAGIC))
        nonce = sealed.read(NONCE_BYTES)
        left = size - len(MAGIC) - NONCE_BYTES - TAG_BYTES
        opening = Cipher(algorithms.AES(key), modes.GCM(nonce)).decryptor()
        while left > 0:
            chunk = sealed.read(min(CHUNK_BYTES, left))
            left -= len(chunk)
            out.write(opening.update(chunk))
        try:
            opening.finalize_with_tag(sealed.read(TAG_BYTES))
        except (InvalidTag, ValueError) as error:
            target.unlink()
            raise BackupError(f"{source.name} is damaged or was made with other keys; nothing was changed") from error
