"""Staff, sessions and the audit trail."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from prom.storage.types import Row, new_public_id, one_of


class Role(StrEnum):
    """What somebody may do."""

    COORDINATOR = "coordinator"
    CLINICIAN = "clinician"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Staff(Row, table=True):
    """A person who signs in. The password is an argon2id hash; second-factor secrets are encrypted by the web layer."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=new_public_id, unique=True, max_length=20)
    site_id: int | None = Field(default=None, foreign_key="site.id", description="None: all sites")
    email: str = Field(unique=True, max_length=120)
    name: str = Field(default="", max_length=80)
    role: Role = Field(sa_type=one_of(Role))
    active: bool = True
    password: str | None = Field(default=None, max_length=255)
    fs_uniquifier: str = Field(default_factory=new_public_id, unique=True, max_length=64)
    tf_primary_method: str | None = Field(default=None, max_length=64)
    tf_totp_secret: str | None = Field(default=None, max_length=255)
    tf_phone_number: str | None = Field(default=None, max_length=128)
    mf_recovery_codes: str | None = Field(default=None, description="JSON list of encrypted codes")
    totp_counter: int | None = Field(default=None, description="last code used: a code works once")
    created_at: datetime
    last_seen_at: datetime | None = Field(default=None, description="sign-in before the current one")
    current_sign_in_at: datetime | None = None
    phone_sealed: bytes | None = Field(default=None, description="where staff texts go; without patient data")
    phone_index: str | None = Field(default=None, max_length=32)
    digest: bool = Field(default=False, description="wants the morning's counts by text")
    away_from_on: date | None = None
    away_to_on: date | None = Field(default=None, description="last day away")
    deputy_id: int | None = Field(default=None, foreign_key="staff.id", description="who gets the alerts meanwhile")


class WebSession(Row, table=True):
    """A signed-in browser. The cookie holds 256 random bits; the row holds their hash."""

    id: int = Field(default=None, primary_key=True)
    token_hash: str = Field(unique=True, max_length=64)
    staff_id: int | None = Field(default=None, foreign_key="staff.id", index=True)
    content: str = Field(default="{}", description="JSON")
    address: str = Field(default="", max_length=45)
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime = Field(index=True)


class BreakGlass(Row, table=True):
    """One hour of access to another site's patients, with its reason; seen by every admin."""

    id: int = Field(default=None, primary_key=True)
    staff_id: int = Field(foreign_key="staff.id", index=True)
    site_id: int = Field(foreign_key="site.id")
    reason: str = Field(max_length=240)
    opened_at: datetime
    expires_at: datetime
    __table_args__ = (CheckConstraint("expires_at > opened_at", name="expires_after_opened"),)


class SetupLink(Row, table=True):
    """A one-time link to set a password, shown once to whoever made the account."""

    id: int = Field(default=None, primary_key=True)
    staff_id: int = Field(foreign_key="staff.id", index=True)
    token_hash: str = Field(unique=True, max_length=64)
    expires_at: datetime
    used_at: datetime | None = None


class SignInThrottle(Row, table=True):
    """Growing delay after failed sign-ins, per account and per address (hashed)."""

    id: int = Field(default=None, primary_key=True)
    key: str = Field(unique=True, max_length=64)
    failures: int = 0
    not_before: datetime


class Audit(Row, table=True):
    """One change, read or refusal. Rows are never changed or deleted: triggers forbid it."""

    id: int = Field(default=None, primary_key=True)
    at: datetime
    actor: str = Field(max_length=40, description="staff public id, patient, clock, command or gateway")
    session: str = Field(default="", max_length=16)
    address: str = Field(default="", max_length=45)
    site_id: int | None = None
    action: str = Field(max_length=40)
    object_kind: str = Field(default="", max_length=24)
    object_id: str = Field(default="", max_length=40, description="public id")
    field: str = Field(default="", max_length=40)
    old_sealed: bytes | None = None
    new_sealed: bytes | None = None
    reason: str = Field(default="", max_length=240)
    request_id: str = Field(default="", max_length=20)
    __table_args__ = (Index("ix_audit_object", "object_kind", "object_id"),)


class AuditSeal(Row, table=True):
    """A block of audit rows sealed by an HMAC over the block and the seal before it."""

    id: int = Field(default=None, primary_key=True)
    first_id: int
    last_id: int = Field(unique=True)
    mac: bytes
    at: datetime
    __table_args__ = (CheckConstraint("last_id >= first_id", name="not_empty"),)
