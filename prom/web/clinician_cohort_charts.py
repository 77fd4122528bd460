"""What the services know of a cohort, handed to the charts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from prom.charts import causes as causes_chart
from prom.charts import cohort as cohort_chart
from prom.charts import figure, heatmap, scatter, survival, swimmer, theme
from prom.charts.figure import Chart, Table
from prom.services import comparing_views as seen
from prom.web import clinician_words
from prom.web.clinician_blueprint import translated as _

THREE_MONTHS = "3 months"
HORIZONS = (90, 180, 365, 730)
# Answers to the visit of a year may come 30 days after it.
LONGEST_MARGIN = 30


@dataclass(frozen=True, slots=True)
class CohortCharts:
    """The charts of the cohort page in its order; an empty figure is left out."""

    means: Chart
    survival: Chart
    scatter: Chart
    swimmer: Chart | None
    heatmap: Chart
    replies: Chart
    causes: Chart


def charts(view: seen.CohortView, bands: str, labels: dict[str, str], footnote: str) -> CohortCharts:
    """Return the charts of a cohort; `bands` is two or five, `labels` names the patients of the swimmer plot."""
    division = view.five if bands == "five" else view.two
    return CohortCharts(
        means=cohort_chart.means(_means(view, bands), footnote),
        survival=survival.chart(_survival(view, division, footnote)),
        scatter=_scatter(view.scatter, footnote),
        swimmer=swimmer.chart(_swimmer(view, labels, footnote)) if view.swimmer else None,
        heatmap=_heatmap(view.heatmap, footnote),
        replies=cohort_chart.replies(_replies(view), footnote),
        causes=causes_chart.chart(_causes(view.causes, footnote)),
    )


def horizon(days: Iterable[float]) -> float:
    """Return where a time axis ends: the first usual visit that, with its answer window, holds the last of the days."""
    last = max(days, default=0.0)
    return float(next((day for day in HORIZONS if last <= day + LONGEST_MARGIN), HORIZONS[-1]))


def _followed(division: seen.Survival) -> list[float]:
    steps = [step.day for curve in division.curves for step in curve.steps]
    return steps + [day for curve in division.curves for day, _count in curve.censored]


def _survival(view: seen.CohortView, division: seen.Survival, footnote: str) -> survival.Survival:
    return survival.Survival(
        curves=tuple(_curve(curve) for curve in division.curves),
        horizon=horizon(_followed(division)),
        threshold=view.threshold,
        between=tuple(
            survival.Between(
                theme.BANDS[one.band],
                tuple(survival.Box(box.left, box.right, box.before, box.after) for box in one.boxes),
            )
            for one in division.between
        ),
        footnote=f"{tests(division)} {footnote}",
    )


def _curve(curve: seen.Curve) -> survival.Curve:
    steps = tuple(survival.Step(s.day, s.survival, s.low, s.high, s.at_risk, s.events) for s in curve.steps)
    return survival.Curve(theme.BANDS[curve.band], curve.n, steps, curve.censored_days, curve.median)


def tests(division: seen.Survival) -> str:
    """Return the tests between the bands in words; a p value that the guards withhold is said to be withheld."""
    parts = []
    for test in division.tests:
        if test.p is None:
            parts.append(_("%(name)s: no p value, a band is too small", name=_test_name(test.name)))
        else:
            parts.append(f"{_test_name(test.name)}: {p_words(test.p)}")
    return f"{'; '.join(parts)}." if parts else ""


def _test_name(name: str) -> str:
    known = {
        "logrank": _("Log-rank test"),
        "trend": _("Test for trend"),
        "interval": _("Log-rank test on the intervals"),
    }
    return known.get(name, name.replace("_", " ").capitalize())


def p_words(p: float | None) -> str:
    """Return a p value as it is printed."""
    if p is None:
        return _("not given")
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def shown_bands(bands: str) -> tuple[str, ...]:
    """Return the keys of the bands that curves and tables divide by."""
    return tuple(band.key for band in (theme.FIVE if bands == "five" else theme.TWO))


def _means(view: seen.CohortView, bands: str) -> tuple[cohort_chart.BandMeans, ...]:
    return tuple(
        cohort_chart.BandMeans(
            theme.BANDS[group.band],
            group.n,
            tuple(cohort_chart.MeanPoint(p.day, p.n, p.mean, p.low, p.high) for p in group.points),
        )
        for group in view.means
        if group.band in shown_bands(bands)
    )


def _replies(view: seen.CohortView) -> tuple[cohort_chart.BandReplies, ...]:
    return tuple(
        cohort_chart.BandReplies(
            theme.BANDS[group.band],
            tuple(cohort_chart.ReplyPoint(p.day, p.due, p.answered, p.low, p.high, p.not_sent) for p in group.points),
        )
        for group in view.replies
    )


def _scatter(data: seen.Scatter, footnote: str) -> Chart:
    drawn = scatter.chart(
        scatter.Scatter(
            points=tuple(scatter.Point(point.csi, point.relief) for point in data.points),
            fit=tuple(scatter.Fit(place.csi, place.relief, place.low, place.high) for place in data.fit),
            at=THREE_MONTHS,
            footnote=footnote,
        )
    )
    known = _("%(n)s of %(of)s patients have an answer at 3 months and a complete CSI.", n=data.n, of=data.of)
    if data.n > len(data.points):
        known += " " + _("Every fitted, %(shown)s evenly chosen ones drawn.", shown=len(data.points))
    return replace(drawn, footnote=f"{known} {footnote}")


def _swimmer(view: seen.CohortView, labels: dict[str, str], footnote: str) -> swimmer.Swimmer:
    lanes = tuple(
        swimmer.Lane(
            labels.get(lane.public_id, ""), lane.csi, lane.begins, lane.held_until, lane.until, swimmer.End(lane.end)
        )
        for lane in view.swimmer
    )
    return swimmer.Swimmer(lanes, horizon(lane.until for lane in view.swimmer), footnote)


def _heatmap(data: seen.Heatmap, footnote: str) -> Chart:
    levels = [heatmap.Level(name) for name in data.levels]
    drawn = heatmap.chart(
        heatmap.Heatmap(
            columns=tuple(visit(day) for day in data.days),
            groups=tuple(
                heatmap.Group(
                    theme.BANDS[group.band],
                    tuple(heatmap.Row(row.days, tuple(levels[place] for place in row.levels)) for row in group.rows),
                )
                for group in data.groups
            ),
            footnote=footnote,
        )
    )
    if not data.thinned:
        return drawn
    every = sum(group.n for group in data.groups)
    rows = sum(len(group.rows) for group in data.groups)
    unit = _("%(rows)s of %(every)s patients, evenly chosen, are drawn; the numbers hold all.", rows=rows, every=every)
    return replace(drawn, unit=unit, table=_all_cells(data, drawn.table.headers), summary=_share_words(data))


def _all_cells(data: seen.Heatmap, headers: tuple[str, ...]) -> Table:
    """Return the exact counts in the columns of the chart's own table."""
    order = [data.levels.index(level.value) if level.value in data.levels else -1 for level in heatmap.Level]
    shown = [place for place, level in zip(order, heatmap.Level, strict=True) if level is not heatmap.Level.NOT_DUE]
    rows = tuple(
        (theme.BANDS[group.band].label, visit(day), *(str(counts[place]) if place >= 0 else "0" for place in shown))
        for group in data.groups
        for day, counts in zip(data.days, group.counts, strict=True)
    )
    return Table(headers, rows)


