"""The questionnaires we ask, as versioned data, and the questions that reach a phone.

An instrument is a form with integer items: its bounds, how items become one number, its bands and its named cut-offs.
A question is one text: which instrument it belongs to, which items it asks and on which answer scale. Answers are
compared inside one series only: the same instrument with the same recall period at the same site.

The sentences of the Central Sensitization Inventory are not ours to ship. We hold item numbers and neutral topics; a
clinic imports the wording it may use.

Sources:
    [S] Neblett 2017 (Pain Pract 17:166): the five CSI severity bands. Neblett 2013 (J Pain 14:438): the cut-off 40.
        The other cut-offs in the data file are published for the populations they name.
    [S] IMMPACT 2008 (Dworkin): PGIC with 7 levels.
    [P] Which CSI items are sensitive and which is never asked by text is our own rule, version 1: a phone may be read
        by others.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from types import MappingProxyType
from typing import Generic, TypeVar

from prom.domain.instrument_form import Band, CutOff, Instrument, Total, Worse, instrument_from, instruments_from

__all__ = ["Band", "CutOff", "Instrument", "Total", "Worse", "instrument_from", "instruments_from"]
Entry = TypeVar("Entry")
CSI_ITEMS = 25
SENSITIVE_ITEMS = frozenset({3, 11, 16, 21, 25})
NEVER_BY_TEXT = frozenset({24})
CARRIED_FORWARD_ITEM = 24
CSI_TOPICS: Mapping[int, str] = MappingProxyType(
    dict(
        enumerate(
            (
                "unrefreshing sleep",
                "stiff or aching muscles",
                "anxiety attacks",
                "teeth grinding",
                "bowel upset",
                "help with daily tasks",
                "light sensitivity",
                "tiring on exertion",
                "widespread pain",
                "headaches",
                "bladder discomfort",
                "poor sleep",
                "concentration",
                "skin problems",
                "stress worsens symptoms",
                "low mood",
                "low energy",
                "neck and shoulder tension",
                "jaw pain",
                "smell sensitivity",
                "urinary frequency",
                "restless legs at night",
                "memory",
                "childhood trauma",
                "pelvic pain",
            ),
            start=1,
        )
    )
)


class Scale(StrEnum):
    """How an answer to one question is written."""

    NRS = "nrs"
    CSI = "csi"
    CSI5 = "csi5"
    PGIC = "pgic"
    PERCENT = "percent"
    WHOLE = "whole"


LIMITS: Mapping[Scale, tuple[int, int]] = MappingProxyType({
    Scale.NRS: (0, 10), Scale.CSI: (0, 4), Scale.CSI5: (0, 4), Scale.PGIC: (1, 7), Scale.PERCENT: (0, 100),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """One text: the items it asks of an instrument, the series its answer belongs to, and its answer scale.

    A question on the scale `csi5` takes one sign for each of its items; the last one has four, without item 24. One of
    a clinic's own instruments has the scale `whole` with bounds of its own, `low` to `high`.
    """

    key: str
    instrument: str
    series: str
    items: tuple[int, ...]
    scale: Scale
    low: int = 0
    high: int = 0
    numbered: bool = False

    @property
    def own(self) -> bool:
        """Return whether it belongs to an instrument that a clinic added."""
        return self.scale is Scale.WHOLE

    @property
    def limits(self) -> tuple[int, int]:
        """Return the lowest and the highest answer."""
        return (self.low, self.high) if self.own else LIMITS[self.scale]

    @property
    def read_as(self) -> str:
        """Return the scale on which a text is read: one that holds every answer of the question."""
        if not self.own:
            return self.scale.value
        return (Scale.NRS if self.high <= LIMITS[Scale.NRS][1] else Scale.PERCENT).value

    @property
    def stored_item(self) -> int:
        """Return the item number under which a single answer is stored: 0 where the form has one item only."""
        return self.items[0] if self.numbered else 0


@dataclass(frozen=True, slots=True)
class Added:
    """What a clinic's own files add: instruments and questions by key, words of questions by (text key, language)."""

    instruments: Mapping[str, Instrument]
    questions: Mapping[str, Question]
    words: Mapping[tuple[str, str], str]


