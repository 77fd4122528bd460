"""Texts that came in, and the prompts they may answer."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, exists, or_
from sqlmodel import Session, col, select

from prom.storage.models import Episode, Inbound, InboundState, Message, Patient, Prompt, PromptState, Site
from prom.storage.session import vault_of

PLAIN_REPLY_HOURS = 72
TEXTED = (PromptState.ASKED, PromptState.PARTLY, PromptState.ANSWERED, PromptState.MISSED)

# Statements of the webhook are built once: spelling one out costs more than running it.
_PHONE: Any = bindparam("phone")
_AT: Any = bindparam("at", type_=Inbound.__table__.c.received_at.type)  # type: ignore[attr-defined]
_BY_SID = select(Inbound).where(col(Inbound.provider_sid) == bindparam("sid"))
_PREVIOUS = (
    select(Inbound)
    .where(col(Inbound.phone_index) == _PHONE, col(Inbound.id) < bindparam("before"))
    .order_by(col(Inbound.id).desc())
    .limit(1)
)
_OUTCOMES = select(col(Inbound.outcome), col(Inbound.received_at)).where(
    col(Inbound.phone_index) == _PHONE, col(Inbound.received_at) >= _AT, col(Inbound.id) != bindparam("but")
)
# A text that a webhook missed is fetched later: it cannot answer a prompt that was asked since.
_ASKED_BEFORE = exists().where(col(Message.prompt_id) == col(Prompt.id), col(Message.sending_at) <= _AT)
_LAST_TEXTED = (
    select(Prompt)
    .join(Patient, col(Patient.id) == col(Prompt.patient_id))
    .where(
        col(Patient.phone_index) == _PHONE,
        col(Prompt.state).in_(TEXTED),
        or_(col(Prompt.last_text_at) <= _AT, and_(col(Prompt.last_text_at) > _AT, _ASKED_BEFORE)),
    )
    .order_by(col(Prompt.last_text_at).desc(), col(Prompt.id).desc())
    .limit(1)
)


def lock_prompt(session: Session, prompt: Prompt) -> None:
    """Make answers to one prompt follow each other, by whichever way they come, and read it anew.

    On SQLite a writing transaction is alone already, and what it has read is how it is.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.refresh(prompt, with_for_update=True)


def by_sid(session: Session, provider_sid: str) -> Inbound | None:
    """Return the text with the provider's id, or None when it is new."""
    return session.exec(_BY_SID, params={"sid": provider_sid}).first()


def add(
    session: Session, site: Site, sid: str, phone: str, body: str, num_media: int, received_at: datetime
) -> Inbound:
    """Store a text as it came, before the first attempt to understand it, sealed with the site's key."""
    vault = vault_of(session)
    row = Inbound(
        provider_sid=sid,
        site_id=site.id,
        phone_index=vault.index("phone", phone),
        phone_sealed=b"",
        body_sealed=b"",
        num_media=num_media,
        received_at=received_at,
        attempts=1,
    )
    row.phone_sealed = vault.seal(site.key_sealed, f"inbound|phone|{row.public_id}", phone)
    row.body_sealed = vault.seal(site.key_sealed, f"inbound|body|{row.public_id}", body)
    session.add(row)
    session.flush()
    return row


def body(session: Session, row: Inbound) -> str:
    """Return what a text said."""
    site = session.get_one(Site, row.site_id)
    return vault_of(session).open(site.key_sealed, f"inbound|body|{row.public_id}", row.body_sealed)


def phone(session: Session, row: Inbound) -> str:
    """Return the number a text came from."""
    site = session.get_one(Site, row.site_id)
    return vault_of(session).open(site.key_sealed, f"inbound|phone|{row.public_id}", row.phone_sealed)


def by_public_id(session: Session, public_id: str, site_ids: Collection[int]) -> Inbound | None:
    """Return a text of these sites, or None."""
    query = select(Inbound).where(col(Inbound.public_id) == public_id, col(Inbound.site_id).in_(site_ids))
    return session.exec(query).first()


def unread(session: Session, limit: int = 100) -> list[int]:
    """Return the ids of texts whose interpretation failed, oldest first, for a job to try again."""
    query = select(Inbound.id).where(col(Inbound.state) == InboundState.UNREAD)
    return list(session.exec(query.order_by(col(Inbound.id)).limit(limit)))


def previous(session: Session, row: Inbound) -> Inbound | None:
    """Return the text of the same phone before this one, or None."""
    return session.exec(_PREVIOUS, params={"phone": row.phone_index, "before": row.id}).first()


def last_texted_prompt(session: Session, phone_index: str, at: datetime) -> Prompt | None:
    """Return the prompt whose text reached this phone last by an instant: it takes plain replies, open or not."""
    return session.exec(_LAST_TEXTED, params={"phone": phone_index, "at": at}).first()


def takes_plain_replies(prompt: Prompt, now: datetime) -> bool:
    """Return whether a plain reply now answers a prompt: open, inside its window, within 72 h of its last text."""
    if prompt.state not in {PromptState.ASKED, PromptState.PARTLY} or prompt.last_text_at is None:
        return False
    return now < prompt.closes_at and now <= prompt.last_text_at + timedelta(hours=PLAIN_REPLY_HOURS)


def episode_of(session: Session, prompt: Prompt) -> Episode:
    """Return the episode a prompt belongs to."""
    return session.get_one(Episode, prompt.episode_id)


def prompt_by_public_id(session: Session, public_id: str) -> Prompt | None:
    """Return a prompt, or None."""
    return session.exec(select(Prompt).where(col(Prompt.public_id) == public_id)).first()


def of_patient(session: Session, patient_id: int, limit: int = 200) -> list[Inbound]:
    """Return a patient's texts, newest first."""
    query = select(Inbound).where(col(Inbound.patient_id) == patient_id)
    return list(session.exec(query.order_by(col(Inbound.id).desc()).limit(limit)))


def outcomes_since(session: Session, row: Inbound, since: datetime) -> list[tuple[str, datetime]]:
    """Return what the other texts of a phone since an instant were, and when they came."""
    parameters = {"phone": row.phone_index, "at": since, "but": row.id}
    return [(outcome, at) for outcome, at in session.connection().execute(_OUTCOMES, parameters)]
