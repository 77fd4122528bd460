"""Cox's partial likelihood with Efron's handling of ties, its slope and its curvature, stratum by stratum.

Sources:
    Cox 1972 (JRSS B 34:187). Efron 1977 (JASA 72:557), as in R's coxph.
"""

from dataclasses import dataclass

import numpy as np

from prom.statistics.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class RiskSets:
    """The patients of one stratum, latest first, cut into blocks of equal time.

    `tied_block` and `tied_share` have one entry a death: its block, and the share of that block's deaths that Efron
    takes out of the risk set before it (0, 1/d, 2/d, ...).
    """

    rows: FloatArray
    died: FloatArray
    starts: IntArray
    times: FloatArray
    tied_block: IntArray
    tied_share: FloatArray

    @property
    def blocks(self) -> int:
        """Return the number of distinct times."""
        return self.starts.size


@dataclass(frozen=True, slots=True)
class Pieces:
    """Log-likelihood, and per block of equal time the slope (deaths less expected covariates) and the curvature."""

    loglik: float
    slopes: FloatArray
    curvatures: FloatArray


def risk_sets(times: FloatArray, events: IntArray, matrix: FloatArray, strata: IntArray) -> list[RiskSets]:
    """Return the risk sets of every stratum in which anyone had an event.

    Patients who left before the first event of their stratum are in no risk set of interest, and are left out.
    """
    sets = []
    for stratum in np.unique(strata):
        chosen = strata == stratum
        died = times[chosen & (events == 1)]
        if died.size:
            chosen &= times >= died.min()
            sets.append(_risk_sets(times[chosen], events[chosen], matrix[chosen]))
    return sets


def _risk_sets(times: FloatArray, events: IntArray, matrix: FloatArray) -> RiskSets:
    order = np.argsort(-times, kind="stable")
    latest, died = times[order], events[order].astype(np.float64)
    starts = np.flatnonzero(np.concatenate(([True], np.diff(latest) != 0)))
    deaths = np.add.reduceat(died, starts).astype(np.int64)
    block = np.repeat(np.arange(starts.size), deaths)
    rank = np.arange(block.size) - np.repeat(np.cumsum(deaths) - deaths, deaths)
    return RiskSets(np.asfortranarray(matrix[order]), died, starts, latest[starts], block, rank / deaths[block])


def pieces(sets: RiskSets, beta: FloatArray) -> Pieces:
    """Return the parts of the partial likelihood at these coefficients."""
    # Column by column: a library's matrix product would wake other threads for a few thousand numbers.
    eta = np.zeros(sets.died.size)
    for column, slope in zip(sets.rows.T, beta, strict=True):
        eta += column * slope
    # The likelihood depends on differences only; taking out the largest keeps exp() finite.
    eta -= eta.max(initial=0.0)
    weight = np.exp(eta)
    all_0, all_1, all_2 = _moments(sets, weight)
    own_0, own_1, own_2 = _moments(sets, weight * sets.died)
    risk_0, risk_1, risk_2 = (np.cumsum(part, axis=0) for part in (all_0, all_1, all_2))
    own_x = _moments(sets, sets.died)[1]
    # Far from the maximum a risk set may weigh nothing; the caller sees what is not finite and takes a shorter step.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        left = risk_0[sets.tied_block] - sets.tied_share * own_0[sets.tied_block]
        loglik = float((sets.died * eta).sum() - np.log(left).sum())
        plain, once = (_by_death(sets, sets.tied_share**power / left) for power in (0, 1))
        square, cross, tail = (_by_death(sets, sets.tied_share**power / left**2) for power in (0, 1, 2))
        slopes = own_x - risk_1 * plain[:, None] + own_1 * once[:, None]
        mixed = _outer(risk_1, own_1)
        curvatures = (
            risk_2 * _deep(plain)
            - own_2 * _deep(once)
            - _outer(risk_1, risk_1) * _deep(square)
            + (mixed + mixed.transpose(0, 2, 1)) * _deep(cross)
            - _outer(own_1, own_1) * _deep(tail)
        )
    return Pieces(loglik, slopes, curvatures)


def _moments(sets: RiskSets, weight: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the sums of w, w x and w x x' of every block.

    Of the symmetric matrices one half is summed, a row at a time: the whole of them for every patient at once would not
    fit into the processor's cache.
    """
    columns = sets.rows.T
    size = columns.shape[0]
    once, twice = np.empty((sets.blocks, size)), np.empty((sets.blocks, size, size))
    for place in range(size):
        weighted = columns[place] * weight
        once[:, place] = np.add.reduceat(weighted, sets.starts)
        for other in range(place, size):
            summed = np.add.reduceat(weighted * columns[other], sets.starts)
            twice[:, place, other] = twice[:, other, place] = summed
    return np.add.reduceat(weight, sets.starts), once, twice


def _by_death(sets: RiskSets, values: FloatArray) -> FloatArray:
    """Return the sum over the deaths of every block."""
    return np.asarray(np.bincount(sets.tied_block, weights=values, minlength=sets.blocks), dtype=np.float64)


def _outer(left: FloatArray, right: FloatArray) -> FloatArray:
    return np.asarray(left[:, :, None] * right[:, None, :], dtype=np.float64)


def _deep(values: FloatArray) -> FloatArray:
    return values[:, None, None]
