"""Relief lost between two answers: the estimate and the tests that do not pretend to know the day.

An observation says that the event fell in (left, right]: after the last held answer, not later than the one that
showed the loss. A right end of infinity means never seen. Left equal to right means seen to happen at that very time.
A left end of minus infinity means at or before the right end (left-censored).

Sources:
    Peto 1973 (Appl Stat 22:86) and Turnbull 1976 (JRSS B 38:290): the estimate and its boxes.
    Sun 1996 (Stat Med 15:1387) and Finkelstein 1986 (Biometrics 42:845): the scores of the two log-rank tests.
    Fay & Shaw 2010 (J Stat Softw 36:2): both as permutation tests, whose numbers these reproduce.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from prom.statistics import arrays, npmle, tails
from prom.statistics.arrays import FloatArray, IntArray

Kind = Literal["sun", "finkelstein"]

# All ways to deal out the groups are tried up to this many; beyond it the normal approximation serves.
MOST_ARRANGEMENTS = 200_000


@dataclass(frozen=True, slots=True)
class Box:
    """A stretch (left, right] that holds `mass`; where inside it is not known. Left = right is a single time."""

    left: float
    right: float
    mass: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """The nonparametric maximum-likelihood estimate: the boxes that hold mass, in order of time.

    `missed` is by how much the Kuhn-Tucker conditions are missed; `proven` says that this is no more than rounding.
    """

    boxes: tuple[Box, ...]
    n: float
    loglik: float
    missed: float

    @property
    def proven(self) -> bool:
        """Tell whether the estimate is the maximum, by the Kuhn-Tucker conditions."""
        return self.missed <= npmle.PROVEN


@dataclass(frozen=True, slots=True)
class IntervalTest:
    """An interval log-rank test; `u` sums the scores of each group, negative where events come late.

    `z` belongs to the first of two groups and is None for more; statistic and p are None where nothing can be compared.
    """

    u: FloatArray
    chi2: float | None
    df: int
    p: float | None
    z: float | None


@dataclass(frozen=True, slots=True)
class ExactP:
    """Exact permutation p values for the first group's score sum: as small or smaller, as large or larger, as far."""

    less: float
    greater: float
    two_sided: float
    arrangements: int


@dataclass(frozen=True, slots=True)
class _Fit:
    """Every maximal intersection with its mass, and the run of them that each observation covers."""

    ends: list[tuple[float, float]]
    mass: FloatArray
    first: IntArray
    last: IntArray
    missed: float


