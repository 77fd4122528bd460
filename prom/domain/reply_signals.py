"""Warning signs in a text: which words near each other mean a possible emergency, and when they are said to be absent.

A sign that is denied ("no fever", "bukhar nahi hai") or over ("the fever is gone") is no alarm, but a person reads it.
Everything else that looks like a warning sign is one: a false alarm costs a call, a missed one a leg or a life.

Sources:
    [P] The signs are those listed for the channel: new weakness, numb saddle area, cannot pass urine, fever or pus
        after a procedure, chest pain, breathing, face or throat swelling, widespread hives, a headache on sitting up
        or standing after an injection, possible overdose, self-harm, a bare emergency number.
    [P] Fever from 100 F or 37.8 C when a temperature is named; many tablets are 5 or more taken at once.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from prom.domain import reply_text, reply_words
from prom.domain.reply_words import Rule, Span

FEVER_FAHRENHEIT = (100.0, 110.0)
FEVER_CELSIUS = (37.8, 43.0)
MANY_TABLETS = (5, 200)
LONGEST_REQUEST = 60
REACH = 16
LONGEST_OVER = 6
LONGEST_NUMBER = 8
SHORTEST_PARTED = 5
_STRONG_BREAKS = frozenset(".;!?")
_TEMPERATURE = re.compile(
    r"(?<![\d.,/])(\d{2,3}(?:[.,]\d{1,2})?)(?![\d/]|[.,]\d)\s?(°|deg|degree|f\b|c\b|fahrenheit|celsius)?"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A text with every listed concept found in it."""

    text: reply_text.Text
    spans: dict[str, list[Span]]
    country: str = ""
    answers: frozenset[str] = frozenset()
    _covered: dict[tuple[str, ...], frozenset[int]] = field(default_factory=dict, repr=False)

    def has(self, concept: str) -> bool:
        """Return whether the concept is mentioned."""
        return concept in self.spans

    def covered(self, *concepts: str) -> frozenset[int]:
        """Return the positions of all words that belong to one of the concepts."""
        if concepts not in self._covered:
            spans = (span for concept in concepts for span in self.spans.get(concept, ()))
            self._covered[concepts] = frozenset(at for start, end in spans for at in range(start, end))
        return self._covered[concepts]

    def only(self, *concepts: str, numbers: bool = False) -> bool:
        """Return whether every word belongs to one of the concepts (or is a number, where those are allowed)."""
        words = self.text.words
        if len(words) > LONGEST_REQUEST:
            return False
        covered = self.covered(*concepts)
        return all(at in covered or (numbers and word.isdigit()) for at, word in enumerate(words))

    def only_said(self, concept: str) -> bool:
        """Return whether the concept and politeness are all that is said."""
        return self.has(concept) and self.only(concept, "polite")


@dataclass(frozen=True, slots=True)
class Alarm:
    """A warning sign that was found; `denied` means it is said to be absent or over."""

    kind: str
    denied: bool


def find(text: reply_text.Text, language: str, country: str = "", answers: frozenset[str] = frozenset()) -> Found:
    """Return the text with the concepts in it; words inside a harmless phrase ("hay fever") count for nothing.

    `answers` are numbers that answer the open question and may be emergency numbers too: "100" percent.
    """
    spans = reply_words.lexicon().spans(text.words, language)
    harmless = spans.get("harmless", [])
    if harmless:
        spans = {concept: [span for span in found if not _inside(span, harmless)] for concept, found in spans.items()}
        spans = {concept: found for concept, found in spans.items() if found}
    return Found(text, spans, country, answers)


def _inside(span: Span, harmless: list[Span]) -> bool:
    return any(start <= span[0] and span[1] <= end and (start, end) != span for start, end in harmless)


def possible(rules: tuple[Rule, ...], found: Found) -> list[Rule]:
    """Return the rules all of whose concepts are mentioned, in their order."""
    mentioned = found.spans.keys()
    return [rule for rule in rules if rule.needs <= mentioned] if mentioned else []


def hits(rule: Rule, found: Found) -> Iterator[tuple[Span, ...]]:
    """Yield the places where all concepts of a rule stand near each other."""
    lists = [found.spans[concept] for concept in rule.concepts]
    for first in _some(lists[0]):
        groups: list[tuple[Span, ...]] = [(first,)]
        for spans in lists[1:]:
            groups = [(*group, span) for group in groups for span in _nearest(group, _some(spans), rule)]
        yield from groups


