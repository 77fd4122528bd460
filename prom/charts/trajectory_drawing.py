"""The drawing of the trajectory chart: one function for each thing that is drawn, from back to front."""

from itertools import pairwise

from prom.charts import theme, timeline
from prom.charts.course import CoTreatment, Prompt, PromptMark, Reading, Trajectory
from prom.charts.figure import Json, number, percent, rounded

WIDE, NARROW = 430, 390
_TOP, _FOOT = 34, 34
_REPLY_ROW, _TREATMENT_ROW = 46, 22
_MISSED = frozenset({PromptMark.NO_REPLY, PromptMark.NOT_SENT})
WORDS = {
    PromptMark.ANSWERED: "answered",
    PromptMark.NO_REPLY: "no reply",
    PromptMark.NOT_SENT: "not sent by us",
    PromptMark.OPEN: "waiting for a reply",
    PromptMark.PLANNED: "planned",
}
_MARKERS: dict[PromptMark, Json] = {
    PromptMark.ANSWERED: {"symbol": "circle", "size": 6, "color": theme.LINE},
    PromptMark.NO_REPLY: {
        "symbol": "x-thin",
        "size": 8,
        "color": theme.AMBER,
        "line": {"width": 2.2, "color": theme.AMBER},
    },
    PromptMark.NOT_SENT: {"symbol": "square-open", "size": 9, "color": theme.INK, "line": {"width": 2}},
    PromptMark.OPEN: {"symbol": "circle-open-dot", "size": 9, "color": theme.LINE, "line": {"width": 1.6}},
    PromptMark.PLANNED: {"symbol": "circle-open", "size": 8, "color": theme.MUTED, "line": {"width": 1.6}},
}


def figure(course: Trajectory) -> Json:
    """Return the drawing; places on the time axis are days, and charts.js applies the chosen scale."""
    axis = timeline.scales(*course.span)
    rows = treatment_rows(course.co_treatments)
    lanes = _REPLY_ROW + _TREATMENT_ROW * (max((row for row, _ in rows), default=-1) + 1)
    wide, tight = (_domains(tall, lanes) for tall in (WIDE, NARROW))
    layout = theme.layout(
        WIDE + lanes - _REPLY_ROW,
        xaxis=theme.across(0, 1, anchor="y2", **axis["layout"]),
        yaxis=theme.values(-0.35, 10.7, domain=wide[1], tickvals=[0, 2, 4, 6, 8, 10]),
        yaxis2=theme.lane(wide[0], _REPLY_ROW - lanes, _REPLY_ROW),
        shapes=[*_rules(course), *_windows(course.prompts), *_treatment_bars(rows, course.span[1])],
        annotations=[*_labels(course, "\N{NO-BREAK SPACE}", 0.75), *_signs(course, rows)],
    )
    layout["margin"]["t"] = _TOP
    narrow = theme.narrow(
        NARROW + lanes - _REPLY_ROW,
        xaxis=axis["narrow"],
        yaxis={"domain": tight[1]},
        yaxis2={"domain": tight[0]},
        annotations=[*_labels(course, "<br>", 1.35), *_signs(course, rows)],
    )
    narrow["margin"]["t"] = _TOP
    return {
        "data": [*_similar(course), *_line(course), *_lost(course), *_replies(course.prompts)],
        "layout": layout,
        "config": dict(theme.CONFIG),
        "narrow": narrow,
        "time": "sqrt",
        "views": {"linear": axis["linear"]},
    }


def _domains(tall: int, lanes: int) -> tuple[list[float], list[float]]:
    """Return the share of the height for the lanes and for the pain axis, in this order."""
    inner = tall + lanes - _REPLY_ROW - _TOP - _FOOT
    return [0.0, round(lanes / inner, 4)], [round((lanes + 8) / inner, 4), 1.0]


def _rules(course: Trajectory) -> list[Json]:
    """Return the lines across the plot: procedure, today, baseline, 30 % and 50 % relief, events."""
    lines = [
        theme.rule("x", 0, color=theme.AXIS, width=1.5),
        theme.rule("x", course.today, color=theme.MUTED, width=1.2, dash="3px,3px"),
        *(theme.rule("x", event.day, color=theme.MUTED, width=1) for event in course.events),
    ]
    if course.baseline:
        lines += [
            theme.rule("y", rounded(course.baseline) or 0, color=theme.MUTED, width=1.4),
            theme.rule("y", rounded(course.baseline * 0.7) or 0, color=theme.AMBER, width=1.4, dash="8px,4px"),
            theme.rule("y", rounded(course.baseline * 0.5) or 0, color=theme.GOOD, width=1.4, dash="3px,3px"),
        ]
    return lines


