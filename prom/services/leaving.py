"""Somebody leaves: their account closes at once, and what they had taken on goes to somebody else or back to all."""

from datetime import datetime

from sqlmodel import Session

from prom.services import signing_in
from prom.storage import audit, handing_over
from prom.storage.models import Staff


class HandOverError(ValueError):
    """The work cannot go to this person; the message says why."""


def leave(session: Session, account: Staff, heir: Staff | None, actor: audit.Actor, now: datetime) -> int:
    """Close an account, hand its open tasks and cover to `heir` (None: to everybody), count the tasks."""
    if heir is not None:
        _check(account, heir)
    signing_in.disable(session, account.email, actor, now)
    handed = handing_over.claims(session, account.id, heir.id if heir else None, now)
    handing_over.deputies(session, account.id, heir.id if heir else None)
    to = heir.email if heir else "everybody"
    audit.record(session, actor, "work_handed_on", account, now, reason=f"{handed} open tasks to {to}")
    return handed


def _check(account: Staff, heir: Staff) -> None:
    if heir.id == account.id or not heir.active:
        raise HandOverError("choose somebody else who works here")
    if heir.role is not account.role:
        raise HandOverError(f"{heir.email} has another role and could not do the work")
    if heir.site_id not in {None, account.site_id}:
        raise HandOverError(f"{heir.email} belongs to another site")
