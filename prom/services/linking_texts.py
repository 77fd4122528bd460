"""The clinic's own words on patients' pages, over those of the catalogue; a few may not be changed.

They are kept beside the clinic's own texts, under a key made of the words they replace: when the product's words
change, an old replacement falls away by itself instead of saying something else.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlmodel import Session

from prom.storage import audit, overrides, sites
from prom.storage.models import Site

LONGEST = 500
_PREFIX = "page:"
_VARIABLE = re.compile(r"%\(\w+\)s")
# What is told in an emergency is reviewed by clinicians, and what says that items are not validated stays said.
FIXED = frozenset(
    {
        "This may be an emergency",
        "Nobody watches this page. Call %(number)s now or go to the nearest hospital.",
        "You are not alone",
        "Nobody watches this page. Please call %(number)s now, or be with someone you trust.",
        "Call %(number)s",
        (
            "This is not the validated wording: it names the topic only. "
            "The full question %(number)s is on the clinic's sheet."
        ),
        "This is not the validated wording: the rows name the topics only.",
    }
)


class PageTextError(ValueError):
    """Words that cannot be used; the message says why in plain words."""


def key_of(words: str) -> str:
    """Return the key under which a clinic's own words for some of the product's are kept."""
    return _PREFIX + hashlib.sha256(words.encode()).hexdigest()[:24]


def own(session: Session, site_id: int, language: str) -> dict[str, str]:
    """Return a clinic's own words of the pages in a language, by key."""
    found = sites.overrides(session, site_id)
    return {key: words for (key, code), words in found.items() if code == language and key.startswith(_PREFIX)}


def offered(words: Iterable[str]) -> list[str]:
    """Return which of the catalogue's words a clinic may replace, in a steady order."""
    return sorted(set(words) - FIXED - {""}, key=str.casefold)


def replace(
    session: Session, site: Site, words: str, language: str, typed: str, actor: audit.Actor, now: datetime
) -> bool:
    """Store a clinic's own words in place of some of the product's, or take them back when nothing is typed.

    Return False when nothing changed; raise PageTextError when they cannot be used.
    """
    typed = " ".join(typed.split())
    if words in FIXED:
        raise PageTextError("These words are fixed: they are changed only after a clinical review, for all clinics.")
    there = overrides.one(session, site.id, key_of(words), language)
    before = "" if there is None else there.text
    if typed == before:
        return False
    if typed:
        _check(words, typed)
        overrides.put(session, site.id, key_of(words), language, typed)
    elif there is not None:
        overrides.remove(session, there)
    change = audit.Change(f"page text {language}"[:40], before, typed)
    audit.record(session, actor, "page text changed", site, now, change=change, reason=words[:200])
    return True


def _check(words: str, typed: str) -> None:
    if len(typed) > LONGEST:
        raise PageTextError(f"The text has {len(typed)} characters; {LONGEST} are allowed.")
    if sorted(set(_VARIABLE.findall(typed))) != sorted(set(_VARIABLE.findall(words))):
        named = ", ".join(sorted(set(_VARIABLE.findall(words)))) or "none"
        raise PageTextError(f"The text must have these variables and no others: {named}.")
    if "%" in _VARIABLE.sub("", typed):
        raise PageTextError("A percent sign may only stand in the name of a variable.")
    if any(unicodedata.category(sign).startswith("C") and sign not in "\u200c\u200d" for sign in typed):
        raise PageTextError("The text has an invisible sign.")


def said(words: str, own_words: Mapping[str, str]) -> str | None:
    """Return a clinic's own words for some of the product's, or None."""
    return own_words.get(key_of(words)) if own_words and words not in FIXED else None
