"""Time to lost relief by CSI band: curves, tests and models on the columns of a cohort.

Sources:
    [P] Population, time, event and censoring of every figure, and the guards: CLINICAL rules, section 6, definition
        version 1. Responders only; the event is at R, or in (L, R] where the estimate knows intervals.
    [S] Neblett 2013 (J Pain 14:438): 40 points, the cut-off of the two bands. The methods have theirs in
        prom/statistics.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from prom.services.comparing_columns import FIVE, TWO, Columns, Flags, Floats, Ints
from prom.statistics import cox, guards, intervals, rmst, survival
from prom.statistics.cox import Coefficient
from prom.statistics.survival import Curve, LogRank

CSI_STEP_POINTS = 10.0
AGE_STEP_YEARS = 10.0
# An adjusting covariate that so many patients lack would cost more patients than it explains.
LEAST_RECORDED = 0.8
DOUBTFUL_P = 0.05


@dataclass(frozen=True, slots=True)
class Bands:
    """A way to divide a cohort: the names of the bands and the number of each episode's, -1 where it is open."""

    names: tuple[str, ...]
    place: Ints

    def members(self, name: str) -> Flags:
        """Return which episodes are in a band."""
        return np.asarray(self.place == self.names.index(name), dtype=np.bool_)


def two_bands(of: Columns) -> Bands:
    """Return the division at 40 points."""
    return Bands(TWO, of.two)


def five_bands(of: Columns) -> Bands:
    """Return the division into the five severity bands."""
    return Bands(FIVE, of.five)


def curves(of: Columns, bands: Bands, *, lost: Flags | None = None, time: Floats | None = None) -> dict[str, Curve]:
    """Return the Kaplan-Meier curve of the responders of each band; other events and times may be given."""
    events, times = of.lost if lost is None else lost, of.time if time is None else time
    return {
        name: survival.kaplan_meier(times[chosen], events[chosen])
        for name in bands.names
        for chosen in [of.responder & bands.members(name)]
    }


def logrank(of: Columns, bands: Bands, *, lost: Flags | None = None, time: Floats | None = None) -> LogRank:
    """Return the log-rank test between the responders of the bands."""
    events, times = of.lost if lost is None else lost, of.time if time is None else time
    chosen = of.responder & (bands.place >= 0)
    return survival.logrank_of(survival.tabulate(times[chosen], events[chosen], bands.place[chosen], len(bands.names)))


def standing(found: Mapping[str, Curve]) -> guards.Guards:
    """Return what stands against comparing bands: those with fewer than 10 patients or 5 events."""
    return guards.guards({name: (curve.n, curve.events) for name, curve in found.items()})


def estimate(of: Columns, chosen: Flags, most: int | None = None) -> intervals.Estimate:
    """Return the estimate that knows only the interval of each loss; of more than `most` an even choice is taken."""
    members = np.flatnonzero(of.responder & chosen)
    if most is not None and members.size > most:
        members = members[np.linspace(0, members.size - 1, most).astype(np.int64)]
    return intervals.estimate(of.left[members], of.right[members])


def interval_test(of: Columns, bands: Bands, most: int | None = None) -> intervals.IntervalTest:
    """Return the interval-censored log-rank test (Sun's scores) between the responders of the bands."""
    members = np.flatnonzero(of.responder & (bands.place >= 0))
    if most is not None and members.size > most:
        members = members[np.linspace(0, members.size - 1, most).astype(np.int64)]
    score = intervals.scores(of.left[members], of.right[members])
    return intervals.permutation_test(score, bands.place[members])


def mean_days(curve: Curve, tau: float) -> rmst.RestrictedMean | None:
    """Return the mean days with relief up to tau, or None without patients."""
    return rmst.restricted_mean(curve, tau) if curve.n else None


@dataclass(frozen=True, slots=True)
class Hazards:
    """Hazard ratios of losing relief, and what stands against them."""

    coefficients: tuple[Coefficient, ...]
    n: int
    events: int
    warnings: tuple[str, ...]


CSI_COVARIATES = ("csi_per_10", "csi_40_or_more")


def hazards(of: Columns) -> Hazards:
    """Return the hazard ratio per 10 CSI points with its adjusters, then that of 40 or more, adjusted for the same."""
    score, half = of.csi.astype(np.float64) / CSI_STEP_POINTS, np.where(of.two < 0, np.nan, of.two.astype(np.float64))
    first = _model(of, CSI_COVARIATES[0], score)
    second = _model(of, CSI_COVARIATES[1], half)
    return Hazards(
        coefficients=first.coefficients + second.coefficients[:1],
        n=first.n,
        events=first.events,
        warnings=tuple(dict.fromkeys(first.warnings + second.warnings)),
    )


def _model(of: Columns, name: str, covariate: Floats) -> Hazards:
    members = of.responder & ~np.isnan(covariate)
    adjusters, told = _adjusters(of, members)
    whole = members.copy()
    for values in adjusters.values():
        whole &= ~np.isnan(values)
    gaps = int(members.sum() - whole.sum())
    told += [f"{gaps} responders left out of the Cox model: an adjusting covariate is missing"] if gaps else []
    return _fitted(of, whole, {name: covariate, **adjusters}, told)


def _fitted(of: Columns, whole: Flags, covariates: Mapping[str, Floats], told: Sequence[str]) -> Hazards:
    events = int(of.lost[whole].sum())
    if not whole.any():
        return Hazards((), 0, 0, (*told, "no responder has a complete CSI: there is no Cox model"))
    matrix = np.column_stack([values[whole] for values in covariates.values()])
    fit = cox.fit(of.time[whole], of.lost[whole], matrix, list(covariates), of.procedure[whole])
    few = guards.guards({}, len(covariates), events).few
    doubts = [
        f"the hazard ratio of {check.covariate} changes with time (p = {check.p:.3g})"
        for check in fit.checks[:1]
        if check.p is not None and check.p < DOUBTFUL_P
    ]
    return Hazards(
        coefficients=fit.coefficients,
        n=fit.n,
        events=events,
        warnings=(*told, *((str(few),) if few else ()), *fit.warnings, *doubts),
    )


def _adjusters(of: Columns, members: Flags) -> tuple[dict[str, Floats], list[str]]:
    """Return the adjusting covariates that are recorded for enough members and vary, and which were left out.

    What this clinic never records is not worth a warning.
    """
    offered = {
        "baseline_nrs": of.baseline,
        "age_per_10": of.age.astype(np.float64) / AGE_STEP_YEARS,
        "male": of.male,
        "phq4": of.phq4,
        "opioids": of.opioids,
    }
    taken: dict[str, Floats] = {}
    told = []
    for name, values in offered.items():
        known = values[members & ~np.isnan(values)]
        if not known.size:
            continue
        if known.size < LEAST_RECORDED * members.sum():
            told += [f"not adjusted for {name}: recorded for {known.size} of {int(members.sum())} responders"]
        elif np.ptp(known) > 0:
            taken[name] = values
    return taken, told
