"""What reviews found when relief was lost, by CSI band: the clinic's own answer to the question the review asks."""

from dataclasses import dataclass

from prom.charts import theme
from prom.charts.figure import Chart, Json, Key, Table, joined, percent
from prom.charts.theme import Band


@dataclass(frozen=True, slots=True)
class Cause:
    """One conclusion and how many reviews of each band reached it, in the order of the bands."""

    label: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Causes:
    """All conclusions; ``reviewed`` is the number of reviews of each band (one review may reach several)."""

    bands: tuple[Band, ...]
    reviewed: tuple[int, ...]
    causes: tuple[Cause, ...]
    footnote: str = ""

    @property
    def ordered(self) -> tuple[Cause, ...]:
        """Return the causes, the commonest first."""
        return tuple(sorted(self.causes, key=lambda cause: -sum(cause.counts)))


def chart(data: Causes) -> Chart:
    """Return the causes with their words and numbers."""
    return Chart(
        name="causes",
        title="What reviews found when relief was lost",
        unit="Percent of the reviews of each band; one review may find several.",
        direction="",
        summary=summary(data),
        table=table(data),
        figure=figure(data) if sum(data.reviewed) else None,
        keys=tuple(
            Key(f"bar-{place}", band.colour, f"{band.label} ({n} reviews)")
            for place, (band, n) in enumerate(zip(data.bands, data.reviewed, strict=True))
        ),
        footnote=data.footnote,
    )


def figure(data: Causes) -> Json:
    """Return one group of bars for each cause, with the counts beside the bars."""
    rows = data.ordered
    tall = len(rows) * (18 * len(data.bands) + 34) + 40
    layout = theme.layout(
        tall,
        barmode="group",
        bargap=0.42,
        bargroupgap=0.12,
        xaxis=theme.across(0, 100, **theme.percents(0, 25, 50, 75, 100), showgrid=True, gridcolor=theme.GRID),
        yaxis={"range": [len(rows) - 0.5, -0.5], "fixedrange": True, "showticklabels": False, "showgrid": False}
        | {"zeroline": False, "ticks": ""},
        annotations=[
            theme.note(cause.label, xref="paper", x=0, xanchor="left", y=row - 0.43, font={"color": theme.INK})
            for row, cause in enumerate(rows)
        ],
    )
    layout["margin"] |= {"l": 18, "r": 56, "t": 8}
    narrow = theme.narrow(tall)
    narrow["margin"] |= {"l": 18, "r": 50, "t": 8}
    traces = [_bars(data, rows, place) for place in range(len(data.bands))]
    return {"data": traces, "layout": layout, "config": dict(theme.CONFIG), "narrow": narrow}


def summary(data: Causes) -> str:
    """Return the commonest finding of each band."""
    parts = []
    for place, band in enumerate(data.bands):
        if data.reviewed[place] and data.causes:
            top = max(data.causes, key=lambda cause: cause.counts[place])
            parts.append(f"{band.label}, {top.label.lower()} ({top.counts[place]} of {data.reviewed[place]} reviews)")
    return f"Most often found: {joined(parts)}." if parts else "No review yet."


def table(data: Causes) -> Table:
    """Return every count with its denominator."""
    rows = tuple(
        (cause.label, *(f"{count} of {n}" for count, n in zip(cause.counts, data.reviewed, strict=True)))
        for cause in data.ordered
    )
    return Table(("Finding", *(band.label for band in data.bands)), rows)


def _bars(data: Causes, rows: tuple[Cause, ...], place: int) -> Json:
    band, n = data.bands[place], data.reviewed[place]
    shares = [cause.counts[place] / n if n else 0.0 for cause in rows]
    return {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(rows))),
        "x": [round(100 * share, 2) for share in shares],
        "marker": {
            "color": band.colour,
            "line": {"width": 0},
            "pattern": {
                "shape": band.pattern,
                "size": 6,
                "solidity": 0.2,
                "fgcolor": theme.PAPER,
                "bgcolor": band.colour,
            },
        },
        "text": [f"{cause.counts[place]} of {n}" for cause in rows],
        "textposition": "outside",
        "textfont": {"color": theme.INK},
        "cliponaxis": False,
        "hovertext": [
            f"{cause.label}<br>{band.label}: {percent(share)}" for cause, share in zip(rows, shares, strict=True)
        ],
        "hoverinfo": "text",
    }
