"""What a page reads from a tally: responders, time to lost relief, what competes with it, pain, replies, levels.

Sources:
    [P] Denominators, best and worst case, and the sensitivity analyses: CLINICAL rules, section 6, definition
        version 1.
"""

import math
from collections.abc import Iterator

import numpy as np

from prom.domain import relief
from prom.services import comparing_pain as pain
from prom.services.comparing_columns import FIVE, STATES, TWO, Floats, Ints
from prom.services.comparing_page import Counted
from prom.services.comparing_tally import ENDS, READINGS, SHARES, Tally
from prom.services.comparing_views import (
    BandMeans,
    BandReplies,
    Curve,
    FitPoint,
    HeatGroup,
    Heatmap,
    Incidence,
    IncidencePoint,
    MeanDays,
    MeanPoint,
    ReplyPoint,
    Responders,
    Scatter,
    ScatterGroup,
    Sensitivity,
    Share,
    Step,
    Test,
)
from prom.statistics import competing, guards, responders, rmst, survival, tails
from prom.statistics.survival import LogRank, Table

MEAN_DAYS_TO = (180, 365)
EVERYONE = "all"
READINGS_IN_WORDS = (
    "responders",
    "response confirmed by the mean of the window",
    "open runs of bad scores counted as losses",
)
_FIT_STEPS = 21


def counted(of: Tally, threshold: int, cut_off: int) -> Counted:
    """Return all that a page reads from a tally at a threshold."""
    name = f"{threshold} survival"
    two, five = _table(of.halves(name)[:, 0]), _table(of.five(name)[:, 0])
    states = of.whole(f"{threshold} states")
    asked = of["asked"].reshape(len(TWO) + 1, len(FIVE) + 1)
    return Counted(
        threshold=threshold,
        cut_off=cut_off,
        definition_version=relief.DEFINITION_VERSION,
        n=int(states.sum()),
        responders=int(of.whole(f"{threshold} shares")[SHARES.index("responded")]),
        states=tuple((state.value, int(count)) for state, count in zip(STATES, states, strict=True) if count),
        asked_csi=int(asked.sum()),
        open_two=int(asked[0].sum()),
        open_five=int(asked[:, 0].sum()),
        two=_curves(two, TWO),
        five=_curves(five, FIVE),
        tests_two=_tests(two),
        tests_five=_tests(five),
        mean_days=_mean_days(two),
        sensitivity=_sensitivity(of.halves(name)),
        shares=_shares(of, threshold),
        competing=tuple(_incidences(of, threshold)),
        means=(*_means(of, TWO), *_means(of, FIVE)),
        replies=_replies(of),
        causes=tuple(tuple(row) for row in of.halves("cause").T.tolist()),
        scatter=_scatter(of, cut_off),
        heatmap=_heatmap(of),
    )


def _table(counts: Ints) -> Table:
    """Return what happened when, from counts by band, censored or lost, and day."""
    when = np.flatnonzero(counts.any(axis=(0, 1)))
    kept = counts[:, :, when].astype(np.float64)
    leaving = kept.sum(axis=1)
    return Table(
        times=when.astype(np.float64),
        events=kept[:, 1],
        censored=kept[:, 0],
        at_risk=np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1],
    )


def _curves(table: Table, names: tuple[str, ...]) -> tuple[Curve, ...]:
    return tuple(_curve(name, survival.curve_of(table, row)) for row, name in enumerate(names))


def _curve(name: str, curve: survival.Curve) -> Curve:
    deaths = [curve.n, *curve.n_risk.tolist()], [0, *curve.n_event.tolist()]
    steps = [
        Step(row[0] or 0.0, row[1] or 0.0, row[2], row[3], int(risk), int(lost))
        for row, risk, lost in zip(survival.steps(curve), *deaths, strict=True)
    ]
    return Curve(
        band=name,
        n=curve.n,
        events=curve.events,
        drawn=not guards.too_small(curve.n, curve.events),
        steps=tuple(steps),
        censored=tuple(zip(curve.censor_time.tolist(), map(int, curve.censor_count), strict=True)),
        median=curve.median,
        median_low=curve.median_low,
        median_high=curve.median_high,
    )


def allows_p(table: Table) -> bool:
    """Tell whether every band with patients is large enough for a p value, and there are two at least."""
    sizes = [(int(risk[0]) if risk.size else 0, int(lost.sum())) for risk, lost in _rows(table)]
    present = [size for size in sizes if size[0]]
    return len(present) > 1 and not any(guards.too_small(*size) for size in present)


