"""How long relief held, one lane for each patient: the patients with the highest CSI first."""

from dataclasses import dataclass
from enum import StrEnum

from prom.charts import theme, timeline
from prom.charts.figure import Chart, Json, Key, Table

_ROW = 19
HELD, AFTER, BEFORE = "#6fa8c7", "#e3c8a8", "#d9dfe5"


class End(StrEnum):
    """How a lane ends."""

    LOST = "lost"
    NEVER = "never"
    ONGOING = "ongoing"
    SUSPECTED = "suspected"
    COMPETING = "competing"
    SILENT = "silent"


_ENDS: dict[End, tuple[str, str, str, str]] = {
    End.LOST: ("relief lost", "x", theme.ALERT, "cross-heavy"),
    End.NEVER: ("never had relief", "circle-open", theme.ALERT, "ring-small"),
    End.ONGOING: ("still in relief", "triangle-right", theme.LINE, "triangle-right"),
    End.SUSPECTED: ("loss suspected", "triangle-down-open", theme.AMBER, "triangle-down"),
    End.COMPETING: ("repeat, surgery or death", "diamond", theme.INK, "diamond"),
    End.SILENT: ("follow-up ended", "line-ns", theme.MUTED, "tick"),
}


@dataclass(frozen=True, slots=True)
class Lane:
    """One patient: relief from ``begins`` to ``held_until`` (None without a response), followed until ``until``."""

    label: str
    csi: int | None
    begins: float | None
    held_until: float | None
    until: float
    end: End


@dataclass(frozen=True, slots=True)
class Swimmer:
    """The lanes in the order to be drawn from the top, to ``horizon`` days."""

    lanes: tuple[Lane, ...]
    horizon: float
    footnote: str = ""


def chart(data: Swimmer) -> Chart:
    """Return the lanes with their words and numbers."""
    return Chart(
        name="swimmer",
        title=f"{len(data.lanes)} patients with the highest CSI: how long relief held",
        unit="One lane is one patient.",
        direction="Longer is better.",
        summary=summary(data),
        table=table(data),
        figure=figure(data) if data.lanes else None,
        keys=keys(data),
        footnote=data.footnote,
    )


def figure(data: Swimmer) -> Json:
    """Return a bar for each stretch and a mark at the end of each lane."""
    tall = _ROW * len(data.lanes) + 56
    edges = (0.0, data.horizon * 1.03)
    wide, tight = (timeline.ticks(*edges, timeline.even, share) for share in (0.1, 0.16))
    count = len(data.lanes)
    names = [f"{lane.label} · {'–' if lane.csi is None else lane.csi}" for lane in data.lanes]
    axis = {
        "range": [count - 0.4, -0.6],
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "tickvals": list(range(count)),
        "ticktext": names,
        "ticks": "",
        "ticklabelstandoff": 6,
        "tickfont": {"size": 12},
    }
    layout = theme.layout(tall, xaxis=theme.across(*edges, **wide), yaxis=axis, barmode="overlay", bargap=0.34)
    layout["margin"] |= {"l": 104, "r": 18, "t": 8}
    narrow = theme.narrow(tall, xaxis=tight)
    narrow["margin"] |= {"l": 88, "r": 12, "t": 6}
    return {"data": [*_bars(data), *_marks(data)], "layout": layout, "config": dict(theme.CONFIG), "narrow": narrow}


def summary(data: Swimmer) -> str:
    """Return how many lanes end in which way."""
    parts = []
    for end, (words, *_) in _ENDS.items():
        count = sum(lane.end is end for lane in data.lanes)
        if count:
            parts.append(f"{count} {words}")
    return f"Of {len(data.lanes)} patients with the highest CSI: {'; '.join(parts)}." if parts else "No patients yet."


def table(data: Swimmer) -> Table:
    """Return each lane."""
    rows = tuple(
        (
            lane.label,
            "" if lane.csi is None else str(lane.csi),
            _stretch(lane),
            timeline.when(lane.until),
            _ENDS[lane.end][0],
        )
        for lane in data.lanes
    )
    return Table(("Patient", "CSI", "In relief", "Followed until", "Ends with"), rows)


def keys(data: Swimmer) -> tuple[Key, ...]:
    """Return the legend: the stretches, and the ends that occur."""
    found = [
        Key("bar", HELD, "in relief"),
        Key("bar-hatched", AFTER, "after the loss"),
        Key("bar", BEFORE, "no relief yet, or unknown"),
    ]
    present = {lane.end for lane in data.lanes}
    found += [Key(mark, colour, words) for end, (words, _, colour, mark) in _ENDS.items() if end in present]
    return tuple(found)


def _stretch(lane: Lane) -> str:
    if lane.begins is None or lane.held_until is None:
        return ""
    return f"{timeline.when(lane.begins)} to {timeline.when(lane.held_until)}"


def _bars(data: Swimmer) -> list[Json]:
    """Return the stretches before, in and after relief, cut at the horizon."""
    before: list[tuple[int, float, float]] = []
    held: list[tuple[int, float, float]] = []
    after: list[tuple[int, float, float]] = []
    for row, lane in enumerate(data.lanes):
        if lane.begins is None or lane.held_until is None:
            before.append((row, 0.0, lane.until))
            continue
        before.append((row, 0.0, lane.begins))
        held.append((row, lane.begins, lane.held_until))
        rest = after if lane.end is End.LOST else before
        rest.append((row, lane.held_until, lane.until))
    return [
        _bar(before, data.horizon, {"color": BEFORE}),
        _bar(held, data.horizon, {"color": HELD}),
        # The hatching keeps the lost stretch apart from the held one on a grey print.
        _bar(
            after,
            data.horizon,
            {
                "color": AFTER,
                "pattern": {"shape": "/", "size": 5, "solidity": 0.16, "fgcolor": theme.MUTED, "bgcolor": AFTER},
            },
        ),
    ]


def _bar(stretches: list[tuple[int, float, float]], horizon: float, marker: Json) -> Json:
    cut = [(row, start, min(stop, horizon)) for row, start, stop in stretches if start < min(stop, horizon)]
    return {
        "type": "bar",
        "orientation": "h",
        "y": [row for row, _, _ in cut],
        "base": [start for _, start, _ in cut],
        "x": [stop - start for _, start, stop in cut],
        "marker": {**marker, "line": {"width": 0}},
        "hoverinfo": "skip",
    }


def _marks(data: Swimmer) -> list[Json]:
    """Return the end marks: a loss is marked where relief ended, every other end where the lane ends."""
    traces = []
    for end, (words, symbol, colour, _) in _ENDS.items():
        rows = [(row, lane) for row, lane in enumerate(data.lanes) if lane.end is end]
        if not rows:
            continue
        at = [_place(lane) for _, lane in rows]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [min(day, data.horizon) for day in at],
                "y": [row for row, _ in rows],
                "marker": {"symbol": symbol, "size": 9, "color": colour, "line": {"width": 2, "color": colour}},
                "cliponaxis": False,
                "text": [
                    f"{lane.label}: {words}, {timeline.when(day)}" for (_, lane), day in zip(rows, at, strict=True)
                ],
                "hoverinfo": "text",
            }
        )
    return traces


def _place(lane: Lane) -> float:
    if lane.end is End.LOST and lane.held_until is not None:
        return lane.held_until
    return 0.0 if lane.end is End.NEVER else lane.until
