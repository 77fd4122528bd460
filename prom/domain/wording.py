"""The texts that reach patients: versioned data in five languages, a clinic's own wording over it, and its limits.

A text is named by a key, says only what its variables allow, and may cost so many segments and no more. Nothing here
names a person, a diagnosis or a procedure; the clinic's label is the only sender. Texts are made of two layers: a
question, and around it an opening, a reminder or the echo of the answer before.

Emergency texts are fixed: a clinic's own wording never replaces them, and each has a version and a review status.

Sources:
    [P] SMS rules: words that carriers answer themselves (STOP, YES, END, CANCEL ...) are never asked for as an answer;
        one segment in English and romanised languages, three in Devanagari and Bengali script.
    [S] Krebs 2009 (J Gen Intern Med 24:733): what the three PEG questions ask. The sentences are our own; a clinic
        imports a validated translation as its own wording.
    National emergency and crisis numbers as published by each country's authorities; a site checks its own.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from prom.domain import instruments
from prom.domain.instruments import Scale
from prom.domain.segments import fold, segments

LANGUAGES = ("en", "hi", "hi-Latn", "bn", "bn-Latn")
DEFAULT_LANGUAGE = "en"

# The last text that a phone gets after a stop, and the texts that no daily cap counts.
LAST_WORDS = frozenset({"opt_out_done", "opt_out_emergency", "opt_out_self_harm"})
UNCOUNTED = LAST_WORDS | {"help", "emergency", "emergency_self_harm"}

Overrides = Mapping[tuple[str, str], str]
Value = int | tuple[int | None, ...]

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_TAKEN_WORDS = "YES|END|CANCEL|QUIT|REVOKE|OPTOUT|UNSUBSCRIBE|STOPALL|INFO"
_INVITES_TAKEN = re.compile(rf"\b({_TAKEN_WORDS})\b|\b(?i:reply|send|text|type|answer) (?i:{_TAKEN_WORDS})\b")
_ADDRESS = re.compile(r"://|\bwww\.", re.IGNORECASE)
_ITEM_KEY = "csi_item_"
# A question of a clinic's own instrument: its words come from the clinic's data, ours has none.
_OWN_QUESTION = re.compile(r"ask_[a-z0-9_]{1,60}")


@dataclass(frozen=True, slots=True)
class Key:
    """What a text may say: required variables, most segments by script, the wrapper it is measured in."""

    name: str
    variables: frozenset[str]
    latin: int
    indic: int
    inside: str | None
    must_say: tuple[str, ...]
    fixed: bool


@dataclass(frozen=True, slots=True)
class Template:
    """One text of the data as it stands, with what a reviewer must know about it."""

    text: str
    needs_review: bool
    version: int
    status: str


@dataclass(frozen=True, slots=True)
class Language:
    """All texts of one language, the places of pain and the item topics as they stand in its sentences."""

    code: str
    name: str
    version: int
    indic: bool
    word_for_or: str
    places: Mapping[str, str]
    topics: Mapping[int, str]
    texts: Mapping[str, Template]


def _data(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("prom.domain").joinpath(f"texts/{name}.toml").read_text(encoding="utf-8"))


def _key(name: str, rules: Mapping[str, Any]) -> Key:
    return Key(
        name=name,
        variables=frozenset(rules.get("variables", ())),
        latin=rules.get("latin", 1),
        indic=rules.get("indic", 3),
        inside=rules.get("inside"),
        must_say=tuple(rules.get("must_say", ())),
        fixed=rules.get("fixed", False),
    )


def _all_keys() -> dict[str, Key]:
    keys = {name: _key(name, rules) for name, rules in _data("keys").items()}
    items = [name for name in instruments.QUESTIONS if name.startswith(_ITEM_KEY)]
    return keys | {name: _key(name, {}) for name in items}


KEYS: Mapping[str, Key] = MappingProxyType(_all_keys())


@cache
def language(code: str) -> Language:
    """Return the texts of a language; one we do not have, or a country's variant, falls back to the nearest."""
    code = known_language(code)
    data = _data(code)
    texts = {
        name: Template(
            text=entry["text"],
            needs_review=entry.get("needs_review", False),
            version=entry.get("version", data["version"]),
            status=entry.get("status", ""),
        )
        for name, entry in data["texts"].items()
    }
    return Language(
        code=code,
        name=data["name"],
        version=data["version"],
        indic=data["script"] == "indic",
        word_for_or=data["words"]["or"],
        places=MappingProxyType(data["places"]),
        topics=MappingProxyType({int(item): topic for item, topic in data["topics"].items()}),
        texts=MappingProxyType(texts),
    )


def known_language(code: str) -> str:
    """Return the language of ours that is nearest to a code: itself, its root, or English."""
    same = {known.lower(): known for known in LANGUAGES}
    wanted = code.strip().replace("_", "-").lower()
    return same.get(wanted) or same.get(wanted.partition("-")[0]) or DEFAULT_LANGUAGE


