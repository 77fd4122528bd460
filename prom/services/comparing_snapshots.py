"""Make the cohort page ahead of time: read the projection once, compare every group, and pack the answers.

A page that computed over a hundred thousand episodes would keep a clinician waiting; it reads one ready-made row.
Nothing here is called by a page, and the mixed model, which needs statsmodels, is fitted here only.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from sqlmodel import Session

from prom.domain import relief
from prom.services import comparing_figures as figures
from prom.services import comparing_findings as findings
from prom.services import comparing_loading, packing, similar
from prom.services import comparing_pain as pain
from prom.services import comparing_relief as relieved
from prom.services.comparing_columns import PROCEDURES, TWO, Columns, Flags, Ints
from prom.services.comparing_loading import Cohort
from prom.services.comparing_pain import Levels, Readings
from prom.services.comparing_views import (
    BandMeans,
    BandReplies,
    CausePoint,
    Causes,
    CohortView,
    Mixed,
    MixedTerm,
    Scatter,
)
from prom.storage import cohort as rows
from prom.storage import sites

EVERY = "all"
Packed = list[tuple[str, str]]


def key(scope: str, procedure: str | None, threshold: int) -> str:
    """Return the key of one page: a site's id or "all", a procedure or all, a threshold."""
    return f"cohort|{scope}|{procedure or EVERY}|{threshold}"


def model_key(scope: str, procedure: str | None) -> str:
    """Return the key of the mixed model of one page."""
    return f"mixed|{scope}|{procedure or EVERY}"


def scope_of(session: Session, site_ids: Collection[int]) -> str:
    """Return how a set of sites is named in keys: "all" for all there are, else their ids."""
    every = {site.id for site in sites.everything(session)}
    return EVERY if every <= set(site_ids) else ",".join(str(one) for one in sorted(site_ids))


def packed(session: Session, now: datetime) -> Packed:
    """Return every page there may be, ready to be stored: by scope, procedure and threshold."""
    cohort = comparing_loading.loaded(session, now)
    found: Packed = []
    for scope, procedure, here in _parts(session, cohort):
        found += _page(session, here, scope, procedure)
    sites_of = cohort.columns[relief.WANING_PERCENT].site
    for site_id in np.unique(sites_of).tolist():
        found += _similar(cohort.only(sites_of == site_id), site_id)
    return found


def packed_models(session: Session, now: datetime) -> Packed:
    """Return the mixed model of every page there may be, ready to be stored."""
    cohort = comparing_loading.loaded(session, now)
    return [
        (model_key(scope, procedure), packing.packed(_mixed(here.columns[relief.WANING_PERCENT], here.readings)))
        for scope, procedure, here in _parts(session, cohort)
    ]


def _parts(session: Session, cohort: Cohort) -> Iterator[tuple[str, str | None, Cohort]]:
    """Yield each scope and procedure with its episodes, all procedures together first."""
    for scope, chosen in _scopes(session, cohort.columns[relief.WANING_PERCENT]):
        here = cohort.only(chosen)
        yield scope, None, here
        procedure = here.columns[relief.WANING_PERCENT].procedure
        for place in np.unique(procedure).tolist():
            yield scope, PROCEDURES[place], here.only(procedure == place)


def _scopes(session: Session, of: Columns) -> list[tuple[str, Flags]]:
    every = [site.id for site in sites.everything(session)]
    scopes = [(EVERY, np.ones(of.size, dtype=np.bool_))]
    if len(every) > 1:
        scopes += [(str(site_id), of.site == site_id) for site_id in every]
    return scopes


@dataclass(frozen=True, slots=True)
class _Shared:
    """What a page shows at either threshold."""

    levels: Levels
    last: Ints
    means: tuple[BandMeans, ...]
    replies: tuple[BandReplies, ...]
    causes: Causes
    scatter: Scatter


def _page(session: Session, cohort: Cohort, scope: str, procedure: str | None) -> Packed:
    """Return both thresholds of one page; what does not depend on the threshold is computed once."""
    of = cohort.columns[relief.WANING_PERCENT]
    at, two, five = cohort.readings.at_prompts(), figures.two_bands(of), figures.five_bands(of)
    last = np.zeros(of.size, dtype=np.int64)
    np.maximum.at(last, cohort.readings.who, cohort.readings.day)
    shared = _Shared(
        levels=pain.levels(of, at),
        last=last,
        means=pain.means(of, at, two) + pain.means(of, at, five),
        replies=pain.replies(of, at, two, cohort.unsent),
        causes=_causes(cohort, of),
        scatter=pain.scatter(of, at),
    )
    views = [_view(cohort, threshold, procedure or EVERY, shared) for threshold in cohort.columns]
    named = _named(session, views)
    return [(key(scope, procedure, view.threshold), packing.packed(named(view))) for view in views]


