"""The cohort page: how long relief lasts by CSI before the procedure, in this clinic's own patients."""

from datetime import UTC

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.domain import procedures, relief
from prom.services import comparing
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
        filters, bands = _filters(sites), request.args.get("bands", BANDS[0])
        if bands not in BANDS:
            abort(404)
        view = comparing.cohort(session, [site.id for site in sites], filters, context.now())
        zone = sites[0].time_zone if sites else "UTC"
        return render_template(
            "clinician/cohort.html",
            view=view,
            charts=_charts(session, view, bands, zone),
            tables=clinician_cohort_tables.sections(view, bands) if view else [],
            filters=filters,
            bands=bands,
            lanes=_lanes(session, view),
            procedures=[("", _("All")), *((p.key, p.label) for p in procedures.PROCEDURES.values() if p.relief)],
            thresholds=[("50", _("50 % relief (waning)")), ("30", _("30 % relief (loss)"))],
            sites=[("", _("All")), *((site.public_id, site.label) for site in sites)] if len(sites) > 1 else [],
            site=next((site.public_id for site in sites if site.id == filters.site_id), ""),
            zone=zone,
        )


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


def _charts(
    session: Session, view: CohortView | None, bands: str, zone: str
) -> clinician_cohort_charts.CohortCharts | None:
    if view is None:
        return None
    footnote = _(
        "Definition version %(version)s; data as of %(at)s; n = %(n)s procedures, %(responders)s responders.",
        version=view.definition_version,
        at=local_time(view.as_of.astimezone(UTC), zone),
        n=view.n,
        responders=view.responders,
    )
    return clinician_cohort_charts.charts(view, bands, dict(_lanes(session, view)), footnote)


def _lanes(session: Session, view: CohortView | None) -> list[tuple[str, str]]:
    """Return (procedure, label) of the swimmer's lanes: record numbers only for those who may see patients."""
    if view is None:
        return []
    found = []
    for place, lane in enumerate(view.swimmer, 1):
        label = _("No. %(place)s", place=place)
        if guards.may(guards.Permission.PATIENTS):
            episode = episodes.by_public_id(session, lane.public_id, context.my_site_ids(session))
            if episode is not None:
                label = people.record_number(session, episodes.patient_of(session, episode))
        found.append((lane.public_id, label))
    return found
