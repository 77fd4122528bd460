"""From answered items to scores: pain 0-10, the Central Sensitization Inventory, PGIC and PEG.

A form with missing items is not guessed at. The bounds rule says what stays certain: the lowest possible total counts
every missing item as its lowest answer, the highest as its highest; a band or a cut-off is stated only when both agree.

Sources:
    [S] Neblett 2017 (Pain Pract 17:166): CSI bands 0-29, 30-39, 40-49, 50-59, 60-100.
    [S] Neblett 2013 (J Pain 14:438): cut-off 40. Other published cut-offs are named data of the instrument.
    [S] IMMPACT 2008 (Dworkin): PGIC "much" or "very much improved" is a responder.
    [S] MDC95 of the CSI is 5-10 points by language; [P] we call a change real from 10.
    [P] The bounds rule and the prorated score (1 or 2 missing items, rounded half up), version 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeGuard

from prom.domain import instruments
from prom.domain.instruments import Instrument

LOWEST_PAIN = 0
HIGHEST_PAIN = 10
CSI = instruments.instrument("csi")
BANDS = CSI.bands
CUT_OFFS = CSI.cut_offs
CUT_OFF = CSI.cut_off("default").at_least
REAL_CHANGE_POINTS = 10
MOST_MISSING_FOR_PRORATING = 2
PGIC_RESPONDER_LEVEL = 2


def nrs_value(value: object) -> int:
    """Return a pain score, or raise ValueError when it is not a whole number from 0 to 10."""
    return _whole_number(value, LOWEST_PAIN, HIGHEST_PAIN, "pain score")


def is_nrs(value: object) -> TypeGuard[int]:
    """Tell whether a value is a valid pain score."""
    return _is_whole(value) and LOWEST_PAIN <= value <= HIGHEST_PAIN


def _is_whole(value: object) -> TypeGuard[int]:
    # A bool is an int in Python and 3.0 compares equal to 3: neither is an answer that anybody gave.
    return isinstance(value, int) and not isinstance(value, bool)


def _whole_number(value: object, low: int, high: int, what: str) -> int:
    if not _is_whole(value):
        raise ValueError(f"{what} {value!r} is not a whole number")
    if not low <= value <= high:
        raise ValueError(f"{what} {value} is outside {low}-{high}")
    return value


def _is_list(items: object) -> bool:
    return isinstance(items, Sequence) and not isinstance(items, str | bytes)


def _checked_items(form: Instrument, items: Sequence[int | None]) -> list[int | None]:
    if not _is_list(items):
        raise ValueError(f"the items of {form.key} must be a list")
    if len(items) != form.items:
        raise ValueError(f"{form.key} has {form.items} items, not {len(items)}")
    return [
        None if value is None else _whole_number(value, form.low, form.high, f"{form.key} item {number}")
        for number, value in enumerate(items, start=1)
    ]


def sum_bounds(form: Instrument, items: Sequence[int | None]) -> tuple[int, int]:
    """Return the lowest and the highest sum that the answered items leave possible."""
    values = _checked_items(form, items)
    answered = [value for value in values if value is not None]
    missing = len(values) - len(answered)
    return sum(answered) + form.low * missing, sum(answered) + form.high * missing


@dataclass(frozen=True, slots=True)
class CsiResult:
    """A scored CSI form. Totals are 0-100 points; `severity` and `ge40` are None where missing items leave them open.

    An imported total has no items: `items_known` is False and the counts are None. `item_24_carried` labels a total
    that holds item 24 from the baseline.
    """

    answered: int | None
    missing: int | None
    min_total: int
    max_total: int
    total: int | None
    prorated: int | None
    severity: str | None
    ge40: bool | None
    items_known: bool = True
    item_24_carried: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain values; labels are added only where they say something."""
        plain: dict[str, Any] = {
            "answered": self.answered,
            "missing": self.missing,
            "min_total": self.min_total,
            "max_total": self.max_total,
            "total": self.total,
            "prorated": self.prorated,
            "severity": self.severity,
            "ge40": self.ge40,
        }
        if not self.items_known:
            plain["items_known"] = False
        if self.item_24_carried:
            plain["item_24_carried"] = True
        return plain


def csi_band(total: int) -> str:
    """Return the severity band of a CSI total of 0-100 points."""
    return CSI.band(_whole_number(total, CSI.lowest_total, CSI.highest_total, "CSI total")).name


def at_or_above(min_total: int, max_total: int, cut_off: int) -> bool | None:
    """Tell whether a total lies at or above a cut-off, or None when missing items leave it open."""
    if min_total >= cut_off:
        return True
    return False if max_total < cut_off else None


