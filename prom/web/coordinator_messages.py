"""The texts to and from one patient as a thread: each with its status and reason, and a text in one's own words."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.domain import timetable, wording
from prom.services import contacting, conversing, queueing
from prom.services.queueing import Card
from prom.storage import desk, inbound, messages
from prom.storage.models import Answer, Inbound, InboundState, Message, MessageState, Patient, Site
from prom.web import context, coordinator_states, guards
from prom.web.coordinator_blueprint import Errors, blueprint, note_read, patient_here, staff_id, tabs
from prom.web.coordinator_blueprint import translated as _
from prom.web.coordinator_states import State

WAITING = frozenset({MessageState.PENDING, MessageState.CLAIMED})


# Older texts are folded away: the last ones are what somebody opens the page for.
SHOWN = 30


@dataclass(frozen=True, slots=True)
class Bubble:
    """One text of the thread; `card` is the open task about it, with its one-tap proposals."""

    at: datetime
    side: str
    text: str
    written: bool
    state: State
    language: str = ""
    segments: int | None = None
    card: Card | None = None


@blueprint.get("/patients/<public_id>/messages", endpoint="messages")
@guards.needs(guards.Permission.PATIENTS)
def thread(public_id: str) -> ResponseReturnValue:
    """Show the thread of one patient, the latest at the end."""
    with context.reading() as session:
        page = _page(session, patient_here(session, public_id))
    note_read(public_id, "messages")
    return page


def _page(
    session: Session,
    patient: Patient,
    errors: Errors | None = None,
    draft: contacting.Draft | None = None,
    typed: str | None = None,
) -> str:
    now = context.now()
    sent = desk.messages_of(session, patient.id)
    ahead = [row for row in sent if row.state in WAITING and row.send_at > now]
    past = [row for row in sent if _belongs(row, now)]
    bubbles = sorted([*(_out(session, row, patient) for row in past), *_ins(session, patient, now)], key=_time)
    return render_template(
        "coordinator/messages.html",
        patient=patient,
        who=queueing.who(session, patient, now),
        bubbles=bubbles[-SHOWN:],
        earlier=bubbles[:-SHOWN],
        ahead=len(ahead),
        following=_out(session, min(ahead, key=lambda row: row.send_at), patient) if ahead else None,
        reach=contacting.reach(session, patient, now),
        left=sum(row.sending_at is not None for row in sent),
        used=sum(row.segments or 0 for row in sent if row.sending_at is not None),
        draft=draft,
        once=secrets.token_hex(8),
        typed=request.form.get("text", "") if typed is None else typed,
        site=session.get_one(Site, patient.site_id),
        templates=contacting.templates(session, patient),
        waits_until=_waits_until(patient, bubbles, now) if draft is not None else None,
        language=wording.language(patient.language).name,
        tabs=tabs(patient.public_id),
        states=coordinator_states,
        errors=errors or [],
        wrong=dict(errors or []),
        now=now,
        section="clinician.patients",
    )


def _waits_until(patient: Patient, bubbles: list[Bubble], now: datetime) -> datetime | None:
    """Return when a text written now leaves if not at once: at night it waits, unless it answers theirs."""
    theirs = [one.at for one in bubbles if one.side == "in"]
    if theirs and now - max(theirs) < conversing.ANSWER_WITHIN:
        return None
    opens = timetable.next_opening(now, patient.time_zone, timetable.TextKind.PROMPT)
    return opens if opens > now else None


def _time(bubble: Bubble) -> datetime:
    return bubble.at


def _belongs(row: Message, now: datetime) -> bool:
    """Tell whether a text is part of the past: it left, or its time came and it did not."""
    if row.sending_at is not None:
        return True
    return row.send_at <= now or (row.state not in WAITING and row.due_at <= now)


def _out(session: Session, row: Message, patient: Patient) -> Bubble:
    body = messages.body(session, row)
    if not body and row.text_key == "free":
        body = str(messages.variables(session, row).get("text", ""))
    return Bubble(
        at=row.sending_at or max(row.due_at, row.created_at),
        side="out",
        text=body or coordinator_states.text_name(row),
        written=bool(body),
        state=coordinator_states.text_state(row, patient.time_zone),
        language=patient.language if body else "",
        segments=row.segments,
    )


def _ins(session: Session, patient: Patient, now: datetime) -> list[Bubble]:
    rows = inbound.of_patient(session, patient.id)
    recorded = desk.answers_from(session, [row.id for row in rows])
    open_tasks = {task.inbound_id: task for task in desk.open_about(session, [row.id for row in rows])}
    return [
        Bubble(
            at=row.received_at,
            side="in",
            text=inbound.body(session, row) + (f"\n[{_('picture')}]" * row.num_media),
            written=True,
            state=_in_state(row, recorded.get(row.id, [])),
            card=queueing.card(session, open_tasks[row.id], staff_id(), now) if row.id in open_tasks else None,
        )
        for row in rows
    ]


def _in_state(row: Inbound, recorded: list[Answer]) -> State:
    if recorded:
        values = " ".join("X" if one.value is None else str(one.value) for one in recorded)
        return State(_("recorded: %(values)s", values=values), "good")
    if row.state is InboundState.PEOPLE:
        return State(_("for people to read"), "amber")
    if row.state is InboundState.UNREAD:
        return State(_("not read yet"), "amber")
    known = {
        "score": _("a score that no longer counts, or for a question that was not open"),
        "ask_again": _("not clear: asked again"),
        "opt_out": _("stopped texts"),
        "opt_in": _("opened texts again"),
        "help": _("asked for help"),
        "pause": _("asked for a pause"),
        "later": _("asked to be asked later"),
        "ignore": _("nothing to do"),
        "human_review": _("read by a person"),
        "red_flag": _("possible emergency"),
    }
    return State(known.get(row.outcome, _("read")), "alert" if row.outcome == "red_flag" else "quiet")


@blueprint.post("/patients/<public_id>/messages")
@guards.needs(guards.Permission.PATIENTS)
def send(public_id: str) -> ResponseReturnValue:
    """Show what a text would look like and cost; with the second button, queue it."""
    typed = request.form.get("text", "")
    chosen = request.form.get("template", "")
    try:
        if request.form.get("send") == "1":
            with context.writing() as session:
                patient = patient_here(session, public_id)
                once = request.form.get("once", "")[:32]
                added = contacting.send_free(session, patient, typed, once, context.actor(), context.now())
            flash(_("The text is on its way.") if added is not None else _("This text was sent already."))
            return redirect(url_for("coordinator.messages", public_id=public_id), 303)
        with context.reading() as session:
            patient = patient_here(session, public_id)
            typed = contacting.templates(session, patient).get(chosen, typed)
            return _page(session, patient, draft=contacting.draft(session, patient, typed), typed=typed)
    except contacting.ContactError as error:
        with context.reading() as session:
            return _page(session, patient_here(session, public_id), [("text", str(error))]), 422
