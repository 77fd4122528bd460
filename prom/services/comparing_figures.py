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

from prom.domain import scoring
from prom.services.comparing_columns import FIVE, TWO, Columns, Flags, Floats, Ints
from prom.statistics import cox, guards, intervals, rmst, survival
from prom.statistics.cox import Coefficient, ProportionalHazards
from prom.statistics.survival import Curve, LogRank

CSI_STEP_POINTS = 10.0
AGE_STEP_YEARS = 10.0
# An adjusting covariate that so many patients lack would cost more patients than it explains.
LEAST_RECORDED = 0.8
# A model of more responders than this is no sharper on paper, and needs more memory than a clinic's machine has.
MOST_MODELLED = 100_000
DOUBTFUL_P = 0.05


@dataclass(frozen=True, slots=True)
class Bands:
    """A way to divide a cohort: the names of the bands and the number of each episode's, -1 where it is open."""

    names: tuple[str, ...]
    place: Ints

    def members(self, name: str) -> Flags:
        """Return which episodes are in a band."""
        return np.asarray(self.place == self.names.index(name), dtype=np.bool_)


def two_bands(of: Columns, cut_off: int = scoring.CUT_OFF) -> Bands:
    """Return the division at a cut-off, 40 points if none is named."""
    return Bands(TWO, of.halves(cut_off))


def five_bands(of: Columns) -> Bands:
    """Return the division into the five severity bands."""
    return Bands(FIVE, of.five)


def curves(of: Columns, bands: Bands) -> dict[str, Curve]:
    """Return the Kaplan-Meier curve of the responders of each band."""
    lost, times = of.lost, of.time
    return {
        name: survival.kaplan_meier(times[chosen], lost[chosen])
        for name in bands.names
        for chosen in [of.responder & bands.members(name)]
    }


def logrank(of: Columns, bands: Bands) -> LogRank:
    """Return the log-rank test between the responders of the bands."""
    chosen = of.responder & (bands.place >= 0)
    return survival.logrank_of(
        survival.tabulate(of.time[chosen], of.lost[chosen], bands.place[chosen], len(bands.names))
    )


def standing(found: Mapping[str, Curve]) -> guards.Guards:
    """Return what stands against comparing bands: those with fewer than 10 patients or 5 events."""
    return guards.guards({name: (curve.n, curve.events) for name, curve in found.items()})


def estimate(of: Columns, chosen: Flags, most: int | None = None) -> intervals.Estimate:
    """Return the estimate that knows only the interval of each loss; of more than `most` an even choice is taken."""
    members = evenly(np.flatnonzero(of.responder & chosen), most)
    return intervals.estimate(of.left[members], of.right[members])


def interval_test(of: Columns, bands: Bands, most: int | None = None) -> intervals.IntervalTest:
    """Return the interval-censored log-rank test (Sun's scores) between the responders of the bands."""
    members = evenly(np.flatnonzero(of.responder & (bands.place >= 0)), most)
    score = intervals.scores(of.left[members], of.right[members])
    return intervals.permutation_test(score, bands.place[members])


def evenly(members: Ints, most: int | None) -> Ints:
    """Return all members, or of more than `most` an even choice, the same one each time."""
    if most is None or members.size <= most:
        return members
    return members[np.linspace(0, members.size - 1, most).astype(np.int64)]


def mean_days(curve: Curve, tau: float) -> rmst.RestrictedMean | None:
    """Return the mean days with relief up to tau, or None without patients."""
    return rmst.restricted_mean(curve, tau) if curve.n else None


@dataclass(frozen=True, slots=True)
class Hazards:
    """Hazard ratios of losing relief with the check of each that it is constant, and what stands against them."""

    coefficients: tuple[Coefficient, ...]
    checks: tuple[ProportionalHazards, ...]
    n: int
    events: int
    warnings: tuple[str, ...]


CSI_COVARIATES = ("csi_per_10", "csi_40_or_more")


def hazards(of: Columns, cut_off: int = scoring.CUT_OFF) -> Hazards:
    """Return the hazard ratio per 10 CSI points with its adjusters, then that from the cut-off on, adjusted alike."""
    halves = of.halves(cut_off)
    first = _model(of, CSI_COVARIATES[0], of.csi.astype(np.float64) / CSI_STEP_POINTS)
    second = _model(of, CSI_COVARIATES[1], np.where(halves < 0, np.nan, halves.astype(np.float64)))
    return Hazards(
        coefficients=first.coefficients + second.coefficients[:1],
        checks=first.checks + second.checks[:1],
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
    chosen = evenly(np.flatnonzero(whole), MOST_MODELLED)
    if chosen.size < whole.sum():
        told.append(f"the Cox model uses an even choice of {chosen.size} of {int(whole.sum())} responders")
    return _fitted(of, chosen, {name: covariate, **adjusters}, told)


def _fitted(of: Columns, chosen: Ints, covariates: Mapping[str, Floats], told: Sequence[str]) -> Hazards:
    lost = of.lost[chosen]
    events = int(lost.sum())
    if not chosen.size:
        return Hazards((), (), 0, 0, (*told, "no responder has a complete CSI: there is no Cox model"))
    matrix = np.column_stack([values[chosen] for values in covariates.values()])
    fit = cox.fit(of.time[chosen], lost, matrix, list(covariates), of.procedure[chosen])
    few = guards.guards({}, len(covariates), events).few
    doubts = [
        f"the hazard ratio of {check.covariate} changes with time (p = {check.p:.3g})"
        for check in fit.checks[:1]
        if check.p is not None and check.p < DOUBTFUL_P
    ]
    return Hazards(
        coefficients=fit.coefficients,
        checks=fit.checks,
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
