"""Export data as CSV, JSON, REDCap or FHIR, without names and dates unless asked, with a codebook of every column.

CSV cells that a spreadsheet would run as a formula get an apostrophe in front; phones such as +919007000001 and
negative numbers are no formulas and stay as they are. Exports are streamed: the edge writes the parts as they come.
"""

import csv
import io
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice

from sqlmodel import Session

from prom.services import exporting_fhir, exporting_redcap
from prom.services.exporting_columns import Column, Value
from prom.services.exporting_tables import TABLES, Table
from prom.storage import audit, exports
from prom.storage.exports import Scope

FORMATS = ("csv", "json", "redcap", "fhir")
# A download meant for a spreadsheet starts with this mark, or it is not read as UTF-8; other programs trip over it.
BOM = "\ufeff"
PART_ROWS = 500
_FORMULA_SIGNS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_HARMLESS = re.compile(r"\+\d{6,15}|-?\d+(\.\d+)?", re.ASCII)


class ExportError(ValueError):
    """An export that is not possible; the message says why in plain words."""


class _Exported:
    """What an audit row of an export speaks of."""

    site_id = None


def export(
    session: Session,
    what: str,
    fmt: str,
    identified: bool,
    now: datetime,
    *,
    site_ids: Collection[int] | None = None,
) -> Iterator[str]:
    """Return the parts of an export: episodes, answers, outcomes, messages or audit, as csv or json.

    Episodes and answers also go as redcap records and as a fhir bundle, which carries the time it was made.
    Only the sites in `site_ids` are exported (None: all). Without names, patients who took back that their answers may
    be used are left out; `left_out` says how many. A merged duplicate is no patient of its own.
    """
    table = _table(what)
    columns = [column for column in table.columns if identified or not column.identifying]
    scope = Scope(site_ids, agreed_only=not identified)
    match fmt:
        case "csv":
            return _csv(session, table, columns, scope)
        case "json":
            return _json(session, table, columns, scope)
        case "redcap" if what in exporting_redcap.KINDS:
            rows = exporting_redcap.records(session, what, identified, scope)
            return _written([exporting_redcap.header(what, identified)], rows)
        case "fhir" if what in exporting_fhir.KINDS:
            return exporting_fhir.bundle(session, what, identified, now, scope)
        case "redcap" | "fhir":
            raise ExportError(f"{what} have no form in {fmt}; episodes and answers do")
    raise ExportError(f"there is no format {fmt!r}; known are {', '.join(FORMATS)}")


def codebook(what: str, *, identified: bool = False) -> list[dict[str, str]]:
    """Return name and meaning of every column of an export."""
    return [
        {"column": column.name, "meaning": column.meaning}
        for column in _table(what).columns
        if identified or not column.identifying
    ]


def data_dictionary(*, identified: bool = False) -> Iterator[str]:
    """Return the REDCap data dictionary of the project that redcap records are imported into."""
    return _written([], exporting_redcap.dictionary(identified))


def beside(
    session: Session, what: str, fmt: str, identified: bool, *, site_ids: Collection[int] | None = None
) -> Iterator[tuple[str, Iterator[str]]]:
    """Yield the files that explain an export, by name: the codebook, or what sets up the REDCap project."""
    missing = left_out(session, what, identified, site_ids=site_ids)
    if missing:
        yield f"{what}-left-out.txt", iter([f"{missing}\n"])
    if fmt == "csv":
        rows = [[entry["column"], entry["meaning"]] for entry in codebook(what, identified=identified)]
        rows += [["(left out)", missing]] if missing else []
        yield f"{what}-codebook.csv", _written([("column", "meaning")], rows)
    elif fmt == "redcap":
        yield "redcap-data-dictionary.csv", data_dictionary(identified=identified)
        yield "redcap-events.csv", _written([], exporting_redcap.events(session, site_ids))
        yield "redcap-instrument-event-mapping.csv", _written([], exporting_redcap.mapping(session, site_ids))
        yield "redcap-repeating-events.csv", _written([], exporting_redcap.repeating())


def left_out(session: Session, what: str, identified: bool, *, site_ids: Collection[int] | None = None) -> str:
    """Return a sentence on who is missing from an export without names, empty when nobody is."""
    count = 0 if identified or what == "audit" else exports.left_out(session, site_ids)
    if not count:
        return ""
    who = "1 patient is" if count == 1 else f"{count} patients are"
    return f"{who} left out: they took back the consent to the use of their answers."


def note(session: Session, what: str, fmt: str, identified: bool, actor: audit.Actor, now: datetime) -> None:
    """Record that somebody takes an export; the edge does this in a writing transaction before it starts."""
    kind = "with names" if identified else "without names"
    audit.record(session, actor, "exported", _Exported(), now, reason=f"{what} as {fmt}, {kind}")


def _table(what: str) -> Table:
    if what not in TABLES:
        raise ExportError(f"there is no export of {what!r}; known are {', '.join(TABLES)}")
    return TABLES[what]


def _csv(session: Session, table: Table, columns: list[Column], scope: Scope) -> Iterator[str]:
    lines = (line for chunk in table.lines(session, scope) for line in chunk)
    rows = ([column.read(session, line) for column in columns] for line in lines)
    return _written([[column.name for column in columns]], rows)


def _written(header: Iterable[Sequence[Value]], rows: Iterable[Sequence[Value]]) -> Iterator[str]:
    """Yield CSV text in parts of some hundred rows."""
    out = io.StringIO()
    writer = csv.writer(out)
    every = chain(header, rows)
    while part := list(islice(every, PART_ROWS)):
        writer.writerows([cell(value) for value in row] for row in part)
        yield _taken(out)


def _taken(out: io.StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text


def cell(value: Value) -> str:
    """Return a value as a CSV cell that no spreadsheet runs."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    begins = text.lstrip(" ")[:1]
    if begins and begins in _FORMULA_SIGNS and not _HARMLESS.fullmatch(text):
        return f"'{text}"
    return text


def _json(session: Session, table: Table, columns: list[Column], scope: Scope) -> Iterator[str]:
    before = "[\n"
    for lines in table.lines(session, scope):
        for line in lines:
            values = {column.name: column.read(session, line) for column in columns}
            yield before + json.dumps(values, ensure_ascii=False)
            before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"