def render(key: str, language_code: str, overrides: Overrides | None = None, **variables: str | int) -> str:
    """Return a text as it leaves, in plain punctuation; a variable too few or too many raises ValueError.

    `overrides` are the clinic's own texts by (key, language). `place` may be left out and is then a general one.
    """
    allowed = _known(key).variables
    unknown = sorted(set(variables) - allowed)
    if unknown:
        raise ValueError(f"the text {key} has no variable {unknown[0]!r}")
    spoken = language(language_code)
    given = {"place": spoken.places["general"]} | variables
    return fold(_filled(_template(key, spoken, overrides or {}), given, key))


def digest(key: str, language_code: str, overrides: Overrides | None = None) -> str:
    """Return the fingerprint (SHA-256) of the wording in force, so that a review can name what was reviewed."""
    spoken = language(language_code)
    _known(key)
    in_force = "\n".join((key, spoken.code, _template(key, spoken, overrides or {})))
    return hashlib.sha256(in_force.encode()).hexdigest()


def ask(question: str, language_code: str, overrides: Overrides | None = None, *, place: str | None = None) -> str:
    """Return the words of a question; `place` is a key such as knee_left, from `place_key`."""
    if question not in KEYS and (own := f"ask_{question}") in {key for key, _ in overrides or ()}:
        question = own
    else:
        instruments.question(question)
    if "place" not in _known(question).variables:
        return render(question, language_code, overrides)
    places = language(language_code).places
    return render(question, language_code, overrides, place=places.get(place or "general", places["general"]))


def wrapped(
    wrapper: str,
    question: str,
    language_code: str,
    overrides: Overrides | None = None,
    *,
    place: str | None = None,
    **variables: str | int,
) -> str:
    """Return a question inside an opening, a reminder, a confirmation or behind an echo."""
    words = ask(question, language_code, overrides, place=place)
    return render(wrapper, language_code, overrides, question=words, **variables)


def recorded(answers: Iterable[tuple[str, Value]], language_code: str, overrides: Overrides | None = None) -> str:
    """Return what was recorded as a patient reads it: "pain 4, change 2, relief 50%"; sheet answers stand together."""
    labels: list[str] = []
    sheet: list[str] = []
    for key, value in answers:
        question = instruments.question(key)
        if question.scale is Scale.CSI5:
            sheet.append(_signs(value))
        elif question.own:
            labels.append(_signs(value))
        elif question.scale is Scale.CSI:
            item = question.items[0]
            labels.append(render("label_csi", language_code, overrides, item=item, value=_signs(value)))
        else:
            name = "label_peg" if question.instrument == "peg" else f"label_{key}"
            labels.append(render(name, language_code, overrides, value=_signs(value)))
    if sheet:
        labels.append(render("label_csi5", language_code, overrides, value=" ".join(sheet)))
    return ", ".join(labels)


def _signs(value: Value) -> str:
    if isinstance(value, tuple):
        return "".join("X" if one is None else str(one) for one in value)
    return str(value)


_PAIRED = {"knee": "knee", "genicular": "knee", "hip": "hip", "shoulder": "shoulder"}
_SINGLE = {"lumbar": "low_back", "lumbosacral": "low_back", "back": "low_back", "cervical": "neck", "neck": "neck"}


def place_key(target: str, side: str = "") -> str:
    """Return the place to name in a question about a target and side; what would tell the procedure is `general`."""
    words = re.findall(r"[a-z]+", target.lower())
    for word in words:
        if word in _PAIRED:
            return f"{_PAIRED[word]}_{side}" if side in {"left", "right"} else _PAIRED[word]
    return next((_SINGLE[word] for word in words if word in _SINGLE), "general")


@cache
def _numbers() -> dict[str, Any]:
    return _data("numbers")


def emergency_number(country: str, language_code: str = DEFAULT_LANGUAGE, *, self_harm: bool = False) -> str:
    """Return the number to call in a country; for thoughts of self-harm its crisis line, or the emergency number."""
    numbers = _numbers()
    known = numbers.get(country.strip().upper(), numbers["default"])
    emergency = str(known["emergency"])
    if not self_harm or "crisis" not in known:
        return emergency
    return f"{known['crisis']} {language(language_code).word_for_or} {emergency}"


def emergency_countries() -> tuple[str, ...]:
    """Return the countries whose numbers we name (ISO 3166)."""
    return tuple(country for country in _numbers() if len(country) == 2)


def emergency_source(country: str) -> tuple[str, str]:
    """Return whose number a country's emergency number is, and its review status ("" where the authors are sure)."""
    known = _numbers().get(country.strip().upper(), _numbers()["default"])
    return str(known["source"]), str(known.get("status", ""))


def check_override(key: str, language_code: str, text: str) -> list[str]:
    """Return what is wrong with a clinic's own wording, in plain sentences; an empty list means it may be used."""
    if key not in KEYS and not _OWN_QUESTION.fullmatch(key):
        return [f"There is no text {key!r}."]
    if language_code not in LANGUAGES:
        return [f"There are no texts in the language {language_code!r}."]
    rules = _known(key)
    if rules.fixed:
        return ["This text is fixed. It is changed only after a clinical review, for all clinics."]
    if not text.strip():
        return ["The text is empty."]
    problems = [*_variable_problems(rules, text), *_word_problems(rules, text)]
    return problems or _size_problems(rules, language_code, text)


