"""Answers: one row an answered item, each with an authentication code; corrections add rows, nothing is overwritten.

The code (MAC) covers who, what, when, the value and whether it counts, so that a flipped bit in the database shows.
"""

import hmac
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Table, bindparam, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from prom.domain import instruments
from prom.storage import bulk
from prom.storage.models import Answer, AnswerState, Episode, Inbound, Prompt, Source
from prom.storage.session import vault_of
from prom.storage.statements import Statement
from prom.storage.types import new_public_id
from prom.storage.vault import Vault

BATCH_ROWS = 2000
IMPORTED = "import"


def kept_as(question_key: str) -> tuple[str, str]:
    """Return (instrument, series) under which the answers to a question are stored.

    Only pain scores have a series, the recall period: relief is never computed across two of them.
    """
    question = instruments.question(question_key)
    if question.instrument == "nrs":
        return "nrs", question.series
    return ("relief_percent" if question.key == "relief_percent" else question.instrument), ""


def add(  # noqa: PLR0913 - an answer has this many facts, all named
    session: Session,
    episode: Episode,
    *,
    occasion: str,
    instrument: str,
    series: str = "",
    item: int = 0,
    value: int | None,
    answered_at: datetime,
    now: datetime,
    source: Source,
    prompt: Prompt | None = None,
    inbound: Inbound | None = None,
    staff_id: int | None = None,
    rule: str = "",
    parser_version: str = "",
    replaces: Answer | None = None,
    carried: bool = False,
    proxy: bool = False,
    state: AnswerState = AnswerState.CURRENT,
) -> Answer:
    """Add one answer and return its row, flushed; `value` None says that the item was skipped."""
    row = Answer(
        episode_id=episode.id,
        patient_id=episode.patient_id,
        site_id=episode.site_id,
        prompt_id=prompt.id if prompt else None,
        occasion=occasion,
        instrument=instrument,
        series=series,
        item=item,
        value=value,
        state=state,
        answered_at=answered_at,
        recorded_at=now,
        source=source,
        carried=carried,
        proxy=proxy,
        inbound_id=inbound.id if inbound else None,
        staff_id=staff_id,
        rule=rule,
        parser_version=parser_version,
        replaces_id=replaces.id if replaces else None,
        mac=b"",
    )
    row.mac = mac(vault_of(session), row)
    session.add(row)
    session.flush()
    return row


@dataclass(slots=True)
class NewAnswer:
    """An answer about to be stored with many others; `add_all` gives it its public id and its code.

    A table row costs fifty times as much to make.
    """

    episode_id: int
    patient_id: int
    site_id: int
    occasion: str
    instrument: str
    series: str
    item: int
    value: int | None
    answered_at: datetime
    source: Source
    staff_id: int | None = None
    rule: str = ""
    prompt_id: int | None = None
    state: AnswerState = AnswerState.CURRENT
    public_id: str = ""
    mac: bytes = b""
    inbound_id: int | None = None
    parser_version: str = ""
    replaces_id: int | None = None
    proxy: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """One stored answer as a conversation looks at it."""

    id: int
    public_id: str
    instrument: str
    series: str
    item: int
    value: int | None
    state: AnswerState
    recorded_at: datetime
    proxy: bool
    replaces_id: int | None


# Statements of the webhook are built once: spelling one out costs more than running it.
_TABLE: Table = Answer.__table__  # type: ignore[attr-defined]
_ADD = Statement.adding_to(_TABLE)
_GIVEN = Statement(
    select_columns(*(_TABLE.c[name] for name in Given.__slots__))
    .where(_TABLE.c.prompt_id == bindparam("prompt_id"))
    .order_by(_TABLE.c.id)
)


def mac(vault: Vault, answer: Answer | NewAnswer) -> bytes:
    """Return the authentication code an answer must carry."""
    return vault.mac(
        "answer",
        answer.public_id,
        answer.episode_id,
        answer.occasion,
        answer.instrument,
        answer.series,
        answer.item,
        answer.value,
        answer.state.value,
        answer.source.value,
        answer.answered_at.astimezone(UTC).isoformat(),
    )