def _named(session: Session, views: list[CohortView]) -> Callable[[CohortView], CohortView]:
    """Return what puts public ids in the place of the ids of the few episodes that a page shows one by one."""
    shown = {int(one.public_id) for view in views for one in view.scatter.points}
    shown |= {int(one.public_id) for view in views for one in view.swimmer}
    names = rows.public_ids(session, shown)

    def named(view: CohortView) -> CohortView:
        points = tuple(replace(one, public_id=names[int(one.public_id)]) for one in view.scatter.points)
        lanes = tuple(replace(one, public_id=names[int(one.public_id)]) for one in view.swimmer)
        return replace(view, scatter=replace(view.scatter, points=points), swimmer=lanes)

    return named


def _view(cohort: Cohort, threshold: int, procedure: str, shared: _Shared) -> CohortView:
    of = cohort.columns[threshold]
    two, five = figures.two_bands(of), figures.five_bands(of)
    by_two, found, shares = relieved.divided(of, two), figures.hazards(of), relieved.shares(of, two)
    hazards, mean_days = tuple(map(relieved.hazard, found.coefficients)), relieved.mean_days(of)
    told = (
        findings.response(shares, of.states),
        findings.losses(by_two),
        findings.hazard(hazards, found.n, found.events),
        findings.days(mean_days),
        findings.success(shares),
        findings.at_three_months(shared.scatter),
        findings.answers(shared.replies),
    )
    return CohortView(
        as_of=cohort.as_of,
        definition_version=relief.DEFINITION_VERSION,
        threshold=threshold,
        procedure=procedure,
        n=of.size,
        responders=int(of.responder.sum()),
        states=tuple(of.states.items()),
        without_csi=int((~of.asked_csi).sum()),
        findings=tuple(one for one in told if one is not None),
        warnings=(
            *findings.open_bands(of),
            *figures.standing(figures.curves(of, two)).warnings,
            *found.warnings,
            findings.CAVEAT,
        ),
        two=by_two,
        five=relieved.divided(of, five),
        hazards=hazards,
        hazards_n=found.n,
        hazards_events=found.events,
        mean_days=mean_days,
        sensitivity=relieved.sensitivity(of),
        shares=shares + relieved.shares(of, five)[1:],
        competing=relieved.incidences(of, two),
        means=shared.means,
        replies=shared.replies,
        causes=shared.causes,
        scatter=shared.scatter,
        swimmer=relieved.lanes(of, shared.last),
        heatmap=pain.heatmap(of, shared.levels, five),
    )


def _causes(cohort: Cohort, of: Columns) -> Causes:
    counts: dict[str, list[int]] = {}
    reviewed = [0] * len(TWO)
    for place, cause in cohort.conclusions:
        band = int(of.two[place])
        if band >= 0:
            reviewed[band] += 1
            counts.setdefault(cause, [0] * len(TWO))[band] += 1
    ordered = sorted(counts.items(), key=lambda item: (-sum(item[1]), item[0]))
    return Causes(TWO, tuple(reviewed), tuple(CausePoint(cause, tuple(each)) for cause, each in ordered))


def _mixed(of: Columns, readings: Readings) -> Mixed:
    from prom.statistics import mixed

    known = ~np.isnan(of.csi[readings.who])
    who = readings.who[known]
    if not who.size:
        return Mixed((), 0, 0, 0, "no answers of patients with a complete CSI")
    fit = mixed.fit(who, readings.day[known].astype(np.float64), readings.nrs[known], of.csi[who])
    if isinstance(fit, mixed.NotFitted):
        return Mixed((), int(who.size), 0, 0, fit.reason)
    terms = tuple(MixedTerm(one.name, one.coef, one.low, one.high, one.p) for one in fit.terms)
    return Mixed(terms, fit.answers, fit.patients, fit.patients_used, "")


def _similar(cohort: Cohort, site_id: int) -> Packed:
    of, at = cohort.columns[relief.WANING_PERCENT], cohort.readings.at_prompts()
    found = []
    for place in np.unique(of.procedure).tolist():
        inside = of.procedure[at.who] == place
        who = at.who[inside]
        content = similar.content(at.nominal[inside], at.nrs[inside], who, of.five[who], of.two[who])
        found.append((similar.key(site_id, PROCEDURES[place]), content))
    return found
