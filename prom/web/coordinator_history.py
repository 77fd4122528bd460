"""What happened to one patient and everything that is theirs: the audit rows in words, the newest first."""

from datetime import datetime
from typing import NamedTuple

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.services import queueing
from prom.storage import inbound, staff, trail
from prom.storage.models import Audit, Patient, Prompt
from prom.web import context, coordinator_states, filters, guards
from prom.web.coordinator_blueprint import blueprint, clock, note_read, patient_here, phone_words, tabs
from prom.web.coordinator_blueprint import translated as _

ROWS_A_PAGE = 100


class Line(NamedTuple):
    """One change: who, what, from which value to which."""

    entry: Audit
    who: str
    what: str
    object: str
    old: str
    new: str
    field: str
    reason: str


@blueprint.get("/patients/<public_id>/history")
@guards.needs(guards.Permission.PATIENTS)
def history(public_id: str) -> ResponseReturnValue:
    """Show the history of a patient, a page at a time; with `reads` also who looked."""
    before, reads = request.args.get("before", ""), request.args.get("reads") == "1"
    field, question = request.args.get("field", ""), request.args.get("question", "")
    if before and not (before.isascii() and before.isdigit() and len(before) < 15):
        abort(404)
    if field and field not in fields():
        abort(404)
    with context.reading() as session:
        patient = patient_here(session, public_id)
        prompt = _question(session, patient, question) if question else None
        if prompt is not None:
            rows = trail.of_prompt(session, prompt, ROWS_A_PAGE)
        else:
            start = int(before) if before else None
            rows = trail.of_patient(session, patient, before=start, reads=reads, field=field, limit=ROWS_A_PAGE + 1)
        page = render_template(
            "coordinator/history.html",
            who=queueing.who(session, patient, context.now()),
            lines=_lines(session, patient, rows[:ROWS_A_PAGE]),
            older=_older(public_id, rows, reads=reads, field=field),
            about=_about(prompt, field),
            first=url_for("coordinator.history", public_id=public_id, reads=1 if reads else None) if before else None,
            reads=reads,
            tabs=tabs(public_id),
            section="clinician.patients",
        )
    note_read(public_id, "history")
    return page


def fields() -> dict[str, str]:
    """Return the fields whose own history can be asked for, in words."""
    return {
        "phone": _("The number"),
        "language": _("The language"),
        "time_zone": _("The time zone"),
        "paused_until": _("Pauses"),
        "procedure_at": _("The date of the procedure"),
        "consent": _("Consents"),
        "event": _("Events"),
        "answer": _("Answers"),
        "plan": _("The plan"),
    }


def _about(prompt: Prompt | None, field: str) -> str:
    """Return what the history is narrowed to, in words, or nothing."""
    if prompt is not None:
        return _("The question of %(point)s", point=coordinator_states.time_point(prompt.time_point))
    return fields().get(field, "")


def _question(session: Session, patient: Patient, public_id: str) -> Prompt:
    """Return a question of the patient, or answer 404."""
    prompt = inbound.prompt_by_public_id(session, public_id)
    if prompt is None or prompt.patient_id != patient.id:
        abort(404)
    return prompt


def _older(public_id: str, rows: list[Audit], *, reads: bool, field: str) -> str | None:
    if len(rows) <= ROWS_A_PAGE:
        return None
    last = rows[ROWS_A_PAGE - 1].id
    with_reads = 1 if reads else None
    return url_for("coordinator.history", public_id=public_id, before=last, reads=with_reads, field=field or None)


def _lines(session: Session, patient: Patient, rows: list[Audit]) -> list[Line]:
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
            entry.action.replace("_", " "),
            _objects().get(entry.object_kind, entry.object_kind),
            *_values(session, patient, entry),
            _field(entry.field),
            # How the parser came to a reading is for the audit page.
            entry.reason.partition(":")[0].replace("_", " "),
        )
        for entry in rows
    ]


def _values(session: Session, patient: Patient, entry: Audit) -> tuple[str, str]:
    """Return the old and the new value as people read them; the old one only where it was another."""
    old, new = (
        _shown(entry, trail.value(session, patient, entry, sealed), patient.time_zone)
        for sealed in (entry.old_sealed, entry.new_sealed)
    )
    return ("" if old == new else old), new


def _shown(entry: Audit, value: str, zone: str) -> str:
    if entry.field == "phone":
        return phone_words(value)
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value.replace("_", " ") if entry.field != "note" else value
    return f"{filters.local_day(at, zone)}, {clock(at, zone)}" if at.tzinfo is not None else value


def _field(name: str) -> str:
    instrument, _space, item = name.partition(" ")
    known = {
        "nrs": _("pain"),
        "pgic": _("impression of change"),
        "relief_percent": _("percent relief"),
        "csi_total": _("CSI total"),
    }
    if instrument == "csi":
        return _("CSI item %(number)s", number=item)
    return known.get(instrument, name.replace("_", " "))


def _objects() -> dict[str, str]:
    return {
        "patient": _("Patient"),
        "episode": _("Procedure"),
        "prompt": _("Question"),
        "answer": _("Answer"),
        "message": _("Text sent"),
        "inbound": _("Text received"),
        "consent": _("Consent"),
        "event": _("Event"),
        "cotreatment": _("Treatment"),
        "alert": _("Alert"),
        "task": _("Task"),
    }
