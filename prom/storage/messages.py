"""The outbox: texts that wait, and what is known about each of them.

A text is added once (its dedupe key is unique), as a key of the wording and variables; its words are made when it is
claimed, so that they are always the newest and in the patient's language of that moment. Sending itself is in
`outbox`.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Table, bindparam, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from prom.storage.models import Message, MessageKind, MessageState, Patient, Site
from prom.storage.session import vault_of
from prom.storage.statements import Statement
from prom.storage.types import new_public_id
from prom.storage.vault import Vault

PRIORITY: Mapping[MessageKind, int] = MappingProxyType(
    {
        MessageKind.EMERGENCY: 0,
        MessageKind.REPLY: 1,
        MessageKind.DIARY: 2,
        # Whoever tests a phone stands beside it, and a staff text is one among thousands.
        MessageKind.TEST: 2,
        MessageKind.STAFF: 2,
        MessageKind.PROMPT: 3,
        MessageKind.CONFIRMATION: 3,
        MessageKind.REMINDER: 4,
    }
)


def add_pending(  # noqa: PLR0913 - one argument a column
    session: Session,
    *,
    site_id: int,
    patient_id: int | None,
    prompt_id: int | None,
    inbound_id: int | None,
    staff_id: int | None = None,
    dedupe_key: str,
    kind: MessageKind,
    text_key: str,
    question: str = "",
    variables: Mapping[str, Any] | None = None,
    phone_index: str,
    phone: str | None = None,
    due_at: datetime,
    expires_at: datetime,
    now: datetime,
) -> Message | None:
    """Add a text to the outbox, or return None when one with this dedupe key is there already.

    Without `phone` it goes to the number the patient has when it is sent; with it, to that number (an answer to a
    phone that nobody is known by). `variables` is what the wording needs, as JSON values.
    """
    values = {
        "public_id": new_public_id(),
        "site_id": site_id,
        "patient_id": patient_id,
        "prompt_id": prompt_id,
        "inbound_id": inbound_id,
        "staff_id": staff_id,
        "dedupe_key": dedupe_key,
        "kind": kind,
        "text_key": text_key,
        "question": question,
        "phone_index": phone_index,
        "due_at": due_at,
        "expires_at": expires_at,
    }
    row = _complete(session, values, variables, phone, now)
    statement = _insert(session).values(row).on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(Message)
    added: Message | None = session.scalars(statement).first()
    return added


def add_many(session: Session, rows: Iterable[Mapping[str, Any]], now: datetime) -> int:
    """Add many texts at once, skipping those whose dedupe key is there, and return how many were new.

    Each row has the names that `add_pending` takes, site_id to expires_at; a whole plan is written in one statement.
    """
    complete = []
    for row in rows:
        absent = {"inbound_id": None, "staff_id": None, "question": ""}
        values: dict[str, Any] = {**absent, **row, "public_id": new_public_id()}
        variables, phone = values.pop("variables", None), values.pop("phone", None)
        complete.append(_complete(session, values, variables, phone, now))
    if not complete:
        return 0
    statement = _insert(session).on_conflict_do_nothing(index_elements=["dedupe_key"])
    return session.connection().execute(statement, complete).rowcount


# Built once: the webhook waits while an answer is queued.
_TABLE: Table = Message.__table__  # type: ignore[attr-defined]
_UNSENT = ("body_sealed", "segments", "lease_until", "sending_at", "provider_sid", "accepted_at")
_QUEUE = Statement(
    sqlite.insert(_TABLE)
    .values({column.name: bindparam(column.name) for column in _TABLE.c if column.name not in {"id", *_UNSENT}})
    .on_conflict_do_nothing(index_elements=["dedupe_key"]),
    postgresql.insert(_TABLE).on_conflict_do_nothing(index_elements=["dedupe_key"]),
)


def queue_answer(session: Session, row: Mapping[str, Any], now: datetime) -> bool:
    """Add one text that answers another, as `add_pending` does but without loading it; False if it is there already.

    `row` has the names that `add_pending` takes, site_id to expires_at.
    """
    values: dict[str, Any] = {"question": "", "staff_id": None, **row, "public_id": new_public_id()}
    variables, phone = values.pop("variables", None), values.pop("phone", None)
    return _QUEUE.change(session, **_complete(session, values, variables, phone, now)) == 1


def by_public_id(session: Session, public_id: str) -> Message | None:
    """Return the text with our own id, as it comes back in `?m=` of a status callback."""
    return session.exec(select(Message).where(col(Message.public_id) == public_id)).first()


def by_sid(session: Session, provider_sid: str) -> Message | None:
    """Return the text with the provider's id."""
    return session.exec(select(Message).where(col(Message.provider_sid) == provider_sid)).first()


