"""A clinic's own wording of texts: what is sent today, what a change would cost, and the way back to the shipped words.

Nothing is stored that the wording's own rules refuse. Each change leaves the old and the new wording in the audit
trail: that is the history of a text. A text that is registered in the clinic's country loses its registration when it
changes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlmodel import Session

from prom.domain import instruments, wording
from prom.domain.segments import Encoding, fold, segments
from prom.services import links, settings_channel, settings_checklist, wordings
from prom.storage import audit, overrides, sites
from prom.storage.models import Site

LONGEST_TEXT = 1_600
LINK_SIGNS = links.FINDS + 22
# Carriers act on these when they are a whole answer, so a text that shows one may teach patients to send it.
_TAKEN = re.compile(r"\b(yes|end|cancel|quit|revoke|optout|unsubscribe|stopall|info)\b", re.IGNORECASE)
_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("emergency", ("emergency", "opt_out_emergency", "opt_out_self_harm")),
    ("staff", ("staff_",)),
    ("notes", ("note_",)),
    ("links", ("link_", "consent_link", "baseline_link", "new_link")),
    ("opening", ("opening", "chained", "reminder_", "confirmation")),
    ("again", ("reask_",)),
    ("recorded", ("label_", "echo", "thanks", "correction_", "too_late", "late_")),
)


@dataclass(frozen=True, slots=True)
class Size:
    """What one sending of a text takes: parts that are paid for, the most allowed, signs, alphabet and cost."""

    count: int
    most: int
    units: int
    plain: bool
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Line:
    """One text of the list: as it stands, its size, and what is special about it."""

    key: str
    group: str
    text: str
    size: Size
    own: bool
    fixed: bool
    unsigned: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """A text as it is being written: what leaves, its size, what is wrong and what to think about."""

    text: str
    shown: str
    size: Size | None
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """One change of a text: when, by whom (public id), from what to what; empty is the shipped wording."""

    at: datetime
    actor: str
    old: str
    new: str


def group_of(key: str) -> str:
    """Return the group in which a text is listed."""
    if key in instruments.QUESTIONS or key.startswith("csi_item"):
        return "questions"
    return next((group for group, starts in _GROUPS if key.startswith(starts)), "answers")


def listed(session: Session, site: Site, language: str, public_url: str) -> list[Line]:
    """Return every text in a language as the site sends it."""
    own = sites.overrides(session, site.id)
    unsigned = wordings.unsigned_keys(session, site, language)
    return [
        Line(
            key=key,
            group=group_of(key),
            text=in_force(key, language, own),
            size=_size(site, key, language, preview(site, key, language, own, public_url)),
            own=(key, language) in own and not rules.fixed,
            fixed=rules.fixed,
            unsigned=key in unsigned,
        )
        for key, rules in wording.KEYS.items()
    ]


def in_force(key: str, language: str, own: wording.Overrides) -> str:
    """Return a text with its variables in braces, as it is sent today."""
    names = {name: f"{{{name}}}" for name in wording.KEYS[key].variables}
    return wording.render(key, language, own, **names)


def shipped(key: str, language: str) -> str:
    """Return the wording that comes with prom."""
    return in_force(key, language, {})


def preview(site: Site, key: str, language: str, own: wording.Overrides, public_url: str) -> str:
    """Return a text as a phone would show it: the clinic's label and phone, and examples for the rest."""
    text = wording.preview(key, language, own)
    number = wording.emergency_number(site.country, language, self_harm=key.endswith("self_harm"))
    real = {
        str(wording.SAMPLE["link"]): f"{public_url}/a/{'x' * LINK_SIGNS}" if public_url else wording.SAMPLE["link"],
        str(wording.SAMPLE["clinic"]): site.label,
        str(wording.SAMPLE["phone"]): site.phone or wording.SAMPLE["phone"],
        wording.emergency_number("IN", language, self_harm=True): number,
    }
    for sample, value in real.items():
        text = text.replace(sample, str(value))
    return text


