"""Texts that came in, and the prompts they may answer."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, or_
from sqlmodel import Session, col, select

from prom.storage.models import Episode, Inbound, InboundState, Message, Patient, Prompt, PromptState, Site
from prom.storage.session import vault_of

PLAIN_REPLY_HOURS = 72
TEXTED = (PromptState.ASKED, PromptState.PARTLY, PromptState.ANSWERED, PromptState.MISSED)


def lock_prompt(session: Session, prompt: Prompt) -> None:
    """Make answers to one prompt follow each other, by whichever way they come, and read it anew."""
    session.refresh(prompt, with_for_update=True)


def by_sid(session: Session, provider_sid: str) -> Inbound | None:
    """Return the text with the provider's id, or None when it is new."""
    return session.exec(select(Inbound).where(col(Inbound.provider_sid) == provider_sid)).first()


def add(
    session: Session, site: Site, sid: str, phone: str, body: str, num_media: int, received_at: datetime
) -> Inbound:
    """Store a text as it came, before it is understood, sealed with the site's key."""
    vault = vault_of(session)
    row = Inbound(
        provider_sid=sid,
        site_id=site.id,
        phone_index=vault.index("phone", phone),
        phone_sealed=b"",
        body_sealed=b"",
        num_media=num_media,
        received_at=received_at,
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
    query = select(Inbound).where(col(Inbound.phone_index) == row.phone_index, col(Inbound.id) < row.id)
    return session.exec(query.order_by(col(Inbound.id).desc()).limit(1)).first()


def last_texted_prompt(session: Session, phone_index: str, at: datetime) -> Prompt | None:
    """Return the prompt whose text reached this phone last by an instant: it takes plain replies, open or not.

    A text that a webhook missed is fetched later: it cannot answer a prompt that was asked since.
    """
    asked_before = exists().where(col(Message.prompt_id) == col(Prompt.id), col(Message.sending_at) <= at)
    query = (
        select(Prompt)
        .join(Patient, col(Patient.id) == col(Prompt.patient_id))
        .where(
            col(Patient.phone_index) == phone_index,
            col(Prompt.state).in_(TEXTED),
            or_(col(Prompt.last_text_at) <= at, and_(col(Prompt.last_text_at) > at, asked_before)),
        )
    )
    return session.exec(query.order_by(col(Prompt.last_text_at).desc(), col(Prompt.id).desc()).limit(1)).first()


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


def any_outcome_since(
    session: Session, phone_index: str, outcomes: Collection[str], since: datetime, row_id: int
) -> bool:
    """Return whether an earlier text of a phone since an instant had one of these outcomes."""
    query = select(Inbound.id).where(
        col(Inbound.phone_index) == phone_index,
        col(Inbound.received_at) >= since,
        col(Inbound.outcome).in_(outcomes),
        col(Inbound.id) != row_id,
    )
    return session.exec(query.limit(1)).first() is not None
