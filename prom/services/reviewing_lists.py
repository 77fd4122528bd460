"""Lists of patients: those losing relief, the page of all, today's procedures, and what a search finds."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from sqlmodel import Session

from prom.domain import procedures, relief, timetable
from prom.domain.relief import State
from prom.services import reviewing_verdict as verdicts
from prom.services.reviewing_views import Badge, Losing, LosingRow, Page, PatientRow
from prom.storage import alerts, episodes, lists, patients, relief_rows, sites
from prom.storage.models import Alert, Episode, EpisodeState, Patient, Relief, Sensitization

ROWS_A_PAGE = 50
SPARK_POINTS = 24
_LOST = (State.EARLY_LOSS, State.LATE_LOSS, State.LOSS_TIMING_UNCERTAIN)
FILTERS: dict[str, tuple[State, ...]] = {
    "lost": _LOST,
    "suspected": (State.SUSPECTED_LOSS,),
    "in_relief": (State.IN_RELIEF_ONGOING, State.SUSTAINED_RESPONDER, State.HELD_BELOW_THRESHOLD),
    "no_response": (State.NON_RESPONDER,),
    "open": (State.PENDING_RESPONSE,),
    "unknown": (
        State.UNDETERMINED_RESPONSE,
        State.UNDETERMINED_LOST_TO_FOLLOWUP,
        State.NO_BASELINE,
        State.BASELINE_ZERO,
        State.BASELINE_LOW,
    ),
    "ended": (
        State.COMPETING_DEATH,
        State.COMPETING_REPEAT,
        State.COMPETING_SURGERY,
        State.CENSORED_OPTOUT,
        State.CENSORED_EXPLANT,
    ),
}
OTHER_FILTERS = ("all", "alerts", "planned")


def losing_relief(
    session: Session, site_ids: Collection[int], now: datetime, since_last_sign_in: datetime | None, limit: int = 50
) -> Losing:
    """Return the patients with open alerts, worst first; new are those raised since the last sign-in."""
    ids = alerts.worst_episodes(session, site_ids, limit)
    standing: dict[int, list[Alert]] = {}
    for alert in alerts.open_of(session, ids):
        standing.setdefault(alert.episode_id, []).append(alert)
    by_id = dict(zip(ids, _rows(session, ids, now), strict=True))
    return Losing(
        rows=tuple(_losing(by_id[one], standing[one], since_last_sign_in) for one in ids),
        counts=alerts.open_counts(session, site_ids, since_last_sign_in),
        followed=alerts.followed_count(session, site_ids),
    )


def _losing(row: PatientRow, standing: Sequence[Alert], since: datetime | None) -> LosingRow:
    worst = standing[0]
    return LosingRow(
        patient=row,
        alert_public_id=worst.public_id,
        kind=worst.kind.value,
        reason=worst.rule,
        day=worst.day,
        raised_at=worst.raised_at,
        new=since is None or any(alert.raised_at > since for alert in standing),
        open_alerts=len(standing),
    )


def patients_list(
    session: Session, site_ids: Collection[int], now: datetime, chosen: str = "all", page: int = 1
) -> Page:
    """Return a page of the procedures of some sites, the newest first; an unknown filter is a ValueError."""
    if chosen not in FILTERS and chosen not in OTHER_FILTERS:
        raise ValueError(f"there is no filter {chosen!r}; known are {', '.join((*OTHER_FILTERS, *FILTERS))}")
    states = [state.value for state in FILTERS[chosen]] if chosen in FILTERS else None
    ids, total = lists.page(
        session,
        site_ids,
        states=states,
        losing=chosen == "alerts",
        planned=chosen == "planned",
        offset=(max(page, 1) - 1) * ROWS_A_PAGE,
        limit=ROWS_A_PAGE,
    )
    return Page(tuple(_rows(session, ids, now)), total, max(page, 1), max(1, -(-total // ROWS_A_PAGE)), chosen)


def find(session: Session, site_ids: Collection[int], text: str, now: datetime) -> tuple[PatientRow, ...]:
    """Return the procedures of patients with this record number, else with these words in their name; at most 50."""
    if not text.strip():
        return ()
    people = [one for site_id in sorted(site_ids) if (one := patients.by_record(session, site_id, text)) is not None]
    people = people or patients.by_name(session, text, sorted(site_ids))
    found = episodes.of_patients(session, [patient.id for patient in people[:ROWS_A_PAGE]])
    newest = sorted(found, key=lambda episode: (episode.procedure_at, episode.id), reverse=True)[:ROWS_A_PAGE]
    return tuple(_rows(session, [episode.id for episode in newest], now))


def today(session: Session, site_ids: Collection[int], now: datetime) -> tuple[PatientRow, ...]:
    """Return the procedures whose date is today at their site, by time; cancelled ones are left out."""
    found: list[int] = []
    for site in sites.everything(session):
        if site.id in site_ids:
            start = timetable.local(now, site.time_zone).date()
            bounds = [_midnight(day, site.time_zone) for day in (start, start + timedelta(days=1))]
            found += [episode.id for episode in episodes.between(session, [site.id], bounds[0], bounds[1])]
    return tuple(sorted(_rows(session, found, now), key=lambda row: row.procedure_at))


def _midnight(day: date, zone: str) -> datetime:
    return timetable.instant_of(datetime.combine(day, datetime.min.time()), zone).astimezone(UTC)


def _rows(session: Session, ids: Sequence[int], now: datetime) -> list[PatientRow]:
    """Return the rows of some procedures in the order given."""
    stored = relief_rows.stored(session, ids)
    return [
        _row(session, episode, patient, record, stored.get(episode.id, {}), now)
        for episode, patient, record in lists.people(session, ids)
    ]


def _row(
    session: Session,
    episode: Episode,
    patient: Patient,
    record: Sensitization | None,
    stored: dict[int, Relief],
    now: datetime,
) -> PatientRow:
    told, shown = _told(episode, stored)
    waning = stored.get(relief.WANING_PERCENT)
    baseline = None if waning is None else relief_rows.baseline(waning)
    course = () if waning is None else relief_rows.course(waning)
    latest = course[-1] if course else None
    exact = None if baseline is None else Fraction(baseline).limit_denominator(1000)
    return PatientRow(
        public_id=episode.public_id,
        patient_public_id=patient.public_id,
        name=patients.name(session, patient),
        record_number=patients.record_number(session, patient),
        label=procedures.procedure(episode.procedure).label,
        target=episode.target,
        side=episode.side,
        state=episode.state.value,
        procedure_at=episode.procedure_at,
        day=timetable.relief_day(episode.procedure_at, now, patient.time_zone),
        verdict=told,
        badge=shown,
        baseline=baseline,
        latest=latest,
        relief_latest=verdicts.percent(exact, None if latest is None else latest[1]),
        csi=verdicts.csi_of(record),
        spark=tuple((float(day), nrs) for day, nrs in course[-SPARK_POINTS:]),
    )


def _told(episode: Episode, stored: dict[int, Relief]) -> tuple[str, Badge]:
    """Return the verdict in a few words and its badge, from the projection."""
    if episode.state is EpisodeState.CANCELLED:
        return "Cancelled", Badge.NONE
    if len(stored) < len(relief.THRESHOLDS):
        return ("Planned" if episode.state is EpisodeState.PLANNED else "Not judged yet"), Badge.NONE
    waning, loss = stored[relief.WANING_PERCENT], stored[relief.LOSS_PERCENT]
    if loss.loss_right is not None:
        return f"Relief lost at day {loss.loss_right}", Badge.RED
    if waning.loss_right is not None:
        return f"Relief waning since day {waning.loss_right}", Badge.AMBER
    return relief.state_label(waning.state), verdicts.badge_of_state(State(waning.state))
