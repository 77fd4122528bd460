"""The wrapped data keys of patients and sites."""

from sqlmodel import Session, select

from prom.storage.models import Patient, Site
from prom.storage.session import vault_of


def rewrap(session: Session) -> int:
    """Wrap every data key with the newest field key and return how many there were."""
    vault = vault_of(session)
    holders: list[Site | Patient] = [*session.exec(select(Site)), *session.exec(select(Patient))]
    for holder in holders:
        holder.key_sealed = vault.wrap(vault.unwrap(holder.key_sealed))
        session.add(holder)
    return len(holders)
