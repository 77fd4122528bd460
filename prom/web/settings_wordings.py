"""What a clinician signs: the emergency texts and the lists of warning signs, in each language."""

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.domain import replies, wording
from prom.services import settings_checklist, wordings
from prom.storage import staff
from prom.storage.models import Site
from prom.web import context, guards, settings_words
from prom.web.settings_site import blueprint, here, page, site_here
from prom.web.settings_site import translated as _


@blueprint.get("/settings/wordings")
@guards.needs(guards.Permission.REVIEW)
def wordings_page() -> ResponseReturnValue:
    """Show the wordings of a language with who signed each."""
    with context.reading() as session:
        site = site_here(session)
        return _page(session, site, _language(request.args.get("language"), site))


def _language(wanted: str | None, site: Site) -> str:
    language = wanted or wording.known_language(site.language)
    if language not in wording.LANGUAGES:
        abort(404)
    return language


def _page(session: Session, site: Site, language: str, problem: str = "") -> str:
    used = settings_checklist.languages(session, site)
    open_ones = [item.language for item in wordings.unsigned(session, site)]
    return page(
        session,
        site,
        "settings/wordings.html",
        language=language,
        chips=[
            (
                code,
                wording.language(code).name,
                open_ones.count(code) if code in used else None,
                here("settings.wordings_page", site, language=code),
            )
            for code in wording.LANGUAGES
        ],
        items=wordings.items(session, site, language),
        used=language in used,
        red_flags=wordings.RED_FLAGS,
        lists=replies.red_flag_words(language),
        signers={one.id: one.name or one.email for one in staff.everyone(session, None)},
        problem=problem,
        waiting=len(open_ones),
        words=settings_words,
    )


@blueprint.post("/settings/wordings/<key>/<language>")
@guards.needs(guards.Permission.REVIEW, fresh=True)
def sign(key: str, language: str) -> ResponseReturnValue:
    """Sign exactly the wording that was on the page."""
    if key not in {*wordings.keys(), wordings.RED_FLAGS} or language not in wording.LANGUAGES:
        abort(404)
    digest = request.form.get("digest", "")
    try:
        with context.writing() as session:
            site = site_here(session)
            wordings.sign(session, site, key, language, digest, context.actor(), context.now())
    except wordings.WordingChangedError:
        with context.reading() as session:
            words = _("The wording has changed since you opened the page. Read it again, then sign.")
            return _page(session, site_here(session), language, words), 409
    flash(_("Signed: %(title)s.", title=settings_words.title(key)))
    return redirect(here("settings.wordings_page", site, language=language), 303)
