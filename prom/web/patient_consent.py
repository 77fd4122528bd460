"""The consent page by its own link: what the clinic asks for, agreed to and taken back with the same ease."""

from flask import redirect, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.services import consenting_texts, inviting, linking_baseline, links
from prom.services.linking import patient_of, site_of
from prom.storage.models import Consent, Invitation, InvitationKind, Purpose
from prom.web import context, guards, locales, patient_blueprint, patient_words
from prom.web.patient_blueprint import NOTHING_CHOSEN, actor, blueprint, here, page, speak
from prom.web.patient_invited import Door
from prom.web.patient_words import _

DOOR = Door(InvitationKind.CONSENT, "patient.consent", "patient.consent_back", "patient.consent_new_link")


@blueprint.get("/c/<token>")
@guards.needs(guards.Permission.PUBLIC)
def consent(token: str) -> ResponseReturnValue:
    """Show what is asked for and what was agreed to."""
    with context.reading() as session:
        invitation = DOOR.live(session, token)
        if invitation is not None:
            return _page(session, token, invitation)
    return DOOR.over(token)


@blueprint.post("/c/<token>")
@guards.needs(guards.Permission.PUBLIC)
def consent_answer(token: str) -> ResponseReturnValue:
    """Record a consent to the text that was shown, or that one is taken back."""
    with context.writing() as session:
        invitation = DOOR.live(session, token)
        if invitation is not None:
            return _answer(session, token, invitation)
    return DOOR.over(token, lost=True)


def _answer(session: Session, token: str, invitation: Invitation) -> ResponseReturnValue:
    purpose = request.form.get("purpose", "")
    if purpose not in set(Purpose):
        return redirect(here("patient.consent", token=token), 303)
    patient = linking_baseline.patient_of(session, invitation)
    now = context.now()
    if request.form.get("act") == "withdraw":
        consenting_texts.take_back(session, patient, Purpose(purpose), actor(), now)
        return redirect(here("patient.consent", token=token, said=f"no-{purpose}"), 303)
    site = linking_baseline.site_of(session, invitation)
    shown = consenting_texts.current(session, site, Purpose(purpose), request.form.get("language", ""))
    method = consenting_texts.TABLET if invitation.way == inviting.TABLET else consenting_texts.PAGE
    try:
        consenting_texts.agree(session, patient, shown, request.form.get("version", ""), method, actor(), now)
    except consenting_texts.StaleError:
        error = _("The text has changed since you opened this page. Please read it once more.")
        return _page(session, token, invitation, error=error), NOTHING_CHOSEN
    return redirect(here("patient.consent", token=token, said=f"yes-{purpose}"), 303)


def _page(session: Session, token: str, invitation: Invitation, error: str = "") -> str:
    patient = linking_baseline.patient_of(session, invitation)
    site = linking_baseline.site_of(session, invitation)
    given = consenting_texts.standing(session, patient)
    documents = [
        (one, _since(given, Purpose(one.purpose.value), patient.time_zone))
        for one in consenting_texts.everything(session, site, locales.chosen())
    ]
    return page(
        "patient/consent.html",
        "patient.consent",
        {"token": token},
        token=token,
        documents=documents,
        clinic=site,
        said=request.args.get("said", ""),
        error=error,
        tablet=invitation.way == inviting.TABLET,
    )


def _since(given: dict[Purpose, Consent], purpose: Purpose, zone: str) -> str:
    return patient_words.full_day(given[purpose].given_at, zone) if purpose in given else ""


@blueprint.post("/c/<token>/finish")
@guards.needs(guards.Permission.PUBLIC)
def consent_finish(token: str) -> ResponseReturnValue:
    """End the page on the tablet."""
    return DOOR.finish(token)


@blueprint.get("/c/<token>/back")
@guards.needs(guards.Permission.PUBLIC)
def consent_back(token: str) -> ResponseReturnValue:
    """Ask to hand the tablet back."""
    return DOOR.hand_back(token)


@blueprint.post("/c/<token>/new")
@guards.needs(guards.Permission.PUBLIC)
def consent_new_link(token: str) -> ResponseReturnValue:
    """Text a new link to whoever had this one; who never had one sees the same page."""
    return DOOR.text_new_link(token)


@blueprint.post("/stop/<token>/withdraw")
@guards.needs(guards.Permission.PUBLIC)
def withdraw(token: str) -> ResponseReturnValue:
    """Take a consent back from the stop page; a link that is over can still do this."""
    with context.writing() as session:
        prompt = links.prompt_for(session, token)
        if prompt is not None:
            patient = patient_of(session, prompt)
            speak(locales.page_language(patient.language))
            purpose = request.form.get("purpose", "")
            if purpose in set(Purpose):
                consenting_texts.take_back(session, patient, Purpose(purpose), actor(), context.now())
            return redirect(here("patient.stop_page", token=token, said="withdrawn"), 303)
    return patient_blueprint.over(
        token,
        lambda session: links.prompt_for(session, token),
        "patient.question",
        "patient.new_link",
        lost=True,
    )


def agreed(session: Session, token: str) -> list[tuple[str, str, str]]:
    """Return what the patient of a prompt's link agreed to, for the stop page: (purpose, title, since when)."""
    prompt = links.prompt_for(session, token)
    if prompt is None:
        return []
    patient, site = patient_of(session, prompt), site_of(session, prompt)
    return [
        (
            purpose.value,
            consenting_texts.current(session, site, purpose, locales.chosen()).title,
            patient_words.full_day(row.given_at, patient.time_zone),
        )
        for purpose, row in consenting_texts.standing(session, patient).items()
    ]