NOTHING_ADDED = Added({}, {}, {})
_added = NOTHING_ADDED


def adopt(added: Added) -> Added:
    """Make the catalogue of this process the shipped one and these, and return what was added before.

    Whoever opens an installation says what it adds, nothing included: what another one added does not stay.
    """
    # The one catalogue of a process, set where the process is wired.
    global _added
    before, _added = _added, added
    return before


def added() -> Added:
    """Return what this process knows beside the shipped catalogue."""
    return _added


class _Catalogue(Mapping[str, Entry], Generic[Entry]):
    """What is shipped and what was added, as one mapping; the shipped entry wins."""

    def __init__(self, shipped: Mapping[str, Entry], more: Callable[[], Mapping[str, Entry]]) -> None:
        self._shipped, self._more = shipped, more

    def __getitem__(self, key: str) -> Entry:
        return self._shipped[key] if key in self._shipped else self._more()[key]

    def __iter__(self) -> Iterator[str]:
        yield from self._shipped
        yield from (key for key in self._more() if key not in self._shipped)

    def __len__(self) -> int:
        return sum(1 for _ in self)


SHIPPED: Mapping[str, Instrument] = MappingProxyType(
    instruments_from(resources.files("prom.domain").joinpath("data/instruments.toml").read_text(encoding="utf-8"))
)
INSTRUMENTS: Mapping[str, Instrument] = _Catalogue(SHIPPED, lambda: _added.instruments)


def instrument(key: str) -> Instrument:
    """Return an instrument by its key, shipped or added by the clinic."""
    try:
        return INSTRUMENTS[key]
    except KeyError:
        raise ValueError(f"there is no instrument {key!r}") from None


def _csi_sheet(first: int) -> Question:
    items = tuple(item for item in range(first, first + 5) if item not in NEVER_BY_TEXT)
    return Question(f"csi_{first}_{first + 4}", "csi", "csi", items, Scale.CSI5, numbered=True)


CSI_BY_SHEET: tuple[str, ...] = ("csi_1_5", "csi_6_10", "csi_11_15", "csi_16_20", "csi_21_25")

SHIPPED_QUESTIONS: Mapping[str, Question] = MappingProxyType(
    {
        question.key: question
        for question in (
            Question("nrs", "nrs", "average_24h", (1,), Scale.NRS),
            Question("nrs_current", "nrs", "current", (1,), Scale.NRS),
            Question("pgic", "pgic", "pgic", (1,), Scale.PGIC),
            Question("relief_percent", "relief", "relief_percent", (1,), Scale.PERCENT),
            *(Question(f"peg_{item}", "peg", "peg", (item,), Scale.NRS, numbered=True) for item in (1, 2, 3)),
            *(_csi_sheet(first) for first in range(1, CSI_ITEMS, 5)),
            *(
                Question(f"csi_item_{item}", "csi", "csi", (item,), Scale.CSI, numbered=True)
                for item in CSI_TOPICS
                if item not in SENSITIVE_ITEMS | NEVER_BY_TEXT
            ),
        )
    }
)

QUESTIONS: Mapping[str, Question] = _Catalogue(SHIPPED_QUESTIONS, lambda: _added.questions)


def questions_of(instrument_key: str) -> tuple[str, ...]:
    """Return the questions of an instrument that a clinic added, by item."""
    asked = [one for one in _added.questions.values() if one.instrument == instrument_key]
    return tuple(one.key for one in sorted(asked, key=lambda one: one.items))


def question(key: str) -> Question:
    """Return a question by its key, shipped or added by the clinic; no sensitive CSI item has one of its own."""
    if key in QUESTIONS:
        return QUESTIONS[key]
    number = key.removeprefix("csi_item_")
    if number != key and number.isdecimal() and int(number) in SENSITIVE_ITEMS | NEVER_BY_TEXT:
        raise ValueError(f"CSI item {int(number)} is sensitive and is never asked by text")
    raise ValueError(f"there is no question {key!r}")
