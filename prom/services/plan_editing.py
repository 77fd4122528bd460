"""A clinic's plan of questions as a table of time points: read, checked by the rules of the domain, kept as versions.

A version that is stored is never changed. New procedures start with the newest version of their site; those that run
keep theirs.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Any

from sqlmodel import Session

from prom.domain import instruments, procedures
from prom.domain.procedures import Plan, TimePoint, Unit
from prom.storage import audit, desk, plans
from prom.storage.models import Plan as PlanRow
from prom.storage.models import Site

LAST_DAY, LAST_HOUR = 1825, 48
MOST_POINTS = 60
DAYS, HOURS = "days", "hours"


class EditError(ValueError):
    """A table that makes no plan; each problem is the field it belongs to and a sentence."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(sentence for _field, sentence in problems))
        self.problems = list(problems)


@dataclass(slots=True)
class Line:
    """One time point as it is typed. The window is empty where the general rule gives it."""

    unit: str = DAYS
    at: str = ""
    impression: bool = False
    csi: bool = False
    safety: bool = False
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A plan that holds, and where two windows of one series overlap: such a day belongs to the nearer question."""

    plan: Plan
    data: dict[str, Any]
    overlaps: tuple[tuple[str, str, int, int], ...]


@dataclass(slots=True)
class _Columns:
    """The plan as the columns that the domain reads."""

    data: dict[str, Any] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def add(self, column: str, number: int) -> None:
        self.data.setdefault(column, []).append(number)


def in_use(session: Session, site: Site, procedure: str) -> tuple[Plan, PlanRow | None]:
    """Return the plan that new procedures of a site start with, and its row if it is the site's own."""
    row = desk.own_plan(session, site.id, procedure)
    return (plans.plan(row) if row is not None else procedures.default_plan(procedure)), row


def lines(plan: Plan) -> list[Line]:
    """Return a plan as lines of the table; the two questions before every procedure are not among them."""
    shown = [point for point in plan.time_points if not (point.unit is Unit.DAYS and point.offset < 0)]
    return [_line(point) for point in shown]


def _line(point: TimePoint) -> Line:
    own = point.unit is Unit.DAYS and point.window != procedures.day_window(point.offset)
    return Line(
        unit=point.unit.value,
        at=str(point.offset),
        impression=procedures.IMPRESSION_QUESTIONS[0] in point.questions,
        csi=instruments.CSI_BY_SHEET[0] in point.questions,
        safety=point.safety,
        first=str(int(point.window[0])) if own else "",
        last=str(int(point.window[1])) if own else "",
    )


def check(procedure: str, typed: Sequence[Line], version: str = "draft") -> Checked:
    """Return the plan that a table makes, or raise EditError with everything that is wrong."""
    columns = _Columns()
    filled = [(number, line) for number, line in enumerate(typed) if line.at.strip()]
    if not filled:
        raise EditError([("at_0", "The plan needs at least one question after the procedure.")])
    if len(filled) > MOST_POINTS:
        raise EditError([("at_0", f"A plan has at most {MOST_POINTS} time points.")])
    for number, line in filled:
        _read(columns, number, line)
    _check_doubles(columns, filled)
    if columns.problems:
        raise EditError(columns.problems)
    data = {name: sorted(value) if isinstance(value, list) else value for name, value in columns.data.items()}
    try:
        plan = procedures.plan_from(procedure, version, data)
    except ValueError as error:
        words = str(error).removeprefix(f"plan {procedure}: ")
        raise EditError([("at_0", f"{words[:1].upper()}{words[1:]}.")]) from error
    return Checked(plan, data, tuple(_overlaps(plan)))


