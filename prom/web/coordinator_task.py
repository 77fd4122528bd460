"""One task of the queue: its page with the call script, and everything one tap or a small form does to it."""

from dataclasses import dataclass, field

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.domain import instruments, wording
from prom.domain.instruments import Scale
from prom.services import attending, contacting, entering, escalating, questionnaires, queueing, reviewing_lists
from prom.services.answering import Value
from prom.services.queueing import Card
from prom.storage import patients, plans
from prom.storage.models import Episode, Patient, Prompt, PromptState, Site, Task, TaskKind
from prom.web import context, coordinator_forms, coordinator_states, coordinator_words, guards
from prom.web.coordinator_blueprint import Errors, blueprint, note_read, patient_here, staff_id, task_here
from prom.web.coordinator_blueprint import translated as _

LONGEST_SEARCH = 80
RED_FLAG = "red_flag_"
CALLS = frozenset({TaskKind.CALL, TaskKind.CHASE})


@dataclass(slots=True)
class Asking:
    """One question of the call script: its words in the patient's language, and the field for the answer."""

    key: str
    field: str
    words: str
    scale: Scale
    typed: str = ""


@dataclass(slots=True)
class Script:
    """What to ask on the phone, and what was typed so far."""

    prompt: Prompt | None = None
    language: str = ""
    asking: list[Asking] = field(default_factory=list)


@blueprint.get("/tasks/<public_id>")
@guards.needs(guards.Permission.QUEUE)
def task(public_id: str) -> ResponseReturnValue:
    """Show one task with all that is needed to settle it."""
    with context.reading() as session:
        row = task_here(session, public_id)
        page = _page(session, row)
        read = session.get_one(Patient, row.patient_id).public_id if row.patient_id else None
    if read is not None:
        note_read(read, "task")
    return page


def _page(session: Session, row: Task, errors: Errors | None = None, found: object = None) -> str:
    card = queueing.card(session, row, staff_id(), context.now())
    return render_template(
        "coordinator/task.html",
        card=card,
        task=row,
        reason=coordinator_words.reason(row.reason),
        why=coordinator_words.why(card),
        kind=coordinator_words.kinds()[row.kind],
        tone=coordinator_words.TONES[row.kind],
        script=_script(session, card),
        words=coordinator_words,
        states=coordinator_states,
        outcomes=coordinator_words.outcomes(urgent=row.urgent),
        errors=errors or [],
        wrong=dict(errors or []),
        typed=request.form,
        found=found,
        now=context.now(),
        section="coordinator.todo",
    )


def _script(session: Session, card: Card) -> Script:
    """Return the questions to ask now, in the patient's language: those of the prompt that have no answer."""
    prompt = card.asked.prompt if card.asked is not None else card.target.prompt if card.target is not None else None
    if prompt is None or prompt.state is PromptState.CANCELLED or card.task.reason.startswith(RED_FLAG):
        # In a possible emergency nobody is asked for a score.
        return Script()
    patient, episode = session.get_one(Patient, prompt.patient_id), session.get_one(Episode, prompt.episode_id)
    own = questionnaires.own_texts(session, prompt.site_id)
    place = wording.place_key(episode.target, episode.side)
    asking = [
        Asking(
            key,
            f"q_{key}",
            wording.ask(key, patient.language, own, place=place),
            instruments.question(key).scale,
            request.form.get(f"q_{key}", ""),
        )
        for key in entering.unanswered(session, prompt)
    ]
    return Script(prompt, patient.language, asking)


def _back(public_id: str | None = None) -> ResponseReturnValue:
    if public_id is not None:
        return redirect(url_for("coordinator.task", public_id=public_id), 303)
    return redirect(url_for("coordinator.todo"), 303)


def _refused(public_id: str, errors: Errors) -> ResponseReturnValue:
    """Show the task again with what is wrong; what was typed is kept."""
    with context.reading() as session:
        return _page(session, task_here(session, public_id), errors), 422


@blueprint.post("/tasks/<public_id>/claim")
@guards.needs(guards.Permission.QUEUE)
def claim(public_id: str) -> ResponseReturnValue:
    """Take a task, so that others see that somebody is on it, and open its page."""
    with context.writing() as session:
        row = task_here(session, public_id)
        over = request.form.get("over") == "1"
        if not attending.claim(session, row, context.actor(), context.now(), over=over):
            flash(_("Somebody else is on it, or it is done."))
    stay = request.form.get("stay") == "1"
    return _back(None if stay else public_id)


@blueprint.post("/tasks/<public_id>/escalate")
@guards.needs(guards.Permission.QUEUE)
def escalate(public_id: str) -> ResponseReturnValue:
    """Pass a task to a physician now, without waiting for the clock to do it."""
    with context.writing() as session:
        row = task_here(session, public_id)
        done = attending.escalate(session, row, context.actor(), context.now())
        if done:
            escalating.tell(session, session.get_one(Site, row.site_id), row, context.now())
    flash(_("It is passed to a physician.") if done else _("It was passed on before, or is closed."))
    return _back(public_id)


