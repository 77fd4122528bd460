"""The look shared by all charts: colours, line and point styles, axes, and the settings of plotly.js.

Colour is never the only sign: every band also has a dash, a point shape and a fill pattern, and its lightness falls
from band to band, so that the charts can be read in grey and by colour-blind readers.

Sources:
    Neblett 2017 (Pain Pract 17:166): the CSI bands 0-29, 30-39, 40-49, 50-59 and 60-100.
"""

from dataclasses import dataclass, replace

from prom.charts.figure import Json

INK = "#1f2933"
MUTED = "#52606d"
GRID = "#e4e9ee"
AXIS = "#9aa5b1"
LINE = "#0b5cad"
ALERT = "#b42318"
GOOD = "#0f7b4d"
AMBER = "#9a6700"
WINDOW = "#dfe5eb"
PAPER = "#ffffff"

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif'
CONFIG: Json = {
    "displayModeBar": False,
    "responsive": True,
    "scrollZoom": False,
    "doubleClick": False,
    "showTips": False,
    "displaylogo": False,
}
WIDE_MARGIN: Json = {"l": 44, "r": 76, "t": 16, "b": 34, "pad": 0}
NARROW_MARGIN: Json = {"l": 30, "r": 50, "t": 14, "b": 32, "pad": 0}


@dataclass(frozen=True, slots=True)
class Band:
    """A group of patients by their CSI before the procedure, and how it is drawn."""

    key: str
    label: str
    short: str
    colour: str
    dash: str
    symbol: str
    pattern: str
    width: float = 2.2


BELOW_40 = Band("below_40", "CSI below 40", "<40", "#12897b", "solid", "circle", "")
FROM_40 = Band("40_or_more", "CSI 40 or more", "\N{GREATER-THAN OR EQUAL TO}40", "#6a1b77", "dash", "diamond", "/", 2.8)
BETWEEN = Band("40_59", "CSI 40\N{EN DASH}59", "40\N{EN DASH}59", "#2f62b5", "dash", "square", "/", 2.5)
FROM_60 = Band("60_or_more", "CSI 60 or more", "\N{GREATER-THAN OR EQUAL TO}60", "#6a1b77", "dot", "diamond", "x", 2.8)
SUBCLINICAL = Band("subclinical", "CSI 0\N{EN DASH}29, subclinical", "0\N{EN DASH}29", "#2a9d8f", "solid", "circle", "")
MILD = Band("mild", "CSI 30\N{EN DASH}39, mild", "30\N{EN DASH}39", "#0f7a6e", "longdash", "triangle-up", ".")
MODERATE = Band("moderate", "CSI 40\N{EN DASH}49, moderate", "40\N{EN DASH}49", "#2f62b5", "dash", "square", "/", 2.4)
SEVERE = Band("severe", "CSI 50\N{EN DASH}59, severe", "50\N{EN DASH}59", "#2b3f8c", "dashdot", "cross", "\\", 2.6)
EXTREME = Band("extreme", "CSI 60\N{EN DASH}100, extreme", "60+", "#6a1b77", "dot", "diamond", "x", 2.8)
EVERYONE = Band("all", "All patients", "all", LINE, "solid", "circle", "")

TWO = (BELOW_40, FROM_40)
THREE = (BELOW_40, BETWEEN, FROM_60)
FIVE = (SUBCLINICAL, MILD, MODERATE, SEVERE, EXTREME)
BANDS = {band.key: band for band in (EVERYONE, *TWO, BETWEEN, FROM_60, *FIVE)}


DEFAULT_CUT_OFF = 40
# A line that ends within this share of the width is labelled in the gutter.
_REACHES = 0.97


def halves(cut_off: int = DEFAULT_CUT_OFF) -> tuple[Band, Band]:
    """Return the bands on both sides of a cut-off; their keys stay, their words name the cut-off."""
    return (
        replace(BELOW_40, label=f"CSI below {cut_off}", short=f"<{cut_off}"),
        replace(FROM_40, label=f"CSI {cut_off} or more", short=f"\N{GREATER-THAN OR EQUAL TO}{cut_off}"),
    )


def bands(cut_off: int = DEFAULT_CUT_OFF) -> dict[str, Band]:
    """Return all bands by their keys, the halves with the words of a cut-off."""
    return BANDS | {band.key: band for band in halves(cut_off)}