def add_all(session: Session, rows: Sequence[NewAnswer], now: datetime) -> None:
    """Insert many answers in one statement (enrolments and imports); the codes are set here."""
    if not rows:
        return
    vault = vault_of(session)
    for row, public_id in zip(rows, bulk.public_ids(len(rows)), strict=True):
        row.public_id = public_id
        row.mac = mac(vault, row)
    same = {"recorded_at": now, "carried": False, "reason": ""}
    bulk.insert_rows(session, Answer, rows, NewAnswer.__slots__, same)


def store(session: Session, row: NewAnswer, now: datetime) -> Given:
    """Add one answer to a prompt and return it as stored, without the object mapper; the code is set here."""
    row.public_id = new_public_id()
    row.mac = mac(vault_of(session), row)
    values = {name: getattr(row, name) for name in NewAnswer.__slots__}
    new_id = _ADD.insert(session, **values, recorded_at=now, carried=False, reason="")
    same = {name: values[name] for name in Given.__slots__ if name in values}
    return Given(id=new_id, recorded_at=now, **same)


def given(session: Session, prompt_id: int) -> list[Given]:
    """Return all answers to a prompt as a conversation looks at them, superseded ones included, oldest first."""
    return [Given(*row) for row in _GIVEN.rows(session, prompt_id=prompt_id)]


def current(session: Session, episode_id: int) -> list[Answer]:
    """Return the answers of an episode that count, in the order they were given."""
    return list(
        session.exec(
            select(Answer)
            .where(col(Answer.episode_id) == episode_id, col(Answer.state) == AnswerState.CURRENT)
            .order_by(col(Answer.answered_at), col(Answer.id))
        )
    )


def of_episodes(session: Session, episode_ids: Iterable[int]) -> list[Answer]:
    """Return the answers that count of some episodes, by episode and time."""
    return list(
        session.exec(
            select(Answer)
            .where(col(Answer.episode_id).in_(set(episode_ids)), col(Answer.state) == AnswerState.CURRENT)
            .order_by(col(Answer.episode_id), col(Answer.answered_at), col(Answer.id))
        )
    )


def imported(session: Session, episode_ids: Collection[int]) -> list[Answer]:
    """Return the answers of some episodes that came from a file, whatever became of them since."""
    return list(
        session.exec(select(Answer).where(col(Answer.episode_id).in_(episode_ids), col(Answer.occasion) == IMPORTED))
    )


def of_prompts(session: Session, prompt_ids: Collection[int]) -> list[Answer]:
    """Return the answers that count of some prompts."""
    return list(
        session.exec(
            select(Answer).where(col(Answer.prompt_id).in_(prompt_ids), col(Answer.state) == AnswerState.CURRENT)
        )
    )


def of_prompt(session: Session, prompt_id: int) -> list[Answer]:
    """Return all answers to a prompt, superseded ones included, oldest first."""
    return list(session.exec(select(Answer).where(col(Answer.prompt_id) == prompt_id).order_by(col(Answer.id))))


def by_public_id(session: Session, public_id: str) -> Answer | None:
    """Return an answer by its public id."""
    return session.exec(select(Answer).where(col(Answer.public_id) == public_id)).one_or_none()


def supersede(session: Session, answer: Answer, state: AnswerState, reason: str = "") -> bool:
    """Take a current answer out of the count; return False if somebody else already did.

    Do this before adding the answer that replaces it: one current answer an item is all the database allows.
    """
    fresh = answer.model_copy(update={"state": state})
    taken = session.execute(
        update(Answer)
        .where(col(Answer.id) == answer.id, col(Answer.state) == AnswerState.CURRENT)
        .values(state=state, reason=reason[:120], mac=mac(vault_of(session), fresh))
        .execution_options(synchronize_session=False)
    )
    session.refresh(answer)
    return bool(getattr(taken, "rowcount", 0) == 1)


def verify_macs(session: Session) -> list[str]:
    """Return the public ids of answers whose stored content does not fit their code."""
    vault = vault_of(session)
    wrong: list[str] = []
    after = 0
    while rows := session.exec(
        select(Answer).where(col(Answer.id) > after).order_by(col(Answer.id)).limit(BATCH_ROWS)
    ).all():
        wrong += [row.public_id for row in rows if not hmac.compare_digest(mac(vault, row), row.mac)]
        after = rows[-1].id
        for row in rows:
            # The whole table passes by here; the session must not keep it.
            session.expunge(row)
    return wrong
