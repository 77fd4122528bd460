"""Responders, time to lost relief and what competes with it, of a cohort, as the page shows them.

Sources:
    [P] Denominators, best and worst case, and the sensitivity analyses: CLINICAL rules, section 6, definition
        version 1.
"""

import math

import numpy as np

from prom.domain.relief import State
from prom.services import comparing_figures as figures
from prom.services.comparing_columns import STATES, Columns, Flags, Floats, Ints
from prom.services.comparing_figures import Bands
from prom.services.comparing_views import (
    Between,
    Box,
    Curve,
    Hazard,
    Incidence,
    IncidencePoint,
    Lane,
    MeanDays,
    Responders,
    Sensitivity,
    Share,
    Step,
    Survival,
    Test,
)
from prom.statistics import competing, responders, rmst, survival
from prom.statistics.cox import Coefficient

MEAN_DAYS_TO = (180, 365)
# More responders of a band than these make the estimate between visits slower, not sharper.
MOST_INTERVALS = 2_000
LANES = 24
CAUSES = ("loss", "repeat", "surgery", "death")
EVERYONE = "all"
_ONGOING = (State.SUSTAINED_RESPONDER, State.HELD_BELOW_THRESHOLD, State.IN_RELIEF_ONGOING)


def divided(of: Columns, bands: Bands) -> Survival:
    """Return curves, estimates between visits and tests of one division into bands."""
    found = figures.curves(of, bands)
    allows_p = figures.standing({name: curve for name, curve in found.items() if curve.n}).allows_p
    test = figures.logrank(of, bands)
    tests = [Test("log-rank", test.chi2, test.df, test.p if allows_p else None)]
    if len(bands.names) > 2:
        steady = survival.trend(test)
        tests.append(Test("log-rank for trend", steady.chi2, steady.df, steady.p if allows_p else None))
    between = figures.interval_test(of, bands, MOST_INTERVALS * len(bands.names))
    tests.append(Test("interval log-rank", between.chi2, between.df, between.p if allows_p else None))
    return Survival(
        curves=tuple(_curve(name, curve) for name, curve in found.items()),
        between=tuple(_between(of, bands, name) for name in bands.names),
        tests=tuple(tests),
    )


def _curve(name: str, curve: survival.Curve) -> Curve:
    deaths = [curve.n, *curve.n_risk.tolist()], [0, *curve.n_event.tolist()]
    steps = [
        Step(row[0] or 0.0, row[1] or 0.0, row[2], row[3], int(risk), int(lost))
        for row, risk, lost in zip(survival.steps(curve), *deaths, strict=True)
    ]
    return Curve(
        band=name,
        n=curve.n,
        events=curve.events,
        drawn=not figures.standing({name: curve}).small,
        steps=tuple(steps),
        censored=tuple(zip(curve.censor_time.tolist(), map(int, curve.censor_count), strict=True)),
        median=curve.median,
        median_low=curve.median_low,
        median_high=curve.median_high,
    )


def _between(of: Columns, bands: Bands, name: str) -> Between:
    found = figures.estimate(of, bands.members(name), MOST_INTERVALS)
    before, boxes = 1.0, []
    for box in found.boxes:
        after = max(before - box.mass, 0.0)
        boxes.append(Box(box.left, box.right if math.isfinite(box.right) else None, before, after))
        before = after
    return Between(name, int(found.n), tuple(boxes))


def hazard(one: Coefficient) -> Hazard:
    """Return a hazard ratio as the page shows it; an infinite limit is not shown."""
    high = one.high if one.high is None or math.isfinite(one.high) else None
    return Hazard(one.covariate, one.hr, one.low, high, one.p)


def mean_days(of: Columns) -> tuple[MeanDays, ...]:
    """Return the mean days with relief in both bands and their difference."""
    low, high = figures.curves(of, figures.two_bands(of)).values()
    found = []
    for tau in MEAN_DAYS_TO:
        below, above = figures.mean_days(low, tau), figures.mean_days(high, tau)
        gap = rmst.difference(above, below) if above is not None and below is not None else None
        small = bool(figures.standing({"below": low, "above": high}).small)
        found.append(
            MeanDays(
                tau=tau,
                below_40=None if below is None else below.value,
                from_40=None if above is None else above.value,
                difference=None if gap is None else gap.value,
                low=None if gap is None else gap.low,
                high=None if gap is None else gap.high,
                p=None if gap is None or small else gap.p,
                flat=any(one is not None and one.extended for one in (below, above)),
            )
        )
    return tuple(found)