def _some(spans: list[Span]) -> list[Span]:
    """Return at most the first and the last mentions, so that a flood of words costs no time."""
    half = reply_words.MOST_SPANS // 2
    return spans if len(spans) <= 2 * half else spans[:half] + spans[-half:]


def _nearest(group: tuple[Span, ...], spans: list[Span], rule: Rule) -> list[Span]:
    """Return the nearest mention before the group and the nearest one after it, as far as the rule reaches."""
    near: list[Span] = []
    last, least = None, rule.near + 1
    for span in spans:
        gap = min(max(span[0] - end, start - span[1]) for start, end in group)
        if gap < 0 or gap > rule.near or (rule.ordered and span[0] < group[-1][1]):
            continue
        if span[0] < group[-1][0]:
            near = [span]
        elif gap < least:
            last, least = span, gap
    return near if last is None else [*near, last]


def alarm(found: Found) -> Alarm | None:
    """Return the most serious warning sign of a text; one that is not denied comes before one that is."""
    counted = _counted(found)
    if counted is not None:
        return Alarm(counted, denied=False)
    signs = [(rule, group) for rule in possible(reply_words.lexicon().alarms, found) for group in hits(rule, found)]
    used = {at for _, group in signs for start, end in group for at in range(start, end)}
    denied = None
    for rule, group in signs:
        if not _softened(rule, group, found) and not _denied(group, used, found):
            return Alarm(rule.name, denied=False)
        denied = denied or Alarm(rule.name, denied=True)
    return denied


def _counted(found: Found) -> str | None:
    """Return the kind of a warning sign that is a number: an emergency number, a fever, many tablets."""
    if _emergency_number(found):
        return "emergency_number"
    if _high_temperature(found):
        return "infection"
    return "overdose" if _many_tablets(found) else None


def _softened(rule: Rule, group: tuple[Span, ...], found: Found) -> bool:
    start, end = min(span[0] for span in group), max(span[1] for span in group)
    little = found.spans.get(rule.softened_by, ())
    return any(start - last in {0, 1, 2} or first - end in {0, 1} for first, last in little)


def _denied(group: tuple[Span, ...], used: set[int], found: Found) -> bool:
    start, end = min(span[0] for span in group), max(span[1] for span in group)
    if any(0 <= first - end <= 3 for first, _ in found.spans.get("unlike", ())):
        return False
    inner = sorted(first for first, _ in group)[1:]
    return (
        any(_denied_before(at, used, found, "inner_negator", since=start) for at in inner)
        or _denied_before(start, used, found, "negator")
        or _denied_after(end, used, found)
        or _over(end, used, found)
    )


def _denied_before(start: int, used: set[int], found: Found, concept: str, *, since: int = 0) -> bool:
    """Return whether a "no" or "without" reaches the sign, over words that only carry it on ("no sign of any ...")."""
    carried = found.covered("between") | used
    spans = found.spans.get(concept, [])
    for first, end in spans[bisect_left(spans, (max(since, start - REACH),)) : bisect_left(spans, (start,))]:
        if end > start or any(at in used for at in range(first, end)):
            continue
        if all(at in carried for at in range(end, start)) and not _broken(end - 1, start, found):
            return True
    return False


def _broken(first: int, start: int, found: Found) -> bool:
    """Return whether a mark ends the reach of a "no"; a comma does not in "no fever, chills or chest pain"."""
    breaks, words = found.text.breaks, found.text.words
    if any(_STRONG_BREAKS.intersection(breaks[at]) for at in range(first, start)):
        return True
    commas = [at for at in range(first, start) if "," in breaks[at]]
    listed = any(word in {"or", "nor"} for word in words[first : start + 5])
    return bool(commas) and (commas[0] == first or not listed)


def _denied_after(end: int, used: set[int], found: Found) -> bool:
    """Return whether a "nahi", "nei" or "none" follows the sign and nothing says that it goes on."""
    carried = found.covered("between_after")
    closing = carried | found.covered("ends_denial", "polite")
    words, breaks = found.text.words, found.text.breaks
    for first, last in found.spans.get("negator_after", ()):
        if not 0 <= first - end <= 2 or any(at in used for at in range(first, last)):
            continue
        closed = last == len(words) or breaks[last - 1] or last in closing or words[last].isdigit()
        if closed and all(at in carried for at in range(end, first)) and not _there_now(last, found):
            return True
    return False


