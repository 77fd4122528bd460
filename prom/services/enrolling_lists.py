"""Enrol many from a theatre list: lines as a clinic has them become the rows of an import, all or nothing.

A list may leave out what is the same for all of it (site, language, zone), may be pasted from a spreadsheet (tabs) or
saved with semicolons, and may call its columns as people do. Everything is then checked and stored by the import.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlmodel import Session

from prom.services import importing, importing_episodes
from prom.services.importing import ImportReport
from prom.storage import audit
from prom.storage.models import Site

MOST_ROWS = 500
NEEDED = ("record_id", "procedure", "procedure_at")
SHOWN = ("record_id", "first_name", "last_name", "phone", "procedure", "side", "target", "procedure_at")
# How lists call things, in plain words.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        "record": "record_id",
        "record_number": "record_id",
        "mrn": "record_id",
        "uhid": "record_id",
        "mobile": "phone",
        "mobile_phone": "phone",
        "first": "first_name",
        "last": "last_name",
        "surname": "last_name",
        "date": "procedure_at",
        "when": "procedure_at",
        "time_of_procedure": "procedure_at",
        "year_of_birth": "birth_year",
        "born": "birth_year",
        "consent": "consent_sms_at",
        "lang": "language",
    }
)


class ListError(ValueError):
    """A list that cannot be read at all; the message says why in plain words."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The rows as they were understood, and what the import says about them; nothing is stored."""

    rows: tuple[tuple[int, dict[str, str]], ...]
    report: ImportReport

    @property
    def sound(self) -> bool:
        """Tell whether every row can be enrolled."""
        return not self.report.errors and self.report.rows > 0


def preview(session: Session, text: str, site: Site, actor: audit.Actor, now: datetime) -> Preview:
    """Return what enrolling a list would do, or raise ListError; the caller's transaction stores nothing."""
    header, rows = _read(text, site)
    report = importing.episodes(session, _written(header, rows), actor, now, dry_run=True, site_ids=[site.id])
    shown = tuple((number, dict(zip(header, cells, strict=True))) for number, cells in enumerate(rows, start=2))
    return Preview(shown, report)


def enrol(session: Session, text: str, site: Site, actor: audit.Actor, now: datetime) -> ImportReport:
    """Enrol everybody on a list, or nobody if a row has a mistake."""
    header, rows = _read(text, site)
    return importing.episodes(session, _written(header, rows), actor, now, site_ids=[site.id])


def _read(text: str, site: Site) -> tuple[list[str], list[list[str]]]:
    """Return header and rows as the import reads them, with what is the same for all filled in."""
    lines = [cells for cells in _cells(text) if any(cell.strip() for cell in cells)]
    if len(lines) < 2:
        raise ListError("The list needs a line with the names of its columns, and a line for each patient below it.")
    if len(lines) - 1 > MOST_ROWS:
        raise ListError(f"The list has {len(lines) - 1} lines; {MOST_ROWS} are allowed. Use the import for more.")
    header = [_name(cell) for cell in lines[0]]
    _check_header(header)
    same = {"site": site.name, "language": site.language, "time_zone": site.time_zone, "phone": ""}
    missing = [name for name in same if name not in header]
    rows = []
    for number, cells in enumerate(lines[1:], start=2):
        if len(cells) > len(header):
            raise ListError(f"Line {number} has {len(cells)} cells, but there are {len(header)} columns.")
        padded = [cell.strip() for cell in cells] + [""] * (len(header) - len(cells))
        rows.append([_filled(name, cell, same) for name, cell in zip(header, padded, strict=True)])
    return header + missing, [row + [same[name] for name in missing] for row in rows]


def _cells(text: str) -> list[list[str]]:
    first = text.lstrip("\ufeff").partition("\n")[0]
    mark = max("\t;,", key=first.count)
    try:
        return list(csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=mark, strict=True))
    except csv.Error as error:
        raise ListError(f"The list cannot be read: {error}.") from error


def _name(cell: str) -> str:
    plain = "_".join(cell.strip().casefold().replace("-", " ").split())
    return NAMES.get(plain, plain)


def _check_header(header: Sequence[str]) -> None:
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise ListError(f"The column {doubled[0]} is there twice.")
    unknown = [name for name in header if name not in importing_episodes.COLUMNS.known]
    if unknown:
        known = ", ".join((*SHOWN, "language", "birth_year", "sex", "consent_sms_at"))
        raise ListError(f"There is no column {unknown[0]!r}; a list may have {known}.")
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise ListError(f"The column {missing[0]} is missing.")


def _filled(name: str, cell: str, same: Mapping[str, str]) -> str:
    if name == "procedure_at":
        # Lists write 2026-03-12 10:00 or with seconds; a date alone stays as it is and is named by the import.
        return cell.replace("/", "-")
    return cell or same.get(name, "") if name != "phone" else cell


def _written(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([[cell.replace("\n", " ") for cell in row] for row in rows])
    return out.getvalue()