def _certain_band(min_total: int, max_total: int) -> str | None:
    lowest, highest = csi_band(min_total), csi_band(max_total)
    return lowest if lowest == highest else None


def _prorated(total: int, answered: int, missing: int) -> int | None:
    if not 1 <= missing <= MOST_MISSING_FOR_PRORATING:
        return None
    # Round half up in whole numbers: floor(25 * total / answered + 1/2).
    return (2 * CSI.items * total + answered) // (2 * answered)


def csi(items: Sequence[int | None], *, item_24: int | None = None) -> CsiResult:
    """Score a CSI form of 25 items, None for one that was not answered.

    `item_24` is the answer given once at baseline: it fills a missing item 24, counts as answered and is labelled.
    """
    values = _checked_items(CSI, items)
    slot = instruments.CARRIED_FORWARD_ITEM - 1
    carried = item_24 is not None and values[slot] is None
    if carried:
        values[slot] = _whole_number(item_24, CSI.low, CSI.high, "csi item 24")
    low, high = sum_bounds(CSI, values)
    return csi_from_bounds(len(values) - values.count(None), low, high, item_24_carried=carried)


def csi_from_bounds(answered: int | None, low: int, high: int, *, item_24_carried: bool = False) -> CsiResult:
    """Return the result that a number of answered items (None with an imported total) and the two bounds stand for."""
    missing = None if answered is None else CSI.items - answered
    return CsiResult(
        answered=answered,
        missing=missing,
        min_total=low,
        max_total=high,
        total=low if low == high else None,
        prorated=None if answered is None or missing is None else _prorated(low, answered, missing),
        severity=_certain_band(low, high),
        ge40=at_or_above(low, high, CUT_OFF),
        items_known=answered is not None,
        item_24_carried=item_24_carried,
    )


def csi_total(total: int) -> CsiResult:
    """Return the result of an imported CSI total whose items are not known."""
    _whole_number(total, CSI.lowest_total, CSI.highest_total, "CSI total")
    return csi_from_bounds(None, total, total)


def csi_case(case: Mapping[str, Any]) -> CsiResult:
    """Score one line of a file: `items` with 25 answers (null = not answered), or `csi_total` alone."""
    match case:
        case {"items": items}:
            return csi(items, item_24=case.get("item_24"))
        case {"csi_total": total}:
            return csi_total(total)
    raise ValueError("a CSI line needs 'items' or 'csi_total'")


def csi_at_least(result: CsiResult) -> str:
    """Return what is certain about the severity in words: a band, "at least" a band, or "undetermined"."""
    if result.severity is not None:
        return result.severity
    lowest = csi_band(result.min_total)
    return "undetermined" if lowest == BANDS[0].name else f"at least {lowest}"


def csi_reaches(result: CsiResult, cut_off: str = "default") -> bool | None:
    """Tell whether a result reaches a named cut-off, or None when missing items leave it open."""
    return at_or_above(result.min_total, result.max_total, CSI.cut_off(cut_off).at_least)


class CsiChange(StrEnum):
    """What may be said about the difference of two CSI results."""

    REAL_IMPROVEMENT = "real improvement"
    REAL_WORSENING = "real worsening"
    NONE = "no real change"
    UNDETERMINED = "undetermined"


def csi_change(before: CsiResult, after: CsiResult) -> CsiChange:
    """Call a change real from 10 points; with missing items the bounds must be 10 points apart."""
    least_fall, most_fall = before.min_total - after.max_total, before.max_total - after.min_total
    if least_fall >= REAL_CHANGE_POINTS:
        return CsiChange.REAL_IMPROVEMENT
    if most_fall <= -REAL_CHANGE_POINTS:
        return CsiChange.REAL_WORSENING
    if least_fall > -REAL_CHANGE_POINTS and most_fall < REAL_CHANGE_POINTS:
        return CsiChange.NONE
    return CsiChange.UNDETERMINED


def pgic_responder(level: int) -> bool:
    """Tell whether a PGIC level, 1 very much improved to 7 very much worse, is a response (1 or 2)."""
    form = instruments.instrument("pgic")
    return _whole_number(level, form.low, form.high, "PGIC level") <= PGIC_RESPONDER_LEVEL


def peg_mean(items: Sequence[int | None]) -> Fraction | None:
    """Return the exact mean of the three PEG items, or None when one is missing."""
    low, high = sum_bounds(instruments.instrument("peg"), items)
    return Fraction(low, len(items)) if low == high else None
