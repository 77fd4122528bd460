"""Treatments beside a procedure: finding one, and taking out one that was never given."""

from collections.abc import Collection

from sqlmodel import Session, col, select

from prom.storage.models import CoTreatment


def by_public_id(session: Session, public_id: str, site_ids: Collection[int]) -> CoTreatment | None:
    """Return a treatment of these sites, or None."""
    query = select(CoTreatment).where(col(CoTreatment.public_id) == public_id, col(CoTreatment.site_id).in_(site_ids))
    return session.exec(query).one_or_none()


def remove(session: Session, row: CoTreatment) -> None:
    """Delete a treatment; what it was stays in the audit trail."""
    session.delete(row)
    session.flush()
