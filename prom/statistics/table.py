"""Survival data from other programs: the three layouts of columns, read strictly.

time, event, group and covariates: right-censored. left, right, group: interval-censored, the event in (left, right], an
empty right end meaning never. time, status, n: doubly censored counts, status 1 seen at that time, 0 not yet by then,
2 some time before or at it. Whatever is wrong is refused with its line and column; nothing is guessed.
"""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from prom.statistics.arrays import FloatArray, IntArray

EVERYONE = "all"
# More different texts than this are names or notes, not the levels of a covariate.
_MOST_LEVELS = 20
_NUMBERED_FROM = 2

Row = Mapping[str | None, object]


@dataclass(frozen=True, slots=True)
class Followed:
    """Right-censored rows; a covariate of texts is already split into one column a level, its first level left out."""

    time: FloatArray
    event: IntArray
    group: IntArray
    groups: list[str]
    covariates: dict[str, FloatArray]


@dataclass(frozen=True, slots=True)
class Intervals:
    """Interval-censored rows; a right end of infinity means never seen."""

    left: FloatArray
    right: FloatArray
    group: IntArray
    groups: list[str]


@dataclass(frozen=True, slots=True)
class Counts:
    """Doubly censored counts, as weighted intervals; a left end of minus infinity means left-censored."""

    left: FloatArray
    right: FloatArray
    weight: FloatArray


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of a file by column, each with the line it stood on."""

    columns: dict[str, list[str]]
    lines: list[int]

    def numbers(self, column: str) -> FloatArray:
        """Return a column of numbers that are finite and not negative."""
        return np.array([self._number(column, place, cell) for place, cell in enumerate(self.columns[column])])

    def _number(self, column: str, place: int, cell: str) -> float:
        value = parsed(cell)
        if value is None:
            raise self.wrong(column, place, "is empty" if not cell else f"is {cell!r}, not a number")
        if value < 0:
            raise self.wrong(column, place, f"is {cell}, below 0")
        return value

    def wrong(self, column: str, place: int, what: str) -> ValueError:
        """Return the error that names a cell."""
        return ValueError(f"line {self.lines[place]}, column {column}: the value {what}")


def parsed(cell: str) -> float | None:
    """Return the finite number that a cell holds, or None."""
    try:
        value = float(cell)
    except ValueError:
        return None
    # float() also takes "nan", "inf" and "1_000", which no measurement is.
    return value if math.isfinite(value) and "_" not in cell else None


def read_lines(lines: Iterable[str]) -> Followed | Intervals | Counts:
    """Read the lines of a CSV file with a header."""
    reader = csv.DictReader(lines, strict=True)
    try:
        header = list(reader.fieldnames or ())
        numbered = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        # The reader counts a row only once it is whole.
        raise ValueError(f"line {reader.line_num + 1}: {error}") from error
    return _read([number for number, _ in numbered], [row for _, row in numbered], header)


def read(rows: Iterable[Row], header: Sequence[str]) -> Followed | Intervals | Counts:
    """Read rows that are already split; the first stands on line 2."""
    found = list(rows)
    return _read(list(range(_NUMBERED_FROM, len(found) + _NUMBERED_FROM)), found, header)


def _read(lines: list[int], rows: Sequence[Row], header: Sequence[str]) -> Followed | Intervals | Counts:
    cells = _cells(lines, rows, header)
    names = set(cells.columns)
    if {"left", "right"} <= names:
        return _intervals(cells)
    if {"time", "event"} <= names:
        return _followed(cells)
    if {"time", "status"} <= names:
        return _counts(cells)
    raise ValueError(
        "the columns must be time, event and group, or left, right and group, or time, status and n; "
        f"found: {', '.join(cells.columns) or 'none'}"
    )


def _cells(lines: list[int], rows: Sequence[Row], header: Sequence[str]) -> _Cells:
    names = [name.strip().lstrip("\ufeff") for name in header]
    if not names or not rows:
        raise ValueError("the file is empty" if not names else "the file has a header but no rows")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"the column {twice[0]} is there twice")
    for line, row in zip(lines, rows, strict=True):
        # DictReader files surplus cells under None, and fills missing ones with None.
        if None in row or any(row.get(name) is None for name in header):
            raise ValueError(f"line {line}: it does not have the {len(names)} cells that the header names")
    return _Cells(
        {name: [str(row[given]).strip() for row in rows] for name, given in zip(names, header, strict=True)}, lines
    )


def _followed(cells: _Cells) -> Followed:
    extra = [name for name in cells.columns if name not in {"time", "event", "group"}]
    named = "group" if "group" in cells.columns else None
    # A lone column of words beside time and event is the group, whatever it is called.
    if named is None and len(extra) == 1 and not any(parsed(cell) is not None for cell in cells.columns[extra[0]]):
        named = extra.pop()
    group, groups = _groups(cells, named)
    covariates: dict[str, FloatArray] = {}
    for name in extra:
        covariates.update(_covariate(cells, name))
    return Followed(cells.numbers("time"), _events(cells), group, groups, covariates)


def _events(cells: _Cells) -> IntArray:
    values = [parsed(cell) for cell in cells.columns["event"]]
    for place, value in enumerate(values):
        if value not in {0.0, 1.0}:
            raise cells.wrong("event", place, f"is {cells.columns['event'][place]!r}, neither 0 nor 1")
    return np.array(values, dtype=np.int64)


def _groups(cells: _Cells, named: str | None) -> tuple[IntArray, list[str]]:
    """Return each row's group number and the names in order: as numbers if all are numbers, else as texts."""
    if named is None:
        return np.zeros(len(cells.lines), dtype=np.int64), [EVERYONE]
    values = cells.columns[named]
    if "" in values:
        raise cells.wrong(named, values.index(""), "is empty")
    names = sorted(set(values))
    if all(parsed(name) is not None for name in names):
        names.sort(key=float)
    number = {name: place for place, name in enumerate(names)}
    return np.array([number[value] for value in values], dtype=np.int64), names


