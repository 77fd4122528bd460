"""Import episodes, answers and events from CSV: all or nothing, and every mistake told with its line.

The same file again stores nothing new and says so. Columns may have other names: `names` says which of ours each is,
`seen` is told how many rows were read so far. A file is read in batches inside one savepoint: memory stays flat,
and a mistake or a dry run rolls everything back. The formats are in docs/import.md.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from types import MappingProxyType

from sqlmodel import Session

from prom.services import importing_episodes, importing_records, importing_rows
from prom.services.importing_rows import Columns, FileError, ImportReport, Row
from prom.storage import audit

__all__ = ["COLUMNS", "FileError", "ImportReport", "answers", "decoded", "episodes", "events", "header_of"]

BATCH_ROWS = 400
decoded = importing_rows.decoded
header_of = importing_rows.header_of
COLUMNS = MappingProxyType(
    {
        "episodes": importing_episodes.COLUMNS,
        "answers": importing_records.ANSWER_COLUMNS,
        "events": importing_records.EVENT_COLUMNS,
    }
)


def episodes(
    session: Session,
    text: str,
    actor: audit.Actor,
    now: datetime,
    *,
    dry_run: bool = False,
    site_ids: Collection[int] | None = None,
    names: Mapping[str, str] = importing_rows.NO_NAMES,
    seen: Callable[[int], None] | None = None,
) -> ImportReport:
    """Enrol the episodes of episodes.csv; a procedure whose time is past counts as done."""
    report = ImportReport()
    loading = importing_episodes.Loading(session, report, actor, now, site_ids)
    return _load(
        session, text, importing_episodes.COLUMNS, loading.store, _Run(report, actor, now, dry_run, names, seen)
    )


def answers(
    session: Session,
    text: str,
    actor: audit.Actor,
    now: datetime,
    *,
    dry_run: bool = False,
    site_ids: Collection[int] | None = None,
    names: Mapping[str, str] = importing_rows.NO_NAMES,
    seen: Callable[[int], None] | None = None,
) -> ImportReport:
    """Store the answers of answers.csv with their true times and sources."""
    report = ImportReport()
    loading = importing_records.Loading(session, report, actor, now, site_ids)
    return _load(
        session,
        text,
        importing_records.ANSWER_COLUMNS,
        loading.store_answers,
        _Run(report, actor, now, dry_run, names, seen),
    )


def events(
    session: Session,
    text: str,
    actor: audit.Actor,
    now: datetime,
    *,
    dry_run: bool = False,
    site_ids: Collection[int] | None = None,
    names: Mapping[str, str] = importing_rows.NO_NAMES,
    seen: Callable[[int], None] | None = None,
) -> ImportReport:
    """Record the events of events.csv."""
    report = ImportReport()
    loading = importing_records.Loading(session, report, actor, now, site_ids)
    return _load(
        session,
        text,
        importing_records.EVENT_COLUMNS,
        loading.store_events,
        _Run(report, actor, now, dry_run, names, seen),
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """One import: what is reported, who does it, and how the file's columns are called."""

    report: ImportReport
    actor: audit.Actor
    now: datetime
    dry_run: bool
    names: Mapping[str, str]
    seen: Callable[[int], None] | None


def _load(
    session: Session, text: str, columns: Columns, store: Callable[[Iterable[Row]], None], run: _Run
) -> ImportReport:
    report = run.report
    savepoint = session.begin_nested()
    try:
        for batch in _batches(importing_rows.read(text, columns, report, run.names)):
            store(batch)
            if run.seen is not None:
                run.seen(report.rows)
        if report.stored and not report.errors:
            counts = f"{report.rows} rows, {report.stored} stored, {report.skipped_same} there already"
            audit.record(session, run.actor, "imported", report, run.now, reason=counts)
    except BaseException:
        savepoint.rollback()
        raise
    report.errors.sort()
    if report.errors or run.dry_run:
        savepoint.rollback()
    else:
        savepoint.commit()
    if report.errors:
        report.stored = 0
    return report


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch
