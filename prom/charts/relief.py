"""One patient's pain relief in percent of the baseline: a chart of its own, because here higher is better.

Pain and relief run in opposite directions, so they never share an axis.

Sources:
    Snyder 2019: readers err when two directions are mixed in one chart.
    Dworkin 2008 (IMMPACT): 30 % relief is moderate, 50 % substantial.
"""

from prom.charts import theme, timeline
from prom.charts.course import Reading, Trajectory
from prom.charts.figure import Chart, Json, Key, Table, percent, rounded

WIDE, NARROW = 320, 290
# A worsening beyond the baseline is shown down to here; what is worse still sits on the edge and says so on hover.
FLOOR = -50.0


def chart(course: Trajectory) -> Chart:
    """Return the relief chart of one patient; without a baseline above 0 there is nothing to draw."""
    return Chart(
        name="relief",
        title="Relief since the procedure",
        unit="Relief in percent of the pain before the procedure.",
        direction="Higher is better.",
        summary=summary(course),
        table=table(course),
        figure=figure(course) if course.baseline else None,
        keys=keys(course),
        switches=("time",) if course.baseline else (),
    )


def figure(course: Trajectory) -> Json:
    """Return the drawing."""
    axis = timeline.scales(min(course.span[0], 0.0), course.span[1])
    shown = [(reading, 100 * (course.relief(reading.nrs) or 0.0)) for reading in course.after]
    low = FLOOR if any(relief < 0 for _, relief in shown) else -4.0
    layout = theme.layout(
        WIDE,
        xaxis=theme.across(0, 1, **axis["layout"]),
        yaxis=theme.values(low, 106, **theme.percents(-50, 0, 25, 50, 75, 100)),
        shapes=[
            theme.rule("y", 0, color=theme.MUTED, width=1.4),
            theme.rule("y", 30, color=theme.AMBER, width=1.4, dash="8px,4px"),
            theme.rule("y", 50, color=theme.GOOD, width=1.4, dash="3px,3px"),
            theme.rule("x", 0, color=theme.AXIS, width=1.5),
            theme.rule("x", course.today, color=theme.MUTED, width=1.2, dash="3px,3px"),
        ],
        annotations=[
            theme.gutter("none", 0, theme.MUTED),
            theme.gutter("30\xa0%", 30, theme.AMBER),
            theme.gutter("50\xa0%", 50, theme.GOOD),
        ],
    )
    layout["margin"]["l"] = 56
    narrow = theme.narrow(NARROW, xaxis=axis["narrow"])
    narrow["margin"]["l"] = 48
    return {
        "data": _traces(shown, low),
        "layout": layout,
        "config": dict(theme.CONFIG),
        "narrow": narrow,
        "time": "sqrt",
        "views": {"linear": axis["linear"]},
    }


def summary(course: Trajectory) -> str:
    """Return the chart in one sentence."""
    if not course.baseline:
        return "Relief cannot be worked out without pain before the procedure."
    if not course.after:
        return "No answer since the procedure."
    best = min(course.after, key=lambda reading: reading.nrs)
    last = course.after[-1]
    return (
        f"Best relief {percent(course.relief(best.nrs) or 0.0)} at {timeline.when(best.day)}, "
        f"latest {percent(course.relief(last.nrs) or 0.0)} at {timeline.when(last.day)}."
    )


def table(course: Trajectory) -> Table:
    """Return relief in percent and in points for each counted answer."""
    baseline = course.baseline
    rows = tuple(
        (timeline.when(r.day), str(r.nrs), percent((baseline - r.nrs) / baseline), f"{baseline - r.nrs:.1f}")
        for r in (course.after if baseline else ())
        if baseline
    )
    return Table(("When", "Pain", "Relief", "Points"), rows)


def keys(course: Trajectory) -> tuple[Key, ...]:
    """Return the legend."""
    found = [Key("line-dot", theme.LINE, "this patient")]
    if any(reading.bad for reading in course.after):
        found.append(Key("ring", theme.ALERT, "relief below the limit after a response"))
    found += [
        Key("longdash", theme.AMBER, "30\xa0% relief, moderate"),
        Key("shortdash", theme.GOOD, "50\xa0% relief, substantial"),
        Key("upright-dash", theme.MUTED, "today"),
    ]
    return tuple(found)


def _traces(shown: list[tuple[Reading, float]], low: float) -> list[Json]:
    days = [rounded(reading.day) for reading, _ in shown]
    level = [rounded(max(relief, low)) for _, relief in shown]
    text = [f"{timeline.when(r.day).capitalize()}: {percent(relief / 100)} relief" for r, relief in shown]
    rings = [(reading, relief) for reading, relief in shown if reading.bad]
    base: Json = {"type": "scatter", "cliponaxis": False}
    ring: Json = {"symbol": "circle-open", "size": 19, "color": theme.ALERT, "line": {"width": 2.4}}
    return [
        {**base, "mode": "markers", "x": [r.day for r, _ in rings], "y": [max(relief, low) for _, relief in rings]}
        | {"marker": ring, "hoverinfo": "skip"},
        {**base, "mode": "lines+markers", "x": days, "y": level, "text": text, "hoverinfo": "text"}
        | {"line": {"color": theme.LINE, "width": 2.4}}
        | {"marker": {"size": 10, "color": theme.LINE, "line": {"width": 1.5, "color": theme.PAPER}}},
    ]