def _covariate(cells: _Cells, name: str) -> dict[str, FloatArray]:
    """Return a column of numbers as it is, or a column of texts as 0-1 columns against its first level.

    An empty cell, or NA, becomes NaN: that row is left out of the model, and counted.
    """
    values = cells.columns[name]
    missing = np.array([cell in {"", "NA"} for cell in values])
    numbers = [parsed(cell) for cell in values]
    if all(number is None for number in numbers):
        levels = sorted({cell for cell, gone in zip(values, missing, strict=True) if not gone})
        if not 1 <= len(levels) <= _MOST_LEVELS:
            raise ValueError(f"column {name}: {len(levels)} different texts are not a covariate")
        texts = np.array(values, dtype=object)
        return {f"{name}={level}": np.where(missing, np.nan, texts == level).astype(np.float64) for level in levels[1:]}
    for place, number in enumerate(numbers):
        if number is None and not missing[place]:
            raise cells.wrong(name, place, f"is {values[place]!r}, not a number")
    return {name: np.array([math.nan if number is None else number for number in numbers])}


def _intervals(cells: _Cells) -> Intervals:
    extra = [name for name in cells.columns if name not in {"left", "right", "group"}]
    named = "group" if "group" in cells.columns else None
    if named is None and len(extra) == 1:
        named = extra.pop()
    if extra:
        raise ValueError(f"unknown column {extra[0]}: intervals take left, right and one group column")
    group, groups = _groups(cells, named)
    left = cells.numbers("left")
    never = [cell.lower() in {"", "inf", "infinity"} for cell in cells.columns["right"]]
    seen = ["0" if gone else cell for gone, cell in zip(never, cells.columns["right"], strict=True)]
    right = np.where(never, np.inf, _Cells({"right": seen}, cells.lines).numbers("right"))
    for place in np.flatnonzero(right < left):
        raise cells.wrong("right", int(place), f"is {right[place]:g}, before the left end {left[place]:g}")
    return Intervals(left, right, group, groups)


def _counts(cells: _Cells) -> Counts:
    extra = [name for name in cells.columns if name not in {"time", "status", "n"}]
    if extra:
        raise ValueError(f"unknown column {extra[0]}: doubly censored counts take time, status and n")
    time, status = cells.numbers("time"), cells.numbers("status")
    weight = cells.numbers("n") if "n" in cells.columns else np.ones(time.size)
    for place in np.flatnonzero(~np.isin(status, (0, 1, 2))):
        raise cells.wrong("status", int(place), f"is {status[place]:g}: 1 is exact, 0 right-, 2 left-censored")
    for place in np.flatnonzero(weight % 1):
        raise cells.wrong("n", int(place), f"is {weight[place]:g}, not a whole number")
    return Counts(np.where(status == 2, -np.inf, time), np.where(status == 0, np.inf, time), weight)
