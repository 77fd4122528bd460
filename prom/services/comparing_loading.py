"""A cohort read from the projection in waves: columns, readings, and what else its figures are made of."""

import gc
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlmodel import Session

from prom.domain import relief, timetable
from prom.services import comparing_columns as columns
from prom.services import comparing_pain as pain
from prom.services.comparing_columns import Arrays, Columns, Flags, Known
from prom.services.comparing_pain import Readings
from prom.storage import cohort as rows

WAVE_EPISODES = 20_000
FACTS = 10


@dataclass(frozen=True, slots=True)
class Cohort:
    """All that the figures are made of: columns at both thresholds over the same episodes, and their readings.

    `unsent` are (place in the columns, nominal day), `conclusions` (place, cause).
    """

    columns: dict[int, Columns]
    readings: Readings
    unsent: tuple[tuple[int, int], ...]
    conclusions: tuple[tuple[int, str], ...]
    as_of: datetime

    def only(self, chosen: Flags) -> "Cohort":
        """Return the chosen episodes."""
        if chosen.all():
            return self
        place = np.cumsum(chosen) - 1
        return Cohort(
            {threshold: each.only(chosen) for threshold, each in self.columns.items()},
            self.readings.only(chosen),
            tuple((int(place[who]), day) for who, day in self.unsent if chosen[who]),
            tuple((int(place[who]), cause) for who, cause in self.conclusions if chosen[who]),
            self.as_of,
        )


def known(parts: Sequence[Sequence[Any]]) -> Known:
    """Return the facts of episodes as the storage lists them; of an instant only the year counts."""
    episode, site, procedure, at, *rest = parts
    return Known(episode, site, procedure, [int(str(when)[:4]) for when in at], *rest)


def loaded(session: Session, now: datetime) -> Cohort:
    """Read the projection of all done episodes that have been judged."""
    with _uncollected():
        waves = [_wave(parts, now) for parts in rows.waves(session, WAVE_EPISODES)] or [_wave(((),) * 16, now)]
    shared = columns.joined([wave.shared for wave in waves])
    judged = {
        threshold: columns.joined([wave.verdicts[threshold] for wave in waves])
        for threshold in relief.THRESHOLDS.values()
    }
    every = {threshold: Columns(**shared, **verdicts) for threshold, verdicts in judged.items()}
    places = shared["episode"]
    return Cohort(
        columns=every,
        readings=pain.joined([wave.readings for wave in waves], _stops(session, places, shared["end_day"])),
        unsent=tuple(_unsent(session, places)),
        conclusions=tuple(_concluded(session, places)),
        as_of=now,
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    # Each wave makes and frees half a million small objects without cycles; the collector would walk all of them again
    # and again, for half of the time that loading takes.
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _Wave:
    shared: Arrays
    verdicts: dict[int, Arrays]
    readings: Readings


def _wave(parts: Sequence[Sequence[Any]], now: datetime) -> _Wave:
    zones, waning, loss, judged_on, judged_at, courses = parts[FACTS:]
    end_day = np.array(judged_on, dtype=np.int32) + _passed(zones, judged_at, now)
    shared = columns.known_columns(known(parts[:FACTS])) | {"end_day": end_day}
    verdicts = {
        relief.WANING_PERCENT: columns.verdict_columns(_fields(waning)),
        relief.LOSS_PERCENT: columns.verdict_columns(_fields(loss)),
    }
    return _Wave(shared, verdicts, pain.readings(courses, shared["procedure"], end_day))


def _fields(texts: Iterable[str]) -> list[dict[str, object]]:
    # One parse of one long text is three times quicker than a hundred thousand short ones.
    found: list[dict[str, object]] = json.loads(f"[{','.join(texts)}]")
    return found


def _passed(zones: Sequence[str], judged_at: Sequence[Any], now: datetime) -> Any:
    """Return how many dates have passed in each patient's zone since their episode was judged."""
    found = {
        key: timetable.relief_day(_instant(key[1]), now, key[0]) for key in set(zip(zones, judged_at, strict=True))
    }
    return np.array([found[key] for key in zip(zones, judged_at, strict=True)], dtype=np.int32)


def _instant(stored: str | datetime) -> datetime:
    """Return an instant as SQLite (text in UTC) or PostgreSQL (aware) hands it out."""
    at = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _place(places: Any, episode_id: int) -> int | None:
    """Return where an episode stands among the columns, which are ordered by id."""
    place = int(np.searchsorted(places, episode_id))
    return place if place < places.size and places[place] == episode_id else None


def _stops(session: Session, places: Any, end_day: Any) -> Any:
    """Return the day the follow-up of each episode stops: today, or the first event that has happened."""
    stop = end_day.copy()
    found = [
        (episode_id, on, place)
        for episode_id, on in rows.stops(session)
        if (place := _place(places, episode_id)) is not None
    ]
    days: dict[int, tuple[datetime, str]] = {}
    ids = sorted({episode_id for episode_id, _, _ in found})
    for start in range(0, len(ids), WAVE_EPISODES):
        days |= rows.places_of(session, ids[start : start + WAVE_EPISODES])
    for episode_id, on, place in found:
        at, zone = days[episode_id]
        day = (on - timetable.local(at, zone).date()).days
        if 0 <= day < stop[place]:
            stop[place] = day
    return stop


def _unsent(session: Session, places: Any) -> Iterable[tuple[int, int]]:
    for episode_id, time_point in rows.not_sent(session):
        day, place = time_point.removeprefix("d"), _place(places, episode_id)
        if place is not None and day.isdecimal():
            yield place, int(day)


def _concluded(session: Session, places: Any) -> Iterable[tuple[int, str]]:
    for episode_id, cause, _ in rows.conclusions(session):
        place = _place(places, episode_id)
        if place is not None and cause:
            yield place, cause
