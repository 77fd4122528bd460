"""The expected course of one patient: what similar patients of this clinic did from the same day on, or why not.

It is read from the tally of the site and procedure, so that a page costs one row, and never leaves the clinic's own
data.

Sources:
    [P] Who is similar, and how many it takes: prom/services/comparing_calibrating.py. The landmark is the last day on
        which relief was held: definition version 1. The estimate: prom/statistics/landmark.py.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlmodel import Session

from prom.domain import procedures, relief, scoring
from prom.domain.relief import State
from prom.services import comparing_calibrating as similar
from prom.services import comparing_projection as projection
from prom.services.comparing_columns import FIVE, Ints
from prom.services.comparing_tally import BANDS, HALVES
from prom.statistics import landmark
from prom.storage import episodes, relief_rows
from prom.storage.models import Episode, Relief

SURVIVAL = f"{relief.WANING_PERCENT} survival"
_OPEN = frozenset({State.IN_RELIEF_ONGOING.value, State.SUSTAINED_RESPONDER.value, State.HELD_BELOW_THRESHOLD.value})


@dataclass(frozen=True, slots=True)
class Expected:
    """The share of similar patients who held relief to the horizon, of those who still held it after the landmark.

    `absent` says why there is none; then every number but the days is 0 or None. `group` says who is similar.
    """

    landmark: int
    horizon: int
    absent: str = ""
    group: str = ""
    n: int = 0
    events: int = 0
    n_at_horizon: int = 0
    probability: float | None = None
    low: float | None = None
    high: float | None = None
    as_of: datetime | None = None
    definition_version: str = relief.DEFINITION_VERSION


def expected_course(session: Session, episode_id: int, now: datetime) -> Expected | None:
    """Return what to expect of an episode, or why nothing can be said; None where relief is not judged at all."""
    del now
    episode = session.get(Episode, episode_id)
    windows = None if episode is None else procedures.procedure(episode.procedure).relief
    row = relief_rows.stored(session, [episode_id]).get(episode_id, {}).get(relief.WANING_PERCENT)
    if episode is None or windows is None or row is None:
        return None
    if "first_response_day" not in json.loads(row.fields):
        return None
    held, reason = _held_until(row, windows.horizon)
    if reason:
        return Expected(held, windows.horizon, reason)
    return _from_tally(session, episode, held, windows.horizon)


def _held_until(row: Relief, horizon: int) -> tuple[int, str]:
    """Return the day up to which relief is known to be held, and why no course is expected, if so."""
    held = row.censor_day or 0
    if row.loss_right is not None:
        return held, "relief has been lost"
    if row.state not in _OPEN:
        return held, "a bad score waits to be confirmed" if _suspected(row) else "the follow-up has ended"
    return held, f"relief has been held to day {held}, past the horizon" if held >= horizon else ""


def _suspected(row: Relief) -> bool:
    return row.state == State.SUSPECTED_LOSS.value


def _from_tally(session: Session, episode: Episode, held: int, horizon: int) -> Expected:
    known = projection.manifest(session)
    whole = projection.tally(session, [(episode.site_id, episode.procedure)])
    if known is None or whole is None:
        return Expected(held, horizon, "the figures of this clinic are being prepared")
    counts = whole[SURVIVAL][:, 0].reshape(HALVES, BANDS, 2, -1)
    record = episodes.sensitization(session, episode.id)
    bounds = (None, None) if record is None else (record.csi_min, record.csi_max)
    course = None
    for words, chosen in _groups(counts, *bounds):
        course = _course(chosen, held, horizon)
        if similar.enough(course.n, course.events) and course.probability is not None:
            return Expected(
                held,
                horizon,
                group=words,
                n=course.n,
                events=course.events,
                n_at_horizon=course.n_at_horizon,
                probability=course.probability,
                low=course.low,
                high=course.high,
                as_of=known.made_at,
            )
    found = (course.n, course.events) if course else (0, 0)
    return Expected(held, horizon, _too_few(*found, held, horizon), as_of=known.made_at)


def _too_few(n: int, events: int, held: int, horizon: int) -> str:
    least = f"it takes {similar.FEWEST_PATIENTS} and {similar.FEWEST_EVENTS}, and some followed to day {horizon}"
    return f"{n} patients held relief beyond day {held} after this procedure here, and {events} lost it: {least}"


def _groups(counts: Ints, low: int | None, high: int | None) -> list[tuple[str, Ints]]:
    """Return the groups to look in, the narrowest first, as counts by lost or not and day."""
    found: list[tuple[str, Any]] = [("same procedure, any CSI", counts.sum(axis=(0, 1)))]
    if low is None or high is None:
        return found
    half = 1 if low >= scoring.CUT_OFF else 0 if high < scoring.CUT_OFF else None
    if half is not None:
        words = ("same procedure, CSI below 40", "same procedure, CSI 40 or more")[half]
        found.insert(0, (words, counts[half + 1].sum(axis=0)))
    for place, band in enumerate(scoring.BANDS):
        if band.low <= low and high <= band.high:
            words = f"same procedure, CSI {band.low} to {band.high} ({FIVE[place]})"
            found.insert(0, (words, counts[:, place + 1].sum(axis=0)))
    return found


def _course(counts: Ints, held: int, horizon: int) -> landmark.Course:
    days = np.arange(counts.shape[-1])
    times = np.concatenate([np.repeat(days, counts[kind]) for kind in (0, 1)])
    lost = np.repeat([0, 1], counts.sum(axis=1))
    return landmark.expected_course(times, lost, held, horizon)
