"""Put counted, fitted and modelled parts together to the cohort page, and say in sentences what they hold."""

from dataclasses import replace
from datetime import datetime

from prom.services import comparing_findings as findings
from prom.services.comparing_columns import FIVE, TWO
from prom.services.comparing_loading import CAUSES
from prom.services.comparing_page import CohortView, Counted, Fitted
from prom.services.comparing_views import (
    Between,
    CausePoint,
    Causes,
    Curve,
    Hazard,
    HeatGroup,
    Heatmap,
    HeatRow,
    Mixed,
    Survival,
    Test,
)
from prom.statistics import guards


def view(counted: Counted, fitted: Fitted, mixed: Mixed | None, as_of: datetime, of: int) -> CohortView:
    """Return the page from its parts; `of` are the episodes before it was narrowed."""
    two = _survival(counted.two, fitted.between_two, counted.tests_two, fitted.test_two)
    half = findings.halves(counted.cut_off)
    told = (
        findings.response(counted.shares, dict(counted.states)),
        findings.losses(two, half),
        findings.hazard(fitted.hazards, fitted.hazards_n, fitted.hazards_events),
        findings.days(counted.mean_days, half),
        findings.success(counted.shares, half),
        findings.at_three_months(counted.scatter, half),
        findings.answers(counted.replies, half),
    )
    sizes = {half[curve.band]: (curve.n, curve.events) for curve in counted.two}
    return CohortView(
        as_of=as_of,
        fitted_at=fitted.as_of,
        definition_version=counted.definition_version,
        threshold=counted.threshold,
        cut_off=counted.cut_off,
        n=counted.n,
        of=of,
        responders=counted.responders,
        states=counted.states,
        without_csi=counted.n - counted.asked_csi,
        findings=tuple(one for one in told if one is not None),
        warnings=(
            *findings.open_bands(counted),
            *guards.guards(sizes).warnings,
            *fitted.warnings,
            findings.CAVEAT,
        ),
        two=two,
        five=_survival(counted.five, fitted.between_five, counted.tests_five, fitted.test_five),
        hazards=_guarded(fitted),
        hazards_n=fitted.hazards_n,
        hazards_events=fitted.hazards_events,
        mean_days=counted.mean_days,
        sensitivity=counted.sensitivity,
        shares=counted.shares,
        competing=counted.competing,
        means=counted.means,
        replies=counted.replies,
        causes=_causes(counted),
        scatter=replace(counted.scatter, points=fitted.points),
        swimmer=fitted.swimmer,
        heatmap=_heatmap(counted.heatmap, fitted.rows),
        calibration=fitted.calibration,
        mixed=mixed,
    )


def _survival(
    curves: tuple[Curve, ...], between: tuple[Between, ...], tests: tuple[Test, ...], interval: Test
) -> Survival:
    """Return one division; the test on the intervals is as guarded as the log-rank test of the same bands."""
    told = interval if tests[0].p is not None else replace(interval, p=None)
    return Survival(curves, between, (*tests, told))


def _guarded(fitted: Fitted) -> tuple[Hazard, ...]:
    """Return the hazard ratios, without p values where the model stands on too few."""
    if not guards.too_small(fitted.hazards_n, fitted.hazards_events):
        return fitted.hazards
    return tuple(replace(one, p=None, constant_p=None) for one in fitted.hazards)


def _causes(counted: Counted) -> Causes:
    found = [
        CausePoint(cause, each) for cause, each in zip(CAUSES, counted.causes[: len(CAUSES)], strict=True) if sum(each)
    ]
    ordered = sorted(found, key=lambda point: (-sum(point.counts), point.cause))
    reviewed = [sum(each[place] for each in counted.causes) for place in range(len(TWO))]
    return Causes(TWO, tuple(reviewed), tuple(ordered))


def _heatmap(counted: Heatmap, rows: tuple[tuple[HeatRow, ...], ...]) -> Heatmap:
    """Return the heat map with its rows, where all of them are there and of the same time points."""
    groups = tuple(
        HeatGroup(group.band, group.n, own, group.counts)
        for group, own in zip(counted.groups, rows or ((),) * len(FIVE), strict=True)
    )
    whole = all(len(group.rows) == group.n for group in groups)
    whole &= all(len(row.levels) == len(counted.days) for group in groups for row in group.rows)
    if whole:
        return replace(counted, groups=groups, thinned=False)
    return counted
