"""When prompts fall due, how long their answers count, and when a text may leave: all in the patient's time zone.

Instants go in and come out as aware datetimes, out always in UTC; zones are IANA names. A wall-clock time that a change
of clocks skips moves to the first valid minute, one that happens twice is taken the first time.

Sources:
    [P] Prompts between 09:00 and 11:00, or when the patient chose between 08:00 and 20:00; texts between 08:00 and
        21:00, the hourly diary between 07:00 and 22:30 (SMS rules, table of kinds), words to staff from 07:00, so that
        the morning's counts are there at 07:30. Reminders, call list and confirmations: CLINICAL rules, section 4.
    [P] The baseline is the 14 calendar days before the procedure, up to its start (section 1).
    A moved date warns when the baseline falls out of its 14 days, and asks again (section 4).
    A text is valid for at most 36,000 seconds: the provider's limit.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from prom.domain import procedures
from prom.domain.procedures import Plan, TimePoint, Unit

CURRENT_PAIN = "current"
PROMPTS_START = time(9)
SPREAD_SECONDS = 2 * 60 * 60
CHOSEN_BETWEEN = (time(8), time(20))
BASELINE_DAYS = 14
LONGEST_VALIDITY_SECONDS = 36_000
FIRST_REMINDER = timedelta(hours=24)
SECOND_REMINDER = timedelta(hours=72)
LEFT_FOR_FIRST = timedelta(hours=12)
LEFT_FOR_SECOND = timedelta(hours=24)
CALL_AFTER = timedelta(hours=24)
SHORTEST_WINDOW_WITH_CALL = timedelta(days=2)
CONFIRM_AFTER_DAYS = (3, 7)
PLANNED_SERVES_WITHIN_DAYS = 7
PLANNED_SERVES_FROM_DAYS = 2


class TextKind(StrEnum):
    """What a text is for; it decides the hours in which it may leave."""

    PROMPT = "prompt"
    REMINDER = "reminder"
    CONFIRMATION = "confirmation"
    DIARY = "diary"
    REPLY = "reply"
    EMERGENCY = "emergency"
    TEST = "test"
    STAFF = "staff"


_DAYTIME = (time(8), time(21))
_OPEN_HOURS: Mapping[str, tuple[time, time] | None] = MappingProxyType({
    TextKind.PROMPT: _DAYTIME,
    TextKind.REMINDER: _DAYTIME,
    TextKind.CONFIRMATION: _DAYTIME,
    TextKind.DIARY: (time(7), time(22, 30)),
    TextKind.REPLY: None,
    TextKind.EMERGENCY: None,
    TextKind.TEST: None,
    TextKind.STAFF: (time(7), time(21)),
})  # fmt: skip


@cache
def _place(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError, TypeError):
        raise ValueError(f"there is no time zone {zone!r}") from None


def _aware(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError(f"{instant} has no time zone")
    return instant


def local(instant: datetime, zone: str) -> datetime:
    """Return an instant as the clock on the patient's wall shows it."""
    return _aware(instant).astimezone(_place(zone))


def instant_of(wall: datetime, zone: str) -> datetime:
    """Return the instant, in UTC, at which the wall clock of a zone shows a naive date and time."""
    place = _place(zone)
    first = wall.replace(tzinfo=place, fold=0).astimezone(UTC)
    if first.astimezone(place).replace(tzinfo=None) == wall:
        return first
    # The wall time was skipped. The change of clocks lies between the two ways of reading it.
    early, late = wall.replace(tzinfo=place, fold=1).astimezone(UTC), first
    offset_after = late.astimezone(place).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
        if middle.astimezone(place).utcoffset() == offset_after:
            late = middle
        else:
            early = middle
    return late


def _start_of(day: date, zone: str) -> datetime:
    return instant_of(datetime.combine(day, time()), zone)


