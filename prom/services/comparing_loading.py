"""A cohort read from the projection in one go: columns, readings, and what else its figures are made of."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlmodel import Session

from prom.domain import relief, timetable
from prom.services import comparing_columns
from prom.services import comparing_pain as pain
from prom.services.comparing_columns import Columns, Flags, Ints
from prom.services.comparing_pain import Readings
from prom.storage import cohort as rows
from prom.storage.cohort import Facts


@dataclass(frozen=True, slots=True)
class Cohort:
    """All that the figures are made of: columns at both thresholds over the same episodes, and their readings."""

    columns: dict[int, Columns]
    readings: Readings
    public_ids: tuple[str, ...]
    unsent: tuple[tuple[int, int], ...]
    conclusions: tuple[tuple[int, str], ...]
    as_of: datetime

    def only(self, chosen: Flags) -> "Cohort":
        """Return the chosen episodes."""
        if chosen.all():
            return self
        place = np.cumsum(chosen) - 1
        return Cohort(
            {threshold: columns.only(chosen) for threshold, columns in self.columns.items()},
            self.readings.only(chosen),
            tuple(one for one, taken in zip(self.public_ids, chosen.tolist(), strict=True) if taken),
            tuple((int(place[who]), day) for who, day in self.unsent if chosen[who]),
            tuple((int(place[who]), cause) for who, cause in self.conclusions if chosen[who]),
            self.as_of,
        )


def loaded(session: Session, now: datetime) -> Cohort:
    """Read the projection of all done episodes that have been judged."""
    found = {threshold: rows.verdicts(session, threshold) for threshold in relief.THRESHOLDS.values()}
    waning = {row[0]: place for place, row in enumerate(found[relief.WANING_PERCENT])}
    loss = {row[0]: place for place, row in enumerate(found[relief.LOSS_PERCENT])}
    facts = [one for one in rows.facts(session, None) if one.episode_id in waning and one.episode_id in loss]
    chosen = {
        relief.WANING_PERCENT: [found[relief.WANING_PERCENT][waning[one.episode_id]] for one in facts],
        relief.LOSS_PERCENT: [found[relief.LOSS_PERCENT][loss[one.episode_id]] for one in facts],
    }
    end_days = _end_days(facts, chosen[relief.WANING_PERCENT], now)
    columns = {
        threshold: comparing_columns.columns(facts, _fields(row[1] for row in picked), end_days)
        for threshold, picked in chosen.items()
    }
    places = {one.episode_id: place for place, one in enumerate(facts)}
    any_columns = columns[relief.WANING_PERCENT]
    stop = _stops(session, facts, places, any_columns.end_day)
    courses = [row[4] for row in chosen[relief.WANING_PERCENT]]
    return Cohort(
        columns=columns,
        readings=pain.readings(courses, any_columns.procedure, stop),
        public_ids=tuple(one.public_id for one in facts),
        unsent=tuple(_unsent(session, places)),
        conclusions=tuple((places[row[0]], row[1]) for row in rows.conclusions(session) if row[0] in places and row[1]),
        as_of=now,
    )


def _fields(texts: Iterable[str]) -> list[dict[str, object]]:
    # One parse of one long text is three times quicker than a hundred thousand short ones.
    found: list[dict[str, object]] = json.loads(f"[{','.join(texts)}]")
    return found


def _end_days(
    facts: Sequence[Facts], picked: Sequence[tuple[int, str, int, datetime, str]], now: datetime
) -> list[int]:
    """Return today as a day of each episode: the day it was judged on, and the dates that have passed since."""
    passed: dict[tuple[str, datetime], int] = {}
    days = []
    for one, row in zip(facts, picked, strict=True):
        key = (one.time_zone, row[3])
        if key not in passed:
            passed[key] = timetable.relief_day(row[3], now, one.time_zone)
        days.append(row[2] + passed[key])
    return days


def _stops(session: Session, facts: Sequence[Facts], places: dict[int, int], end_day: Ints) -> Ints:
    stop = end_day.copy()
    for episode_id, on in rows.stops(session):
        place = places.get(episode_id)
        if place is not None:
            one = facts[place]
            day = (on - timetable.local(one.procedure_at, one.time_zone).date()).days
            if 0 <= day < stop[place]:
                stop[place] = day
    return stop


def _unsent(session: Session, places: dict[int, int]) -> Iterable[tuple[int, int]]:
    for episode_id, time_point in rows.not_sent(session):
        day = time_point.removeprefix("d")
        if episode_id in places and day.isdecimal():
            yield places[episode_id], int(day)
