"""Keep an uploaded file between its check and its import: sealed, for an hour, for the person who sent it.

A file of patients must not travel back through the page that shows its check, and must not lie readable on a disk.
"""

import secrets
from datetime import datetime
from pathlib import Path

from prom.services.importing_rows import FileError
from prom.storage.vault import Vault, VaultError

HOUR_SECONDS = 3600
FOLDER = "uploads"
TOKEN_LENGTH = 32
_OVER = "this upload is over: files are kept for an hour. Choose the file again."


def keep(instance: Path, vault: Vault, owner: str, text: str, wall: datetime) -> str:
    """Store a text sealed for its owner and return the token that finds it; old ones are deleted."""
    folder = instance / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in folder.glob("*.sealed"):
        if _over(old, wall):
            old.unlink(missing_ok=True)
    token = secrets.token_hex(TOKEN_LENGTH // 2)
    key = vault.new_data_key()
    path = folder / f"{token}.sealed"
    path.touch(mode=0o600)
    path.write_bytes(bytes([len(key)]) + key + vault.seal(key, _place(token, owner), text))
    return token


def text_of(instance: Path, vault: Vault, owner: str, token: str, wall: datetime) -> str:
    """Return a kept text, or raise FileError when it is over or somebody else's."""
    path = _path(instance, token)
    if path is None or not path.exists() or _over(path, wall):
        raise FileError(_OVER)
    content = path.read_bytes()
    length = content[0]
    try:
        return vault.open(content[1 : 1 + length], _place(token, owner), content[1 + length :])
    except VaultError:
        raise FileError(_OVER) from None


def forget(instance: Path, token: str) -> None:
    """Delete a kept text."""
    path = _path(instance, token)
    if path is not None:
        path.unlink(missing_ok=True)


def _over(path: Path, wall: datetime) -> bool:
    # The file carries the machine's time, not the clinic's, which is moved in the demo.
    return wall.timestamp() - path.stat().st_mtime > HOUR_SECONDS


def _path(instance: Path, token: str) -> Path | None:
    named = len(token) == TOKEN_LENGTH and token.isascii() and token.isalnum()
    return instance / FOLDER / f"{token}.sealed" if named else None


def _place(token: str, owner: str) -> str:
    return f"upload|{owner}|{token}"