def sensitivity(of: Columns) -> tuple[Sensitivity, ...]:
    """Return the two-band comparison with other populations and events, beside the main one."""
    open_run = ~np.isnan(of.pending)
    return (
        _sensitivity("responders", of, of.lost, of.time),
        _sensitivity("response confirmed by the mean of the window", of.only(of.confirmed), None, None),
        _sensitivity("open runs of bad scores counted as losses", of, of.lost | open_run, _or(of.pending, of.time)),
    )


def _or(first: Floats, second: Floats) -> Floats:
    return np.where(np.isnan(first), second, first)


def _sensitivity(name: str, of: Columns, lost: Flags | None, time: Floats | None) -> Sensitivity:
    bands = figures.two_bands(of)
    found = figures.curves(of, bands, lost=lost, time=time)
    low, high = found.values()
    test = figures.logrank(of, bands, lost=lost, time=time)
    p = test.p if figures.standing(found).allows_p else None
    return Sensitivity(name, low.n + high.n, low.events + high.events, low.median, high.median, p)


def shares(of: Columns, bands: Bands) -> tuple[Responders, ...]:
    """Return responders and success at the horizon, of everyone and of each band."""
    held, failed, unknown = of.successes
    failing = np.array([state is State.NON_RESPONDER for state in STATES])[of.state]
    found = []
    for name in (EVERYONE, *bands.names):
        members = np.ones(of.size, dtype=np.bool_) if name == EVERYONE else bands.members(name)
        known = int((members & (of.responder | failing)).sum())
        success = responders.success(*(int((members & one).sum()) for one in (held, failed, unknown)))
        found.append(
            Responders(
                band=name,
                response=_share(responders.share(int((members & of.responder).sum()), known)),
                confirmed=_share(responders.share(int((members & of.responder & of.confirmed).sum()), known)),
                success=_share(success.known),
                worst=_share(success.worst),
                best=_share(success.best),
                unknown=success.unknown,
            )
        )
    return tuple(found)


def _share(one: responders.Share) -> Share:
    return Share(one.count, one.n, one.value, one.low, one.high)


def incidences(of: Columns, bands: Bands) -> tuple[Incidence, ...]:
    """Return the cumulative incidence of a loss, a repeat, surgery and a death, of everyone and of each band."""
    cause = np.where(of.lost, 1, np.where(of.competing > 0, of.competing + 1, 0))
    time = np.where(of.competing > 0, of.competing_day, of.time)
    found = []
    for name in (EVERYONE, *bands.names):
        members = of.responder if name == EVERYONE else of.responder & bands.members(name)
        curves = competing.cumulative_incidence(time[members], cause[members], len(CAUSES))
        found += [_incidence(name, label, curve) for label, curve in zip(CAUSES, curves, strict=True)]
    return tuple(found)


def _incidence(name: str, cause: str, curve: competing.Incidence) -> Incidence:
    points = tuple(
        IncidencePoint(
            float(curve.time[at]), float(curve.incidence[at]), _finite(curve.low[at]), _finite(curve.high[at])
        )
        for at in np.flatnonzero(curve.n_event > 0)
    )
    return Incidence(name, cause, curve.n, curve.events, points)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def lanes(of: Columns, last_reading: Ints) -> tuple[Lane, ...]:
    """Return the lanes of the 24 patients with the highest CSI whose response is known, the highest first.

    They carry the episode's id as text, until its public id is put there.
    """
    settled = of.responder | (of.state == STATES.index(State.NON_RESPONDER))
    able = np.flatnonzero(settled & ~np.isnan(of.csi))
    chosen = able[np.lexsort((of.episode[able], -of.csi[able]))][:LANES]
    return tuple(_lane(of, int(one), int(last_reading[one])) for one in chosen)


def _lane(of: Columns, one: int, last: int) -> Lane:
    end = _end(of, one)
    responded = bool(of.responder[one])
    until = (
        float(of.competing_day[one]) if end == "competing" else float(max(last, of.right[one] if of.lost[one] else 0))
    )
    return Lane(
        public_id=str(of.episode[one]),
        csi=int(of.csi[one]),
        begins=float(of.first_day[one]) if responded else None,
        held_until=float(of.left[one]) if responded else None,
        until=until,
        end=end,
    )


def _end(of: Columns, one: int) -> str:
    state = STATES[of.state[one]]
    if of.lost[one]:
        return "lost"
    if state is State.NON_RESPONDER:
        return "never"
    if of.competing[one]:
        return "competing"
    if state is State.SUSPECTED_LOSS:
        return "suspected"
    return "ongoing" if state in _ONGOING else "silent"
