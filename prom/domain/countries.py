"""Rules of texting by country, as data: do replies arrive, what must be registered, which numbers are made up.

The rules are in `data/countries.toml`, each with its source and how fresh it is. What a clinic has confirmed is a row
for each point (its key and the registration's id); `missing` says what is still to be done, in plain words.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources
from typing import Any

TWO_WAY = "two_way"
CONFIRMED = "yes"
LONGEST_VALUE = 120


class Needs(StrEnum):
    """What confirms a point: the id of a registration, or a tick."""

    ID = "id"
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that a country asks for. `each_text`: one for each text and language; `links`: only with links."""

    key: str
    words: str
    how: str
    needs: Needs
    pattern: str
    source: str
    as_of: str
    each_text: bool
    links: bool
    two_way_only: bool


@dataclass(frozen=True, slots=True)
class Country:
    """The rules of one country. `two_way` is None where we do not know whether replies arrive."""

    code: str
    name: str
    two_way: bool | None
    two_way_words: str
    source: str
    as_of: str
    points: tuple[Point, ...]

    @property
    def forbids_two_way(self) -> bool:
        """Return whether replies by text are known not to arrive."""
        return self.two_way is False


@dataclass(frozen=True, slots=True)
class Missing:
    """Something a clinic has not done yet: the key it is confirmed under, what it is, and how it is done."""

    key: str
    words: str
    how: str


@dataclass(frozen=True, slots=True)
class _MadeUp:
    pattern: re.Pattern[str]
    words: str


@cache
def _data() -> dict[str, Any]:
    text = resources.files("prom.domain").joinpath("data/countries.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def known() -> tuple[str, ...]:
    """Return the codes (ISO 3166) of the countries with rules of their own."""
    return tuple(sorted(code for code in _data() if len(code) == 2))


@lru_cache(maxsize=64)
def country(code: str) -> Country:
    """Return the rules of a country; one we keep none for gets the general ones."""
    wanted = code.strip().upper()
    found = wanted if wanted in known() else "default"
    rules = _data()[found]
    return Country(
        code=wanted,
        name=rules["name"],
        two_way=rules.get("two_way"),
        two_way_words=rules.get("two_way_words", ""),
        source=rules["source"],
        as_of=rules["as_of"],
        points=tuple(_point(point, rules) for point in rules.get("points", ())),
    )


def _point(point: Mapping[str, Any], rules: Mapping[str, Any]) -> Point:
    return Point(
        key=point["key"],
        words=point["words"],
        how=point["how"],
        needs=Needs(point["needs"]),
        pattern=point.get("pattern", ""),
        source=point.get("source", rules["source"]),
        as_of=point.get("as_of", rules["as_of"]),
        each_text=point.get("each_text", False),
        links=point.get("links", False),
        two_way_only=point.get("two_way_only", False),
    )


def missing(
    code: str,
    facts: Mapping[str, str],
    two_way: bool,
    texts: Iterable[tuple[str, str]] = (),
    *,
    links: bool = True,
) -> list[Missing]:
    """Return what a clinic in a country has not done yet.

    `facts` are the confirmed points by key; `texts` the texts that leave, as (text key, language), for countries that
    register each of them; `links` tells whether texts carry links.
    """
    rules = country(code)
    found: list[Missing] = []
    if two_way and rules.forbids_two_way:
        how = "Set replies by text to no: every text then carries the link."
        found.append(Missing(TWO_WAY, rules.two_way_words, how))
    for point in rules.points:
        if (point.links and not links) or (point.two_way_only and not two_way):
            continue
        found += [
            Missing(key, words, point.how)
            for key, words in _named(point, texts)
            if problem_with(point, facts.get(key, "")) is not None
        ]
    return found


def _named(point: Point, texts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    if not point.each_text:
        return [(point.key, point.words)]
    return [
        (text_point(point.key, text, language), f"{point.words} of the text {text} ({language})")
        for text, language in texts
    ]


def text_point(key: str, text: str, language: str) -> str:
    """Return the key under which a point is confirmed for one text in one language."""
    return f"{key}|{text}|{language}"


def point_of(code: str, key: str) -> Point | None:
    """Return the point that a confirmed key belongs to in a country, or None."""
    wanted = key.partition("|")[0]
    return next((point for point in country(code).points if point.key == wanted), None)


def problem_with(point: Point, value: str) -> str | None:
    """Return what is wrong with what a clinic entered for a point, or None when it confirms it."""
    given = value.strip()
    if point.needs is Needs.YES:
        return None if given == CONFIRMED else "This is not confirmed yet."
    if not given:
        return "The id is missing."
    if len(given) > LONGEST_VALUE:
        return f"The id is too long: {LONGEST_VALUE} characters at most."
    if point.pattern and not re.fullmatch(point.pattern, given, re.ASCII):
        return f"“{given}” does not look like this kind of id."
    return None


@cache
def _made_up() -> tuple[_MadeUp, ...]:
    return tuple(_MadeUp(re.compile(entry["pattern"], re.ASCII), entry["words"]) for entry in _data()["made_up"])


def made_up(e164: str) -> str | None:
    """Return why a number cannot be a patient's (kept for fiction, or one of our examples), or None."""
    return next((each.words for each in _made_up() if each.pattern.fullmatch(e164.strip())), None)