def _size(site: Site, key: str, language: str, text: str) -> Size:
    found = segments(text)
    price = settings_channel.amount(site.segment_price)
    return Size(
        count=found.count,
        most=wording.most_segments(key, language),
        units=found.units,
        plain=found.encoding is Encoding.GSM7,
        cost=None if price is None else price * found.count,
    )


def draft(session: Session, site: Site, key: str, language: str, typed: str | None, public_url: str) -> Draft:
    """Return a text as typed (None: as it stands) with its size and what is wrong with it; nothing is stored."""
    own = sites.overrides(session, site.id)
    text = in_force(key, language, own) if typed is None else clean(typed)
    problems = [] if typed is None or wording.KEYS[key].fixed else problems_of(key, language, text)
    tried: Mapping[tuple[str, str], str] = own if typed is None else {**own, (key, language): text}
    try:
        shown = preview(site, key, language, tried, public_url)
    except ValueError:
        # An unknown variable has no example: the words are shown as they were typed.
        return Draft(text, text, None, tuple(problems), ())
    size = _size(site, key, language, shown)
    return Draft(text, shown, size, tuple(problems), tuple(_warnings(text, shown, size)) if not problems else ())


def sizes(session: Session, site: Site, key: str, public_url: str) -> list[tuple[str, Size]]:
    """Return what one sending of a text takes in each language, as it stands."""
    own = sites.overrides(session, site.id)
    return [(code, _size(site, key, code, preview(site, key, code, own, public_url))) for code in wording.LANGUAGES]


def clean(typed: str) -> str:
    """Return what was typed as it would leave: one kind of line end, and plain punctuation in Latin texts only."""
    return fold("\n".join(typed.strip().splitlines()))


def problems_of(key: str, language: str, text: str) -> list[str]:
    """Return why a wording may not be used."""
    if len(text) > LONGEST_TEXT:
        return [f"The text is too long: {LONGEST_TEXT} characters at most."]
    return wording.check_override(key, language, text)


def _warnings(text: str, shown: str, size: Size) -> list[str]:
    found = []
    taken = sorted({word.upper() for word in _TAKEN.findall(text)})
    if taken:
        words = ", ".join(taken)
        found.append(f"Carriers act by themselves on the answer {words}: make sure nobody reads it as an answer.")
    if size.count > size.most:
        found.append(f"With the clinic's own name and address it takes {size.count} segments instead of {size.most}.")
    if not size.plain and shown.isascii() is False and _nearly_plain(shown):
        found.append("A few signs are outside the plain alphabet and make the text dearer: look for accents or emoji.")
    return found


def _nearly_plain(text: str) -> bool:
    return sum(not sign.isascii() for sign in text) <= len(text) // 10


def save(
    session: Session, site: Site, key: str, language: str, typed: str, actor: audit.Actor, now: datetime
) -> list[str]:
    """Store a clinic's own wording, or return why it may not be used. The shipped words take the clinic's away."""
    text = clean(typed)
    problems = problems_of(key, language, text)
    if not problems:
        _put(session, site, key, language, "" if text == shipped(key, language) else text, actor, now)
    return problems


def restore(session: Session, site: Site, key: str, language: str, actor: audit.Actor, now: datetime) -> None:
    """Go back to the shipped wording."""
    _put(session, site, key, language, "", actor, now)


def _put(session: Session, site: Site, key: str, language: str, text: str, actor: audit.Actor, now: datetime) -> None:
    row = overrides.one(session, site.id, key, language)
    old = row.text if row is not None else ""
    if old == text:
        return
    if text:
        overrides.put(session, site.id, key, language, text)
    elif row is not None:
        overrides.remove(session, row)
    change = audit.Change(overrides.field(key, language), old, text)
    audit.record(session, actor, "text changed" if text else "text as shipped", site, now, change=change)
    settings_checklist.text_changed(session, site, key, language, actor, now)


def history(session: Session, site: Site, key: str, language: str) -> list[Past]:
    """Return the changes of a text, newest first."""
    return [
        Past(
            row.at,
            row.actor,
            audit.value(session, None, row, row.old_sealed),
            audit.value(session, None, row, row.new_sealed),
        )
        for row in overrides.history(session, site, key, language)
    ]
