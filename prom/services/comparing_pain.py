"""Pain and replies of a cohort at the time points of its plans: readings, and what is counted of them.

Sources:
    [P] Time points and answer windows: the shipped plans, version 1 (prom/domain/procedures.py). Prompts for soreness
        are no outcome and are left out, except that a reply to them is a reply.
    [P] Relief from a judged baseline only (4 points or more); 3 months is the time point of day 90.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prom.domain import procedures, relief
from prom.domain.procedures import Unit
from prom.services.comparing_columns import FIVE, PROCEDURES, Arrays, Columns, Flags, Floats, Ints

LAST_DAY = 800
SERIES = "average_24h"
THREE_MONTHS = 90
LEVELS = ("from_70", "from_50", "from_30", "under_30", "worse", "no_reply", "not_due")
CSI_TOTALS = 101
CELLS = 3 * (len(FIVE) + 1)
_EDGES = ((0.7, 0), (0.5, 1), (0.3, 2), (0.0, 3))
# A hair's breadth, so that 0.3 of a baseline of 10 is not missed by rounding.
_HAIR = 1e-6


@dataclass(frozen=True, slots=True)
class Grid:
    """The pain prompts of each procedure: `nominal` maps (procedure, day) to the day of its prompt, 0 for none.

    `points` lists (nominal day, last day of its window, whether it watches soreness only) by procedure; `days` are all
    nominal days of all procedures, and `column` the place of each among them, -1 for another day.
    """

    nominal: Ints
    points: tuple[tuple[tuple[int, int, bool], ...], ...]
    days: tuple[int, ...]
    column: Ints

    def places(self, procedure: int, *, outcomes: bool) -> list[tuple[int, int]]:
        """Return (column, last day of the window) of the prompts of a procedure, or of those that are outcomes."""
        return [
            (int(self.column[day]), last) for day, last, safety in self.points[procedure] if not (outcomes and safety)
        ]


def _grid() -> Grid:
    nominal = np.zeros((len(PROCEDURES), LAST_DAY + 1), dtype=np.int64)
    every = []
    for place, key in enumerate(PROCEDURES):
        plan = procedures.default_plan(key)
        asked = [p for p in plan.time_points if p.unit is Unit.DAYS and p.offset > 0 and SERIES in p.series]
        every.append(tuple((point.offset, int(point.window[1]), point.safety) for point in asked))
        for day in range(1, LAST_DAY + 1):
            point = procedures.assign_day(plan, SERIES, day)
            nominal[place, day] = 0 if point is None or point.offset < 0 else point.offset
    days = sorted({day for points in every for day, _, _ in points})
    column = np.full(LAST_DAY + 1, -1, dtype=np.int64)
    column[days] = np.arange(len(days))
    return Grid(nominal, tuple(every), tuple(days), column)


GRID = _grid()


@dataclass(frozen=True, slots=True)
class Readings:
    """All scores after the procedures, one a patient and day: whose (a place in the columns), the day, the score.

    `nominal` is the day of the prompt a score belongs to, 0 outside every window; `stop` is by patient.
    """

    who: Ints
    day: Ints
    nrs: Floats
    nominal: Ints
    stop: Ints

    def only(self, chosen: Flags) -> "Readings":
        """Return the readings of the chosen patients, who are numbered anew."""
        place = np.cumsum(chosen, dtype=np.int32) - np.int32(1)
        kept = chosen[self.who]
        return Readings(place[self.who[kept]], self.day[kept], self.nrs[kept], self.nominal[kept], self.stop[chosen])

    def reordered(self, order: Ints, back: Ints) -> "Readings":
        """Return the readings of the patients in another order: `order` lists the old places, `back` the new ones."""
        who = back[self.who].astype(np.int32)
        kept = np.argsort(who, kind="stable")
        return Readings(who[kept], self.day[kept], self.nrs[kept], self.nominal[kept], self.stop[order])

    def at_prompts(self) -> "Readings":
        """Return the first reading of each patient at each prompt."""
        inside = np.flatnonzero(self.nominal)
        places = self.who[inside].astype(np.int64) * (LAST_DAY + 1) + self.nominal[inside]
        # Readings stand by patient and day, so equal places are neighbours: no sorting of a million.
        first = np.flatnonzero(np.diff(places, prepend=-1))
        kept = inside[first]
        return Readings(self.who[kept], self.day[kept], self.nrs[kept], self.nominal[kept], self.stop)

    def last_days(self) -> Ints:
        """Return the last day on which each patient answered, 0 without an answer."""
        last = np.zeros(self.stop.size, dtype=np.int64)
        last[self.who] = self.day
        return last


def readings(courses: Sequence[str], procedure: Ints, stop: Ints) -> Readings:
    """Return the readings of the stored courses, "day:score" pairs, of patients in the order of the columns."""
    counts = np.fromiter((course.count(":") for course in courses), dtype=np.int64, count=len(courses))
    # Of blanks alone numpy makes one number: a clinic without a score yet has none.
    words = " ".join(courses).replace(":", " ").strip()
    numbers = np.fromstring(words, dtype=np.int64, sep=" ") if words else np.zeros(0, dtype=np.int64)
    pairs = numbers.reshape(-1, 2)
    who = np.repeat(np.arange(len(courses), dtype=np.int32), counts)
    day = pairs[:, 0]
    nominal = np.where(day <= LAST_DAY, GRID.nominal[procedure[who], np.minimum(day, LAST_DAY)], 0)
    return Readings(who, day.astype(np.int16), pairs[:, 1].astype(np.float32), nominal.astype(np.int16), stop)


def joined(parts: Sequence[Readings]) -> Readings:
    """Return the readings of some batches of patients, one after another."""
    before = np.cumsum([0, *(part.stop.size for part in parts[:-1])])
    return Readings(
        np.concatenate([part.who + np.int32(first) for part, first in zip(parts, before, strict=True)]),
        np.concatenate([part.day for part in parts]),
        np.concatenate([part.nrs for part in parts]),
        np.concatenate([part.nominal for part in parts]),
        np.concatenate([part.stop for part in parts]),
    )


def judged(of: Columns) -> Flags:
    """Return whose baseline is high enough for relief to be judged."""
    return np.asarray(of.baseline >= relief.LOWEST_JUDGED_BASELINE, dtype=np.bool_)


def _soreness() -> Flags:
    sore = np.zeros((len(PROCEDURES), len(GRID.days)), dtype=np.bool_)
    for place, points in enumerate(GRID.points):
        for nominal, _, safety in points:
            sore[place, GRID.column[nominal]] = safety
    return sore


_SORE = _soreness()


def tallied(of: Columns, at: Readings, cell: Ints, unsent: tuple[Ints, Ints]) -> Arrays:
    """Count scores, questions due, answered and not sent, and levels of relief, by cell and prompt.

    `at` holds the first reading of each patient at each prompt.
    """
    size = len(GRID.days)
    column = GRID.column[at.nominal]
    place = cell[at.who] * size + column
    outcome = ~_SORE[of.procedure[at.who], column]
    scores, kept = at.nrs[outcome].astype(np.float64), place[outcome]
    sums = [np.bincount(kept, weight, CELLS * size) for weight in (np.ones(kept.size), scores, scores**2)]
    answered = np.zeros((of.size, size), dtype=np.bool_)
    answered[at.who, column] = True
    due = _due(of, at.stop, outcomes=False)
    ours = np.zeros_like(due)
    known = GRID.column[np.minimum(unsent[1], LAST_DAY)] >= 0
    ours[unsent[0][known], GRID.column[unsent[1][known]]] = True
    return {
        "pain": np.stack(sums, axis=1).reshape(CELLS, size, 3),
        "due": _by_cell(due, cell),
        "came": _by_cell(due & answered, cell),
        "unsent": _by_cell(due & ours & ~answered, cell),
        "levels": _levels_by_cell(levels(of, at), cell, judged(of)),
    }


def _due(of: Columns, stop: Ints, *, outcomes: bool) -> Flags:
    """Return which prompts of each patient are over."""
    due = np.zeros((of.size, len(GRID.days)), dtype=np.bool_)
    for place in np.unique(of.procedure).tolist():
        inside = np.flatnonzero(of.procedure == place)
        for column, last in GRID.places(place, outcomes=outcomes):
            due[inside, column] = stop[inside] > last
    return due


def _by_cell(flags: Flags, cell: Ints) -> Ints:
    """Count the patients of each cell for whom each column is true."""
    who, column = np.nonzero(flags)
    counts = np.bincount(cell[who] * flags.shape[1] + column, minlength=CELLS * flags.shape[1])
    return counts.reshape(CELLS, flags.shape[1]).astype(np.int32)


def levels(of: Columns, at: Readings) -> Ints:
    """Return a level of relief for each patient and prompt: no reply once its window is over, else not due."""
    found = np.where(_due(of, at.stop, outcomes=True), LEVELS.index("no_reply"), LEVELS.index("not_due"))
    found = found.astype(np.int8)
    share = shares(of, at)
    level = np.full(share.size, LEVELS.index("worse"), dtype=np.int8)
    for edge, number in reversed(_EDGES):
        level[share >= edge - _HAIR] = number
    columns = GRID.column[at.nominal]
    kept = ~_SORE[of.procedure[at.who], columns]
    found[at.who[kept], columns[kept]] = level[kept]
    return found


def shares(of: Columns, at: Readings) -> Floats:
    """Return the relief of each reading as a share of the baseline."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1.0 - at.nrs.astype(np.float64) / of.baseline[at.who])