def _labels(course: Trajectory, gap: str, distance: float) -> list[Json]:
    """Return the names of the level lines in the right gutter, moved apart where they would touch."""
    if not course.baseline:
        return []
    names = (
        (f"before{gap}{number(course.baseline)}", theme.MUTED, 1.0),
        (f"30\xa0%{gap}relief", theme.AMBER, 0.7),
        (f"50\xa0%{gap}relief", theme.GOOD, 0.5),
    )
    places = theme.apart([course.baseline * share for _, _, share in names], distance)
    return [theme.gutter(text, round(place, 3), colour) for (text, colour, _), place in zip(names, places, strict=True)]


def _signs(course: Trajectory, rows: list[tuple[int, CoTreatment]]) -> list[Json]:
    """Return the event numbers above the plot, the treatment letters in their lanes, and the latest value."""
    found = []
    for place, (event, level) in enumerate(zip(course.events, _levels(course), strict=True), 1):
        found.append(
            theme.note(str(place), x=event.day, y=1, yref="paper", yanchor="bottom", yshift=level * 19 - 8)
            | {
                "bgcolor": theme.INK,
                "borderpad": 3,
                "width": 12,
                "font": {"color": theme.PAPER, "size": 12, "weight": 700},
            }
        )
    for place, (row, treatment) in enumerate(rows):
        found.append(
            theme.note(letter(place), x=max(treatment.start, course.span[0]), y=_row_place(row), yref="y2", xshift=9)
            | {"font": {"color": theme.PAPER, "size": 12, "weight": 700}}
        )
    if course.after:
        last = course.after[-1]
        found.append(
            theme.note(str(last.nrs), x=last.day, y=last.nrs, yshift=20)
            | {
                "bgcolor": theme.tint(theme.PAPER, 0.8),
                "borderpad": 0,
                "font": {"color": theme.INK, "size": 15, "weight": 700},
            }
        )
    return found


def _levels(course: Trajectory) -> list[int]:
    """Return 0 or 1 for each event number: the second of two close ones moves up."""
    first, last = course.span
    levels: list[int] = []
    for place, event in enumerate(course.events):
        close = place > 0 and any(
            abs(scale(event.day) - scale(course.events[place - 1].day)) < 0.08 * (scale(last) - scale(first))
            for scale in (timeline.even, timeline.stretched)
        )
        levels.append(1 - levels[-1] if close else 0)
    return levels


def _windows(prompts: tuple[Prompt, ...]) -> list[Json]:
    return [
        {"type": "rect", "xref": "x", "yref": "y2", "x0": prompt.opens, "x1": prompt.closes, "y0": 8, "y1": 34}
        | {"fillcolor": theme.WINDOW, "line": {"width": 0}, "layer": "below"}
        for prompt in prompts
    ]


def treatment_rows(treatments: tuple[CoTreatment, ...]) -> list[tuple[int, CoTreatment]]:
    """Return each treatment with the first row in which it overlaps no other."""
    ends: list[float] = []
    placed = []
    for treatment in treatments:
        row = next((row for row, end in enumerate(ends) if end < treatment.start), len(ends))
        ends[row : row + 1] = [float("inf") if treatment.end is None else treatment.end]
        placed.append((row, treatment))
    return placed


def _row_place(row: int) -> float:
    return -_TREATMENT_ROW * (row + 0.5)


def _treatment_bars(rows: list[tuple[int, CoTreatment]], last: float) -> list[Json]:
    return [
        {"type": "rect", "xref": "x", "yref": "y2", "x0": treatment.start, "x1": min(treatment.end or last, last)}
        | {"y0": _row_place(row) - 8, "y1": _row_place(row) + 8, "layer": "below"}
        | {"fillcolor": theme.MUTED, "line": {"width": 0}}
        for row, treatment in rows
    ]


def _similar(course: Trajectory) -> list[Json]:
    """Return the 10-90 and 25-75 bands and the dotted median of similar patients."""
    runs = course.similar.shown() if course.similar else ()
    traces: list[Json] = []
    for low, high in (("p10", "p90"), ("p25", "p75")):
        for run in runs:
            days = [point.day for point in run]
            edge = [rounded(getattr(point, high)) for point in run]
            edge += [rounded(getattr(point, low)) for point in reversed(run)]
            traces.append(theme.area(days + days[::-1], edge, theme.tint(theme.MUTED, 0.14)))
    for run in runs:
        text = [f"Similar patients, {timeline.when(p.day)}: median {number(p.p50)} (n = {p.n})" for p in run]
        traces.append(
            {"type": "scatter", "mode": "lines", "x": [p.day for p in run], "y": [rounded(p.p50) for p in run]}
            | {"line": {"color": theme.MUTED, "width": 1.6, "dash": "dot"}, "text": text, "hoverinfo": "text"}
        )
    return traces


