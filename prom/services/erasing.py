"""Erase a person at their wish: name, phone, record number and words go, scores stay under the study number.

The chain of the audit trail stays whole: its rows are not touched, but what they sealed with the patient's key opens
no more. Backups made before hold the person until they are thrown away; docs/operations.md says so.
"""

from datetime import datetime

from sqlmodel import Session

from prom.services import consenting
from prom.storage import audit, erasure, patients, sites
from prom.storage.models import Patient, Purpose


class ErasureError(ValueError):
    """Nobody can be erased; the message says why."""


def erase(session: Session, site_name: str, record_number: str, actor: audit.Actor, now: datetime) -> Patient:
    """Erase the patient with a record number at a site, or raise ErasureError. It cannot be undone."""
    site = sites.by_name(session, site_name)
    if site is None:
        raise ErasureError(f"there is no site {site_name!r}")
    patient = patients.by_record(session, site.id, record_number)
    if patient is None:
        raise ErasureError(f"there is no patient {record_number!r} at {site_name}")
    consenting.withdraw_follow_up(session, patient, now.date(), actor, now)
    for purpose in Purpose:
        consenting.withdraw(session, patient, purpose, now, actor, now)
    erasure.forget(session, patient)
    audit.record(session, actor, "patient_erased", patient, now)
    return patient
