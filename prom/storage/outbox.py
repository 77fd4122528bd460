"""The machine of the outbox: claim, give back, mark as sending, recover what a dead worker left.

A claim is a conditional UPDATE under a lease. A text is marked `sending` and committed before the provider is called;
what is found `sending` after its lease is `unknown`, because it may have been accepted.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, or_, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from prom.storage.models import Message, MessageKind, MessageState, Prompt, PromptState

OPENING = (MessageKind.PROMPT, MessageKind.DIARY, MessageKind.CONFIRMATION)
CONVERSING = (*OPENING, MessageKind.REMINDER)
URGENT_PRIORITY = 1
# A lease this far ahead was written by a clock that has since been set back.
LONGEST_LEASE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Claim:
    """A text that this worker may send until the lease ends; the lease is also the proof of whose claim it is."""

    message_id: int
    site_id: int
    phone_index: str
    lease_until: datetime


_MESSAGE = Message.__table__.c  # type: ignore[attr-defined]
_DUE = (
    select_columns(_MESSAGE.id)
    .where(_MESSAGE.state == MessageState.PENDING, _MESSAGE.send_at <= bindparam("now"))
    .limit(1)
)
_LEFT = (
    select_columns(_MESSAGE.id)
    .where(
        _MESSAGE.state.in_((MessageState.CLAIMED, MessageState.SENDING)),
        or_(_MESSAGE.lease_until <= bindparam("now"), _MESSAGE.lease_until > bindparam("longest")),
    )
    .limit(1)
)


def any_due(session: Session, now: datetime) -> bool:
    """Tell whether a text waits that is due: the one query of an idle tick."""
    return session.connection().execute(_DUE, {"now": now}).first() is not None


def claim(
    session: Session,
    *,
    now: datetime,
    lease_until: datetime,
    limit: int,
    urgent_only: bool,
    skip_sites: Collection[int],
    closed_sites: Collection[int] = (),
) -> list[Claim]:
    """Take due texts for sending, the most urgent first, then those that expire first.

    `urgent_only` leaves all but answers and emergency texts; of `skip_sites` too only those are taken, and nothing of
    `closed_sites`.
    """
    query = select(Message.id).where(
        col(Message.state) == MessageState.PENDING, col(Message.send_at) <= now, col(Message.expires_at) > now
    )
    if urgent_only:
        query = query.where(col(Message.priority) <= URGENT_PRIORITY)
    if skip_sites:
        query = query.where(or_(col(Message.priority) <= URGENT_PRIORITY, col(Message.site_id).not_in(skip_sites)))
    if closed_sites:
        query = query.where(col(Message.site_id).not_in(closed_sites))
    query = query.order_by(col(Message.priority), col(Message.expires_at), col(Message.id)).limit(limit)
    ids = session.exec(query.with_for_update(skip_locked=True)).all()
    if not ids:
        return []
    taken = session.connection().execute(
        update(Message)
        # Spelled so that SQLite looks the rows up by id: by the index on the state it reads all that waits.
        .where(col(Message.id).in_(ids), func.coalesce(col(Message.state), "") == MessageState.PENDING)
        .values(state=MessageState.CLAIMED, lease_until=lease_until)
        .returning(col(Message.id), col(Message.site_id), col(Message.phone_index))
    )
    rows = {row[0]: Claim(row[0], row[1], row[2], lease_until) for row in taken}
    return [rows[each] for each in ids if each in rows]


def give_back(session: Session, claims: Sequence[Claim]) -> int:
    """Return claimed texts to the queue untouched, and say how many were still ours."""
    if not claims:
        return 0
    returned = session.connection().execute(
        update(Message)
        .where(
            col(Message.id).in_([each.message_id for each in claims]),
            col(Message.state) == MessageState.CLAIMED,
            col(Message.lease_until) == claims[0].lease_until,
        )
        .values(state=MessageState.PENDING, lease_until=None)
    )
    return returned.rowcount


def unmark(session: Session, message_id: int, lease_until: datetime) -> int:
    """Return a text that was marked `sending` to the queue because its call was never made; say if it was ours."""
    returned = session.connection().execute(
        update(Message)
        .where(
            col(Message.id) == message_id,
            col(Message.state) == MessageState.SENDING,
            col(Message.lease_until) == lease_until,
        )
        .values(state=MessageState.PENDING, lease_until=None, sending_at=None)
    )
    return returned.rowcount


def recover(session: Session, now: datetime) -> tuple[int, int]:
    """Take the texts of dead workers: claimed ones wait again, sending ones become unknown. Return both numbers."""
    over = or_(col(Message.lease_until) <= now, col(Message.lease_until) > now + LONGEST_LEASE)
    waiting = session.connection().execute(
        update(Message)
        .where(col(Message.state) == MessageState.CLAIMED, over)
        .values(state=MessageState.PENDING, lease_until=None)
    )
    unknown = session.connection().execute(
        update(Message)
        .where(col(Message.state) == MessageState.SENDING, over)
        .values(state=MessageState.UNKNOWN, lease_until=None, reason="lease_ran_out")
    )
    return waiting.rowcount, unknown.rowcount


def any_left(session: Session, now: datetime) -> bool:
    """Tell whether a lease ran out; the look before `recover`, without a write lock."""
    times = {"now": now, "longest": now + LONGEST_LEASE}
    return session.connection().execute(_LEFT, times).first() is not None


def overtaken(session: Session, phone_index: str, prompt_id: int, asked_at: datetime) -> bool:
    """Tell whether a newer prompt was opened on this phone since this one was asked."""
    query = select(Message.id).where(
        col(Message.phone_index) == phone_index,
        col(Message.sending_at) > asked_at,
        col(Message.kind).in_(OPENING),
        col(Message.prompt_id) != prompt_id,
    )
    return session.exec(query.limit(1)).first() is not None


def suppress_phone(session: Session, phone_index: str, reason: str) -> int:
    """Take all texts that wait for a phone out of the queue, with the reason; return how many."""
    done = session.execute(
        update(Message)
        .where(
            col(Message.phone_index) == phone_index,
            col(Message.state).in_((MessageState.PENDING, MessageState.CLAIMED)),
        )
        .values(state=MessageState.SUPPRESSED, reason=reason, lease_until=None)
        .execution_options(synchronize_session="fetch")
    )
    return int(getattr(done, "rowcount", 0))


def reopen_phone(session: Session, phone_index: str, now: datetime) -> int:
    """Put back what an opt-out took out and is still to come (after START); return how many.

    What was due in between stays unsent: nobody wants a month of questions at once.
    """
    planned = (
        select(Prompt.id)
        .where(col(Prompt.id) == col(Message.prompt_id), col(Prompt.state) == PromptState.PLANNED)
        .exists()
    )
    done = session.execute(
        update(Message)
        .where(
            col(Message.phone_index) == phone_index,
            # By the phone, not by the state: see `claim`.
            func.coalesce(col(Message.state), "") == MessageState.SUPPRESSED,
            col(Message.reason) == "opted_out",
            col(Message.due_at) > now,
            col(Message.sending_at).is_(None),
            planned,
        )
        .values(state=MessageState.PENDING, reason="")
        .execution_options(synchronize_session="fetch")
    )
    return int(getattr(done, "rowcount", 0))


def past(session: Session, now: datetime, limit: int) -> list[Message]:
    """Return waiting texts that were due and whose time is over."""
    return list(
        session.exec(
            select(Message)
            .where(
                col(Message.state) == MessageState.PENDING,
                col(Message.send_at) <= now,
                col(Message.expires_at) <= now,
            )
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )


def emergencies_due(session: Session, now: datetime) -> list[Message]:
    """Return the emergency texts that wait and are due."""
    query = select(Message).where(
        col(Message.state) == MessageState.PENDING,
        col(Message.send_at) <= now,
        col(Message.kind) == MessageKind.EMERGENCY,
    )
    return list(session.exec(query))


def segments_since(session: Session, site_id: int, since: datetime) -> int:
    """Return how many segments a site has sent since an instant."""
    total = session.exec(
        select(func.coalesce(func.sum(Message.segments), 0)).where(
            col(Message.site_id) == site_id, col(Message.sending_at) >= since
        )
    ).one()
    return total or 0


def locked(session: Session, message_id: int) -> Message | None:
    """Return a text as it stands now, locked until the commit."""
    return session.exec(
        select(Message).where(col(Message.id) == message_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def waiting(session: Session) -> int:
    """Return how many texts wait."""
    return session.exec(select(func.count()).where(col(Message.state) == MessageState.PENDING)).one()


def oldest_due(session: Session, now: datetime) -> datetime | None:
    """Return since when the longest waiting due text waits, or None."""
    return session.exec(
        select(func.min(Message.send_at)).where(col(Message.state) == MessageState.PENDING, col(Message.send_at) <= now)
    ).one()
