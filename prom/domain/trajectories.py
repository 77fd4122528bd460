"""The answers after a procedure as the classification looks at them: one a day, up to the day follow-up stops.

Sources:
    [P] CLINICAL rules, section 5, definition version 1: days are calendar days since the procedure and are floored; the
        first valid answer of a day counts, from day 1 on; follow-up stops at the first event that has happened, or
        today; several events on one day are ordered as `EventKind` lists them.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from prom.domain import scoring
from prom.domain.baselines import Baseline
from prom.domain.procedures import ReliefWindows

Day = int | float | Fraction


class EventKind(StrEnum):
    """What ends the follow-up of an episode; of several on one day the first in this order counts."""

    DEATH = "death"
    EXPLANT_LOSS = "explant_loss"
    EXPLANT_OTHER = "explant_other"
    SURGERY = "surgery"
    REPEAT = "repeat"
    OPTOUT = "optout"


_ORDER_ON_ONE_DAY = {kind: place for place, kind in enumerate(EventKind)}


@dataclass(frozen=True, slots=True)
class Reading:
    """The first valid answer of one calendar day: whole days since the procedure, and pain 0 to 10."""

    day: int
    nrs: int


@dataclass(frozen=True, slots=True)
class Trajectory:
    """All that the seven steps look at: a judged baseline, its windows, and the answers up to the stop S."""

    baseline: Baseline
    windows: ReliefWindows
    readings: tuple[Reading, ...]
    stop_day: int
    stopped_by: EventKind | None
    end_day: int
    threshold: int

    @property
    def in_response_window(self) -> tuple[Reading, ...]:
        """Return the readings inside W."""
        opens, closes = self.windows.response_opens, self.windows.response_closes
        return tuple(reading for reading in self.readings if opens <= reading.day <= closes)

    def relieved(self, reading: Reading) -> bool:
        """Tell whether a reading reaches the threshold X."""
        return self.baseline.reaches(reading.nrs, self.threshold)


def whole_day(day: Day) -> int:
    """Return the calendar day that a moment, in days since the procedure, falls on."""
    try:
        return math.floor(day)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{day!r} is not a day") from None


def _event_kind(kind: str) -> EventKind:
    try:
        return EventKind(kind)
    except ValueError:
        raise ValueError(f"there is no event {kind!r}; known are {', '.join(EventKind)}") from None


def first_of_each_day(answers: Iterable[tuple[Day, object]]) -> tuple[Reading, ...]:
    """Return the first valid answer of each calendar day from day 1 on, in order of time."""
    first: dict[int, Reading] = {}
    valid = [(moment, whole_day(moment), nrs) for moment, nrs in answers if scoring.is_nrs(nrs)]
    for _, day, nrs in sorted(valid, key=lambda answer: answer[0]):
        if day >= 1 and day not in first:
            first[day] = Reading(day, nrs)
    return tuple(first.values())


def stop(events: Iterable[tuple[Day, str]], end_day: int) -> tuple[int, EventKind | None]:
    """Return S and the event that set it: the first event from day 0 to today, else today."""
    happened = [(whole_day(day), _event_kind(kind)) for day, kind in events]
    counted = [(day, kind) for day, kind in happened if 0 <= day <= end_day]
    if not counted:
        return end_day, None
    return min(counted, key=lambda event: (event[0], _ORDER_ON_ONE_DAY[event[1]]))
