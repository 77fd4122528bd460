"""Rows for exports: streamed in chunks, so that a file of a million answers needs the memory of some hundred."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, func, or_
from sqlalchemy import select as columns_of
from sqlmodel import Session, col, select

from prom.storage.models import (
    Alert,
    Answer,
    Audit,
    Consent,
    CoTreatment,
    Episode,
    Event,
    Message,
    Patient,
    Prompt,
    Purpose,
    Relief,
    Sensitization,
    Site,
    Staff,
    Task,
)

CHUNK_ROWS = 500


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows an export holds: some sites' (None: all), and all patients' or only theirs whose answers may be used.

    A duplicate that was merged into another record is nobody of its own, and neither is its doubled procedure.
    """

    site_ids: Collection[int] | None = None
    agreed_only: bool = False


_PERSON: tuple[Any, ...] = (
    col(Patient.id).label("patient_id"),
    col(Patient.study_id),
    col(Patient.time_zone),
    col(Patient.birth_year),
    col(Patient.sex),
    col(Patient.language),
    col(Site.name).label("site"),
)
_EPISODE: tuple[Any, ...] = (
    col(Episode.id).label("episode_id"),
    col(Episode.public_id).label("episode_public_id"),
    col(Episode.procedure),
    col(Episode.target),
    col(Episode.side),
    col(Episode.level),
    col(Episode.indication),
    col(Episode.state).label("episode_state"),
    col(Episode.procedure_at),
)


def episodes(session: Session, scope: Scope) -> Iterator[Sequence[Row[Any]]]:
    """Yield chunks of episodes with their patient and the CSI taken before."""
    query = (
        _people(columns_of(*_EPISODE, *_PERSON, *_csi(), *_record()).select_from(Episode))
        .outerjoin(Sensitization, col(Sensitization.episode_id) == col(Episode.id))
        .order_by(col(Episode.id))
    )
    return _chunks(session, _of_people(query, col(Episode.site_id), scope))


def answers(session: Session, scope: Scope) -> Iterator[Sequence[Row[Any]]]:
    """Yield chunks of answers by episode, superseded ones included, with episode and patient."""
    own: list[Any] = [col(getattr(Answer, name)) for name in _ANSWER]
    query = _people(
        columns_of(*own, col(Prompt.time_point), *_EPISODE, *_PERSON)
        .select_from(Answer)
        .join(Episode, col(Answer.episode_id) == col(Episode.id))
        .outerjoin(Prompt, col(Answer.prompt_id) == col(Prompt.id))
    ).order_by(col(Answer.episode_id), col(Answer.answered_at), col(Answer.id))
    return _chunks(session, _of_people(query, col(Answer.site_id), scope))


_ANSWER = (
    *("occasion", "instrument", "series", "item", "value", "state", "answered_at", "recorded_at", "source"),
    *("carried", "proxy", "rule", "parser_version", "reason"),
)


def outcomes(session: Session, scope: Scope) -> Iterator[Sequence[Row[Any]]]:
    """Yield chunks of relief verdicts, two an episode, with the CSI taken before."""
    own: list[Any] = [
        col(getattr(Relief, name)) for name in ("threshold", "definition_version", "state", "fields", "end_day")
    ]
    query = (
        _people(
            columns_of(*own, *_EPISODE, *_PERSON, *_csi())
            .select_from(Relief)
            .join(Episode, col(Relief.episode_id) == col(Episode.id))
        )
        .outerjoin(Sensitization, col(Sensitization.episode_id) == col(Episode.id))
        .order_by(col(Relief.episode_id), col(Relief.threshold).desc())
    )
    return _chunks(session, _of_people(query, col(Relief.site_id), scope))


def messages(session: Session, scope: Scope) -> Iterator[Sequence[Row[Any]]]:
    """Yield chunks of texts with the prompt they are about, if any."""
    own: list[Any] = [col(Message.id).label("message_id"), *(col(getattr(Message, name)) for name in _MESSAGE)]
    query = (
        columns_of(*own, col(Prompt.time_point), *_EPISODE, *_PERSON)
        .select_from(Message)
        .join(Site, col(Message.site_id) == col(Site.id))
        .outerjoin(Patient, col(Message.patient_id) == col(Patient.id))
        .outerjoin(Prompt, col(Message.prompt_id) == col(Prompt.id))
        .outerjoin(Episode, col(Prompt.episode_id) == col(Episode.id))
        .order_by(col(Message.id))
    )
    return _chunks(session, _of_people(query, col(Message.site_id), scope))


_MESSAGE = (
    *("kind", "text_key", "question", "state", "reason", "error_code", "segments", "attempt", "resent"),
    *("due_at", "sending_at", "accepted_at"),
)


def audit(session: Session, scope: Scope) -> Iterator[Sequence[Row[Any]]]:
    """Yield chunks of the audit trail in its order."""
    own: list[Any] = [Audit, col(Site.name).label("site"), col(Staff.email).label("staff")]
    query = (
        columns_of(*own)
        .outerjoin(Site, col(Audit.site_id) == col(Site.id))
        .outerjoin(Staff, col(Audit.actor) == col(Staff.public_id))
        .order_by(col(Audit.id))
    )
    return _chunks(session, _of_sites(query, col(Audit.site_id), scope.site_ids))


def _csi() -> tuple[Any, ...]:
    return (
        col(Sensitization.csi_answered),
        col(Sensitization.csi_min),
        col(Sensitization.csi_max),
        col(Sensitization.csi_source),
    )


SIGNS = ("brush_allodynia", "pinprick_hyperalgesia", "static_pressure", "cold_heat", "after_sensation")
MEASURES = ("ppt_site_kpa", "ppt_remote_kpa", "temporal_summation", "conditioned_modulation")
FORMS = ("widespread_pain", "symptom_severity", "paindetect", "dn4", "phq4")


