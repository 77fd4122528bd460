"""Pain scores over time by central sensitization score: a linear mixed model with a random intercept for each patient.

NRS = a + b (time / 30 days) + c (CSI - 40) / 10 + d (time / 30 days) (CSI - 40) / 10 + patient + noise. The term d says
whether pain climbs faster with a higher CSI.

statsmodels costs a second and 170 MB to import, so it is imported by the function that uses it, which runs in the job
that refreshes the cohort's figures and never in a page.

Sources:
    Laird & Ware 1982 (Biometrics 38:963): the model. REML estimation as in statsmodels' MixedLM.
    40 points, the CSI cut-off at which the lines cross the intercept: Neblett 2013 (J Pain 14:438).
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prom.statistics import arrays, tails
from prom.statistics.arrays import FloatArray

DAYS_A_STEP = 30.0
CSI_A_STEP = 10.0
CSI_CENTRE = 40.0
TERMS = ("intercept", "time per 30 days", "CSI per 10 points", "time x CSI")
# The fit takes about half a millisecond a patient; an even choice of this many keeps the job short.
MOST_PATIENTS = 2_000
_FEWEST_PATIENTS = 3


@dataclass(frozen=True, slots=True)
class Term:
    """One fixed effect in points of NRS, with its interval."""

    name: str
    coef: float
    se: float
    low: float
    high: float
    z: float
    p: float


@dataclass(frozen=True, slots=True)
class MixedFit:
    """A fitted model; the standard deviations are in points of NRS.

    `patients_used` is less than `patients` where an even choice of them was taken to keep the fit short.
    """

    terms: tuple[Term, ...]
    patient_sd: float
    noise_sd: float
    answers: int
    patients: int
    patients_used: int
    converged: bool


@dataclass(frozen=True, slots=True)
class NotFitted:
    """The data do not carry the model, and why."""

    reason: str


def fit(
    patient: npt.ArrayLike,
    day: npt.ArrayLike,
    nrs: npt.ArrayLike,
    csi: npt.ArrayLike,
    level: float = 0.95,
    most_patients: int = MOST_PATIENTS,
) -> MixedFit | NotFitted:
    """Fit the model to answers: whose, on which day after the procedure, the score, and that patient's CSI total."""
    scores = arrays.columns(nrs, np.asarray(nrs).size)[:, 0]
    design = _design(day, csi, scores.size)
    people, whose = np.unique(np.asarray(patient), return_inverse=True)
    if whose.shape != scores.shape:
        raise ValueError("patients and scores differ in length")
    kept = np.isin(whose, _evenly(people.size, most_patients))
    used = min(people.size, most_patients)
    reason = _too_little(design[kept], scores[kept], used)
    if reason is not None:
        return NotFitted(reason)
    return _fitted(design[kept], scores[kept], whose[kept], level, (people.size, used))


def _design(day: npt.ArrayLike, csi: npt.ArrayLike, length: int) -> FloatArray:
    time = arrays.columns(day, length)[:, 0] / DAYS_A_STEP
    sensitization = (arrays.columns(csi, length)[:, 0] - CSI_CENTRE) / CSI_A_STEP
    return np.column_stack((np.ones(length), time, sensitization, time * sensitization))


def _evenly(count: int, most: int) -> npt.NDArray[np.int64]:
    """Return which of `count` patients to take: all, or evenly spaced ones, the same ones each time."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(np.int64)


def _too_little(design: FloatArray, scores: FloatArray, patients: int) -> str | None:
    if patients < _FEWEST_PATIENTS or scores.size <= patients + len(TERMS):
        return "too few patients with repeated answers"
    if np.linalg.matrix_rank(design) < len(TERMS):
        return "time or CSI does not vary"
    return None if np.ptp(scores) > 0 else "all scores are equal"


def _fitted(
    design: FloatArray, scores: FloatArray, whose: npt.NDArray[np.int64], level: float, patients: tuple[int, int]
) -> MixedFit | NotFitted:
    from statsmodels.regression.mixed_linear_model import MixedLM

    # A variance at its edge (no difference between patients) is an answer here, not a warning.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = MixedLM(scores, design, groups=whose).fit(reml=True)
        except np.linalg.LinAlgError:
            return NotFitted("the fit is singular")
        variance, scale = float(found.cov_re[0][0]), float(found.scale)
        if not np.isfinite(found.bse_fe).all() or scale <= 0.0:
            return NotFitted("the fit is singular")
    reach = tails.half_width(level)
    terms = tuple(
        _term(name, float(coef), float(se), reach)
        for name, coef, se in zip(TERMS, found.fe_params, found.bse_fe, strict=True)
    )
    return MixedFit(
        terms=terms,
        patient_sd=math.sqrt(max(variance, 0.0)),
        noise_sd=math.sqrt(scale),
        answers=scores.size,
        patients=patients[0],
        patients_used=patients[1],
        converged=bool(found.converged),
    )


def _term(name: str, coef: float, se: float, reach: float) -> Term:
    z = coef / se
    return Term(name, coef, se, coef - reach * se, coef + reach * se, z, tails.two_sided(z))
