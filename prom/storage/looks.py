"""The last look before a text leaves, and the two marks around the call: the statements of the sender's hot path.

They are built once and run without the object mapper: of the time a text costs us, spelling statements anew was most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, case, func, insert, literal, or_, select, update
from sqlmodel import Session

from prom.storage.audit import GATEWAY
from prom.storage.channels import MAIN, State
from prom.storage.models import (
    Audit,
    Channel,
    Consent,
    Episode,
    EpisodeState,
    Message,
    MessageKind,
    MessageState,
    Patient,
    Prompt,
    PromptState,
    Purpose,
    Site,
    Suppression,
)
from prom.storage.outbox import CONVERSING, OPENING, Claim


@dataclass(frozen=True, slots=True)
class Look:
    """A text and all that decides whether it may leave and what it says; absent rows leave None."""

    message_id: int
    public_id: str
    kind: MessageKind
    text_key: str
    question: str
    variables_sealed: bytes | None
    bound_sealed: bytes | None
    phone_index: str
    due_at: datetime
    send_at: datetime
    expires_at: datetime
    site_id: int
    label: str
    site_phone: str
    site_zone: str
    country: str
    site_language: str
    two_way: bool
    echo: str
    quiet_hours: bool
    monthly_segments: int | None
    own_sender: str
    site_key: bytes
    patient_id: int | None
    patient_public_id: str | None
    patient_key: bytes | None
    patient_phone: bytes | None
    patient_phone_index: str | None
    patient_language: str | None
    patient_zone: str | None
    paused_until: datetime | None
    unusable_reason: str | None
    died_on: date | None
    withdrawn_on: date | None
    channel: str | None
    prompt_id: int | None
    prompt_public_id: str | None
    nonce: str | None
    questions: str | None
    position: int | None
    doubtful: str | None
    prompt_state: PromptState | None
    prompt_reason: str | None
    prompt_due_at: datetime | None
    asked_at: datetime | None
    episode_state: EpisodeState | None
    target: str | None
    side: str | None
    consented: bool
    opted_out: bool
    halted_at: datetime | None
    slow_until: datetime | None
    next_send_at: datetime | None

    @property
    def sender(self) -> State:
        """Return the sender as it was seen in the same moment."""
        return State(self.halted_at, self.slow_until, self.next_send_at)

    @property
    def key(self) -> bytes:
        """Return the wrapped key of the text's own fields: the patient's, or the site's where it is nobody's."""
        return self.site_key if self.patient_key is None else self.patient_key

    @property
    def zone(self) -> str:
        """Return the time zone of the receiver."""
        return self.site_zone if self.patient_zone is None else self.patient_zone

    @property
    def language(self) -> str:
        """Return the language of the receiver."""
        return self.site_language if self.patient_language is None else self.patient_language


@dataclass(frozen=True, slots=True)
class Seen:
    """Another text to the same phone: one that left lately, or one that is due too."""

    id: int
    kind: MessageKind
    text_key: str
    prompt_id: int | None
    state: MessageState
    due_at: datetime
    send_at: datetime
    expires_at: datetime
    sending_at: datetime | None
    prompt_state: PromptState | None
    closes_at: datetime | None
    episode_state: EpisodeState | None

    def is_due(self, now: datetime) -> bool:
        """Tell whether it waits, is due, and its prompt could still be asked."""
        if self.state not in {MessageState.PENDING, MessageState.CLAIMED} or self.kind not in CONVERSING:
            return False
        if self.send_at > now or self.expires_at <= now or self.episode_state is EpisodeState.CANCELLED:
            return False
        if self.kind in OPENING:
            return self.prompt_state is PromptState.PLANNED and self.closes_at is not None and self.closes_at > now
        return self.is_open(now)

    def is_open(self, now: datetime) -> bool:
        """Tell whether its prompt was asked and waits for an answer."""
        asked = self.prompt_state in {PromptState.ASKED, PromptState.PARTLY}
        return asked and self.closes_at is not None and self.closes_at > now


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table


_M, _S, _P, _Q, _E, _H = (_table(model) for model in (Message, Site, Patient, Prompt, Episode, Channel))
_C, _X = _table(Consent).c, _table(Suppression).c


def _consented() -> ColumnElement[bool]:
    mine = and_(_C.patient_id == _M.c.patient_id, _C.purpose == Purpose.TEXTING, _C.withdrawn_at.is_(None))
    return select(literal(1)).where(mine).exists()


def _opted_out() -> ColumnElement[bool]:
    """Whether the phone it would go to asked us to stop: the patient's of today, or the one it was made for."""
    phones = or_(_X.phone_index == _M.c.phone_index, _X.phone_index == _P.c.phone_index)
    return select(literal(1)).where(phones, _X.reopened_at.is_(None)).exists()


_LOOK = (
    select(
        *(_M.c[name] for name in ("id", "public_id", "kind", "text_key", "question", "variables_sealed")),
        *(_M.c[name] for name in ("phone_sealed", "phone_index", "due_at", "send_at", "expires_at")),
        *(_S.c[name] for name in ("id", "label", "phone", "time_zone", "country", "language", "two_way", "echo")),
        *(_S.c[name] for name in ("quiet_hours", "monthly_segments", "sender", "key_sealed")),
        *(_P.c[name] for name in ("id", "public_id", "key_sealed", "phone_sealed", "phone_index", "language")),
        *(
            _P.c[name]
            for name in ("time_zone", "paused_until", "unusable_reason", "died_on", "withdrawn_on", "channel")
        ),
        *(_Q.c[name] for name in ("id", "public_id", "nonce", "questions", "position", "doubtful", "state")),
        *(_Q.c[name] for name in ("reason", "due_at", "asked_at")),
        *(_E.c[name] for name in ("state", "target", "side")),
        _consented(),
        _opted_out(),
        *(_H.c[name] for name in ("halted_at", "slow_until", "next_send_at")),
    )
    .select_from(
        _M.join(_S, _S.c.id == _M.c.site_id)
        .outerjoin(_P, _P.c.id == _M.c.patient_id)
        .outerjoin(_Q, _Q.c.id == _M.c.prompt_id)
        .outerjoin(_E, _E.c.id == _Q.c.episode_id)
        .outerjoin(_H, _H.c.name == MAIN)
    )
    .where(_M.c.id == bindparam("message_id"))
)
_CLAIMED = _LOOK.where(
    _M.c.state == MessageState.CLAIMED, _M.c.lease_until == bindparam("lease_until")
).with_for_update(of=_M)

