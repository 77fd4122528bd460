"""A patient's schedule: each question with its day, window, state and reason; the procedure and what is noted of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.domain import wording
from prom.services import consenting, contacting, ending, noting, planning, queueing, theatre
from prom.storage import consents, episodes, plans
from prom.storage.models import CoTreatmentKind, Episode, EpisodeState, EventKind, Patient, Prompt
from prom.web import context, coordinator_choices, coordinator_forms, coordinator_states, guards
from prom.web.coordinator_blueprint import Errors, blueprint, episode_here, note_read, patient_here, tabs
from prom.web.coordinator_blueprint import translated as _


@dataclass(frozen=True, slots=True)
class Row:
    """One question of the plan; `last_on` is the last day on which an answer counts."""

    prompt: Prompt
    last_at: datetime
    state: coordinator_states.State
    waits: bool


@blueprint.get("/patients/<public_id>/schedule")
@guards.needs(guards.Permission.PATIENTS)
def schedule(public_id: str) -> ResponseReturnValue:
    """Show the plan of one procedure and what can be changed about it."""
    with context.reading() as session:
        patient = patient_here(session, public_id)
        found = page(session, patient, _chosen(session, patient, request.args.get("episode")))
    note_read(public_id, "schedule")
    return found


def _chosen(session: Session, patient: Patient, wanted: str | None) -> Episode | None:
    if not wanted:
        return None
    episode = episode_here(session, wanted)
    if episode.patient_id != patient.id:
        abort(404)
    return episode


def page(session: Session, patient: Patient, episode: Episode | None, errors: Errors | None = None) -> str:
    """Return the schedule page, with what was typed and what is wrong with it."""
    now = context.now()
    who = queueing.who(session, patient, now, episode)
    shown = who.episode or next(iter(reversed(episodes.of_patient(session, patient.id))), None)
    return render_template(
        "coordinator/schedule.html",
        patient=patient,
        who=who,
        episode=shown,
        every=list(reversed(episodes.of_patient(session, patient.id))),
        rows=_rows(session, shown, now),
        events=noting.events(session, shown) if shown else [],
        treatments=noting.treatments(session, shown) if shown else [],
        reach=contacting.reach(session, patient, now),
        consents=consents.of_patient(session, patient.id),
        texting=consenting.texting(session, patient),
        languages=[(code, wording.language(code).name) for code in wording.LANGUAGES],
        tabs=tabs(patient.public_id),
        choices=coordinator_choices,
        states=coordinator_states,
        at_input=coordinator_forms.local_input,
        baseline_page=_baseline_page(patient, shown),
        errors=errors or [],
        wrong=dict(errors or []),
        typed=request.form,
        now=now,
        section="clinician.patients",
    )


def _baseline_page(patient: Patient, episode: Episode | None) -> str:
    """Return where the baseline of a planned procedure is asked, or nothing."""
    there = "baseline.page" in current_app.view_functions
    if not there or episode is None or episode.state is not EpisodeState.PLANNED:
        return ""
    return url_for("baseline.page", public_id=patient.public_id, episode_id=episode.public_id)


def _rows(session: Session, episode: Episode | None, now: datetime) -> list[Row]:
    if episode is None:
        return []
    return [
        Row(
            prompt,
            prompt.closes_at - timedelta(seconds=1),
            coordinator_states.prompt_state(prompt, now),
            waits=episode.state is EpisodeState.PLANNED and prompt.due_at > episode.procedure_at,
        )
        for prompt in plans.prompts(session, episode.id)
    ]


def _refused(public_id: str, errors: Errors) -> ResponseReturnValue:
    with context.reading() as session:
        episode = episode_here(session, public_id)
        return page(session, episodes.patient_of(session, episode), episode, errors), 422


def _back(session: Session, episode: Episode) -> ResponseReturnValue:
    """Go back to where the button was: the queue, or the schedule."""
    if request.form.get("back") == "todo":
        return redirect(url_for("coordinator.todo"), 303)
    patient = episodes.patient_of(session, episode)
    return redirect(url_for("coordinator.schedule", public_id=patient.public_id, episode=episode.public_id), 303)


@blueprint.post("/procedures/<public_id>/done")
@guards.needs(guards.Permission.PATIENTS)
def done(public_id: str) -> ResponseReturnValue:
    """Say that a procedure took place: as planned with one tap, or at another time."""
    try:
        with context.writing() as session:
            episode = episode_here(session, public_id)
            back = _back(session, episode)
            zone, now = episodes.patient_of(session, episode).time_zone, context.now()
            typed = request.form.get("done_at", "")
            at = coordinator_forms.instant(typed, zone) if typed else min(episode.procedure_at, now)
            theatre.check_date(session, episode, at, now)
            planning.mark_done(session, episode, at, context.actor(), now)
    except (planning.PlanningError, coordinator_forms.FormError) as error:
        if request.form.get("back") == "todo":
            flash(sentence(error))
            return redirect(url_for("coordinator.todo"), 303)
        return _refused(public_id, [("done_at", sentence(error))])
    flash(_("Done: the questions after the procedure have started."))
    return back


def sentence(error: Exception) -> str:
    """Return what a service says is wrong, as a sentence of its own."""
    words = str(error)
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "?", "!")) else ".")


@blueprint.post("/procedures/<public_id>/move")
@guards.needs(guards.Permission.PATIENTS)
def move(public_id: str) -> ResponseReturnValue:
    """Show what another date would do, and move the procedure once that is confirmed."""
    try:
        if request.form.get("confirm") == "1":
            with context.writing() as session:
                episode = episode_here(session, public_id)
                planning.move(session, episode, _new_date(session, episode), context.actor(), context.now())
                back = _back(session, episode)
            flash(_("Moved. What was not sent is planned anew."))
            return back
        with context.reading() as session:
            return _preview(session, episode_here(session, public_id))
    except (planning.PlanningError, coordinator_forms.FormError) as error:
        return _refused(public_id, [("move_at", sentence(error))])


def _new_date(session: Session, episode: Episode) -> datetime:
    now = context.now()
    at = coordinator_forms.instant(request.form.get("move_at", ""), episodes.patient_of(session, episode).time_zone)
    theatre.check_move(session, episode, at, now)
    return at


def _preview(session: Session, episode: Episode) -> str:
    patient, now = episodes.patient_of(session, episode), context.now()
    at = _new_date(session, episode)
    return render_template(
        "coordinator/move.html",
        who=queueing.who(session, patient, now, episode),
        episode=episode,
        at=at,
        typed_at=request.form["move_at"],
        preview=planning.preview_move(session, episode, at, now),
        tabs=tabs(patient.public_id),
        states=coordinator_states,
        section="clinician.patients",
    )


@blueprint.post("/procedures/<public_id>/cancel")
@guards.needs(guards.Permission.PATIENTS)
def cancel(public_id: str) -> ResponseReturnValue:
    """Cancel a planned procedure: its plan ends."""
    reason = request.form.get("reason", "").strip()
    if len(reason) > 120:
        return _refused(public_id, [("reason", _("The reason is too long: 120 characters at most."))])
    try:
        with context.writing() as session:
            episode = episode_here(session, public_id)
            planning.cancel(session, episode, context.actor(), context.now(), reason)
            back = _back(session, episode)
    except planning.PlanningError as error:
        return _refused(public_id, [("reason", sentence(error))])
    flash(_("Cancelled: no question of this procedure is sent any more."))
    return back


@blueprint.post("/procedures/<public_id>/reopen")
@guards.needs(guards.Permission.PATIENTS)
def reopen(public_id: str) -> ResponseReturnValue:
    """Take back a cancellation, or "done" marked by mistake."""
    try:
        with context.writing() as session:
            episode = episode_here(session, public_id)
            planning.reopen(session, episode, context.actor(), context.now())
            back = _back(session, episode)
    except planning.PlanningError as error:
        return _refused(public_id, [("", sentence(error))])
    flash(_("The procedure is planned again."))
    return back


@blueprint.post("/procedures/<public_id>/event")
@guards.needs(guards.Permission.PATIENTS)
def event(public_id: str) -> ResponseReturnValue:
    """Record what ends or colours the course: a repeat, surgery, an explant, a death, leaving the follow-up."""
    kind, note = request.form.get("event", ""), request.form.get("event_note", "").strip()
    if kind not in set(EventKind):
        return _refused(public_id, [("event", _("Choose what happened."))])
    try:
        on = coordinator_forms.day(request.form.get("event_on", ""))
        with context.writing() as session:
            episode = episode_here(session, public_id)
            fresh = noting.event(session, episode, EventKind(kind), on, note, context.actor(), context.now())
            back = _back(session, episode)
    except (ending.EventError, coordinator_forms.FormError) as error:
        return _refused(public_id, [("event_on", sentence(error))])
    flash(_("Recorded; the verdict was judged anew.") if fresh else _("This was recorded before."))
    return back


@blueprint.post("/procedures/<public_id>/treatment")
@guards.needs(guards.Permission.PATIENTS)
def treatment(public_id: str) -> ResponseReturnValue:
    """Record a treatment that runs beside the procedure."""
    kind, stopped = request.form.get("treatment", ""), request.form.get("stopped_on", "")
    if kind not in set(CoTreatmentKind):
        return _refused(public_id, [("treatment", _("Choose a treatment."))])
    try:
        started_on = coordinator_forms.day(request.form.get("started_on", ""))
        stopped_on = coordinator_forms.day(stopped) if stopped else None
        with context.writing() as session:
            episode = episode_here(session, public_id)
            noting.treatment(
                session,
                episode,
                CoTreatmentKind(kind),
                started_on=started_on,
                stopped_on=stopped_on,
                note=request.form.get("treatment_note", ""),
                actor=context.actor(),
                now=context.now(),
            )
            back = _back(session, episode)
    except (ending.EventError, coordinator_forms.FormError) as error:
        return _refused(public_id, [("started_on", sentence(error))])
    flash(_("Recorded."))
    return back
