"""The drawing of the one-page letter: one patient's pain as our own SVG, which prints without a script.

Up is worse; lines show the level before and 30 % and 50 % relief; rings mark what the rule is about. Black and grey
carry the whole meaning, so that a fax or a grey print says the same.
"""

from html import escape
from itertools import pairwise
from typing import NamedTuple

from prom.charts import figure, theme, timeline
from prom.charts import trajectory_drawing as drawn
from prom.charts.course import PromptMark, Trajectory
from prom.charts.figure import Svg

WIDE, TALL = 680, 300
LEFT, RIGHT, TOP, FOOT = 34, 92, 22, 62
LANE = TALL - FOOT + 18
# Each row of treatments beside the procedure makes the drawing that much taller.
TREATMENT_ROW = 16


class Visit(NamedTuple):
    """One line of the letter's table."""

    when: str
    pain: str
    relief: str


def visits(course: Trajectory) -> list[Visit]:
    """Return the counted answers after the procedure, with relief in percent."""
    return [
        Visit(timeline.when(reading.day), str(reading.nrs), "" if share is None else figure.percent(share))
        for reading in course.after
        for share in [course.relief(reading.nrs)]
    ]


def drawing(course: Trajectory) -> Svg:
    """Return the chart of the letter."""
    paper = _Paper(course)
    parts = [
        *paper.grid(),
        *paper.levels(),
        *paper.days(),
        *paper.line(),
        *paper.lane(),
        *paper.treatments(),
        *paper.signs(),
    ]
    return Svg(
        f'<svg viewBox="0 0 {WIDE} {paper.tall}" role="img" aria-label="Pain since the procedure" '
        f'font-size="12" fill="{theme.INK}">{"".join(parts)}</svg>'
    )


