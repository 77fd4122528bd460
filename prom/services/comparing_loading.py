"""A cohort read from the projection in waves: columns, readings, and what else its figures are made of."""

import gc
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
from sqlmodel import Session

from prom.domain import relief, timetable
from prom.services import comparing_columns as columns
from prom.services import comparing_pain as pain
from prom.services import enrolments
from prom.services.comparing_cohort import Cohort, Traits
from prom.services.comparing_columns import Columns, Ints, Known
from prom.services.reviewing import CAUSES as CAUSE_WORDS
from prom.storage import cohort as rows
from prom.storage.models import CoTreatmentKind

WAVE_EPISODES = 20_000
NEVER = datetime.min.replace(tzinfo=UTC)
FACTS = 10
INDICATIONS = tuple(enrolments.INDICATIONS)
SIDES = tuple(enrolments.SIDES)
CAUSES = tuple(CAUSE_WORDS)
TREATMENTS = tuple(kind.value for kind in CoTreatmentKind)


def known(parts: Sequence[Sequence[Any]]) -> Known:
    """Return the facts of episodes as the storage lists them; of an instant only the year counts."""
    episode, site, procedure, at, *rest = parts
    return Known(episode, site, procedure, [int(str(when)[:4]) for when in at], *rest)


def read(session: Session, now: datetime, ids: Collection[int] | None = None) -> Iterator[Cohort]:
    """Yield all done episodes that have been judged, or those of some, in the order of their ids, in waves."""
    beside = _beside(session, ids)
    with _uncollected():
        for parts in rows.waves(session, WAVE_EPISODES, ids):
            yield _with_stops(session, _wave(parts, now, beside), beside)


def nobody(now: datetime = NEVER) -> Cohort:
    """Return a cohort without episodes."""
    return _wave(((),) * rows.WAVE_PARTS, now, _Beside({}, {}, {}, {}))


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
class _Beside:
    """What few episodes have: treatments as bits, conclusions, nominal days of texts not sent, and stopping dates."""

    treatments: Mapping[int, int]
    causes: Mapping[int, int]
    unsent: Mapping[int, list[int]]
    stops: Mapping[int, list[Any]]


def _beside(session: Session, ids: Collection[int] | None) -> _Beside:
    treatments: dict[int, int] = {}
    for episode_id, kind in rows.treatments(session, ids):
        treatments[episode_id] = treatments.get(episode_id, 0) | 1 << TREATMENTS.index(kind)
    unsent: dict[int, list[int]] = {}
    for episode_id, time_point in rows.not_sent(session, ids):
        day = time_point.removeprefix("d")
        if day.isdecimal():
            unsent.setdefault(episode_id, []).append(int(day))
    stops: dict[int, list[Any]] = {}
    for episode_id, on in rows.stops(session, ids):
        stops.setdefault(episode_id, []).append(on)
    concluded = rows.conclusions(session, ids)
    causes = {episode_id: CAUSES.index(cause) for episode_id, cause in concluded if cause in CAUSES}
    return _Beside(treatments, causes, unsent, stops)


def _wave(parts: Sequence[Sequence[Any]], now: datetime, beside: _Beside) -> Cohort:
    zones, indications, sides, signs, waning, loss, judged_on, judged_at, courses = parts[FACTS:]
    end_day = np.array(judged_on, dtype=np.int32) + _passed(zones, judged_at, now)
    shared = columns.known_columns(known(parts[:FACTS])) | {"end_day": end_day}
    judged = {
        relief.WANING_PERCENT: columns.verdict_columns(_fields(waning)),
        relief.LOSS_PERCENT: columns.verdict_columns(_fields(loss)),
    }
    ids: list[int] = list(parts[0])
    traits = Traits(
        indication=_codes(indications, INDICATIONS),
        side=_codes(sides, SIDES),
        on=np.array([_today(now, zone) for zone in zones], dtype=np.int32) - end_day,
        signs=np.array(signs, dtype=np.int8),
        treatments=np.array([beside.treatments.get(one, 0) for one in ids], dtype=np.uint8),
        cause=np.array([beside.causes.get(one, -1) for one in ids], dtype=np.int8),
    )
    missed = [(place, day) for place, one in enumerate(ids) for day in beside.unsent.get(one, ())]
    pairs = np.array(missed, dtype=np.int32).reshape(-1, 2)
    return Cohort(
        {threshold: Columns(**shared, **verdicts) for threshold, verdicts in judged.items()},
        traits,
        pain.readings(courses, shared["procedure"], end_day),
        (pairs[:, 0], pairs[:, 1]),
        now,
    )


def _codes(words: Sequence[str], known_words: Sequence[str]) -> Ints:
    place = {word: number for number, word in enumerate(known_words)}
    return np.array([place.get(word, -1) for word in words], dtype=np.int8)


def _fields(texts: Iterable[str]) -> list[dict[str, object]]:
    # One parse of one long text is three times quicker than a hundred thousand short ones.
    found: list[dict[str, object]] = json.loads(f"[{','.join(texts)}]")
    return found


@lru_cache(maxsize=256)
def _today(now: datetime, zone: str) -> int:
    return timetable.local(now.astimezone(UTC), zone).date().toordinal()


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


def _with_stops(session: Session, cohort: Cohort, beside: _Beside) -> Cohort:
    """Return a wave in which each follow-up stops today, or at the first event that has happened."""
    stop = cohort.readings.stop.copy()
    place = {one: number for number, one in enumerate(cohort.waning.episode.tolist()) if one in beside.stops}
    days = rows.places_of(session, list(place))
    for episode_id, number in place.items():
        at, zone = days[episode_id]
        begun = timetable.local(at, zone).date()
        happened = [(on - begun).days for on in beside.stops[episode_id]]
        stop[number] = min([stop[number], *(day for day in happened if 0 <= day < stop[number])])
    return replace(cohort, readings=replace(cohort.readings, stop=stop))
