"""What patients agree to, in a clinic's own words: one row a version and language, never changed."""

from datetime import datetime

from sqlmodel import Session, col, select

from prom.storage.models import ConsentText, Purpose


def newest(session: Session, site_id: int, purpose: Purpose, language: str) -> ConsentText | None:
    """Return the clinic's own text of a purpose in a language that is shown now, or None."""
    return session.exec(
        select(ConsentText)
        .where(
            col(ConsentText.site_id) == site_id,
            col(ConsentText.purpose) == purpose,
            col(ConsentText.language) == language,
        )
        .order_by(col(ConsentText.created_at).desc(), col(ConsentText.id).desc())
        .limit(1)
    ).first()


def everything(session: Session, site_id: int) -> list[ConsentText]:
    """Return all texts of a site, the newest first."""
    return list(
        session.exec(
            select(ConsentText)
            .where(col(ConsentText.site_id) == site_id)
            .order_by(col(ConsentText.created_at).desc(), col(ConsentText.id).desc())
        )
    )


def add(
    session: Session,
    *,
    site_id: int,
    purpose: Purpose,
    language: str,
    version: str,
    text: str,
    staff_id: int | None,
    now: datetime,
) -> ConsentText:
    """Add a version and return its row, flushed."""
    row = ConsentText(
        site_id=site_id,
        purpose=purpose,
        language=language,
        version=version,
        text=text,
        created_at=now,
        staff_id=staff_id,
    )
    session.add(row)
    session.flush()
    return row
