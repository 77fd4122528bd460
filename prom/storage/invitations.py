"""Invitations: the signed pages that staff opened for a patient, and the texts that carry their links."""

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from prom.storage.models import Invitation, InvitationKind, Message, MessageState

# The database wants an end after the beginning, also for one that is ended in the moment it is made.
SHORTEST = timedelta(microseconds=1)


def beginning_with(session: Session, kind: InvitationKind, public_id_start: str) -> list[Invitation]:
    """Return the invitations of a kind whose public id begins so: nearly always one, a few at most."""
    query = select(Invitation).where(
        col(Invitation.kind) == kind,
        col(Invitation.public_id) >= public_id_start,
        col(Invitation.public_id) < public_id_start + "~",
    )
    return list(session.exec(query.limit(20)))


def by_public_id(session: Session, public_id: str) -> Invitation | None:
    """Return an invitation by its public id."""
    return session.exec(select(Invitation).where(col(Invitation.public_id) == public_id)).one_or_none()


def newest(session: Session, patient_id: int, episode_id: int | None, kind: InvitationKind) -> Invitation | None:
    """Return the newest invitation of a patient to one page, whatever became of it."""
    query = select(Invitation).where(col(Invitation.patient_id) == patient_id, col(Invitation.kind) == kind)
    query = query.where(
        col(Invitation.episode_id).is_(None) if episode_id is None else col(Invitation.episode_id) == episode_id
    )
    return session.exec(query.order_by(col(Invitation.id).desc()).limit(1)).first()


def of_phone(session: Session, patient_id: int) -> list[Invitation]:
    """Return the invitations whose link was texted to a patient."""
    return list(
        session.exec(select(Invitation).where(col(Invitation.patient_id) == patient_id, col(Invitation.way) == "text"))
    )


def locked(session: Session, invitation: Invitation) -> Invitation:
    """Return an invitation as it stands now, locked until the commit: two answers come one after the other."""
    query = select(Invitation).where(col(Invitation.id) == invitation.id)
    return session.exec(query.with_for_update().execution_options(populate_existing=True)).one()


def end(session: Session, invitation: Invitation, now: datetime) -> None:
    """End an invitation, and take its text out of the queue if that still waits."""
    invitation.expires_at = min(invitation.expires_at, max(now, invitation.created_at + SHORTEST))
    session.add(invitation)
    session.execute(
        update(Message)
        .where(
            col(Message.dedupe_key) == text_of(invitation),
            col(Message.state).in_((MessageState.PENDING, MessageState.CLAIMED)),
        )
        .values(state=MessageState.SUPPRESSED, reason="link_replaced", lease_until=None)
        .execution_options(synchronize_session="fetch")
    )


def text_of(invitation: Invitation) -> str:
    """Return the dedupe key of the text that carries the link."""
    return f"invitation|{invitation.public_id}"
