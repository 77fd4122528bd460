"""What a patient agreed to, asked for by a code, a text or on this tablet; and the clinic's own consent texts."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlmodel import Session

from prom.domain import consent as documents
from prom.domain import wording
from prom.services import consenting_texts, inviting
from prom.storage import consents, patients
from prom.storage.models import InvitationKind, Patient, Purpose, Site
from prom.web import context, guards, invitation_pages, settings_site
from prom.web.coordinator_blueprint import Elsewhere, elsewhere, note_read, patient_here, tabs

blueprint = Blueprint("consents", __name__)
blueprint.register_error_handler(Elsewhere, elsewhere)
blueprint.register_error_handler(settings_site.Elsewhere, settings_site.elsewhere)
KIND = InvitationKind.CONSENT


def _(words: str, /, **values: object) -> str:
    return str(gettext(words, **values))


@blueprint.get("/patients/<public_id>/consents")
@guards.needs(guards.Permission.ENROL)
def page(public_id: str) -> ResponseReturnValue:
    """Show what a patient agreed to and took back, and the ways to ask."""
    with context.reading() as session:
        shown = _page(session, patient_here(session, public_id))
    note_read(public_id, "consents")
    return shown


def _page(session: Session, patient: Patient, error: str = "") -> str:
    site = session.get_one(Site, patient.site_id)
    return render_template(
        "coordinator/consents.html",
        patient=patient,
        name=patients.name(session, patient),
        tabs=tabs(patient.public_id),
        titles=purposes(),
        rows=list(reversed(consents.of_patient(session, patient.id))),
        documents=consenting_texts.everything(session, site, patient.language),
        open=invitation_pages.opened(session, inviting.current(session, patient, None, KIND)),
        ways=invitation_pages.ways(session, patient),
        error=error,
    )


@blueprint.post("/patients/<public_id>/consents")
@guards.needs(guards.Permission.ENROL)
def ask(public_id: str) -> ResponseReturnValue:
    """Open the consent page for the patient in one of the ways; the one opened before ends."""
    way = request.form.get("way", "")
    back = url_for("consents.page", public_id=public_id)
    try:
        with context.writing() as session:
            patient = patient_here(session, public_id)
            made = inviting.invite(session, patient, None, KIND, way, context.actor(), context.now())
            token = inviting.token(session, made)
    except inviting.InvitationError as error:
        with context.reading() as session:
            return _page(session, patient_here(session, public_id), _(str(error))), 422
    if way == inviting.TEXT:
        flash(_("The link is on its way."))
    return invitation_pages.after(made, token, back)


def purposes() -> dict[str, str]:
    """Return what may be agreed to, in words."""
    return {"texting": _("Texts"), "data_use": _("Use of data"), "caregiver": _("A caregiver answers")}


@blueprint.get("/settings/consents")
@guards.needs(guards.Permission.SETTINGS)
def settings() -> ResponseReturnValue:
    """Show the texts patients agree to, in each language, and a form for a new version."""
    with context.reading() as session:
        return _settings(session, settings_site.site_here(session), {}, [])


def _settings(session: Session, site: Site, typed: dict[str, str], errors: list[tuple[str, str]]) -> str:
    purpose = typed.get("purpose") or _one_of(request.args.get("purpose", ""), set(Purpose), "texting")
    language = typed.get("language") or _one_of(request.args.get("language", ""), set(wording.LANGUAGES), site.language)
    return settings_site.page(
        session,
        site,
        "settings/consents.html",
        titles=purposes(),
        languages=[(code, wording.language(code).name) for code in wording.LANGUAGES],
        shown=consenting_texts.current(session, site, Purpose(purpose), language),
        versions=consenting_texts.versions(session, site),
        purpose=purpose,
        language=language,
        typed=typed,
        errors=errors,
        most=documents.LONGEST_TEXT,
    )


def _one_of(asked: str, known: set[str], usual: str) -> str:
    return asked if asked in known else usual


@blueprint.post("/settings/consents")
@guards.needs(guards.Permission.SETTINGS, fresh=True)
def add() -> ResponseReturnValue:
    """Keep a new version of a text; no version is ever changed."""
    typed = {key: request.form.get(key, "") for key in ("purpose", "language", "version", "text")}
    if typed["purpose"] not in set(Purpose):
        abort(400)
    with context.writing() as session:
        site = settings_site.site_here(session)
        given = Purpose(typed["purpose"]), typed["language"], typed["version"], typed["text"]
        try:
            consenting_texts.add(session, site, *given, context.actor(), context.now())
        except consenting_texts.TextError as error:
            wrong = [(field, _(words)) for field, words in error.problems]
            typed["language"] = _one_of(typed["language"], set(wording.LANGUAGES), "en")
            return _settings(session, site, typed, wrong), 422
        shown = site.public_id
    flash(_("The new version is in use."))
    address = url_for("consents.settings", site=shown, purpose=typed["purpose"], language=typed["language"])
    return redirect(address, 303)
