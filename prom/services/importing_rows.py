"""Read a CSV file as rows of named cells, and cells as numbers, times and dates, with the line of every mistake."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import TypeVar

NO_NAMES: Mapping[str, str] = MappingProxyType({})
NAMELESS = "\0"
LARGEST_BYTES = 5 * 1024 * 1024
_WHOLE = re.compile(r"([+-]?\d{1,9})(?:\.0+)?", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
T = TypeVar("T")


class FileError(ValueError):
    """A file that cannot be read at all; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a format: those a file must have, those it may have, and those it has all of or none."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    together: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """Return all columns."""
        return (*self.required, *self.optional, *self.together)


@dataclass(slots=True)
class ImportReport:
    """What a file held and what became of it. Errors are (line, column, reason); with any, nothing was stored."""

    rows: int = 0
    stored: int = 0
    skipped_same: int = 0
    errors: list[tuple[int, str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def wrong(self, line: int, column: str, reason: str) -> None:
        """Note a mistake."""
        self.errors.append((line, column, reason))

    def doubtful(self, line: int, column: str, reason: str) -> None:
        """Note something to look at."""
        self.warnings.append(f"line {line}: {column}: {reason}")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file: its number, its cells by column (outer spaces cut), and where its mistakes go."""

    line: int
    cells: dict[str, str]
    report: ImportReport

    def text(self, column: str) -> str:
        """Return a cell, empty when the column is not there."""
        return self.cells.get(column, "")

    def needed(self, column: str) -> str:
        """Return a cell that must not be empty."""
        if not self.text(column):
            self.report.wrong(self.line, column, "is empty")
        return self.text(column)

    def whole(self, column: str) -> int | None:
        """Return a cell as a whole number, None when it is empty."""
        return self._read(column, whole_number)

    def instant(self, column: str) -> datetime | None:
        """Return a cell as date and time, with or without offset, None when it is empty."""
        return self._read(column, instant)

    def day(self, column: str) -> date | None:
        """Return a cell as a date, None when it is empty."""
        return self._read(column, day)

    def _read(self, column: str, reader: Callable[[str], T]) -> T | None:
        cell = self.text(column)
        if not cell:
            return None
        try:
            return reader(cell)
        except ValueError as error:
            self.report.wrong(self.line, column, str(error))
            return None


def decoded(content: bytes) -> str:
    """Return the text of a file in UTF-8 or UTF-16, or raise FileError."""
    if len(content) > LARGEST_BYTES:
        raise FileError(f"the file is larger than {LARGEST_BYTES // 1024 // 1024} MB: split it")
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError:
        raise FileError("the file is not UTF-8 (or UTF-16) text: save it as CSV UTF-8") from None
    if "\0" in text:
        raise FileError("the file holds NUL characters: save it as CSV UTF-8")
    return text


def header_of(text: str) -> list[str]:
    """Return the column names of a CSV text as they stand, or raise FileError."""
    try:
        found = next(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True), None)
    except csv.Error as error:
        raise FileError(f"the first line is not CSV: {error}") from None
    if found is None:
        raise FileError("the file is empty")
    return [cell.strip() for cell in found]


def read(text: str, columns: Columns, report: ImportReport, names: Mapping[str, str] = NO_NAMES) -> Iterator[Row]:
    """Yield the rows of a CSV text; mistakes of the header and of the form of lines go to the report.

    `names` says which of our columns a column of the file is, by its name there; an empty one is left out.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    start = 1
    header: list[str] | None = None
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            if header is None:
                header = [names.get(cell.strip(), cell.strip() or NAMELESS) for cell in cells]
                if not _header_fits(header, columns, report):
                    return
            elif any(cell.strip() for cell in cells):
                report.rows += 1
                row = _row(line, header, cells, report)
                if row is not None:
                    yield row
    except csv.Error as error:
        report.wrong(start, "", f"is not CSV: {error}")
    if header is None:
        report.wrong(1, "", "the file is empty")


def _row(line: int, header: list[str], cells: list[str], report: ImportReport) -> Row | None:
    if len(cells) != len(header):
        report.wrong(line, "", f"has {len(cells)} cells, but the header has {len(header)}")
        return None
    return Row(line, {name: cell.strip() for name, cell in zip(header, cells, strict=True) if name}, report)


def _header_fits(header: list[str], columns: Columns, report: ImportReport) -> bool:
    if len(header) == 1 and ";" in header[0]:
        report.wrong(1, "", "columns are separated by semicolons: save the file with commas")
        return False
    found = list(_header_mistakes(header, columns))
    for column, reason in found:
        report.wrong(1, column, reason)
    return not found


def _header_mistakes(header: Collection[str], columns: Columns) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for name in header:
        if not name:
            continue
        if name == NAMELESS:
            yield "", "a column has no name"
        elif name in seen:
            yield name, "this column is there twice"
        elif name not in columns.known:
            yield name, f"unknown column {name!r}; known are {', '.join(columns.known)}"
        seen.add(name)
    some_together = bool(seen & set(columns.together))
    for name in (*columns.required, *(columns.together if some_together else ())):
        if name not in seen:
            yield name, f"the column {name} is missing"


def whole_number(text: str) -> int:
    """Return a whole number (a spreadsheet's "7.0" is 7), or raise ValueError."""
    found = _WHOLE.fullmatch(text)
    if not found:
        raise ValueError(f"{_shown(text)} is not a whole number")
    return int(found[1])


def instant(text: str) -> datetime:
    """Return a date and time in ISO 8601, naive when it has no offset, or raise ValueError."""
    if _DAY.fullmatch(text):
        raise ValueError(f"{text} has no time of day: write it as 2026-03-02T09:30")
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"{_shown(text)} is not a time such as 2026-03-02T09:30 or 2026-03-02T09:30+05:30")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is not on the calendar or the clock") from None


def day(text: str) -> date:
    """Return a date in ISO 8601, or raise ValueError."""
    if not _DAY.fullmatch(text):
        raise ValueError(f"{_shown(text)} is not a date such as 2026-03-02")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is not on the calendar") from None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 30 else text[:30] + "...")