@blueprint.post("/tasks/<public_id>/close")
@guards.needs(guards.Permission.QUEUE)
def close(public_id: str) -> ResponseReturnValue:
    """Close a task that needs nothing more."""
    with context.writing() as session:
        row = task_here(session, public_id)
        if row.kind in CALLS and attending.held_by_another(row, context.actor(), context.now()):
            flash(_("Somebody else is on it: take it over first."))
            return _back(public_id)
        if row.reason.startswith(RED_FLAG):
            # A possible emergency is closed only with the outcome of a call.
            return _back(public_id)
        outcome = "not_ours" if request.form.get("outcome") == "not_ours" else "done"
        if not attending.close(session, row, outcome, context.actor(), context.now()):
            flash(_("Somebody has closed this in the meantime."))
    return _back()


@blueprint.post("/tasks/<public_id>/undo")
@guards.needs(guards.Permission.QUEUE)
def undo(public_id: str) -> ResponseReturnValue:
    """Open a task again that I closed within the last minute, and take back what I entered with it."""
    with context.writing() as session:
        row = task_here(session, public_id)
        back = attending.undo(session, row, context.actor(), context.now())
    if back is None:
        flash(_("That was more than a minute ago: open the patient's page to change it."))
    else:
        flash(_("It is back in the queue."))
    return _back()


@blueprint.post("/tasks/<public_id>/answer")
@guards.needs(guards.Permission.QUEUE)
def answer(public_id: str) -> ResponseReturnValue:
    """Record what somebody read out of a text: a one-tap proposal, or another number typed on the task's page."""
    prompt_id, question, typed = _answer_given()
    try:
        with context.writing() as session:
            row = task_here(session, public_id)
            _record_reply(session, row, prompt_id, question, entering.value_of(question, typed, "value"))
    except entering.EntryError as error:
        return _refused(public_id, [(error.field, str(error))])
    return _back()


def _answer_given() -> tuple[str, str, str]:
    """Return prompt, question and number: from one button, whose value names all three, or from the form's fields."""
    prompt_id, _colon, rest = request.form.get("answer", "").partition(":")
    question, _equals, typed = rest.partition("=")
    if "value" in request.form:
        typed = request.form["value"]
    if question not in instruments.QUESTIONS:
        abort(400)
    return prompt_id, question, typed


def _record_reply(session: Session, row: Task, prompt_id: str, question: str, value: Value) -> None:
    aim = entering.target(session, row) if row.inbound_id is not None and row.patient_id is not None else None
    if row.done_at is not None:
        flash(_("Somebody has closed this in the meantime."))
        return
    if aim is None or (aim.prompt.public_id, aim.question) != (prompt_id, question):
        # The patient has answered on the page while this one was open.
        flash(_("Another answer came in meanwhile: nothing was recorded. Look at it again."))
        return
    done = entering.read_reply(session, row, aim, value, context.actor(), context.now())
    if row.reason.startswith(RED_FLAG):
        flash(_("Recorded. The call is still to be made."))
        return
    attending.close(session, row, "recorded" if done.counted else "kept_beside", context.actor(), context.now())
    if not done.counted:
        flash(_("Another answer came in first and stays in force; this one is kept beside it."))


@blueprint.post("/tasks/<public_id>/call")
@guards.needs(guards.Permission.QUEUE)
def call(public_id: str) -> ResponseReturnValue:
    """Store what a call came to: the answers told on the phone, a note, and whether to try again."""
    outcome, note = request.form.get("outcome", ""), request.form.get("note", "")
    errors = coordinator_forms.call_errors(outcome, note)
    try:
        values = coordinator_forms.told(request.form)
    except entering.EntryError as error:
        errors.append((error.field, str(error)))
    if not errors and values and outcome != "reached":
        errors.append(("outcome", _("Answers were entered: choose Reached.")))
    if errors:
        return _refused(public_id, errors)
    try:
        with context.writing() as session:
            row = task_here(session, public_id)
            _check_mine(session, row)
            _called(session, row, outcome, note, values)
    except (attending.TaskError, coordinator_forms.FormError) as error:
        return _refused(public_id, [("call_at", str(error))])
    return _back()


def _check_mine(session: Session, row: Task) -> None:
    """Raise TaskError when somebody else is on a call: two people never make the same one."""
    if not attending.held_by_another(row, context.actor(), context.now()):
        return
    card = queueing.card(session, row, staff_id(), context.now())
    at = coordinator_states.time_of(row.claimed_at, card.zone) if row.claimed_at is not None else ""
    raise attending.TaskError(_("%(who)s is on it since %(at)s. Take it over first.", who=card.holder, at=at))


