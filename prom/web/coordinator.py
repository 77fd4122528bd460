"""The coordinator's first page: today's procedures, then one queue in order of action.

The pages of a task, of enrolment and of one patient are modules of their own on the same blueprint.
"""

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from prom.services import queueing, undoing
from prom.services.queueing import Queue
from prom.storage.models import TaskKind
from prom.web import (
    context,
    coordinator_contact,
    coordinator_enrol,
    coordinator_enrol_list,
    coordinator_history,
    coordinator_merge,
    coordinator_messages,
    coordinator_schedule,
    coordinator_states,
    coordinator_task,
    coordinator_theatre,
    coordinator_undo,
    coordinator_words,
    guards,
)
from prom.web.coordinator_blueprint import blueprint, staff_id
from prom.web.coordinator_blueprint import translated as _

# Importing the other modules puts their pages on the blueprint.
__all__ = [
    "blueprint",
    "coordinator_contact",
    "coordinator_enrol",
    "coordinator_enrol_list",
    "coordinator_history",
    "coordinator_merge",
    "coordinator_messages",
    "coordinator_schedule",
    "coordinator_task",
    "coordinator_theatre",
    "coordinator_undo",
]


@blueprint.get("/todo")
@guards.needs(guards.Permission.QUEUE)
def todo() -> ResponseReturnValue:
    """Show what is to do, in order of action: call, read, fix, chase, stopped."""
    chosen, page = request.args.get("kind", "all"), request.args.get("page", "1")
    if chosen not in {"all", *TaskKind} or not (page.isascii() and page.isdigit() and len(page) < 5):
        abort(404)
    kind = None if chosen == "all" else TaskKind(chosen)
    with context.reading() as session:
        sites = context.my_sites(session)
        ids = [site.id for site in sites]
        seen = queueing.queue(session, sites, staff_id(), context.now(), kind=kind, page=int(page))
        return render_template(
            "coordinator/todo.html",
            seen=seen,
            chips=_chips(seen),
            chosen=chosen,
            newer=_neighbour(seen, chosen, -1),
            older=_neighbour(seen, chosen, 1),
            words=coordinator_words,
            acts=coordinator_words.acts(session, undoing.possible(session, ids, context.actor(), context.now()), seen),
            states=coordinator_states,
            kinds=coordinator_words.kinds(),
            tones=coordinator_words.TONES,
            now=context.now(),
            zone=sites[0].time_zone if sites else "UTC",
        )


def _chips(seen: Queue) -> list[tuple[str, str, int, str]]:
    """Return the filters with their counts, in order of action."""
    named = [("all", _("All"), seen.total)]
    named += [(kind.value, words, seen.counts.get(kind, 0)) for kind, words in coordinator_words.kinds().items()]
    return [(key, words, count, url_for("coordinator.todo", kind=key)) for key, words, count in named]


def _neighbour(seen: Queue, chosen: str, step: int) -> str | None:
    wanted = seen.page + step
    return url_for("coordinator.todo", kind=chosen, page=wanted) if 1 <= wanted <= seen.pages else None
