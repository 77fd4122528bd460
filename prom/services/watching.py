"""Watch relief: keep the verdict of every episode beside its answers, and raise or clear what a clinician should see.

A confirmed loss of 50 % relief is amber, of 30 % red; one score alone raises neither. A score clearly worse than before
the procedure is told at once, whatever the state. Verdicts are a projection: they can be rebuilt from the answers and
events at any time, and are rebuilt whenever these change and when time alone ends a state.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from prom.domain import procedures, relief, scoring
from prom.domain.relief import State
from prom.services import silence, trajectory
from prom.services.trajectory import Course
from prom.storage import alerts, episodes, relief_rows
from prom.storage.alerts import Known
from prom.storage.models import Alert, AlertKind, Answer, Sensitization
from prom.storage.types import new_public_id

# An episode is judged when it is marked done or imported; the job looks after those that were not.
JUDGED_WITHIN = timedelta(days=7)
# The answers that verdicts rest on, as (instrument, series).
JUDGED_BY = frozenset({(relief_rows.PAIN, relief_rows.PAIN_SERIES)})
JUDGED_KINDS = frozenset({AlertKind.AMBER, AlertKind.RED, AlertKind.DETERIORATION})


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An alert that the answers support."""

    course: Course
    kind: AlertKind
    day: int
    rule: str

    @property
    def key(self) -> str:
        return f"{self.course.episode.id}|{self.kind}|{self.day}"


def refresh(session: Session, episode_ids: Iterable[int], now: datetime) -> None:
    """Judge episodes anew and store what became of them: verdicts at both thresholds, and alerts."""
    session.flush()
    for batch in relief_rows.batches(episode_ids):
        _refresh_batch(session, batch, now)


def _refresh_batch(session: Session, ids: list[int], now: datetime) -> None:
    rows: list[dict[str, Any]] = []
    wanted: dict[str, _Wanted] = {}
    left = set(ids)
    for course in trajectory.courses(session, ids, now):
        left.discard(course.episode.id)
        waning, loss = course.verdict(relief.WANING_PERCENT), course.verdict(relief.LOSS_PERCENT)
        rows += [_row(course, waning, now), _row(course, loss, now)]
        wanted |= {one.key: one for one in _wanted(course, waning, loss)}
    if left:
        relief_rows.forget(session, sorted(left))
    relief_rows.store(session, rows)
    _settle(session, ids, wanted, now)


def _row(course: Course, verdict: relief.Relief, now: datetime) -> dict[str, Any]:
    fields = relief.as_json(verdict)
    left, right = fields.get("loss_interval", (None, None))
    return {
        "episode_id": course.episode.id,
        "site_id": course.episode.site_id,
        "procedure": course.episode.procedure,
        "threshold": verdict.threshold,
        "definition_version": relief.DEFINITION_VERSION,
        "state": verdict.state.value,
        "fields": json.dumps(fields),
        "end_day": course.end_day,
        "loss_left": left,
        "loss_right": right,
        "censor_day": fields.get("censor_day"),
        "at_horizon": fields.get("at_horizon", ""),
        "computed_at": now,
        "course": _told(course) if verdict.threshold == relief.WANING_PERCENT else "",
    }


def _told(course: Course) -> str:
    return " ".join(f"{reading.day}:{reading.nrs}" for reading in course.readings)


def _wanted(course: Course, waning: relief.Relief, loss: relief.Relief) -> list[_Wanted]:
    found = [
        _Wanted(course, kind, verdict.lost_by_day, relief.rule_in_words(verdict))
        for kind, verdict in ((AlertKind.AMBER, waning), (AlertKind.RED, loss))
        if isinstance(verdict, relief.Lost)
    ]
    worse = worse_since(course)
    if worse is not None:
        day, nrs = worse
        baseline = course.baseline
        assert baseline is not None
        rule = (
            f"Pain {nrs} on day {day} against a mean of {float(baseline.mean):.1f} before the procedure: worse. "
            "A flag that asks for a look; alone it is no loss of relief."
        )
        found.append(_Wanted(course, AlertKind.DETERIORATION, day, rule))
    return found


def worse_since(course: Course) -> tuple[int, int] | None:
    """Return day and score from which on every answer was clearly worse than baseline, or None if the last is not."""
    baseline, found = course.baseline, None
    if baseline is None:
        return None
    for reading in reversed(course.readings):
        if not relief.deterioration(baseline.mean, reading.nrs):
            break
        found = reading.day, reading.nrs
    return found


