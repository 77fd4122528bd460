"""The licensed wording of a questionnaire as a clinic imported it; each import is a version, the newest is shown."""

from datetime import datetime

from sqlmodel import Session, col, select

from prom.storage.models import InstrumentWording


def newest(session: Session, site_id: int, instrument: str, language: str) -> InstrumentWording | None:
    """Return the wording of an instrument that is shown in a language, or None."""
    return session.exec(
        select(InstrumentWording)
        .where(
            col(InstrumentWording.site_id) == site_id,
            col(InstrumentWording.instrument) == instrument,
            col(InstrumentWording.language) == language,
        )
        .order_by(col(InstrumentWording.imported_at).desc(), col(InstrumentWording.id).desc())
        .limit(1)
    ).first()


def everything(session: Session, site_id: int, instrument: str) -> list[InstrumentWording]:
    """Return all versions of an instrument's wording at a site, by language and the newest first."""
    return list(
        session.exec(
            select(InstrumentWording)
            .where(col(InstrumentWording.site_id) == site_id, col(InstrumentWording.instrument) == instrument)
            .order_by(
                col(InstrumentWording.language),
                col(InstrumentWording.imported_at).desc(),
                col(InstrumentWording.id).desc(),
            )
        )
    )


def version(session: Session, site_id: int, instrument: str, language: str, name: str) -> InstrumentWording | None:
    """Return one version of an instrument's wording in a language, or None."""
    return session.exec(
        select(InstrumentWording).where(
            col(InstrumentWording.site_id) == site_id,
            col(InstrumentWording.instrument) == instrument,
            col(InstrumentWording.language) == language,
            col(InstrumentWording.version) == name,
        )
    ).one_or_none()


def add(  # noqa: PLR0913 - one argument a column
    session: Session,
    *,
    site_id: int,
    instrument: str,
    language: str,
    name: str,
    source: str,
    licence: str,
    texts: str,
    staff_id: int | None,
    now: datetime,
) -> InstrumentWording:
    """Add a version and return its row, flushed."""
    row = InstrumentWording(
        site_id=site_id,
        instrument=instrument,
        language=language,
        version=name,
        source=source,
        licence=licence,
        texts=texts,
        imported_at=now,
        staff_id=staff_id,
    )
    session.add(row)
    session.flush()
    return row
