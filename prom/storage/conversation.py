"""A phone's conversation as a text that comes in finds it, read and written without the object mapper.

Who has the phone, what they were asked last, what was sent and answered since: a handful of statements that are built
once. A provider waits while they run, and of the time of a text spelling statements and making objects anew was most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Table, and_, bindparam, func, literal, or_, select, update
from sqlmodel import Session

from prom.storage.models import (
    Consent,
    Inbound,
    InboundState,
    Message,
    MessageState,
    Patient,
    Prompt,
    PromptState,
    Purpose,
    Site,
    Suppression,
)
from prom.storage.statements import Statement


class Asked(Protocol):
    """A prompt, as a row or as the values below: what answering it needs."""

    id: int
    public_id: str
    episode_id: int
    patient_id: int
    site_id: int
    time_point: str
    questions: str
    state: PromptState
    closes_at: datetime
    last_text_at: datetime | None
    answered_at: datetime | None
    position: int
    reasks: int


class Text(Protocol):
    """A text that came in, as a row or as the values below: what its effects need."""

    id: int
    public_id: str
    site_id: int
    patient_id: int | None
    prompt_id: int | None
    phone_index: str
    received_at: datetime
    state: InboundState
    rule: str


@dataclass(slots=True)
class AskedPrompt:
    """One prompt's columns that a conversation reads and moves."""

    id: int
    public_id: str
    episode_id: int
    patient_id: int
    site_id: int
    time_point: str
    questions: str
    state: PromptState
    closes_at: datetime
    last_text_at: datetime | None
    answered_at: datetime | None
    position: int
    reasks: int


@dataclass(frozen=True, slots=True)
class Clinic:
    """The site that a text belongs to."""

    id: int
    key_sealed: bytes
    country: str
    echo: str
    sender: str


@dataclass(frozen=True, slots=True)
class Person:
    """A patient who has the phone; `consented` is their consent to texts today."""

    id: int
    public_id: str
    site_id: int
    key_sealed: bytes
    language: str
    paused_until: datetime | None
    paused_reason: str
    proxy: bool
    consented: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Whose phone it is, which clinic keeps the text, whether the phone was stopped, and the text if it is known."""

    clinic: Clinic
    people: tuple[Person, ...]
    stopped: bool
    known_id: int | None


@dataclass(frozen=True, slots=True)
class Sent:
    """One text about a prompt: where it stands, when it left, what it asked and, sealed, what it said."""

    public_id: str
    state: MessageState
    sending_at: datetime | None
    question: str
    body_sealed: bytes | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """Another text of the phone: when it came, what it was and, sealed with a clinic's key, what it said."""

    id: int
    public_id: str
    received_at: datetime
    outcome: str
    body_sealed: bytes
    key_sealed: bytes


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table


_P, _S, _Q, _I, _M = (_table(model) for model in (Patient, Site, Prompt, Inbound, Message))
_C, _X = _table(Consent).c, _table(Suppression).c
_PHONE: Any = bindparam("phone")
_AT: Any = bindparam("at", type_=_I.c.received_at.type)

_STOPPED = select(literal(1)).where(_X.phone_index == _PHONE, _X.reopened_at.is_(None)).exists()
_KNOWN = select(_I.c.id).where(_I.c.provider_sid == bindparam("sid")).scalar_subquery()
_CONSENTED = (
    select(literal(1))
    .where(_C.patient_id == _P.c.id, _C.purpose == Purpose.TEXTING, _C.withdrawn_at.is_(None))
    .exists()
)
_CLINIC = tuple(_S.c[name] for name in ("id", "key_sealed", "country", "echo", "sender"))
_OF_PHONE = Statement(
    select(
        *(_P.c[name] for name in ("id", "public_id", "site_id", "key_sealed", "language")),
        *(_P.c[name] for name in ("paused_until", "paused_reason", "proxy")),
        _CONSENTED,
        *_CLINIC,
        _STOPPED,
        _KNOWN,
    )
    .join(_S, _S.c.id == _P.c.site_id)
    .where(_P.c.phone_index == _PHONE)
    .order_by(_P.c.id)
)
_OF_NOBODY = Statement(select(*_CLINIC, _STOPPED, _KNOWN).order_by(_S.c.name))
_PERSON_COLUMNS, _CLINIC_COLUMNS = 9, 5