def _rows(table: Table) -> Iterator[tuple[Floats, Floats]]:
    return zip(table.at_risk, table.events, strict=True)


def _tests(table: Table) -> tuple[Test, ...]:
    """Return the log-rank test, and of more than two bands the test for trend."""
    test, allowed = survival.logrank_of(table), allows_p(table)
    found = [_test("log-rank", test, allowed)]
    if table.events.shape[0] > len(TWO):
        found.append(_test("log-rank for trend", survival.trend(test), allowed))
    return tuple(found)


def _test(name: str, test: LogRank, allowed: bool) -> Test:
    return Test(name, test.chi2, test.df, test.p if allowed else None)


def _mean_days(table: Table) -> tuple[MeanDays, ...]:
    """Return the mean days with relief in both bands and their difference."""
    low, high = (survival.curve_of(table, row) for row in range(len(TWO)))
    small = any(guards.too_small(curve.n, curve.events) for curve in (low, high))
    found = []
    for tau in MEAN_DAYS_TO:
        below, above = (rmst.restricted_mean(curve, tau) if curve.n else None for curve in (low, high))
        gap = rmst.difference(above, below) if above is not None and below is not None else None
        found.append(
            MeanDays(
                tau=tau,
                below_40=None if below is None else below.value,
                from_40=None if above is None else above.value,
                difference=None if gap is None else gap.value,
                low=None if gap is None else gap.low,
                high=None if gap is None else gap.high,
                p=None if gap is None or small else gap.p,
                flat=any(one is not None and one.extended for one in (below, above)),
            )
        )
    return tuple(found)


def _sensitivity(counts: Ints) -> tuple[Sensitivity, ...]:
    """Return the two-band comparison with other populations and events, beside the main one."""
    found = []
    for place, name in zip(range(len(READINGS)), READINGS_IN_WORDS, strict=True):
        table = _table(counts[:, place])
        low, high = (survival.curve_of(table, row) for row in range(len(TWO)))
        p = survival.logrank_of(table).p if allows_p(table) else None
        found.append(Sensitivity(name, low.n + high.n, low.events + high.events, low.median, high.median, p))
    return tuple(found)


def _shares(of: Tally, threshold: int) -> tuple[Responders, ...]:
    """Return responders and success at the horizon, of everyone and of each band."""
    name = f"{threshold} shares"
    rows = [of.whole(name), *of.halves(name), *of.five(name)]
    return tuple(
        _responders(band, dict(zip(SHARES, row.tolist(), strict=True)))
        for band, row in zip((EVERYONE, *TWO, *FIVE), rows, strict=True)
    )


def _responders(band: str, counts: dict[str, int]) -> Responders:
    success = responders.success(counts["held"], counts["failed"], counts["unknown"])
    return Responders(
        band=band,
        response=_share(responders.share(counts["responded"], counts["judged"])),
        confirmed=_share(responders.share(counts["confirmed"], counts["judged"])),
        success=_share(success.known),
        worst=_share(success.worst),
        best=_share(success.best),
        unknown=success.unknown,
    )


def _share(one: responders.Share) -> Share:
    return Share(one.count, one.n, one.value, one.low, one.high)


def _incidences(of: Tally, threshold: int) -> Iterator[Incidence]:
    """Yield the cumulative incidence of a loss, a repeat, surgery and a death, of everyone and of both halves."""
    name = f"{threshold} ends"
    for band, counts in zip((EVERYONE, *TWO), (of.whole(name), *of.halves(name)), strict=True):
        when = np.flatnonzero(counts.any(axis=0))
        curves = competing.incidences_of(when.astype(np.float64), counts[:, when].T)
        for label, curve in zip(ENDS[1:], curves, strict=True):
            yield _incidence(band, label, float(when.max(initial=0)), curve)


def _incidence(band: str, cause: str, until: float, curve: competing.Incidence) -> Incidence:
    points = tuple(
        IncidencePoint(
            float(curve.time[at]), float(curve.incidence[at]), _finite(curve.low[at]), _finite(curve.high[at])
        )
        for at in np.flatnonzero(curve.n_event > 0)
    )
    return Incidence(band, cause, curve.n, curve.events, until, points)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _means(of: Tally, names: tuple[str, ...]) -> Iterator[BandMeans]:
    """Yield mean pain of each band at day 0 (the baseline) and at each prompt that is an outcome."""
    chosen = of.halves if names == TWO else of.five
    members = chosen("50 states").sum(axis=1)
    for name, before, after, n in zip(names, chosen("baseline"), chosen("pain"), members.tolist(), strict=True):
        points = [_mean(0.0, before)] if before[0] else []
        points += [_mean(float(day), sums) for day, sums in zip(pain.GRID.days, after, strict=True) if sums[0]]
        yield BandMeans(name, int(n), tuple(points))


