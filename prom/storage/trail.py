"""What happened to one patient: the audit rows of everything that is theirs, in one list."""

from typing import Any

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from prom.storage import audit, patients
from prom.storage.models import (
    Alert,
    Answer,
    Audit,
    Consent,
    CoTreatment,
    Episode,
    Event,
    Inbound,
    Message,
    Patient,
    Prompt,
    Task,
)
from prom.storage.vault import VaultError

THEIRS: tuple[type[Any], ...] = (Alert, Answer, Consent, CoTreatment, Episode, Event, Inbound, Message, Prompt, Task)

OF_PROMPT: tuple[type[Any], ...] = (Answer, Message, Task, Inbound)


def of_patient(
    session: Session,
    patient: Patient,
    *,
    before: int | None = None,
    reads: bool = False,
    field: str = "",
    limit: int = 100,
) -> list[Audit]:
    """Return the audit rows of a patient and all that is theirs, the newest first; reading them only when asked.

    With `field` only the rows in which that field changed, or that are about an object of that kind.
    """
    theirs = [
        and_(
            col(Audit.object_kind) == model.__name__.lower(),
            col(Audit.object_id).in_(select(model.public_id).where(_of(model, patient))),
        )
        for model in THEIRS
    ]
    names = [patient.public_id, *(row.public_id for row in patients.merged_into(session, patient))]
    own = and_(col(Audit.object_kind) == "patient", col(Audit.object_id).in_(names))
    query = select(Audit).where(or_(own, *theirs))
    if field:
        query = query.where(or_(col(Audit.field) == field, col(Audit.object_kind) == field))
    if not reads:
        query = query.where(col(Audit.action) != "read")
    if before is not None:
        query = query.where(col(Audit.id) < before)
    return list(session.exec(query.order_by(col(Audit.id).desc()).limit(limit)))


def of_prompt(session: Session, prompt: Prompt, limit: int = 100) -> list[Audit]:
    """Return the audit rows of one question: its own, of its texts and of its answers, the newest first."""
    theirs = [
        and_(
            col(Audit.object_kind) == model.__name__.lower(),
            col(Audit.object_id).in_(select(model.public_id).where(_about(model, prompt))),
        )
        for model in OF_PROMPT
    ]
    own = and_(col(Audit.object_kind) == "prompt", col(Audit.object_id) == prompt.public_id)
    return list(session.exec(select(Audit).where(or_(own, *theirs)).order_by(col(Audit.id).desc()).limit(limit)))


def _of(model: type[Any], patient: Patient) -> Any:
    """Return the condition by whose index the rows of a patient are found: answers have one by episode only."""
    if model is Answer:
        return col(Answer.episode_id).in_(select(Episode.id).where(col(Episode.patient_id) == patient.id))
    return model.patient_id == patient.id


def _about(model: type[Any], prompt: Prompt) -> Any:
    """Return the condition by whose index the rows about a question are found: texts have one by patient only."""
    if model is Inbound:
        return and_(col(Inbound.patient_id) == prompt.patient_id, col(Inbound.prompt_id) == prompt.id)
    return model.prompt_id == prompt.id


def value(session: Session, patient: Patient, entry: Audit, sealed: bytes | None) -> str:
    """Return an old or new value in clear, sealed with the patient's key (or a duplicate's), or stored as it was."""
    try:
        return audit.value(session, patient, entry, sealed)
    except VaultError:
        pass
    for row in patients.merged_into(session, patient):
        try:
            return audit.value(session, row, entry, sealed)
        except VaultError:
            continue
    return audit.value(session, None, entry, sealed)
