"""Field encryption: names, phones, record numbers and free text, readable only with the clinic's keys.

Each patient (and each site, for what belongs to nobody yet) has a random data key, wrapped by the field key of the
clinic. Values are AES-256-GCM with the table, column and public id as associated data, so that a cell moved to another
row cannot be opened. Rotation re-wraps the data keys only. Equality is searched by an HMAC (blind index).
"""

import hashlib
import hmac
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PURPOSES = ("field", "index", "link", "audit", "cookie")
NONCE_BYTES = 12
PREFIX_LETTERS = 3


class VaultError(RuntimeError):
    """A key is missing or a sealed value does not open; the message says which, never the value."""


@dataclass(frozen=True, slots=True)
class Vault:
    """The clinic's keys. `field_keys` maps key ids to keys; the highest id wraps new data keys."""

    field_keys: Mapping[int, bytes]
    index_key: bytes
    link_key: bytes
    audit_key: bytes
    cookie_key: bytes

    def new_data_key(self) -> bytes:
        """Return a fresh data key, wrapped."""
        return self.wrap(os.urandom(32))

    def wrap(self, data_key: bytes) -> bytes:
        """Return a data key sealed with the newest field key, its key id in front."""
        newest = max(self.field_keys)
        nonce = os.urandom(NONCE_BYTES)
        return bytes([newest]) + nonce + AESGCM(self.field_keys[newest]).encrypt(nonce, data_key, b"data-key")

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the data key of a patient or site, or raise VaultError."""
        key = self.field_keys.get(wrapped[0]) if wrapped else None
        if key is None:
            raise VaultError("the field key that sealed this record is missing: restore it beside the others")
        try:
            return AESGCM(key).decrypt(wrapped[1 : 1 + NONCE_BYTES], wrapped[1 + NONCE_BYTES :], b"data-key")
        except InvalidTag as error:
            raise VaultError("a data key does not open: wrong field key or damaged row") from error

    def seal(self, wrapped: bytes, place: str, text: str) -> bytes:
        """Return text sealed for one place, "table|column|public_id"."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.unwrap(wrapped)).encrypt(nonce, _bytes(text), place.encode())

    def open(self, wrapped: bytes, place: str, sealed: bytes) -> str:
        """Return the text sealed at a place, or raise VaultError when it was moved or damaged."""
        try:
            plain = AESGCM(self.unwrap(wrapped)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError) as error:
            raise VaultError(f"a sealed value does not open at {place.rpartition('|')[0]}") from error
        return plain.decode("utf-8", "surrogatepass")

    def index(self, kind: str, value: str) -> str:
        """Return the blind index of a value (32 hex digits): equal values, equal index, nothing else."""
        words = f"{kind}|{value}".encode("utf-8", "surrogatepass")
        return hmac.digest(self.index_key, words, hashlib.sha256)[:16].hex()

    def name_words(self, site_id: int, *names: str) -> set[str]:
        """Return the indexes under which a name is found: each word and its first three letters, per site."""
        words = {word for name in names for word in normalised(name).split()}
        return {self.index(f"name|{site_id}", part) for word in words for part in (word, word[:PREFIX_LETTERS])}

    def mac(self, *parts: object) -> bytes:
        """Return the authentication code of a score: a flipped bit in the database shows."""
        return hmac.digest(self.audit_key, "|".join(str(part) for part in parts).encode(), hashlib.sha256)[:16]


def normalised(name: str) -> str:
    """Return a name as it is searched: compatibility form, no case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _bytes(text: str) -> bytes:
    # A lone surrogate from a broken phone must be stored as it came, not refused.
    return text.encode("utf-8", "surrogatepass")


def make_keys(folder: Path) -> list[str]:
    """Create the key files that are missing and return their names; existing keys are never touched."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []
    for purpose in PURPOSES:
        name = f"{purpose}-1.key" if purpose == "field" else f"{purpose}.key"
        if purpose == "field" and list(folder.glob("field-*.key")):
            continue
        if not (folder / name).exists():
            write_key(folder / name)
            made.append(name)
    return made


def write_key(path: Path) -> None:
    """Write a new random key, readable by its owner only."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(os.urandom(32).hex())
        file.flush()
        os.fsync(file.fileno())


def load(folder: Path) -> Vault:
    """Return the vault of the keys in a folder, or raise VaultError naming the first that is missing."""
    fields = {int(path.stem.partition("-")[2]): _key(path) for path in sorted(folder.glob("field-*.key"))}
    if not fields:
        raise VaultError("the field key is missing: run `prom init`, or restore the keys folder")
    keys = {purpose: _key(folder / f"{purpose}.key") for purpose in PURPOSES if purpose != "field"}
    return Vault(fields, keys["index"], keys["link"], keys["audit"], keys["cookie"])


def _key(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError as error:
        raise VaultError(f"the key {path.name} is missing: run `prom init`, or restore the keys folder") from error
    except ValueError as error:
        raise VaultError(f"the key {path.name} is damaged: restore it from your copy") from error
    if len(key) != 32:
        raise VaultError(f"the key {path.name} is damaged: it has not 32 bytes")
    return key
