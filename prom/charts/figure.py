"""What every chart hands to a page: the drawing, and the same facts in words and in a table.

A drawing is a plain dict in plotly.js' own JSON format, or SVG text. The dicts are written by hand and not
through ``plotly.graph_objects``: importing that cost 0.3 s and 28 MB in every worker when measured, and a page only
needs JSON. The tests build each figure with ``plotly.graph_objects``, so a wrong attribute name still fails.
"""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


class Svg(str):
    """SVG text whose labels are already escaped, so that a template prints it as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        """Tell the template engine that nothing is left to escape."""
        return str(self)


@dataclass(frozen=True, slots=True)
class Key:
    """One legend entry: the drawn mark (see the ``swatch`` macro), its colour, and what it means."""

    mark: str
    colour: str
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One numbered event or lettered treatment, explained in the list under the chart."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers behind a chart, as text ready to print."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything the ``figure`` macro prints.

    ``figure`` is None when there is nothing to draw, or when ``svg`` is drawn instead. ``switches`` names the controls
    the page offers: "time" (square-root or even time axis) and "npmle" (the estimate between visits).
    """

    name: str
    title: str
    unit: str
    direction: str
    summary: str
    table: Table
    figure: Json | None = None
    svg: Svg | None = None
    svg_narrow: Svg | None = None
    keys: tuple[Key, ...] = ()
    marks: tuple[Mark, ...] = ()
    switches: tuple[str, ...] = ()
    footnote: str = ""


def number(value: float) -> str:
    """Return a number as staff read it: at most one decimal, and none when it is whole."""
    return f"{value:.1f}".removesuffix(".0").replace("-", "\N{MINUS SIGN}")


def percent(share: float) -> str:
    """Return a share between 0 and 1 as a whole percent, halves rounded up."""
    whole = int(abs(share) * 100 + 0.5 + 1e-9)
    return f"{chr(0x2212) if share < 0 and whole else ''}{whole}\N{NO-BREAK SPACE}%"


def rounded(value: float | None) -> float | None:
    """Return a coordinate with the precision a screen can show, to keep the page light."""
    return None if value is None else round(value, 3)


def joined(parts: list[str]) -> str:
    """Return the parts as one list in a sentence."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
