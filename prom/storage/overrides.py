"""Queries about a clinic's own wording of texts, and its history in the audit trail."""

from sqlmodel import Session, col, select

from prom.storage.models import Audit, Site, TextOverride

FIELD = "text {key} {language}"
KIND = "site"


def one(session: Session, site_id: int, key: str, language: str) -> TextOverride | None:
    """Return a clinic's own wording of a text in a language, or None."""
    query = select(TextOverride).where(
        col(TextOverride.site_id) == site_id,
        col(TextOverride.text_key) == key,
        col(TextOverride.language) == language,
    )
    return session.exec(query).first()


def put(session: Session, site_id: int, key: str, language: str, text: str) -> None:
    """Store a clinic's own wording of a text in a language."""
    row = one(session, site_id, key, language)
    if row is None:
        row = TextOverride(site_id=site_id, text_key=key, language=language, text=text)
    row.text = text
    session.add(row)
    session.flush()


def remove(session: Session, row: TextOverride) -> None:
    """Go back to the shipped wording."""
    session.delete(row)
    session.flush()


def field(key: str, language: str) -> str:
    """Return the name under which the audit trail keeps the changes of a text."""
    return FIELD.format(key=key, language=language)[:40]


def history(session: Session, site: Site, key: str, language: str, limit: int = 50) -> list[Audit]:
    """Return the changes of a clinic's own wording of a text, newest first."""
    query = select(Audit).where(
        col(Audit.object_kind) == KIND,
        col(Audit.object_id) == site.public_id,
        col(Audit.field) == field(key, language),
    )
    return list(session.exec(query.order_by(col(Audit.id).desc()).limit(limit)))
