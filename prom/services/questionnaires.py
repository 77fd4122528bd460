"""The clinic's own licensed wording of the CSI: read from a file, checked, kept as versions, shown where asked.

The product ships no item sentences. A clinic that may use a translation imports it with its source and licence; pages,
printed sheets and texts item by item then show it. A version is never changed: another wording is another version.
"""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from prom.domain import instruments, wording
from prom.domain.wording import Overrides
from prom.storage import audit, instrument_wordings, sites
from prom.storage.models import InstrumentWording, Site

CSI = "csi"
ASK_ITEM = "csi_item"
OPTIONS = 5
LONGEST_SENTENCE = 300
LONGEST_OPTION = 40
LONGEST_NOTE = 200
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,23}")
_SCRIPTS = {"hi": "DEVANAGARI", "bn": "BENGALI"}
_OPTION_FIELD = re.compile(r"option[_ -]?([0-9])")


class WordingError(ValueError):
    """A file that cannot be used; `problems` says everything that is wrong, in plain sentences."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Wording:
    """A questionnaire's sentences by item number, and the labels of its answers where the licence names them."""

    language: str
    version: str
    source: str
    licence: str
    items: Mapping[int, str]
    options: tuple[str, ...] = ()


def read(data: bytes, name: str) -> tuple[Wording, ...]:
    """Return the wordings of a JSON or CSV file, one a language, or raise WordingError with all that is wrong."""
    try:
        text = data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")
    except UnicodeDecodeError:
        raise WordingError(["The file is not UTF-8 or UTF-16 text."]) from None
    found = _from_csv(text) if name.lower().endswith(".csv") else _from_json(text)
    wrong = [problem for entry in found for problem in _problems(entry)]
    spoken = [str(entry.get("language", "")) for entry in found]
    wrong += [f"The language {one!r} stands in the file twice." for one in sorted(set(spoken)) if spoken.count(one) > 1]
    if wrong:
        raise WordingError(wrong)
    return tuple(_wording(entry) for entry in found)


def _from_json(text: str) -> list[dict[str, Any]]:
    try:
        data = json.loads(text, object_pairs_hook=_without_doubles)
    except WordingError:
        raise
    except (ValueError, RecursionError) as error:
        raise WordingError([f"The file is not JSON: {error}."]) from None
    entries = data if isinstance(data, list) else [data]
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        raise WordingError(["The file must hold one wording, or a list of them."])
    for entry in entries:
        items = entry.get("items")
        if isinstance(items, list):
            entry["items"] = {str(number): sentence for number, sentence in enumerate(items, start=1)}
    return entries


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise WordingError([f"{double!r} stands in the file twice."])
    return dict(pairs)


def _from_csv(text: str) -> list[dict[str, Any]]:
    """Return the wording of a CSV file of two columns: a name (language, version ..., 1 to 25, option_0) and a text."""
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), strict=True) if any(row)]
    except csv.Error as error:
        raise WordingError([f"The file is not CSV: {error}."]) from None
    entry: dict[str, Any] = {"items": {}, "options": {}}
    for number, row in enumerate(rows, start=1):
        if len(row) != 2:
            raise WordingError([f"Row {number} has {len(row)} columns; it takes two, a name and its text."])
        name, words = row[0].lower(), row[1]
        if number == 1 and words.lower() in {"text", "sentence", "value"}:
            continue
        _put(entry, name, words)
    entry["options"] = [entry["options"][key] for key in sorted(entry["options"])]
    return [entry]


def _put(entry: dict[str, Any], name: str, words: str) -> None:
    option = _OPTION_FIELD.fullmatch(name)
    where, key = (entry, name)
    if option is not None:
        where, key = entry["options"], option.group(1)
    elif name.isdecimal() and len(name) < 5:
        where, key = entry["items"], str(int(name))
    if key in where and where[key] != {}:
        raise WordingError([f"{name!r} stands in the file twice."])
    where[key] = words


def _problems(entry: Mapping[str, Any]) -> list[str]:
    """Return everything that is wrong with one wording."""
    language = str(entry.get("language", ""))
    about = language or "the wording"
    wrong = _about_problems(entry)
    items = entry.get("items")
    if not isinstance(items, dict):
        return [*wrong, f"{about}: the items are missing."]
    wrong += [f"{about}: {problem}" for problem in _item_problems(items, language)]
    wrong += [f"{about}: {problem}" for problem in _option_problems(entry.get("options") or [])]
    return wrong


def _about_problems(entry: Mapping[str, Any]) -> list[str]:
    wrong = []
    known = {"instrument", "language", "version", "source", "licence", "license", "items", "options"}
    wrong += [f"{name!r} is not known here." for name in sorted(set(entry) - known)]
    if str(entry.get("instrument", CSI)).lower() != CSI:
        wrong.append(f"The instrument must be {CSI}.")
    if entry.get("language") not in wording.LANGUAGES:
        wrong.append(f"The language must be one of {', '.join(wording.LANGUAGES)}.")
    if not isinstance(entry.get("version"), str) or not _VERSION.fullmatch(entry["version"]):
        wrong.append("The version must be a short name of letters, digits, dots and dashes, such as 2026.1.")
    for name, words in (("source", entry.get("source")), ("licence", _licence(entry))):
        if not isinstance(words, str) or not words.strip():
            wrong.append(f"The {name} is missing: say {_WHY[name]}.")
        elif len(words) > LONGEST_NOTE or not _plain(words):
            wrong.append(f"The {name} takes one line of at most {LONGEST_NOTE} characters.")
    return wrong


