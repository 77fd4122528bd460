"""Patients: their sealed fields, how they are found, and the index of their names.

Name, phone and record number are stored sealed with the patient's own key. Equal values are found by blind indexes
(HMACs): the record number without regard to case or width, the phone in E.164, a name by each of its words and the
first three letters of each word. Whoever holds the database alone learns which patients share a phone, a name's word
or its first letters, and nothing else.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert
from sqlmodel import Session, col, select

from prom.storage import bulk
from prom.storage.models import NameIndex, Patient
from prom.storage.session import vault_of
from prom.storage.vault import Vault, normalised

PREFIX_LETTERS = 3
FOUND_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Identity:
    """What is sealed of a patient. The phone is in E.164, or None."""

    record_number: str
    first_name: str
    last_name: str
    phone: str | None


def phone_index(session: Session, e164: str) -> str:
    """Return the blind index of a phone in E.164; the outbox, inbox and suppression list use the same."""
    return vault_of(session).index("phone", e164)


def record_index(session: Session, record_number: str) -> str:
    """Return the blind index of a record number; case, width and outer spaces do not matter."""
    return vault_of(session).index("record", normalised(record_number))


def seal(session: Session, patient: Patient, identity: Identity) -> None:
    """Put names, record number and phone into a patient's row, sealed; the caller adds the row."""
    _seal_into(vault_of(session), patient, identity)


def _seal_into(vault: Vault, patient: Patient, identity: Identity) -> None:
    def sealed(column: str, text: str) -> bytes:
        return vault.seal(patient.key_sealed, _place(column, patient), text)

    patient.record_sealed = sealed("record_number", identity.record_number)
    patient.record_index = vault.index("record", normalised(identity.record_number))
    patient.first_name_sealed = sealed("first_name", identity.first_name) if identity.first_name else None
    patient.last_name_sealed = sealed("last_name", identity.last_name) if identity.last_name else None
    patient.phone_sealed = sealed("phone", identity.phone) if identity.phone else None
    patient.phone_index = vault.index("phone", identity.phone) if identity.phone else None


def _place(column: str, patient: Patient) -> str:
    return f"patient|{column}|{patient.public_id}"


def _opened(session: Session, patient: Patient, column: str, sealed: bytes | None) -> str:
    if sealed is None:
        return ""
    return vault_of(session).open(patient.key_sealed, _place(column, patient), sealed)


def phone(session: Session, patient: Patient) -> str | None:
    """Return a patient's phone in E.164, or None."""
    return _opened(session, patient, "phone", patient.phone_sealed) or None


def first_name(session: Session, patient: Patient) -> str:
    """Return a patient's first name, empty if none is known."""
    return _opened(session, patient, "first_name", patient.first_name_sealed)


def last_name(session: Session, patient: Patient) -> str:
    """Return a patient's last name, empty if none is known."""
    return _opened(session, patient, "last_name", patient.last_name_sealed)


def name(session: Session, patient: Patient) -> str:
    """Return a patient's first and last name in one line."""
    return " ".join(part for part in (first_name(session, patient), last_name(session, patient)) if part)


def record_number(session: Session, patient: Patient) -> str:
    """Return a patient's record number as it was written."""
    return _opened(session, patient, "record_number", patient.record_sealed)


def set_phone(session: Session, patient: Patient, e164: str | None) -> None:
    """Store another phone, or none."""
    vault = vault_of(session)
    patient.phone_sealed = vault.seal(patient.key_sealed, _place("phone", patient), e164) if e164 else None
    patient.phone_index = vault.index("phone", e164) if e164 else None


def set_name(session: Session, patient: Patient, first: str, last: str) -> None:
    """Store another name and index it anew."""
    vault = vault_of(session)
    patient.first_name_sealed = vault.seal(patient.key_sealed, _place("first_name", patient), first) if first else None
    patient.last_name_sealed = vault.seal(patient.key_sealed, _place("last_name", patient), last) if last else None
    session.execute(delete(NameIndex).where(col(NameIndex.patient_id) == patient.id))
    words = vault.name_words(patient.site_id, first, last)
    session.add_all(NameIndex(patient_id=patient.id, word_index=word) for word in sorted(words))


def by_phone(session: Session, e164: str) -> list[Patient]:
    """Return all patients with this phone, oldest first; a family may share one."""
    return by_phone_index(session, phone_index(session, e164))


def by_phone_index(session: Session, index: str) -> list[Patient]:
    """Return all patients with the phone of a blind index, oldest first."""
    query = select(Patient).where(col(Patient.phone_index) == index, col(Patient.merged_into_id).is_(None))
    return list(session.exec(query.order_by(col(Patient.id))))


