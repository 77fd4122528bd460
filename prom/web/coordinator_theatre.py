"""The theatre list of the first page: several procedures ticked, then done, moved or cancelled at once.

Done is one tap and can be taken back row by row; another day and a cancellation are shown before they happen.
"""

from datetime import date

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext
from sqlmodel import Session

from prom.services import queueing, theatre
from prom.services.theatre import Result
from prom.storage import episodes
from prom.storage.models import Episode
from prom.web import context, coordinator_forms, coordinator_states, guards
from prom.web.coordinator_blueprint import Errors, blueprint, episode_here
from prom.web.coordinator_blueprint import translated as _

LONGEST_REASON = 120


@blueprint.post("/procedures/many")
@guards.needs(guards.Permission.PATIENTS)
def many() -> ResponseReturnValue:
    """Do one thing to all procedures that are ticked."""
    wanted = list(dict.fromkeys(request.form.getlist("episode")))[: theatre.MOST_AT_ONCE]
    action = request.form.get("action", "")
    if action not in {"done", "move", "cancel"}:
        abort(400)
    if not wanted:
        flash(_("Tick the procedures first."))
        return redirect(url_for("coordinator.todo"), 303)
    if action == "done":
        return _done(wanted)
    return _move(wanted) if action == "move" else _cancel(wanted)


def _chosen(session: Session, wanted: list[str]) -> list[Episode]:
    return [episode_here(session, public_id) for public_id in wanted]


def _done(wanted: list[str]) -> ResponseReturnValue:
    with context.writing() as session:
        result = theatre.mark_done(session, _chosen(session, wanted), context.actor(), context.now())
        words = ngettext("%(num)s procedure is marked done.", "%(num)s procedures are marked done.", result.changed)
        _tell(session, result, words)
    return redirect(url_for("coordinator.todo"), 303)


def _tell(session: Session, result: Result, words: str) -> None:
    """Say how many were changed, and of each that was not, why."""
    if result.changed:
        flash(words)
    for episode, why in result.refused:
        name = queueing.who(session, episodes.patient_of(session, episode), context.now(), episode)
        flash(_("%(name)s: %(why)s", name=name.name or name.record_number, why=why))


def _move(wanted: list[str]) -> ResponseReturnValue:
    try:
        on = coordinator_forms.day(request.form["move_on"]) if request.form.get("move_on") else None
    except coordinator_forms.FormError as error:
        return _page(wanted, "move", None, [("move_on", str(error))]), 422
    if on is None or request.form.get("confirm") != "1":
        return _page(wanted, "move", on, [])
    with context.writing() as session:
        result = theatre.move(session, _chosen(session, wanted), on, context.actor(), context.now())
        words = ngettext("%(num)s procedure is moved.", "%(num)s procedures are moved.", result.changed)
        _tell(session, result, words)
    return redirect(url_for("coordinator.todo"), 303)


def _cancel(wanted: list[str]) -> ResponseReturnValue:
    reason = request.form.get("reason", "").strip()
    if len(reason) > LONGEST_REASON:
        too_long = _("The reason is too long: %(most)s characters at most.", most=LONGEST_REASON)
        return _page(wanted, "cancel", None, [("reason", too_long)]), 422
    if request.form.get("confirm") != "1":
        return _page(wanted, "cancel", None, [])
    with context.writing() as session:
        result = theatre.cancel(session, _chosen(session, wanted), reason, context.actor(), context.now())
        words = ngettext("%(num)s procedure is cancelled.", "%(num)s procedures are cancelled.", result.changed)
        _tell(session, result, words)
    return redirect(url_for("coordinator.todo"), 303)


def _page(wanted: list[str], action: str, on: date | None, errors: Errors) -> str:
    """Show what would happen to each procedure; nothing has changed yet."""
    now = context.now()
    with context.reading() as session:
        rows = _chosen(session, wanted)
        people = {row.id: queueing.who(session, episodes.patient_of(session, row), now, row) for row in rows}
        return render_template(
            "coordinator/many.html",
            rows=rows,
            people=people,
            action=action,
            on=on,
            moves=theatre.preview_move(session, rows, on, now) if on is not None else [],
            errors=errors,
            wrong=dict(errors),
            typed=request.form,
            states=coordinator_states,
            section="coordinator.todo",
        )
