"""What happened to one patient and everything that is theirs: the audit rows in words, the newest first."""

from datetime import datetime
from typing import NamedTuple

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.services import queueing
from prom.storage import staff, trail
from prom.storage.models import Audit, Patient
from prom.web import context, filters, guards
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
    if before and not (before.isascii() and before.isdigit() and len(before) < 15):
        abort(404)
    with context.reading() as session:
        patient = patient_here(session, public_id)
        rows = trail.of_patient(
            session, patient, before=int(before) if before else None, reads=reads, limit=ROWS_A_PAGE + 1
        )
        page = render_template(
            "coordinator/history.html",
            who=queueing.who(session, patient, context.now()),
            lines=_lines(session, patient, rows[:ROWS_A_PAGE]),
            older=_older(public_id, rows, reads=reads),
            first=url_for("coordinator.history", public_id=public_id, reads=1 if reads else None) if before else None,
            reads=reads,
            tabs=tabs(public_id),
            section="clinician.patients",
        )
    note_read(public_id, "history")
    return page


def _older(public_id: str, rows: list[Audit], *, reads: bool) -> str | None:
    if len(rows) <= ROWS_A_PAGE:
        return None
    last = rows[ROWS_A_PAGE - 1].id
    return url_for("coordinator.history", public_id=public_id, before=last, reads=1 if reads else None)


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
