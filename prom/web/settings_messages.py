"""The texts of a clinic: a list with sizes and costs, and an editor with a preview for each text and language."""

from flask import abort, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.domain import wording
from prom.services import settings_texts, wordings
from prom.storage.models import Site
from prom.web import context, guards, settings_words
from prom.web.settings_site import blueprint, here, names, page, site_here
from prom.web.settings_site import translated as _

FRAGMENT = "X-Preview"


@blueprint.get("/settings/messages")
@guards.needs(guards.Permission.SETTINGS)
def messages() -> ResponseReturnValue:
    """List every text in a language by group, with segments and cost."""
    with context.reading() as session:
        site = site_here(session)
        language = request.args.get("language", wording.known_language(site.language))
        if language not in wording.LANGUAGES:
            abort(404)
        lines = settings_texts.listed(session, site, language, context.wired().settings.public_url)
        grouped = {group: [line for line in lines if line.group == group] for group in settings_words.GROUPS}
        return page(
            session,
            site,
            "settings/messages.html",
            language=language,
            chips=[
                (code, wording.language(code).name, None, here("settings.messages", site, language=code))
                for code in wording.LANGUAGES
            ],
            grouped=grouped,
            own_count=sum(line.own for line in lines),
            unsigned=wordings.unsigned(session, site),
            words=settings_words,
        )


def _checked(key: str, language: str) -> None:
    if key not in wording.KEYS or language not in wording.LANGUAGES:
        abort(404)


@blueprint.get("/settings/messages/<key>/<language>")
@guards.needs(guards.Permission.SETTINGS)
def message(key: str, language: str) -> ResponseReturnValue:
    """Show one text with its editor."""
    _checked(key, language)
    with context.reading() as session:
        return _editor(session, site_here(session), key, language, None)


def _editor(session: Session, site: Site, key: str, language: str, typed: str | None, tried: bool = False) -> str:
    public_url = context.wired().settings.public_url
    draft = settings_texts.draft(session, site, key, language, typed, public_url)
    in_force = settings_texts.draft(session, site, key, language, None, public_url).text
    shipped = settings_texts.shipped(key, language)
    return page(
        session,
        site,
        "settings/message.html",
        key=key,
        language=language,
        typed=draft.text if typed is None else typed,
        draft=draft,
        errors=[("text", problem) for problem in draft.problems] if tried else [],
        shipped=shipped,
        own=in_force != shipped,
        fixed=wording.KEYS[key].fixed,
        rules=wording.KEYS[key],
        unsigned=key in wordings.unsigned_keys(session, site, language),
        chips=[
            (code, wording.language(code).name, None, here("settings.message", site, key=key, language=code))
            for code in wording.LANGUAGES
        ],
        sizes=settings_texts.sizes(session, site, key, public_url),
        history=settings_texts.history(session, site, key, language),
        names=names(session),
        words=settings_words,
    )


@blueprint.post("/settings/messages/<key>/<language>/preview")
@guards.needs(guards.Permission.SETTINGS)
def preview(key: str, language: str) -> ResponseReturnValue:
    """Show what the text as typed would look like and cost; nothing is stored. A script asks for that part only."""
    _checked(key, language)
    typed = request.form.get("text", "")[: 2 * settings_texts.LONGEST_TEXT]
    with context.reading() as session:
        site = site_here(session)
        if not request.headers.get(FRAGMENT):
            return _editor(session, site, key, language, typed, tried=True)
        draft = settings_texts.draft(session, site, key, language, typed, context.wired().settings.public_url)
        return render_template("settings/_preview.html", site=site, draft=draft, language=language)


@blueprint.post("/settings/messages/<key>/<language>")
@guards.needs(guards.Permission.SETTINGS, fresh=True)
def save_message(key: str, language: str) -> ResponseReturnValue:
    """Store the clinic's own wording, or say why it may not be used."""
    _checked(key, language)
    typed = request.form.get("text", "")[: 2 * settings_texts.LONGEST_TEXT]
    with context.writing() as session:
        site = site_here(session)
        problems = settings_texts.save(session, site, key, language, typed, context.actor(), context.now())
    if problems:
        with context.reading() as session:
            return _editor(session, site_here(session), key, language, typed, tried=True), 422
    flash(_("Saved. Texts that leave from now on carry this wording."))
    return redirect(here("settings.message", site, key=key, language=language), 303)


@blueprint.post("/settings/messages/<key>/<language>/shipped")
@guards.needs(guards.Permission.SETTINGS, fresh=True)
def restore_message(key: str, language: str) -> ResponseReturnValue:
    """Go back to the wording that comes with prom."""
    _checked(key, language)
    with context.writing() as session:
        site = site_here(session)
        settings_texts.restore(session, site, key, language, context.actor(), context.now())
    flash(_("The text reads again as it came."))
    return redirect(here("settings.message", site, key=key, language=language), 303)
