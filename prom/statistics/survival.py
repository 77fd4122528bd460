"""How long relief lasts: Kaplan-Meier curves with their intervals, and the log-rank tests between groups.

A table of deaths and departures by day is counted once and everything is read from it, so a hundred thousand episodes
cost one pass over the data.

Sources:
    Kaplan & Meier 1958 (JASA 53:457): the estimate. Greenwood 1926: its variance.
    Kalbfleisch & Prentice 1980: the log-log interval. Brookmeyer & Crowley 1982 (Biometrics 38:29): the median's.
    Mantel 1966, Peto & Peto 1972: the log-rank test. Tarone 1975 (Biometrika 62:679): its test for trend.
    R's survival package (survfit, survdiff) for every convention the papers leave open.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prom.statistics import arrays, tails
from prom.statistics.arrays import FloatArray, IntArray

# R compares a curve with one half at this tolerance; a step that lies exactly on it puts the median in the middle.
_HALF_TOLERANCE = 1.4901161193847656e-08
# Counting days in a plain array is quicker than sorting them as long as the array is not much longer than the data.
_DENSE_DAYS = 1_024
_DAYS_A_PATIENT = 4
_PIECE = 8_192


@dataclass(frozen=True, slots=True)
class Table:
    """What happened when: a row per group, a column per distinct time.

    `at_risk` counts those still followed just before the time; events at a time come before departures at it.
    """

    times: FloatArray
    events: FloatArray
    censored: FloatArray
    at_risk: FloatArray


@dataclass(frozen=True, slots=True)
class Curve:
    """A Kaplan-Meier curve at its event times, with Greenwood standard errors and log-log limits.

    Where the curve has reached 0 the standard error and the limits do not exist and are NaN. A median or limit that the
    curve never reaches is None.
    """

    n: int
    events: int
    followed_to: float
    time: FloatArray
    n_risk: FloatArray
    n_event: FloatArray
    surv: FloatArray
    se: FloatArray
    low: FloatArray
    high: FloatArray
    censor_time: FloatArray
    censor_count: FloatArray
    median: float | None
    median_low: float | None
    median_high: float | None


@dataclass(frozen=True, slots=True)
class LogRank:
    """A log-rank test; `chi2` and `p` are None where the data hold nothing to compare."""

    observed: FloatArray
    expected: FloatArray
    variance: FloatArray
    chi2: float | None
    df: int
    p: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The curves of all groups and the log-rank test between them, from one count of the data."""

    curves: tuple[Curve, ...]
    logrank: LogRank


def tabulate(
    time: npt.ArrayLike, event: npt.ArrayLike, group: npt.ArrayLike | None = None, groups: int | None = None
) -> Table:
    """Count events and departures of every group at every distinct time."""
    times = arrays.durations(time)
    events = arrays.flags(event, times.size)
    grid, place = _grid(times)
    count = 1
    # One buffer is filled in place: a fresh array a step would make the system map and clear its pages on every call,
    # which takes several times as long as the counting.
    cell = np.zeros(times.size, dtype=np.int64)
    if group is not None:
        numbers = arrays.labels(group, times.size)
        count = max(groups or 0, int(numbers.max(initial=-1)) + 1)
        np.multiply(numbers, grid.size, out=cell)
    # Days may still be whole numbers kept as floats; adding them here spares an array of their own.
    np.add(cell, place, out=cell, casting="unsafe")
    cell *= 2
    cell += events
    counts = np.bincount(cell, minlength=count * grid.size * 2).reshape(count, grid.size, 2)
    seen = counts.any(axis=(0, 2))
    kept = counts[:, seen, :].astype(np.float64)
    leaving = kept.sum(axis=2)
    return Table(
        times=grid[seen],
        events=kept[:, :, 1],
        censored=kept[:, :, 0],
        at_risk=np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1],
    )


def _grid(times: IntArray | FloatArray) -> tuple[FloatArray, IntArray | FloatArray]:
    """Return the times that may occur and where each given time stands among them."""
    dense = times.size and times.max() < max(_DENSE_DAYS, _DAYS_A_PATIENT * times.size)
    if dense and (times.dtype.kind == "i" or _are_whole(times)):
        return np.arange(int(times.max()) + 1, dtype=np.float64), times
    distinct, place = np.unique(times, return_inverse=True)
    return distinct.astype(np.float64), place.astype(np.int64, copy=False)


def _are_whole(times: IntArray | FloatArray) -> bool:
    """Tell whether all times are whole numbers, looking at a cache's worth at a time."""
    pieces = (times[start : start + _PIECE] for start in range(0, times.size, _PIECE))
    return all(bool((piece == np.trunc(piece)).all()) for piece in pieces)


def kaplan_meier(time: npt.ArrayLike, event: npt.ArrayLike, level: float = 0.95) -> Curve:
    """Return the Kaplan-Meier curve of one group."""
    return curve_of(tabulate(time, event), 0, level)


def compare(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    group: npt.ArrayLike,
    groups: int | None = None,
    level: float = 0.95,
) -> Comparison:
    """Return the curve of every group 0, 1, ... and the log-rank test between them."""
    table = tabulate(time, event, group, groups)
    curves = tuple(curve_of(table, row, level) for row in range(table.events.shape[0]))
    return Comparison(curves, logrank_of(table))


