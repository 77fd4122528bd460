"""One patient: verdict first, the course, everything behind it, the review of a loss, and the one-page letter."""

from dataclasses import dataclass
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.charts import letter as letter_chart
from prom.domain import relief
from prom.services import reviewing
from prom.services.reviewing_views import PatientView
from prom.web import clinician_charts, clinician_verdict, clinician_words, context, guards
from prom.web.clinician_blueprint import blueprint, may_open, not_here, note_read
from prom.web.clinician_blueprint import translated as _

LONGEST_NOTE = 2000
THREAD = "coordinator.messages"
Errors = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed into the review form; kept when it is shown again."""

    alert: str = ""
    considered: tuple[str, ...] = ()
    cause: str = ""
    note: str = ""

    @classmethod
    def from_form(cls) -> "Typed":
        """Return what this request's form holds."""
        form = request.form
        return cls(
            alert=form.get("alert", ""),
            considered=tuple(form.getlist("considered")),
            cause=form.get("cause", ""),
            note=form.get("note", ""),
        )


@blueprint.get("/patients/<public_id>")
@guards.needs(guards.Permission.PATIENTS)
def patient(public_id: str) -> ResponseReturnValue:
    """Show one patient, the latest procedure unless another is chosen."""
    with context.reading() as session:
        seen = _seen(session, public_id, request.args.get("episode"))
        page = _page(seen)
    note_read(seen.public_id, "patient")
    return page


def _seen(session: Session, public_id: str, episode_id: str | None) -> PatientView:
    sites = context.my_site_ids(session)
    seen = reviewing.patient_view(session, episode_id or public_id, sites, context.now())
    if seen is None or public_id not in {seen.public_id, seen.episode.public_id}:
        not_here(public_id)
    return seen


def _page(seen: PatientView, typed: Typed | None = None, errors: Errors | None = None) -> str:
    return render_template(
        "clinician/patient.html",
        seen=seen,
        verdict=clinician_verdict.shown(seen),
        charts=clinician_charts.charts(seen),
        open_alerts=[alert for alert in seen.alerts if alert.open],
        answers=answer_groups(seen),
        questions=clinician_words.unanswered(seen),
        words=clinician_words,
        names=clinician_words.findings(),
        kinds=clinician_words.kinds(),
        causes=clinician_words.causes(),
        typed=typed or Typed(),
        errors=errors or [],
        message_url=_message_url(seen),
        version=relief.DEFINITION_VERSION,
        now=context.now(),
        section="clinician.patients",
    )


def answer_groups(seen: PatientView) -> list[tuple[str, list[Any], bool]]:
    """Return the answers for the table: pain first, the other instruments folded away."""
    pain = [line for line in seen.answers if line.instrument == "nrs"]
    rest = [line for line in seen.answers if line.instrument != "nrs"]
    groups = [(_("Pain"), pain, True), (_("Other questions"), rest, False)]
    return [group for group in groups if group[1]]


def _message_url(seen: PatientView) -> str | None:
    """Return the address of the patient's texts, for those who may write."""
    return url_for(THREAD, public_id=seen.public_id) if may_open(THREAD) else None


@blueprint.post("/patients/<public_id>/review")
@guards.needs(guards.Permission.REVIEW)
def review(public_id: str) -> ResponseReturnValue:
    """Store the conclusion of a review and mark the alert reviewed."""
    typed = Typed.from_form()
    with context.reading() as session:
        seen = _seen(session, public_id, request.form.get("episode") or None)
        wrong = _problem(typed) or _stored(typed, public_id)
        if wrong is not None:
            return _page(seen, typed, [wrong]), 422
    return _reviewed(seen)


def _stored(typed: Typed, public_id: str) -> tuple[str, str] | None:
    """Store a review in a transaction of its own; return what is wrong with it, or None."""
    try:
        with context.writing() as session:
            done = reviewing.review(
                session,
                typed.alert,
                causes=typed.considered,
                cause=typed.cause,
                note=typed.note,
                actor=context.actor(),
                now=context.now(),
                site_ids=context.my_site_ids(session),
                patient_id=public_id,
            )
    except reviewing.ReviewError as error:
        return "alert", str(error)
    if done is None:
        abort(404)
    return None


def _problem(typed: Typed) -> tuple[str, str] | None:
    if len(typed.note) > LONGEST_NOTE:
        return "note", _("The note is too long: %(most)s characters at most.", most=LONGEST_NOTE)
    unknown = {*typed.considered, *filter(None, [typed.cause])} - reviewing.CAUSES.keys()
    return ("cause", _("Choose a conclusion from the list.")) if unknown else None


def _reviewed(seen: PatientView) -> ResponseReturnValue:
    flash(_("Reviewed. It has left the list."))
    if request.form.get("back") == "list":
        return redirect(url_for("clinician.losing_relief"), 303)
    episode = request.form.get("episode") or None
    return redirect(url_for("clinician.patient", public_id=seen.public_id, episode=episode), 303)


@blueprint.get("/patients/<public_id>/print")
@guards.needs(guards.Permission.PATIENTS)
def letter(public_id: str) -> ResponseReturnValue:
    """Show the one-page letter: the browser prints it, no script is needed."""
    with context.reading() as session:
        seen = _seen(session, public_id, request.args.get("episode"))
        site = next(site for site in context.my_sites(session) if site.id == seen.site_id)
        drawn = clinician_charts.trajectory_of(seen)
        page = render_template(
            "clinician/letter.html",
            seen=seen,
            site=site,
            verdict=clinician_verdict.shown(seen, alerts_beside=False),
            chart=clinician_charts.charts(seen).trajectory,
            drawing=letter_chart.drawing(drawn),
            answers=letter_chart.visits(drawn),
            names=clinician_words.findings(),
            causes={cause.key: cause.conclusion for cause in clinician_words.causes()},
            version=relief.DEFINITION_VERSION,
            now=context.now(),
            section="clinician.patients",
        )
    note_read(seen.public_id, "letter")
    return page
