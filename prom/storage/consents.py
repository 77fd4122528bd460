"""Consents: what each patient agreed to, when and how, and when they took it back. Nothing is deleted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from prom.storage import bulk
from prom.storage.models import Consent, Purpose
from prom.storage.types import new_public_id


def of_patient(session: Session, patient_id: int) -> list[Consent]:
    """Return all consents of a patient, oldest first."""
    return list(
        session.exec(
            select(Consent)
            .where(col(Consent.patient_id) == patient_id)
            .order_by(col(Consent.given_at), col(Consent.id))
        )
    )


def live(session: Session, patient_id: int, purpose: Purpose) -> Consent | None:
    """Return the newest consent to a purpose that was not withdrawn, or None."""
    return session.exec(
        select(Consent)
        .where(
            col(Consent.patient_id) == patient_id,
            col(Consent.purpose) == purpose,
            col(Consent.withdrawn_at).is_(None),
        )
        .order_by(col(Consent.given_at).desc(), col(Consent.id).desc())
        .limit(1)
    ).first()


def of_patients(session: Session, patient_ids: Iterable[int]) -> list[Consent]:
    """Return all consents of some patients, oldest first."""
    return list(
        session.exec(
            select(Consent)
            .where(col(Consent.patient_id).in_(sorted(set(patient_ids))))
            .order_by(col(Consent.given_at), col(Consent.id))
        )
    )


@dataclass(slots=True)
class NewConsent:
    """A consent about to be stored with many others."""

    site_id: int
    purpose: Purpose
    version: str
    language: str
    method: str
    given_at: datetime
    patient_id: int = 0
    public_id: str = field(default_factory=new_public_id)


def add_all(session: Session, rows: Sequence[NewConsent]) -> None:
    """Insert consents in one statement."""
    bulk.insert_rows(session, Consent, rows, NewConsent.__slots__, {})


def withdraw(session: Session, consent: Consent, at: datetime) -> bool:
    """Mark a consent as withdrawn; return False if it already was."""
    done = session.execute(
        update(Consent)
        .where(col(Consent.id) == consent.id, col(Consent.withdrawn_at).is_(None))
        .values(withdrawn_at=at)
        .execution_options(synchronize_session=False)
    )
    session.refresh(consent)
    return bool(getattr(done, "rowcount", 0) == 1)