def curve_of(table: Table, row: int, level: float = 0.95) -> Curve:
    """Return the Kaplan-Meier curve of one row of a table."""
    died = table.events[row] > 0
    left = table.censored[row] > 0
    time, n_event, n_risk = table.times[died], table.events[row][died], table.at_risk[row][died]
    surv = np.cumprod((n_risk - n_event) / n_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.sqrt(np.cumsum(n_event / (n_risk * (n_risk - n_event))))
        log_surv = np.log(surv)
        reach = np.exp(tails.half_width(level) * relative / log_surv)
        se = surv * relative
        low, high = np.exp(log_surv / reach), np.exp(log_surv * reach)
    present = table.times[died | left]
    return Curve(
        n=int(table.at_risk[row][0]) if table.times.size else 0,
        events=int(n_event.sum()),
        followed_to=float(present[-1]) if present.size else 0.0,
        time=time,
        n_risk=n_risk,
        n_event=n_event,
        surv=surv,
        se=se,
        low=low,
        high=high,
        censor_time=table.times[left],
        censor_count=table.censored[row][left],
        median=_first_half(time, surv),
        median_low=_first_half(time, low),
        median_high=_first_half(time, high),
    )


def _first_half(time: FloatArray, curve: FloatArray) -> float | None:
    """Return when a curve first falls to one half, midway along a step that lies exactly on it, or None."""
    # NaN compares as false: the undefined limits at a survival of 0 are passed over, as R does.
    reached = np.flatnonzero(curve < 0.5 + _HALF_TOLERANCE)
    if not reached.size:
        return None
    first = int(reached[0])
    below = np.flatnonzero(curve < curve[first])
    if abs(curve[first] - 0.5) < _HALF_TOLERANCE and below.size:
        return float((time[first] + time[below[0]]) / 2.0)
    return float(time[first])


def survival_at(curve: Curve, times: npt.ArrayLike) -> FloatArray:
    """Return the share still without the event at (and including) each time."""
    return np.append(1.0, curve.surv)[np.searchsorted(curve.time, np.asarray(times, dtype=np.float64), side="right")]


def limits_at(curve: Curve, time: float) -> tuple[float, float, float]:
    """Return survival at one time with its lower and upper limit; (1, 1, 1) before the first event."""
    place = int(np.searchsorted(curve.time, time, side="right")) - 1
    if place < 0:
        return 1.0, 1.0, 1.0
    return float(curve.surv[place]), float(curve.low[place]), float(curve.high[place])


def at_risk(curve: Curve, times: npt.ArrayLike) -> FloatArray:
    """Return how many are still followed without the event just before each time."""
    asked = np.asarray(times, dtype=np.float64)
    lost = np.append(0.0, np.cumsum(curve.n_event))[np.searchsorted(curve.time, asked, side="left")]
    gone = np.append(0.0, np.cumsum(curve.censor_count))[np.searchsorted(curve.censor_time, asked, side="left")]
    return np.asarray(curve.n - lost - gone, dtype=np.float64)


def steps(curve: Curve) -> list[list[float | None]]:
    """Return rows of [time, survival, low, high, at risk] from time 0 on, with None for limits that do not exist."""
    rows: list[list[float | None]] = [[0.0, 1.0, 1.0, 1.0, float(curve.n)]]
    for time, surv, low, high, risk in zip(curve.time, curve.surv, curve.low, curve.high, curve.n_risk, strict=True):
        known = bool(np.isfinite(low))
        limits = [float(low), float(high)] if known else [None, None]
        rows.append([float(time), float(surv), *limits, float(risk)])
    return rows


def logrank(time: npt.ArrayLike, event: npt.ArrayLike, group: npt.ArrayLike) -> LogRank:
    """Test whether the groups 0, 1, ... share one survival curve."""
    return logrank_of(tabulate(time, event, group))


def logrank_of(table: Table) -> LogRank:
    """Return the log-rank test between the rows of a table; rows in which nothing was expected do not count."""
    deaths = table.events.sum(axis=0)
    when = deaths > 0
    deaths, risk = deaths[when], table.at_risk[:, when]
    everyone = risk.sum(axis=0)
    share = risk / everyone
    observed, expected = table.events.sum(axis=1), share @ deaths
    # With one patient left at risk the hypergeometric variance is 0, not 0/0.
    spread = deaths * (everyone - deaths) / np.maximum(everyone - 1.0, 1.0)
    variance = np.diag(share @ spread) - (share * spread) @ share.T
    kept = np.flatnonzero(expected > 0)
    df = max(kept.size - 1, 0)
    difference, block = (observed - expected)[kept][1:], variance[np.ix_(kept, kept)][1:, 1:]
    if df == 0 or np.linalg.matrix_rank(block, hermitian=True) < df:
        return LogRank(observed, expected, variance, None, df, None)
    chi2 = float(difference @ np.linalg.solve(block, difference))
    return LogRank(observed, expected, variance, chi2, df, tails.chi_square_upper(chi2, df))


def trend(test: LogRank, scores: npt.ArrayLike | None = None) -> LogRank:
    """Return the one-degree test for a steady change along ordered groups, scored 0, 1, 2, ... by default."""
    weights = np.arange(test.observed.size, dtype=np.float64) if scores is None else np.asarray(scores, np.float64)
    spread = float(weights @ test.variance @ weights)
    # Rounding leaves a variance of about 1e-16 where there is none.
    if spread <= 1e-12 * max(1.0, float(weights @ weights)):
        return LogRank(test.observed, test.expected, test.variance, None, 1, None)
    chi2 = float(weights @ (test.observed - test.expected)) ** 2 / spread
    return LogRank(test.observed, test.expected, test.variance, chi2, 1, tails.chi_square_upper(chi2, 1))
