"""Cox regression: hazard ratios adjusted for covariates, within strata, and the check that they are constant in time.

Ties are Efron's. A covariate that separates the events from the rest has no finite estimate; it is named and left
without numbers, and the others are still given. So is a covariate that the ones before it already determine.

Sources:
    Cox 1972 (JRSS B 34:187); Efron 1977 (JASA 72:557); Therneau & Grambsch 2000, Modeling Survival Data.
    Grambsch & Therneau 1994 (Biometrika 81:515): the proportional-hazards check, in the score-test form of R's cox.zph
    (survival 3.x) with the Kaplan-Meier time scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from prom.statistics import arrays, partial_likelihood, survival, tails
from prom.statistics.arrays import FloatArray, IntArray
from prom.statistics.partial_likelihood import RiskSets

_MAX_STEPS = 40
_MAX_HALVINGS = 30
# Coefficients are in standard deviations of their covariate here.
_SETTLED = 1e-9
_STILL_MOVING = 1e-3
_NO_GAIN = 1e-10
# A hazard that grows e^50-fold with a standard deviation is on its way to infinity, whatever rounding says of the step.
_BEYOND_BELIEF = 50.0
# A column adds nothing when this share of its information is left once the columns before it are known, or when it
# varies this little in the risk sets, in squared standard deviations an event.
_ALIASED = 1e-9
_CONSTANT = 1e-12
# At the end of the search a likelihood flatter than this, in the same unit, tells nothing any more: the standard error
# would exceed a thousand standard deviations of the covariate.
_FLAT = 1e-6


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One covariate's log hazard ratio; every number is None where it cannot be estimated, and `problem` says why."""

    covariate: str
    coef: float | None
    se: float | None
    hr: float | None
    low: float | None
    high: float | None
    z: float | None
    p: float | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class ProportionalHazards:
    """The test that a hazard ratio does not change with time; `chi2` and `p` are None where it cannot be made."""

    covariate: str
    chi2: float | None
    df: int
    p: float | None


@dataclass(frozen=True, slots=True)
class CoxFit:
    """A fitted model: log partial likelihood without and with the covariates, and their likelihood-ratio test."""

    coefficients: tuple[Coefficient, ...]
    n: int
    events: int
    loglik_null: float
    loglik: float
    chi2: float | None
    df: int
    p: float | None
    checks: tuple[ProportionalHazards, ...]
    check_of_all: ProportionalHazards
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Optimum:
    """Scaled coefficients at the end of the search, with slope, curvature and which of them run off to infinity."""

    beta: FloatArray
    loglik: float
    curvature: FloatArray
    endless: npt.NDArray[np.bool_]


