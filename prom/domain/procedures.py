"""Procedures, what is judged after them, and the plan of prompts that follows each.

A plan is a list of time points. A time point asks its questions in order and takes answers inside its own window: whole
calendar days in the patient's time zone, or hours since the procedure. Day 0 is the procedure's date.

Sources:
    [P] Default plans, response windows W, early limits E and horizons H +- h: our own definition, version 1, after the
        follow-up visits of trials. They are data (`data/procedures.toml`); a clinic edits a copy.
    [P] Answer windows: +-1 day up to day 7, +-3 to 20, +-5 to 29, +-7 to 41, +-10 to 89, +-14 to 179, +-21 to 269,
        +-28 to 364, +-30 from 365 on; hours -0.5/+1, the 24 hour prompt +-4; never before day 1.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from itertools import combinations
from types import MappingProxyType
from typing import Any

from prom.domain import instruments

BASELINE_DAYS = (-7, -1)
IMPRESSION_QUESTIONS = ("pgic", "relief_percent")
# The last day of each stretch, and how far an answer may lie from its nominal day.
_MARGIN_BY_DAY = ((7, 1), (20, 3), (29, 5), (41, 7), (89, 10), (179, 14), (269, 21), (364, 28))
_LONGEST_MARGIN = 30
_HOUR_MARGINS = (0.5, 1.0)
_DAY_AFTER_HOURS = 24
_KEY = re.compile(r"([dh])([+-]?\d+(?:\.\d+)?)", re.ASCII)
_DAY_AFTER_MARGIN_HOURS = 4.0


class Unit(StrEnum):
    """What a time point counts in."""

    DAYS = "days"
    HOURS = "hours"


@dataclass(frozen=True, slots=True)
class ReliefWindows:
    """The days that judge a procedure: W = [response_opens, response_closes], E, and the horizon H +- margin."""

    response_opens: int
    response_closes: int
    early: int
    horizon: int
    horizon_margin: int

    def __post_init__(self) -> None:
        if not 1 <= self.response_opens <= self.response_closes:
            raise ValueError(f"the response window {self.response_opens}-{self.response_closes} is not after day 0")
        if self.early < 1 or self.horizon < 1 or self.horizon_margin < 0:
            raise ValueError("the early limit and the horizon must be days after the procedure")


@dataclass(frozen=True, slots=True)
class TimePoint:
    """One visit of a plan: when it falls, what it asks, and when its answers count as its own.

    `offset` and `window` are whole days (both ends included) or hours since the procedure, negative before it. `safety`
    marks a prompt that watches for soreness and is not read as an outcome.
    """

    key: str
    unit: Unit
    offset: int
    questions: tuple[str, ...]
    window: tuple[float, float]
    safety: bool = False

    def __post_init__(self) -> None:
        opens, closes = self.window
        if not self.questions:
            raise ValueError(f"the time point {self.key} asks nothing")
        if not opens <= self.offset <= closes:
            raise ValueError(f"the time point {self.key} lies outside its own answer window")
        _check_side(self)
        _check_recall(self)

    @property
    def series(self) -> frozenset[str]:
        """Return the series that this time point adds an answer to."""
        return frozenset(instruments.question(key).series for key in self.questions)


def _check_side(point: TimePoint) -> None:
    opens, closes = point.window
    if point.offset == 0:
        raise ValueError("a prompt is before or after the procedure, not on day or hour 0")
    if point.unit is Unit.DAYS and not (float(opens).is_integer() and float(closes).is_integer()):
        raise ValueError(f"the answer window of {point.key} must be whole days")
    if point.unit is Unit.DAYS and point.offset > 0 and opens < 1:
        raise ValueError(f"the answer window of {point.key} opens before day 1")
    if point.offset < 0 < closes:
        raise ValueError(f"the answer window of {point.key} runs past the procedure")


def _check_recall(point: TimePoint) -> None:
    # Relief is never computed across two series: hours ask pain now, days ask the average of the last 24 hours.
    wrong = "average_24h" if point.unit is Unit.HOURS else "current"
    if wrong in point.series:
        raise ValueError(f"the time point {point.key} counts in {point.unit} and cannot ask the series {wrong}")


def hours_after(key: str) -> tuple[float, str]:
    """Return what sorts time points by their keys: hours for h6, days for d-7; confirmations and others come last."""
    found = _KEY.fullmatch(key)
    if found is None:
        return (float("inf"), key)
    return (float(found[2]) * (24 if found[1] == "d" else 1), key)


@dataclass(frozen=True, slots=True)
class Plan:
    """The time points of one procedure, in the order of time within each unit."""

    key: str
    version: str
    time_points: tuple[TimePoint, ...]

    def __post_init__(self) -> None:
        keys = [point.key for point in self.time_points]
        if len(set(keys)) != len(keys):
            raise ValueError(f"plan {self.key}: two time points share a key")
        for one, other in combinations(self.time_points, 2):
            if (one.unit, one.offset) == (other.unit, other.offset) and one.series & other.series:
                shared = min(one.series & other.series)
                raise ValueError(f"plan {self.key}: two prompts of the series {shared} fall on one time ({one.key})")

    def time_point(self, key: str) -> TimePoint:
        """Return a time point by its key."""
        for point in self.time_points:
            if point.key == key:
                return point
        raise ValueError(f"plan {self.key} has no time point {key!r}")

    def days_asking(self, series: str) -> tuple[int, ...]:
        """Return the nominal days after the procedure on which a series is asked."""
        return tuple(
            point.offset
            for point in self.time_points
            if point.unit is Unit.DAYS and point.offset > 0 and series in point.series
        )


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure and the windows its relief is judged by; None means charted only, not classified."""

    key: str
    label: str
    version: str
    relief: ReliefWindows | None


