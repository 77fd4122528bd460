"""Pain and replies of a cohort at the time points of its plans: means, missing answers, relief of every patient.

Sources:
    [P] Time points and answer windows: the shipped plans, version 1 (prom/domain/procedures.py). Prompts for soreness
        are no outcome and are left out, except that a reply to them is a reply.
    [P] Relief from a judged baseline only (4 points or more); 3 months is the time point of day 90.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from prom.domain import procedures, relief
from prom.domain.procedures import Unit
from prom.services.comparing_columns import PROCEDURES, Columns, Flags, Floats, Ints
from prom.services.comparing_figures import Bands
from prom.services.comparing_views import (
    BandMeans,
    BandReplies,
    FitPoint,
    HeatGroup,
    Heatmap,
    HeatRow,
    MeanPoint,
    ReplyPoint,
    Scatter,
    ScatterPoint,
)
from prom.statistics import responders, tails

LAST_DAY = 800
SERIES = "average_24h"
THREE_MONTHS = 90
MOST_POINTS = 2_000
MOST_ROWS = 1_000
LEVELS = ("from_70", "from_50", "from_30", "under_30", "worse", "no_reply", "not_due")
_EDGES = ((0.7, 0), (0.5, 1), (0.3, 2), (0.0, 3))
_FIT_STEPS = 21


@dataclass(frozen=True, slots=True)
class Grid:
    """The pain prompts of each procedure: `nominal` maps (procedure, day) to the day of its prompt, 0 for none.

    `points` lists (nominal day, last day of its window, whether it watches soreness only) by procedure.
    """

    nominal: Ints
    points: tuple[tuple[tuple[int, int, bool], ...], ...]


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
    return Grid(nominal, tuple(every))


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

    def at_prompts(self) -> "Readings":
        """Return the first reading of each patient at each prompt."""
        inside = np.flatnonzero(self.nominal)
        places = self.who[inside].astype(np.int64) * (LAST_DAY + 1) + self.nominal[inside]
        # Readings stand by patient and day, so equal places are neighbours: no sorting of a million.
        first = np.flatnonzero(np.diff(places, prepend=-1))
        kept = inside[first]
        return Readings(self.who[kept], self.day[kept], self.nrs[kept], self.nominal[kept], self.stop)


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


def joined(parts: Sequence[Readings], stop: Ints) -> Readings:
    """Return the readings of some batches of patients, one after another, with the days their follow-up stops."""
    before = np.cumsum([0, *(part.stop.size for part in parts[:-1])])
    return Readings(
        np.concatenate([part.who + np.int32(first) for part, first in zip(parts, before, strict=True)]),
        np.concatenate([part.day for part in parts]),
        np.concatenate([part.nrs for part in parts]),
        np.concatenate([part.nominal for part in parts]),
        stop,
    )


def means(of: Columns, at: Readings, bands: Bands) -> tuple[BandMeans, ...]:
    """Return mean pain of each band at day 0 (the baseline) and at each prompt that is an outcome."""
    outcome = ~_soreness(of, at)
    found = []
    for place, name in enumerate(bands.names):
        members = bands.place == place
        known = of.baseline[members & ~np.isnan(of.baseline)]
        inside = outcome & members[at.who]
        day, nrs = at.nominal[inside], at.nrs[inside]
        points = [_mean(0.0, known)] if known.size else []
        points += [_mean(float(nominal), nrs[day == nominal]) for nominal in np.unique(day)]
        found.append(BandMeans(name, int(members.sum()), tuple(points)))
    return tuple(found)


def _mean(day: float, scores: Floats) -> MeanPoint:
    mean = float(scores.mean())
    reach = tails.half_width(0.95) * float(scores.std(ddof=1)) / scores.size**0.5 if scores.size > 1 else 0.0
    return MeanPoint(day, int(scores.size), mean, max(mean - reach, 0.0), min(mean + reach, 10.0))


def _soreness(of: Columns, at: Readings) -> Flags:
    sore = np.zeros((len(PROCEDURES), LAST_DAY + 1), dtype=np.bool_)
    for place, points in enumerate(GRID.points):
        for nominal, _, safety in points:
            sore[place, nominal] = safety
    return np.asarray(sore[of.procedure[at.who], at.nominal], dtype=np.bool_)


def replies(of: Columns, at: Readings, bands: Bands, unsent: Iterable[tuple[int, int]]) -> tuple[BandReplies, ...]:
    """Return, for each band and prompt whose window is over, how many were due, answered, and not sent by us.

    `unsent` are (place in the columns, nominal day).
    """
    answered = {nominal: set(at.who[at.nominal == nominal].tolist()) for nominal in np.unique(at.nominal).tolist()}
    ours: dict[int, set[int]] = {}
    for who, nominal in unsent:
        ours.setdefault(nominal, set()).add(who)
    return tuple(
        BandReplies(name, tuple(_reply_points(of, at.stop, bands.place == place, answered, ours)))
        for place, name in enumerate(bands.names)
    )


def _reply_points(
    of: Columns, stop: Ints, members: Flags, answered: dict[int, set[int]], ours: dict[int, set[int]]
) -> Iterable[ReplyPoint]:
    due: dict[int, set[int]] = {}
    for place, points in enumerate(GRID.points):
        inside = members & (of.procedure == place)
        for nominal, last, _ in points:
            due.setdefault(nominal, set()).update(np.flatnonzero(inside & (stop > last)).tolist())
    for nominal in sorted(due):
        asked = due[nominal]
        if asked:
            came = asked & answered.get(nominal, set())
            missed_by_us = len((asked & ours.get(nominal, set())) - came)
            share = responders.share(len(came), len(asked))
            yield ReplyPoint(nominal, len(asked), len(came), share.low or 0.0, share.high or 0.0, missed_by_us)


def _judged(of: Columns) -> Flags:
    return np.asarray(of.baseline >= relief.LOWEST_JUDGED_BASELINE, dtype=np.bool_)


def scatter(of: Columns, at: Readings) -> Scatter:
    """Return relief at 3 months against CSI of the patients with a complete CSI and a judged baseline.

    The points carry the episode's id as text, until `named` puts its public id there.
    """
    able = _judged(of) & ~np.isnan(of.csi)
    chosen = np.flatnonzero((at.nominal == THREE_MONTHS) & able[at.who])
    who = at.who[chosen]
    share = 1.0 - at.nrs[chosen].astype(np.float64) / of.baseline[who]
    shown = np.arange(who.size)
    if who.size > MOST_POINTS:
        shown = np.linspace(0, who.size - 1, MOST_POINTS).astype(np.int64)
    points = tuple(ScatterPoint(int(of.csi[who[i]]), float(share[i]), str(of.episode[who[i]])) for i in shown)
    return Scatter(int(who.size), int(able.sum()), points, _fit(of.csi[who].astype(np.float64), share))


def _fit(csi: Floats, share: Floats) -> tuple[FitPoint, ...]:
    """Return the least-squares line with the 95 % interval of its mean."""
    if csi.size < 3 or np.ptp(csi) == 0:
        return ()
    centred = csi - csi.mean()
    slope = float(centred @ share / (centred @ centred))
    rest = share - share.mean() - slope * centred
    noise = float(rest @ rest) / (csi.size - 2)
    found = []
    for at in np.linspace(csi.min(), csi.max(), _FIT_STEPS):
        away = float(at - csi.mean())
        reach = tails.half_width(0.95) * (noise * (1.0 / csi.size + away**2 / float(centred @ centred))) ** 0.5
        middle = float(share.mean()) + slope * away
        found.append(FitPoint(float(at), middle, middle - reach, middle + reach))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Levels:
    """The level of relief of every patient at every outcome prompt of the cohort's plans."""

    days: tuple[int, ...]
    level: Ints