class _Paper:
    """The places of one drawing: days across with the early weeks stretched, pain upwards."""

    def __init__(self, course: Trajectory) -> None:
        self.course = course
        self.first, self.last = (timeline.stretched(day) for day in course.span)
        self.rows = drawn.treatment_rows(course.co_treatments)
        self.tall = TALL + TREATMENT_ROW * (max((row for row, _ in self.rows), default=-1) + 1)

    def x(self, day: float) -> float:
        share = (timeline.stretched(day) - self.first) / (self.last - self.first)
        return round(LEFT + share * (WIDE - LEFT - RIGHT), 1)

    def y(self, nrs: float) -> float:
        return round(TOP + (10 - nrs) / 10 * (TALL - TOP - FOOT), 1)

    def grid(self) -> list[str]:
        """Return a thin line and a number for every second score."""
        rows = []
        for nrs in range(0, 11, 2):
            rows.append(_path(f"M{LEFT} {self.y(nrs)}H{WIDE - RIGHT}", theme.GRID, 1))
            rows.append(_text(LEFT - 8, self.y(nrs) + 4, str(nrs), "end"))
        return rows

    def levels(self) -> list[str]:
        """Return the level before and the two thresholds, named at the right."""
        baseline = self.course.baseline
        if not baseline:
            return []
        names = (
            (f"before {figure.number(baseline)}", 1.0, ""),
            ("30\xa0% relief", 0.7, ' stroke-dasharray="8 4"'),
            ("50\xa0% relief", 0.5, ' stroke-dasharray="3 3"'),
        )
        places = theme.apart([-self.y(baseline * share) for _, share, _ in names], 14)
        rows = []
        for (words, share, dash), place in zip(names, places, strict=True):
            rows.append(_path(f"M{LEFT} {self.y(baseline * share)}H{WIDE - RIGHT}", theme.MUTED, 1.2, dash))
            rows.append(_text(WIDE - RIGHT + 6, -place + 4, words, "start"))
        return rows

    def days(self) -> list[str]:
        """Return the time axis with the procedure and today."""
        foot = TALL - FOOT
        ticks = timeline.ticks(*self.course.span, timeline.stretched, 0.07)
        rows = [_path(f"M{LEFT} {self.tall - 26}H{WIDE - RIGHT}", theme.AXIS, 1)]
        rows += [
            _text(self.x(day), self.tall - 8, words, "middle")
            for day, words in zip(ticks["tickvals"], ticks["ticktext"], strict=True)
        ]
        rows.append(_path(f"M{self.x(0)} {TOP}V{foot}", theme.MUTED, 1.4))
        today = f"M{self.x(self.course.today)} {TOP}V{self.tall - 26}"
        rows.append(_path(today, theme.MUTED, 1, ' stroke-dasharray="2 3"'))
        return rows

    def line(self) -> list[str]:
        """Return the patient's line, dashed across missed questions, its points, rings and scores."""
        counted = [reading for reading in self.course.readings if reading.counted]
        dashed = drawn.bridges(self.course)
        rows = []
        for start, end in pairwise(counted):
            path = f"M{self.x(start.day)} {self.y(start.nrs)}L{self.x(end.day)} {self.y(end.nrs)}"
            rows.append(_path(path, theme.INK, 2, ' stroke-dasharray="4 4"' if (start, end) in dashed else ""))
        for reading in counted:
            at = f'cx="{self.x(reading.day)}" cy="{self.y(reading.nrs)}"'
            if reading.bad:
                rows.append(f'<circle {at} r="8.5" fill="none" stroke="{theme.ALERT}" stroke-width="2"/>')
            rows.append(f'<circle {at} r="4"/>')
        rows += [_ring(self.x(r.day), self.y(r.nrs)) for r in self.course.readings if not r.counted]
        last = [
            _text(self.x(reading.day), self.y(reading.nrs) - 13, str(reading.nrs), "middle", "700")
            for reading in self.course.after[-1:]
        ]
        return rows + last

    def lane(self) -> list[str]:
        """Return what became of each question, under the chart."""
        rows = []
        for prompt in self.course.prompts:
            x = self.x(prompt.day)
            match prompt.mark:
                case PromptMark.ANSWERED:
                    rows.append(f'<circle cx="{x}" cy="{LANE}" r="2.6"/>')
                case PromptMark.NO_REPLY:
                    cross = f"M{x - 4} {LANE - 4}l8 8M{x + 4} {LANE - 4}l-8 8"
                    rows.append(_path(cross, theme.INK, 1.8))
                case PromptMark.NOT_SENT:
                    rows.append(_path(f"M{x - 4} {LANE - 4}h8v8h-8z", theme.INK, 1.6))
                case _:
                    rows.append(_ring(x, LANE))
        return rows

    def treatments(self) -> list[str]:
        """Return the treatments beside the procedure as bars with their letters, under the questions."""
        first, last = self.course.span
        bars = []
        for place, (row, treatment) in enumerate(self.rows):
            start, end = max(treatment.start, first), last if treatment.end is None else min(treatment.end, last)
            x, y = self.x(start), LANE + TREATMENT_ROW * (row + 1)
            wide = max(self.x(end) - x, 12)
            bars.append(f'<path d="M{x} {y - 6}h{wide:.1f}v12h-{wide:.1f}z" fill="{theme.MUTED}"/>')
            bars.append(_text(x + 6, y + 4, drawn.letter(place), "middle", "700", theme.PAPER))
        return bars

    def signs(self) -> list[str]:
        """Return the numbers of the events above the plot."""
        rows = []
        for place, event in enumerate(self.course.events, 1):
            x = self.x(event.day)
            rows.append(_path(f"M{x} {TOP}V{TALL - FOOT}", theme.MUTED, 1))
            rows.append(f'<path d="M{x - 8} {TOP - 18}h16v16h-16z"/>')
            rows.append(_text(x, TOP - 6, str(place), "middle", "700", theme.PAPER))
        return rows


def _path(path: str, colour: str, wide: float, more: str = "") -> str:
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{wide}"{more}/>'


def _ring(x: float, y: float) -> str:
    return f'<circle cx="{x}" cy="{y}" r="3.4" fill="none" stroke="{theme.MUTED}" stroke-width="1.4"/>'


def _text(x: float, y: float, words: str, anchor: str, weight: str = "400", colour: str = theme.INK) -> str:
    place = f'x="{x}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-weight="{weight}" fill="{colour}">{escape(words)}</text>'
