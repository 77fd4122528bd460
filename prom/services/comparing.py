"""Compare relief between bands of the Central Sensitization Inventory: `prom analyse`, and the cohort page.

The analysis recomputes every verdict from answers and events up to its date; the cohort page reads ready-made
snapshots, which a job prepares from the projection.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from prom.domain import procedures, relief
from prom.services import comparing_columns, comparing_loading, comparing_snapshots, packing, trajectory
from prom.services import comparing_figures as figures
from prom.services import comparing_findings as findings
from prom.services.comparing_columns import Columns
from prom.services.comparing_views import CohortView, Filters, Mixed
from prom.statistics import survival
from prom.statistics.cox import Coefficient
from prom.statistics.survival import Curve
from prom.storage import cohort as rows
from prom.storage import relief_rows, sites

ANALYSED_DAYS = 180
REST_AN_EPISODE = timedelta(milliseconds=10)
Json = dict[str, Any]


def analysis(
    session: Session,
    *,
    procedure: str | None = None,
    threshold: int = relief.WANING_PERCENT,
    site: str | None = None,
    as_of: datetime | None = None,
) -> Json:
    """Return relief states and time to lost relief by CSI band, as they stood at an instant.

    Without an instant, as they stood when a verdict was last stored. Raises ValueError in one plain line for a
    procedure, site or threshold that does not exist.
    """
    site_id = _site_id(session, site)
    if procedure is not None:
        procedures.procedure(procedure)
    if threshold not in relief.THRESHOLDS.values():
        raise ValueError(f"the threshold is 50 or 30 percent, not {threshold}")
    until = as_of or rows.newest_verdict(session)
    found = _recomputed(session, procedure, site_id, threshold, until)
    return _answer(found, threshold, until)


def _site_id(session: Session, name: str | None) -> int | None:
    if name is None:
        return None
    found = sites.by_name(session, name)
    if found is None:
        raise ValueError(
            f"there is no site {name!r}; known are {', '.join(one.name for one in sites.everything(session))}"
        )
    return found.id


def _recomputed(
    session: Session, procedure: str | None, site_id: int | None, threshold: int, until: datetime | None
) -> Columns:
    """Return the columns of a cohort judged anew from answers and events up to an instant."""
    ids = [] if until is None else relief_rows.done_ids(session, procedure, site_id, until)
    known, verdicts, end_days = [], list[Json](), list[int]()
    for batch in relief_rows.batches(ids):
        judged = {} if until is None else {one.episode.id: one for one in trajectory.courses(session, batch, until)}
        known.append(comparing_columns.known_columns(comparing_loading.known(rows.facts(session, sorted(judged)))))
        courses = [judged[episode_id] for episode_id in sorted(judged)]
        verdicts += [relief.as_json(course.verdict(threshold)) for course in courses]
        end_days += [course.end_day for course in courses]
    known = known or [comparing_columns.known_columns(comparing_loading.known(rows.facts(session, [])))]
    return comparing_columns.columns(comparing_columns.joined(known), verdicts, end_days)


def _answer(of: Columns, threshold: int, until: datetime | None) -> Json:
    two, five = figures.two_bands(of), figures.five_bands(of)
    found = figures.curves(of, two)
    standing = figures.standing(found)
    test = figures.logrank(of, two)
    hazards = figures.hazards(of)
    every = found | figures.curves(of, five)
    return {
        "definition_version": relief.DEFINITION_VERSION,
        "as_of": None if until is None else until.isoformat(),
        "threshold": f"T{threshold}",
        "n": of.size,
        "states": of.states,
        "bands": {name: _band(curve) for name, curve in every.items()},
        "logrank": {"chi2": test.chi2, "df": test.df, "p": test.p if standing.allows_p else None},
        "cox": [_hazard(one) for one in hazards.coefficients],
        "npmle": {name: _boxes(of, two if name in two.names else five, name) for name in every},
        "warnings": [*findings.open_bands(of), *standing.warnings, *_beyond(every), *hazards.warnings],
    }


def _band(curve: Curve) -> Json:
    mean = figures.mean_days(curve, ANALYSED_DAYS)
    return {
        "n": curve.n,
        "events": curve.events,
        "km": survival.steps(curve) if curve.n else [],
        "median": curve.median,
        "rmst_180": None if mean is None else mean.value,
    }


def _hazard(one: Coefficient) -> Json:
    high = one.high if one.high is None or math.isfinite(one.high) else None
    return {"covariate": one.covariate, "hr": one.hr, "low": one.low, "high": high, "p": one.p}


def _boxes(of: Columns, bands: figures.Bands, name: str) -> list[list[float | None]]:
    found = figures.estimate(of, bands.members(name))
    return [[box.left, box.right if math.isfinite(box.right) else None, box.mass] for box in found.boxes]


def _beyond(every: Mapping[str, Curve]) -> list[str]:
    return [
        f"band {name} was followed to day {curve.followed_to:g} only: rmst_180 draws its curve on flat"
        for name, curve in every.items()
        if (mean := figures.mean_days(curve, ANALYSED_DAYS)) is not None and mean.extended
    ]


def cohort(session: Session, site_ids: Collection[int], filters: Filters, now: datetime) -> CohortView | None:
    """Return the cohort page from its snapshot, or None when the job has not made it yet.

    Raises ValueError for a procedure, threshold or site that cannot be shown. `now` is kept for callers that tell how
    old the data are: the view says its own cut-off.
    """
    del now
    if filters.procedure is not None:
        procedures.procedure(filters.procedure)
    if filters.threshold not in relief.THRESHOLDS.values():
        raise ValueError(f"the threshold is 50 or 30 percent, not {filters.threshold}")
    if filters.site_id is not None and filters.site_id not in site_ids:
        raise ValueError("this site is not one of yours")
    scope = comparing_snapshots.scope_of(session, site_ids if filters.site_id is None else [filters.site_id])
    found = rows.snapshot(session, comparing_snapshots.key(scope, filters.procedure, filters.threshold))
    if found is None:
        return None
    model = rows.snapshot(session, comparing_snapshots.model_key(scope, filters.procedure))
    mixed = None if model is None else packing.unpacked(Mixed, model.content)
    return replace(packing.unpacked(CohortView, found.content), mixed=mixed)


def refresh_snapshots(session: Session, now: datetime) -> int:
    """Make all cohort pages anew if anything changed since they were made, and return how many were stored.

    On SQLite a job that must not hold up writers reads with `prepared` and stores with `keep`, a transaction each.
    """
    return keep(session, prepared(session, now))


@dataclass(frozen=True, slots=True)
class Prepared:
    """Pages ready to be stored: when they were made, and how far they saw."""

    pages: tuple[tuple[str, str], ...]
    made_at: datetime
    watermark: int


def prepared(session: Session, now: datetime, *, unhurried: bool = False) -> Prepared:
    """Return the cohort pages if anything changed or a day has passed since they were made, else none.

    `unhurried` is for a job that looks each minute: pages are then left alone until they are 10 ms old for each
    episode in them, so that a large cohort under constant change does not keep a processor busy.
    """
    seen = rows.watermark(session)
    marks = [mark for key, mark in rows.snapshot_marks(session).items() if key.startswith("cohort|")]
    fresh = marks and all(mark >= seen and made_at.date() == now.date() for made_at, mark in marks)
    if marks and unhurried and not fresh:
        rest = REST_AN_EPISODE * len(relief_rows.done_ids(session))
        fresh = min(made_at for made_at, _ in marks) + rest > now
    return Prepared(() if fresh else tuple(comparing_snapshots.packed(session, now)), now, seen)


def keep(session: Session, pages: Prepared) -> int:
    """Store prepared pages in the place of older ones, and return how many there were."""
    rows.keep(session, pages.pages, pages.made_at, pages.watermark)
    return len(pages.pages)


def refresh_models(session: Session, now: datetime) -> int:
    """Fit the mixed model of every cohort page anew (the daily job: seconds, and 170 MB for statsmodels)."""
    models = comparing_snapshots.packed_models(session, now)
    rows.keep(session, models, now, rows.watermark(session))
    return len(models)