_WHY = {"source": "where the wording comes from", "licence": "under what right the clinic uses it"}


def _licence(entry: Mapping[str, Any]) -> Any:
    return entry.get("licence", entry.get("license"))


def _item_problems(items: Mapping[str, Any], language: str) -> list[str]:
    wanted = [str(number) for number in range(1, instruments.CSI_ITEMS + 1)]
    wrong = [f"item {key!r} is not one of 1 to {instruments.CSI_ITEMS}." for key in items if str(key) not in wanted]
    for key in wanted:
        sentence = items.get(key)
        if not isinstance(sentence, str) or not sentence.strip():
            wrong.append(f"item {key} is missing or empty.")
        elif len(sentence) > LONGEST_SENTENCE or not _plain(sentence):
            wrong.append(f"item {key} takes one line of at most {LONGEST_SENTENCE} characters.")
        elif "{" in sentence or "}" in sentence:
            wrong.append(f"item {key} has a brace, which texts keep for their variables.")
        elif not _in_script(sentence, language):
            wrong.append(f"item {key} is not written in the script of the language.")
    said = [str(items.get(key, "")).strip().casefold() for key in wanted]
    same = sorted({key for key, one in zip(wanted, said, strict=True) if one and said.count(one) > 1}, key=int)
    return [*wrong, *([f"items {' and '.join(same)} say the same."] if same else [])]


def _option_problems(options: Any) -> list[str]:
    if not options:
        return []
    if not isinstance(options, list) or not all(isinstance(one, str) and one.strip() for one in options):
        return [f"the answers must be {OPTIONS} labels, none empty."]
    if len(options) != OPTIONS or len({one.strip().casefold() for one in options}) != OPTIONS:
        return [f"the answers must be {OPTIONS} different labels, from never to always."]
    if any(len(one) > LONGEST_OPTION or not _plain(one) for one in options):
        return [f"an answer takes at most {LONGEST_OPTION} characters."]
    return []


def _plain(text: str) -> bool:
    """Tell whether a text is one line without signs that nobody sees; joiners belong to Indic scripts."""
    return all(sign in "\u200c\u200d" or not unicodedata.category(sign).startswith("C") for sign in text)


def _in_script(sentence: str, language: str) -> bool:
    script = _SCRIPTS.get(language, "LATIN")
    return any(unicodedata.name(sign, "").startswith(script) for sign in sentence)


def _wording(entry: Mapping[str, Any]) -> Wording:
    return Wording(
        language=entry["language"],
        version=entry["version"],
        source=entry["source"].strip(),
        licence=_licence(entry).strip(),
        items={number: entry["items"][str(number)].strip() for number in range(1, instruments.CSI_ITEMS + 1)},
        options=tuple(one.strip() for one in entry.get("options") or ()),
    )


def store(session: Session, site: Site, given: Wording, actor: audit.Actor, now: datetime) -> bool:
    """Keep a wording as a version of a site; False when just this one is there. A version is never changed."""
    texts = _texts(given)
    there = instrument_wordings.version(session, site.id, CSI, given.language, given.version)
    if there is not None:
        if (there.texts, there.source, there.licence) == (texts, given.source, given.licence):
            return False
        raise WordingError([f"{given.language}: version {given.version} is there with other words; name a new one."])
    row = instrument_wordings.add(
        session,
        site_id=site.id,
        instrument=CSI,
        language=given.language,
        name=given.version,
        source=given.source,
        licence=given.licence,
        texts=texts,
        staff_id=actor.staff_id,
        now=now,
    )
    reason = f"{CSI} {row.language} {row.version}"
    audit.record(session, actor, "questionnaire wording imported", site, now, reason=reason)
    return True


def _texts(given: Wording) -> str:
    texts = {"items": {str(key): words for key, words in given.items.items()}, "options": list(given.options)}
    return json.dumps(texts, ensure_ascii=False, sort_keys=True)


def of_row(row: InstrumentWording) -> Wording:
    """Return a stored version as it is shown."""
    texts = json.loads(row.texts)
    items = {int(key): words for key, words in texts["items"].items()}
    return Wording(row.language, row.version, row.source, row.licence, items, tuple(texts["options"]))


def shown(session: Session, site_id: int, language: str) -> Wording | None:
    """Return the wording that a site shows in a language, the newest, or None: then topics stand in for it."""
    row = instrument_wordings.newest(session, site_id, CSI, language)
    return None if row is None else of_row(row)


def own_texts(session: Session, site_id: int) -> Overrides:
    """Return all of a site's own texts: its messages, and the licensed sentences where items are asked by text."""
    own = dict(sites.overrides(session, site_id))
    for language in wording.LANGUAGES:
        found = shown(session, site_id, language)
        if found is not None:
            own |= {(key, language): words for key, words in _item_texts(found, own).items()}
    return own


def _item_texts(given: Wording, own: Overrides) -> dict[str, str]:
    """Return each item that may be asked by text: its sentence, and how to answer it."""
    ask = own.get((ASK_ITEM, given.language)) or wording.language(given.language).texts[ASK_ITEM].text
    # The text around a topic asks and then says how to answer; of a full sentence only the second part is needed.
    how = ask.partition("{topic}")[2].lstrip("?\N{DEVANAGARI DANDA} ")
    asked = (key for key in instruments.QUESTIONS if key.startswith(f"{ASK_ITEM}_"))
    return {key: f"{given.items[int(key.removeprefix(f'{ASK_ITEM}_'))]} {how}".strip() for key in asked}
