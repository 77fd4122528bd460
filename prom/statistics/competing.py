"""Cumulative incidence when another event can come first: a repeat procedure, surgery or death before relief is lost.

One minus Kaplan-Meier would treat those patients as if they could still lose relief, and so overstate the risk.

Sources:
    Aalen & Johansen 1978 (Scand J Stat 5:141): the estimate.
    Marubini & Valsecchi 1995, 10.2.2: its delta-method variance.
    Choudhury 2002 (Stat Med 21:1129): the log-log interval.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from prom.statistics import arrays, tails
from prom.statistics.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Incidence:
    """Cumulative incidence of one cause at every time at which any cause struck; limits are NaN while it is 0 or 1."""

    cause: int
    n: int
    events: int
    time: FloatArray
    n_risk: FloatArray
    n_event: FloatArray
    incidence: FloatArray
    se: FloatArray
    low: FloatArray
    high: FloatArray


def cumulative_incidence(
    time: npt.ArrayLike, cause: npt.ArrayLike, causes: int | None = None, level: float = 0.95
) -> tuple[Incidence, ...]:
    """Return the Aalen-Johansen curves of causes 1, 2, ...; cause 0 is a censored time."""
    times = arrays.durations(time)
    kinds = arrays.labels(cause, times.size)
    count = max(causes or 1, int(kinds.max(initial=0)))
    grid, place = np.unique(times.astype(np.float64), return_inverse=True)
    struck = np.bincount(place * (count + 1) + kinds, minlength=grid.size * (count + 1)).reshape(grid.size, count + 1)
    return incidences_of(grid, struck, level)


def incidences_of(times: FloatArray, counts: npt.NDArray[Any], level: float = 0.95) -> tuple[Incidence, ...]:
    """Return the Aalen-Johansen curves from counts.

    A row is a distinct time, in order; the first column counts the censored, the others a cause each.
    """
    n = int(counts.sum())
    risk = np.cumsum(counts.sum(axis=1)[::-1])[::-1]
    when = counts[:, 1:].any(axis=1)
    return tuple(
        _incidence(kind, n, times[when], risk[when].astype(np.float64), counts[when].astype(np.float64), level)
        for kind in range(1, counts.shape[1])
    )


def _incidence(kind: int, n: int, grid: FloatArray, risk: FloatArray, struck: FloatArray, level: float) -> Incidence:
    deaths, own = struck[:, 1:].sum(axis=1), struck[:, kind]
    before = np.concatenate(([1.0], np.cumprod((risk - deaths) / risk)[:-1])) if grid.size else grid
    incidence = np.cumsum(before * own / risk)
    se = np.sqrt(_variance(incidence, before, risk, deaths, own))
    # Rounding may stop a curve that has reached 1 just short of it.
    open_yet = (incidence > 0.0) & (incidence < 1.0 - 1e-12)
    low, high = np.full(grid.size, np.nan), np.full(grid.size, np.nan)
    log = np.log(incidence[open_yet])
    reach = np.exp(tails.half_width(level) * se[open_yet] / (incidence[open_yet] * log))
    low[open_yet], high[open_yet] = np.exp(log / reach), np.exp(log * reach)
    return Incidence(
        cause=kind,
        n=n,
        events=int(own.sum()),
        time=grid,
        n_risk=risk,
        n_event=own,
        incidence=incidence,
        se=se,
        low=low,
        high=high,
    )


def _variance(
    incidence: FloatArray, before: FloatArray, risk: FloatArray, deaths: FloatArray, own: FloatArray
) -> FloatArray:
    """Return the delta-method variance of the incidence at every time.

    The sums over (F(t) - F(t_j)) are expanded, so that one pass of running sums serves all t.
    """
    survivors = risk - deaths
    # The last time may leave nobody; F does not move after it, so its infinite weight never counts.
    greenwood = np.where(survivors > 0, deaths / np.where(survivors > 0, risk * survivors, 1.0), 0.0)
    crossed = before * own / risk**2
    total = (
        incidence**2 * np.cumsum(greenwood)
        - 2.0 * incidence * np.cumsum(greenwood * incidence)
        + np.cumsum(greenwood * incidence**2)
        + np.cumsum(before**2 * own * (risk - own) / risk**3)
        - 2.0 * incidence * np.cumsum(crossed)
        + 2.0 * np.cumsum(crossed * incidence)
    )
    return np.asarray(np.maximum(total, 0.0), dtype=np.float64)


def incidence_at(curve: Incidence, times: npt.ArrayLike) -> FloatArray:
    """Return the share struck by this cause up to and including each time."""
    place = np.searchsorted(curve.time, np.asarray(times, dtype=np.float64), side="right")
    return np.asarray(np.append(0.0, curve.incidence)[place], dtype=np.float64)
