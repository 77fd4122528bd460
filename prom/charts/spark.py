"""Pain in one line of a list, and the patient's own chart: inline SVG with attributes only, no script.

The patient sees their own line and the level before the procedure, nothing else: no bands of other patients, no
interval, no verdict. Every word comes from the caller, in the patient's language.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from prom.charts import theme, timeline
from prom.charts.figure import Svg

_WIDE, _TALL = 96, 28
# Room for the whole ring at the highest and the lowest score, and at the last day.
_EDGE = 6
_OWN_WIDE, _OWN_TALL = 320, 190
# More points than this do not fit a phone with their numbers: the newest stay, after the first.
_OWN_POINTS = 11
_OWN_LABELS = 5


@dataclass(frozen=True, slots=True)
class OwnPoint:
    """One answer in the patient's own chart, or a missed one (``nrs`` None); the words are ready to show."""

    nrs: int | None
    digits: str
    label: str


def spark(readings: Sequence[tuple[float, int]], baseline: float | None, label: str, *, alert: bool = False) -> Svg:
    """Return a small line of (day, pain) with the baseline dashed; the last point is red with a ring on an alert."""
    if not readings:
        return Svg("")
    places = [timeline.stretched(day) for day, _ in readings]
    span = (places[-1] - places[0]) or 1.0
    points = [
        (_EDGE + (place - places[0]) / span * (_WIDE - 2 * _EDGE), _level(nrs, _EDGE, _TALL - 2 * _EDGE))
        for place, (_, nrs) in zip(places, readings, strict=True)
    ]
    path = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
    x, y = points[-1]
    colour = theme.ALERT if alert else theme.LINE
    ring = f'<circle cx="{x:.0f}" cy="{y:.0f}" r="5" fill="none" stroke="{colour}"/>' if alert else ""
    base = "" if baseline is None else _dashed(_level(baseline, _EDGE, _TALL - 2 * _EDGE), _WIDE)
    return Svg(
        f'<svg class="spark" viewBox="0 0 {_WIDE} {_TALL}" width="{_WIDE}" height="{_TALL}" role="img" '
        f'aria-label="{escape(label)}">{base}<polyline points="{path}" fill="none" stroke="{theme.LINE}" '
        f'stroke-width="1.5"/><circle cx="{x:.0f}" cy="{y:.0f}" r="2.5" fill="{colour}"/>{ring}</svg>'
    )


def own(points: Sequence[OwnPoint], label: str) -> Svg:
    """Return the patient's own chart: equal steps, a number at every answer, a dashed line across a missed one."""
    shown = [points[0], *points[1:][-(_OWN_POINTS - 1) :]] if points else []
    if not shown:
        return Svg("")
    step = (_OWN_WIDE - 44) / max(len(shown) - 1, 1)
    places = [
        (22 + step * place, None if point.nrs is None else _level(point.nrs, 30, 112))
        for place, point in enumerate(shown)
    ]
    first = next((y for _, y in places if y is not None), 0.0)
    parts = [
        _dashed(first, _OWN_WIDE),
        f'<path d="M8 158h{_OWN_WIDE - 16}" stroke="{theme.AXIS}"/>',
        *_own_lines(places),
        *_own_points(places),
        *_own_numbers(shown, places),
        *_own_labels(shown, places),
    ]
    return Svg(
        f'<svg class="own" viewBox="0 0 {_OWN_WIDE} {_OWN_TALL}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def _level(nrs: float, top: float, room: float) -> float:
    """Return the height of a pain score: 10 at the top, 0 at the foot."""
    return top + (10 - nrs) / 10 * room


def _dashed(y: float, wide: int) -> str:
    return f'<path d="M0 {y:.0f}h{wide}" stroke="{theme.AXIS}" stroke-dasharray="3 3"/>'


def _own_lines(places: list[tuple[float, float | None]]) -> list[str]:
    """Return the solid line between neighbouring answers, and the dashed one across missed answers."""
    solid: list[str] = []
    dashed: list[str] = []
    known = [(place, x, y) for place, (x, y) in enumerate(places) if y is not None]
    for (before, x0, y0), (after, x1, y1) in pairwise(known):
        (solid if after == before + 1 else dashed).append(f"M{x0:.0f} {y0:.0f}L{x1:.0f} {y1:.0f}")
    return [
        f'<path d="{"".join(path)}" stroke="{theme.LINE}" stroke-width="{width}"{dash}/>'
        for path, width, dash in ((solid, 3, ""), (dashed, 2, ' stroke-dasharray="5 4"'))
        if path
    ]


def _own_points(places: list[tuple[float, float | None]]) -> list[str]:
    """Return an open point for each answer; the newest is larger and full."""
    known = [(x, y) for x, y in places if y is not None]
    dots = [f'<circle cx="{x:.0f}" cy="{y:.0f}" r="5.5"/>' for x, y in known[:-1]]
    last = [f'<circle cx="{x:.0f}" cy="{y:.0f}" r="9" fill="{theme.LINE}"/>' for x, y in known[-1:]]
    return [f'<g fill="#fff" stroke="{theme.LINE}" stroke-width="2.5">', *dots, *last, "</g>"]


def _own_numbers(shown: list[OwnPoint], places: list[tuple[float, float | None]]) -> list[str]:
    words = [
        f'<text x="{x:.0f}" y="{y - 13:.0f}">{escape(point.digits)}</text>'
        for point, (x, y) in zip(shown, places, strict=True)
        if y is not None
    ]
    return [f'<g text-anchor="middle" font-size="17" font-weight="700" fill="{theme.INK}">', *words, "</g>"]


def _own_labels(shown: list[OwnPoint], places: list[tuple[float, float | None]]) -> list[str]:
    """Return a few labels under the axis: the first, the last, and evenly between."""
    last = len(shown) - 1
    every = max(1, -(-last // (_OWN_LABELS - 1)))
    kept = sorted({0, last, *(place for place in range(0, last, every) if last - place >= every)})
    words = [
        f'<text x="{places[place][0]:.0f}" y="179"{_side(place, last)}>{escape(shown[place].label)}</text>'
        for place in kept
    ]
    return [f'<g text-anchor="middle" font-size="14" fill="{theme.MUTED}">', *words, "</g>"]


def _side(place: int, last: int) -> str:
    """Return the attribute that keeps the outer labels inside the drawing."""
    if last and place == 0:
        return ' text-anchor="start" dx="-20"'
    return ' text-anchor="end" dx="20"' if last and place == last else ""