# Spelled without IN, whose list would be written into the statement anew at each run.
_TEXTED = or_(
    *(_Q.c.state == each for each in (PromptState.ASKED, PromptState.PARTLY, PromptState.ANSWERED, PromptState.MISSED))
)
# A text that a webhook missed is fetched later: it cannot answer a prompt that was asked since.
_ASKED_BEFORE = select(literal(1)).where(_M.c.prompt_id == _Q.c.id, _M.c.sending_at <= _AT).exists()
_PROMPT = tuple(_Q.c[name] for name in AskedPrompt.__slots__)
_LAST_TEXTED = Statement(
    select(*_PROMPT)
    .join(_P, _P.c.id == _Q.c.patient_id)
    .where(
        _P.c.phone_index == _PHONE,
        _TEXTED,
        or_(_Q.c.last_text_at <= _AT, and_(_Q.c.last_text_at > _AT, _ASKED_BEFORE)),
    )
    .order_by(_Q.c.last_text_at.desc(), _Q.c.id.desc())
    .limit(1)
)
_LOCKED = select(*_PROMPT).where(_Q.c.id == bindparam("prompt_id")).with_for_update()
_KEEP = Statement(
    update(_Q)
    .where(_Q.c.id == bindparam("prompt_id"))
    .values({name: bindparam(name) for name in ("state", "position", "reasks", "answered_at")})
)
_SENT = Statement(
    select(*(_M.c[name] for name in Sent.__slots__)).where(_M.c.prompt_id == bindparam("prompt_id")).order_by(_M.c.id)
)
_BEFORE = _I.alias("before")
_PREVIOUS = (
    select(func.max(_BEFORE.c.id))
    .where(_BEFORE.c.phone_index == _PHONE, _BEFORE.c.id < bindparam("row_id"))
    .scalar_subquery()
)
_EARLIER = Statement(
    select(*(_I.c[name] for name in ("id", "public_id", "received_at", "outcome", "body_sealed")), _S.c.key_sealed)
    .join(_S, _S.c.id == _I.c.site_id)
    .where(
        _I.c.phone_index == _PHONE,
        _I.c.id != bindparam("row_id"),
        or_(_I.c.received_at >= _AT, _I.c.id == _PREVIOUS),
    )
    .order_by(_I.c.id)
)


def standing(session: Session, phone_index: str, sid: str, to_number: str) -> Standing:
    """Return where a phone stands when a text with the provider's id comes to one of our numbers.

    A text belongs to the site of a patient with the phone, that of the number it was sent to first; of an unknown
    sender to the site whose number it was sent to, else to the first.
    """
    rows = _OF_PHONE.rows(session, phone=phone_index, sid=sid)
    people = tuple(Person(*row[:_PERSON_COLUMNS]) for row in rows)
    tails = [tuple(row[_PERSON_COLUMNS:]) for row in rows]
    if not rows:
        tails = [tuple(row) for row in _OF_NOBODY.rows(session, phone=phone_index, sid=sid)]
    chosen = next((tail for tail in tails if to_number and tail[_CLINIC_COLUMNS - 1] == to_number), tails[0])
    stopped, known_id = chosen[_CLINIC_COLUMNS:]
    return Standing(Clinic(*chosen[:_CLINIC_COLUMNS]), people, bool(stopped), known_id)


def last_texted_prompt(session: Session, phone_index: str, at: datetime) -> AskedPrompt | None:
    """Return the prompt whose text reached this phone last by an instant: it takes plain replies, open or not."""
    row = _LAST_TEXTED.first(session, phone=phone_index, at=at)
    return None if row is None else AskedPrompt(*row)


def lock_prompt(session: Session, prompt: Asked) -> None:
    """Make answers to one prompt follow each other, by whichever way they come, and read it anew.

    On SQLite a writing transaction is alone already, and what it has read is how it is.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    if isinstance(prompt, Prompt):
        session.refresh(prompt, with_for_update=True)
        return
    row = session.connection().execute(_LOCKED, {"prompt_id": prompt.id}).one()
    for name, value in zip(AskedPrompt.__slots__, row, strict=True):
        setattr(prompt, name, value)


def keep_prompt(session: Session, prompt: Asked) -> None:
    """Store how far a prompt's conversation has come."""
    if isinstance(prompt, Prompt):
        session.add(prompt)
        session.flush()
        return
    _KEEP.change(
        session,
        prompt_id=prompt.id,
        state=prompt.state,
        position=prompt.position,
        reasks=prompt.reasks,
        answered_at=prompt.answered_at,
    )


def sent(session: Session, prompt_id: int) -> list[Sent]:
    """Return the texts about one prompt, oldest first."""
    return [Sent(*row) for row in _SENT.rows(session, prompt_id=prompt_id)]


def earlier(session: Session, text: Text, since: datetime) -> Sequence[Earlier]:
    """Return the other texts of a phone since an instant and, however old, the one before this, in order."""
    rows = _EARLIER.rows(session, phone=text.phone_index, row_id=text.id, at=since)
    return [Earlier(*row) for row in rows]
