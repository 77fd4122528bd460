"""The word lists of the reply parser: data per language, read once and searched by whole words.

Every language file in `words/` may hold `[concepts]` (lists of phrases that mean one thing, merged over all languages:
patients mix them), `[keywords]` (texts that are a request when nothing else is said), `[numbers]`, `[grammar]` and
`[options]` (what a score may look like, for patients of that language only). `words/rules.toml` says which concepts
together are a warning sign, an opt-out or something for people.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any

from prom.domain import reply_text

LONGEST_PHRASE = 6
LONGEST_WORD = 24
SHORTEST_MISSPELT = 5
SHORTEST_STEM = 3
# "The", "and", "in", "to", "will" are written together with the Arabic word that follows.
_ARABIC_PREFIXES = ("وال", "بال", "لل", "ال", "و", "ب", "ل", "س")
MOST_SPANS = 24

_SPELT_LANGUAGES = ("en",)
_OWN_SPELT = ("hi", "bn", "es", "fr", "pt")
_NOT_A_LANGUAGE = frozenset({"rules", "spelling", "emergency"})

Span = tuple[int, int]


@dataclass(slots=True)
class _Node:
    """One step in the tree of phrases: the words that may follow, and the concepts that end here."""

    after: dict[str, "_Node"] = field(default_factory=dict)
    ends: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rule:
    """Concepts that must stand near each other, and what that means."""

    name: str
    concepts: tuple[str, ...]
    near: int
    also: tuple[str, ...] = ()
    softened_by: str = ""
    ordered: bool = False
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All phrases of all languages, with the rules over them."""

    phrases: _Node
    words: frozenset[str]
    prefixes: frozenset[str]
    misspellings: Mapping[str, Mapping[str, tuple[str, ...]]]
    real_words: frozenset[str]
    same: Mapping[str, str]
    alarms: tuple[Rule, ...]
    opt_outs: tuple[Rule, ...]
    people: tuple[Rule, ...]

    def spans(self, words: tuple[str, ...], language: str) -> dict[str, list[Span]]:
        """Return where each concept is mentioned, as half-open spans of word positions."""
        own = self.misspellings.get(base_language(language), {})
        known = {word: self._readings(word, own) for word in set(words)}
        found: dict[str, list[Span]] = {}
        for start in range(len(words)):
            self._walk(words, known, start, found)
        return found

    def _walk(
        self, words: tuple[str, ...], known: dict[str, tuple[str, ...]], start: int, found: dict[str, list[Span]]
    ) -> None:
        nodes = [self.phrases]
        for end in range(start, min(start + LONGEST_PHRASE, len(words))):
            nodes = [node.after[key] for node in nodes for key in known[words[end]] if key in node.after]
            if not nodes:
                return
            for node in nodes:
                for concept in node.ends:
                    spans = found.setdefault(concept, [])
                    if not spans or spans[-1] != (start, end + 1):
                        spans.append((start, end + 1))

    def _readings(self, word: str, own: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        """Return the listed words a word may stand for: itself, its beginning, or what it is a misspelling of."""
        if word in self.same:
            return (word, self.same[word], *self._beginnings(word))
        if word in self.words:
            return (word, *self._beginnings(word))
        readings = (*self._beginnings(word), *self._look_alike(word))
        if readings or len(word) > LONGEST_WORD or word in self.real_words:
            return readings
        return self._misspelt(word, own)

    def _beginnings(self, word: str) -> tuple[str, ...]:
        return tuple(
            word[:end] + "*" for end in range(2, min(len(word), LONGEST_WORD) + 1) if word[:end] in self.prefixes
        )

    def _look_alike(self, word: str) -> tuple[str, ...]:
        if word.isascii():
            return ()
        latin = reply_text.look_alike(word)
        if latin in self.words:
            return (latin,)
        stems = (word.removeprefix(prefix) for prefix in _ARABIC_PREFIXES if word.startswith(prefix))
        return tuple(stem for stem in stems if len(stem) >= SHORTEST_STEM and stem in self.words)

    def _misspelt(self, word: str, own: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        if len(word) < SHORTEST_MISSPELT or not word.isascii():
            return ()
        settled = self.misspellings[""]
        meant = {
            listed: None
            for variant in (word, *_with_one_letter_less(word))
            for listed in (*settled.get(variant, ()), *own.get(variant, ()))
            if (word[0] == listed[0] or word[:2] == listed[1::-1]) and one_edit(word, listed)
        }
        return tuple(meant)


def _with_one_letter_less(word: str) -> Iterable[str]:
    return (word[:at] + word[at + 1 :] for at in range(len(word)))


def one_edit(word: str, other: str) -> bool:
    """Return whether two different words are one insertion, deletion, replacement or swap of neighbours apart."""
    if word == other or abs(len(word) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(word), len(other)) and word[start] == other[start]:
        start += 1
    rest, other_rest = word[start:], other[start:]
    if len(rest) == len(other_rest):
        swapped = len(rest) > 1 and rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:]
        return rest[1:] == other_rest[1:] or swapped
    longer, shorter = sorted((rest, other_rest), key=len, reverse=True)
    return longer[1:] == shorter


@dataclass(frozen=True, slots=True)
class Speech:
    """What a score may look like for patients of one language: exact words only."""

    numbers: Mapping[str, int]
    unsure: Mapping[str, int | float]
    tens: Mapping[str, int]
    phrases: Mapping[str, tuple[tuple[str, ...], ...]]
    options: tuple[tuple[tuple[str, ...], ...], ...]
    proposals: Mapping[tuple[str, ...], int]
    other_words: frozenset[tuple[str, ...]]
    _sets: dict[tuple[str, ...], frozenset[tuple[str, ...]]] = field(default_factory=dict, compare=False, repr=False)

    def phrases_of(self, names: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
        """Return the phrases of several lists together."""
        if names not in self._sets:
            self._sets[names] = frozenset(phrase for name in names for phrase in self.phrases.get(name, ()))
        return self._sets[names]


@lru_cache(maxsize=1)
def _files() -> dict[str, Mapping[str, Any]]:
    folder = resources.files("prom.domain") / "words"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    return {entry.name.removesuffix(".toml"): tomllib.loads(entry.read_text("utf-8")) for entry in files}


def table(name: str) -> Mapping[str, Any]:
    """Return one data file by its name."""
    return _files()[name]


def languages() -> frozenset[str]:
    """Return the languages that have a word list of their own."""
    return frozenset(_files()) - _NOT_A_LANGUAGE - {"more"}


def versions() -> str:
    """Return the versions of all word lists as one string, to be stored with the parser's."""
    return ",".join(f"{name}{data['version']}" for name, data in _files().items())


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Return all phrases and rules."""
    root, same = _Node(), _same_words()
    words: set[str] = set()
    prefixes: set[str] = set()
    for name, data in _files().items():
        if name in _NOT_A_LANGUAGE:
            continue
        keywords = {f"{name}_alone": listed for name, listed in data.get("keywords", {}).items()}
        lists = data.get("concepts", {}) | keywords
        for concept, listed in lists.items():
            for phrase in map(_phrase_words, _split(listed)):
                _plant(root, concept, phrase)
                _plant(root, concept, tuple(same.get(word, word) for word in phrase))
                words.update(word for word in phrase if not word.endswith("*"))
                prefixes.update(word[:-1] for word in phrase if word.endswith("*"))
    rules, spelling = _files()["rules"], _files()["spelling"]
    real = frozenset(_split(spelling["real_words"]))
    alarms = _rules(rules["alarm"], "kind")
    opt_outs = _rules(rules["opt_out"], "rule")
    serious = {concept for rule in (*alarms, *opt_outs) for concept in rule.concepts}
    return Lexicon(
        phrases=root,
        words=frozenset(words),
        prefixes=frozenset(prefixes),
        misspellings={"": _misspellings(serious, _SPELT_LANGUAGES)}
        | {name: _misspellings(serious, (name,)) for name in _OWN_SPELT},
        real_words=real,
        same=same,
        alarms=alarms,
        opt_outs=opt_outs,
        people=_rules(rules["people"], "reason"),
    )


@lru_cache(maxsize=1)
def _same_words() -> dict[str, str]:
    """Return each further spelling of a romanised word with the one our lists use."""
    return {word: listed for listed, others in _files()["spelling"]["same"].items() for word in _split(others)}


@lru_cache(maxsize=128)
def words_of(concept: str) -> frozenset[str]:
    """Return every single word in the phrases of a concept."""
    lists = (data.get("concepts", {}).get(concept, "") for data in _files().values())
    return frozenset(word for listed in lists for phrase in _split(listed) for word in _phrase_words(phrase))


@lru_cache(maxsize=1)
def answer_words() -> frozenset[str]:
    """Return every word that may stand in a score, folded, in any language."""
    words: set[str] = set()
    for data in _files().values():
        options = (listed for name, listed in data.get("options", {}).items() if name not in {"labels", "proposals"})
        for listed in (*data.get("grammar", {}).values(), *options, ",".join(data.get("numbers", {}).get("exact", ()))):
            words.update(word for phrase in _split(listed) for word in _phrase_words(phrase))
    return frozenset(words)


def _split(listed: str) -> list[str]:
    return [phrase for phrase in (part.strip() for part in listed.replace("\n", " ").split(",")) if phrase]


def _phrase_words(phrase: str) -> tuple[str, ...]:
    """Return the folded words of a listed phrase, a trailing * kept."""
    words: list[str] = []
    for word in phrase.split():
        folded = reply_text.read(word.rstrip("*")).words
        words.extend(folded[:-1])
        words.append(folded[-1] + "*" if word.endswith("*") else folded[-1])
    return tuple(words)


def _plant(root: _Node, concept: str, phrase: tuple[str, ...]) -> None:
    node = root
    for word in phrase:
        node = node.after.setdefault(word, _Node())
    if concept not in node.ends:
        node.ends.append(concept)


def _misspellings(serious: Iterable[str], languages: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return each longer word of the serious concepts under every spelling with one letter less, its own included.

    Words of other languages, romanised ones too, are near too many English ones: their slips count for their own
    patients only.
    """
    lists = (_files()[name].get("concepts", {}).get(concept, "") for name in languages for concept in serious)
    words = {word for listed in lists for phrase in _split(listed) for word in _phrase_words(phrase)}
    index: dict[str, tuple[str, ...]] = {}
    for word in sorted(words):
        if len(word) >= SHORTEST_MISSPELT and word.isascii() and word.isalpha():
            for variant in (word, *_with_one_letter_less(word)):
                index[variant] = (*index.get(variant, ()), word)
    return index


def _rules(tables: list[dict[str, Any]], name: str) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            name=table.get(name, "asked"),
            concepts=tuple(part.strip() for part in expression.split("+")),
            near=table.get("near", 5),
            also=tuple(table.get("also", ())),
            softened_by=table.get("softened_by", ""),
            ordered=table.get("ordered", False),
            needs=frozenset(part.strip() for part in expression.split("+")),
        )
        for table in tables
        for expression in table["any"]
    )


