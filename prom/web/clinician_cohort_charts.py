"""What the services know of a cohort, handed to the charts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from prom.charts import calibration, competing, figure, heatmap, responders, scatter, survival, swimmer, theme
from prom.charts import causes as causes_chart
from prom.charts import cohort as cohort_chart
from prom.charts.figure import Chart
from prom.services import comparing_views as seen
from prom.services.comparing_page import CohortView
from prom.web import clinician_words
from prom.web.clinician_blueprint import translated as _

THREE_MONTHS = "3 months"
HORIZONS = (90, 180, 365, 730)
# Answers to the visit of a year may come 30 days after it.
LONGEST_MARGIN = 30


@dataclass(frozen=True, slots=True)
class CohortCharts:
    """The charts of the cohort page in its order; an empty figure is left out."""

    responders: Chart
    survival: Chart
    competing: Chart
    means: Chart
    scatter: Chart
    calibration: Chart
    swimmer: Chart | None
    heatmap: Chart
    replies: Chart
    causes: Chart


@dataclass(frozen=True, slots=True)
class Notes:
    """What stands under every figure: definition, data cut-off, choice and numbers; and the cut-off of the models."""

    counted: str
    fitted: str


def charts(view: CohortView, bands: str, labels: dict[str, str], notes: Notes) -> CohortCharts:
    """Return the charts of a cohort; `bands` is two or five, `labels` names the patients of the swimmer plot."""
    division = view.five if bands == "five" else view.two
    return CohortCharts(
        responders=responders.chart(_responders(view, bands, notes.counted)),
        survival=survival.chart(_survival(view, division, notes.counted)),
        competing=competing.chart(_competing(view, notes.counted)),
        means=cohort_chart.means(_means(view, bands), notes.counted),
        scatter=_scatter(view, notes.counted),
        calibration=calibration.chart(_calibration(view.calibration, notes.fitted)),
        swimmer=swimmer.chart(_swimmer(view, labels, notes.fitted)) if view.swimmer else None,
        heatmap=_heatmap(view.heatmap, notes.counted),
        replies=cohort_chart.replies(_replies(view), notes.counted),
        causes=causes_chart.chart(_causes(view, notes.counted)),
    )


def _responders(view: CohortView, bands: str, footnote: str) -> responders.Responders:
    words = theme.bands(view.cut_off)
    rows = tuple(
        responders.Row(
            words[one.band],
            _share(one.response),
            _share(one.confirmed),
            _share(one.success),
            _share(one.worst),
            _share(one.best),
            one.unknown,
        )
        for one in view.shares
        if one.band in {theme.EVERYONE.key, *shown_bands(bands)}
    )
    return responders.Responders(rows, view.threshold, footnote)


def _share(one: seen.Share) -> responders.Share:
    return responders.Share(one.count, one.n, one.value, one.low, one.high)


def _competing(view: CohortView, footnote: str) -> competing.Competing:
    words = theme.bands(view.cut_off)
    named = {"loss": _("relief lost"), "repeat": _("repeat"), "surgery": _("surgery"), "death": _("death")}
    lines = tuple(
        competing.Line(
            words[one.band],
            one.cause,
            named[one.cause],
            one.n,
            one.events,
            one.until,
            tuple(competing.Point(point.day, point.incidence, point.low, point.high) for point in one.points),
        )
        for one in view.competing
    )
    last = horizon([*_followed(view.two), *(point.day for line in lines for point in line.points)])
    return competing.Competing(lines, last, footnote)


def _calibration(data: seen.Calibration, footnote: str) -> calibration.Calibration:
    rows = tuple(
        calibration.Row(row.n, row.events, row.predicted, row.observed, row.low, row.high) for row in data.rows
    )
    return calibration.Calibration(data.landmark, data.horizon, rows, data.reason, footnote)


def horizon(days: Iterable[float]) -> float:
    """Return where a time axis ends: the first usual visit that, with its answer window, holds the last of the days."""
    last = max(days, default=0.0)
    return float(next((day for day in HORIZONS if last <= day + LONGEST_MARGIN), HORIZONS[-1]))


def _followed(division: seen.Survival) -> list[float]:
    steps = [step.day for curve in division.curves for step in curve.steps]
    return steps + [day for curve in division.curves for day, _count in curve.censored]


def _survival(view: CohortView, division: seen.Survival, footnote: str) -> survival.Survival:
    words = theme.bands(view.cut_off)
    return survival.Survival(
        curves=tuple(_curve(curve, words) for curve in division.curves),
        horizon=horizon(_followed(division)),
        threshold=view.threshold,
        between=tuple(
            survival.Between(
                words[one.band],
                tuple(survival.Box(box.left, box.right, box.before, box.after) for box in one.boxes),
            )
            for one in division.between
        ),
        footnote=f"{tests(division)} {footnote}",
    )


def _curve(curve: seen.Curve, words: dict[str, theme.Band]) -> survival.Curve:
    steps = tuple(survival.Step(s.day, s.survival, s.low, s.high, s.at_risk, s.events) for s in curve.steps)
    return survival.Curve(words[curve.band], curve.n, steps, curve.censored_days, curve.median)


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
        "log-rank": _("Log-rank test"),
        "log-rank for trend": _("Test for trend"),
        "interval log-rank": _("Log-rank test on the intervals"),
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


def _means(view: CohortView, bands: str) -> tuple[cohort_chart.BandMeans, ...]:
    words = theme.bands(view.cut_off)
    return tuple(
        cohort_chart.BandMeans(
            words[group.band],
            group.n,
            tuple(cohort_chart.MeanPoint(p.day, p.n, p.mean, p.low, p.high) for p in group.points),
        )
        for group in view.means
        if group.band in shown_bands(bands)
    )


def _replies(view: CohortView) -> tuple[cohort_chart.BandReplies, ...]:
    words = theme.bands(view.cut_off)
    return tuple(
        cohort_chart.BandReplies(
            words[group.band],
            tuple(cohort_chart.ReplyPoint(p.day, p.due, p.answered, p.low, p.high, p.not_sent) for p in group.points),
        )
        for group in view.replies
    )


def _scatter(view: CohortView, footnote: str) -> Chart:
    data, words = view.scatter, theme.bands(view.cut_off)
    drawn = scatter.chart(
        scatter.Scatter(
            points=tuple(scatter.Point(point.csi, point.relief) for point in data.points),
            fit=tuple(scatter.Fit(place.csi, place.relief, place.low, place.high) for place in data.fit),
            at=THREE_MONTHS,
            cut_off=view.cut_off,
            bands=theme.THREE if view.cut_off == theme.DEFAULT_CUT_OFF else theme.halves(view.cut_off),
            groups=tuple(
                scatter.Group(words[group.band], group.n, group.moderate, group.substantial) for group in data.groups
            ),
            footnote=footnote,
        )
    )
    known = _("%(n)s of %(of)s patients have an answer at 3 months and a complete CSI.", n=data.n, of=data.of)
    if data.n > len(data.points):
        known += " " + _("All are counted and fitted, %(shown)s of them drawn.", shown=len(data.points))
    return replace(drawn, footnote=f"{known} {footnote}")


def _swimmer(view: CohortView, labels: dict[str, str], footnote: str) -> swimmer.Swimmer:
    lanes = tuple(
        swimmer.Lane(
            labels.get(lane.public_id, ""), lane.csi, lane.begins, lane.held_until, lane.until, swimmer.End(lane.end)
        )
        for lane in view.swimmer
    )
    return swimmer.Swimmer(lanes, horizon(lane.until for lane in view.swimmer), footnote)


def _heatmap(data: seen.Heatmap, footnote: str) -> Chart:
    levels = [heatmap.Level(name) for name in data.levels]
    return heatmap.chart(
        heatmap.Heatmap(
            columns=tuple(visit(day) for day in data.days),
            groups=tuple(
                heatmap.Group(
                    theme.BANDS[group.band],
                    tuple(heatmap.Row(row.days, tuple(levels[place] for place in row.levels)) for row in group.rows),
                    tuple(Counter(dict(zip(levels, counts, strict=True))) for counts in group.counts)
                    if data.thinned
                    else (),
                )
                for group in data.groups
            ),
            footnote=footnote,
        )
    )


def visit(day: int) -> str:
    """Return a time point as a column head of two or three signs: 3d, 2w, 6w, 3m, 1y."""
    if day < 7:
        return f"{day}d"
    if day % 7 == 0 and day < 60:
        return f"{day // 7}w"
    return f"{round(day / 30)}m" if day < 360 else f"{figure.number(round(day / 365, 1))}y"


def _causes(view: CohortView, footnote: str) -> causes_chart.Causes:
    words = {cause.key: cause.conclusion for cause in clinician_words.causes()}
    bands = theme.bands(view.cut_off)
    return causes_chart.Causes(
        bands=tuple(bands[band] for band in view.causes.bands),
        reviewed=view.causes.reviewed,
        causes=tuple(causes_chart.Cause(words.get(one.cause, one.cause), one.counts) for one in view.causes.causes),
        footnote=footnote,
    )
