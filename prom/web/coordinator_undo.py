"""Take back, within a minute, an act that closed no task: whose text it was, or a number that was changed."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from prom.services import attending, contacting, undoing
from prom.web import context, guards
from prom.web.coordinator_blueprint import blueprint
from prom.web.coordinator_blueprint import translated as _


@blueprint.post("/acts/<int:entry_id>/undo")
@guards.needs(guards.Permission.QUEUE)
def undo_act(entry_id: int) -> ResponseReturnValue:
    """Take back an act of mine."""
    try:
        with context.writing() as session:
            sites, now = context.my_site_ids(session), context.now()
            mine = undoing.possible(session, sites, context.actor(), now)
            act = next((one for one in mine if one.entry.id == entry_id), None)
            if act is not None:
                undoing.take_back(session, act, context.actor(), now)
    except (attending.TaskError, contacting.ContactError) as error:
        flash(str(error))
        return redirect(url_for("coordinator.todo"), 303)
    flash(_("It is taken back.") if act is not None else _("That was more than a minute ago."))
    return redirect(url_for("coordinator.todo"), 303)
