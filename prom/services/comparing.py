"""Compare relief between bands of the Central Sensitization Inventory: `prom analyse`, and the cohort page.

The analysis recomputes every verdict from answers and events up to its date. The cohort page reads ready-made parts,
which a job keeps; what it is narrowed to is counted within the page while that is quick, and by the job otherwise.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from prom.domain import procedures, relief
from prom.services import comparing_asking as asking
from prom.services import comparing_assembling as assembling
from prom.services import comparing_columns, comparing_loading, packing, trajectory
from prom.services import comparing_figures as figures
from prom.services import comparing_projection as projection
from prom.services import comparing_snapshots as snapshots
from prom.services.comparing_asking import Waiting
from prom.services.comparing_columns import Columns
from prom.services.comparing_filters import Filters
from prom.services.comparing_page import CohortView, Counted, Fitted
from prom.services.comparing_views import Mixed
from prom.statistics import survival
from prom.statistics.cox import Coefficient
from prom.statistics.survival import Curve
from prom.storage import cohort as rows
from prom.storage import cohort_pages as pages
from prom.storage import relief_rows, sites
from prom.storage.session import Store

ANALYSED_DAYS = 180
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
        "warnings": [*_open_bands(of), *standing.warnings, *_beyond(every), *hazards.warnings],
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


def _open_bands(of: Columns) -> list[str]:
    """Return how many episodes the bands leave out, and why."""
    asked = of.asked_csi
    none, open_two = int((~asked).sum()), int((asked & (of.halves() < 0)).sum())
    open_five = int((asked & (of.five < 0)).sum())
    told = (
        (none, "without a CSI: in no band"),
        (open_two, "with missing CSI items on both sides of 40: undetermined, in no band"),
        (open_five - open_two, "certain on one side of 40, but undetermined among the five bands"),
    )
    return [f"{count} of {of.size} episodes {words}" for count, words in told if count]


def cohort(session: Session, site_ids: Collection[int], filters: Filters, now: datetime) -> CohortView | Waiting | None:
    """Return the cohort page, what is waited for when the job has to count it, or None before anything was counted.

    Raises ValueError for a site that is not one of the reader's. `now` is kept for callers that tell how old the data
    are: the view says its own cut-off.
    """
    del now
    if filters.site_id is not None and filters.site_id not in site_ids:
        raise ValueError("this site is not one of yours")
    known = projection.manifest(session)
    if known is None:
        return None
    mine = site_ids if filters.site_id is None else [filters.site_id]
    scope = snapshots.scope_of(session, mine)
    if scope is not None and filters.ready_made:
        found = _ready_made(session, known, scope, filters)
        if found is not None:
            return found
    return asking.narrowed(session, known, mine, filters)


def _ready_made(session: Session, known: projection.Manifest, scope: str, filters: Filters) -> CohortView | None:
    group = snapshots.Group(scope, filters.procedure or snapshots.EVERY, frozenset())
    keys = [group.key(part, filters.threshold) for part in ("counted", "fitted")]
    texts = pages.contents(session, [*keys, group.model_key])
    if any(key not in texts for key in keys):
        return None
    mixed = packing.unpacked(Mixed, texts[group.model_key]) if group.model_key in texts else None
    counted, fitted = packing.unpacked(Counted, texts[keys[0]]), packing.unpacked(Fitted, texts[keys[1]])
    every = sum(n for place, n in known.places.items() if scope == snapshots.EVERY or str(place[0]) == scope)
    return assembling.view(counted, fitted, mixed, known.made_at, every)


def refresh_snapshots(session: Session, now: datetime) -> int:
    """Bring all cohort pages up to date if anything changed since they were made, and return how many were stored.

    On SQLite a job that must not hold up writers reads with `prepared` and stores with `keep`, a transaction each.
    """
    stored = keep(session, prepared(session, now))
    return stored + keep(session, fitted(session, now))


@dataclass(frozen=True, slots=True)
class Prepared:
    """Parts ready to be stored, and keys to be forgotten: when they were made, and how far they saw."""

    pages: tuple[tuple[str, str], ...]
    made_at: datetime
    watermark: int
    forgotten: frozenset[str] = frozenset()


def prepared(session: Session, now: datetime) -> Prepared:
    """Return the projection and the counted parts of the pages that changed, or nothing when nothing did."""
    update = projection.update(session, now)
    if update is None:
        return Prepared((), now, 0)
    made = dict(snapshots.counted(session, update))
    stored = (*update.kept.items(), *made.items(), (projection.MANIFEST, projection.content(update.manifest)))
    return Prepared(stored, now, update.manifest.watermark, update.forgotten)


def fitted(session: Session, now: datetime, *, unhurried: bool = False) -> Prepared:
    """Return the fitted parts of the pages whose counts have moved on.

    `unhurried` is for a job that looks each minute: a part is then left alone until it is 10 ms old for each episode in
    it, so that a large cohort under constant change does not keep a processor busy.
    """
    known = projection.manifest(session)
    if known is None:
        return Prepared((), now, 0)
    chosen = snapshots.due(session, known, now, unhurried=unhurried)
    return Prepared(tuple(snapshots.fitted(session, known, chosen)), now, known.watermark)


def keep(session: Session, parts: Prepared) -> int:
    """Store prepared parts in the place of older ones, and return how many there were."""
    pages.forget(session, parts.forgotten)
    pages.keep(session, parts.pages, parts.made_at, parts.watermark)
    return len(parts.pages)


def stored(store: Store, parts: Prepared) -> int:
    """Store prepared parts in a writing transaction of their own, if there are any, and return how many."""
    if not parts.pages and not parts.forgotten:
        return 0
    with store.writing() as session:
        return keep(session, parts)


def answered(session: Session, now: datetime) -> Prepared:
    """Return the narrowed pages that somebody waits for, counted."""
    made, forgotten, seen = asking.answered(session)
    return Prepared(tuple(made), now, seen, forgotten)


def models(session: Session, now: datetime) -> Prepared:
    """Return the mixed model of every cohort page, fitted anew (the daily job: seconds, and 170 MB for statsmodels)."""
    known = projection.manifest(session)
    if known is None:
        return Prepared((), now, 0)
    return Prepared(tuple(snapshots.models(session, known)), now, known.watermark)


def refresh_models(session: Session, now: datetime) -> int:
    """Fit the mixed model of every cohort page anew and store it."""
    return keep(session, models(session, now))
