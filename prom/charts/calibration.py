"""Did the expected course come true: what was expected of each fifth of the patients, beside what came.

Sources:
    Crowson, Atkinson & Therneau 2016 (Stat Methods Med Res 25:1692): calibration of predicted survival by risk group.
"""

from dataclasses import dataclass

from prom.charts import theme
from prom.charts.figure import Chart, Json, Key, Table, joined, percent

WIDE, NARROW = 400, 360


@dataclass(frozen=True, slots=True)
class Row:
    """One fifth: patients, losses, the mean expectation, and what came with its 95 % interval, as shares."""

    n: int
    events: int
    predicted: float
    observed: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """The fifths in order of the expectation; without them ``reason`` says why."""

    landmark: int
    horizon: int
    rows: tuple[Row, ...]
    reason: str
    footnote: str = ""


def chart(data: Calibration) -> Chart:
    """Return the points with their words and numbers."""
    told = ""
    if data.rows:
        told = (
            f"Of patients who held relief after day {data.landmark}: share expected to hold it to day {data.horizon}, "
            "from the other four fifths of the patients, and share that did (Kaplan\N{EN DASH}Meier, 95\xa0% "
            "confidence interval)."
        )
    return Chart(
        name="calibration",
        title="Does the expected course come true?",
        unit=told,
        direction="On the line is better." if data.rows else "",
        summary=summary(data),
        table=table(data),
        figure=figure(data) if data.rows else None,
        keys=(
            (Key("span-upright", theme.LINE, "a fifth of the patients"), Key("dash", theme.MUTED, "as expected"))
            if data.rows
            else ()
        ),
        footnote=data.footnote,
    )


def figure(data: Calibration) -> Json:
    """Return a point with its interval for each fifth, and the line on which expectation and course agree."""
    known = [row for row in data.rows if row.observed is not None and row.low is not None and row.high is not None]
    axis = theme.percents(0, 25, 50, 75, 100)
    layout = theme.layout(
        WIDE,
        xaxis=theme.across(0, 103, **axis, title={"text": "Expected"}),
        yaxis=theme.values(0, 103, **axis),
        shapes=[
            {"type": "line", "x0": 0, "y0": 0, "x1": 100, "y1": 100, "layer": "below"}
            | {"line": {"color": theme.MUTED, "width": 1.4, "dash": "4px,4px"}}
        ],
    )
    layout["margin"] |= {"b": 54, "l": 54, "r": 20}
    narrow = theme.narrow(NARROW)
    narrow["margin"] |= {"b": 52, "l": 46, "r": 16}
    points = {
        "type": "scatter",
        "mode": "markers",
        "x": [round(100 * row.predicted, 2) for row in known],
        "y": [round(100 * (row.observed or 0.0), 2) for row in known],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [round(100 * ((row.high or 0.0) - (row.observed or 0.0)), 2) for row in known],
            "arrayminus": [round(100 * ((row.observed or 0.0) - (row.low or 0.0)), 2) for row in known],
            "color": theme.LINE,
            "thickness": 2,
            "width": 6,
        },
        "marker": {"symbol": "square", "size": 10, "color": theme.LINE},
        "cliponaxis": False,
        "text": [
            f"expected {percent(row.predicted)}, came {percent(row.observed or 0.0)}, n = {row.n}" for row in known
        ],
        "hoverinfo": "text",
    }
    return {"data": [points], "layout": layout, "config": dict(theme.CONFIG), "narrow": narrow}


def summary(data: Calibration) -> str:
    """Return expectation and course of each fifth in one sentence."""
    if not data.rows:
        return f"Not shown: {data.reason}."
    parts = [
        f"{percent(row.predicted)} expected, {percent(row.observed)} came (n = {row.n})"
        for row in data.rows
        if row.observed is not None
    ]
    return f"From the lowest expectation to the highest: {joined(parts)}."


def table(data: Calibration) -> Table:
    """Return each fifth."""
    rows = tuple(
        (f"fifth {place}", str(row.n), str(row.events), percent(row.predicted), _came(row))
        for place, row in enumerate(data.rows, start=1)
    )
    return Table(("Fifth", "Patients", "Lost relief", "Expected to hold", "Held (95\xa0% CI)"), rows)


def _came(row: Row) -> str:
    if row.observed is None:
        return "not followed so far"
    if row.low is None or row.high is None:
        return percent(row.observed)
    return f"{percent(row.observed)} ({percent(row.low)} to {percent(row.high)})"