def day_window(day: int) -> tuple[int, int]:
    """Return the first and the last day of the answer window of a prompt on a day, both included."""
    margin = next((margin for last, margin in _MARGIN_BY_DAY if abs(day) <= last), _LONGEST_MARGIN)
    if day > 0:
        return max(1, day - margin), day + margin
    return day - margin, min(0, day + margin)


def hour_window(hour: int) -> tuple[float, float]:
    """Return the answer window of an hourly prompt, in hours since the procedure."""
    if hour == _DAY_AFTER_HOURS:
        return hour - _DAY_AFTER_MARGIN_HOURS, hour + _DAY_AFTER_MARGIN_HOURS
    early, late = _HOUR_MARGINS
    closes = hour + late
    return hour - early, closes if hour > 0 else min(0.0, closes)


def _assigned(plan: Plan, unit: Unit, series: str, at: float) -> TimePoint | None:
    inside = [
        point
        for point in plan.time_points
        if point.unit is unit and series in point.series and point.window[0] <= at <= point.window[1]
    ]
    return min(inside, key=lambda point: (abs(point.offset - at), point.offset), default=None)


def assign_day(plan: Plan, series: str, day: int) -> TimePoint | None:
    """Return the day prompt an answer belongs to: the nearest whose window holds the day, on a tie the earlier."""
    return _assigned(plan, Unit.DAYS, series, day)


def assign_hour(plan: Plan, series: str, hours: float) -> TimePoint | None:
    """Return the hourly prompt that an answer so many hours after the procedure belongs to."""
    return _assigned(plan, Unit.HOURS, series, hours)


_PLAN_FIELDS = frozenset({
    "before_hours", "pain_hours", "impression_hours", "pain_days", "safety_days", "impression_days", "csi_days",
    "windows", "own_days",
})  # fmt: skip


def _offsets(data: Mapping[str, Any], name: str, where: str) -> tuple[int, ...]:
    value = data.get(name, [])
    if not isinstance(value, Sequence) or any(not isinstance(entry, int) or isinstance(entry, bool) for entry in value):
        raise ValueError(f"{where}: {name!r} must be a list of whole numbers")
    return tuple(value)


def _windows(data: Mapping[str, Any], where: str) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for key, ends in dict(data.get("windows", {})).items():
        match ends:
            case [int() as opens, int() as closes]:
                found[key] = (opens, closes)
            case _:
                raise ValueError(f"{where}: the window of {key} must be its first and its last day")
    return found


def _check_subset(data: Mapping[str, Any], name: str, of: str, where: str) -> None:
    stray = sorted(set(_offsets(data, name, where)) - set(_offsets(data, of, where)))
    if stray:
        raise ValueError(f"{where}: {name} holds {stray[0]}, which is not one of {of}")


def _own_days(data: Mapping[str, Any], where: str) -> dict[str, tuple[int, ...]]:
    """Return the days on which each instrument that the clinic added is asked, beside pain."""
    # Anything else than a table has no keys to find, and is told as one that names nothing we know.
    table = dict(data.get("own_days", {}))
    for key in table:
        if key not in instruments.added().instruments:
            raise ValueError(f"{where}: own_days names {key!r}, which no file in instruments/ describes")
        _check_subset({**table, "pain_days": data.get("pain_days", [])}, key, "pain_days", where)
    return {key: _offsets(table, key, where) for key in table}


