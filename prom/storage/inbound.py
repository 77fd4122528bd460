"""Texts that came in, and the prompts they may answer."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Table, bindparam, text, update
from sqlmodel import Session, col, select

from prom.storage.conversation import Asked, Clinic
from prom.storage.models import Episode, Inbound, InboundState, Prompt, PromptState, Site
from prom.storage.session import vault_of
from prom.storage.statements import Statement
from prom.storage.types import new_public_id

PLAIN_REPLY_HOURS = 72
LONGEST_RULE = 40
LONGEST_NUMBER = 40
# What somebody wrote on our own page is kept like a text; its id begins so.
ON_PAGE = "page-"


@dataclass(slots=True)
class TextIn:
    """A text that came in, as the webhook works with it: `body` in clear, the columns as they are stored."""

    id: int
    public_id: str
    site_id: int
    phone_index: str
    phone_sealed: bytes
    body_sealed: bytes
    num_media: int
    received_at: datetime
    body: str
    attempts: int = 1
    state: InboundState = InboundState.UNREAD
    patient_id: int | None = None
    prompt_id: int | None = None
    outcome: str = ""
    rule: str = ""
    parser_version: str = ""

    def unread(self) -> None:
        """Take back what an interpretation that failed has set."""
        self.state, self.outcome, self.rule, self.parser_version = InboundState.UNREAD, "", "", ""
        self.patient_id = self.prompt_id = None


# Spelled as the index on these few rows is: a bound value would not find it.
IS_UNREAD = text("inbound.state = 'unread'")
# Statements of the webhook are built once: spelling one out costs more than running it.
_TABLE: Table = Inbound.__table__  # type: ignore[attr-defined]
_BY_SID = select(Inbound).where(col(Inbound.provider_sid) == bindparam("sid"))
_ADD = Statement.adding_to(_TABLE)
_READ_COLUMNS = ("state", "outcome", "rule", "parser_version", "patient_id", "prompt_id", "attempts")
_KEEP = Statement(
    update(_TABLE).where(_TABLE.c.id == bindparam("row_id")).values({name: bindparam(name) for name in _READ_COLUMNS})
)


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


def take(  # noqa: PLR0913 - one argument a fact of the text
    session: Session,
    clinic: Clinic,
    *,
    sid: str,
    phone: str,
    phone_index: str,
    to_number: str,
    body: str,
    num_media: int,
    received_at: datetime,
) -> TextIn:
    """Store a text from a phone as it came, as `add` does, without the object mapper.

    It is stored as read, which most texts are by the end of the same transaction: `keep` says so when it was not.
    """
    vault, public_id = vault_of(session), new_public_id()
    row = TextIn(
        id=0,
        public_id=public_id,
        site_id=clinic.id,
        phone_index=phone_index,
        phone_sealed=vault.seal(clinic.key_sealed, f"inbound|phone|{public_id}", phone),
        body_sealed=vault.seal(clinic.key_sealed, f"inbound|body|{public_id}", body),
        num_media=num_media,
        received_at=received_at,
        body=body,
        state=InboundState.READ,
    )
    values = {name: getattr(row, name) for name in TextIn.__slots__ if name not in {"id", "body"}}
    # PostgreSQL takes no NUL in text; a number has none.
    to_number = to_number.replace("\x00", "")[:LONGEST_NUMBER]
    row.id = _ADD.insert(session, **values, provider_sid=sid, to_number=to_number)
    return row


def opened(session: Session, row: Inbound) -> TextIn:
    """Return a stored text as the webhook works with it."""
    values = {name: getattr(row, name) for name in TextIn.__slots__ if name != "body"}
    return TextIn(**values, body=body(session, row))


def keep(session: Session, row: TextIn) -> None:
    """Store what a text turned out to be."""
    values = {name: getattr(row, name) for name in _READ_COLUMNS}
    _KEEP.change(session, row_id=row.id, **values)


def body(session: Session, row: Inbound | TextIn) -> str:
    """Return what a text said."""
    site = session.get_one(Site, row.site_id)
    return vault_of(session).open(site.key_sealed, f"inbound|body|{row.public_id}", row.body_sealed)


def phone(session: Session, row: Inbound | TextIn) -> str:
    """Return the number a text came from."""
    site = session.get_one(Site, row.site_id)
    return vault_of(session).open(site.key_sealed, f"inbound|phone|{row.public_id}", row.phone_sealed)


def by_public_id(session: Session, public_id: str, site_ids: Collection[int]) -> Inbound | None:
    """Return a text of these sites, or None."""
    query = select(Inbound).where(col(Inbound.public_id) == public_id, col(Inbound.site_id).in_(site_ids))
    return session.exec(query).first()


def unread(session: Session, limit: int = 100) -> list[int]:
    """Return the ids of texts whose interpretation failed, oldest first, for a job to try again."""
    query = select(Inbound.id).where(IS_UNREAD)
    return list(session.exec(query.order_by(col(Inbound.id)).limit(limit)))


def takes_plain_replies(prompt: Asked, now: datetime) -> bool:
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
