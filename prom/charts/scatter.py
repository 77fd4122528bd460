"""Relief at three months against CSI before the procedure: one point for each patient, the counts in a sentence.

Association, not causation: CSI also tracks mood, and the line is drawn by the caller's model with its interval.
"""

from dataclasses import dataclass

from prom.charts import theme
from prom.charts.figure import Chart, Json, Key, Table, percent
from prom.charts.theme import Band

WIDE, NARROW = 430, 390
FLOOR = -60.0


@dataclass(frozen=True, slots=True)
class Point:
    """One patient: CSI total, relief as a share of the baseline, and the label shown on hover."""

    csi: int
    relief: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Fit:
    """The fitted line at one CSI value with its 95 % interval, as shares."""

    csi: float
    relief: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Group:
    """Exact counts of one side of the cut-off: patients, and those with 30 and 50 % relief."""

    band: Band
    n: int
    moderate: int
    substantial: int


@dataclass(frozen=True, slots=True)
class Scatter:
    """The points, the fitted line, and when relief was read ("3 months").

    ``groups`` are the counts of all patients, where not every one of them is drawn.
    """

    points: tuple[Point, ...]
    fit: tuple[Fit, ...] = ()
    at: str = "3 months"
    cut_off: int = 40
    bands: tuple[Band, ...] = theme.THREE
    groups: tuple[Group, ...] = ()
    footnote: str = ""

    def of(self, band: Band) -> tuple[Point, ...]:
        """Return the points of a band."""
        low, high = self._limits[band.key]
        return tuple(point for point in self.points if low <= point.csi <= high)

    @property
    def _limits(self) -> dict[str, tuple[int, int]]:
        below, above = (0, self.cut_off - 1), (self.cut_off, 100)
        return {"below_40": below, "40_or_more": above, "40_59": (40, 59), "60_or_more": (60, 100)}

    @property
    def counts(self) -> tuple[Group, ...]:
        """Return the counts on both sides of the cut-off, of the points where none are given."""
        return self.groups or tuple(
            Group(band, len(points), _reached(points, 0.3), _reached(points, 0.5))
            for band in theme.halves(self.cut_off)
            for points in [self.of(band)]
        )


def chart(data: Scatter) -> Chart:
    """Return the points with their words and numbers."""
    line = " Line: linear fit with 95\xa0% confidence interval." if data.fit else ""
    return Chart(
        name="scatter",
        title=f"Relief at {data.at} and CSI",
        unit=f"Each mark is one patient (n = {len(data.points)}).{line}",
        direction="Higher is better.",
        summary=summary(data),
        table=table(data),
        figure=figure(data) if data.points else None,
        keys=tuple(Key(band.symbol, band.colour, band.label) for band in data.bands),
        footnote=data.footnote,
    )


def figure(data: Scatter) -> Json:
    """Return points by band, the fitted line with its ribbon, the cut-off and the 50 % line."""
    low = FLOOR if any(point.relief < -0.25 for point in data.points) else -30.0
    layout = theme.layout(
        WIDE,
        xaxis=theme.across(0, 100, tickvals=[0, 20, 40, 60, 80, 100], title={"text": "CSI before the procedure"}),
        yaxis=theme.values(low, 106, **theme.percents(-50, -25, 0, 25, 50, 75, 100)),
        shapes=[
            theme.rule("x", data.cut_off - 0.5, color=theme.MUTED, width=1.2, dash="3px,3px"),
            theme.rule("y", 50, color=theme.GOOD, width=1.4, dash="3px,3px"),
            theme.rule("y", 0, color=theme.AXIS, width=1.2),
        ],
        annotations=[
            theme.gutter("50\xa0%<br>relief", 50, theme.GOOD),
            theme.note(f"cut-off {data.cut_off}", x=data.cut_off, xanchor="left", y=1, yref="paper", yanchor="top"),
        ],
    )
    layout["margin"] |= {"b": 54, "l": 60, "r": 56}
    narrow = theme.narrow(NARROW)
    narrow["margin"] |= {"b": 52, "l": 52, "r": 48}
    traces = [*_fit(data.fit), *(_cloud(data, band) for band in data.bands)]
    return {"data": traces, "layout": layout, "config": dict(theme.CONFIG), "narrow": narrow}


def summary(data: Scatter) -> str:
    """Return how many reach 50 % relief below and from the cut-off."""
    parts = [f"{group.substantial} of {group.n} with {group.band.label}" for group in data.counts]
    return f"50\xa0% relief at {data.at}: {', '.join(parts)}."


def table(data: Scatter) -> Table:
    """Return counts on both sides of the cut-off."""
    rows = tuple(
        (
            group.band.label,
            str(group.n),
            str(group.moderate),
            str(group.substantial),
            percent(group.substantial / group.n) if group.n else "",
        )
        for group in data.counts
    )
    return Table(("Band", "Patients", "30\xa0% relief", "50\xa0% relief", "Share with 50\xa0%"), rows)


def _reached(points: tuple[Point, ...], share: float) -> int:
    return sum(point.relief >= share for point in points)


def _cloud(data: Scatter, band: Band) -> Json:
    points = data.of(band)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [point.csi for point in points],
        "y": [round(max(100 * point.relief, FLOOR), 2) for point in points],
        "marker": {
            "symbol": band.symbol,
            "size": 9,
            "color": band.colour,
            "opacity": 0.72,
            "line": {"width": 1, "color": theme.PAPER},
        },
        "text": [f"{point.label} CSI {point.csi}, {percent(point.relief)} relief".strip() for point in points],
        "hoverinfo": "text",
        "cliponaxis": False,
    }


def _fit(fit: tuple[Fit, ...]) -> list[Json]:
    if not fit:
        return []
    xs = [place.csi for place in fit]
    edge: list[float | None] = [round(100 * place.high, 2) for place in fit]
    edge += [round(100 * place.low, 2) for place in reversed(fit)]
    return [
        theme.area(xs + xs[::-1], edge, theme.tint(theme.MUTED, 0.18)),
        {"type": "scatter", "mode": "lines", "x": xs, "y": [round(100 * place.relief, 2) for place in fit]}
        | {"line": {"color": theme.INK, "width": 2}, "hoverinfo": "skip"},
    ]
