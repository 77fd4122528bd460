"""Who responds, and who still has relief at the horizon: a share with its interval for each band.

Success at the horizon has an outer bar from the worst case (every unknown a failure) to the best (every unknown a
success), so that the missing answers are seen.

Sources:
    Wilson 1927 (JASA 22:209): the interval, computed by the caller.
"""

from dataclasses import dataclass

from prom.charts import theme
from prom.charts.figure import Chart, Json, Key, Table, joined, percent
from prom.charts.theme import Band

_ROW = 46


@dataclass(frozen=True, slots=True)
class Share:
    """A count out of n with its interval, as shares; None where n is 0."""

    count: int
    n: int
    value: float | None
    low: float | None
    high: float | None

    @property
    def words(self) -> str:
        """Return the share as a table cell."""
        if self.value is None or self.low is None or self.high is None:
            return f"{self.count} of {self.n}"
        return f"{self.count} of {self.n}: {percent(self.value)} ({percent(self.low)} to {percent(self.high)})"


@dataclass(frozen=True, slots=True)
class Row:
    """One band: response, response confirmed by the mean of the window, and success at the horizon with its bounds."""

    band: Band
    response: Share
    confirmed: Share
    success: Share
    worst: Share
    best: Share
    unknown: int


@dataclass(frozen=True, slots=True)
class Responders:
    """The bands from the top."""

    rows: tuple[Row, ...]
    threshold: int
    footnote: str = ""


def chart(data: Responders) -> Chart:
    """Return the shares with their words and numbers."""
    drawn = any(row.response.value is not None for row in data.rows)
    return Chart(
        name="responders",
        title="Who responds, and who still has relief at the horizon",
        unit="Percent of those whose answer is known, with 95\xa0% confidence interval (Wilson).",
        direction="Higher is better.",
        summary=summary(data),
        table=table(data),
        figure=figure(data) if drawn else None,
        keys=(
            Key("circle", theme.LINE, "responded"),
            Key("diamond", theme.GOOD, f"{data.threshold}\xa0% relief held at the horizon"),
            Key("bar", theme.WINDOW, "from the worst to the best case of the unknown"),
        ),
        footnote=data.footnote,
    )


def figure(data: Responders) -> Json:
    """Return two marks with intervals for each band, over the bar of the best and worst case."""
    tall = _ROW * len(data.rows) + 70
    count = len(data.rows)
    axis = {
        "range": [count - 0.4, -0.6],
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "showticklabels": False,
        "ticks": "",
    }
    names = [
        theme.note(row.band.label, xref="paper", x=0, xanchor="left", y=place - 0.42, font=theme.bold(row.band.colour))
        for place, row in enumerate(data.rows)
    ]
    layout = theme.layout(
        tall,
        xaxis=theme.across(-2, 102, **theme.percents(0, 25, 50, 75, 100), showgrid=True, gridcolor=theme.GRID),
        yaxis=axis,
        annotations=names,
        barmode="overlay",
    )
    layout["margin"] |= {"l": 18, "r": 22, "t": 8}
    narrow = theme.narrow(tall)
    narrow["margin"] |= {"l": 16, "r": 18, "t": 8}
    marks = [
        _marks(data, [row.response for row in data.rows], -0.1, "circle", theme.LINE, "responded"),
        _marks(data, [row.success for row in data.rows], 0.2, "diamond", theme.GOOD, "held at the horizon"),
    ]
    return {"data": [_cases(data), *marks], "layout": layout, "config": dict(theme.CONFIG), "narrow": narrow}


def summary(data: Responders) -> str:
    """Return response and success of each band in one sentence."""
    parts = [
        f"{row.band.label}: {row.response.count} of {row.response.n} responded, "
        f"{row.success.count} of {row.success.n} known held relief at the horizon ({row.unknown} unknown)"
        for row in data.rows
        if row.response.n
    ]
    return f"{joined(parts)}." if parts else "No response can be judged yet."


def table(data: Responders) -> Table:
    """Return every share with its count and interval."""
    heads = (
        "Band",
        "Responded",
        "Confirmed by the mean",
        "Held at the horizon, known",
        "Worst case",
        "Best case",
        "Unknown",
    )
    rows = tuple(
        (
            row.band.label,
            row.response.words,
            row.confirmed.words,
            row.success.words,
            row.worst.words,
            row.best.words,
            str(row.unknown),
        )
        for row in data.rows
    )
    return Table(heads, rows)


def _cases(data: Responders) -> Json:
    known = [
        (place, row.worst.value, row.best.value)
        for place, row in enumerate(data.rows)
        if row.worst.value is not None and row.best.value is not None
    ]
    return {
        "type": "bar",
        "orientation": "h",
        "y": [place + 0.2 for place, _, _ in known],
        "base": [round(100 * low, 2) for _, low, _ in known],
        "x": [round(100 * (high - low), 2) for _, low, high in known],
        "width": 0.26,
        "marker": {"color": theme.WINDOW, "line": {"width": 0}},
        "hoverinfo": "skip",
    }


def _marks(data: Responders, shares: list[Share], shift: float, symbol: str, colour: str, words: str) -> Json:
    known = [
        (place, row.band.label, share, share.value, share.low, share.high)
        for place, (row, share) in enumerate(zip(data.rows, shares, strict=True))
        if share.value is not None and share.low is not None and share.high is not None
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [round(100 * value, 2) for _, _, _, value, _, _ in known],
        "y": [place + shift for place, *_ in known],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [round(100 * (high - value), 2) for *_, value, _, high in known],
            "arrayminus": [round(100 * (value - low), 2) for *_, value, low, _ in known],
            "color": colour,
            "thickness": 2,
            "width": 5,
        },
        "marker": {"symbol": symbol, "size": 10, "color": colour},
        "cliponaxis": False,
        "text": [
            f"{label}: {share.count} of {share.n} {words} ({percent(value)})" for _, label, share, value, *_ in known
        ],
        "hoverinfo": "text",
    }