def _settle(session: Session, ids: list[int], wanted: dict[str, _Wanted], now: datetime) -> None:
    """Raise what is wanted and not open yet, clear what is open and no longer wanted."""
    known = {alert.dedupe_key: alert for alert in alerts.of_episodes(session, ids, JUDGED_KINDS)}
    fresh = [
        _alert(one, known.get(key), now)
        for key, one in wanted.items()
        if key not in known or known[key].cleared_at is not None
    ]
    gone = [alert.id for key, alert in known.items() if key not in wanted and alert.cleared_at is None]
    silence.change(session, fresh, gone, now)


def _alert(one: _Wanted, known: Known | None, now: datetime) -> Alert:
    episode = one.course.episode
    return Alert(
        public_id=known.public_id if known else new_public_id(),
        episode_id=episode.id,
        patient_id=episode.patient_id,
        site_id=episode.site_id,
        kind=one.kind,
        rule=one.rule[:240],
        day=one.day,
        raised_at=now,
        dedupe_key=one.key,
    )


def refresh_stale(session: Session, now: datetime, limit: int = 1000) -> int:
    """Judge anew the episodes whose state time alone may have ended, and tell who stopped answering.

    Return how many episodes were judged; as many as `limit` says that there may be more.
    """
    chosen = stale(session, now, limit)
    refresh(session, chosen, now)
    silence.watch(session, now, limit)
    return len(chosen)


def stale(session: Session, now: datetime, limit: int = 1000) -> list[int]:
    """Return the episodes to judge anew, by id.

    They were never judged, are no longer done, have new events, or a window of theirs has closed.
    """
    session.flush()
    found = set(relief_rows.unjudged(session, now - JUDGED_WITHIN, limit)) | set(relief_rows.withdrawn(session, limit))
    found |= set(relief_rows.with_new_events(session, (now - timedelta(days=2)).date(), limit))
    judged = {one.key: one.relief for one in procedures.PROCEDURES.values() if one.relief is not None}
    closes = {key: windows.response_closes for key, windows in judged.items()}
    horizon = {key: windows.horizon + windows.horizon_margin for key, windows in judged.items()}
    for state, days in ((State.PENDING_RESPONSE, closes), (State.IN_RELIEF_ONGOING, horizon)):
        # A day of slack for the zones: whoever is looked at too early is looked at again later.
        ends = {key: (day, now - timedelta(days=day)) for key, day in days.items()}
        found |= set(relief_rows.waiting(session, state.value, ends, limit))
    return sorted(found)[:limit]


def score_baseline(session: Session, episode_id: int, now: datetime) -> None:
    """Bring the CSI of an episode's sensitization record up to date with the answers given before the procedure.

    Whoever stores or strikes baseline CSI answers one by one (secure page, tablet, paper) calls this; a full form is
    scored on enrolling. Items win over a total that came without them; without either the record holds no CSI.
    """
    session.flush()
    given = relief_rows.baseline_csi(session, episode_id)
    record = episodes.sensitization(session, episode_id)
    result, latest = _scored(given)
    if result is None and (record is None or record.csi_min is None):
        return
    record = record or Sensitization(episode_id=episode_id, recorded_at=now)
    record.csi_answered, record.csi_min, record.csi_max = (
        (None, None, None) if result is None else (result.answered, result.min_total, result.max_total)
    )
    record.csi_source = "" if latest is None else latest.source.value
    record.csi_at = None if latest is None else latest.answered_at
    session.add(record)
    session.flush()


def _scored(given: Sequence[Answer]) -> tuple[scoring.CsiResult | None, Answer | None]:
    """Return the questionnaire that the last answer to each item makes, and its last answer."""
    items = {row.item: row for row in given if row.instrument == "csi"}
    if any(row.value is not None for row in items.values()):
        values = [items[number].value if number in items else None for number in range(1, scoring.CSI.items + 1)]
        return scoring.csi(values), max(items.values(), key=lambda row: row.answered_at)
    totals = [row for row in given if row.instrument == "csi_total" and row.value is not None]
    if not totals or totals[-1].value is None:
        return None, None
    return scoring.csi_total(totals[-1].value), totals[-1]