def of_prompt(session: Session, prompt_id: int) -> list[Message]:
    """Return the texts about one prompt, oldest first."""
    return list(session.exec(select(Message).where(col(Message.prompt_id) == prompt_id).order_by(col(Message.id))))


def known_keys(session: Session, dedupe_keys: Collection[str]) -> set[str]:
    """Return which dedupe keys are taken."""
    return set(session.exec(select(Message.dedupe_key).where(col(Message.dedupe_key).in_(dedupe_keys))))


def next_due(session: Session, now: datetime) -> datetime | None:
    """Return when the next text waits for after now, or None."""
    return session.exec(
        select(func.min(Message.send_at)).where(col(Message.state) == MessageState.PENDING, col(Message.send_at) > now)
    ).one()


def made_since(session: Session, kind: MessageKind, phone_index: str, since: datetime) -> int:
    """Return how many texts of a kind were queued for a phone since an instant, whatever became of them."""
    query = select(func.count()).where(
        col(Message.phone_index) == phone_index, col(Message.kind) == kind, col(Message.created_at) > since
    )
    return session.exec(query).one()


def share_with_error(session: Session, error_code: str, since: datetime) -> tuple[int, int]:
    """Return how many texts since an instant ended with an error, and how many left at all."""
    left = (MessageState.SENT, MessageState.DELIVERED, MessageState.UNDELIVERED, MessageState.FAILED)
    recent = select(func.count()).where(col(Message.state).in_(left), col(Message.send_at) >= since)
    return session.exec(recent.where(col(Message.error_code) == error_code)).one(), session.exec(recent).one()


def key_of(session: Session, message: Message) -> bytes:
    """Return the wrapped data key of a text: the patient's, or the site's where it belongs to nobody."""
    if message.patient_id is not None:
        return session.get_one(Patient, message.patient_id).key_sealed
    return session.get_one(Site, message.site_id).key_sealed


def body(session: Session, message: Message) -> str:
    """Return a text as it was sent, [link] in place of the address; empty before it was rendered."""
    return _opened(session, message, "body", message.body_sealed)


def phone(session: Session, message: Message) -> str:
    """Return the number a text went to, or is bound to; empty where it follows the patient's number."""
    return _opened(session, message, "phone", message.phone_sealed)


def variables(session: Session, message: Message) -> dict[str, Any]:
    """Return what the wording of a text needs."""
    if message.variables_sealed is None:
        return {}
    key = key_of(session, message)
    return opened_variables(vault_of(session), key, message.public_id, message.variables_sealed)


def opened_variables(vault: Vault, key: bytes, public_id: str, sealed: bytes | None) -> dict[str, Any]:
    """Return what the wording of a text needs, from its sealed column."""
    found: dict[str, Any] = json.loads(vault.open(key, place("variables", public_id), sealed)) if sealed else {}
    return found


def place(column: str, public_id: str) -> str:
    """Return where a sealed field of a text belongs."""
    return f"message|{column}|{public_id}"


def _opened(session: Session, message: Message, column: str, sealed: bytes | None) -> str:
    if sealed is None:
        return ""
    return vault_of(session).open(key_of(session, message), place(column, message.public_id), sealed)


def _complete(
    session: Session, values: dict[str, Any], variables: Mapping[str, Any] | None, phone: str | None, now: datetime
) -> dict[str, Any]:
    """Return a whole row: Core inserts do not know the defaults of the table class."""
    row = {
        **values,
        "priority": PRIORITY[values["kind"]],
        "state": MessageState.PENDING,
        "status_rank": -1,
        "reason": "",
        "error_code": "",
        "send_at": values["due_at"],
        "created_at": now,
        "attempt": 0,
        "checks": 0,
        "resent": False,
        "variables_sealed": None,
        "phone_sealed": None,
    }
    if variables or phone:
        key = _row_key(session, row)
        vault = vault_of(session)
        if variables:
            words = json.dumps(dict(variables), ensure_ascii=False, sort_keys=True)
            row["variables_sealed"] = vault.seal(key, place("variables", row["public_id"]), words)
        if phone:
            row["phone_sealed"] = vault.seal(key, place("phone", row["public_id"]), phone)
    return row


def _row_key(session: Session, row: Mapping[str, Any]) -> bytes:
    if row["patient_id"] is not None:
        return session.get_one(Patient, row["patient_id"]).key_sealed
    return session.get_one(Site, row["site_id"]).key_sealed


def _insert(session: Session) -> Any:
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(Message)
    return sqlite.insert(Message)
