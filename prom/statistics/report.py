"""What `prom survival` says about a file: every figure of this package as plain values, ready for JSON.

Other programs read this, so p values are always given; what stands against them is in `warnings`.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from prom.statistics import cox, guards, intervals, rmst, survival, table
from prom.statistics.arrays import FloatArray
from prom.statistics.cox import CoxFit
from prom.statistics.survival import Curve
from prom.statistics.table import Counts, Followed, Intervals

Report = dict[str, Any]


def survival_report(rows: Iterable[table.Row], header: Sequence[str], taus: Sequence[float] = ()) -> Report:
    """Return the report on rows already split into cells; a ValueError names the line and column of what is wrong."""
    return _report(table.read(rows, header), taus)


def survival_report_of_lines(lines: Iterable[str], taus: Sequence[float] = ()) -> Report:
    """Return the report on the lines of a CSV file; a ValueError names the line and column of what is wrong.

    `taus` are the ends of the restricted means; without any, the longest follow-up that all groups share.
    """
    return _report(table.read_lines(lines), taus)


def _report(data: Followed | Intervals | Counts, taus: Sequence[float]) -> Report:
    match data:
        case Followed():
            return _followed(data, taus)
        case Intervals():
            return _intervals(data)
        case Counts():
            return _counts(data)


def _followed(data: Followed, taus: Sequence[float]) -> Report:
    compared = survival.compare(data.time, data.event, data.group, len(data.groups))
    named = dict(zip(data.groups, compared.curves, strict=True))
    fit, left_out = _model(data)
    means, beyond = _restricted_means(named, taus)
    # One group is compared with nothing, so its size stands against nothing.
    sizes = {name: (curve.n, curve.events) for name, curve in named.items() if len(named) > 1}
    standing = guards.guards(sizes, len(fit.coefficients) if fit else 0, fit.events if fit else None)
    report: Report = {
        "n": data.time.size,
        "events": int(data.event.sum()),
        "km": {name: _curve(curve) for name, curve in named.items()},
        "logrank": _test(compared.logrank),
        "reference": data.groups[0],
        "cox": [_coefficient(one) for one in fit.coefficients] if fit else [],
        "cox_loglik": [fit.loglik_null, fit.loglik] if fit else None,
        "cox_test": {"chi2": fit.chi2, "df": fit.df, "p": fit.p} if fit else None,
        "zph": _hazards(fit) if fit else None,
        "rmst": means,
        "warnings": [*standing.warnings, *(fit.warnings if fit else ()), *left_out, *beyond],
    }
    if len(named) > 2:
        report["logrank_trend"] = _test(survival.trend(compared.logrank))
    return report


def _curve(curve: Curve) -> Report:
    return {
        "n": curve.n,
        "events": curve.events,
        "time": _counted(curve.time),
        "n_risk": _counted(curve.n_risk),
        "n_event": _counted(curve.n_event),
        "surv": _known(curve.surv),
        "se": _known(curve.se),
        "ci_low": _known(curve.low),
        "ci_high": _known(curve.high),
        "median": _tidy(curve.median),
        "median_ci": [_tidy(curve.median_low), _tidy(curve.median_high)],
        "censor_time": _counted(curve.censor_time),
        "censor_count": _counted(curve.censor_count),
    }


def _tidy(value: float | None) -> float | None:
    """Return a whole number as one, and what JSON cannot say as None."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else float(value)


def _counted(values: FloatArray) -> list[float | None]:
    return [_tidy(value) for value in values.tolist()]


def _known(values: FloatArray) -> list[float | None]:
    return [_finite(value) for value in values.tolist()]


def _test(test: survival.LogRank) -> Report:
    return {"chi2": test.chi2, "df": test.df, "p": test.p}


def _model(data: Followed) -> tuple[CoxFit | None, list[str]]:
    """Fit the groups against the first one, adjusted for every covariate; rows with a gap in these are left out."""
    columns = {f"group={name}": (data.group == place).astype(float) for place, name in enumerate(data.groups)}
    columns.pop(f"group={data.groups[0]}")
    columns |= data.covariates
    if not columns:
        return None, []
    matrix = np.column_stack(list(columns.values()))
    whole = np.isfinite(matrix).all(axis=1)
    gaps = int((~whole).sum())
    fit = cox.fit(data.time[whole], data.event[whole], matrix[whole], list(columns))
    return fit, [f"rows left out of the Cox model because a covariate is missing: {gaps}"] if gaps else []