_SEEN = (
    select(
        *(_M.c[name] for name in ("id", "kind", "text_key", "prompt_id", "state", "due_at", "send_at", "expires_at")),
        _M.c.sending_at,
        _Q.c.state,
        _Q.c.closes_at,
        _E.c.state,
    )
    .select_from(_M.outerjoin(_Q, _Q.c.id == _M.c.prompt_id).outerjoin(_E, _E.c.id == _Q.c.episode_id))
    .where(
        _M.c.phone_index == bindparam("phone"),
        or_(
            _M.c.sending_at >= bindparam("since"),
            and_(
                or_(_M.c.state == MessageState.PENDING, _M.c.state == MessageState.CLAIMED),
                _M.c.send_at <= bindparam("until"),
            ),
        ),
    )
)

_SENDING = (
    update(_M)
    .where(
        _M.c.id == bindparam("message_id"),
        _M.c.state == MessageState.CLAIMED,
        _M.c.lease_until == bindparam("claimed_until"),
    )
    .values(
        state=MessageState.SENDING,
        reason="",
        attempt=_M.c.attempt + 1,
    )
)  # The rest of what is set comes with the parameters: see Leaving.

_ACCEPTED = (
    update(_M)
    .where(
        _M.c.id == bindparam("message_id"),
        or_(_M.c.state == MessageState.SENDING, _M.c.state == MessageState.UNKNOWN),
        _M.c.provider_sid.is_(None),
        ~select(literal(1)).where(_M.alias("other").c.provider_sid == bindparam("sid")).exists(),
    )
    .values(
        state=MessageState.ACCEPTED,
        reason="",
        error_code="",
        lease_until=None,
        provider_sid=bindparam("sid"),
        status_rank=bindparam("rank"),
        accepted_at=bindparam("now"),
    )
)

# Spelled without IN, whose list would be written into the statement anew at each run.
_NOT_YET = or_(_Q.c.state == PromptState.PLANNED, _Q.c.state == PromptState.NOT_SENT)
_ASKED = (
    update(_Q)
    .where(_Q.c.id == bindparam("prompt_id"))
    .values(
        state=case(
            (_NOT_YET, literal(PromptState.ASKED, _Q.c.state.type)),
            else_=_Q.c.state,
        ),
        reason=case((_NOT_YET, ""), else_=_Q.c.reason),
        asked_at=func.coalesce(_Q.c.asked_at, bindparam("at", type_=_Q.c.asked_at.type)),
        last_text_at=bindparam("at"),
    )
)


# The same row as audit.record writes, without the mapper: one for each text that leaves.
_NOTED = insert(_table(Audit)).values(
    actor=GATEWAY.name,
    session="",
    address="",
    request_id="",
    action="text sent",
    object_kind="message",
    field="",
    reason="",
)


def claimed(session: Session, claim: Claim) -> Look | None:
    """Return a claimed text with all that decides about it, or None when the claim was lost; it stays locked."""
    found = session.connection().execute(_CLAIMED, {"message_id": claim.message_id, "lease_until": claim.lease_until})
    row: Any = found.first()
    return None if row is None else Look(*row)


def at(session: Session, message_id: int) -> Look:
    """Return a text with all that its words depend on."""
    row: Any = session.connection().execute(_LOOK, {"message_id": message_id}).one()
    return Look(*row)


def of_phone(session: Session, phone_index: str, since: datetime, now: datetime) -> Sequence[Seen]:
    """Return the texts that left for a phone since an instant, and those that are due to it."""
    rows: Any = session.connection().execute(_SEEN, {"phone": phone_index, "since": since, "until": now})
    return [Seen(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Leaving:
    """What is noted of a text just before the call."""

    message_id: int
    claimed_until: datetime
    phone_index: str
    phone_sealed: bytes
    body_sealed: bytes
    segments: int
    sending_at: datetime
    lease_until: datetime


def mark_sending(session: Session, text: Leaving) -> bool:
    """Mark a claimed text as `sending`, unless the claim was lost."""
    values = {name: getattr(text, name) for name in Leaving.__slots__}
    return session.connection().execute(_SENDING, values).rowcount == 1


def mark_accepted(session: Session, message_id: int, sid: str, rank: int, now: datetime) -> bool:
    """Mark a text as accepted under the provider's id; False when a callback was quicker or the id is another's."""
    values = {"message_id": message_id, "sid": sid, "rank": rank, "now": now}
    return session.connection().execute(_ACCEPTED, values).rowcount == 1


def note_sent(session: Session, public_id: str, site_id: int, now: datetime) -> None:
    """Add the audit row of a text that left."""
    session.connection().execute(_NOTED, {"object_id": public_id, "site_id": site_id, "at": now})


def mark_asked(session: Session, prompt_id: int, at: datetime) -> None:
    """Note that a text of a prompt left: it is asked, and plain replies bind to it."""
    session.connection().execute(_ASKED, {"prompt_id": prompt_id, "at": at})
