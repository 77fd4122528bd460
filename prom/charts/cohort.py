"""Groups of patients by CSI before the procedure: mean pain over time, and how many answered.

Every point carries its confidence interval and its number of answers; nothing is joined across a time point without
answers. The number under the axis is how many answered, so a falling line with falling numbers can be seen for what
it is.
"""

from dataclasses import dataclass

from prom.charts import theme, timeline
from prom.charts.figure import Chart, Json, Key, Table, joined, number, percent, rounded
from prom.charts.theme import Band

WIDE, NARROW = 430, 390
# A mean of fewer patients is shown in the table only.
DRAWN_FROM = 5
# A number stands under a tick only when its time point is that tick (365 under "1 yr", 725 under "2 yr").
TICK_MATCHES = 6


@dataclass(frozen=True, slots=True)
class MeanPoint:
    """Mean pain of ``n`` patients on a nominal day, with the 95 % confidence interval."""

    day: float
    n: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class BandMeans:
    """The course of one CSI band of ``n`` patients."""

    band: Band
    n: int
    points: tuple[MeanPoint, ...]


@dataclass(frozen=True, slots=True)
class ReplyPoint:
    """Of ``due`` questions on a nominal day, how many were answered, and how many we did not send.

    ``low`` and ``high`` are the 95 % interval of the share answered, between 0 and 1. The share is of those that were
    sent: what we failed to send is nobody's silence.
    """

    day: float
    due: int
    answered: int
    low: float
    high: float
    not_sent: int = 0

    @property
    def sent(self) -> int:
        """Return how many questions could be answered."""
        return self.due - self.not_sent


@dataclass(frozen=True, slots=True)
class BandReplies:
    """The replies of one CSI band."""

    band: Band
    points: tuple[ReplyPoint, ...]


def means(groups: tuple[BandMeans, ...], footnote: str = "") -> Chart:
    """Return mean pain by CSI band."""
    return Chart(
        name="means",
        title="Average pain by CSI before the procedure",
        unit="Mean pain 0\N{EN DASH}10 with 95\xa0% confidence interval.",
        direction="Lower is better.",
        summary=means_summary(groups),
        table=means_table(groups),
        figure=means_figure(groups),
        keys=_keys(tuple(group.band for group in groups if any(point.n >= DRAWN_FROM for point in group.points))),
        footnote=footnote,
    )


def replies(groups: tuple[BandReplies, ...], footnote: str = "") -> Chart:
    """Return the share of questions answered by CSI band: the missing part of every other figure."""
    return Chart(
        name="replies",
        title="Who answers",
        unit="Questions answered, percent of those sent, with 95\xa0% confidence interval (Wilson).",
        direction="Higher is better.",
        summary=replies_summary(groups),
        table=replies_table(groups),
        figure=replies_figure(groups),
        keys=_keys(tuple(group.band for group in groups)),
        footnote=footnote,
    )


def means_figure(groups: tuple[BandMeans, ...]) -> Json:
    """Return mean pain as lines with ribbons, and the numbers answering under the axis."""
    lines = [
        _Line(group.band, [_Point(p.day, p.n, p.mean, p.low, p.high) for p in group.points if p.n >= DRAWN_FROM])
        for group in groups
    ]
    hover = "{when}: mean pain {value} ({low} to {high}), n = {n}"
    return _figure(lines, theme.values(0, 10.4, tickvals=[0, 2, 4, 6, 8, 10]), hover, "Number answering", 0.62)


def replies_figure(groups: tuple[BandReplies, ...]) -> Json:
    """Return the share answered as lines with ribbons, and the numbers sent under the axis."""
    lines = [_Line(group.band, [_reply(point) for point in group.points if point.sent]) for group in groups]
    axis = theme.values(0, 104, **theme.percents(0, 25, 50, 75, 100))
    return _figure(lines, axis, "{when}: {value}\xa0% answered, {n} sent", "Questions sent", 6.2)


def means_summary(groups: tuple[BandMeans, ...]) -> str:
    """Return the chart in one sentence: each band's first and last mean that is drawn."""
    parts = []
    for group in groups:
        drawn = [point for point in group.points if point.n >= DRAWN_FROM]
        if drawn:
            first, last = drawn[0], drawn[-1]
            at = f"{timeline.when(last.day)} (n = {last.n})"
            parts.append(f"{group.band.label} from {first.mean:.1f} to {last.mean:.1f} at {at}")
    if parts:
        return f"Mean pain: {joined(parts)}."
    answered = any(group.points for group in groups)
    return f"Fewer than {DRAWN_FROM} answers at each time point." if answered else "No answers yet."


def replies_summary(groups: tuple[BandReplies, ...]) -> str:
    """Return the chart in one sentence: answered of those sent in each band."""
    parts = []
    for group in groups:
        sent = sum(point.sent for point in group.points)
        answered = sum(point.answered for point in group.points)
        if sent:
            parts.append(f"{group.band.label} {answered} of {sent} ({percent(answered / sent)})")
    return f"Answered of those sent: {joined(parts)}." if parts else "No question was sent yet."