def estimate(left: npt.ArrayLike, right: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> Estimate:
    """Return the estimate for observations (left, right], each counted `weight` times."""
    starts, stops = _checked(left, right)
    times = np.ones(starts.size) if weight is None else np.asarray(weight, dtype=np.float64)
    if times.shape != starts.shape or (times < 0).any():
        raise ValueError("weights must be as many as the intervals, and not negative")
    used = times > 0
    if not used.any():
        return Estimate((), 0.0, 0.0, 0.0)
    fit = _fit(starts[used], stops[used], times[used])
    covered = _covered(fit)
    boxes = tuple(
        Box(max(a, 0.0), b, float(mass))
        for (a, b), mass in zip(fit.ends, fit.mass, strict=True)
        if mass > npmle.NEGLIGIBLE
    )
    return Estimate(boxes, float(times.sum()), float(times[used] @ np.log(covered)), fit.missed)


def _checked(left: npt.ArrayLike, right: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    starts, stops = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if starts.ndim != 1 or starts.shape != stops.shape:
        raise ValueError("left and right ends must be two flat lists of one length")
    # Comparisons with NaN are false, so it is refused by each of these.
    if not ((starts >= 0) | (starts == -np.inf)).all() or not (stops >= np.maximum(starts, 0.0)).all():
        raise ValueError("an interval must not be negative, nor end before it begins")
    if (starts == np.inf).any():
        raise ValueError("an interval must begin at a finite time")
    return starts, stops


def _fit(starts: FloatArray, stops: FloatArray, weight: FloatArray) -> _Fit:
    """Find the boxes and their masses; equal observations are counted once."""
    grid = np.unique(np.concatenate((starts, stops)))
    # Place 2r is the time r itself, 2r + 1 the open stretch after it: (left, right] begins just after left, and a
    # single time is a place of its own. Minus infinity comes before every time.
    begin = 2 * np.searchsorted(grid, starts) + np.where((starts == stops) | (starts == -np.inf), 0, 1)
    end = 2 * np.searchsorted(grid, stops)
    lows, highs = _intersections(begin, end)
    first = np.searchsorted(lows, begin)
    last = np.searchsorted(highs, end, side="right") - 1
    pairs, which = np.unique(first * lows.size + last, return_inverse=True)
    shares = np.bincount(which, weights=weight) / weight.sum()
    mass, missed = npmle.maximise(npmle.Rows(pairs // lows.size, pairs % lows.size, shares, lows.size))
    ends = [(float(grid[low // 2]), float(grid[high // 2])) for low, high in zip(lows, highs, strict=True)]
    return _Fit(ends, mass, first, last, missed)


def _intersections(begin: IntArray, end: IntArray) -> tuple[IntArray, IntArray]:
    """Return first and last place of every stretch that begins with a beginning, and ends with the next end."""
    begins, stops = np.unique(begin), np.unique(end)
    following = stops[np.searchsorted(stops, begins)]
    # Of several beginnings before one end the last makes the box.
    chosen = np.append(following[1:] != following[:-1], True)
    return begins[chosen], following[chosen]


def _covered(fit: _Fit) -> FloatArray:
    running = np.concatenate(([0.0], np.cumsum(fit.mass)))
    return np.asarray(running[fit.last + 1] - running[fit.first], dtype=np.float64)


def survival_at(found: Estimate, time: float) -> tuple[float, float]:
    """Return the lowest and highest survival at a time that the estimate allows; they differ inside a box."""
    gone = sum(box.mass for box in found.boxes if box.right <= time)
    perhaps = sum(box.mass for box in found.boxes if box.left < time < box.right)
    return max(1.0 - gone - perhaps, 0.0), max(1.0 - gone, 0.0)


def median(found: Estimate) -> tuple[float, float] | None:
    """Return the box in which survival crosses one half, or None where it does not within the follow-up."""
    gone = 0.0
    for box in found.boxes:
        gone += box.mass
        if gone >= 0.5 - 1e-9:
            return None if math.isinf(box.right) else (box.left, box.right)
    return None


def scores(left: npt.ArrayLike, right: npt.ArrayLike, kind: Kind = "sun") -> FloatArray:
    """Return the log-rank score of each observation under the estimate of all together; they add up to 0.

    Sun's uses the Nelson-Aalen form of the cumulative hazard, Finkelstein's minus the logarithm of survival.
    """
    starts, stops = _checked(left, right)
    if not starts.size:
        return np.zeros(0)
    fit = _fit(starts, stops, np.ones(starts.size))
    # S after each box; the mass still to come is summed from the far end, so that it is never a rounding residue.
    surv = np.concatenate((np.cumsum(fit.mass[::-1])[::-1], [0.0])) / fit.mass.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "sun":
            hazard = np.where(fit.mass > 0, fit.mass / (surv[:-1] * fit.mass.sum()), 0.0)
            log = -np.concatenate(([0.0], np.cumsum(hazard)))
        else:
            log = np.log(surv)
    # S log S goes to 0 with S.
    part = np.where(surv > 0, surv * np.where(surv > 0, log, 0.0), 0.0)
    spread = surv[fit.first] - surv[fit.last + 1]
    return np.asarray((part[fit.first] - part[fit.last + 1]) / spread, dtype=np.float64)


def permutation_test(score: npt.ArrayLike, group: npt.ArrayLike) -> IntervalTest:
    """Return the permutation log-rank test of scores between the groups 0, 1, ..., by its normal approximation."""
    values = np.asarray(score, dtype=np.float64)
    numbers = arrays.labels(group, values.size)
    counts = np.bincount(numbers)
    u = np.asarray(np.bincount(numbers, weights=values, minlength=counts.size), dtype=np.float64)
    df = int((counts > 0).sum()) - 1
    total = float(((values - values.mean()) ** 2).sum()) if values.size else 0.0
    if df < 1 or total <= 1e-18:
        return IntervalTest(u, None, max(df, 0), None, None)
    excess = u[counts > 0] - counts[counts > 0] * values.mean()
    chi2 = (values.size - 1) * float((excess**2 / counts[counts > 0]).sum()) / total
    z = math.copysign(math.sqrt(chi2), float(excess[0])) if df == 1 else None
    return IntervalTest(u, chi2, df, tails.chi_square_upper(chi2, df), z)


def exact_p(score: npt.ArrayLike, group: npt.ArrayLike) -> ExactP | None:
    """Return the exact permutation p values of two small groups, or None where there are too many arrangements."""
    values = np.asarray(score, dtype=np.float64)
    numbers = arrays.labels(group, values.size)
    first = np.flatnonzero(numbers == numbers.min(initial=0))
    arrangements = math.comb(values.size, first.size)
    if np.unique(numbers).size != 2 or arrangements > MOST_ARRANGEMENTS:
        return None
    chosen = np.array(list(itertools.combinations(range(values.size), first.size)))
    sums, seen = values[chosen].sum(axis=1), float(values[first].sum())
    middle = values.mean() * first.size
    # Equal sums differ in their last digits; they must count as equal.
    slack = 1e-9 * (1.0 + float(np.abs(values).sum()))
    far = np.abs(sums - middle) >= abs(seen - middle) - slack
    less, greater = float((sums <= seen + slack).mean()), float((sums >= seen - slack).mean())
    return ExactP(less, greater, float(far.mean()), arrangements)