def _share_words(data: seen.Heatmap) -> str:
    """Return each band's exact share with 50 % relief at the last time point with answers."""
    good = {heatmap.Level.FROM_70.value, heatmap.Level.FROM_50.value}
    silent = {heatmap.Level.NO_REPLY.value, heatmap.Level.NOT_DUE.value}
    parts = []
    for group in data.groups:
        for day, counts in reversed(list(zip(data.days, group.counts, strict=True))):
            named = dict(zip(data.levels, counts, strict=True))
            known = sum(count for name, count in named.items() if name not in silent)
            if known:
                reach = sum(count for name, count in named.items() if name in good)
                parts.append(f"{theme.BANDS[group.band].label}: {reach} of {known} with 50\xa0% relief at {visit(day)}")
                break
    return f"{'; '.join(parts)}." if parts else _("No answers yet.")


def visit(day: int) -> str:
    """Return a time point as a column head of two or three signs: 3d, 2w, 6w, 3m, 1y."""
    if day < 7:
        return f"{day}d"
    if day % 7 == 0 and day < 60:
        return f"{day // 7}w"
    return f"{round(day / 30)}m" if day < 360 else f"{figure.number(round(day / 365, 1))}y"


def _causes(data: seen.Causes, footnote: str) -> causes_chart.Causes:
    words = {cause.key: cause.conclusion for cause in clinician_words.causes()}
    return causes_chart.Causes(
        bands=tuple(theme.BANDS[band] for band in data.bands),
        reviewed=data.reviewed,
        causes=tuple(causes_chart.Cause(words.get(one.cause, one.cause), one.counts) for one in data.causes),
        footnote=footnote,
    )