def means_table(groups: tuple[BandMeans, ...]) -> Table:
    """Return every mean with its interval and number."""
    rows = tuple(
        (group.band.label, timeline.when(p.day), str(p.n), f"{p.mean:.1f}", f"{p.low:.1f} to {p.high:.1f}")
        for group in groups
        for p in group.points
    )
    return Table(("Band", "When", "Answered", "Mean pain", "95\xa0% CI"), rows)


def replies_table(groups: tuple[BandReplies, ...]) -> Table:
    """Return due, answered, unanswered and not sent for each time point."""
    rows = tuple((group.band.label, timeline.when(p.day), *_counts(p)) for group in groups for p in group.points)
    return Table(("Band", "When", "Due", "Answered", "No reply", "Not sent by us"), rows)


@dataclass(frozen=True, slots=True)
class _Point:
    day: float
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Line:
    band: Band
    points: list[_Point]


def _counts(point: ReplyPoint) -> tuple[str, str, str, str]:
    unanswered = point.sent - point.answered
    return (str(point.due), str(point.answered), str(unanswered), str(point.not_sent))


def _reply(point: ReplyPoint) -> _Point:
    return _Point(point.day, point.sent, 100 * point.answered / point.sent, 100 * point.low, 100 * point.high)


def _figure(lines: list[_Line], axis: Json, hover: str, heading: str, gap: float) -> Json:
    """Return lines with ribbons, direct labels, and a row of numbers for each band under the axis."""
    drawn = [line for line in lines if line.points]
    last = max((point.day for line in drawn for point in line.points), default=1.0)
    edges = (-0.02 * last, last * 1.02)
    wide, tight = (timeline.ticks(*edges, timeline.even, share) for share in (0.1, 0.16))
    below = theme.below_axis(len(drawn), WIDE), theme.below_axis(len(drawn), NARROW)
    layout = theme.layout(
        WIDE,
        xaxis=theme.across(*edges, anchor="y", **wide),
        yaxis={**axis, "domain": below[0].plot},
        yaxis2=theme.lane(below[0].rows, -len(drawn), 1),
        annotations=[*_ends(drawn, gap), *theme.row_heads([line.band for line in drawn], heading)],
    )
    layout["margin"] |= {"b": 8, "l": 56}
    narrow = theme.narrow(NARROW, xaxis=tight, yaxis={"domain": below[1].plot}, yaxis2={"domain": below[1].rows})
    narrow["margin"] |= {"b": 6, "l": 58, "r": 50}
    traces = [_ribbon(line) for line in drawn] + [_mean(line, hover) for line in drawn]
    for width, axis_ticks in (("wide", wide), ("narrow", tight)):
        traces += [_numbers(line, row, axis_ticks["tickvals"]) | {"meta": width} for row, line in enumerate(drawn)]
    return {"data": traces, "layout": layout, "config": dict(theme.CONFIG), "narrow": narrow}


def _keys(bands: tuple[Band, ...]) -> tuple[Key, ...]:
    return tuple(Key(f"{band.dash}-{band.symbol}", band.colour, band.label) for band in bands)


def _ends(lines: list[_Line], gap: float) -> list[Json]:
    places = theme.apart([line.points[-1].value for line in lines], gap)
    right = max((line.points[-1].day for line in lines), default=0.0)
    return [
        theme.line_end(line.band.short, (line.points[-1].day, place), right, line.band.colour)
        for line, place in zip(lines, places, strict=True)
    ]


def _ribbon(line: _Line) -> Json:
    days = [point.day for point in line.points]
    edge = [rounded(point.high) for point in line.points] + [rounded(point.low) for point in reversed(line.points)]
    return theme.area(days + days[::-1], edge, theme.tint(line.band.colour, 0.15))


def _mean(line: _Line, hover: str) -> Json:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [point.day for point in line.points],
        "y": [rounded(point.value) for point in line.points],
        "line": {"color": line.band.colour, "width": line.band.width, "dash": line.band.dash},
        "marker": {"symbol": line.band.symbol, "size": 8, "color": line.band.colour},
        "cliponaxis": False,
        "hoverinfo": "text",
        "text": [
            f"{line.band.label}<br>"
            + hover.format(
                when=timeline.when(p.day).capitalize(),
                value=number(p.value),
                low=number(p.low),
                high=number(p.high),
                n=p.n,
            )
            for p in line.points
        ],
    }


def _numbers(line: _Line, row: int, days: list[float]) -> Json:
    """Return the numbers of one band under the ticks that have an answer of their own."""
    near = {day: min(line.points, key=lambda point: abs(point.day - day)) for day in days}
    shown = [(day, point) for day, point in near.items() if abs(point.day - day) < TICK_MATCHES]
    return theme.row_numbers([day for day, _ in shown], [str(point.n) for _, point in shown], row, line.band.colour)
