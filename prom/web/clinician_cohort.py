"""The cohort page: how long relief lasts by CSI before the procedure, in this clinic's own patients."""

from dataclasses import dataclass
from datetime import UTC

from flask import Response, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.domain import procedures, relief
from prom.services import comparing, exporting
from prom.services.comparing_views import CohortView, Filters
from prom.storage import episodes
from prom.storage import patients as people
from prom.storage.models import Site
from prom.web import clinician_cohort_charts, clinician_cohort_tables, context, guards
from prom.web.clinician_blueprint import blueprint
from prom.web.clinician_blueprint import translated as _
from prom.web.filters import local_time

BANDS = ("two", "five")


@blueprint.get("/cohort")
@guards.needs(guards.Permission.COHORT)
def cohort() -> ResponseReturnValue:
    """Show the cohort, narrowed by procedure, threshold and site."""
    with context.reading() as session:
        sites = context.my_sites(session)
        asked = _asked(session, sites)
        return render_template(
            "clinician/cohort.html",
            asked=asked,
            view=asked.view,
            charts=asked.charts,
            tables=clinician_cohort_tables.sections(asked.view, asked.bands) if asked.view else [],
            procedures=[("", _("All")), *((p.key, p.label) for p in procedures.PROCEDURES.values() if p.relief)],
            thresholds=[("50", _("50 % relief (waning)")), ("30", _("30 % relief (loss)"))],
            sites=[("", _("All")), *((site.public_id, site.label) for site in sites)] if len(sites) > 1 else [],
            site=_site_name(sites, asked.filters) or "",
            zone=asked.zone,
            download=url_for(
                "clinician.cohort_numbers",
                procedure=asked.filters.procedure,
                threshold=asked.filters.threshold,
                site=_site_name(sites, asked.filters),
                bands=asked.bands,
            ),
        )


@blueprint.get("/cohort.csv")
@guards.needs(guards.Permission.COHORT)
def cohort_numbers() -> ResponseReturnValue:
    """Give every number of the page as one CSV file, with what each figure means; it names no patient."""
    with context.reading() as session:
        asked = _asked(session, context.my_sites(session))
    if asked.view is None or asked.charts is None:
        abort(404)
    with context.writing() as session:
        exporting.note(session, "cohort figures", "csv", False, context.actor(), context.now())
    text = clinician_cohort_tables.as_csv(asked.view, asked.charts, asked.bands)
    headers = {"Content-Disposition": 'attachment; filename="cohort.csv"'}
    return Response(text, mimetype="text/csv", headers=headers)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request asks for, and the figures that answer it; `view` is None before they are made."""

    filters: Filters
    bands: str
    zone: str
    view: CohortView | None
    lanes: list[tuple[str, str]]
    charts: clinician_cohort_charts.CohortCharts | None


def _asked(session: Session, sites: list[Site]) -> _Asked:
    filters, bands = _filters(sites), request.args.get("bands", BANDS[0])
    if bands not in BANDS:
        abort(404)
    ids, zone = [site.id for site in sites], sites[0].time_zone if sites else "UTC"
    view = comparing.cohort(session, ids, filters, context.now())
    if view is None:
        return _Asked(filters, bands, zone, None, [], None)
    lanes = _lanes(session, view, ids)
    charts = clinician_cohort_charts.charts(view, bands, dict(lanes), _footnote(view, zone))
    return _Asked(filters, bands, zone, view, lanes, charts)


def _filters(sites: list[Site]) -> Filters:
    """Return what this request asks for; an unknown value is a page that does not exist."""
    procedure = request.args.get("procedure") or None
    threshold = request.args.get("threshold") or str(relief.WANING_PERCENT)
    wanted = request.args.get("site") or None
    by_name = {site.public_id: site.id for site in sites}
    if procedure is not None and procedure not in procedures.PROCEDURES:
        abort(404)
    if threshold not in {str(known) for known in relief.THRESHOLDS.values()}:
        abort(404)
    if wanted is not None and wanted not in by_name:
        abort(404)
    return Filters(procedure, int(threshold), None if wanted is None else by_name[wanted])


def _site_name(sites: list[Site], filters: Filters) -> str | None:
    return next((site.public_id for site in sites if site.id == filters.site_id), None)


def _footnote(view: CohortView, zone: str) -> str:
    return _(
        "Definition version %(version)s; data as of %(at)s; n = %(n)s procedures, %(responders)s responders.",
        version=view.definition_version,
        at=local_time(view.as_of.astimezone(UTC), zone),
        n=view.n,
        responders=view.responders,
    )


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
