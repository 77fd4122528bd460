"""Data in and out: files that a clinic loads, checked before anything is stored, and files that it takes away."""

import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import current_user

from prom.services import exporting, exporting_tables, holding_uploads, importing, importing_names, made_up
from prom.services.importing import FileError, ImportReport
from prom.web import context, guards

blueprint = Blueprint("data", __name__)
LOADS = {"episodes": importing.episodes, "answers": importing.answers, "events": importing.events}
MOST_MISTAKES_SHOWN = 200
READ_BYTES = 64 * 1024
SPOOLED_BYTES = 4 * 1024 * 1024
ENDINGS = {"csv": "csv", "json": "json", "redcap": "csv", "fhir": "json"}


@dataclass(frozen=True, slots=True)
class Upload:
    """A kept file and which of our columns each of its columns is."""

    what: str
    token: str
    text: str
    names: Mapping[str, str]


@blueprint.get("/data")
@guards.needs(guards.Permission.IMPORT)
def start() -> ResponseReturnValue:
    """Show what can be loaded and taken away."""
    return _start_page()


def _start_page(error: str = "", what: str = "episodes") -> str:
    return render_template(
        "data/start.html",
        error=error,
        what=what,
        columns={key: importing.COLUMNS[key] for key in LOADS},
    )


@blueprint.post("/data/import")
@guards.needs(guards.Permission.IMPORT)
def upload() -> ResponseReturnValue:
    """Keep a file and show what it would do; columns with other names are asked about first."""
    what = request.form.get("what", "")
    if what not in LOADS:
        abort(400)
    file = request.files.get("file")
    if file is None or not file.filename:
        return _start_page(_("Choose a file first."), what), 422
    try:
        text = importing.decoded(file.read())
        header = importing.header_of(text)
    except FileError as error:
        return _start_page(str(error), what), 422
    settings, vault = context.wired().settings, context.wired().store.vault
    token = holding_uploads.keep(settings.instance, vault, current_user.public_id, text, context.wall())
    names = importing_names.proposals(header, importing.COLUMNS[what])
    kept = Upload(what, token, text, names)
    return _check(kept) if all(name == ours for name, ours in names.items()) else _columns_page(kept)


def _columns_page(kept: Upload, status: int = 200) -> ResponseReturnValue:
    columns = importing.COLUMNS[kept.what]
    missing = [name for name in columns.required if name not in kept.names.values()]
    return render_template("data/columns.html", kept=kept, columns=columns, missing=missing), status


@blueprint.post("/data/import/<token>")
@guards.needs(guards.Permission.IMPORT)
def decide(token: str) -> ResponseReturnValue:
    """Check a kept file again with the columns as chosen, or store it."""
    what = request.form.get("what", "")
    if what not in LOADS:
        abort(400)
    settings, vault = context.wired().settings, context.wired().store.vault
    try:
        text = holding_uploads.text_of(settings.instance, vault, current_user.public_id, token, context.wall())
        header = importing.header_of(text)
    except FileError as error:
        return _start_page(str(error), what), 422
    chosen = {name: request.form.get(f"column-{number}", "") for number, name in enumerate(header)}
    kept = Upload(what, token, text, chosen)
    match request.form.get("act", ""):
        case "columns":
            return _columns_page(kept)
        case "store":
            return _store(kept)
    return _check(kept)


def _load(kept: Upload, *, dry_run: bool) -> ImportReport:
    if context.wired().settings.live and (mistakes := made_up.cells(kept.text)):
        return ImportReport(errors=mistakes)
    with context.writing() as session:
        report = LOADS[kept.what](
            session,
            kept.text,
            context.actor(),
            context.now(),
            dry_run=dry_run,
            site_ids=context.my_site_ids(session),
            names=kept.names,
        )
        if report.errors or dry_run:
            session.rollback()
    return report


def _check(kept: Upload) -> ResponseReturnValue:
    report = _load(kept, dry_run=True)
    return _report_page(kept, report, 422 if report.errors else 200)


def _report_page(kept: Upload, report: ImportReport, status: int) -> ResponseReturnValue:
    page = render_template(
        "data/report.html",
        kept=kept,
        report=report,
        mistakes=report.errors[:MOST_MISTAKES_SHOWN],
        warnings=report.warnings[:MOST_MISTAKES_SHOWN],
    )
    return page, status


def _store(kept: Upload) -> ResponseReturnValue:
    report = _load(kept, dry_run=False)
    if report.errors:
        return _report_page(kept, report, 422)
    holding_uploads.forget(context.wired().settings.instance, kept.token)
    flash(
        _(
            "%(rows)s rows read, %(stored)s stored, %(same)s were there already.",
            rows=report.rows,
            stored=report.stored,
            same=report.skipped_same,
        )
    )
    return redirect(url_for("data.start"), 303)


@blueprint.post("/data/export")
@guards.needs(guards.Permission.EXPORT)
def take() -> ResponseReturnValue:
    """Hand out an export without names, with what explains it, as one archive."""
    return _archive(identified=False)


@blueprint.get("/data/export/identified")
@guards.needs(guards.Permission.EXPORT, fresh=True)
def ask_identified() -> ResponseReturnValue:
    """Ask which export with names is wanted; the password was given just now."""
    return render_template("data/identified.html")


@blueprint.post("/data/export/identified")
@guards.needs(guards.Permission.EXPORT, fresh=True)
def take_identified() -> ResponseReturnValue:
    """Hand out an export with names, phones and dates."""
    return _archive(identified=True)


def _archive(*, identified: bool) -> ResponseReturnValue:
    what, fmt = request.form.get("what", ""), request.form.get("format", "")
    if what not in exporting_tables.TABLES or fmt not in ENDINGS:
        abort(400)  # Before the trail is written: whatever somebody typed there would stand in it for good.
    with context.writing() as session:
        exporting.note(session, what, fmt, identified, context.actor(), context.now())
    archive = tempfile.SpooledTemporaryFile(SPOOLED_BYTES)  # noqa: SIM115 - closed when the response was read
    try:
        with context.reading() as session, zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            mine = context.my_site_ids(session)
            parts = exporting.export(session, what, fmt, identified, context.now(), site_ids=mine)
            _pack(packed, f"{what}.{ENDINGS[fmt]}", parts, mark=fmt == "csv")
            for name, text in exporting.beside(session, what, fmt, identified, site_ids=mine):
                _pack(packed, name, text, mark=fmt == "csv")
    except exporting.ExportError as error:
        archive.close()
        return _start_page(str(error)), 422
    archive.seek(0)
    kind = "identified" if identified else "deidentified"
    headers = {"Content-Disposition": f'attachment; filename="prom-{what}-{fmt}-{kind}.zip"'}
    answer = Response(iter(lambda: archive.read(READ_BYTES), b""), headers=headers, content_type="application/zip")
    answer.call_on_close(archive.close)
    return answer


def _pack(packed: zipfile.ZipFile, name: str, parts: Iterator[str], *, mark: bool) -> None:
    with packed.open(name, "w", force_zip64=True) as file:
        if mark:
            file.write(exporting.BOM.encode())
        for part in parts:
            file.write(part.encode())
