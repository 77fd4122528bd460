"""Enrol many from a theatre list: paste or upload lines, see what was understood and wrong, then all or none."""

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext
from sqlmodel import Session

from prom.services import enrolling_lists, importing
from prom.services.enrolling_lists import ListError, Preview
from prom.storage.models import Site
from prom.web import context, guards
from prom.web.coordinator_blueprint import Errors, blueprint
from prom.web.coordinator_blueprint import translated as _

LONGEST_LIST = 300_000
ERRORS_SHOWN = 100


@blueprint.get("/enrol/list")
@guards.needs(guards.Permission.ENROL)
def enrol_list() -> ResponseReturnValue:
    """Show the empty form."""
    with context.reading() as session:
        return _page(session, "", None, [])


@blueprint.post("/enrol/list")
@guards.needs(guards.Permission.ENROL)
def enrol_list_step() -> ResponseReturnValue:
    """Show what a list would do; with the second button enrol everybody on it."""
    try:
        text = _text()
        # The dry run writes and takes back, so it needs a transaction that may write.
        with context.writing() as session:
            site = _site(session)
            if request.form.get("go") == "enrol":
                report = enrolling_lists.enrol(session, text, site, context.actor(), context.now())
                if not report.errors:
                    flash(_told(report))
                    return redirect(url_for("clinician.patients"), 303)
            seen = enrolling_lists.preview(session, text, site, context.actor(), context.now())
            return _page(session, text, seen, []), 422 if seen.report.errors else 200
    except (ListError, importing.FileError) as error:
        with context.reading() as session:
            return _page(session, request.form.get("lines", ""), None, [("lines", str(error))]), 422


def _told(report: importing.ImportReport) -> str:
    words = str(ngettext("%(num)s procedure is enrolled.", "%(num)s procedures are enrolled.", report.stored))
    if report.skipped_same:
        words += " " + _("%(count)s were there already.", count=report.skipped_same)
    return words


def _text() -> str:
    """Return the list: the file if one was chosen, else what was pasted."""
    file = request.files.get("file")
    if file is not None and file.filename:
        text = importing.decoded(file.read(LONGEST_LIST * 4))
    else:
        text = request.form.get("lines", "")
    if len(text) > LONGEST_LIST:
        raise ListError(_("The list is too long: use the import for it."))
    return text


def _site(session: Session) -> Site:
    """Return the site chosen, one of mine."""
    mine = [site for site in context.my_sites(session) if request.form.get("site", "") in {"", site.public_id}]
    return mine[0] if mine else abort(404)


def _page(session: Session, text: str, seen: Preview | None, errors: Errors) -> str:
    wrong: dict[int, list[tuple[str, str]]] = {}
    for line, column, reason in seen.report.errors[:ERRORS_SHOWN] if seen is not None else []:
        wrong.setdefault(line, []).append((column, reason))
    return render_template(
        "coordinator/enrol_list.html",
        text=text,
        seen=seen,
        lines_wrong=wrong,
        more=max(0, len(seen.report.errors) - ERRORS_SHOWN) if seen is not None else 0,
        columns=enrolling_lists.SHOWN,
        sites=context.my_sites(session),
        chosen=_site(session).public_id,
        errors=errors,
        wrong=dict(errors),
        section="coordinator.todo",
    )
