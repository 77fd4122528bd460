"""Alerts as they come and go, and the alert of a patient who has stopped answering.

Three questions in a row that reached the patient and closed unanswered: a silence that long can hide a loss of relief.
Questions that we failed to send do not count against the patient.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from prom.domain import timetable
from prom.storage import alerts, audit, relief_rows, sites
from prom.storage.models import Alert, AlertKind, Prompt, PromptState

MISSED_IN_A_ROW = 3
DAYS_LOOKED_BACK = 7
# A question is marked missed some time after its window closed.
OVERLAP = timedelta(hours=2)
BEAT = "silence"
_KINDS = frozenset({AlertKind.NOT_ANSWERING})


def change(session: Session, fresh: Sequence[Alert], gone: Collection[int], now: datetime) -> None:
    """Raise alerts and clear others, by id, with an audit row each."""
    alerts.raise_all(session, fresh)
    for alert in fresh:
        audit.record(session, audit.CLOCK, "alert_raised", alert, now, reason=alert.kind.value)
    for alert in alerts.clear(session, gone, now):
        audit.record(session, audit.CLOCK, "alert_cleared", alert, now, reason=alert.kind.value)


def watch(session: Session, now: datetime, limit: int) -> None:
    """Raise an alert for each episode whose last three questions stayed unanswered; clear those that answered since."""
    session.flush()
    silent = dict(alerts.missed_in_a_row(session, _since(session, now), now, limit))
    standing = {alert.episode_id: alert for alert in alerts.standing(session, AlertKind.NOT_ANSWERING, limit)}
    answered = alerts.answered_since(session, [(one.episode_id, one.raised_at) for one in standing.values()])
    known = {one.dedupe_key for one in alerts.of_episodes(session, sorted(silent), _KINDS)}
    fresh = [
        alert
        for batch in relief_rows.batches(silent)
        for episode in relief_rows.followed(session, batch)
        if (alert := _alert(episode, silent[episode.id], now)) is not None and alert.dedupe_key not in known
    ]
    change(session, fresh, [standing[episode_id].id for episode_id in sorted(answered)], now)
    sites.heartbeat(session, BEAT, now)


def _since(session: Session, now: datetime) -> datetime:
    """Return from when on closed questions were not looked at yet: each minute only a handful is new."""
    last = sites.last_beat(session, BEAT)
    earliest = now - timedelta(days=DAYS_LOOKED_BACK)
    return earliest if last is None else max(earliest, last.at - OVERLAP)


def _alert(episode: relief_rows.Followed, prompts: list[Prompt], now: datetime) -> Alert | None:
    run = _run(prompts)
    if len(run) < MISSED_IN_A_ROW:
        return None
    day = timetable.relief_day(episode.procedure_at, run[0].due_at, episode.time_zone)
    return Alert(
        episode_id=episode.id,
        patient_id=episode.patient_id,
        site_id=episode.site_id,
        kind=AlertKind.NOT_ANSWERING,
        rule=f"{len(run)} questions in a row were not answered, the first of day {day}.",
        day=day,
        raised_at=now,
        dedupe_key=f"{episode.id}|{AlertKind.NOT_ANSWERING}|{day}",
    )


def _run(prompts: list[Prompt]) -> list[Prompt]:
    """Return the prompts at the end that were all missed."""
    run: list[Prompt] = []
    for prompt in reversed(prompts):
        if prompt.state is not PromptState.MISSED:
            break
        run.insert(0, prompt)
    return run