def _coefficient(one: cox.Coefficient) -> Report:
    return {
        "covariate": one.covariate,
        "coef": one.coef,
        "se": one.se,
        # What lies beyond the largest number is infinite, which JSON cannot say.
        "hr": _finite(one.hr),
        "low": _finite(one.low),
        "high": _finite(one.high),
        "z": one.z,
        "p": one.p,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _hazards(fit: CoxFit) -> Report:
    whole = fit.check_of_all
    each = [{"covariate": one.covariate, "chisq": one.chi2, "df": one.df, "p": one.p} for one in fit.checks]
    return {"chisq": whole.chi2, "df": whole.df, "p": whole.p, "transform": "km", "covariates": each}


def _restricted_means(named: dict[str, Curve], taus: Sequence[float]) -> tuple[Report, list[str]]:
    """Return the restricted means by tau, and a warning for each that lies beyond a group's follow-up."""
    wanted = list(taus) or [tau for tau in [rmst.common_tau(tuple(named.values()))] if tau > 0]
    means: Report = {}
    beyond: list[str] = []
    for tau in wanted:
        found = {name: rmst.restricted_mean(curve, tau) for name, curve in named.items()}
        first = next(iter(found))
        means[f"{tau:.15g}"] = {
            "groups": {name: _mean(one) for name, one in found.items()},
            "differences": {
                name: _difference(rmst.difference(one, found[first])) for name, one in found.items() if name != first
            },
        }
        beyond += [
            f"group {name} was followed to {named[name].followed_to:g} only: its curve is drawn on flat to {tau:g}"
            for name, one in found.items()
            if one.extended
        ]
    return means, beyond


def _mean(one: rmst.RestrictedMean) -> Report:
    return {"value": one.value, "se": one.se, "low": one.low, "high": one.high}


def _difference(one: rmst.Difference) -> Report:
    return {"value": one.value, "se": one.se, "low": one.low, "high": one.high, "z": one.z, "p": one.p}


def _intervals(data: Intervals) -> Report:
    found = {
        name: intervals.estimate(data.left[data.group == place], data.right[data.group == place])
        for place, name in enumerate(data.groups)
    }
    seen = {
        name: (int((data.group == place).sum()), int(np.isfinite(data.right[data.group == place]).sum()))
        for place, name in enumerate(data.groups)
    }
    return {
        "n": data.left.size,
        "events": sum(events for _, events in seen.values()),
        "npmle": {name: _boxes(one) for name, one in found.items()},
        "loglik": {name: one.loglik for name, one in found.items()},
        "median": {name: _median(one) for name, one in found.items()},
        "logrank_sun": _interval_test(data, "sun"),
        "logrank_finkelstein": _interval_test(data, "finkelstein"),
        "warnings": [*(guards.guards(seen).warnings if len(found) > 1 else ()), *_unproven(found)],
    }


def _boxes(found: intervals.Estimate) -> list[list[float | None]]:
    return [[_tidy(box.left), _tidy(box.right), box.mass] for box in found.boxes]


def _median(found: intervals.Estimate) -> list[float | None] | None:
    box = intervals.median(found)
    return None if box is None else [_tidy(box[0]), _tidy(box[1])]


def _interval_test(data: Intervals, kind: intervals.Kind) -> Report:
    score = intervals.scores(data.left, data.right, kind)
    test = intervals.permutation_test(score, data.group)
    exact = intervals.exact_p(score, data.group)
    return {
        "z": test.z,
        "chi2": test.chi2,
        "df": test.df,
        "p": test.p,
        "u": dict(zip(data.groups, test.u.tolist(), strict=True)),
        "exact_p": {"less": exact.less, "greater": exact.greater, "two_sided": exact.two_sided} if exact else None,
    }


def _unproven(found: dict[str, intervals.Estimate]) -> list[str]:
    return [
        f"group {name}: the search stopped {one.missed:.1e} short of the proof that this is the maximum"
        for name, one in found.items()
        if not one.proven
    ]


def _counts(data: Counts) -> Report:
    found = intervals.estimate(data.left, data.right, data.weight)
    when = sorted({box.right for box in found.boxes if math.isfinite(box.right)})
    return {
        "n": int(found.n),
        "npmle": {table.EVERYONE: _boxes(found)},
        "loglik": {table.EVERYONE: found.loglik},
        "time": [_tidy(time) for time in when],
        "surv": [intervals.survival_at(found, time)[1] for time in when],
        "warnings": _unproven({table.EVERYONE: found}),
    }
