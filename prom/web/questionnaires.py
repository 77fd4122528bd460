"""The clinic's licensed wording of the CSI, in versions; and its own words on patients' pages."""

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlmodel import Session

from prom.domain import instruments, wording
from prom.services import linking_texts, questionnaires
from prom.storage import instrument_wordings
from prom.storage.models import Site
from prom.web import context, guards, locales, patient_words, settings_site

blueprint = Blueprint("questionnaires", __name__)
blueprint.register_error_handler(settings_site.Elsewhere, settings_site.elsewhere)
MOST_BYTES = 256 * 1024
MOST_SHOWN = 20


def _(words: str, /, **values: object) -> str:
    return str(gettext(words, **values))


@blueprint.get("/settings/questionnaires")
@guards.needs(guards.Permission.SETTINGS)
def page() -> ResponseReturnValue:
    """Show the wordings in use and a form to import one."""
    with context.reading() as session:
        return _page(session, settings_site.site_here(session), [])


def _page(session: Session, site: Site, problems: list[str]) -> str:
    rows = instrument_wordings.everything(session, site.id, questionnaires.CSI)
    language = request.args.get("language", "")
    shown = questionnaires.shown(session, site.id, language) if language in wording.LANGUAGES else None
    return settings_site.page(
        session,
        site,
        "settings/questionnaires.html",
        languages={code: wording.language(code).name for code in wording.LANGUAGES},
        rows=rows,
        newest={row.language: row.version for row in reversed(rows)},
        shown=shown,
        problems=problems[:MOST_SHOWN],
        more=max(0, len(problems) - MOST_SHOWN),
        items=instruments.CSI_ITEMS,
    )


@blueprint.post("/settings/questionnaires")
@guards.needs(guards.Permission.SETTINGS, fresh=True)
def load() -> ResponseReturnValue:
    """Import a file: all of it, or nothing and what is wrong."""
    file = request.files.get("file")
    data = file.stream.read(MOST_BYTES + 1) if file is not None else b""
    name = (file.filename if file is not None else "") or ""
    try:
        with context.writing() as session:
            site = settings_site.site_here(session)
            told, shown = _import(session, site, data, name), site.public_id
    except questionnaires.WordingError as error:
        with context.reading() as session:
            return _page(session, settings_site.site_here(session), [_(problem) for problem in error.problems]), 422
    flash(told)
    return redirect(url_for("questionnaires.page", site=shown), 303)


def _import(session: Session, site: Site, data: bytes, name: str) -> str:
    if not data:
        raise questionnaires.WordingError(["Choose a file."])
    if len(data) > MOST_BYTES:
        raise questionnaires.WordingError(["The file is too large for a questionnaire."])
    fresh = [
        questionnaires.store(session, site, one, context.actor(), context.now())
        for one in questionnaires.read(data, name)
    ]
    if not any(fresh):
        return _("This wording is there already.")
    return _("Imported: pages, sheets and texts show it from now on.")


@blueprint.get("/settings/page-texts")
@guards.needs(guards.Permission.SETTINGS)
def page_texts() -> ResponseReturnValue:
    """Show the words of patients' pages in a language, the clinic's own marked."""
    with context.reading() as session:
        return _page_texts(session, settings_site.site_here(session), "")


def _page_texts(session: Session, site: Site, error: str, typed: str = "") -> str:
    asked = request.values.get("language", "")
    language = asked if asked in locales.LANGUAGES else locales.page_language(site.language)
    shipped = patient_words.catalogue(language)
    own = linking_texts.own(session, site.id, language)
    number = request.values.get("text", "")
    words = next((one for one in shipped if linking_texts.key_of(one) == number), None)
    return settings_site.page(
        session,
        site,
        "settings/page_texts.html",
        languages=list(locales.LANGUAGES.items()),
        language=language,
        rows=[
            (linking_texts.key_of(one), one, own.get(linking_texts.key_of(one)) or shipped[one])
            for one in linking_texts.offered(shipped)
        ],
        own=own,
        chosen=words,
        shipped=shipped.get(words or "", ""),
        key=number,
        typed=typed or own.get(number, ""),
        error=error,
    )


@blueprint.post("/settings/page-texts")
@guards.needs(guards.Permission.SETTINGS, fresh=True)
def change_page_text() -> ResponseReturnValue:
    """Put the clinic's own words in place of some of the product's, or take them back."""
    language, key, typed = (request.form.get(name, "") for name in ("language", "text", "words"))
    words = next((one for one in patient_words.catalogue("en") if linking_texts.key_of(one) == key), None)
    if words is None or language not in locales.LANGUAGES:
        abort(400)
    try:
        with context.writing() as session:
            site = settings_site.site_here(session)
            shown = site.public_id
            linking_texts.replace(session, site, words, language, typed, context.actor(), context.now())
    except linking_texts.PageTextError as error:
        with context.reading() as session:
            return _page_texts(session, settings_site.site_here(session), _(str(error)), typed), 422
    flash(_("Saved: pages show it from now on."))
    return redirect(url_for("questionnaires.page_texts", site=shown, language=language), 303)