def bridges(course: Trajectory) -> list[tuple[Reading, Reading]]:
    """Return the neighbouring answers between which a question was missed."""
    missed = [prompt.day for prompt in course.prompts if prompt.mark in _MISSED]
    counted = [reading for reading in course.readings if reading.counted]
    return [pair for pair in pairwise(counted) if any(pair[0].day < at < pair[1].day for at in missed)]


def _line(course: Trajectory) -> list[Json]:
    """Return the patient's line, the dashed bridges, the rings and the points, from back to front."""
    counted = [reading for reading in course.readings if reading.counted]
    dashed = bridges(course)
    solid = _segments([pair for pair in pairwise(counted) if pair not in dashed])
    stroke = {"color": theme.LINE, "width": 2.4}
    traces = [_stroke(solid, stroke), _stroke(_segments(dashed), {**stroke, "width": 1.6, "dash": "4px,4px"})]
    bad = [reading for reading in course.readings if reading.bad]
    if bad:
        traces.append(
            _points(bad, {"symbol": "circle-open", "size": 19, "color": theme.ALERT, "line": {"width": 2.4}})
            | {"hoverinfo": "skip"}
        )
    aside = [reading for reading in course.readings if not reading.counted]
    if aside:
        open_point = {"symbol": "diamond-open", "size": 8, "color": theme.MUTED, "line": {"width": 1.6}}
        traces.append(_points(aside, open_point) | _hover([f"{_spoken(course, r)}<br>not counted" for r in aside]))
    point = {"size": 10, "color": theme.LINE, "line": {"width": 1.5, "color": theme.PAPER}}
    traces.append(_points(counted, point) | _hover([_spoken(course, reading) for reading in counted]))
    return traces


def _segments(pairs: list[tuple[Reading, Reading]]) -> tuple[list[float | None], list[float | None]]:
    xs: list[float | None] = []
    ys: list[float | None] = []
    for start, end in pairs:
        xs += [start.day, end.day, None]
        ys += [start.nrs, end.nrs, None]
    return xs, ys


def _stroke(path: tuple[list[float | None], list[float | None]], line: Json) -> Json:
    return {"type": "scatter", "mode": "lines", "x": path[0], "y": path[1], "line": line, "hoverinfo": "skip"}


def _points(readings: list[Reading], marker: Json) -> Json:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [rounded(reading.day) for reading in readings],
        "y": [reading.nrs for reading in readings],
        "marker": marker,
        "cliponaxis": False,
    }


def _hover(text: list[str]) -> Json:
    return {"text": text, "hoverinfo": "text"}


def _spoken(course: Trajectory, reading: Reading) -> str:
    relief = course.relief(reading.nrs) if reading.day > 0 else None
    words = f"{day(reading.day)}: pain {reading.nrs}"
    return words if relief is None else f"{words}<br>{percent(relief)} relief"


def _lost(course: Trajectory) -> list[Json]:
    """Return the bracket over the days between which relief was lost."""
    if not course.lost_between:
        return []
    ends = list(course.lost_between)
    marker = {"symbol": "line-ns", "size": 9, "line": {"width": 2.4, "color": theme.ALERT}}
    text = f"Relief lost after {timeline.when(ends[0])}, by {timeline.when(ends[1])}"
    return [
        {"type": "scatter", "mode": "lines+markers", "x": ends, "y": [10.45, 10.45], "marker": marker}
        | {"line": {"width": 2.4, "color": theme.ALERT}, "cliponaxis": False}
        | _hover([text, text])
    ]


def _replies(prompts: tuple[Prompt, ...]) -> list[Json]:
    """Return the marks of the lower lane, one trace for each kind."""
    traces = []
    for mark in PromptMark:
        kind = [prompt for prompt in prompts if prompt.mark is mark]
        if kind:
            traces.append(
                {"type": "scatter", "mode": "markers", "x": [p.day for p in kind], "y": [21] * len(kind), "yaxis": "y2"}
                | {"marker": _MARKERS[mark], "cliponaxis": False}
                | _hover([f"{day(prompt.day)}: {WORDS[mark]}" for prompt in kind])
            )
    return traces


def day(number_of_day: float) -> str:
    """Return a day in words with a capital, for the start of a line."""
    words = timeline.when(number_of_day)
    return words[0].upper() + words[1:]


def letter(place: int) -> str:
    """Return the letter of a treatment lane."""
    return chr(ord("A") + place) if place < 26 else "*"
