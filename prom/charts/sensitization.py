"""One patient's CSI over time, with the bounds of an incomplete questionnaire.

Sources:
    Neblett 2017 (Pain Pract 17:166): bands 0-29, 30-39, 40-49, 50-59, 60-100; 40 is the usual cut-off.
    Published MDC95 of 5-10 points by language: a change is called real from 10 points.
"""

from dataclasses import dataclass

from prom.charts import theme, timeline
from prom.charts.figure import Chart, Json, Key, Table, number

WIDE, NARROW = 320, 290
REAL_CHANGE = 10
_BANDS = ((15, "subclinical"), (35, "mild"), (45, "moderate"), (55, "severe"), (72, "extreme"))


@dataclass(frozen=True, slots=True)
class CsiScore:
    """One questionnaire on a day: the lowest and highest total its answers allow; equal when it is complete."""

    day: float
    low: int
    high: int
    note: str = ""

    @property
    def complete(self) -> bool:
        """Return whether all 25 items were answered."""
        return self.low == self.high

    @property
    def words(self) -> str:
        """Return the total, or its bounds."""
        return str(self.low) if self.complete else f"{self.low} to {self.high}"


@dataclass(frozen=True, slots=True)
class CsiCourse:
    """All questionnaires of one patient in order of days, the cut-off in use, and today."""

    scores: tuple[CsiScore, ...]
    today: float
    cut_off: int = 40


def chart(course: CsiCourse) -> Chart:
    """Return the CSI chart of one patient."""
    return Chart(
        name="csi",
        title="Symptoms related to sensitization (CSI)",
        unit="CSI 0\N{EN DASH}100, 25 items.",
        direction="Lower is better.",
        summary=summary(course),
        table=table(course),
        figure=figure(course) if course.scores else None,
        keys=keys(course),
        footnote=f"A change is called real from {REAL_CHANGE} points.",
    )


def figure(course: CsiCourse) -> Json:
    """Return the drawing; an incomplete questionnaire is a bar between its bounds."""
    first = min(0.0, *(score.day for score in course.scores))
    last = max(course.today, *(score.day for score in course.scores), 1.0)
    edges = (first - 0.04 * (last - first), last * 1.05)
    wide, tight = (timeline.ticks(*edges, timeline.even, gap) for gap in (0.07, 0.15))
    layout = theme.layout(
        WIDE,
        xaxis=theme.across(*edges, **wide),
        yaxis=theme.values(0, 102, tickvals=[0, 30, 40, 50, 60, 100]),
        shapes=[
            theme.rule("y", course.cut_off, color=theme.AMBER, width=1.6, dash="8px,4px"),
            theme.rule("x", 0, color=theme.AXIS, width=1.5),
            theme.rule("x", course.today, color=theme.MUTED, width=1.2, dash="3px,3px"),
        ],
        annotations=[*_names(course), *(theme.gutter(word, level, theme.MUTED) for level, word in _BANDS)],
    )
    layout["margin"]["r"] = 92
    narrow = theme.narrow(NARROW, xaxis=tight)
    narrow["margin"]["r"] = 84
    return {"data": _traces(course), "layout": layout, "config": dict(theme.CONFIG), "narrow": narrow}


def summary(course: CsiCourse) -> str:
    """Return the chart in one sentence."""
    if not course.scores:
        return "No CSI yet."
    first, last = course.scores[0], course.scores[-1]
    if first is last:
        return f"CSI was {first.words} at {timeline.when(first.day)}."
    return (
        f"CSI was {first.words} at {timeline.when(first.day)} and {last.words} at {timeline.when(last.day)}"
        f"{_change(first, last)}."
    )


def table(course: CsiCourse) -> Table:
    """Return every questionnaire."""
    rows = tuple((timeline.when(score.day), score.words, score.note) for score in course.scores)
    return Table(("When", "CSI", "Note"), rows)


def keys(course: CsiCourse) -> tuple[Key, ...]:
    """Return the legend."""
    found = [Key("line-dot", theme.LINE, "this patient"), Key("longdash", theme.AMBER, f"cut-off {course.cut_off}")]
    if any(not score.complete for score in course.scores):
        found.append(Key("span-upright", theme.LINE, "items missing: lowest to highest possible total"))
    found.append(Key("upright-dash", theme.MUTED, "today"))
    return tuple(found)


def _change(first: CsiScore, last: CsiScore) -> str:
    """Return what can be said of the change whatever the missing items were."""
    if last.low - first.high >= REAL_CHANGE:
        return (
            f", a rise of {number(last.low - first.high)} or more" if not _both(first, last) else _points(first, last)
        )
    if first.low - last.high >= REAL_CHANGE:
        return (
            f", a fall of {number(first.low - last.high)} or more" if not _both(first, last) else _points(first, last)
        )
    return ", no change that can be called real"


def _both(first: CsiScore, last: CsiScore) -> bool:
    return first.complete and last.complete


def _points(first: CsiScore, last: CsiScore) -> str:
    change = last.low - first.low
    return f", a {'rise' if change > 0 else 'fall'} of {abs(change)} points"


def _names(course: CsiCourse) -> list[Json]:
    """Return each total above its point, clear of the bar between the bounds."""
    return [
        theme.note(score.words, x=score.day, y=score.high, yshift=18, font=theme.bold(theme.INK))
        for score in course.scores
    ]


def _traces(course: CsiCourse) -> list[Json]:
    middle = [(score.low + score.high) / 2 for score in course.scores]
    half = [(score.high - score.low) / 2 for score in course.scores]
    return [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [score.day for score in course.scores],
            "y": middle,
            "error_y": {"type": "data", "array": half, "color": theme.LINE, "thickness": 2, "width": 6},
            "hovertext": [f"{timeline.when(s.day).capitalize()}: CSI {s.words}" for s in course.scores],
            "hoverinfo": "text",
            "line": {"color": theme.LINE, "width": 2, "dash": "solid"},
            "marker": {
                "size": 10,
                "color": theme.LINE,
                "symbol": ["circle" if score.complete else "circle-open" for score in course.scores],
                "line": {"width": 1.5},
            },
            "cliponaxis": False,
        }
    ]
