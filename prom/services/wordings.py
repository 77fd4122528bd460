"""Clinicians' signatures under what decides in an emergency: the emergency texts and the lists of warning signs.

Each wording needs clinical review until a clinician of the site signs exactly that wording. The signature names the
fingerprint of what was read: whatever changes it (a new version, a clinic's own wording, another emergency number)
leaves it unsigned again.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from prom.domain import replies, wording
from prom.services import settings_checklist
from prom.storage import audit, sites, wordings
from prom.storage.models import Site, WordingReview

RED_FLAGS = "red_flags"
NEEDS_REVIEW = "needs clinical review"


class WordingChangedError(ValueError):
    """The wording is not the one that was read; nothing is signed."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed, and when."""

    staff_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """One wording to be signed: an emergency text, or the list of warning signs of a language (`text` is empty)."""

    key: str
    language: str
    text: str
    version: str
    digest: str
    signed: Signed | None


def keys() -> list[str]:
    """Return the texts that a clinician must sign, in the order of the texts."""
    shipped = wording.language(wording.DEFAULT_LANGUAGE).texts
    return [
        key
        for key, rules in wording.KEYS.items()
        if rules.fixed or (key in shipped and shipped[key].status == NEEDS_REVIEW)
    ]


def items(session: Session, site: Site, language: str) -> list[Item]:
    """Return all wordings of a language that need a signature, with the one they have."""
    own = sites.overrides(session, site.id)
    signed = wordings.signatures(session, site.id)
    found = [_text(key, site, language, own, signed) for key in keys()]
    version, fingerprint = replies.red_flag_list(language)
    found.append(Item(RED_FLAGS, language, "", version, fingerprint, _signed(signed, RED_FLAGS, language, fingerprint)))
    return found


def _text(key: str, site: Site, language: str, own: wording.Overrides, signed: list[WordingReview]) -> Item:
    shipped = wording.language(language).texts.get(key)
    number = wording.emergency_number(site.country, language, self_harm=key.endswith("self_harm"))
    values: dict[str, str | int] = {name: f"{{{name}}}" for name in wording.KEYS[key].variables}
    if "emergency_number" in values:
        values["emergency_number"] = number
    if "clinic" in values:
        values["clinic"] = site.label
    # The number to call is part of what is signed: another country makes it another text.
    digest = hashlib.sha256(f"{wording.digest(key, language, own)}\n{number}".encode()).hexdigest()
    return Item(
        key=key,
        language=language,
        text=wording.render(key, language, own, **values),
        version=str(shipped.version) if shipped else "",
        digest=digest,
        signed=_signed(signed, key, language, digest),
    )


def _signed(rows: list[WordingReview], key: str, language: str, digest: str) -> Signed | None:
    for row in rows:
        if (row.text_key, row.language, row.digest) == (key, language, digest):
            return Signed(row.staff_id, row.signed_at)
    return None


def unsigned(session: Session, site: Site) -> list[Item]:
    """Return what is not signed in the languages that the site's patients use."""
    return [
        item
        for language in settings_checklist.languages(session, site)
        for item in items(session, site, language)
        if item.signed is None
    ]


def unsigned_keys(session: Session, site: Site, language: str) -> frozenset[str]:
    """Return the keys of the wordings that are not signed in a language."""
    return frozenset(item.key for item in items(session, site, language) if item.signed is None)


def sign(session: Session, site: Site, key: str, language: str, digest: str, actor: audit.Actor, now: datetime) -> bool:
    """Sign the wording with this fingerprint; False when it was signed before."""
    assert actor.staff_id is not None
    item = next((one for one in items(session, site, language) if one.key == key), None)
    if item is None:
        raise ValueError(f"there is no wording {key!r} to sign")
    if item.digest != digest:
        raise WordingChangedError("The wording has changed since you read it: read it again.")
    if item.signed is not None:
        return False
    wordings.sign(session, site.id, key, language, digest, actor.staff_id, now)
    change = audit.Change(f"{key} {language}"[:40], "", digest)
    audit.record(session, actor, "wording signed", site, now, change=change, reason=f"version {item.version}")
    return True
