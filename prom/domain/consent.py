"""What a patient agrees to, in which words, and whether we may text them now.

A consent is to one purpose, in one version of one document. It is given once and withdrawn once; a patient who agrees
again gives a new one. A text never re-opens a withdrawn consent. The documents are data: a version that was shown to
somebody is never edited, a new wording is a new version.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from prom.domain import wording

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_VARIABLES = frozenset({"clinic", "phone"})
LEAST_BLOCKS = 3
LONGEST_TEXT = 4000


class Purpose(StrEnum):
    """What a patient agrees to."""

    TEXTING = "texting"
    DATA_USE = "data_use"
    CAREGIVER = "caregiver"


@dataclass(frozen=True, slots=True)
class Consent:
    """One consent as it was given, and when it was withdrawn."""

    purpose: Purpose
    version: str
    given_at: datetime
    withdrawn_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.given_at.tzinfo is None or (self.withdrawn_at is not None and self.withdrawn_at.tzinfo is None):
            raise ValueError("a consent needs instants with a zone")
        if self.withdrawn_at is not None and self.withdrawn_at < self.given_at:
            raise ValueError("a consent cannot be withdrawn before it was given")

    def stands(self, now: datetime) -> bool:
        """Tell whether it is in force: from the instant it was given until just before its withdrawal."""
        return self.given_at <= now and (self.withdrawn_at is None or now < self.withdrawn_at)


@dataclass(frozen=True, slots=True)
class Document:
    """What a patient reads before agreeing. `agree` is the sentence they choose."""

    purpose: Purpose
    version: str
    language: str
    title: str
    paragraphs: tuple[str, ...]
    agree: str
    needs_review: bool


def standing(consents: Iterable[Consent], purpose: Purpose, now: datetime) -> Consent | None:
    """Return the consent to a purpose that is in force, the newest when there are several, or None."""
    in_force = [one for one in consents if one.purpose is purpose and one.stands(now)]
    return max(in_force, key=lambda one: one.given_at, default=None)


def may_text(consents: Iterable[Consent], now: datetime) -> bool:
    """Tell whether a patient may be texted as far as consent goes; a phone's stop is looked at elsewhere."""
    return standing(consents, Purpose.TEXTING, now) is not None


def is_withdrawn(consents: Iterable[Consent], purpose: Purpose, now: datetime) -> bool:
    """Tell whether a patient once agreed to a purpose and has taken it back, which is not the same as never asked."""
    given = [one for one in consents if one.purpose is purpose and one.given_at <= now]
    return bool(given) and not any(one.stands(now) for one in given)


def is_outdated(consent: Consent) -> bool:
    """Tell whether a newer document is in use: the consent stands, and is asked for anew at the next visit."""
    return consent.version != current_version(consent.purpose)


def current_version(purpose: Purpose) -> str:
    """Return the version of a document that is shown to patients now."""
    return max((one.version for one in _documents() if one.purpose is purpose), key=_order)


def document(purpose: Purpose, language: str, *, clinic: str, phone: str, version: str | None = None) -> Document:
    """Return a document with the clinic's label and phone in it, in the nearest language, the current version first."""
    wanted = version or current_version(purpose)
    found = {one.language: one for one in _documents() if (one.purpose, one.version) == (purpose, wanted)}
    if not found:
        raise ValueError(f"there is no document {purpose}, version {wanted!r}")
    known = wording.known_language(language)
    return _filled(found.get(known, found[wording.DEFAULT_LANGUAGE]), {"clinic": clinic, "phone": phone})


def own(purpose: Purpose, version: str, language: str, text: str, *, clinic: str, phone: str) -> Document:
    """Return a clinic's own document from its text: title, paragraphs and the sentence to choose, by empty lines."""
    title, *paragraphs, agree = blocks(text)
    document_ = Document(purpose, version, language, title, tuple(paragraphs), agree, needs_review=False)
    return _filled(document_, {"clinic": clinic, "phone": phone})


def blocks(text: str) -> list[str]:
    """Return the parts of a document's text that empty lines divide, each in one line."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if part.strip()]


def check(text: str) -> list[str]:
    """Return what is wrong with a clinic's own document, in plain sentences; an empty list means it may be used."""
    problems = []
    if len(blocks(text)) < LEAST_BLOCKS:
        problems.append("A document has a title, at least one paragraph, and the sentence that the patient chooses.")
    if len(text) > LONGEST_TEXT:
        problems.append(
            f"The document has {len(text)} characters; {LONGEST_TEXT} are allowed: patients read it on a phone."
        )
    unknown = sorted(set(_PLACEHOLDER.findall(text)) - _VARIABLES)
    problems += [f"{{{name}}} is not known in a consent." for name in unknown]
    if re.search(r"[{}]", _PLACEHOLDER.sub("", text)):
        problems.append("Braces may only stand around the name of a variable.")
    if any(sign < " " and sign not in "\r\n\t" for sign in text):
        problems.append("The text has an invisible control sign.")
    return problems


def shipped_versions(purpose: Purpose) -> set[str]:
    """Return the versions of a document that came with the product: a clinic's own are named otherwise."""
    return {one.version for one in _documents() if one.purpose is purpose}


def _filled(given: Document, values: dict[str, str]) -> Document:
    paragraphs = tuple(_PLACEHOLDER.sub(lambda name: values[name.group(1)], one) for one in given.paragraphs)
    return Document(
        given.purpose, given.version, given.language, given.title, paragraphs, given.agree, given.needs_review
    )


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@cache
def _documents() -> tuple[Document, ...]:
    text = resources.files("prom.domain").joinpath("texts/consent.toml").read_text(encoding="utf-8")
    return tuple(_document(entry) for entry in tomllib.loads(text)["document"])


def _document(entry: dict[str, Any]) -> Document:
    paragraphs = tuple(entry["paragraphs"])
    unknown = {name for one in paragraphs for name in _PLACEHOLDER.findall(one)} - _VARIABLES
    if unknown:
        raise ValueError(f"the consent document names {min(unknown)!r}, which is not known")
    return Document(
        purpose=Purpose(entry["purpose"]),
        version=entry["version"],
        language=entry["language"],
        title=entry["title"],
        paragraphs=paragraphs,
        agree=entry["agree"],
        needs_review=entry.get("needs_review", False),
    )