def _record() -> tuple[Any, ...]:
    names = (*SIGNS, *MEASURES, *FORMS, "opioids", "technique", "image_guidance", "not_done")
    return tuple(col(getattr(Sensitization, name)) for name in names)


def _people(query: Select[Any]) -> Select[Any]:
    return query.join(Patient, col(Episode.patient_id) == col(Patient.id)).join(
        Site, col(Episode.site_id) == col(Site.id)
    )


def _of_sites(query: Select[Any], column: Any, site_ids: Collection[int] | None) -> Select[Any]:
    return query if site_ids is None else query.where(column.in_(site_ids))


def _of_people(query: Select[Any], column: Any, scope: Scope) -> Select[Any]:
    """Keep rows of people: no duplicates' and, if asked, nobody's who took back that their answers may be used.

    A text to nobody known (no patient) stays.
    """
    found = _of_sites(query, column, scope.site_ids).where(col(Patient.merged_into_id).is_(None))
    if not scope.agreed_only:
        return found
    return found.where(or_(col(Patient.id).is_(None), col(Patient.id).not_in(_withdrawn())))


def _withdrawn() -> Select[Any]:
    """Select the patients who agreed that their answers be used and took it back; who was never asked is not in it."""
    return (
        columns_of(col(Consent.patient_id))
        .where(col(Consent.purpose) == Purpose.DATA_USE)
        .group_by(col(Consent.patient_id))
        .having(func.count() == func.count(col(Consent.withdrawn_at)))
    )


def left_out(session: Session, site_ids: Collection[int] | None) -> int:
    """Return how many patients took back that their answers may be used."""
    query = columns_of(func.count()).select_from(Patient).where(col(Patient.id).in_(_withdrawn()))
    found = _of_sites(query.where(col(Patient.merged_into_id).is_(None)), col(Patient.site_id), site_ids)
    return int(session.execute(found).scalar_one())


def _chunks(session: Session, query: Select[Any]) -> Iterator[Sequence[Row[Any]]]:
    yield from session.execute(query.execution_options(yield_per=CHUNK_ROWS)).partitions()


def episode_numbers(session: Session) -> dict[int, int]:
    """Return the number of each episode among its patient's, 1 for the earliest procedure."""
    counts: dict[int, int] = {}
    numbers: dict[int, int] = {}
    query = (
        select(Episode.id, Episode.patient_id)
        .join(Patient, col(Episode.patient_id) == col(Patient.id))
        .where(col(Patient.merged_into_id).is_(None))
        .order_by(col(Episode.procedure_at), col(Episode.id))
    )
    for episode_id, patient_id in session.exec(query):
        counts[patient_id] = numbers[episode_id] = counts.get(patient_id, 0) + 1
    return numbers


def patients(session: Session, ids: Collection[int]) -> dict[int, Patient]:
    """Return patients by id."""
    return {row.id: row for row in session.exec(select(Patient).where(col(Patient.id).in_(ids)))}


def time_points(session: Session, site_ids: Collection[int] | None) -> set[str]:
    """Return the keys of all time points that prompts or answers name; imported answers name none."""
    asked = _of_sites(columns_of(col(Prompt.time_point)).distinct(), col(Prompt.site_id), site_ids)
    named = columns_of(col(Answer.occasion)).where(col(Answer.occasion) != "import").distinct()
    answered = _of_sites(named, col(Answer.site_id), site_ids)
    return {row[0] for query in (asked, answered) for row in session.execute(query)}


def consents(session: Session, patient_id: int) -> Sequence[Consent]:
    """Return the consents of a patient, withdrawn ones included, oldest first."""
    return session.exec(
        select(Consent).where(col(Consent.patient_id) == patient_id).order_by(col(Consent.given_at), col(Consent.id))
    ).all()


def texted_since(session: Session, patient_ids: Collection[int]) -> dict[int, Any]:
    """Return when each patient first agreed to texts, of those whose consent stands."""
    found: dict[int, Any] = {}
    query = select(Consent.patient_id, Consent.given_at).where(
        col(Consent.patient_id).in_(patient_ids),
        col(Consent.purpose) == Purpose.TEXTING,
        col(Consent.withdrawn_at).is_(None),
    )
    for patient_id, given_at in session.exec(query):
        found[patient_id] = min(given_at, found.get(patient_id, given_at))
    return found


def baselines(session: Session, episode_ids: Collection[int]) -> dict[int, list[Answer]]:
    """Return the answers that count of some episodes from up to the procedure."""
    found: dict[int, list[Answer]] = {}
    query = (
        select(Answer)
        .join(Episode, col(Answer.episode_id) == col(Episode.id))
        .where(
            col(Answer.episode_id).in_(episode_ids),
            col(Answer.state) == "current",
            col(Answer.answered_at) <= col(Episode.procedure_at),
        )
        .order_by(col(Answer.answered_at), col(Answer.id))
    )
    for row in session.exec(query):
        found.setdefault(row.episode_id, []).append(row)
    return found


_OWNERS: Mapping[str, Any] = {
    table.__name__.lower(): table
    for table in (Alert, Answer, Consent, CoTreatment, Episode, Event, Message, Patient, Prompt, Task)
}


def owners(session: Session, kind: str, public_ids: Collection[str]) -> dict[str, Patient]:
    """Return the patients that some audited objects of one kind belong to, by the objects' public ids."""
    table = _OWNERS.get(kind)
    if table is None:
        return {}
    query = select(table.public_id, Patient)
    if table is not Patient:
        query = query.join(Patient, col(table.patient_id) == col(Patient.id))
    return dict(iter(session.exec(query.where(col(table.public_id).in_(public_ids)))))
