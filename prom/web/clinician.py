"""The clinician's lists: who is losing relief, all patients, and finding one of them.

The patient, cohort and help pages are modules of their own on the same blueprint.
"""

from collections import Counter
from datetime import datetime

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user
from sqlmodel import Session

from prom.services import absences, escalating, reviewing_lists
from prom.services.reviewing_views import Losing, LosingRow, Page
from prom.storage import staff
from prom.storage.models import Staff
from prom.web import (
    clinician_answer,
    clinician_charts,
    clinician_cohort,
    clinician_help,
    clinician_patient,
    clinician_sensitization,
    clinician_treatments,
    clinician_words,
    context,
    coordinator_words,
    guards,
)
from prom.web.clinician_blueprint import blueprint, may_open
from prom.web.clinician_blueprint import translated as _

# Importing the other modules puts their pages on the blueprint.
__all__ = [
    "blueprint",
    "clinician_answer",
    "clinician_cohort",
    "clinician_help",
    "clinician_patient",
    "clinician_sensitization",
    "clinician_treatments",
]
# More than a clinician reads in one sitting; reviewed ones make room.
SHOWN_AT_MOST = 40
LOOKED_AT = 200
LONGEST_SEARCH = 80
THREAD, PLAN = "coordinator.messages", "coordinator.schedule"


def filters() -> dict[str, str]:
    """Return the filters of the patients' list in words."""
    return {
        "all": _("All"),
        "alerts": _("To review"),
        "lost": _("Below 50 %"),
        "suspected": _("Suspected"),
        "in_relief": _("In relief"),
        "no_response": _("No response"),
        "open": _("Too early"),
        "unknown": _("Not known"),
        "ended": _("Ended"),
        "planned": _("Planned"),
    }


@blueprint.get("/clinic")
@guards.needs(guards.Permission.REVIEW)
def losing_relief() -> ResponseReturnValue:
    """List who is losing relief, worst first, after today's procedures."""
    chosen = request.args.get("show", "all")
    since: datetime | None = current_user.last_seen_at
    with context.reading() as session:
        sites, now = context.my_site_ids(session), context.now()
        found = reviewing_lists.losing_relief(session, sites, now, since, LOOKED_AT)
        chosen_rows = [row for row in found.rows if _shown(row, chosen)]
        return render_template(
            "clinician/losing_relief.html",
            rows=chosen_rows[:SHOWN_AT_MOST],
            hidden=len(chosen_rows) - SHOWN_AT_MOST,
            found=found,
            today=reviewing_lists.today(session, sites, now),
            chips=_chips(found),
            chosen=chosen,
            kinds=clinician_words.kinds(),
            since=since,
            now=now,
            zone=context.my_sites(session)[0].time_zone if sites else "UTC",
            duty=absences.duty(session, _me(session), now),
            passed_on=escalating.passed_on(session, sites),
            urgent=coordinator_words.reason,
            ways=[(words, endpoint) for words, endpoint in _ways() if may_open(endpoint)],
            spark=clinician_charts.row_spark,
            tones=clinician_charts.TONES,
        )


def _me(session: Session) -> Staff:
    account = staff.by_public_id(session, current_user.public_id)
    if account is None:
        abort(403)
    return account


def _ways() -> tuple[tuple[str, str], ...]:
    return (_("Message"), THREAD), (_("Plan"), PLAN)


def _shown(row: LosingRow, chosen: str) -> bool:
    return chosen == "all" or (row.new if chosen == "new" else row.kind == chosen)


def _chips(found: Losing) -> list[tuple[str, str, int | None, str]]:
    """Return the filters with their counts; each patient counts once, under the worst alert."""
    counts: dict[str, int | None] = dict(Counter(row.kind for row in found.rows))
    if len(found.rows) < found.counts["all"]:
        counts = dict.fromkeys(counts)
    counts |= {"all": found.counts["all"], "new": found.counts["new"]}
    named = {"all": _("All"), "new": _("New")} | {
        key: kind.words for key, kind in clinician_words.kinds().items() if key in counts
    }
    return [(key, words, counts[key], url_for("clinician.losing_relief", show=key)) for key, words in named.items()]


@blueprint.get("/patients")
@guards.needs(guards.Permission.PATIENTS)
def patients() -> ResponseReturnValue:
    """List all procedures, the newest first, a page at a time."""
    number = request.args.get("page", "1")
    if not (number.isascii() and number.isdigit() and len(number) < 7):
        abort(404)
    with context.reading() as session:
        try:
            page = reviewing_lists.patients_list(
                session,
                context.my_site_ids(session),
                context.now(),
                request.args.get("filter", "all"),
                int(number),
            )
        except ValueError:
            abort(404)
        return _patients_page(page)


def _patients_page(page: Page, searched: str = "") -> str:
    return render_template(
        "clinician/patients.html",
        page=page,
        searched=searched,
        chips=[(key, words, None, url_for("clinician.patients", filter=key)) for key, words in filters().items()],
        newer=_neighbour(page, -1),
        older=_neighbour(page, 1),
        spark=clinician_charts.row_spark,
        tones=clinician_charts.TONES,
    )


def _neighbour(page: Page, step: int) -> str | None:
    wanted = page.page + step
    return url_for("clinician.patients", filter=page.filter, page=wanted) if 1 <= wanted <= page.pages else None


@blueprint.post("/patients")
@guards.needs(guards.Permission.PATIENTS)
def find_patient() -> ResponseReturnValue:
    """Find patients by record number or name. A name never stands in an address, so this page is not redirected to."""
    text = request.form.get("text", "").strip()[:LONGEST_SEARCH]
    with context.reading() as session:
        rows = reviewing_lists.find(session, context.my_site_ids(session), text, context.now())
        return _patients_page(Page(rows, len(rows), 1, 1, ""), text or " ")
