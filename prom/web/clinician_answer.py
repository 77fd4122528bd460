"""One answer with its history, and striking it out with a reason."""

from typing import NamedTuple

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.services import answering, reviewing
from prom.services.reviewing_views import AnswerLine, PatientView
from prom.storage import answers, audit, episodes, patients, staff
from prom.storage.models import AnswerState, Audit, Patient
from prom.web import clinician_words, context, guards
from prom.web.clinician_blueprint import blueprint, not_here, note_read
from prom.web.clinician_blueprint import translated as _

LONGEST_REASON = 120


class Line(NamedTuple):
    """One line of an answer's history."""

    entry: Audit
    who: str
    old: str
    new: str


@blueprint.get("/patients/<public_id>/answers/<answer_id>")
@guards.needs(guards.Permission.PATIENTS)
def answer(public_id: str, answer_id: str) -> ResponseReturnValue:
    """Show one answer and what became of it."""
    with context.reading() as session:
        page = _page(session, public_id, answer_id)
    note_read(public_id, "answer")
    return page


def _page(session: Session, public_id: str, answer_id: str, reason: str = "", error: str = "") -> str:
    seen, line = _seen(session, public_id, answer_id)
    patient = patients.by_public_id(session, public_id, context.my_site_ids(session))
    assert patient is not None
    return render_template(
        "clinician/answer.html",
        seen=seen,
        line=line,
        words=clinician_words,
        history=_history(session, patient, line),
        reason=reason,
        error=error,
        longest=LONGEST_REASON,
        section="clinician.patients",
    )


def _seen(session: Session, public_id: str, answer_id: str) -> tuple[PatientView, AnswerLine]:
    """Return a patient's view at the procedure an answer belongs to, and the answer."""
    sites = context.my_site_ids(session)
    patient = patients.by_public_id(session, public_id, sites)
    if patient is None:
        not_here(public_id)
    found = answers.by_public_id(session, answer_id)
    if found is None or found.patient_id != patient.id:
        abort(404)
    episode = episodes.by_ids(session, [found.episode_id])[0]
    seen = reviewing.patient_view(session, episode.public_id, sites, context.now())
    line = next((line for line in seen.answers if line.public_id == answer_id), None) if seen else None
    if seen is None or line is None:
        abort(404)
    return seen, line


def _history(session: Session, patient: Patient, line: AnswerLine) -> list[Line]:
    names = {account.public_id: account.name or account.email for account in staff.everyone(session, None)}
    known = {
        "patient": _("the patient"),
        "clock": _("the system"),
        "command": _("the command line"),
        "gateway": _("the text channel"),
    }
    return [
        Line(
            entry,
            names.get(entry.actor, known.get(entry.actor, entry.actor)),
            audit.value(session, patient, entry, entry.old_sealed),
            audit.value(session, patient, entry, entry.new_sealed),
        )
        for entry in audit.history(session, "answer", line.public_id)
    ]


@blueprint.post("/patients/<public_id>/answers/<answer_id>")
@guards.needs(guards.Permission.REVIEW, fresh=True)
def strike(public_id: str, answer_id: str) -> ResponseReturnValue:
    """Take an answer out of the count, with a reason; it stays visible, struck out."""
    reason = request.form.get("reason", "").strip()
    with context.reading() as session:
        seen, _line = _seen(session, public_id, answer_id)
        error = _wrong(reason)
        if error:
            return _page(session, public_id, answer_id, reason, error), 422
    with context.writing() as session:
        row = answers.by_public_id(session, answer_id)
        assert row is not None
        struck = row.state is AnswerState.CURRENT and answering.strike(
            session, row, reason, context.actor(), context.now()
        )
    flash(_("Struck out; the verdict was judged anew.") if struck else _("This answer does not count any more."))
    return redirect(url_for("clinician.patient", public_id=public_id, episode=seen.episode.public_id) + "#answers", 303)


def _wrong(reason: str) -> str:
    if not reason:
        return _("Say why the answer is struck out.")
    if len(reason) > LONGEST_REASON:
        return _("The reason is too long: %(most)s characters at most.", most=LONGEST_REASON)
    return ""
