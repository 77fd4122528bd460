"""How long relief lasts, by CSI band: Kaplan-Meier steps, and the estimate between visits.

Relief is lost between two answers, never at one. The steps fall at the first answer that showed the loss ("detected
at the prompt"); the overlay draws the nonparametric estimate on the intervals, with boxes where the data cannot say
when inside an interval the loss fell.

Sources:
    Morris 2019 (KMunicate, BMJ Open 9:e030215): interval, number at risk in the chart, and a full table under it.
    Turnbull 1976: the estimate for interval-censored times; it is undefined inside its boxes.
"""

from dataclasses import dataclass
from itertools import pairwise

from prom.charts import theme, timeline
from prom.charts.figure import Chart, Json, Key, Table, joined, percent, rounded
from prom.charts.theme import Band

WIDE, NARROW = 470, 430
# Fewer than these say too little for a curve: the band is in the table only.
PATIENTS_AT_LEAST, EVENTS_AT_LEAST = 10, 5
# Where nobody is in relief any more, the label stands above the axis instead of in it.
_ABOVE_AXIS = 3.0


@dataclass(frozen=True, slots=True)
class Step:
    """The estimate from a day on: share in relief, its 95 % interval (None where undefined), losses on that day."""

    day: float
    survival: float
    low: float | None
    high: float | None
    at_risk: int
    events: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Kaplan-Meier of one band of ``n`` responders; ``censored`` holds one day for each patient without a loss."""

    band: Band
    n: int
    steps: tuple[Step, ...]
    censored: tuple[float, ...]
    median: float | None = None

    @property
    def events(self) -> int:
        """Return how many lost relief."""
        return sum(step.events for step in self.steps)

    @property
    def drawn(self) -> bool:
        """Return whether there are enough patients and losses for a curve."""
        return self.n >= PATIENTS_AT_LEAST and self.events >= EVENTS_AT_LEAST

    def counts(self, day: float) -> tuple[int, int, int]:
        """Return at risk on a day, and censored and lost before it."""
        lost = sum(step.events for step in self.steps if step.day < day)
        gone = sum(at < day for at in self.censored)
        return self.n - lost - gone, gone, lost

    @property
    def followed_to(self) -> float:
        """Return the last day on which somebody of the band was seen, lost or held."""
        return max([0.0, *(step.day for step in self.steps), *self.censored])

    def share_at(self, day: float) -> float:
        """Return the share still in relief on a day."""
        return next((step.survival for step in reversed(self.steps) if step.day <= day), 1.0)


@dataclass(frozen=True, slots=True)
class Box:
    """The estimate falls from ``before`` to ``after`` somewhere in (left, right]; right is None when it is open."""

    left: float
    right: float | None
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Between:
    """The estimate between visits (NPMLE) of one band, as its boxes in order of days."""

    band: Band
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Survival:
    """All that the chart shows, to ``horizon`` days. ``threshold`` is the relief that counts as kept, in percent."""

    curves: tuple[Curve, ...]
    horizon: float
    threshold: int
    between: tuple[Between, ...] = ()
    footnote: str = ""


def chart(data: Survival) -> Chart:
    """Return the curves with their words and numbers; without a drawable band only words and table are left."""
    drawn = [curve for curve in data.curves if curve.drawn]
    return Chart(
        name=f"survival-{len(data.curves)}",
        title="How long relief lasts",
        unit=(
            f"Responders who still have {data.threshold}\xa0% relief, percent (Kaplan\N{EN DASH}Meier, 95\xa0% "
            "confidence interval). Losses are drawn at the answer that showed them."
        ),
        direction="Higher is better.",
        summary=summary(data),
        table=table(data),
        figure=figure(data) if drawn else None,
        keys=keys(data),
        switches=("npmle",) if drawn and data.between else (),
        footnote=data.footnote,
    )


def figure(data: Survival) -> Json:
    """Return steps, intervals, censor ticks, end labels, numbers at risk, and the switched overlay."""
    drawn = [curve for curve in data.curves if curve.drawn]
    edges = (-0.01 * data.horizon, data.horizon * 1.01)
    wide, tight = (timeline.ticks(*edges, timeline.even, share) for share in (0.1, 0.16))
    split, split_narrow = theme.below_axis(len(drawn), WIDE), theme.below_axis(len(drawn), NARROW)
    layout = theme.layout(
        WIDE,
        xaxis=theme.across(*edges, anchor="y", **wide),
        yaxis=theme.values(0, 103, **theme.percents(0, 25, 50, 75, 100), domain=split.plot),
        yaxis2=theme.lane(split.rows, -len(drawn), 1),
        annotations=[*_ends(drawn, data.horizon), *theme.row_heads([curve.band for curve in drawn], "Number at risk")],
    )
    layout["margin"] |= {"b": 8, "l": 62}
    narrow = theme.narrow(
        NARROW, xaxis=tight, yaxis={"domain": split_narrow.plot}, yaxis2={"domain": split_narrow.rows}
    )
    narrow["margin"] |= {"b": 6, "l": 54, "r": 50}
    # More than three ribbons of full strength hide one another.
    opacity = 0.13 if len(drawn) <= 3 else 0.06
    traces = [_interval(curve, data.horizon, opacity) for curve in drawn]
    traces += [_steps(curve, data.horizon) for curve in drawn] + [_ticks(curve, data.horizon) for curve in drawn]
    for width, ticks in (("wide", wide), ("narrow", tight)):
        for row, curve in enumerate(drawn):
            numbers = [str(curve.counts(day)[0]) for day in ticks["tickvals"]]
            traces.append(theme.row_numbers(ticks["tickvals"], numbers, row, curve.band.colour) | {"meta": width})
    names = {curve.band.key for curve in drawn}
    for between in data.between:
        if between.band.key in names:
            traces += [trace | {"meta": "npmle"} for trace in _between(between, data.horizon)]
    return {"data": traces, "layout": layout, "config": dict(theme.CONFIG), "narrow": narrow}


def summary(data: Survival) -> str:
    """Return the chart in one sentence: losses of patients, share at the horizon, median."""
    parts = []
    for curve in data.curves:
        median = "median not reached" if curve.median is None else f"median {round(curve.median)} days"
        # Nobody was followed past the last answer: the share is told where the curve ends, never beyond.
        until = min(data.horizon, curve.followed_to)
        share = f"{percent(curve.share_at(until))} still in relief at {timeline.when(until)}, "
        detail = f"{share if len(data.curves) <= 3 else ''}{median}"
        words = detail if curve.drawn else "too few for a curve"
        parts.append(f"{curve.band.label}: {curve.events} of {curve.n} lost relief, {words}")
    return f"{'; '.join(parts)}." if parts else "No responders yet."


def table(data: Survival) -> Table:
    """Return at risk, censored and lost, with the estimate, at each time of the axis."""
    days = [day for day in timeline.ticks(0, data.horizon, timeline.even, 0.07)["tickvals"] if day <= data.horizon]
    rows = []
    for curve in data.curves:
        for day in days:
            at_risk, censored, lost = curve.counts(day)
            rows.append(
                (curve.band.label, timeline.when(day), str(at_risk), str(censored), str(lost), _estimate(curve, day))
            )
    return Table(("Band", "When", "At risk", "Censored before", "Lost before", "In relief (95\xa0% CI)"), tuple(rows))


def keys(data: Survival) -> tuple[Key, ...]:
    """Return the legend, with the bands that are too small to draw named as such."""
    found = [Key("line", curve.band.colour, curve.band.label) for curve in data.curves if curve.drawn]
    if found:
        found.append(Key("tick", theme.MUTED, "last held answer, no loss seen (censored)"))
    if found and data.between:
        found.append(Key("box-dashed", theme.MUTED, "lost somewhere inside the box (estimate between visits)"))
    small = [curve.band.label for curve in data.curves if not curve.drawn]
    if small:
        found.append(Key("none", theme.MUTED, f"not drawn, too few: {joined(small)}"))
    return tuple(found)


def _estimate(curve: Curve, day: float) -> str:
    step = next((step for step in reversed(curve.steps) if step.day <= day), None)
    if step is None:
        return percent(1.0)
    if step.low is None or step.high is None:
        return percent(step.survival)
    return f"{percent(step.survival)} ({percent(step.low)} to {percent(step.high)})"


def _until(curve: Curve, horizon: float) -> float:
    """Return the last day on which somebody was followed, where the curve ends."""
    last = max([*curve.censored, *(step.day for step in curve.steps)], default=0.0)
    return min(last, horizon)


def _corners(levels: list[tuple[float, float]], end: float) -> tuple[list[float], list[float]]:
    """Return the corners of a step function that starts at each given level and ends on a day."""
    xs: list[float] = []
    ys: list[float] = []
    for (day, level), (following, _) in pairwise([*levels, (end, 0.0)]):
        xs += [day, max(day, following)]
        ys += [round(100 * level, 3)] * 2
    return xs, ys


def _steps(curve: Curve, horizon: float) -> Json:
    inside = [step for step in curve.steps if step.day <= horizon]
    levels = [(0.0, 1.0), *((step.day, step.survival) for step in inside)]
    xs, ys = _corners(levels, _until(curve, horizon))
    text = [
        f"{curve.band.label}<br>{timeline.when(x).capitalize()}: {percent(y / 100)}"
        for x, y in zip(xs, ys, strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": xs,
        "y": ys,
        "text": text,
        "hoverinfo": "text",
        "line": {"color": curve.band.colour, "width": curve.band.width},
    }


def _interval(curve: Curve, horizon: float, opacity: float) -> Json:
    """Return the ribbon of the interval; it stops where the interval is undefined."""
    known = [step for step in curve.steps if step.day <= horizon and step.low is not None and step.high is not None]
    stop = next((step.day for step in curve.steps if step.low is None), _until(curve, horizon))
    low = [(0.0, 1.0), *((step.day, step.low or 0.0) for step in known)]
    high = [(0.0, 1.0), *((step.day, step.high or 0.0) for step in known)]
    upper, lower = _corners(high, min(stop, horizon)), _corners(low, min(stop, horizon))
    ys: list[float | None] = [*upper[1], *reversed(lower[1])]
    return theme.area(upper[0] + lower[0][::-1], ys, theme.tint(curve.band.colour, opacity))


def _ticks(curve: Curve, horizon: float) -> Json:
    days = sorted({day for day in curve.censored if 0 < day <= horizon})
    return {
        "type": "scatter",
        "mode": "markers",
        "x": days,
        "y": [rounded(100 * curve.share_at(day)) for day in days],
        "marker": {"symbol": "line-ns", "size": 8, "line": {"width": 1.6, "color": curve.band.colour}},
        "cliponaxis": False,
        "hoverinfo": "skip",
    }


def _ends(curves: list[Curve], horizon: float) -> list[Json]:
    places = theme.apart([100 * curve.share_at(horizon) for curve in curves], 5.6)
    return [
        theme.line_end(curve.band.short, (_until(curve, horizon), max(place, _ABOVE_AXIS)), horizon, curve.band.colour)
        for curve, place in zip(curves, places, strict=True)
    ]


def _between(between: Between, horizon: float) -> list[Json]:
    """Return the boxes, and the level lines between them, of one band."""
    boxes = [box for box in between.boxes if box.left < horizon]
    xs: list[float | None] = []
    ys: list[float | None] = []
    level_x: list[float | None] = [0.0]
    level_y: list[float | None] = [100.0]
    for box in boxes:
        right = min(horizon, horizon if box.right is None else box.right)
        top, bottom = round(100 * box.before, 3), round(100 * box.after, 3)
        xs += [box.left, right, right, box.left, box.left, None]
        ys += [top, top, bottom, bottom, top, None]
        level_x += [box.left, None, right]
        level_y += [top, None, bottom]
    level_x.append(horizon)
    level_y.append(level_y[-1])
    colour = between.band.colour
    base: Json = {"type": "scatter", "mode": "lines", "hoverinfo": "skip"}
    return [
        {**base, "x": xs, "y": ys, "fill": "toself", "fillcolor": theme.tint(colour, 0.1)}
        | {"line": {"color": colour, "width": 1, "dash": "3px,2px"}},
        {**base, "x": level_x, "y": level_y, "line": {"color": colour, "width": 1.4, "dash": "3px,2px"}},
    ]