def spread_seconds(spread_key: str) -> int:
    """Return the seconds after 09:00 at which a key is asked: always the same ones, evenly over two hours."""
    digest = hashlib.sha256(spread_key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % SPREAD_SECONDS


def may_ask_at(minute: int) -> bool:
    """Tell whether patients may choose a minute of the day (after local midnight) to be asked at."""
    first, last = (hour.hour * 60 + hour.minute for hour in CHOSEN_BETWEEN)
    return first <= minute <= last


def due_at(
    procedure_at: datetime, time_point: TimePoint, zone: str, spread_key: str, ask_minute: int | None = None
) -> datetime:
    """Return when a prompt is due: its day between 09:00 and 11:00 local time, or its hours after the procedure.

    `ask_minute` is the time of day that the patient chose, in minutes after midnight; hours after a procedure do not
    follow it. On the day before the procedure it never puts a question behind its start.
    """
    start = _aware(procedure_at).astimezone(UTC)
    if time_point.unit is Unit.HOURS:
        return start + timedelta(hours=time_point.offset)
    day = local(procedure_at, zone).date() + timedelta(days=time_point.offset)
    usual = instant_of(datetime.combine(day, PROMPTS_START) + timedelta(seconds=spread_seconds(spread_key)), zone)
    if ask_minute is None:
        return usual
    chosen = instant_of(datetime.combine(day, time()) + timedelta(minutes=ask_minute), zone)
    return min(usual, chosen) if time_point.offset < 0 and chosen >= start else chosen


def window(procedure_at: datetime, time_point: TimePoint, zone: str) -> tuple[datetime, datetime]:
    """Return when answers to a prompt start to count and when they stop to (exclusive).

    A window in days is made of whole local calendar days; before the procedure it ends with the procedure's start.
    """
    first, last = time_point.window
    start = _aware(procedure_at).astimezone(UTC)
    if time_point.unit is Unit.HOURS:
        return start + timedelta(hours=first), start + timedelta(hours=last)
    day_0 = local(procedure_at, zone).date()
    opens = _start_of(day_0 + timedelta(days=int(first)), zone)
    closes = _start_of(day_0 + timedelta(days=int(last) + 1), zone)
    return opens, min(closes, start) if time_point.offset < 0 else closes


def relief_day(procedure_at: datetime, answered_at: datetime, zone: str) -> int:
    """Return the calendar days from the procedure's date to an answer's, negative before it."""
    return (local(answered_at, zone).date() - local(procedure_at, zone).date()).days


def in_baseline(procedure_at: datetime, answered_at: datetime, zone: str) -> bool:
    """Tell whether an answer is part of the baseline: from day -14 up to the start of the procedure."""
    return relief_day(procedure_at, answered_at, zone) >= -BASELINE_DAYS and answered_at <= procedure_at


def quiet(now: datetime, zone: str, kind: str) -> bool:
    """Tell whether a text of a kind must wait: its hours are half open, 08:00 may send and 21:00 may not."""
    hours = _OPEN_HOURS[TextKind(kind)]
    if hours is None:
        return False
    opens, closes = hours
    return not opens <= local(now, zone).time() < closes


def next_opening(now: datetime, zone: str, kind: str) -> datetime:
    """Return the first instant from now on at which a text of a kind may leave."""
    hours = _OPEN_HOURS[TextKind(kind)]
    if hours is None or not quiet(now, zone, kind):
        return _aware(now).astimezone(UTC)
    today = local(now, zone).date()
    # A zone may skip a whole day, so more than one morning is looked at.
    mornings = (instant_of(datetime.combine(today + timedelta(days=ahead), hours[0]), zone) for ahead in range(4))
    return next(morning for morning in mornings if morning > now and not quiet(morning, zone, kind))


def validity_period(now: datetime, expires_at: datetime) -> int:
    """Return for how many whole seconds the provider may keep trying: at most 36,000, 0 when it is too late."""
    return max(0, min(LONGEST_VALIDITY_SECONDS, (expires_at - now) // timedelta(seconds=1)))


@dataclass(frozen=True, slots=True)
class Reminders:
    """When an unanswered prompt is asked again and when it enters the call list; None means not at all."""

    first_at: datetime | None
    second_at: datetime | None
    call_at: datetime | None


def reminders(asked_at: datetime, opens_at: datetime, closes_at: datetime, zone: str) -> Reminders:
    """Return the reminders of a prompt: +24 h if 12 h of its window remain then, +72 h if 24 h do.

    The call item comes 24 h after the last reminder (after the prompt itself when no reminder fits), and never for a
    window under 2 calendar days.
    """
    asked = _aware(asked_at).astimezone(UTC)
    first = asked + FIRST_REMINDER if closes_at - asked >= FIRST_REMINDER + LEFT_FOR_FIRST else None
    second = asked + SECOND_REMINDER if closes_at - asked >= SECOND_REMINDER + LEFT_FOR_SECOND else None
    # Measured on the wall clock: two calendar days are two days even when the clocks change inside them.
    length = local(closes_at, zone).replace(tzinfo=None) - local(opens_at, zone).replace(tzinfo=None)
    call = (second or first or asked) + CALL_AFTER if length >= SHORTEST_WINDOW_WITH_CALL else None
    return Reminders(first, second, call)


@dataclass(frozen=True, slots=True)
class ServedByPlan:
    """A planned prompt soon enough after a bad score confirms or clears it: nothing is added."""

    day: int


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Prompts to add after a bad score; the second is asked only when the first was not answered."""

    first: TimePoint
    second: TimePoint


def confirmation(bad_day: int, planned_days: Collection[int]) -> ServedByPlan | AskAgain:
    """Return how the first bad score of a run is confirmed: by a planned prompt within 7 days, else at +3 d and +7 d.

    A planned prompt on the very next day does not serve: an answer confirms only from 2 days after the bad one.
    """
    earliest, latest = bad_day + PLANNED_SERVES_FROM_DAYS, bad_day + PLANNED_SERVES_WITHIN_DAYS
    serving = [day for day in planned_days if earliest <= day <= latest]
    if serving:
        return ServedByPlan(min(serving))
    first, second = (bad_day + after for after in CONFIRM_AFTER_DAYS)
    return AskAgain(_confirming(first, second - 1), _confirming(second, second + second - first))


def _confirming(day: int, last: int) -> TimePoint:
    return TimePoint(f"c{day}", Unit.DAYS, day, ("nrs",), (day, last))


def assigned(plan: Plan, series: str, procedure_at: datetime, answered_at: datetime, zone: str) -> TimePoint | None:
    """Return the time point of a plan that an answer of a series belongs to, or None outside every window."""
    if series == CURRENT_PAIN:
        return procedures.assign_hour(plan, series, (answered_at - procedure_at) / timedelta(hours=1))
    found = procedures.assign_day(plan, series, relief_day(procedure_at, answered_at, zone))
    if found is None:
        return None
    opens, closes = window(procedure_at, found, zone)
    return found if opens <= answered_at < closes else None


# A new date or zone: only prompts that were not sent yet are planned again. A text that went out keeps its row, and
# its answers keep their true time.


@dataclass(frozen=True, slots=True)
class Planned:
    """A prompt as it stands now: its time point, when it is or was due, and whether it has left or is leaving."""

    key: str
    due_at: datetime
    sent: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """A prompt under the new plan: when it is due and when its answers count."""

    key: str
    due_at: datetime
    opens_at: datetime
    closes_at: datetime
    was_due_at: datetime | None = None


class DropReason(StrEnum):
    """Why a prompt is dropped."""

    NOT_IN_PLAN = "not in the plan"
    WINDOW_OVER = "its answer window is over"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A prompt that will not be sent, and why."""

    key: str
    due_at: datetime
    reason: DropReason


@dataclass(frozen=True, slots=True)
class Preview:
    """The effect of a new date; `added` are time points without a row, `asked_again` baseline prompts sent before.

    `baseline_lost` warns that the baseline answers on record are older than 14 days at the new date, or after it.
    """

    kept: tuple[Placed, ...]
    moved: tuple[Placed, ...]
    dropped: tuple[Dropped, ...]
    already_sent: tuple[Planned, ...]
    added: tuple[Placed, ...]
    asked_again: tuple[Placed, ...]
    baseline_lost: bool


@dataclass(frozen=True, slots=True)
class NewDate:
    """The plan, date and zone to come, seen from now."""

    plan: Plan
    procedure_at: datetime
    zone: str
    spread_key: str
    now: datetime
    ask_minute: int | None = None

    def place(self, point: TimePoint, was_due_at: datetime | None = None) -> Placed:
        """Return a time point under the new date."""
        due = due_at(self.procedure_at, point, self.zone, self.spread_key, self.ask_minute)
        opens, closes = window(self.procedure_at, point, self.zone)
        return Placed(point.key, due, opens, closes, was_due_at)


def replan(rows: Iterable[Planned], new: NewDate, baseline_answered_at: Collection[datetime] = ()) -> Preview:
    """Return what a new date does to the rows of an episode; times of the baseline answers tell what remains of it."""
    rows = tuple(rows)
    points = {point.key: point for point in new.plan.time_points}
    unsent = [row for row in rows if not row.sent]
    placed = [new.place(points[row.key], row.due_at) for row in unsent if row.key in points]
    live = [place for place in placed if place.closes_at > new.now]
    remaining = [in_baseline(new.procedure_at, at, new.zone) for at in baseline_answered_at]
    known = {row.key for row in rows}
    sent = {row.key for row in rows if row.sent}
    return Preview(
        kept=tuple(place for place in live if place.due_at == place.was_due_at),
        moved=tuple(place for place in live if place.due_at != place.was_due_at),
        dropped=tuple(_dropped(unsent, points, placed, new.now)),
        already_sent=tuple(row for row in rows if row.sent),
        added=tuple(_still_ahead(new, (point for key, point in points.items() if key not in known))),
        asked_again=() if any(remaining) else tuple(_still_ahead(new, _baseline_points(points, sent))),
        baseline_lost=bool(remaining) and not any(remaining),
    )


def _baseline_points(points: dict[str, TimePoint], keys: set[str]) -> list[TimePoint]:
    return [point for key, point in points.items() if key in keys and point.unit is Unit.DAYS and point.offset < 0]


def _still_ahead(new: NewDate, points: Iterable[TimePoint]) -> list[Placed]:
    return [place for place in map(new.place, points) if place.due_at > new.now]


def _dropped(
    unsent: Iterable[Planned], points: dict[str, TimePoint], placed: Iterable[Placed], now: datetime
) -> list[Dropped]:
    over = {place.key for place in placed if place.closes_at <= now}
    return [
        Dropped(row.key, row.due_at, DropReason.WINDOW_OVER if row.key in over else DropReason.NOT_IN_PLAN)
        for row in unsent
        if row.key in over or row.key not in points
    ]