def _levels_by_cell(level: Ints, cell: Ints, chosen: Flags) -> Ints:
    size, kinds = level.shape[1], len(LEVELS)
    place = (cell[chosen][:, None].astype(np.int64) * size + np.arange(size)) * kinds + level[chosen]
    return np.bincount(place.ravel(), minlength=CELLS * size * kinds).reshape(CELLS, size, kinds).astype(np.int32)


@dataclass(frozen=True, slots=True)
class AtThreeMonths:
    """Who has a complete CSI, a judged baseline and an answer at 3 months: place, CSI and relief as a share."""

    who: Ints
    csi: Floats
    relief: Floats
    able: int


def at_three_months(of: Columns, at: Readings) -> AtThreeMonths:
    """Return relief at 3 months against CSI."""
    csi = of.csi
    able = judged(of) & ~np.isnan(csi)
    chosen = np.flatnonzero((at.nominal == THREE_MONTHS) & able[at.who])
    who = at.who[chosen]
    share = 1.0 - at.nrs[chosen].astype(np.float64) / of.baseline[who]
    return AtThreeMonths(who, csi[who].astype(np.float64), share, int(able.sum()))


def scattered(of: Columns, at: Readings) -> Arrays:
    """Return, for each CSI total, number, sum and sum of squares of relief at 3 months, and how many reach 30 and 50 %.

    The line and its interval follow from these sums alone.
    """
    found = at_three_months(of, at)
    total, share = found.csi.astype(np.int64), found.relief
    parts = (np.ones(share.size), share, share**2, share >= 0.3 - _HAIR, share >= 0.5 - _HAIR)
    sums = [np.bincount(total, part.astype(np.float64), CSI_TOTALS) for part in parts]
    return {"scatter": np.stack(sums, axis=1), "able": np.array([found.able], dtype=np.int32)}
