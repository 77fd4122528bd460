"""Ask for a patient's baseline: by a code, by a text, or on this tablet, and see how far it has come."""

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlmodel import Session

from prom.services import inviting
from prom.storage import patients
from prom.storage.models import Episode, InvitationKind, Patient
from prom.web import context, guards, invitation_pages
from prom.web.coordinator_blueprint import Elsewhere, elsewhere, episode_here, not_here, note_read, patient_here, tabs

blueprint = Blueprint("baseline", __name__)
blueprint.register_error_handler(Elsewhere, elsewhere)
KIND = InvitationKind.BASELINE


def _(words: str, /, **values: object) -> str:
    return str(gettext(words, **values))


@blueprint.get("/patients/<public_id>/baseline")
@guards.needs(guards.Permission.ENROL)
def nearest(public_id: str) -> ResponseReturnValue:
    """Go to the baseline of the patient's next procedure."""
    with context.reading() as session:
        patient = patient_here(session, public_id)
        episode = inviting.next_episode(session, patient, context.now())
    if episode is None:
        flash(_("There is no planned procedure to ask a baseline for."))
        return redirect(url_for("coordinator.schedule", public_id=public_id), 303)
    return redirect(url_for("baseline.page", public_id=public_id, episode_id=episode.public_id), 303)


@blueprint.get("/patients/<public_id>/baseline/<episode_id>")
@guards.needs(guards.Permission.ENROL)
def page(public_id: str, episode_id: str) -> ResponseReturnValue:
    """Show the ways to ask, and how far the answers are."""
    with context.reading() as session:
        patient, episode = _here(session, public_id, episode_id)
        shown = _page(session, patient, episode)
    note_read(public_id, "baseline")
    return shown


def _here(session: Session, public_id: str, episode_id: str) -> tuple[Patient, Episode]:
    """Return a patient of my sites and their procedure, or answer 404."""
    patient = patient_here(session, public_id)
    episode = episode_here(session, episode_id)
    if episode.patient_id != patient.id:
        not_here("episode", episode_id)
    return patient, episode


def _page(session: Session, patient: Patient, episode: Episode, error: str = "") -> str:
    answered, total = inviting.answered(session, episode)
    return render_template(
        "coordinator/baseline.html",
        patient=patient,
        episode=episode,
        name=patients.name(session, patient),
        tabs=tabs(patient.public_id),
        answered=answered,
        total=total,
        open=invitation_pages.opened(session, inviting.current(session, patient, episode, KIND)),
        ways=invitation_pages.ways(session, patient),
        possible=inviting.may_invite(episode, context.now()),
        error=error,
    )


@blueprint.get("/patients/<public_id>/baseline/<episode_id>/progress")
@guards.needs(guards.Permission.ENROL)
def progress(public_id: str, episode_id: str) -> ResponseReturnValue:
    """Return how far the answers are, for the page that waits for them."""
    with context.reading() as session:
        patient, episode = _here(session, public_id, episode_id)
        answered, total = inviting.answered(session, episode)
        open_ = invitation_pages.opened(session, inviting.current(session, patient, episode, KIND))
    words = _("%(answered)s of %(total)s answered", answered=answered, total=total)
    over = answered == total or open_ is None or not open_.alive
    return jsonify(answered=answered, total=total, words=words, over=over)


@blueprint.post("/patients/<public_id>/baseline/<episode_id>")
@guards.needs(guards.Permission.ENROL)
def ask(public_id: str, episode_id: str) -> ResponseReturnValue:
    """Open the questionnaire for the patient in one of the ways; the one opened before ends."""
    way = request.form.get("way", "")
    back = url_for("baseline.page", public_id=public_id, episode_id=episode_id)
    try:
        with context.writing() as session:
            patient, episode = _here(session, public_id, episode_id)
            made = inviting.invite(session, patient, episode, KIND, way, context.actor(), context.now())
            token = inviting.token(session, made)
    except inviting.InvitationError as error:
        with context.reading() as session:
            patient, episode = _here(session, public_id, episode_id)
            return _page(session, patient, episode, _(str(error))), 422
    if way == inviting.TEXT:
        flash(_("The link is on its way."))
    return invitation_pages.after(made, token, back)