def _mean(day: float, sums: Floats) -> MeanPoint:
    """Return a mean with its interval from number, sum and sum of squares."""
    n, total, squares = sums.tolist()
    mean = total / n
    spread = max(squares - total * mean, 0.0) / (n - 1) if n > 1 else 0.0
    reach = tails.half_width(0.95) * math.sqrt(spread / n)
    return MeanPoint(day, round(n), mean, max(mean - reach, 0.0), min(mean + reach, 10.0))


def _replies(of: Tally) -> tuple[BandReplies, ...]:
    """Return, for each half and prompt whose window is over, how many were due, answered, and not sent by us."""
    return tuple(
        BandReplies(name, tuple(_reply_points(*(of.halves(part)[place] for part in ("due", "came", "unsent")))))
        for place, name in enumerate(TWO)
    )


def _reply_points(due: Ints, came: Ints, unsent: Ints) -> Iterator[ReplyPoint]:
    for day, all_due, answered, ours in zip(pain.GRID.days, due.tolist(), came.tolist(), unsent.tolist(), strict=True):
        if all_due:
            # What we did not send is not a question that somebody left unanswered.
            share = responders.share(answered, all_due - ours)
            yield ReplyPoint(day, all_due, answered, share.low or 0.0, share.high or 0.0, ours)


def _scatter(of: Tally, cut_off: int) -> Scatter:
    sums = of["scatter"]
    return Scatter(
        n=round(float(sums[:, 0].sum())),
        of=int(of["able"][0]),
        points=(),
        fit=_fit(sums),
        groups=tuple(_group(name, sums[part]) for name, part in zip(TWO, _parts(cut_off), strict=True)),
    )


def _parts(cut_off: int) -> tuple[slice, slice]:
    return slice(0, cut_off), slice(cut_off, None)


def _group(name: str, sums: Floats) -> ScatterGroup:
    n, _, _, moderate, substantial = (round(float(one)) for one in sums.sum(axis=0))
    return ScatterGroup(name, n, moderate, substantial)


def _fit(sums: Floats) -> tuple[FitPoint, ...]:
    """Return the least-squares line of relief on CSI with the 95 % interval of its mean, from sums by CSI total."""
    n = float(sums[:, 0].sum())
    known = np.flatnonzero(sums[:, 0])
    if n < 3 or known.size < 2:
        return ()
    csi = np.arange(sums.shape[0], dtype=np.float64)
    middle, mean = float(sums[:, 0] @ csi) / n, float(sums[:, 1].sum()) / n
    width = float(sums[:, 0] @ (csi - middle) ** 2)
    slope = float((csi - middle) @ sums[:, 1]) / width
    noise = max(float(sums[:, 2].sum()) - n * mean**2 - slope**2 * width, 0.0) / (n - 2)
    found = []
    for at in np.linspace(known[0], known[-1], _FIT_STEPS):
        away = float(at) - middle
        reach = tails.half_width(0.95) * math.sqrt(noise * (1.0 / n + away**2 / width))
        line = mean + slope * away
        found.append(FitPoint(float(at), line, line - reach, line + reach))
    return tuple(found)


def _heatmap(of: Tally) -> Heatmap:
    """Return the levels by band in exact counts; rows are added from the fitted part."""
    days = outcome_days(of["procedures"])
    columns = pain.GRID.column[list(days)]
    groups = tuple(
        HeatGroup(name, int(n), (), tuple(map(tuple, counts[columns].tolist())))
        for name, n, counts in zip(FIVE, of.five("judged").tolist(), of.five("levels"), strict=True)
    )
    return Heatmap(days, pain.LEVELS, groups, thinned=True)


def outcome_days(procedures: Ints) -> tuple[int, ...]:
    """Return the days of the outcome prompts of the procedures that a cohort holds, given as counts."""
    asked = np.flatnonzero(procedures).tolist()
    return tuple(sorted({day for place in asked for day, _, safety in pain.GRID.points[place] if not safety}))
