"""The expected course: of patients like this one whose relief still held on a day, how many held it to the horizon.

Taking everyone from the start would credit the survivors' future to those who had already lost relief, so only patients
followed beyond the landmark without a loss count.

Sources:
    Anderson, Cain & Gelber 1983 (J Clin Oncol 1:710): landmark analysis.
    Wilson 1927 (JASA 22:209): limits where nobody or everybody lost relief, which the log-log interval does not have.
    Crowson, Atkinson & Therneau 2016 (Stat Methods Med Res 25:1692): calibration of predicted survival by risk group.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prom.statistics import arrays, responders, survival
from prom.statistics.arrays import FloatArray, IntArray

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Course:
    """Among n patients whose relief held beyond the landmark, the probability to hold it through the horizon.

    `probability` and its limits are None when there is nobody, or nobody was followed that far. `n_at_horizon` counts
    those still followed just before it.
    """

    landmark: float
    horizon: float
    n: int
    events: int
    n_at_horizon: int
    probability: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """One part of the patients, by what was predicted for them: the mean prediction beside the Kaplan-Meier share."""

    n: int
    events: int
    predicted: float
    observed: float | None
    low: float | None
    high: float | None


def expected_course(
    time: npt.ArrayLike, event: npt.ArrayLike, landmark: float, horizon: float, level: float = 0.95
) -> Course:
    """Return the chance to hold relief through the horizon for those who still held it after the landmark."""
    if not 0 <= landmark < horizon:
        raise ValueError("the landmark must lie before the horizon")
    times = arrays.durations(time)
    held = times > landmark
    curve = survival.kaplan_meier(times[held], arrays.indicators(event, times.size)[held], level)
    probability, low, high = _held_through(curve, horizon, level)
    return Course(
        landmark=landmark,
        horizon=horizon,
        n=curve.n,
        events=int(curve.n_event[curve.time <= horizon].sum()),
        n_at_horizon=int(survival.at_risk(curve, horizon)),
        probability=probability,
        low=low,
        high=high,
    )


def _held_through(
    curve: survival.Curve, horizon: float, level: float
) -> tuple[float | None, float | None, float | None]:
    """Return survival at the horizon with limits, or None where the curve does not reach that far."""
    ended = bool(curve.surv.size and curve.surv[-1] == 0.0)
    if not curve.n or (curve.followed_to < horizon and not ended):
        return None, None, None
    surv, low, high = survival.limits_at(curve, horizon)
    if surv == 1.0:
        followed = int(survival.at_risk(curve, horizon))
        return surv, responders.share(followed, followed, level).low, 1.0
    if surv == 0.0:
        return surv, 0.0, responders.share(0, int(curve.n_risk[-1]), level).high
    return surv, low, high


def held_out_predictions(
    alike: npt.ArrayLike, time: npt.ArrayLike, event: npt.ArrayLike, landmark: float, horizon: float
) -> FloatArray:
    """Return, for each patient, the expected course computed without that patient's fifth of the cohort.

    `alike` numbers the kinds of patient from 0. A patient who did not hold beyond the landmark, or whose kind was not
    followed to the horizon in the other folds, gets NaN.
    """
    times = arrays.durations(time)
    kinds = arrays.labels(alike, times.size)
    members = [kinds == kind for kind in range(int(kinds.max(initial=-1)) + 1)]
    return held_out([(one, one) for one in members], times, event, landmark, horizon)


def held_out(
    groups: Sequence[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]],
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    landmark: float,
    horizon: float,
) -> FloatArray:
    """Return expected courses computed without each patient's own fifth, for groups of (patients, their likes).

    The likes may be a wider group than the patients. Whoever is in no group gets NaN.
    """
    times = arrays.durations(time)
    events = arrays.indicators(event, times.size)
    predicted = np.full(times.size, np.nan)
    for wanted, likes in groups:
        members = np.flatnonzero(likes & (times > landmark))
        # Folds are dealt out in order, so the same cohort always gives the same table.
        fold = np.arange(members.size) % FOLDS
        for number in range(min(FOLDS, members.size)):
            others, own = members[fold != number], members[fold == number]
            course = expected_course(times[others], events[others], landmark, horizon)
            predicted[own[wanted[own]]] = np.nan if course.probability is None else course.probability
    return predicted


def calibration(
    predicted: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    horizon: float,
    level: float = 0.95,
    parts: int = 3,
) -> tuple[CalibrationRow, ...]:
    """Return predicted against observed by thirds of the prediction, or by fifths or other parts.

    Equal predictions stay in one row; patients without a prediction (NaN) are left out.
    """
    times = arrays.durations(time)
    events = arrays.indicators(event, times.size)
    chances = np.asarray(predicted, dtype=np.float64)
    known = np.isfinite(chances)
    chances, times, events = chances[known], times[known], events[known]
    rows = []
    part = _parts(chances, parts)
    for number in np.unique(part):
        chosen = part == number
        curve = survival.kaplan_meier(times[chosen], events[chosen], level)
        observed, low, high = _held_through(curve, horizon, level)
        lost = int(curve.n_event[curve.time <= horizon].sum())
        rows.append(CalibrationRow(curve.n, lost, float(chances[chosen].mean()), observed, low, high))
    return tuple(rows)


def _parts(values: FloatArray, parts: int) -> IntArray:
    """Return 0, 1, ... for each value; ties share the part in which the middle of their ranks lies."""
    if not values.size:
        return np.zeros(0, dtype=np.int64)
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2.0
    return np.minimum((parts * middle / values.size).astype(np.int64), parts - 1)[place]