def tint(colour: str, opacity: float) -> str:
    """Return a hex colour as an rgba() value of the given opacity."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def layout(tall: int, **parts: object) -> Json:
    """Return the layout every figure starts from; ``tall`` is its height in pixels on a wide screen."""
    return {
        "height": tall,
        "autosize": True,
        "margin": dict(WIDE_MARGIN),
        "font": {"family": FONT, "size": 13, "color": MUTED},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "hovermode": "closest",
        "hoverdistance": 24,
        "dragmode": False,
        "hoverlabel": {
            "bgcolor": PAPER,
            "bordercolor": AXIS,
            "align": "left",
            "font": {"family": FONT, "size": 14, "color": INK},
        },
        **parts,
    }


def narrow(tall: int, **parts: object) -> Json:
    """Return what changes below 640 px; charts.js lays it over the layout, key by key."""
    return {"height": tall, "margin": dict(NARROW_MARGIN), "font": {"size": 12}, **parts}


def values(low: float, high: float, **parts: object) -> Json:
    """Return a vertical axis with a thin grid and no line: the values are read against the grid."""
    return {
        "range": [low, high],
        "fixedrange": True,
        "gridcolor": GRID,
        "gridwidth": 1,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "ticklabelstandoff": 6,
        **parts,
    }


def percents(*levels: int) -> Json:
    """Return ticks in percent, for the axes that hold shares."""
    minus = "\N{MINUS SIGN}"
    return {"tickvals": list(levels), "ticktext": [f"{minus if at < 0 else ''}{abs(at)}\xa0%" for at in levels]}


def across(low: float, high: float, **parts: object) -> Json:
    """Return a horizontal axis: a line with small ticks and no grid."""
    return {
        "range": [low, high],
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "showline": True,
        "linecolor": AXIS,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": AXIS,
        # Plotly would slant words that come close; our ticks are chosen so that they fit.
        "tickangle": 0,
        **parts,
    }


def lane(domain: list[float], low: float, high: float) -> Json:
    """Return a bare vertical axis for a strip of marks: no grid and no labels."""
    return {
        "domain": domain,
        "range": [low, high],
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "showticklabels": False,
        "ticks": "",
    }


def note(text: str, **place: object) -> Json:
    """Return a text on the drawing without an arrow."""
    return {"text": text, "showarrow": False, "font": {"color": MUTED}, **place}


def rule(axis: str, at: float, **line: object) -> Json:
    """Return a straight line through the whole plot: ``axis`` is "x" (upright, at a day) or "y" (level, at a value)."""
    other = "y" if axis == "x" else "x"
    ends = {f"{axis}0": at, f"{axis}1": at, f"{other}0": 0, f"{other}1": 1}
    return {"type": "line", f"{axis}ref": axis, f"{other}ref": "paper", **ends, "layer": "below", "line": line}


def gutter(text: str, y: float, colour: str, **parts: object) -> Json:
    """Return a direct label in the right gutter, level with the value it names."""
    return note(text, xref="paper", x=1, xanchor="left", xshift=8, yref="y", y=y, align="left") | {
        "font": {"color": colour},
        **parts,
    }


def line_end(text: str, at: tuple[float, float], right: float, colour: str) -> Json:
    """Return a bold direct label where a line ends: in the gutter if it reaches the right edge, else beside it."""
    x, y = at
    label = gutter(text, round(y, 3), colour, font=bold(colour))
    return label if x >= _REACHES * right else label | {"xref": "x", "x": x}


def bold(colour: str) -> Json:
    """Return the font of a direct label."""
    return {"color": colour, "weight": 700}


def area(xs: list[float], ys: list[float | None], colour: str) -> Json:
    """Return a filled shape without an outline: a ribbon or a band."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": xs,
        "y": ys,
        "fill": "toself",
        "fillcolor": colour,
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


@dataclass(frozen=True, slots=True)
class Split:
    """Shares of the height for the plot and for the rows of numbers under its axis."""

    plot: list[float]
    rows: list[float]


def below_axis(rows: int, tall: int) -> Split:
    """Return how a figure of ``tall`` pixels is split for that many rows of numbers, a heading and the tick labels."""
    inner = tall - 24
    part = 20 * (rows + 1) / inner
    return Split([round(part + 34 / inner, 4), 1.0], [0.0, round(part, 4)])


def row_heads(bands: list[Band], heading: str) -> list[Json]:
    """Return the heading over the rows of numbers and each row's band at its left, in the band's colour."""
    names = [
        note(
            band.short, xref="paper", x=0, xanchor="right", xshift=-14, yref="y2", y=-row - 0.5, font=bold(band.colour)
        )
        for row, band in enumerate(bands)
    ]
    return [note(heading, xref="paper", x=0, xanchor="left", yref="y2", y=0.5), *names]


def row_numbers(days: list[float], numbers: list[str], row: int, colour: str) -> Json:
    """Return one row of numbers under the ticks of the axis."""
    return {
        "type": "scatter",
        "mode": "text",
        "x": days,
        "y": [-row - 0.5] * len(days),
        "yaxis": "y2",
        "text": numbers,
        "textfont": {"color": colour},
        "cliponaxis": False,
        "hoverinfo": "skip",
    }


def apart(places: list[float], gap: float) -> list[float]:
    """Return the places moved as little as needed so that neighbours are at least ``gap`` apart, in the given order."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    groups: list[list[int]] = []
    for index in order:
        groups.append([index])
        while len(groups) > 1 and _centre(groups[-1], places) - _centre(groups[-2], places) < gap * (
            (len(groups[-1]) + len(groups[-2])) / 2
        ):
            last = groups.pop()
            groups[-1] = groups[-1] + last
    for group in groups:
        start = _centre(group, places) - gap * (len(group) - 1) / 2
        for step, index in enumerate(group):
            moved[index] = start + gap * step
    return moved


def _centre(group: list[int], places: list[float]) -> float:
    """Return the mean place of a group of labels."""
    return sum(places[index] for index in group) / len(group)
