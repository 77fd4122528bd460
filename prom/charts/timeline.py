"""The time axis: days since the procedure, drawn evenly or with the early weeks stretched.

Relief is won or lost in the first weeks, and the prompts are dense there, so one patient's chart uses the square root
of the day. Figures hold days; charts.js applies the scale, so one figure serves both.
"""

from collections.abc import Callable
from math import sqrt

from prom.charts.figure import Json, joined

# Days before the procedure take half the room they would have: they only show where the baseline comes from.
BEFORE_SHARE = 0.5
_TICKS = (
    (0.0, "0"),
    (7.0, "1 wk"),
    (14.0, "2 wk"),
    (30.0, "1 mo"),
    (60.0, "2 mo"),
    (90.0, "3 mo"),
    (120.0, "4 mo"),
    (180.0, "6 mo"),
    (270.0, "9 mo"),
    (365.0, "1 yr"),
    (545.0, "18 mo"),
    (730.0, "2 yr"),
    (1095.0, "3 yr"),
)
# When there is not room for all, the visits people ask about stay.
_WEIGHT = {0.0: 9, 365.0: 8, 180.0: 7, 90.0: 6, 30.0: 5, 730.0: 5, 7.0: 4, 1095.0: 4, 270.0: 2, 60.0: 2, 545.0: 2}
_HOURS = ((0.0, "0"), (1 / 24, "1 h"), (3 / 24, "3 h"), (0.25, "6 h"), (0.5, "12 h"), (1.0, "24 h"), (2.0, "48 h"))


def even(day: float) -> float:
    """Return the place of a day on an even axis."""
    return day


def stretched(day: float) -> float:
    """Return the place of a day on the axis that stretches the early weeks. charts.js has the same rule."""
    return sqrt(day) if day >= 0 else -BEFORE_SHARE * sqrt(-day)


def ticks(first: float, last: float, scale: Callable[[float], float], gap: float) -> Json:
    """Return tick places (in days) and words for an axis from ``first`` to ``last``.

    ``gap`` is the smallest distance between two ticks as a share of the axis.
    """
    span = scale(last) - scale(first)
    names = _HOURS if last <= 2 else _TICKS
    wanted = sorted((tick for tick in names if first <= tick[0] <= last), key=lambda tick: -_WEIGHT.get(tick[0], 1))
    kept: list[tuple[float, str]] = []
    for day, word in wanted:
        if all(abs(scale(day) - scale(other)) >= gap * span for other, _ in kept):
            kept.append((day, word))
    kept.sort()
    return {"tickvals": [day for day, _ in kept], "ticktext": [word for _, word in kept]}


def scales(first: float, last: float) -> Json:
    """Return the square-root axis with its phone form, and the even axis as the other view of the same figure."""
    return {
        "layout": {"range": [first, last], **ticks(first, last, stretched, 0.07)},
        "narrow": ticks(first, last, stretched, 0.15),
        "linear": {
            "layout": {"xaxis": ticks(first, last, even, 0.07)},
            "narrow": {"xaxis": ticks(first, last, even, 0.15)},
        },
    }


def days(places: list[float]) -> str:
    """Return several days in words: "day 56", or "days 56, 59 and 92"."""
    words = [when(day) for day in places]
    if len(words) > 1 and all(word.startswith("day ") for word in words):
        return f"days {joined([word.removeprefix('day ') for word in words])}"
    return joined(words)


def when(day: float) -> str:
    """Return a day in words for a sentence or a table cell."""
    if 0 < abs(day) < 2 and day != int(day):
        minutes = round(abs(day) * 1440)
        length = f"{minutes} min" if minutes < 60 else f"{round(minutes / 60)} h"
        return f"{length} {'after' if day > 0 else 'before'}"
    return f"day {round(day)}" if day >= 0 else f"day \N{MINUS SIGN}{round(-day)}"