def _read(columns: _Columns, number: int, line: Line) -> None:
    at = _whole(line.at)
    most = LAST_DAY if line.unit == DAYS else LAST_HOUR
    if line.unit not in {DAYS, HOURS} or at is None or at == 0 or at > most or at < (1 if line.unit == DAYS else -3):
        words = f"a whole day from 1 to {LAST_DAY}" if line.unit == DAYS else f"a whole hour, -3 to {LAST_HOUR}, not 0"
        columns.problems.append((f"at_{number}", f"Line {number + 1}: enter {words}."))
        return
    if line.unit == HOURS:
        _read_hour(columns, number, line, at)
        return
    columns.add("pain_days", at)
    for name, ticked in (("impression", line.impression), ("csi", line.csi), ("safety", line.safety)):
        if ticked:
            columns.add(f"{name}_days", at)
    _read_window(columns, number, line, at)


def _read_hour(columns: _Columns, number: int, line: Line, at: int) -> None:
    if line.csi or line.safety or line.first.strip() or line.last.strip():
        words = "an hourly question takes neither CSI nor a window of its own, and is never for safety alone"
        columns.problems.append((f"at_{number}", f"Line {number + 1}: {words}."))
    columns.add("pain_hours" if at > 0 else "before_hours", at)
    if line.impression:
        columns.add("impression_hours", at)


def _read_window(columns: _Columns, number: int, line: Line, at: int) -> None:
    if not line.first.strip() and not line.last.strip():
        return
    first, last = _whole(line.first), _whole(line.last)
    if first is None or last is None or not 1 <= first <= at <= last <= LAST_DAY + 60:
        words = f"the window is two whole days around day {at}, the first at least 1"
        columns.problems.append((f"first_{number}", f"Line {number + 1}: {words}."))
        return
    if (first, last) != procedures.day_window(at):
        columns.data.setdefault("windows", {})[f"d{at}"] = [first, last]


def _check_doubles(columns: _Columns, filled: Sequence[tuple[int, Line]]) -> None:
    """Name the line on which a time point stands a second time: two questions of one series never fall on one day."""
    seen: dict[tuple[str, int | None], int] = {}
    for number, line in filled:
        key = (line.unit, _whole(line.at))
        if key in seen and key[1] is not None:
            word = "day" if line.unit == DAYS else "hour"
            told = f"Line {number + 1}: {word} {key[1]} stands on line {seen[key] + 1} already."
            columns.problems.append((f"at_{number}", told))
        seen.setdefault(key, number)


def _whole(typed: str) -> int | None:
    plain = typed.strip()
    digits = plain.removeprefix("-")
    return int(plain) if digits.isascii() and digits.isdigit() and len(digits) < 6 else None


def _overlaps(plan: Plan) -> list[tuple[str, str, int, int]]:
    """Return (earlier, later, first day, last day) of the windows that overlap within a series of daily questions."""
    daily = [point for point in plan.time_points if point.unit is Unit.DAYS]
    found = []
    for one, other in combinations(sorted(daily, key=lambda point: point.offset), 2):
        first, last = max(one.window[0], other.window[0]), min(one.window[1], other.window[1])
        if one.series & other.series and first <= last:
            found.append((one.key, other.key, int(first), int(last)))
    return found


def save(
    session: Session, site: Site, procedure: str, typed: Sequence[Line], actor: audit.Actor, now: datetime
) -> PlanRow:
    """Store a table as the site's new version of a plan, or raise EditError."""
    checked = check(procedure, typed)
    standing, row = in_use(session, site, procedure)
    if standing.time_points == checked.plan.time_points:
        raise EditError([("", "Nothing differs from the version in use.")])
    version = str(plans.highest_version(session, site.id, procedure) + 1)
    stored = plans.add(session, site.id, procedure, {"version": version, **checked.data}, now)
    change = audit.Change("plan", f"{procedure} version {standing.version}", f"{procedure} version {version}")
    audit.record(session, actor, "plan saved", stored, now, change=change, reason="own" if row is not None else "")
    return stored


def data_of(row: PlanRow) -> dict[str, Any]:
    """Return the columns of a stored plan."""
    found: dict[str, Any] = json.loads(row.definition)
    return found
