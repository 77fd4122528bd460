"""Reaching one patient: number, language, zone, pause and consent, each a small form of the schedule page."""

from collections.abc import Callable
from datetime import datetime, timedelta

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.domain import timetable
from prom.services import consenting, consenting_texts, contacting, enrolments, planning
from prom.storage.models import Patient, Purpose
from prom.web import context, coordinator_forms, coordinator_schedule, guards
from prom.web.coordinator_blueprint import blueprint, patient_here
from prom.web.coordinator_blueprint import translated as _

METHODS = frozenset({"paper", "tablet", "phone"})


def _change(public_id: str, field: str, work: Callable[[Session, Patient], str]) -> ResponseReturnValue:
    """Do one change to a patient and go back to the schedule, or show it again with what is wrong."""
    try:
        with context.writing() as session:
            told = work(session, patient_here(session, public_id))
    except (
        contacting.ContactError,
        consenting.ConsentError,
        planning.PlanningError,
        coordinator_forms.FormError,
    ) as error:
        with context.reading() as session:
            patient = patient_here(session, public_id)
            wrong = [(field, coordinator_schedule.sentence(error))]
            return coordinator_schedule.page(session, patient, None, wrong), 422
    flash(told)
    return redirect(url_for("coordinator.schedule", public_id=public_id), 303)


@blueprint.post("/patients/<public_id>/number")
@guards.needs(guards.Permission.ENROL)
def change_number(public_id: str) -> ResponseReturnValue:
    """Give a patient another number."""

    def work(session: Session, patient: Patient) -> str:
        typed = request.form.get("phone", "")
        if contacting.change_number(session, patient, typed, context.actor(), context.now()):
            return _("The number is changed; what waits goes to the new one.")
        return _("This is the number we have.")

    return _change(public_id, "phone", work)


@blueprint.post("/patients/<public_id>/language")
@guards.needs(guards.Permission.ENROL)
def change_language(public_id: str) -> ResponseReturnValue:
    """Text a patient in another language, or by another clock."""

    def work(session: Session, patient: Patient) -> str:
        actor, now = context.actor(), context.now()
        zone = request.form.get("time_zone", "").strip()
        if enrolments.zone_of(zone) is None:
            raise contacting.ContactError(_("Enter a time zone such as Asia/Kolkata."))
        contacting.change_language(session, patient, request.form.get("language", ""), actor, now)
        planning.change_zone(session, patient, zone, actor, now)
        return _("Saved: texts that were not sent follow it.")

    return _change(public_id, "time_zone", work)


@blueprint.post("/patients/<public_id>/pause")
@guards.needs(guards.Permission.PATIENTS)
def pause(public_id: str) -> ResponseReturnValue:
    """Send no questions until a day, or until somebody resumes."""

    def work(session: Session, patient: Patient) -> str:
        typed = request.form.get("pause_until", "").strip()
        until = _end_of(typed, patient.time_zone) if typed else None
        contacting.pause(session, patient, until, context.actor(), context.now())
        return _("Paused: no questions are sent meanwhile.")

    return _change(public_id, "pause_until", work)


def _end_of(typed: str, zone: str) -> datetime:
    on = coordinator_forms.day(typed)
    if not 2000 < on.year < 2200:
        raise coordinator_forms.FormError(_("Enter a date."))
    return timetable.instant_of(datetime.combine(on + timedelta(days=1), datetime.min.time()), zone)


@blueprint.post("/patients/<public_id>/resume")
@guards.needs(guards.Permission.PATIENTS)
def resume(public_id: str) -> ResponseReturnValue:
    """End a pause."""

    def work(session: Session, patient: Patient) -> str:
        done = contacting.resume(session, patient, context.actor(), context.now())
        return _("Questions are sent again.") if done else _("There was no pause.")

    return _change(public_id, "pause_until", work)


@blueprint.post("/patients/<public_id>/consent")
@guards.needs(guards.Permission.PATIENTS)
def consent(public_id: str) -> ResponseReturnValue:
    """Record a consent as it was given, or that it was withdrawn."""
    purpose = request.form.get("purpose", "")
    if purpose not in set(Purpose):
        abort(400)
    work = _withdraw if request.form.get("withdraw") == "1" else _give
    return _change(public_id, "consent", lambda session, patient: work(session, patient, Purpose(purpose)))


def _withdraw(session: Session, patient: Patient, purpose: Purpose) -> str:
    now = context.now()
    if not consenting.withdraw(session, patient, purpose, now, context.actor(), now):
        return _("There was no consent to withdraw.")
    return _("Withdrawn; nothing that needs it happens any more.")


def _give(session: Session, patient: Patient, purpose: Purpose) -> str:
    method = request.form.get("method", "")
    if method not in METHODS:
        raise consenting.ConsentError(_("Choose how the consent was given."))
    now = context.now()
    consenting.give(
        session,
        patient,
        purpose,
        version=consenting_texts.version_in_use(session, patient, purpose),
        language=patient.language,
        method=method,
        given_at=now,
        actor=context.actor(),
        now=now,
    )
    return _("Consent recorded.")