def _called(session: Session, row: Task, outcome: str, note: str, values: dict[str, Value]) -> None:
    actor, now = context.actor(), context.now()
    if outcome in {"no_answer", "call_back"}:
        zone = queueing.card(session, row, staff_id(), now).zone
        until = coordinator_forms.instant(request.form.get("call_at", ""), zone) if outcome == "call_back" else None
        at = attending.put_off(session, row, until, outcome, actor, now, note)
        when = f"{coordinator_states.day_of(at, zone)}, {coordinator_states.time_of(at, zone)}"
        flash(_("It comes back on %(at)s.", at=when))
        return
    # Closed first and by this person: an answer would close the call item by itself, with nobody to take it back.
    if not attending.close(session, row, outcome, actor, now, note=note):
        flash(_("Somebody has closed this in the meantime."))
    if outcome == attending.WRONG_NUMBER:
        attending.wrong_number(session, row, actor, now)
    _store_told(session, row, values)


def _store_told(session: Session, row: Task, values: dict[str, Value]) -> None:
    if not values:
        return
    prompt = next(iter(plans.prompts_by_ids(session, [row.prompt_id] if row.prompt_id is not None else [])), None)
    aim = entering.target(session, row) if prompt is None else None
    prompt = prompt or (aim.prompt if aim is not None else None)
    if prompt is None:
        abort(400)
    entering.by_phone(
        session,
        prompt,
        {key: value for key, value in values.items() if key in prompt.questions.split()},
        context.actor(),
        context.now(),
        rule=entering.rule_of(row),
        proxy=request.form.get("proxy") == "y",
    )


@blueprint.post("/tasks/<public_id>/number")
@guards.needs(guards.Permission.ENROL)
def number(public_id: str) -> ResponseReturnValue:
    """Give the patient of a task another number, and text the open question to it."""
    try:
        with context.writing() as session:
            row = task_here(session, public_id)
            if row.patient_id is None:
                abort(400)
            patient = session.get_one(Patient, row.patient_id)
            contacting.change_number(session, patient, request.form.get("phone", ""), context.actor(), context.now())
            sent = request.form.get("resend") == "y" and _resent(session, row)
            attending.close(session, row, "number_changed", context.actor(), context.now())
    except contacting.ContactError as error:
        return _refused(public_id, [("phone", str(error))])
    flash(_("The number is changed and the question is on its way.") if sent else _("The number is changed."))
    return _back()


def _resent(session: Session, row: Task) -> bool:
    prompt = next(iter(plans.prompts_by_ids(session, [row.prompt_id] if row.prompt_id is not None else [])), None)
    if prompt is None:
        return False
    try:
        contacting.resend(session, prompt, context.actor(), context.now())
    except contacting.ContactError:
        return False
    return True


@blueprint.post("/tasks/<public_id>/resend")
@guards.needs(guards.Permission.QUEUE)
def resend(public_id: str) -> ResponseReturnValue:
    """Text the open question of a task's prompt once more."""
    try:
        with context.writing() as session:
            row = task_here(session, public_id)
            prompts = plans.prompts_by_ids(session, [row.prompt_id] if row.prompt_id is not None else [])
            if not prompts:
                abort(400)
            contacting.resend(session, prompts[0], context.actor(), context.now())
            attending.close(session, row, "sent_again", context.actor(), context.now())
    except contacting.ContactError as error:
        return _refused(public_id, [("", str(error))])
    flash(_("The question is on its way."))
    return _back()


@blueprint.post("/tasks/<public_id>/find")
@guards.needs(guards.Permission.QUEUE)
def find(public_id: str) -> ResponseReturnValue:
    """Look for the patient whose text it is. A name never stands in an address, so this is a form."""
    text = request.form.get("text", "").strip()[:LONGEST_SEARCH]
    with context.reading() as session:
        row = task_here(session, public_id)
        rows = reviewing_lists.find(session, [row.site_id], text, context.now())
        people = list({one.patient_public_id: one for one in rows}.values())
        return _page(session, row, found=people)


@blueprint.post("/tasks/<public_id>/assign")
@guards.needs(guards.Permission.QUEUE)
def assign(public_id: str) -> ResponseReturnValue:
    """Say whose text it is, and go on with the task as theirs."""
    try:
        with context.writing() as session:
            row = task_here(session, public_id)
            patient = patient_here(session, request.form.get("patient", ""))
            attending.assign(session, row, patient, context.actor(), context.now())
            flash(_("The text belongs to %(name)s now.", name=patients.name(session, patient) or _("this patient")))
    except attending.TaskError as error:
        return _refused(public_id, [("text", str(error))])
    return _back(public_id)
