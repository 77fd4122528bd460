"""A questionnaire as data: its items, how they become one number, its bands and cut-offs, read from a TOML table.

The shipped ones and those a clinic adds are described the same way. Bands cover the whole range of the total without
gaps, and a cut-off lies inside it: a file that says otherwise is refused with the name of the field.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any


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


def text_of(data: Mapping[str, Any], name: str, where: str) -> str:
    """Return a text of a table, or raise ValueError naming the field."""
    value = data.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where}: {name!r} must be a text")
    return value


def whole_of(data: Mapping[str, Any], name: str, where: str) -> int:
    """Return a whole number of a table, or raise ValueError naming the field."""
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
    value = text_of(data, name, where)
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
        key=text_of(data, "key", where),
        name=text_of(data, "name", where),
        version=text_of(data, "version", where),
        source=text_of(data, "source", where),
        items=whole_of(data, "items", where),
        low=whole_of(data, "low", where),
        high=whole_of(data, "high", where),
        total=Total(_one_of(Total, data, "total", where)),
        worse=Worse(_one_of(Worse, data, "worse", where)),
        code=text_of(data, "code", where) if "code" in data else None,
        bands=tuple(
            Band(text_of(band, "name", where), whole_of(band, "low", where), whole_of(band, "high", where))
            for band in _tables(data, "band", where)
        ),
        cut_offs=tuple(
            CutOff(
                text_of(cut_off, "name", where),
                text_of(cut_off, "version", where),
                whole_of(cut_off, "at_least", where),
                text_of(cut_off, "population", where),
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
