"""What ends relief: the share of responders struck by each cause, the others competing, by CSI band.

One line is one cause in one band; solid below the cut-off and dashed from it on, with another colour and end label for
each cause, so that the chart can be read in grey.

Sources:
    Aalen & Johansen 1978 (Scand J Stat 5:141): the estimate. Latouche 2013 (J Clin Epidemiol 66:648): all causes are
    shown beside one another.
"""

from dataclasses import dataclass

from prom.charts import theme, timeline
from prom.charts.figure import Chart, Json, Key, Table, joined, percent
from prom.charts.theme import Band

WIDE, NARROW = 430, 390
EVENTS_AT_LEAST = 5
TOLD_AT = (90.0, 180.0, 365.0)
_COLOURS = {"loss": theme.ALERT, "repeat": theme.LINE, "surgery": theme.AMBER, "death": theme.INK}
_WIDTHS = {"loss": 2.8, "repeat": 2.2, "surgery": 2.2, "death": 2.2}


@dataclass(frozen=True, slots=True)
class Point:
    """The share struck up to and including a day, with its 95 % interval (None where undefined)."""

    day: float
    share: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One cause in one band of ``n`` responders, seen until a day; ``label`` is the cause in words."""

    band: Band
    cause: str
    label: str
    n: int
    events: int
    until: float
    points: tuple[Point, ...]

    @property
    def drawn(self) -> bool:
        """Return whether there are enough events for a line."""
        return self.events >= EVENTS_AT_LEAST

    def at(self, day: float) -> Point | None:
        """Return the estimate on a day, or None before the first event."""
        return next((point for point in reversed(self.points) if point.day <= day), None)


@dataclass(frozen=True, slots=True)
class Competing:
    """All lines, to ``horizon`` days."""

    lines: tuple[Line, ...]
    horizon: float
    footnote: str = ""


def chart(data: Competing) -> Chart:
    """Return the lines with their words and numbers; a cause with few events is in the table only."""
    drawn = [line for line in data.lines if line.drawn and line.band.key != theme.EVERYONE.key]
    return Chart(
        name="competing",
        title="What ends relief",
        unit=(
            "Share of responders by what came first, percent (Aalen\N{EN DASH}Johansen, 95\xa0% confidence interval). "
            "A repeat, surgery or a death before a loss is no censoring: relief can no longer be lost."
        ),
        direction="Lower is better.",
        summary=summary(data),
        table=table(data),
        figure=figure(drawn, data.horizon) if drawn else None,
        keys=keys(data, drawn),
        footnote=data.footnote,
    )


def figure(drawn: list[Line], horizon: float) -> Json:
    """Return one step line for each cause and band, labelled at its end."""
    edges = (0.0, horizon * 1.01)
    wide, tight = (timeline.ticks(*edges, timeline.even, share) for share in (0.1, 0.16))
    ends = [100 * (line.at(horizon) or Point(0, 0, None, None)).share for line in drawn]
    places = theme.apart(ends, 6.4)
    layout = theme.layout(
        WIDE,
        xaxis=theme.across(*edges, **wide),
        yaxis=theme.values(0, 103, **theme.percents(0, 25, 50, 75, 100)),
        annotations=[
            theme.gutter(f"{line.label} {line.band.short}", round(place, 3), _COLOURS[line.cause])
            for line, place in zip(drawn, places, strict=True)
        ],
    )
    layout["margin"] |= {"l": 54, "r": 116}
    narrow = theme.narrow(NARROW, xaxis=tight)
    narrow["margin"] |= {"l": 46, "r": 104}
    return {
        "data": [*(_interval(line, horizon) for line in drawn), *(_steps(line, horizon) for line in drawn)],
        "layout": layout,
        "config": dict(theme.CONFIG),
        "narrow": narrow,
    }


def summary(data: Competing) -> str:
    """Return the causes of each band by half a year in one sentence."""
    parts = []
    for band in dict.fromkeys(line.band for line in data.lines if line.band.key != theme.EVERYONE.key):
        told = [
            f"{line.label} {percent(point.share)}"
            for line in data.lines
            if line.band == band and line.events and (point := line.at(180.0))
        ]
        if told:
            parts.append(f"{band.label}: {joined(told)}")
    return f"By day 180, {'; '.join(parts)}." if parts else "Nothing has ended relief by day 180 yet."


def table(data: Competing) -> Table:
    """Return patients, events and the share by the usual visits of every cause that struck."""
    rows = tuple(
        (line.band.label, line.label, str(line.n), str(line.events), *(_cell(line.at(day)) for day in TOLD_AT))
        for line in data.lines
        if line.events
    )
    heads = ("Band", "Ended by", "Responders", "Events", *(f"By {timeline.when(day)} (95\xa0% CI)" for day in TOLD_AT))
    return Table(heads, rows)


def keys(data: Competing, drawn: list[Line]) -> tuple[Key, ...]:
    """Return the legend: the bands by dash, and the causes that are too few to draw."""
    bands = dict.fromkeys(line.band for line in drawn)
    found = [Key("line" if band.dash == "solid" else "dash", theme.MUTED, band.label) for band in bands]
    few = sorted({line.label for line in data.lines if line.events} - {line.label for line in drawn})
    if few:
        found.append(Key("none", theme.MUTED, f"in the table only, too few: {joined(few)}"))
    return tuple(found)


def _cell(point: Point | None) -> str:
    if point is None:
        return percent(0.0)
    if point.low is None or point.high is None:
        return percent(point.share)
    return f"{percent(point.share)} ({percent(point.low)} to {percent(point.high)})"


def _corners(levels: list[tuple[float, float]], end: float) -> tuple[list[float], list[float]]:
    """Return the corners of a rising step function from 0 to a day."""
    xs, ys = [0.0], [0.0]
    for day, share in levels:
        xs += [day, day]
        ys += [ys[-1], round(100 * share, 3)]
    return [*xs, end], [*ys, ys[-1]]


def _interval(line: Line, horizon: float) -> Json:
    """Return the ribbon of the interval, from the first event to the last day seen."""
    inside = [point for point in line.points if point.day <= horizon and point.low is not None]
    end = min(line.until, horizon)
    low = _corners([(point.day, point.low or 0.0) for point in inside], end)
    high = _corners([(point.day, point.high or 0.0) for point in inside], end)
    edge: list[float | None] = [*high[1], *reversed(low[1])]
    return theme.area(high[0] + low[0][::-1], edge, theme.tint(_COLOURS[line.cause], 0.1))


def _steps(line: Line, horizon: float) -> Json:
    inside = [(point.day, point.share) for point in line.points if point.day <= horizon]
    xs, ys = _corners(inside, min(line.until, horizon))
    return {
        "type": "scatter",
        "mode": "lines",
        "x": xs,
        "y": ys,
        "line": {"color": _COLOURS[line.cause], "width": _WIDTHS[line.cause], "dash": line.band.dash},
        "hoverinfo": "text",
        "text": [
            f"{line.label}, {line.band.label}<br>{timeline.when(x).capitalize()}: {percent(y / 100)}"
            for x, y in zip(xs, ys, strict=True)
        ],
    }
