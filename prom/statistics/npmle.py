"""The maximum of the likelihood of interval data: how much probability each box of time holds.

Each observation covers a run of neighbouring boxes. EM steps find the neighbourhood of the maximum, an interior-point
method goes on to it, and the Karush-Kuhn-Tucker conditions prove that it is one: no box could gain by more mass.

Sources:
    Turnbull 1976 (JRSS B 38:290): the boxes and the self-consistency (EM) step.
    Gentleman & Geyer 1994 (Biometrika 81:618): the Kuhn-Tucker conditions as the test for a maximum.
    Boyd & Vandenberghe 2004, Convex Optimization, 11.7: the primal-dual step.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prom.statistics.arrays import FloatArray, IntArray

PROVEN = 1e-9
_FIRST_EM_STEPS = 60
_LONE_EM_STEPS = 20_000
_NEWTON_STEPS = 200
_ROUNDS = 60
NEGLIGIBLE = 1e-10
# Beyond this many boxes with mass the dense curvature matrix no longer fits a small machine; EM goes on alone.
_MOST_BOXES = 1_500


@dataclass(frozen=True, slots=True)
class Rows:
    """Observations that cover the boxes first..last, each with a positive weight; the weights add up to 1."""

    first: IntArray
    last: IntArray
    weight: FloatArray
    boxes: int

    def cover(self, mass: FloatArray) -> FloatArray:
        """Return the probability of each observation."""
        running = np.concatenate(([0.0], np.cumsum(mass)))
        # Far out in the running sum a small difference loses its digits; a floor keeps the quotient finite.
        covered = np.maximum(running[self.last + 1] - running[self.first], np.finfo(np.float64).tiny)
        return np.asarray(covered, dtype=np.float64)

    def pull(self, mass: FloatArray) -> FloatArray:
        """Return the slope of the log-likelihood in the mass of each box; at the maximum 1, or less where mass is 0."""
        return self.spread(self.weight / self.cover(mass))

    def spread(self, values: FloatArray) -> FloatArray:
        """Return, for each box, the sum of the values of the observations that cover it."""
        change = np.bincount(self.first, weights=values, minlength=self.boxes + 1)
        change -= np.bincount(self.last + 1, weights=values, minlength=self.boxes + 1)
        return np.asarray(np.cumsum(change)[:-1], dtype=np.float64)

    def curvature(self, mass: FloatArray) -> FloatArray:
        """Return the matrix of the sums of weight / probability squared over the observations that cover both boxes."""
        corner = np.zeros((self.boxes, self.boxes))
        np.add.at(corner, (self.first, self.last), self.weight / self.cover(mass) ** 2)
        upper = np.cumsum(np.cumsum(corner, axis=0)[:, ::-1], axis=1)[:, ::-1]
        return np.asarray(np.triu(upper) + np.triu(upper, 1).T, dtype=np.float64)

    def among(self, kept: npt.NDArray[np.bool_]) -> "Rows":
        """Return the observations over the kept boxes only."""
        number = np.concatenate(([0], np.cumsum(kept)))
        return Rows(number[self.first], number[self.last + 1] - 1, self.weight, int(kept.sum()))


def maximise(rows: Rows) -> tuple[FloatArray, float]:
    """Return the mass of every box and by how much the Kuhn-Tucker conditions are missed."""
    mass = _em(rows, np.full(rows.boxes, 1.0 / rows.boxes), _FIRST_EM_STEPS)
    kept = _worth_keeping(rows, mass)
    for _ in range(_ROUNDS):
        if kept.sum() > _MOST_BOXES:
            mass = _em(rows, mass, _LONE_EM_STEPS)
            break
        inner = _interior(rows.among(kept), mass[kept])
        mass = np.zeros(rows.boxes)
        mass[kept] = _polished(rows.among(kept), inner)
        pull = rows.pull(mass)
        wanting = (pull > 1.0 + PROVEN) & _peaks(pull) & ~kept
        if not wanting.any():
            break
        kept |= wanting
        mass = np.where(kept, np.maximum(mass, NEGLIGIBLE), 0.0)
    return mass, _missed(rows, mass)


def _missed(rows: Rows, mass: FloatArray) -> float:
    pull = rows.pull(mass)
    return float(max((pull - 1.0).max(), np.abs(mass * (pull - 1.0)).max()))


def _em(rows: Rows, mass: FloatArray, steps: int) -> FloatArray:
    """Return the mass after some self-consistency steps, fewer when they no longer change anything."""
    for step in range(steps):
        pull = rows.pull(mass)
        mass = mass * pull
        mass = mass / mass.sum()
        if step % 20 == 0 and pull.max() < 1.0 + PROVEN / 10.0:
            break
    return mass


def _worth_keeping(rows: Rows, mass: FloatArray) -> npt.NDArray[np.bool_]:
    """Choose the boxes to begin with: all of a few; of many the peaks that EM left; every observation keeps one."""
    if rows.boxes <= _MOST_BOXES // 4:
        return np.ones(rows.boxes, dtype=np.bool_)
    kept = _peaks(mass)
    number = np.concatenate(([0], np.cumsum(kept)))
    bare = number[rows.last + 1] == number[rows.first]
    for first, last in zip(rows.first[bare], rows.last[bare], strict=True):
        kept[first + int(np.argmax(mass[first : last + 1]))] = True
    return kept


def _peaks(values: FloatArray) -> npt.NDArray[np.bool_]:
    """Tell which values are no smaller than their neighbours."""
    framed = np.concatenate(([-np.inf], values, [-np.inf]))
    return np.asarray((values >= framed[:-2]) & (values >= framed[2:]), dtype=np.bool_)


def _interior(rows: Rows, mass: FloatArray) -> FloatArray:
    """Minimise (total mass) - (log-likelihood) over masses >= 0 by a primal-dual interior-point method.

    With weights that add up to 1 the minimum has total mass 1 by itself.
    """
    mass = np.maximum(mass, 1e-6 / rows.boxes)
    price = np.maximum(1.0 - rows.pull(mass), 1e-3)
    for _ in range(_NEWTON_STEPS):
        slope = 1.0 - rows.pull(mass)
        gap = float(mass @ price)
        if gap < 1e-13 and np.abs(slope - price).max() < 1e-11:
            break
        target = 0.1 * gap / rows.boxes
        matrix = rows.curvature(mass)
        matrix[np.diag_indices(rows.boxes)] += price / mass
        step = np.linalg.solve(matrix, target / mass - slope)
        price_step = (target - price * step) / mass - price
        mass = mass + _within(mass, step) * step
        price = price + _within(price, price_step) * price_step
    return mass


def _within(value: FloatArray, step: npt.NDArray[np.floating]) -> float:
    """Return the share of a step, at most 1, that keeps every value above 0."""
    falling = step < 0
    return float(min(1.0, 0.995 * np.min(-value[falling] / step[falling], initial=np.inf)))


def _polished(rows: Rows, mass: FloatArray) -> FloatArray:
    """Drop the boxes without mass and take plain Newton steps on the rest, down to rounding."""
    full = mass > np.maximum(1.0 - rows.pull(mass), NEGLIGIBLE)
    small = rows.among(full)
    if (small.last < small.first).any():
        return mass / float(mass.sum())
    held = mass[full]
    for _ in range(3):
        step = np.linalg.lstsq(small.curvature(held), small.pull(held) - 1.0, rcond=None)[0]
        held = held + _within(held, step) * step
    polished = np.zeros(rows.boxes)
    polished[full] = held / held.sum()
    return polished if _missed(rows, polished) <= _missed(rows, mass / mass.sum()) else mass / float(mass.sum())