def fit(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    covariates: npt.ArrayLike,
    names: Sequence[str],
    strata: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> CoxFit:
    """Fit hazard ratios for the columns of `covariates`, comparing patients within their stratum only."""
    times = arrays.durations(time).astype(np.float64)
    events = arrays.indicators(event, times.size)
    matrix = arrays.columns(covariates, times.size)
    groups = np.zeros(times.size, np.int64) if strata is None else arrays.labels(strata, times.size)
    if matrix.shape[1] != len(names):
        raise ValueError("every covariate needs one name")
    sets, scale = _scaled(partial_likelihood.risk_sets(times, events, matrix, groups), len(names))
    at_zero = _evaluate(sets, np.zeros(len(names)))
    died = int(events.sum())
    free = _independent(at_zero[2], np.ones(len(names), dtype=np.bool_), _CONSTANT * died)
    optimum = _climb(sets, free, at_zero)
    usable = _independent(optimum.curvature, free & ~optimum.endless, _FLAT * died)
    coefficients = _coefficients(names, optimum, (free, usable), scale, level)
    checks, of_all = _check_hazards(sets, names, optimum.beta, usable, _left_continuous(times, events))
    chi2, df = max(2.0 * (optimum.loglik - at_zero[0]), 0.0), int(free.sum())
    return CoxFit(
        coefficients=coefficients,
        n=times.size,
        events=died,
        loglik_null=at_zero[0],
        loglik=optimum.loglik,
        chi2=chi2 if df else None,
        df=df,
        p=tails.chi_square_upper(chi2, df) if df else None,
        checks=checks,
        check_of_all=of_all,
        warnings=tuple(one.problem for one in coefficients if one.problem),
    )


def _scaled(sets: Sequence[RiskSets], width: int) -> tuple[list[RiskSets], FloatArray]:
    """Return the risk sets with covariates centred and in standard deviations, and these deviations.

    Only patients at risk at some event are in them, so nobody else's values blur the scale.
    """
    everyone = np.concatenate([stratum.rows for stratum in sets]) if sets else np.zeros((1, width))
    centre, spread = everyone.mean(axis=0), everyone.std(axis=0)
    constant = spread <= 1e-12 * np.abs(everyone).max(axis=0, initial=1e-300)
    scale = np.where(constant, 1.0, spread)
    # A constant column becomes exactly 0: what rounding leaves of it must not look like information.
    return [
        replace(one, rows=np.asfortranarray(np.where(constant, 0.0, (one.rows - centre) / scale))) for one in sets
    ], scale


def _evaluate(sets: Sequence[RiskSets], beta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Return log-likelihood, slope and curvature summed over strata."""
    loglik, slope, curvature = 0.0, np.zeros(beta.size), np.zeros((beta.size, beta.size))
    for stratum in sets:
        part = partial_likelihood.pieces(stratum, beta)
        # A step that went too far gives infinities; it is refused for them by the one who took it.
        with np.errstate(invalid="ignore"):
            loglik += part.loglik
            slope += part.slopes.sum(axis=0)
            curvature += part.curvatures.sum(axis=0)
    return loglik, slope, curvature


def _independent(curvature: FloatArray, among: npt.NDArray[np.bool_], least: float) -> npt.NDArray[np.bool_]:
    """Tell which of these covariates add information to those before them, by a Cholesky sweep as R's coxph does."""
    rest = curvature.copy()
    free = np.zeros(len(rest), dtype=np.bool_)
    for column in np.flatnonzero(among):
        pivot = rest[column, column]
        if pivot > max(_ALIASED * curvature[column, column], least):
            free[column] = True
            rest -= np.outer(rest[:, column], rest[column]) / pivot
    return free


def _climb(
    sets: Sequence[RiskSets], free: npt.NDArray[np.bool_], start: tuple[float, FloatArray, FloatArray]
) -> _Optimum:
    """Climb to the maximum by Newton's method, halving a step that does not climb."""
    beta, (loglik, slope, curvature) = np.zeros(free.size), start
    step = _newton_step(slope, curvature, free)
    for _ in range(_MAX_STEPS):
        if np.abs(step).max(initial=0.0) < _SETTLED:
            break
        gained = _halved(sets, beta, step, loglik)
        if gained is None:
            break
        before, (beta, (loglik, slope, curvature)) = loglik, gained
        step = _newton_step(slope, curvature, free)
        # Where the likelihood has a maximum Newton's steps shrink to nothing; where it only flattens out towards
        # infinity they go on at about one unit each while nothing is gained any more.
        if loglik - before < _NO_GAIN * (1.0 + abs(loglik)) and np.abs(step).max() > _STILL_MOVING:
            break
    return _Optimum(beta, loglik, curvature, (np.abs(step) > _STILL_MOVING) | (np.abs(beta) > _BEYOND_BELIEF))


def _newton_step(slope: FloatArray, curvature: FloatArray, free: npt.NDArray[np.bool_]) -> FloatArray:
    step = np.zeros(slope.size)
    chosen = np.ix_(free, free)
    step[free] = np.linalg.lstsq(curvature[chosen], slope[free], rcond=1e-14)[0] if free.any() else 0.0
    return step


def _halved(
    sets: Sequence[RiskSets], beta: FloatArray, step: FloatArray, loglik: float
) -> tuple[FloatArray, tuple[float, FloatArray, FloatArray]] | None:
    """Return the first of beta + step, beta + step/2, ... that is no worse, or None when none is."""
    for halving in range(_MAX_HALVINGS):
        candidate = beta + step * 0.5**halving
        found = _evaluate(sets, candidate)
        if np.isfinite(found[0]) and np.isfinite(found[2]).all() and found[0] >= loglik - 1e-11 * abs(loglik):
            return candidate, found
    return None


def _coefficients(
    names: Sequence[str],
    optimum: _Optimum,
    standing: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    scale: FloatArray,
    level: float,
) -> tuple[Coefficient, ...]:
    free, usable = standing
    errors = np.sqrt(np.diag(_inverse(optimum.curvature, usable)))
    rows = []
    for column, name in enumerate(names):
        if not optimum.curvature.any():
            rows.append(_unknown(name, f"{name} cannot be estimated: no event happened while patients differed"))
        elif not free[column]:
            rows.append(_unknown(name, f"{name} is constant or determined by the covariates before it"))
        elif not usable[column]:
            rows.append(_unknown(name, f"{name} separates the events: its hazard ratio has no finite estimate"))
        else:
            rows.append(_estimate(name, optimum.beta[column] / scale[column], errors[column] / scale[column], level))
    return tuple(rows)


def _unknown(name: str, problem: str) -> Coefficient:
    return Coefficient(name, None, None, None, None, None, None, None, problem)


def _estimate(name: str, coef: float, se: float, level: float) -> Coefficient:
    reach, z = tails.half_width(level) * se, coef / se
    with np.errstate(over="ignore"):
        hr, low, high = (float(np.exp(value)) for value in (coef, coef - reach, coef + reach))
    return Coefficient(name, float(coef), float(se), hr, low, high, float(z), tails.two_sided(z), None)


def _inverse(matrix: FloatArray, chosen: npt.NDArray[np.bool_]) -> FloatArray:
    """Return the inverse over the chosen rows and columns, 0 elsewhere."""
    inverse = np.zeros_like(matrix)
    inverse[np.ix_(chosen, chosen)] = np.linalg.inv(matrix[np.ix_(chosen, chosen)])
    return inverse


def _left_continuous(times: FloatArray, events: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the event times and 1 - KM just before each: the time scale of the check, over all strata."""
    curve = survival.kaplan_meier(times, events)
    return curve.time, 1.0 - np.concatenate(([1.0], curve.surv[:-1]))[: curve.time.size]


def _check_hazards(
    sets: Sequence[RiskSets],
    names: Sequence[str],
    beta: FloatArray,
    usable: npt.NDArray[np.bool_],
    clock: tuple[FloatArray, FloatArray],
) -> tuple[tuple[ProportionalHazards, ...], ProportionalHazards]:
    """Test, for each covariate and for all, whether a term in covariate times g(time) would improve the fit.

    The score test with the main effects at their estimates: their own slope is 0, the curvature is that of the model
    with both parts.
    """
    size = beta.size
    slope, curvature = np.zeros(size), np.zeros((2 * size, 2 * size))
    middle = float(clock[1].mean()) if clock[1].size else 0.0
    for stratum in sets:
        part = partial_likelihood.pieces(stratum, beta)
        # A block without deaths has neither slope nor curvature, so any value serves as its g.
        place = np.minimum(np.searchsorted(clock[0], stratum.times), clock[0].size - 1)
        g = clock[1][place] - middle
        slope += g @ part.slopes
        main, once, twice = (np.tensordot(g**power, part.curvatures, axes=1) for power in (0, 1, 2))
        curvature += np.block([[main, once], [once, twice]])
    each = tuple(
        _score_test(name, slope, curvature, usable, usable & (np.arange(size) == column))
        for column, name in enumerate(names)
    )
    return each, _score_test("all", slope, curvature, usable, usable)


def _score_test(
    name: str,
    slope: FloatArray,
    curvature: FloatArray,
    usable: npt.NDArray[np.bool_],
    tested: npt.NDArray[np.bool_],
) -> ProportionalHazards:
    df = int(tested.sum())
    chosen = np.concatenate((usable, tested))
    block = curvature[np.ix_(chosen, chosen)]
    unit = np.sqrt(np.maximum(np.diag(block), 0.0))
    # In units of its own diagonal the matrix shows a lack of information whatever the covariates' sizes.
    if df == 0 or not unit.all() or np.linalg.matrix_rank(block / np.outer(unit, unit), tol=_ALIASED) < unit.size:
        return ProportionalHazards(name, None, df, None)
    score = np.concatenate((np.zeros(int(usable.sum())), slope[tested]))
    chi2 = max(float(score @ np.linalg.solve(block, score)), 0.0)
    return ProportionalHazards(name, chi2, df, tails.chi_square_upper(chi2, df))