def base_language(language: str) -> str:
    """Return a language tag without script and country: hi for hi-Latn."""
    return language.replace("_", "-").split("-")[0].casefold()


@lru_cache(maxsize=32)
def speech(language: str) -> Speech:
    """Return the score words of a language, English ones included; an unknown language has the English ones only.

    Words in a script of their own are read whoever writes them. Words in Latin letters are read only for a patient of
    that language, because the same letters mean something else in another one.
    """
    own = base_language(language)
    known = {name: data for name, data in _files().items() if name not in _NOT_A_LANGUAGE}
    order = sorted(known, key=lambda name: (name != own, name != "en", name))
    builder = _SpeechBuilder()
    for name in order:
        builder.add(known[name], own=name in {"en", own})
    return builder.speech()


class _SpeechBuilder:
    """Collects the score words of several languages; the first language to list a word wins."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._unsure: dict[str, int | float] = {}
        self._tens: dict[str, int] = {}
        self._phrases: dict[str, dict[tuple[str, ...], None]] = {}
        self._options: list[dict[tuple[str, ...], None]] = [{} for _ in range(5)]
        self._proposals: dict[tuple[str, ...], int] = {}
        self._other: set[tuple[str, ...]] = set()

    def add(self, data: Mapping[str, Any], *, own: bool) -> None:
        """Take the words of one language; of a foreign one only those no Latin letter can be mistaken for."""
        numbers = data.get("numbers", {})
        for target, key in ((self._numbers, "exact"), (self._unsure, "unsure")):
            for word, value in self._taken_numbers(numbers.get(key, {}), own=own):
                if word not in self._numbers and word not in self._unsure:
                    target[word] = value
        self._tens.update(self._taken_numbers(numbers.get("tens", {}), own=own))
        for name, listed in data.get("grammar", {}).items():
            self._phrases.setdefault(name, {}).update(self._taken(_split(listed), own=own))
        self._add_options(data.get("options", {}), own=own)

    @staticmethod
    def _taken_numbers(words: Mapping[str, Any], *, own: bool) -> list[tuple[str, Any]]:
        return [(exact_words(word)[0], value) for word, value in words.items() if own or not _latin(word)]

    def _add_options(self, options: Mapping[str, Any], *, own: bool) -> None:
        for value, name in enumerate(("never", "rarely", "sometimes", "often", "always")):
            self._options[value].update(self._taken(_split(options.get(name, "")), own=own))
        for phrase, value in options.get("proposals", {}).items():
            if own or not _latin(phrase):
                self._proposals.setdefault(exact_words(phrase), value)
        self._other.update(self._taken(_split(options.get("other_words", "")), own=own))

    @staticmethod
    def _taken(phrases: Iterable[str], *, own: bool) -> dict[tuple[str, ...], None]:
        return {exact_words(phrase): None for phrase in phrases if own or not _latin(phrase)}

    def speech(self) -> Speech:
        """Return what was collected."""
        return Speech(
            numbers=self._numbers,
            unsure=self._unsure,
            tens=self._tens,
            phrases={name: tuple(phrases) for name, phrases in self._phrases.items()},
            options=tuple(tuple(phrases) for phrases in self._options),
            proposals=self._proposals,
            other_words=frozenset(self._other),
        )


def _latin(phrase: str) -> bool:
    return any("a" <= char <= "z" for char in phrase)


@lru_cache(maxsize=8192)
def exact_words(phrase: str) -> tuple[str, ...]:
    """Return the exact words of a phrase, marks left out."""
    return tuple(token.text for token in reply_text.read(phrase).tokens if token.kind != "mark")
