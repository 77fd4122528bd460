"""Compare relief between bands of the Central Sensitization Inventory: `prom analyse`, and the cohort page.

The analysis recomputes every verdict from answers and events up to its date; the cohort page reads ready-made
snapshots, which a job prepares from the projection.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session

from prom.domain import procedures, relief
from prom.services import comparing_columns, trajectory
from prom.services import comparing_figures as figures
from prom.services.comparing_columns import Columns
from prom.statistics import survival
from prom.statistics.cox import Coefficient
from prom.statistics.survival import Curve
from prom.storage import cohort as rows
from prom.storage import relief_rows, sites

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
    known = {one.episode_id: one for one in rows.facts(session, None if site_id is None else [site_id], procedure)}
    ids = relief_rows.done_ids(session, procedure, site_id, until)
    judged = (
        []
        if until is None
        else [
            (known[course.episode.id], relief.as_json(course.verdict(threshold)), course.end_day)
            for course in trajectory.courses(session, ids, until)
        ]
    )
    return comparing_columns.columns(
        [facts for facts, _, _ in judged], [verdict for _, verdict, _ in judged], [day for _, _, day in judged]
    )


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


def _open_bands(of: Columns) -> list[str]:
    """Return how many episodes the bands leave out, and why."""
    none, open_two = int((~of.asked_csi).sum()), int((of.asked_csi & (of.two < 0)).sum())
    open_five = int((of.asked_csi & (of.five < 0)).sum())
    told = (
        (none, "without a CSI: in no band"),
        (open_two, "with missing CSI items on both sides of 40: undetermined, in no band"),
        (open_five - open_two, "certain on one side of 40, but undetermined among the five bands"),
    )
    return [f"{count} of {of.size} episodes {words}" for count, words in told if count]


def _beyond(every: Mapping[str, Curve]) -> list[str]:
    return [
        f"band {name} was followed to day {curve.followed_to:g} only: rmst_180 draws its curve on flat"
        for name, curve in every.items()
        if (mean := figures.mean_days(curve, ANALYSED_DAYS)) is not None and mean.extended
    ]