def _variable_problems(rules: Key, text: str) -> list[str]:
    named = set(_PLACEHOLDER.findall(text))
    needed = frozenset[str]() if _OWN_QUESTION.fullmatch(rules.name) else rules.variables
    problems = [f"{{{name}}} is not known in this text." for name in sorted(named - rules.variables)]
    problems += [f"{{{name}}} is missing." for name in sorted(needed - named)]
    if re.search(r"[{}]", _PLACEHOLDER.sub("", text)):
        problems.append("Braces may only stand around the name of a variable.")
    return problems


def _word_problems(rules: Key, text: str) -> list[str]:
    problems = [
        f"The text must offer {word}."
        for word in rules.must_say
        if not re.search(rf"(?<![A-Za-z]){word}(?![A-Za-z])", text)
    ]
    if taken := _INVITES_TAKEN.search(text):
        problems.append(f"Carriers take the word {taken.group().split()[-1].upper()} for themselves: ask for another.")
    if _ADDRESS.search(text):
        problems.append("Addresses are only sent as {link}, which is made for each patient.")
    if any(sign < " " and sign != "\n" for sign in text):
        problems.append("The text has an invisible control sign.")
    return problems


def _size_problems(rules: Key, language_code: str, text: str) -> list[str]:
    count = segments(preview(rules.name, language_code, {(rules.name, language_code): text})).count
    most = most_segments(rules.name, language_code)
    return [] if count <= most else [f"The text takes {count} segments; at most {most} are allowed."]


def most_segments(key: str, language_code: str) -> int:
    """Return how many segments a text may cost in a language."""
    return _known(key).indic if language(language_code).indic else _known(key).latin


SAMPLE: Mapping[str, str | int] = MappingProxyType(
    {
        "clinic": "Lakeside Care Centre",
        "link": "https://followup.lakeside-care.example/a/4f9c01d2Kq7RzT0bVn3XyLw8Hs5MgP",
        "phone": "+91 33 2345 6789",
        "digits": 5,
        "days": 7,
        "hours": 3,
        "item": 22,
        "value": 10,
        "label": "Lakeside Care Centre",
        "losing": 12,
        "new": 34,
        "call": 56,
    }
)


def preview(key: str, language_code: str, overrides: Overrides | None = None) -> str:
    """Return a text with sample values at their usual longest, inside the wrapper it is measured in."""
    rules = _known(key)
    values = {name: _sample(name, language_code, overrides) for name in rules.variables}
    text = render(key, language_code, overrides, **values)
    if rules.inside is None:
        return text
    clinic = SAMPLE["clinic"]
    return render(rules.inside, language_code, overrides, question=text, clinic=clinic)


def _sample(name: str, language_code: str, overrides: Overrides | None) -> str | int:
    spoken = language(language_code)
    answers: tuple[tuple[str, Value], ...] = (("nrs", 10),)
    match name:
        case "place":
            return max(spoken.places.values(), key=len)
        case "topic":
            return max(spoken.topics.values(), key=len)
        case "question":
            return render("nrs", language_code, overrides)
        case "recorded":
            return recorded(answers, language_code, overrides)
        case "echo":
            return render("echo", language_code, overrides, recorded=recorded(answers, language_code, overrides))
        case "emergency_number":
            return emergency_number("IN", language_code, self_harm=True)
        case _:
            return SAMPLE[name]


def _known(key: str) -> Key:
    if key in KEYS:
        return KEYS[key]
    if _OWN_QUESTION.fullmatch(key):
        return _key(key, {"variables": ["place"], "inside": "opening", "latin": 2, "indic": 4})
    raise ValueError(f"there is no text {key!r}")


def _template(key: str, spoken: Language, overrides: Overrides) -> str:
    if not _known(key).fixed and (own := overrides.get((key, spoken.code))):
        return own
    if key not in KEYS:
        return _own_question(key, spoken, overrides)
    if key.startswith(_ITEM_KEY):
        topic = spoken.topics[int(key.removeprefix(_ITEM_KEY))]
        return _filled(_template("csi_item", spoken, overrides), {"topic": topic}, key)
    return spoken.texts[key].text


def _own_question(key: str, spoken: Language, overrides: Overrides) -> str:
    """Return the words of a clinic's own question where its data has none in a language: another script, or English."""
    root = spoken.code.partition("-")[0]
    for code in (root, f"{root}-Latn", DEFAULT_LANGUAGE):
        if own := overrides.get((key, code)):
            return own
    raise ValueError(f"the clinic's data has no words for {key!r}")


def _filled(template: str, variables: Mapping[str, str | int], key: str) -> str:
    missing = sorted(set(_PLACEHOLDER.findall(template)) - set(variables))
    if missing:
        raise ValueError(f"the text {key} needs {missing[0]!r}")
    return _PLACEHOLDER.sub(lambda found: str(variables[found.group(1)]), template)
