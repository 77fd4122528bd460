"""Import episodes, answers and events from CSV: all or nothing, and every mistake told with its line.

The same file again stores nothing new and says so. A file is read in batches inside one savepoint: memory stays flat,
and a mistake or a dry run rolls everything back. The formats are in docs/import.md.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice

from sqlmodel import Session

from prom.services import importing_episodes, importing_records, importing_rows
from prom.services.importing_rows import Columns, FileError, ImportReport, Row
from prom.storage import audit

__all__ = ["FileError", "ImportReport", "answers", "decoded", "episodes", "events"]

BATCH_ROWS = 400
decoded = importing_rows.decoded


def episodes(
    session: Session,
    text: str,
    actor: audit.Actor,
    now: datetime,
    *,
    dry_run: bool = False,
    site_ids: Collection[int] | None = None,
) -> ImportReport:
    """Enrol the episodes of episodes.csv; a procedure whose time is past counts as done."""
    report = ImportReport()
    loading = importing_episodes.Loading(session, report, actor, now, site_ids)
    return _load(session, text, importing_episodes.COLUMNS, loading.store, report, (actor, now, dry_run))


def answers(
    session: Session,
    text: str,
    actor: audit.Actor,
    now: datetime,
    *,
    dry_run: bool = False,
    site_ids: Collection[int] | None = None,
) -> ImportReport:
    """Store the answers of answers.csv with their true times and sources."""
    report = ImportReport()
    loading = importing_records.Loading(session, report, actor, now, site_ids)
    return _load(session, text, importing_records.ANSWER_COLUMNS, loading.store_answers, report, (actor, now, dry_run))


def events(
    session: Session,
    text: str,
    actor: audit.Actor,
    now: datetime,
    *,
    dry_run: bool = False,
    site_ids: Collection[int] | None = None,
) -> ImportReport:
    """Record the events of events.csv."""
    report = ImportReport()
    loading = importing_records.Loading(session, report, actor, now, site_ids)
    return _load(session, text, importing_records.EVENT_COLUMNS, loading.store_events, report, (actor, now, dry_run))


def _load(
    session: Session,
    text: str,
    columns: Columns,
    store: Callable[[Iterable[Row]], None],
    report: ImportReport,
    run: tuple[audit.Actor, datetime, bool],
) -> ImportReport:
    actor, now, dry_run = run
    savepoint = session.begin_nested()
    try:
        for batch in _batches(importing_rows.read(text, columns, report)):
            store(batch)
        if report.stored and not report.errors:
            counts = f"{report.rows} rows, {report.stored} stored, {report.skipped_same} there already"
            audit.record(session, actor, "imported", report, now, reason=counts)
    except BaseException:
        savepoint.rollback()
        raise
    report.errors.sort()
    if report.errors or dry_run:
        savepoint.rollback()
    else:
        savepoint.commit()
    if report.errors:
        report.stored = 0
    return report


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch
