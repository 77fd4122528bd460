"""What a clinician looks at: one patient verdict first, who is losing relief, and the review of an alert.

Pages that show a patient read through here; the sites the reader may see narrow every query.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from prom.services import reviewing_parts as parts
from prom.services import reviewing_verdict as verdicts
from prom.services import sensitizing, similar, trajectory
from prom.services.reviewing_lists import FILTERS, OTHER_FILTERS, find, losing_relief, patients_list, today
from prom.services.reviewing_views import AlertLine, PatientView, ReviewLine
from prom.storage import alerts, audit, episodes, lists, patients, plans
from prom.storage.models import AlertKind, Episode, EpisodeState, Patient, Review
from prom.storage.session import vault_of

__all__ = [
    "CAUSES",
    "FILTERS",
    "OTHER_FILTERS",
    "ReviewError",
    "find",
    "losing_relief",
    "patient_view",
    "patients_list",
    "review",
    "today",
]

# The checklist of a review, CLINICAL rules section 7: keys are stored, the page has the words in its language.
CAUSES = {
    "target": "Target",
    "technique": "Technique",
    "new_source": "New pain source",
    "sensitization": "Signs of sensitization",
    "mood_sleep": "Mood or sleep",
    "no_co_treatment": "Co-treatment absent",
    "other": "Other",
    "unknown": "Not known",
}
_MARKED_TOGETHER = {AlertKind.RED: (AlertKind.AMBER,)}


class ReviewError(ValueError):
    """A review that cannot be stored; the message says why in plain words."""


def patient_view(session: Session, public_id: str, site_ids: Collection[int], now: datetime) -> PatientView | None:
    """Return a patient's page by the public id of the patient or of a procedure, or None for an id of other sites."""
    found = _found(session, public_id, site_ids)
    if found is None:
        return None
    patient, episode, every = found
    days = parts.Days(episode.procedure_at, patient.time_zone)
    rows = lists.answers(session, episode.id)
    record = episodes.sensitization(session, episode.id)
    csi = verdicts.csi_of(record)
    course = next(trajectory.courses(session, [episode.id], now), None)
    marks = parts.prompt_marks(plans.prompts(session, episode.id), days, now)
    return PatientView(
        public_id=patient.public_id,
        name=patients.name(session, patient),
        record_number=patients.record_number(session, patient),
        birth_year=patient.birth_year,
        sex=patient.sex,
        language=patient.language,
        site_id=patient.site_id,
        episode=parts.episode_line(episode, patient.time_zone, now),
        episodes=tuple(parts.episode_line(one, patient.time_zone, now) for one in every),
        verdict=None if course is None else verdicts.verdict(course, parts.replies(marks)),
        csi=csi,
        points=parts.points(rows, course, days),
        prompts=marks,
        events=parts.event_lines(session, episodes.events(session, [episode.id]), days),
        co_treatments=parts.co_treatment_lines(lists.co_treatments(session, [episode.id]), days),
        csi_course=parts.csi_course(rows, record, days),
        answers=parts.answer_lines(rows, days),
        similar=similar.read(session, episode.site_id, episode.procedure, csi),
        alerts=_alerts(session, episode),
        reviews=_reviews(session, episode, patient),
        banner=parts.banner(record),
        block=parts.block_words(rows, episode),
        copied_late=sensitizing.copied_late(sensitizing.histories(session, episode)),
    )


def _found(
    session: Session, public_id: str, site_ids: Collection[int]
) -> tuple[Patient, Episode, list[Episode]] | None:
    """Return a patient, the procedure to show and all procedures, by the public id of either."""
    episode = episodes.by_public_id(session, public_id, site_ids)
    if episode is not None:
        patient = episodes.patient_of(session, episode)
        return patient, episode, episodes.of_patient(session, patient.id)
    known = patients.by_public_id(session, public_id, site_ids)
    every = episodes.of_patient(session, known.id) if known is not None else []
    if known is None or not every:
        return None
    done = [one for one in every if one.state is EpisodeState.DONE]
    live = [one for one in every if one.state is not EpisodeState.CANCELLED]
    return known, (done or live or every)[-1], every


def _alerts(session: Session, episode: Episode) -> tuple[AlertLine, ...]:
    found = [
        AlertLine(
            public_id=row.public_id,
            kind=row.kind.value,
            rule=row.rule,
            day=row.day,
            raised_at=row.raised_at,
            open=row.cleared_at is None and row.reviewed_at is None,
        )
        for row in lists.alerts(session, episode.id)
        if row.cleared_at is None
    ]
    rank = {kind.value: place for place, kind in enumerate(alerts.WORST_FIRST)}
    return tuple(sorted(found, key=lambda one: (not one.open, rank[one.kind])))


def _reviews(session: Session, episode: Episode, patient: Patient) -> tuple[ReviewLine, ...]:
    vault = vault_of(session)
    return tuple(
        ReviewLine(
            at=row.at,
            considered=tuple(row.causes.split()),
            cause=row.cause,
            note=""
            if row.note_sealed is None
            else vault.open(patient.key_sealed, f"review|note|{row.public_id}", row.note_sealed),
        )
        for row in alerts.reviews_of(session, [episode.id])
    )


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a review considered (keys of CAUSES), what it concluded (one key, or empty), and a note."""

    causes: tuple[str, ...] = ()
    cause: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        unknown = {*self.causes, *([self.cause] if self.cause else ())} - CAUSES.keys()
        if unknown:
            raise ReviewError(f"there is no cause {min(unknown)!r}; known are {', '.join(CAUSES)}")


def review(  # noqa: PLR0913 - what a review says, all named
    session: Session,
    public_id: str,
    *,
    causes: Collection[str] = (),
    cause: str = "",
    note: str = "",
    actor: audit.Actor,
    now: datetime,
    site_ids: Collection[int],
    patient_id: str | None = None,
) -> Review | None:
    """Store a clinician's conclusion on an alert and mark it reviewed, with an amber one that a red one contains.

    Return None for an alert of other sites, or not of the patient with the public id `patient_id` where one is given.
    An alert reviewed before is a ReviewError.
    """
    concluded = Conclusion(tuple(dict.fromkeys(causes)), cause, note.strip())
    alert = alerts.by_public_id(session, public_id, site_ids)
    if alert is None or patient_id not in {None, session.get_one(Patient, alert.patient_id).public_id}:
        return None
    if actor.staff_id is None:
        raise ReviewError("a review is signed by a member of staff")
    if not alerts.mark_reviewed(session, alert, _MARKED_TOGETHER.get(alert.kind, ()), now):
        raise ReviewError("this alert was reviewed already")
    patient = session.get_one(Patient, alert.patient_id)
    row = Review(
        episode_id=alert.episode_id,
        site_id=alert.site_id,
        alert_id=alert.id,
        staff_id=actor.staff_id,
        at=now,
        causes=" ".join(concluded.causes),
        cause=concluded.cause,
    )
    if concluded.note:
        place = f"review|note|{row.public_id}"
        row.note_sealed = vault_of(session).seal(patient.key_sealed, place, concluded.note)
    session.add(row)
    session.flush()
    change = audit.Change("cause", "", concluded.cause or "none concluded")
    audit.record(session, actor, "alert_reviewed", alert, now, patient=patient, change=change)
    return row
