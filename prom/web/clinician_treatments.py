"""Treatments beside one procedure and its events: add, end, correct, take out; each with its history."""

from datetime import date

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.services import co_treatments, ending, noting, reviewing
from prom.services.co_treatments import Lane
from prom.services.reviewing_views import PatientView
from prom.storage import audit, episodes, staff
from prom.storage import co_treatments as rows
from prom.storage.models import CoTreatment, CoTreatmentKind, Episode
from prom.web import clinician_words, context, guards
from prom.web.clinician_blueprint import blueprint, not_here, note_read
from prom.web.clinician_blueprint import translated as _

ADD = "add"


@blueprint.get("/patients/<public_id>/treatments")
@guards.needs(guards.Permission.PATIENTS)
def treatments(public_id: str) -> ResponseReturnValue:
    """Show the treatments beside a procedure as dated lanes, with what may be done to each."""
    with context.reading() as session:
        page = _page(session, _seen(session, public_id, request.args.get("episode")))
    note_read(public_id, "treatments")
    return page


@blueprint.post("/patients/<public_id>/treatments")
@guards.needs(guards.Permission.PATIENTS)
def save_treatment(public_id: str) -> ResponseReturnValue:
    """Add a treatment, or end, correct or take out one."""
    with context.reading() as session:
        seen = _seen(session, public_id, request.form.get("episode"))
    try:
        done = _done(seen)
    except ending.EventError as error:
        place = request.form.get("treatment_id") or ADD
        with context.reading() as session:
            again = _seen(session, public_id, seen.episode.public_id)
            return _page(session, again, (place, clinician_words.sentence(str(error)))), 422
    flash(done)
    return redirect(url_for("clinician.treatments", public_id=seen.public_id, episode=seen.episode.public_id), 303)


def _done(seen: PatientView) -> str:
    """Do what the pressed button says and return the words for it."""
    match request.form.get("do"):
        case "add":
            return _added(seen)
        case "end":
            return _changed(seen, ended=True)
        case "correct":
            return _changed(seen, ended=False)
        case "remove":
            return _removed(seen)
    return abort(400)


def _added(seen: PatientView) -> str:
    with context.writing() as session:
        noting.treatment(
            session,
            _episode(session, seen),
            _kind(),
            started_on=_day("started_on", _("Write the day it started.")),
            stopped_on=_day_or_none("stopped_on"),
            note=request.form.get("note", ""),
            actor=context.actor(),
            now=context.now(),
        )
    return _("Recorded.")


def _changed(seen: PatientView, *, ended: bool) -> str:
    with context.writing() as session:
        row = _row(session, seen)
        if ended:
            on = _day("stopped_on", _("Write the day it ended."))
            changed = co_treatments.end(session, row, on, context.actor(), context.now())
        else:
            start = _day("started_on", _("Write the day it started."))
            lane = Lane(_kind(), start, _day_or_none("stopped_on"))
            reason = request.form.get("reason", "")
            changed = co_treatments.correct(session, row, lane, reason, context.actor(), context.now())
    return _("Recorded.") if changed else _("Nothing was changed.")


def _removed(seen: PatientView) -> str:
    with context.writing() as session:
        row = _row(session, seen)
        co_treatments.remove(session, row, request.form.get("reason", ""), context.actor(), context.now())
    return _("Taken out. The history keeps what it was.")


def _row(session: Session, seen: PatientView) -> CoTreatment:
    row = rows.by_public_id(session, request.form.get("treatment_id", ""), context.my_site_ids(session))
    if row is None or row.public_id not in {lane.public_id for lane in seen.co_treatments}:
        abort(404)
    return row


def _kind() -> CoTreatmentKind:
    kind = request.form.get("kind", "")
    if kind not in set(CoTreatmentKind):
        raise ending.EventError(_("Choose a treatment."))
    return CoTreatmentKind(kind)


def _day(name: str, missing: str) -> date:
    found = _day_or_none(name)
    if found is None:
        raise ending.EventError(missing)
    return found


def _day_or_none(name: str) -> date | None:
    text = request.form.get(name, "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ending.EventError(_("Write a date such as 2026-03-14.")) from None


def _seen(session: Session, public_id: str, episode_id: str | None) -> PatientView:
    sites = context.my_site_ids(session)
    seen = reviewing.patient_view(session, episode_id or public_id, sites, context.now())
    if seen is None or public_id not in {seen.public_id, seen.episode.public_id}:
        not_here(public_id)
    return seen


def _page(session: Session, seen: PatientView, error: tuple[str, str] | None = None) -> str:
    episode = _episode(session, seen)
    patient = episodes.patient_of(session, episode)
    names = {one.public_id: one.name or one.email for one in staff.everyone(session, None)}
    histories = {
        lane.public_id: [
            (
                entry,
                names.get(entry.actor, entry.actor),
                audit.value(session, patient, entry, entry.old_sealed),
                audit.value(session, patient, entry, entry.new_sealed),
            )
            for entry in audit.history(session, "cotreatment", lane.public_id)
        ]
        for lane in seen.co_treatments
    }
    return render_template(
        "clinician/treatments.html",
        seen=seen,
        kinds=clinician_words.treatments(),
        notes={one.row.public_id: one.note for one in noting.treatments(session, episode)},
        histories=histories,
        error=error,
        typed=request.form,
        add=ADD,
        section="clinician.patients",
    )


def _episode(session: Session, seen: PatientView) -> Episode:
    episode = episodes.by_public_id(session, seen.episode.public_id, context.my_site_ids(session))
    if episode is None:
        abort(404)
    return episode