def _questions(
    first: str, offset: int, impressions: Sequence[int], csi: Sequence[int], own: Mapping[str, Sequence[int]]
) -> tuple[str, ...]:
    return (
        first,
        *(key for form, days in own.items() if offset in days for key in instruments.questions_of(form)),
        *(IMPRESSION_QUESTIONS if offset in impressions else ()),
        *(instruments.CSI_BY_SHEET if offset in csi else ()),
    )


def _hour_points(data: Mapping[str, Any], where: str) -> list[TimePoint]:
    before = _offsets(data, "before_hours", where)
    impressions = _offsets(data, "impression_hours", where)
    return [
        TimePoint(
            key="before" if hour < 0 else f"h{hour}",
            unit=Unit.HOURS,
            offset=hour,
            questions=_questions("nrs_current", hour, impressions, (), {}),
            window=hour_window(hour),
        )
        for hour in (*before, *_offsets(data, "pain_hours", where))
    ]


def _day_points(data: Mapping[str, Any], where: str) -> list[TimePoint]:
    impressions, csi = _offsets(data, "impression_days", where), _offsets(data, "csi_days", where)
    safety = _offsets(data, "safety_days", where)
    windows, own = _windows(data, where), _own_days(data, where)
    days = (*BASELINE_DAYS, *_offsets(data, "pain_days", where))
    points = [
        TimePoint(
            key=f"d{day}",
            unit=Unit.DAYS,
            offset=day,
            questions=_questions("nrs", day, impressions, csi, own),
            window=windows.pop(f"d{day}", day_window(day)),
            safety=day in safety,
        )
        for day in days
    ]
    if windows:
        raise ValueError(f"{where}: a window is given for {min(windows)}, which is not a day prompt")
    return points


def plan_from(key: str, version: str, data: Mapping[str, Any]) -> Plan:
    """Return the plan that a clinic's table describes, or raise ValueError saying what is wrong.

    The columns are those of `data/procedures.toml`. Every plan also asks pain 7 days and 1 day before.
    """
    where = f"plan {key}"
    unknown = sorted(set(data) - _PLAN_FIELDS)
    if unknown:
        raise ValueError(f"{where}: unknown field {unknown[0]!r}")
    for name in ("impression_days", "csi_days", "safety_days"):
        _check_subset(data, name, "pain_days", where)
    _check_subset(data, "impression_hours", "pain_hours", where)
    points = [*_day_points(data, where), *_hour_points(data, where)]
    return Plan(key, version, tuple(sorted(points, key=_hours_from_procedure)))


def _hours_from_procedure(point: TimePoint) -> int:
    return point.offset * (24 if point.unit is Unit.DAYS else 1)


def relief_windows_from(data: Mapping[str, Any]) -> ReliefWindows:
    """Return the windows a table describes: response = [first, last], early, horizon, horizon_margin."""
    match data:
        case {
            "response": [int() as opens, int() as closes],
            "early": int() as early,
            "horizon": int() as horizon,
            "horizon_margin": int() as margin,
        }:
            return ReliefWindows(opens, closes, early, horizon, margin)
    raise ValueError("the relief windows need response = [first, last], early, horizon and horizon_margin in days")


def _shipped() -> dict[str, tuple[Procedure, Mapping[str, Any]]]:
    text = resources.files("prom.domain").joinpath("data/procedures.toml").read_text(encoding="utf-8")
    shipped: dict[str, tuple[Procedure, Mapping[str, Any]]] = {}
    for table in tomllib.loads(text)["procedure"]:
        windows = relief_windows_from(table["relief"]) if "relief" in table else None
        procedure = Procedure(table["key"], table["label"], table["version"], windows)
        shipped[procedure.key] = (procedure, MappingProxyType(table["plan"]))
    return shipped


_SHIPPED = _shipped()
PROCEDURES: Mapping[str, Procedure] = MappingProxyType({key: entry[0] for key, entry in _SHIPPED.items()})


def procedure(key: str) -> Procedure:
    """Return a procedure by its key."""
    try:
        return PROCEDURES[key]
    except (KeyError, TypeError):
        raise ValueError(f"there is no procedure {key!r}; known are {', '.join(PROCEDURES)}") from None


def default_plan_data(procedure_key: str) -> dict[str, Any]:
    """Return the shipped plan of a procedure as the table a clinic may edit."""
    return {"version": procedure(procedure_key).version, **_SHIPPED[procedure_key][1]}


def default_plan(procedure_key: str) -> Plan:
    """Return the shipped plan of a procedure."""
    return plan_from(procedure_key, procedure(procedure_key).version, _SHIPPED[procedure_key][1])
