"""Take out of the rows of a patient everything that names them; scores and times stay under the study number."""

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from prom.storage.models import (
    CoTreatment,
    Episode,
    Event,
    Inbound,
    Message,
    MessageState,
    NameIndex,
    Patient,
    Review,
    Site,
)
from prom.storage.session import vault_of
from prom.storage.types import new_public_id

ERASED = "erased"
# An unclear one is not looked for any more: without a number the provider's list would be everybody's.
_WAITING = (MessageState.PENDING, MessageState.CLAIMED, MessageState.UNKNOWN)


def forget(session: Session, patient: Patient) -> None:
    """Make a patient nameless. The old data key is gone, so backups aside nothing sealed with it opens again."""
    patient.key_sealed = vault_of(session).new_data_key()
    patient.record_sealed = patient.first_name_sealed = patient.last_name_sealed = patient.phone_sealed = None
    patient.record_index, patient.phone_index = f"{ERASED}-{new_public_id()}", None
    patient.unusable_reason, patient.birth_year = ERASED, None
    session.add(patient)
    session.execute(delete(NameIndex).where(col(NameIndex.patient_id) == patient.id))
    _texts_out(session, patient)
    _texts_in(session, patient)
    _notes(session, patient)
    session.flush()


def _texts_out(session: Session, patient: Patient) -> None:
    mine = col(Message.patient_id) == patient.id
    held = {"state": MessageState.SUPPRESSED, "reason": ERASED, "lease_until": None}
    session.execute(update(Message).where(mine, col(Message.state).in_(_WAITING)).values(**held))
    gone = {"body_sealed": None, "variables_sealed": None, "phone_sealed": None, "phone_index": ERASED}
    session.execute(update(Message).where(mine).values(**gone))


def _texts_in(session: Session, patient: Patient) -> None:
    # Replies are sealed with the site's key, which stays: what they said is replaced.
    vault = vault_of(session)
    for row in session.exec(select(Inbound).where(col(Inbound.patient_id) == patient.id)):
        key = session.get_one(Site, row.site_id).key_sealed
        row.body_sealed = vault.seal(key, f"inbound|body|{row.public_id}", "")
        row.phone_sealed = vault.seal(key, f"inbound|phone|{row.public_id}", "")
        row.phone_index = ERASED
        session.add(row)


def _notes(session: Session, patient: Patient) -> None:
    mine = select(Episode.id).where(col(Episode.patient_id) == patient.id)
    for table in (Event, CoTreatment, Review):
        session.execute(update(table).where(col(table.episode_id).in_(mine)).values(note_sealed=None))
