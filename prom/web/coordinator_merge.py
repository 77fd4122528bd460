"""Merge a duplicate: find the other record of the same person, choose which to keep, see what moves, then do it."""

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.services import merging, queueing, reviewing_lists
from prom.storage.models import Patient
from prom.web import context, guards
from prom.web.coordinator_blueprint import Errors, blueprint, note_read, patient_here, tabs
from prom.web.coordinator_blueprint import translated as _

LONGEST_SEARCH = 80
MOST_FOUND = 20


@blueprint.get("/patients/<public_id>/merge")
@guards.needs(guards.Permission.ENROL)
def duplicates(public_id: str) -> ResponseReturnValue:
    """Show the records that may be the same person, and a search for another."""
    with context.reading() as session:
        page = _page(session, patient_here(session, public_id))
    note_read(public_id, "duplicates")
    return page


@blueprint.post("/patients/<public_id>/merge")
@guards.needs(guards.Permission.ENROL)
def merge(public_id: str) -> ResponseReturnValue:
    """Search, show what merging would do, or do it."""
    if "text" in request.form:
        with context.reading() as session:
            return _page(session, patient_here(session, public_id), found=request.form["text"].strip()[:LONGEST_SEARCH])
    try:
        if request.form.get("confirm") == "1":
            return _merged(public_id)
        with context.reading() as session:
            return _preview(session, *_pair(session, public_id))
    except merging.MergeError as error:
        with context.reading() as session:
            return _page(session, patient_here(session, public_id), [("text", str(error))]), 422


def _merged(public_id: str) -> ResponseReturnValue:
    if request.form.get("sure") != "y":
        with context.reading() as session:
            errors = [("sure", _("Tick that both records are one person."))]
            return _preview(session, *_pair(session, public_id), errors), 422
    with context.writing() as session:
        keep, drop = _pair(session, public_id)
        merging.merge(session, keep, drop, context.actor(), context.now())
        kept = keep.public_id
    flash(_("Merged: everything is on this record now."))
    return redirect(url_for("coordinator.schedule", public_id=kept), 303)


def _pair(session: Session, public_id: str) -> tuple[Patient, Patient]:
    """Return the record to keep and the other one, as the form chose them."""
    here, other = patient_here(session, public_id), patient_here(session, request.form.get("other", ""))
    keep = request.form.get("keep", public_id)
    if keep not in {here.public_id, other.public_id}:
        abort(400)
    return (here, other) if keep == here.public_id else (other, here)


def _page(session: Session, patient: Patient, errors: Errors | None = None, found: str | None = None) -> str:
    now = context.now()
    rows = merging.candidates(session, patient)
    if found:
        people = reviewing_lists.find(session, [patient.site_id], found, now)
        ids = list(dict.fromkeys(one.patient_public_id for one in people))[:MOST_FOUND]
        rows = [row for row in (patient_here(session, one) for one in ids) if row.id != patient.id]
    return render_template(
        "coordinator/merge.html",
        who=queueing.who(session, patient, now),
        people=[queueing.who(session, row, now) for row in rows],
        searched=found,
        preview=None,
        errors=errors or [],
        wrong=dict(errors or []),
        tabs=tabs(patient.public_id),
        section="clinician.patients",
    )


def _preview(session: Session, keep: Patient, drop: Patient, errors: Errors | None = None) -> str:
    now = context.now()
    return render_template(
        "coordinator/merge.html",
        who=queueing.who(session, keep, now),
        other=queueing.who(session, drop, now),
        people=[],
        searched=None,
        preview=merging.preview(session, keep, drop),
        labels=_labels(),
        kinds=_kinds(),
        errors=errors or [],
        wrong=dict(errors or []),
        tabs=tabs(keep.public_id),
        section="clinician.patients",
    )


def _labels() -> dict[str, str]:
    return {
        "record_number": _("Record number"),
        "name": _("Name"),
        "phone": _("Mobile phone"),
        "birth_year": _("Year of birth"),
        "sex": _("Sex"),
        "language": _("Language"),
        "time_zone": _("Time zone"),
    }


def _kinds() -> dict[str, str]:
    return {
        "episodes": _("Procedures"),
        "answers": _("Answers"),
        "messages": _("Texts to them"),
        "inbound": _("Texts from them"),
        "consents": _("Consents"),
        "events": _("Events"),
        "treatments": _("Treatments"),
        "tasks": _("Tasks"),
    }
