"""Which of a clinic's own questionnaires its plans ask: their files must stay."""

import json

from sqlmodel import Session, col, select

from prom.storage.models import Plan


def asked_by_plans(session: Session) -> set[str]:
    """Return the keys of the instruments that plans ask beside the shipped ones."""
    rows = session.exec(select(Plan.definition).where(col(Plan.definition).contains('"own_days"')))
    return {key for row in rows for key in json.loads(row).get("own_days", {})}