def levels(of: Columns, at: Readings) -> Levels:
    """Return a level for each patient and day: no reply once its window is over, not due before or elsewhere."""
    asked = np.unique(of.procedure[_judged(of)]).tolist()
    days = sorted({nominal for place in asked for nominal, _, safety in GRID.points[place] if not safety})
    return Levels(tuple(days), _levels(of, at, days))


def heatmap(of: Columns, found: Levels, bands: Bands) -> Heatmap:
    """Return the levels by band, the longest relief first; of a large cohort an even choice of the rows."""
    members = _judged(of) & (bands.place >= 0)
    lasted = np.where(of.responder, of.left, 0.0)
    total = int(members.sum())
    groups = []
    for place, name in enumerate(bands.names):
        inside = np.flatnonzero(members & (bands.place == place))
        shown = inside[np.argsort(-lasted[inside], kind="stable")]
        if total > MOST_ROWS and inside.size:
            fewer = max(1, MOST_ROWS * inside.size // total)
            shown = shown[np.linspace(0, inside.size - 1, fewer).astype(np.int64)]
        counts = [np.bincount(column, minlength=len(LEVELS)).tolist() for column in found.level[inside].T]
        rows = tuple(
            HeatRow(days, tuple(row))
            for days, row in zip(lasted[shown].tolist(), found.level[shown].tolist(), strict=True)
        )
        groups.append(HeatGroup(name, int(inside.size), rows, tuple(map(tuple, counts))))
    return Heatmap(found.days, LEVELS, tuple(groups), total > MOST_ROWS)


def _levels(of: Columns, at: Readings, days: Sequence[int]) -> Ints:
    found = np.full((of.size, len(days)), LEVELS.index("not_due"), dtype=np.int8)
    column = {day: place for place, day in enumerate(days)}
    for place, points in enumerate(GRID.points):
        for nominal, last, _ in points:
            if nominal in column:
                over = (of.procedure == place) & (at.stop > last)
                found[over, column[nominal]] = LEVELS.index("no_reply")
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 1.0 - at.nrs.astype(np.float64) / of.baseline[at.who]
    level = np.full(share.size, LEVELS.index("worse"), dtype=np.int8)
    for edge, number in reversed(_EDGES):
        # A hair's breadth, so that 0.3 of a baseline of 10 is not missed by rounding.
        level[share >= edge - 1e-6] = number
    columns = np.array([column.get(day, -1) for day in range(LAST_DAY + 1)])[at.nominal]
    kept = columns >= 0
    found[at.who[kept], columns[kept]] = level[kept]
    return found
