"""The wrapped data keys of patients and sites."""

from sqlmodel import Session, select

from prom.storage.models import Patient, Site
from prom.storage.session import vault_of


def rewrap(session: Session) -> int:
    """Wrap every data key with the newest field key and return how many there were."""
    vault = vault_of(session)
    done = 0
    for table in (Site, Patient):
        for row in session.exec(select(table)):
            row.key_sealed = vault.wrap(vault.unwrap(row.key_sealed))
            session.add(row)
            done += 1
    return done