def by_record(session: Session, site_id: int, number: str) -> Patient | None:
    """Return the patient of a site with this record number, or None; a merged duplicate's number finds the true one."""
    index = record_index(session, number)
    found = session.exec(
        select(Patient).where(col(Patient.site_id) == site_id, col(Patient.record_index) == index)
    ).one_or_none()
    return None if found is None else kept(session, found)


def kept(session: Session, patient: Patient) -> Patient:
    """Return the true record of a person: the row itself unless it was merged into another."""
    while patient.merged_into_id is not None:
        patient = session.get_one(Patient, patient.merged_into_id)
    return patient


def merged_into(session: Session, patient: Patient) -> list[Patient]:
    """Return the duplicates that were merged into a patient, theirs included."""
    found: list[Patient] = []
    ids = [patient.id]
    while ids:
        rows = list(session.exec(select(Patient).where(col(Patient.merged_into_id).in_(ids))))
        found, ids = found + rows, [row.id for row in rows]
    return found


def by_public_id(session: Session, public_id: str, site_ids: Collection[int] | None) -> Patient | None:
    """Return a patient of the sites the reader may see (None: all sites), or None."""
    query = select(Patient).where(col(Patient.public_id) == public_id)
    if site_ids is not None:
        query = query.where(col(Patient.site_id).in_(site_ids))
    found = session.exec(query).one_or_none()
    return None if found is None else kept(session, found)


def by_record_indexes(session: Session, indexes: Iterable[str]) -> list[Patient]:
    """Return the patients of any site with these record indexes (for imports, in batches of some hundreds)."""
    return [patient for _index, patient in numbered(session, indexes)]


def numbered(session: Session, indexes: Iterable[str]) -> list[tuple[str, Patient]]:
    """Return each record index that is known with its patient, of any site; a merged duplicate's with the true one."""
    rows = session.exec(select(Patient).where(col(Patient.record_index).in_(sorted(set(indexes)))))
    return [(row.record_index, kept(session, row)) for row in rows]


def by_phone_indexes(session: Session, indexes: Iterable[str]) -> list[tuple[str, int, str]]:
    """Return (phone index, site id, record index) of the patients with these phones."""
    rows = session.exec(
        select(Patient.phone_index, Patient.site_id, Patient.record_index).where(
            col(Patient.phone_index).in_(set(indexes))
        )
    )
    return [(phone, site_id, record) for phone, site_id, record in rows if phone is not None]


def by_name(session: Session, text: str, site_ids: Iterable[int]) -> list[Patient]:
    """Return the patients of these sites whose name has every word of the text, newest first, at most 200.

    A word matches a whole word of the name, or its first three letters when the text gives just those.
    """
    words = normalised(text).split()
    if not words:
        return []
    vault = vault_of(session)
    found: list[Patient] = []
    for site_id in site_ids:
        query = select(Patient).where(col(Patient.site_id) == site_id, col(Patient.merged_into_id).is_(None))
        for word in words:
            index = vault.index(f"name|{site_id}", word)
            query = query.where(
                col(Patient.id).in_(select(NameIndex.patient_id).where(col(NameIndex.word_index) == index))
            )
        found += session.exec(query.order_by(col(Patient.id).desc()).limit(FOUND_AT_MOST))
    return sorted(found, key=lambda patient: -patient.id)[:FOUND_AT_MOST]


@dataclass(frozen=True, slots=True)
class _NameWord:
    patient_id: int
    word_index: str


def add_all(session: Session, rows: Sequence[tuple[Patient, Identity]]) -> dict[str, int]:
    """Insert new patients with sealed fields and name index; return their ids by public id.

    One statement a table: a file of 10,000 patients must not keep 10,000 rows in the session.
    """
    if not rows:
        return {}
    vault = vault_of(session)
    for patient, identity in rows:
        _seal_into(vault, patient, identity)
    values = [patient.model_dump(exclude={"id"}) for patient, _ in rows]
    session.flush()
    stored = session.connection().execute(insert(Patient).returning(col(Patient.public_id), col(Patient.id)), values)
    ids = dict(iter(stored))
    words = [
        _NameWord(ids[patient.public_id], word)
        for patient, identity in rows
        for word in sorted(vault.name_words(patient.site_id, identity.first_name, identity.last_name))
    ]
    bulk.insert_rows(session, NameIndex, words, _NameWord.__slots__, {})
    return ids
