"""Restricted mean survival time: the mean number of days with relief within the first tau days.

It needs no proportional hazards and reads in days, so it is the figure a patient can be told.

Sources:
    Royston & Parmar 2013 (BMC Med Res Methodol 13:152): use and interpretation.
    Andersen, Borgan, Gill & Keiding 1993, IV.3.3: the estimator's variance, a Greenwood-type sum. (Var(min(T, tau)),
    which lifelines prints, describes one patient and not the mean.)
"""

import math
from dataclasses import dataclass

import numpy as np

from prom.statistics import tails
from prom.statistics.survival import Curve


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Mean time without the event up to tau.

    `extended` says that tau lies beyond the last follow-up of a curve still above 0, which was drawn on flat.
    """

    tau: float
    value: float
    se: float
    low: float
    high: float
    extended: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """One restricted mean less another; `z` and `p` are None when neither varies."""

    value: float
    se: float
    low: float
    high: float
    z: float | None
    p: float | None


def restricted_mean(curve: Curve, tau: float, level: float = 0.95) -> RestrictedMean:
    """Return the area under a Kaplan-Meier curve from 0 to tau, with the standard error of that area."""
    if not 0.0 < tau < math.inf:
        raise ValueError("tau must be a positive number")
    within = curve.time < tau
    edges = np.concatenate(([0.0], curve.time[within], [tau]))
    pieces = np.diff(edges) * np.concatenate(([1.0], curve.surv[within]))
    after = np.cumsum(pieces[::-1])[::-1][1:]
    risk, died = curve.n_risk[within], curve.n_event[within]
    # Where everyone left dies the area after it is 0, and so is the term; the quotient alone would be infinite.
    weight = np.where(risk > died, died / np.where(risk > died, risk * (risk - died), 1.0), 0.0)
    value, se = float(pieces.sum()), math.sqrt(float((after**2 * weight).sum()))
    reach = tails.half_width(level) * se
    open_end = not curve.surv.size or bool(curve.surv[-1] > 0.0)
    return RestrictedMean(tau, value, se, value - reach, value + reach, open_end and tau > curve.followed_to)


def difference(of: RestrictedMean, less: RestrictedMean, level: float = 0.95) -> Difference:
    """Return one restricted mean minus the other, both taken to the same tau."""
    if of.tau != less.tau:
        raise ValueError("restricted means to different tau cannot be compared")
    value, se = of.value - less.value, math.hypot(of.se, less.se)
    reach = tails.half_width(level) * se
    z = value / se if se > 0.0 else None
    return Difference(value, se, value - reach, value + reach, z, None if z is None else tails.two_sided(z))


def common_tau(curves: tuple[Curve, ...]) -> float:
    """Return the longest time to which every group that has patients was followed."""
    return min((curve.followed_to for curve in curves if curve.n), default=0.0)
