"""A country's checklist for texting: what a clinic has confirmed, and what is still missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from prom.domain import countries, instruments, wording
from prom.domain.countries import Country, Missing, Point
from prom.storage import audit, checklist, wordings
from prom.storage.models import Site

# Parts of other texts, and the name under which each answer is repeated: they never leave alone.
_PIECES = ("label_", "csi_item")
_PIECE = frozenset({"echo"})
# What is sent only where a reply by text arrived.
_ANSWERS = ("reask_", "thanks", "later_", "pause_", "opt_in_", "too_late", "late_", "correction_", "wrong_", "call_me_")
_ANSWER = frozenset({"chained", "help", "resumed", "for_people_ack", "link_offer"})
_OPENINGS = frozenset({"opening", "opening_link", "confirmation", "reminder_24h", "reminder_72h"})


@dataclass(frozen=True, slots=True)
class Line:
    """One point of the checklist with what was entered: the key it is kept under, and the text it is about, if any."""

    key: str
    point: Point
    text_key: str
    language: str
    value: str
    problem: str | None
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Checklist:
    """All points of a site's country."""

    country: Country
    lines: tuple[Line, ...]
    missing: tuple[Missing, ...]


def languages(session: Session, site: Site) -> list[str]:
    """Return the languages in which texts of a site leave: its patients' and its own."""
    spoken = {wording.known_language(code) for code in wordings.patients_languages(session, site.id)}
    spoken.add(wording.known_language(site.language))
    return [code for code in wording.LANGUAGES if code in spoken]


def texts_sent(*, two_way: bool, links: bool) -> list[str]:
    """Return the keys of the texts that leave on such a channel."""
    return [key for key in wording.KEYS if _leaves(key, two_way=two_way, links=links)]


def _leaves(key: str, *, two_way: bool, links: bool) -> bool:
    if key in _PIECE or key.startswith(_PIECES):
        return False
    if key in instruments.QUESTIONS or key in _ANSWER or key.startswith(_ANSWERS):
        return two_way
    if key in _OPENINGS:
        return two_way or not links
    if "link" in wording.KEYS[key].variables:
        return links
    return True


def of_site(session: Session, site: Site, *, links: bool) -> Checklist:
    """Return the checklist of a site; `links` tells whether its texts can carry links."""
    rules = countries.country(site.country)
    facts = checklist.facts(session, site.id)
    texts = _texts(session, site, links=links)
    values = {key: row.value for key, row in facts.items()}
    found: list[Line] = []
    for point in rules.points:
        if (point.links and not links) or (point.two_way_only and not site.two_way):
            continue
        for key, text, language in _keys(point, texts):
            row = facts.get(key)
            value = row.value if row else ""
            problem = countries.problem_with(point, value)
            found.append(Line(key, point, text, language, value, problem, row.confirmed_at if row else None))
    gaps = countries.missing(site.country, values, site.two_way, texts, links=links)
    return Checklist(rules, tuple(found), tuple(gaps))


def _texts(session: Session, site: Site, *, links: bool) -> list[tuple[str, str]]:
    # Where replies cannot arrive the answers to them never leave, whatever the site is set to.
    two_way = site.two_way and not countries.country(site.country).forbids_two_way
    keys = texts_sent(two_way=two_way, links=links)
    return [(key, code) for code in languages(session, site) for key in keys]


def _keys(point: Point, texts: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    if not point.each_text:
        return [(point.key, "", "")]
    return [(countries.text_point(point.key, text, code), text, code) for text, code in texts]


def confirm(
    session: Session, site: Site, entered: Mapping[str, str], actor: audit.Actor, now: datetime, *, links: bool
) -> list[tuple[str, str]]:
    """Store what was entered for the points of the site's country; return what is wrong as (key, sentence).

    Nothing is stored when anything is wrong. An emptied field takes its confirmation back.
    """
    assert actor.staff_id is not None
    lines = {line.key: line for line in of_site(session, site, links=links).lines}
    wanted = {key: entered.get(key, "").strip() for key in lines}
    errors = [
        (key, problem)
        for key, value in wanted.items()
        if value and (problem := countries.problem_with(lines[key].point, value)) is not None
    ]
    if errors:
        return errors
    for key, value in wanted.items():
        if value != lines[key].value:
            _put(session, site, key, lines[key].value, value, actor, now)
    return []


def _put(session: Session, site: Site, key: str, old: str, new: str, actor: audit.Actor, now: datetime) -> None:
    assert actor.staff_id is not None
    if new:
        checklist.put(session, site.id, key, new, actor.staff_id, now)
    elif (row := checklist.facts(session, site.id).get(key)) is not None:
        checklist.remove(session, row)
    change = audit.Change("registration", f"{key}: {old or 'none'}", f"{key}: {new or 'none'}")
    audit.record(session, actor, "registration changed", site, now, change=change)


def text_changed(session: Session, site: Site, key: str, language: str, actor: audit.Actor, now: datetime) -> bool:
    """Take back the registration of a text whose wording has changed; tell whether there was one."""
    facts = checklist.facts(session, site.id)
    taken = False
    for point in countries.country(site.country).points:
        name = countries.text_point(point.key, key, language)
        if point.each_text and name in facts:
            _put(session, site, name, facts[name].value, "", actor, now)
            taken = True
    return taken
