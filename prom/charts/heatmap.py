"""Every patient as a row of cells, grouped by CSI band: our own SVG, because the small plotly bundle has no heatmap.

Inside a band the patients whose relief lasted longest are at the top. On a phone, and for large cohorts, the rows
would be thinner than a line: there each band is a row of columns that add up to 100 %.

Darkness falls with relief, "worse" is hatched and "no reply" dotted, so a grey print keeps the order.
"""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from itertools import groupby

from prom.charts import theme
from prom.charts.figure import Chart, Key, Svg, Table
from prom.charts.theme import Band

# Above this many patients a row is thinner than two pixels.
ROWS_AT_MOST = 320


class Level(StrEnum):
    """What one cell shows: relief against the baseline at one time point, or why there is none."""

    FROM_70 = "from_70"
    FROM_50 = "from_50"
    FROM_30 = "from_30"
    UNDER_30 = "under_30"
    WORSE = "worse"
    NO_REPLY = "no_reply"
    NOT_DUE = "not_due"


_LOOK: dict[Level, tuple[str, str, str]] = {
    Level.FROM_70: ("#0d4470", "box", "70\xa0% relief or more"),
    Level.FROM_50: ("#3f8abf", "box", "50\N{EN DASH}69\xa0%"),
    Level.FROM_30: ("#a5cfe6", "box", "30\N{EN DASH}49\xa0%"),
    Level.UNDER_30: ("#fbd88a", "box", "under 30\xa0%"),
    Level.WORSE: ("#c2570c", "bar-hatched", "worse than before"),
    Level.NO_REPLY: ("#9aa5b1", "dotted", "no reply"),
}
_DRAWN = tuple(_LOOK)


@dataclass(frozen=True, slots=True)
class Row:
    """One patient: days relief lasted, for the order, and a level for each column."""

    days: float
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """All patients of one band.

    Of a large band ``counts`` holds, for each column, how many are at each level, in the place of the rows.
    """

    band: Band
    rows: tuple[Row, ...]
    counts: tuple[Counter[Level], ...] = ()

    @property
    def n(self) -> int:
        """Return how many patients there are."""
        return max((each.total() for each in self.counts), default=len(self.rows))

    @property
    def ordered(self) -> tuple[Row, ...]:
        """Return the rows, the longest relief first."""
        return tuple(sorted(self.rows, key=lambda row: (-row.days, [_RANK[level] for level in row.levels])))

    def column(self, place: int) -> Counter[Level]:
        """Return how many patients are at each level in a column."""
        return self.counts[place] if self.counts else Counter(row.levels[place] for row in self.rows)