def _there_now(end: int, found: Found) -> bool:
    """Return whether a denial is of the past only: "bukhar nahi tha par ab hai", fever there was none but there is."""
    carried = found.covered("between_after", "but")
    return any(
        0 <= first - end <= LONGEST_OVER and all(at in carried for at in range(end, first))
        for first, _ in found.spans.get("there_now", ())
    )


def _over(end: int, used: set[int], found: Found) -> bool:
    carried = found.covered("between_over")
    words = found.text.words
    against = found.covered("not_over")
    if found.has("back_again"):
        return False
    for first, last in found.spans.get("over", ()):
        reached = 0 <= first - end <= LONGEST_OVER and all(at in carried and at not in used for at in range(end, first))
        if reached and last not in against and not (last < len(words) and last in used):
            return True
    return False


@lru_cache(maxsize=64)
def emergency_numbers(country: str = "") -> frozenset[str]:
    """Return the numbers that mean an emergency in a country: those that mean it everywhere, and its own."""
    table = reply_words.table("emergency")
    return frozenset(table["floor"]) | frozenset(table["numbers"].get(country.strip().upper(), ()))


@lru_cache(maxsize=64)
def _emergency_pattern(country: str) -> re.Pattern[str]:
    """Return the pattern of an emergency number that is no part of a telephone number or a blood pressure."""
    listed = "|".join(sorted(emergency_numbers(country), key=len, reverse=True))
    return re.compile(rf"(?<!\d)(?<!\d[-/.,:])({listed})(?!\d|[-/.,:]\d)")


def _emergency_number(found: Found) -> bool:
    """Return whether an emergency number stands alone or with a word for calling; 911 has no other meaning at all."""
    words, country = found.text.words, found.country
    known = emergency_numbers(country) - found.answers
    if _spelt_out(words) in known:
        return not found.answers.issuperset(words)
    numbers = set(_emergency_pattern(country).findall(found.text.plain)) & known
    at = [place for place, word in enumerate(words) if word in numbers]
    others = any(word.isdigit() and word not in numbers for word in words)
    alone = found.only(
        "dialling", "polite", "greeting", "help_alone", "help_me", "emergency", "stop_filler", numbers=True
    )
    return bool(at) and ((alone and not others) or "911" in numbers or _dialled(at, found))


def _spelt_out(words: tuple[str, ...]) -> str:
    """Return the number that a text of digits spells: "9 1 1", "13 11 14"; "10 8" is two numbers."""
    if not 1 < len(words) <= LONGEST_NUMBER or not all(word.isdigit() for word in words):
        return ""
    joined = "".join(words)
    return joined if len(joined) == len(words) or len(joined) >= SHORTEST_PARTED else ""


def _dialled(places: list[int], found: Found) -> bool:
    calls = found.spans.get("dialling", ())
    return any(0 <= place - end <= 1 or 0 <= start - place - 1 <= 1 for place in places for start, end in calls)


def _high_temperature(found: Found) -> bool:
    named = found.has("temperature") or found.has("fever")
    for match in _TEMPERATURE.finditer(found.text.plain):
        degrees = float(match.group(1).replace(",", "."))
        high = FEVER_FAHRENHEIT[0] <= degrees <= FEVER_FAHRENHEIT[1] or FEVER_CELSIUS[0] <= degrees <= FEVER_CELSIUS[1]
        if high and match.group(1) not in found.answers and (named or match.group(2)):
            return True
    return False


def _many_tablets(found: Found) -> bool:
    """Return whether five or more tablets are said to have been taken."""
    if not found.has("took"):
        return False
    words = found.text.words
    for start, _ in [*found.spans.get("pill", ()), *found.spans.get("medicine", ())]:
        if words[start] == "mg":
            continue
        # "6 took tylenol" is a score with a note; "took 6 tylenol" is a count.
        since = max((end for _, end in found.spans["took"] if end <= start), default=0)
        for word in words[max(0, start - 2, since) : start]:
            if len(word) <= 3 and word.isdigit() and MANY_TABLETS[0] <= int(word) <= MANY_TABLETS[1]:
                return True
    return False
