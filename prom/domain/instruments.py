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

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from itertools import pairwise
from types import MappingProxyType
from typing import Any

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


class Total(StrEnum):
    """How the items of a form become one number."""

    SINGLE = "single"
    SUM = "sum"
    MEAN = "mean"


class Worse(StrEnum):
    """Which end of a scale is the bad one."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Question:
    """One text: the items it asks of an instrument, the series its answer belongs to, and its answer scale.

    A question on the scale `csi5` takes one sign for each of its items; the last one has four, without item 24.
    """

    key: str
    instrument: str
    series: str
    items: tuple[int, ...]
    scale: Scale


@dataclass(frozen=True, slots=True)
class Band:
    """A named stretch of the total, both ends included."""

    name: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class CutOff:
    """A named, versioned total from which a result counts as raised in one population."""

    name: str
    version: str
    at_least: int
    population: str


@dataclass(frozen=True, slots=True)
class Instrument:
    """A questionnaire with integer items."""

    key: str
    name: str
    version: str
    source: str
    items: int
    low: int
    high: int
    total: Total
    worse: Worse
    code: str | None = None
    bands: tuple[Band, ...] = ()
    cut_offs: tuple[CutOff, ...] = ()

    def __post_init__(self) -> None:
        if self.items < 1 or (self.total is Total.SINGLE and self.items != 1):
            raise ValueError(f"instrument {self.key}: {self.items} items do not fit the total rule {self.total}")
        if self.low >= self.high:
            raise ValueError(f"instrument {self.key}: the scale {self.low}-{self.high} is empty")
        _check_bands(self)
        _check_cut_offs(self)

    @property
    def lowest_total(self) -> int:
        """Return the lowest possible total (of a mean: the lowest item)."""
        return self.low * self.items if self.total is Total.SUM else self.low

    @property
    def highest_total(self) -> int:
        """Return the highest possible total (of a mean: the highest item)."""
        return self.high * self.items if self.total is Total.SUM else self.high

    def band(self, total: int) -> Band:
        """Return the band a total falls into."""
        for band in self.bands:
            if band.low <= total <= band.high:
                return band
        raise ValueError(f"{self.name}: the total {total} is outside {self.lowest_total}-{self.highest_total}")

    def cut_off(self, name: str) -> CutOff:
        """Return a cut-off by its name."""
        for cut_off in self.cut_offs:
            if cut_off.name == name:
                return cut_off
        raise ValueError(f"{self.name} has no cut-off named {name!r}")


def _check_bands(instrument: Instrument) -> None:
    bands = instrument.bands
    if not bands:
        return
    ends = (bands[0].low, bands[-1].high)
    touching = all(after.low == before.high + 1 for before, after in pairwise(bands))
    if ends != (instrument.lowest_total, instrument.highest_total) or not touching:
        raise ValueError(
            f"instrument {instrument.key}: the bands do not cover "
            f"{instrument.lowest_total}-{instrument.highest_total} without gaps"
        )
    if any(band.low > band.high for band in bands):
        raise ValueError(f"instrument {instrument.key}: a band ends before it starts")


def _check_cut_offs(instrument: Instrument) -> None:
    names = [(cut_off.name, cut_off.version) for cut_off in instrument.cut_offs]
    if len(set(names)) != len(names):
        raise ValueError(f"instrument {instrument.key}: two cut-offs share a name and a version")
    for cut_off in instrument.cut_offs:
        if not instrument.lowest_total < cut_off.at_least <= instrument.highest_total:
            raise ValueError(f"instrument {instrument.key}: cut-off {cut_off.name} is outside the range of the total")


def _text(data: Mapping[str, Any], name: str, where: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where}: {name!r} must be a text")
    return value


def _whole(data: Mapping[str, Any], name: str, where: str) -> int:
    value = data.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"{where}: {name!r} must be a whole number")


def _tables(data: Mapping[str, Any], name: str, where: str) -> Sequence[Mapping[str, Any]]:
    value = data.get(name, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ValueError(f"{where}: {name!r} must be a list of tables")
    return value


def _one_of(options: type[StrEnum], data: Mapping[str, Any], name: str, where: str) -> str:
    value = _text(data, name, where)
    if value not in set(options):
        raise ValueError(f"{where}: {name!r} must be one of {', '.join(options)}")
    return value


_KNOWN_FIELDS = frozenset(
    {"key", "name", "version", "source", "code", "items", "low", "high", "total", "worse", "band", "cut_off"}
)


def instrument_from(data: Mapping[str, Any]) -> Instrument:
    """Return the instrument that one table of a data file describes, or raise ValueError saying what is wrong."""
    where = f"instrument {data.get('key', '(without a key)')}"
    unknown = sorted(set(data) - _KNOWN_FIELDS)
    if unknown:
        raise ValueError(f"{where}: unknown field {unknown[0]!r}")
    return Instrument(
        key=_text(data, "key", where),
        name=_text(data, "name", where),
        version=_text(data, "version", where),
        source=_text(data, "source", where),
        items=_whole(data, "items", where),
        low=_whole(data, "low", where),
        high=_whole(data, "high", where),
        total=Total(_one_of(Total, data, "total", where)),
        worse=Worse(_one_of(Worse, data, "worse", where)),
        code=_text(data, "code", where) if "code" in data else None,
        bands=tuple(
            Band(_text(band, "name", where), _whole(band, "low", where), _whole(band, "high", where))
            for band in _tables(data, "band", where)
        ),
        cut_offs=tuple(
            CutOff(
                _text(cut_off, "name", where),
                _text(cut_off, "version", where),
                _whole(cut_off, "at_least", where),
                _text(cut_off, "population", where),
            )
            for cut_off in _tables(data, "cut_off", where)
        ),
    )


def instruments_from(toml: str) -> dict[str, Instrument]:
    """Return the instruments of a TOML data file by key."""
    try:
        data = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"the instrument file is not TOML: {error}") from error
    found: dict[str, Instrument] = {}
    for table in _tables(data, "instrument", "the instrument file"):
        new = instrument_from(table)
        if new.key in found:
            raise ValueError(f"the instrument {new.key} is described twice")
        found[new.key] = new
    return found


INSTRUMENTS: Mapping[str, Instrument] = MappingProxyType(
    instruments_from(resources.files("prom.domain").joinpath("data/instruments.toml").read_text(encoding="utf-8"))
)


def instrument(key: str) -> Instrument:
    """Return a shipped instrument by its key."""
    try:
        return INSTRUMENTS[key]
    except KeyError:
        raise ValueError(f"there is no instrument {key!r}") from None


def _csi_sheet(first: int) -> Question:
    items = tuple(item for item in range(first, first + 5) if item not in NEVER_BY_TEXT)
    return Question(f"csi_{first}_{first + 4}", "csi", "csi", items, Scale.CSI5)


CSI_BY_SHEET: tuple[str, ...] = ("csi_1_5", "csi_6_10", "csi_11_15", "csi_16_20", "csi_21_25")

QUESTIONS: Mapping[str, Question] = MappingProxyType(
    {
        question.key: question
        for question in (
            Question("nrs", "nrs", "average_24h", (1,), Scale.NRS),
            Question("nrs_current", "nrs", "current", (1,), Scale.NRS),
            Question("pgic", "pgic", "pgic", (1,), Scale.PGIC),
            Question("relief_percent", "relief", "relief_percent", (1,), Scale.PERCENT),
            *(Question(f"peg_{item}", "peg", "peg", (item,), Scale.NRS) for item in (1, 2, 3)),
            *(_csi_sheet(first) for first in range(1, CSI_ITEMS, 5)),
            *(
                Question(f"csi_item_{item}", "csi", "csi", (item,), Scale.CSI)
                for item in CSI_TOPICS
                if item not in SENSITIVE_ITEMS | NEVER_BY_TEXT
            ),
        )
    }
)


def question(key: str) -> Question:
    """Return a question by its key; a sensitive CSI item has no question of its own by text."""
    if key in QUESTIONS:
        return QUESTIONS[key]
    number = key.removeprefix("csi_item_")
    if number != key and number.isdecimal() and int(number) in SENSITIVE_ITEMS | NEVER_BY_TEXT:
        raise ValueError(f"CSI item {int(number)} is sensitive and is never asked by text")
    raise ValueError(f"there is no question {key!r}")