_RANK = {level: place for place, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class Heatmap:
    """The time points in words and the groups."""

    columns: tuple[str, ...]
    groups: tuple[Group, ...]
    footnote: str = ""


def level(relief: float | None) -> Level:
    """Return the level of a share of relief; None means no reply."""
    if relief is None:
        return Level.NO_REPLY
    if relief < 0:
        return Level.WORSE
    limits = ((0.7, Level.FROM_70), (0.5, Level.FROM_50), (0.3, Level.FROM_30))
    return next((found for limit, found in limits if relief >= limit), Level.UNDER_30)


def chart(data: Heatmap) -> Chart:
    """Return the cells with their words and numbers."""
    rows = sum(group.n for group in data.groups)
    shares = grouped(data)
    cells = rows <= ROWS_AT_MOST and not any(group.counts for group in data.groups)
    return Chart(
        name="heatmap",
        title="Every patient, by CSI band",
        unit="One row is one patient; longest relief at the top of each band." if cells else "Share of patients.",
        direction="Darker is better.",
        summary=summary(data),
        table=table(data),
        svg=(detailed(data) if cells else shares) if rows else None,
        svg_narrow=shares if rows and cells else None,
        keys=tuple(Key(mark, colour, words) for colour, mark, words in _LOOK.values()),
        footnote=data.footnote,
    )


def summary(data: Heatmap) -> str:
    """Return each band's share with 50 % relief at the last time point with half as many answers as its fullest one."""
    parts = []
    for group in data.groups:
        known = [_known(group.column(place)) for place in range(len(data.columns))]
        told = [place for place, answers in enumerate(known) if answers and 2 * answers >= max(known)]
        if told:
            good = sum(group.column(told[-1])[found] for found in (Level.FROM_70, Level.FROM_50))
            parts.append(
                f"{group.band.label}: {good} of {known[told[-1]]} with 50\xa0% relief at {data.columns[told[-1]]}"
            )
    return f"{'; '.join(parts)}." if parts else "No answers yet."


def table(data: Heatmap) -> Table:
    """Return the counts by band, time point and level."""
    rows = tuple(
        (group.band.label, word, *(str(group.column(place)[found]) for found in _DRAWN))
        for group in data.groups
        for place, word in enumerate(data.columns)
    )
    return Table(("Band", "When", *(words for _, _, words in _LOOK.values())), rows)


def detailed(data: Heatmap) -> Svg:
    """Return one row for each patient; equal neighbours in a column are one rectangle."""
    rows = sum(len(group.rows) for group in data.groups)
    tall = 7 if rows <= 80 else 4 if rows <= 160 else 2
    left, wide, top = 112, 42, 24
    paths: dict[Level, list[str]] = {found: [] for found in _DRAWN}
    labels = [_text(left + wide * (place + 0.5), 15, word, "middle") for place, word in enumerate(data.columns)]
    y = top
    for group in data.groups:
        for place in range(len(data.columns)):
            _column(paths, group, place, (left + wide * place, y, wide - 2, tall))
        middle = y + tall * len(group.rows) / 2
        labels.append(_text(left - 10, middle, group.band.label.split(",")[0], "end", group.band.colour, "700"))
        labels.append(_text(left - 10, middle + 16, f"n = {len(group.rows)}", "end"))
        y += max(tall * len(group.rows), 36) + 10
    return _svg(left + wide * len(data.columns), y, summary(data), [*_fills(paths, "hm"), *labels])


def grouped(data: Heatmap) -> Svg:
    """Return a column of shares for each band and time point, without those not yet due."""
    wide, tall, step = 320, 84, 128
    width = wide / max(len(data.columns), 1)
    paths: dict[Level, list[str]] = {found: [] for found in _DRAWN}
    labels = []
    for row, group in enumerate(data.groups):
        top = row * step + 22
        name = f"{group.band.label.split(',')[0]}, n = {group.n}"
        labels.append(_text(0, top - 8, name, "start", group.band.colour, "700"))
        for place, word in enumerate(data.columns):
            _stack(paths, group.column(place), (width * place, top, width - 2, tall))
            labels.append(_text(width * (place + 0.5) - 1, top + tall + 14, word, "middle", size=11))
    return _svg(wide, step * len(data.groups), summary(data), [*_fills(paths, "hg"), *labels])


def _known(counts: Counter[Level]) -> int:
    return sum(counts.values()) - counts[Level.NO_REPLY] - counts[Level.NOT_DUE]


def _column(paths: dict[Level, list[str]], group: Group, place: int, corner: tuple[float, float, float, float]) -> None:
    """Add the rectangles of one column of a group; ``corner`` is x, y, width, and height of a row."""
    x, y, wide, tall = corner
    for found, run in groupby(row.levels[place] for row in group.ordered):
        height = tall * sum(1 for _ in run)
        if found in paths:
            paths[found].append(_rect(x, y, wide, height))
        y += height


def _stack(paths: dict[Level, list[str]], counts: Counter[Level], box: tuple[float, float, float, float]) -> None:
    """Add one stacked column inside the box (x, y, width, height), worst at the bottom."""
    x, y, wide, tall = box
    total = sum(counts[found] for found in _DRAWN)
    for found in _DRAWN if total else ():
        height = tall * counts[found] / total
        if height:
            paths[found].append(_rect(x, y, wide, height))
        y += height


def _rect(x: float, y: float, wide: float, tall: float) -> str:
    return f"M{x:.4g} {y:.5g}h{wide:.4g}v{tall:.4g}h-{wide:.4g}z"


def _fills(paths: dict[Level, list[str]], name: str) -> list[str]:
    """Return one path for each level, and the hatching and dots, whose ids must be unique in the page."""
    dots, hatch = f"{name}-dots", f"{name}-hatch"
    patterns = (
        f'<defs><pattern id="{hatch}" width="5" height="5" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><path d="M0 0h1.6v5H0z" fill="#fff"/></pattern>'
        f'<pattern id="{dots}" width="4" height="4" patternUnits="userSpaceOnUse">'
        '<circle cx="2" cy="2" r="1" fill="#7b8794"/></pattern></defs>'
    )
    found = [patterns]
    for kind, drawn in paths.items():
        path = "".join(drawn)
        fill = f"url(#{dots})" if kind is Level.NO_REPLY else _LOOK[kind][0]
        found.append(f'<path fill="{fill}" d="{path}"/>' if path else "")
        if kind is Level.WORSE and path:
            found.append(f'<path fill="url(#{hatch})" opacity=".55" d="{path}"/>')
    return found


def _text(
    x: float, y: float, words: str, anchor: str, colour: str = theme.MUTED, weight: str = "400", size: int = 13
) -> str:
    return (
        f'<text x="{x:.4g}" y="{y:.5g}" text-anchor="{anchor}" fill="{colour}" font-weight="{weight}" '
        f'font-size="{size}">{escape(words)}</text>'
    )


def _svg(wide: float, tall: float, label: str, parts: list[str]) -> Svg:
    return Svg(f'<svg viewBox="0 0 {wide:g} {tall:g}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>')
