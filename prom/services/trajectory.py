"""An episode as the relief classification looks at it, read from the answers and events that count.

Everything that judges relief (the projection kept by each answer, the patient's page, `prom analyse`) reads through
here, so that they cannot disagree.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from sqlmodel import Session

from prom.domain import procedures, relief, scoring, timetable, trajectories
from prom.domain.relief import Baseline, EventKind, Reading
from prom.storage import relief_rows
from prom.storage.relief_rows import Followed, Score


@dataclass(frozen=True, slots=True)
class Course:
    """One done episode: scores before it, (day, score) pairs after it, (day, kind) of events, and today as a day."""

    episode: Followed
    before: tuple[int, ...]
    after: tuple[tuple[int, int], ...]
    events: tuple[tuple[int, str], ...]
    end_day: int

    def verdict(self, threshold: int) -> relief.Relief:
        """Return the classification at a threshold of 50 or 30 percent."""
        return relief.classify(self.episode.procedure, self.before, self.after, self.events, self.end_day, threshold)

    @property
    def baseline(self) -> Baseline | None:
        """Return the scores before the procedure, or None when there are none."""
        return Baseline.of(self.before)

    @property
    def stopped(self) -> tuple[int, trajectories.EventKind | None]:
        """Return the day follow-up stops, and the event that stopped it."""
        return trajectories.stop(self.events, self.end_day)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """Return the first score of each day after the procedure, up to the day follow-up stops."""
        last, _ = self.stopped
        return tuple(reading for reading in trajectories.first_of_each_day(self.after) if reading.day <= last)


def concerning_days(course: Course) -> frozenset[int]:
    """Return the days whose score gets a red ring: bad after a response (50 %), or clearly worse than baseline."""
    baseline, windows = course.baseline, procedures.procedure(course.episode.procedure).relief
    if baseline is None:
        return frozenset()
    worse = {reading.day for reading in course.readings if relief.deterioration(baseline.mean, reading.nrs)}
    verdict = course.verdict(relief.WANING_PERCENT)
    if windows is None or not isinstance(verdict, relief.Lost | relief.Holding):
        return frozenset(worse)
    last, event = course.stopped
    seen = trajectories.Trajectory(
        baseline, windows, course.readings, last, event, course.end_day, relief.WANING_PERCENT
    )
    lowest = scoring.HIGHEST_PAIN
    for reading in course.readings:
        if reading.day >= windows.response_opens:
            lowest = min(lowest, reading.nrs)
        if reading.day > verdict.response.first_day and relief.is_bad(seen, reading, lowest):
            worse.add(reading.day)
    return frozenset(worse)


def courses(session: Session, ids: Iterable[int], now: datetime) -> Iterator[Course]:
    """Yield the courses of those of some episodes whose procedure was done by now; later answers do not exist yet."""
    for batch in relief_rows.batches(ids):
        found = [one for one in relief_rows.followed(session, batch) if one.procedure_at <= now]
        if not found:
            continue
        scores: dict[int, list[Score]] = defaultdict(list)
        for score in relief_rows.scores(session, batch):
            if score.answered_at <= now:
                scores[score.episode_id].append(score)
        events: dict[int, list[tuple[date, str]]] = defaultdict(list)
        for episode_id, on, kind in relief_rows.events(session, batch):
            events[episode_id].append((on, kind))
        for one in found:
            yield _course(one, scores[one.id], events[one.id], now)


def _course(one: Followed, scores: Sequence[Score], events: list[tuple[date, str]], now: datetime) -> Course:
    zone = ZoneInfo(one.time_zone)
    day_0 = one.procedure_at.astimezone(zone).date().toordinal()
    before, after = [], []
    for score in scores:
        day = score.answered_at.astimezone(zone).date().toordinal() - day_0
        if score.answered_at <= one.procedure_at:
            if day >= -timetable.BASELINE_DAYS:
                before.append(score.nrs)
        elif day > 0:
            after.append((day, score.nrs))
    # The page of a patient may record a death or a withdrawal once for all procedures.
    told = [*events]
    if one.died_on is not None:
        told.append((one.died_on, EventKind.DEATH))
    if one.withdrawn_on is not None:
        told.append((one.withdrawn_on, EventKind.OPTOUT))
    return Course(
        episode=one,
        before=tuple(before),
        after=tuple(after),
        events=tuple((on.toordinal() - day_0, kind) for on, kind in told),
        end_day=_today(now, one.time_zone).toordinal() - day_0,
    )


@lru_cache(maxsize=256)
def _today(now: datetime, zone: str) -> date:
    return timetable.local(now.astimezone(UTC), zone).date()
