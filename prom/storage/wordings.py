"""Queries about clinicians' signatures under wordings, and the languages that a site's patients read."""

from datetime import datetime

from sqlmodel import Session, col, select

from prom.storage.models import Patient, WordingReview


def signatures(session: Session, site_id: int) -> list[WordingReview]:
    """Return all signatures of a site, newest first."""
    query = select(WordingReview).where(col(WordingReview.site_id) == site_id)
    return list(session.exec(query.order_by(col(WordingReview.signed_at).desc(), col(WordingReview.id).desc())))


def sign(
    session: Session, site_id: int, key: str, language: str, digest: str, staff_id: int, now: datetime
) -> WordingReview:
    """Store a signature under one exact wording."""
    row = WordingReview(
        site_id=site_id, text_key=key, language=language, digest=digest, staff_id=staff_id, signed_at=now
    )
    session.add(row)
    session.flush()
    return row


def patients_languages(session: Session, site_id: int) -> list[str]:
    """Return the languages of the patients of a site who may still get a text, as they were entered."""
    query = (
        select(Patient.language)
        .where(
            col(Patient.site_id) == site_id,
            col(Patient.withdrawn_on).is_(None),
            col(Patient.died_on).is_(None),
            col(Patient.phone_index).is_not(None),
        )
        .distinct()
    )
    return sorted(session.exec(query))
