"""The cohort page: how long relief lasts by CSI before the procedure, in this clinic's own patients."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Response, abort, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.domain import timetable
from prom.services import comparing, comparing_asking, exporting
from prom.services.comparing_asking import Waiting
from prom.services.comparing_page import CohortView
from prom.storage import episodes
from prom.storage import patients as people
from prom.storage.models import Site
from prom.web import clinician_cohort_charts as drawing
from prom.web import clinician_cohort_file as file
from prom.web import clinician_cohort_filters as choosing
from prom.web import clinician_cohort_tables as tables
from prom.web import clinician_expected, context, guards
from prom.web.clinician_blueprint import blueprint
from prom.web.clinician_blueprint import translated as _
from prom.web.clinician_cohort_filters import Choice

__all__ = ["clinician_expected", "cohort", "cohort_codebook", "cohort_numbers"]

REFRESH_SECONDS = 4


@blueprint.get("/cohort")
@guards.needs(guards.Permission.COHORT)
def cohort() -> ResponseReturnValue:
    """Show the cohort, narrowed to what the form names."""
    with context.reading() as session:
        sites = context.my_sites(session)
        page = _page(session, sites)
        again = None if page.waiting else _outdated(session, page.choice, sites)
        if page.waiting is None:
            shown = _shown(page, sites)
    if again is not None:
        _ask(again, page.choice)
    if page.waiting is None:
        return shown
    _ask(page.waiting, page.choice)
    answer = Response(_shown(page, sites))
    # The page asks again by itself, without a script.
    answer.headers["Refresh"] = str(REFRESH_SECONDS)
    return answer


def _outdated(session: Session, choice: Choice, sites: list[Site]) -> Waiting | None:
    """Return the page to ask for anew, where an older count of it was shown."""
    if not choosing.narrowed(choice):
        return None
    wanted = choice.filters.site_id
    mine = [site.id for site in sites] if wanted is None else [wanted]
    return comparing_asking.outdated(session, mine, choice.filters)


def _ask(waiting: Waiting, choice: Choice) -> None:
    with context.writing() as session:
        comparing_asking.ask(session, waiting, choice.filters, context.now())


@blueprint.get("/cohort.csv")
@guards.needs(guards.Permission.COHORT)
def cohort_numbers() -> ResponseReturnValue:
    """Give every number of the page as one CSV file; it names no patient."""
    return _download("cohort", file.numbers)


@blueprint.get("/cohort-codebook.csv")
@guards.needs(guards.Permission.COHORT)
def cohort_codebook() -> ResponseReturnValue:
    """Give what each figure and column of the numbers means."""
    return _download("cohort-codebook", file.codebook)


@dataclass(frozen=True, slots=True)
class _Page:
    """What a request asks for, and the figures that answer it; without a view they are made or waited for."""

    choice: Choice
    zone: str
    view: CohortView | None
    waiting: Waiting | None
    lanes: list[tuple[str, str]]
    charts: drawing.CohortCharts | None
    note: str


def _page(session: Session, sites: list[Site]) -> _Page:
    choice = choosing.asked(sites)
    zone = sites[0].time_zone if sites else "UTC"
    found = comparing.cohort(session, [site.id for site in sites], choice.filters, context.now())
    if not isinstance(found, CohortView):
        return _Page(choice, zone, None, found, [], None, "")
    lanes, notes = _lanes(session, found, [site.id for site in sites]), _notes(found, choice, zone)
    charts = drawing.charts(found, choice.bands, dict(lanes), notes)
    return _Page(choice, zone, found, None, lanes, charts, notes.counted)


def _shown(page: _Page, sites: list[Site]) -> str:
    given: dict[str, Any] = dict(page.choice.given)
    return render_template(
        "clinician/cohort.html",
        page=page,
        view=page.view,
        charts=page.charts,
        tables=tables.sections(page.view) if page.view else [],
        options=choosing.options(sites),
        given=given,
        words=choosing.in_words(page.choice),
        narrowed=choosing.narrowed(page.choice),
        zone=page.zone,
        downloads=[
            (_("Numbers (CSV)"), url_for("clinician.cohort_numbers", **given)),
            (_("Codebook (CSV)"), url_for("clinician.cohort_codebook", **given)),
        ],
    )


def _download(name: str, written: file.Written) -> ResponseReturnValue:
    with context.reading() as session:
        page = _page(session, context.my_sites(session))
    if page.view is None or page.charts is None:
        abort(404)
    with context.writing() as session:
        exporting.note(session, f"{name} figures", "csv", False, context.actor(), context.now())
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(written(page.view, page.charts, page.note), mimetype="text/csv", headers=headers)


def _notes(view: CohortView, choice: Choice, zone: str) -> drawing.Notes:
    """Return the line under every figure: definition, data cut-off, what was chosen, and how many it leaves."""
    told = {
        "version": view.definition_version,
        "n": view.n,
        "of": view.of,
        "words": choosing.in_words(choice),
        "responders": view.responders,
    }
    line = _(
        "Definition version %(version)s; data as of %(at)s; %(n)s of %(of)s procedures (%(words)s), %(responders)s "
        "responders."
    )
    counted, fitted = (_minute(at, zone) for at in (view.as_of, view.fitted_at))
    return drawing.Notes(line % (told | {"at": counted}), line % (told | {"at": fitted}))


def _minute(at: datetime, zone: str) -> str:
    return f"{timetable.local(at.astimezone(UTC), zone):%Y-%m-%d %H:%M}"


def _lanes(session: Session, view: CohortView, site_ids: list[int]) -> list[tuple[str, str]]:
    """Return (procedure, label) of the swimmer's lanes: record numbers only for those who may see patients."""
    if not guards.may(guards.Permission.PATIENTS):
        return [(lane.public_id, _("No. %(place)s", place=place)) for place, lane in enumerate(view.swimmer, 1)]
    found = [episodes.by_public_id(session, lane.public_id, site_ids) for lane in view.swimmer]
    return [
        (episode.public_id, people.record_number(session, episodes.patient_of(session, episode)))
        for episode in found
        if episode is not None
    ]
