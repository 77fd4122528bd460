"""Texts that belong to no prompt: a test that a phone can read us, and a word to staff. Both leave by the one door.

A test text goes to a number before there is a patient, with the person standing beside it; a staff text carries counts
and never a word about a patient.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlmodel import Session

from prom.domain import wording
from prom.storage import audit, channels, messages, patients
from prom.storage import staff as staff_rows
from prom.storage.models import Message, MessageKind, Site, Staff
from prom.storage.types import new_public_id

TEST_LIVES = timedelta(minutes=15)
TESTS_AN_HOUR = 3


class TextingError(ValueError):
    """A text that may not be queued; the message says why in plain words."""


def queue_test_text(
    session: Session, site: Site, phone_e164: str, language: str, actor: audit.Actor, now: datetime
) -> Message:
    """Queue one text that shows whether a phone can read us, or raise TextingError saying why that cannot be.

    It leaves at once at any hour, says nothing medical, and is forgotten when it has not left in 15 minutes.
    """
    phone_index = patients.phone_index(session, phone_e164)
    channels.lock_phone(session, phone_index)
    if channels.is_suppressed(session, phone_index):
        raise TextingError("This phone asked us to stop. Only START from that phone opens it again.")
    if messages.made_since(session, MessageKind.TEST, phone_index, now - timedelta(hours=1)) >= TESTS_AN_HOUR:
        raise TextingError(f"This phone got {TESTS_AN_HOUR} test texts within the hour. Try again later.")
    added = messages.add_pending(
        session,
        site_id=site.id,
        patient_id=None,
        prompt_id=None,
        inbound_id=None,
        dedupe_key=f"test|{new_public_id()}",
        kind=MessageKind.TEST,
        text_key="test_text",
        variables={"language": wording.known_language(language)},
        phone_index=phone_index,
        phone=phone_e164,
        due_at=now,
        expires_at=now + TEST_LIVES,
        now=now,
    )
    assert added is not None
    audit.record(session, actor, "test text", added, now)
    return added


def queue_staff_text(
    session: Session,
    staff: Staff,
    text_key: str,
    variables: Mapping[str, str | int],
    now: datetime,
    dedupe_key: str,
    expires_at: datetime,
) -> Message | None:
    """Queue a text to somebody of the staff; None when they have no phone, have left, or it was queued before.

    `variables` are counts; `label` may be left out and is then the site's. Ordinary ones keep to 08-21 of the site's
    zone, `staff_urgent` leaves at any hour.
    """
    if not text_key.startswith("staff_"):
        raise ValueError(f"{text_key} is no text for staff")
    phone = staff_rows.phone(session, staff)
    site = staff_rows.home(session, staff)
    if phone is None or site is None or not staff.active:
        return None
    return messages.add_pending(
        session,
        site_id=site.id,
        patient_id=None,
        prompt_id=None,
        inbound_id=None,
        staff_id=staff.id,
        dedupe_key=f"staff|{dedupe_key}"[:120],
        kind=MessageKind.STAFF,
        text_key=text_key,
        variables=dict(variables),
        phone_index=patients.phone_index(session, phone),
        phone=phone,
        due_at=now,
        expires_at=expires_at,
        now=now,
    )
