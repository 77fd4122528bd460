"""What goes out and what comes in."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from prom.storage.types import Row, new_public_id, one_of, only


class MessageKind(StrEnum):
    """What a text is for: decides hours, caps and priority (SMS.md's table)."""

    EMERGENCY = "emergency"
    REPLY = "reply"
    DIARY = "diary"
    PROMPT = "prompt"
    REMINDER = "reminder"
    CONFIRMATION = "confirmation"
    TEST = "test"
    STAFF = "staff"


class MessageState(StrEnum):
    """Where a text stands in the outbox."""

    PENDING = "pending"
    CLAIMED = "claimed"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"


class InboundState(StrEnum):
    """What became of a text that came in."""

    UNREAD = "unread"
    READ = "read"
    PEOPLE = "people"
    UNMATCHED = "unmatched"


class Channel(Row, table=True):
    """The sender shared by all workers: halts, hold and rate."""

    id: int = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=24)
    halted_at: datetime | None = None
    halted_code: str = Field(default="", max_length=24)
    next_probe_at: datetime | None = None
    held_at: datetime | None = Field(default=None, description="HOLD: after a restore or an alarm, until released")
    held_reason: str = Field(default="", max_length=40)
    slow_until: datetime | None = None
    next_send_at: datetime | None = Field(default=None, description="rate limit over all workers")
    balance: int | None = Field(default=None, description="credit at the provider in 1/100 of its currency, last seen")
    balance_currency: str = Field(default="", max_length=3)
    balance_at: datetime | None = None
    low_balance: int | None = Field(default=None, description="alarm below it, in 1/100 of the currency")


class Message(Row, table=True):
    """One outgoing text (the outbox): sent at most once, and never silently not sent."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    site_id: int = Field(foreign_key="site.id")
    patient_id: int | None = Field(default=None, foreign_key="patient.id", index=True)
    prompt_id: int | None = Field(default=None, foreign_key="prompt.id")
    inbound_id: int | None = Field(default=None, foreign_key="inbound.id", description="the text this one answers")
    staff_id: int | None = Field(default=None, foreign_key="staff.id", description="who gets a staff text")
    dedupe_key: str = Field(unique=True, max_length=120)
    kind: MessageKind = Field(sa_type=one_of(MessageKind))
    priority: int = Field(description="0 emergency, 1 reply, 2 diary, 3 prompt and confirmation, 4 reminder")
    text_key: str = Field(max_length=40)
    question: str = Field(default="", max_length=24, description="question key asked, if any")
    variables_sealed: bytes | None = Field(default=None, description="JSON for the wording")
    body_sealed: bytes | None = Field(default=None, description="as sent, with [link] in place of the address")
    phone_sealed: bytes | None = Field(default=None, description="where it went; set with `sending`")
    phone_index: str = Field(max_length=32)
    segments: int | None = None
    state: MessageState = Field(default=MessageState.PENDING, sa_type=one_of(MessageState))
    status_rank: int = Field(default=-1, description="highest provider status seen")
    reason: str = Field(default="", max_length=40, description="why not sent or not delivered; empty otherwise")
    error_code: str = Field(default="", max_length=12)
    due_at: datetime = Field(description="planned time")
    send_at: datetime = Field(description="earliest next attempt: due, or later after quiet hours and retries")
    expires_at: datetime
    created_at: datetime
    attempt: int = 0
    lease_until: datetime | None = None
    sending_at: datetime | None = Field(default=None, description="committed just before the call")
    checks: int = Field(default=0, description="listings made for an unknown outcome")
    resent: bool = Field(default=False, description="the one resend after an unknown outcome was used")
    provider_sid: str | None = Field(default=None, unique=True, max_length=40)
    accepted_at: datetime | None = None
    __table_args__ = (
        CheckConstraint("expires_at > due_at", name="expires_after_due"),
        Index("ix_message_state_send_at", "state", "send_at"),
        Index("ix_message_phone_index_sending_at", "phone_index", "sending_at"),
        # Only what the queries look for is in these: a text that waits or answers costs no entry there.
        Index("ix_message_site_id_sending_at", "site_id", "sending_at", **only("sending_at IS NOT NULL")),
        Index("ix_message_prompt_id", "prompt_id", **only("prompt_id IS NOT NULL")),
    )


class MessageEvent(Row, table=True):
    """One status callback or listing, kept as it came."""

    id: int = Field(default=None, primary_key=True)
    message_id: int | None = Field(default=None, foreign_key="message.id")
    provider_sid: str = Field(max_length=40)
    status: str = Field(max_length=24)
    error_code: str = Field(default="", max_length=12)
    received_at: datetime


class Inbound(Row, table=True):
    """One text that came in, stored before it is understood."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    provider_sid: str = Field(unique=True, max_length=40)
    site_id: int = Field(foreign_key="site.id", description="whose key sealed it")
    patient_id: int | None = Field(default=None, foreign_key="patient.id")
    prompt_id: int | None = Field(default=None, foreign_key="prompt.id")
    phone_index: str = Field(max_length=32)
    phone_sealed: bytes
    to_number: str = Field(default="", max_length=40, description="our number it was sent to")
    body_sealed: bytes
    num_media: int = 0
    received_at: datetime
    state: InboundState = Field(default=InboundState.UNREAD, sa_type=one_of(InboundState))
    outcome: str = Field(default="", max_length=24)
    rule: str = Field(default="", max_length=40)
    parser_version: str = Field(default="", max_length=16)
    attempts: int = 0
    __table_args__ = (
        Index("ix_inbound_unread", "id", **only("state = 'unread'")),
        Index("ix_inbound_patient_id", "patient_id", **only("patient_id IS NOT NULL")),
        Index("ix_inbound_phone_index_received_at", "phone_index", "received_at"),
    )


class Suppression(Row, table=True):
    """A phone that asked us to stop. One row a phone; re-opened only by START or UNSTOP."""

    id: int = Field(default=None, primary_key=True)
    phone_index: str = Field(unique=True, max_length=32)
    stopped_at: datetime
    source: str = Field(max_length=24, description="reply, carrier or staff")
    reopened_at: datetime | None = None


class Heartbeat(Row, table=True):
    """When each job last ran, and how far it came."""

    id: int = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=32)
    at: datetime
    detail: str = Field(default="", max_length=120)
