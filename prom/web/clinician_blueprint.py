"""The clinician's pages as one blueprint, and what every view of them needs: the patient that may be seen, or 404."""

from typing import NoReturn

from flask import Blueprint, abort, current_app, url_for
from flask_babel import gettext

from prom.charts import figure
from prom.storage import audit, patients
from prom.web import context, guards

blueprint = Blueprint("clinician", __name__)


def translated(words: str, /, **values: object) -> str:
    """Return words in the language of the page; modules import it as `_`, as the catalogues expect."""
    return str(gettext(words, **values))


@blueprint.app_template_filter("relief_percent")
def relief_percent(value: float | None) -> str:
    """Return relief in percent of the baseline as a whole number, with a dash for unknown."""
    return "\N{EN DASH}" if value is None else figure.percent(value / 100)


@blueprint.app_template_filter("score")
def score(value: float | None) -> str:
    """Return a pain score or a mean of scores with at most one decimal, with a dash for unknown."""
    return "\N{EN DASH}" if value is None else figure.number(value)


@blueprint.app_template_global()
def patient_pages(public_id: str) -> list[tuple[str, str, str]]:
    """Return the pages of one patient that the reader may open: (key, words, address)."""
    named = (
        ("chart", "clinician.patient", translated("Chart")),
        ("sensitization", "clinician.sensitization", translated("Sensitization")),
        ("messages", "coordinator.messages", translated("Messages")),
        ("schedule", "coordinator.schedule", translated("Schedule")),
        ("history", "coordinator.history", translated("History")),
    )
    return [
        (key, words, url_for(endpoint, public_id=public_id)) for key, endpoint, words in named if may_open(endpoint)
    ]


def may_open(endpoint: str) -> bool:
    """Return whether there is such a page and the reader may open it."""
    if endpoint not in current_app.view_functions:
        return False
    permission = guards.permission_of(current_app, endpoint)
    return permission is not None and guards.may(permission)


def not_here(public_id: str) -> NoReturn:
    """Answer 404; a patient of another site leaves an audit row that somebody tried."""
    with context.writing() as session:
        patient = patients.by_public_id(session, public_id, None)
        if patient is not None:
            audit.record(session, context.actor(), "refused_other_site", patient, context.now())
    abort(404)


def note_read(public_id: str, page: str) -> None:
    """Leave an audit row that a patient's page was read, in a short transaction of its own."""
    with context.writing() as session:
        patient = patients.by_public_id(session, public_id, context.my_site_ids(session))
        if patient is not None:
            audit.record(session, context.actor(), "read", patient, context.now(), reason=page)
