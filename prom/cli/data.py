"""Data in and out: import, export, analyse, backup, restore, release."""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prom.cli import CommandError

# Beyond these a clock time in another zone may have no calendar date.
FIRST_YEAR, LAST_YEAR = 1900, 2200


def add(commands: Any) -> None:
    """Add the commands of this module."""
    load = commands.add_parser("import", help="load episodes, answers or events from CSV, all or nothing")
    load.add_argument("what", choices=["episodes", "answers", "events"])
    load.add_argument("file", metavar="FILE")
    load.add_argument("--dry-run", action="store_true", help="check only, store nothing")
    load.set_defaults(run=_import)
    out = commands.add_parser("export", help="write data; without names unless --identified")
    out.add_argument("what", choices=["episodes", "answers", "outcomes", "messages", "audit"])
    out.add_argument("--format", choices=["csv", "json", "redcap", "fhir"], default="csv")
    out.add_argument("-o", "--output", metavar="FILE")
    out.add_argument("--identified", action="store_true")
    out.set_defaults(run=_export)
    analyse = commands.add_parser("analyse", help="relief states and time to lost relief by CSI band")
    analyse.add_argument("--procedure")
    analyse.add_argument("--threshold", choices=["T30", "T50"], default="T50")
    analyse.add_argument("--site")
    analyse.add_argument("--as-of", metavar="DATE")
    analyse.add_argument("--json", action="store_true", required=True)
    analyse.set_defaults(run=_analyse)
    _add_keeping(commands)


def _add_keeping(commands: Any) -> None:
    backup = commands.add_parser("backup", help="write an encrypted, checked copy of the database")
    backup.add_argument("file", nargs="?")
    backup.set_defaults(run=_backup)
    restore = commands.add_parser("restore", help="put a backup in place; texts stay on HOLD until released")
    restore.add_argument("file")
    restore.set_defaults(run=_restore)
    erase = commands.add_parser("erase", help="erase a person at their wish; scores stay under the study number")
    erase.add_argument("site")
    erase.add_argument("record_number")
    erase.add_argument("--yes", action="store_true", required=True, help="it cannot be undone")
    erase.set_defaults(run=_erase)
    commands.add_parser("release", help="end HOLD: send again what is still in its window").set_defaults(run=_release)


def _opened() -> Any:
    from prom import config, wiring

    return wiring.open_app(config.read())


def _import(options: argparse.Namespace) -> int:
    from prom.cli.progress import Progress
    from prom.services import importing, made_up
    from prom.storage.audit import COMMAND

    app = _opened()
    text = importing.decoded(Path(options.file).read_bytes())
    load = getattr(importing, options.what)
    seen = Progress(f"Reading {options.what}", max(0, text.count("\n") - 1))
    if app.settings.live and (mistakes := made_up.cells(text)):
        line, column, reason = mistakes[0]
        raise CommandError(f"line {line}: {column} {reason}; nothing was stored")
    with app.store.writing() as session:
        report = load(session, text, COMMAND, app.clock.now(), dry_run=options.dry_run, seen=seen)
        if report.errors or options.dry_run:
            session.rollback()
    for warning in report.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    if report.errors:
        for line, column, reason in report.errors:
            sys.stderr.write(f"line {line}: {column}: {reason}\n" if column else f"line {line}: {reason}\n")
        raise CommandError(f"{len(report.errors)} errors; nothing was stored")
    done = "would be stored" if options.dry_run else "stored"
    sys.stdout.write(f"{report.rows} rows read, {report.stored} {done}, {report.skipped_same} were there already.\n")
    return 0


def _export(options: argparse.Namespace) -> None:
    from prom.services import exporting
    from prom.storage.audit import COMMAND

    app = _opened()
    with app.store.writing() as session:
        exporting.note(session, options.what, options.format, options.identified, COMMAND, app.clock.now())
    with app.store.reading() as session:
        parts = exporting.export(session, options.what, options.format, options.identified, app.clock.now())
        if options.output:
            _write(Path(options.output), parts)
            explained = exporting.beside(session, options.what, options.format, options.identified)
            for name, text in explained:
                _write(Path(options.output).with_name(f"{Path(options.output).stem}.{name}"), text)
        else:
            sys.stdout.writelines(parts)
        if missing := exporting.left_out(session, options.what, options.identified):
            sys.stderr.write(f"warning: {missing}\n")


def _write(path: Path, parts: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(parts)


def _analyse(options: argparse.Namespace) -> None:
    from prom.services import comparing

    app = _opened()
    as_of = _day(options.as_of) if options.as_of else app.clock.now()
    with app.store.reading() as session:
        answer = comparing.analysis(
            session,
            procedure=options.procedure,
            threshold=int(options.threshold.removeprefix("T")),
            site=options.site,
            as_of=as_of,
        )
    sys.stdout.write(json.dumps(answer) + "\n")


def _day(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--as-of {text!r} is not a date such as 2026-03-31") from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise CommandError(f"--as-of {text!r} lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    if moment.tzinfo:
        return moment.astimezone(UTC)
    # The whole of that day counts: its end, as the clinic's day is over by then nearly everywhere.
    whole_day = len(text) <= len("2026-03-31")
    return moment.replace(hour=23, minute=59, tzinfo=UTC) if whole_day else moment.replace(tzinfo=UTC)


def _backup(options: argparse.Namespace) -> None:
    from prom.services import backing_up

    app = _opened()
    path = backing_up.backup(app.store, app.settings, app.clock.now(), Path(options.file) if options.file else None)
    sys.stdout.write(f"Backup written and checked: {path}\n")


def _restore(options: argparse.Namespace) -> None:
    from prom import config
    from prom.services import backing_up

    settings = config.read()
    backing_up.restore(settings, Path(options.file))
    sys.stdout.write("Restored. Not one text goes out before you run `prom release`.\n")


def _release(_options: argparse.Namespace) -> None:
    from prom.services import backing_up

    app = _opened()
    words = backing_up.release(app.store, app.gateway, app.clock.now())
    sys.stdout.write(f"{words}\n")


def _erase(options: argparse.Namespace) -> None:
    from prom.services import erasing
    from prom.storage.audit import COMMAND

    app = _opened()
    try:
        with app.store.writing() as session:
            patient = erasing.erase(session, options.site, options.record_number, COMMAND, app.clock.now())
    except erasing.ErasureError as error:
        raise CommandError(str(error)) from error
    sys.stdout.write(f"Erased. The scores stay under the study number {patient.study_id}.\n")
