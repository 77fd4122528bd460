"""Counts of one month for reports: what was asked and answered, what was not sent and why, what the texts cost."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Select, case, func, text
from sqlalchemy import select as columns_of
from sqlmodel import Session, col

from prom.storage.models import (
    Episode,
    Message,
    MessageState,
    Patient,
    Prompt,
    PromptState,
    Sensitization,
    Site,
)

ANSWERED, ASKED = (PromptState.ANSWERED,), (PromptState.ASKED, PromptState.PARTLY, PromptState.MISSED)
UNSENT = (MessageState.EXPIRED, MessageState.SUPPRESSED, MessageState.FAILED, MessageState.UNDELIVERED)
CUT_OFF = 40
CONFIRMATION = "confirmation"


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time of some sites: the instants from `start` up to `end`, exclusive."""

    site_ids: Collection[int]
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Replies:
    """Of the prompts due in a period that share a key: how many were asked, answered in full, and not sent by us."""

    key: str
    asked: int
    answered: int
    not_sent: int


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts of a period that share a key, and the segments paid for."""

    key: str
    texts: int
    segments: int


def _csi_band() -> Any:
    low, high = col(Sensitization.csi_min), col(Sensitization.csi_max)
    return case((low >= CUT_OFF, "40_or_more"), (high < CUT_OFF, "below_40"), else_="unknown")


def _age() -> Any:
    # The age at the end of the procedure's year: the year of birth is all there is.
    age = func.extract("year", col(Episode.procedure_at)) - col(Patient.birth_year)
    return case((age < 40, "under_40"), (age < 60, "40_59"), (age < 75, "60_74"), (age >= 75, "75_or_more"), else_="")


KEYS: Mapping[str, Any] = MappingProxyType(
    {
        # Each confirmation has a key of its own; together they are one row.
        "time_point": lambda: case((col(Prompt.kind) == CONFIRMATION, CONFIRMATION), else_=col(Prompt.time_point)),
        "language": lambda: col(Patient.language),
        "age": _age,
        "csi": _csi_band,
        "procedure": lambda: col(Episode.procedure),
        "site": lambda: col(Site.name),
    }
)


def replies(session: Session, period: Period, *by: str) -> dict[str, list[Replies]]:
    """Return the replies to the prompts due in a period by some of KEYS, counted in one pass.

    Cancelled and waiting prompts are left out, and so is a key without any that was asked or not sent.
    """
    # Grouped by their labels: PostgreSQL takes an expression with bound numbers for another one when it stands twice.
    labels = [f"key_{place}" for place in range(len(by))]
    keys = [KEYS[name]().label(label) for name, label in zip(by, labels, strict=True)]
    counts = (_how_many(states) for states in ((*ANSWERED, *ASKED), ANSWERED, (PromptState.NOT_SENT,)))
    query = (
        columns_of(*keys, *counts)
        .select_from(Prompt)
        .join(Episode, col(Prompt.episode_id) == col(Episode.id))
        .join(Patient, col(Prompt.patient_id) == col(Patient.id))
        .join(Site, col(Prompt.site_id) == col(Site.id))
        .outerjoin(Sensitization, col(Sensitization.episode_id) == col(Episode.id))
        .group_by(*map(text, labels))
    )
    rows = session.execute(_due_in(query, period)).all()
    return {name: _added_up(rows, place, len(by)) for place, name in enumerate(by)}


def _added_up(rows: Sequence[Any], place: int, keys: int) -> list[Replies]:
    sums: dict[str, list[int]] = {}
    for row in rows:
        counts = sums.setdefault(row[place], [0, 0, 0])
        for number in range(3):
            counts[number] += int(row[keys + number])
    return [Replies(key, *counts) for key, counts in sums.items() if counts[0] or counts[2]]


def _how_many(states: Sequence[PromptState]) -> Any:
    return func.sum(case((col(Prompt.state).in_(states), 1), else_=0))


def _due_in(query: Select[Any], period: Period) -> Select[Any]:
    # With the states named the index on state and due time serves: a month is a small part of the table.
    counted = (*ANSWERED, *ASKED, PromptState.NOT_SENT)
    return query.where(
        col(Prompt.state).in_(counted),
        col(Prompt.due_at) >= period.start,
        col(Prompt.due_at) < period.end,
        col(Prompt.site_id).in_(period.site_ids),
    )


def not_sent(session: Session, period: Period) -> dict[str, int]:
    """Return the reasons why prompts due in a period were not sent, with their counts."""
    query = columns_of(col(Prompt.reason), func.count()).where(
        col(Prompt.state) == PromptState.NOT_SENT,
        col(Prompt.due_at) >= period.start,
        col(Prompt.due_at) < period.end,
        col(Prompt.site_id).in_(period.site_ids),
    )
    return {row[0]: row[1] for row in session.execute(query.group_by(col(Prompt.reason)))}


def texts_not_delivered(session: Session, period: Period) -> dict[tuple[str, str], int]:
    """Return (state, reason) of the texts of a period that did not go out or did not arrive, with their counts."""
    query = columns_of(col(Message.state), col(Message.reason), func.count()).where(
        col(Message.state).in_(UNSENT),
        col(Message.send_at) >= period.start,
        col(Message.send_at) < period.end,
        col(Message.site_id).in_(period.site_ids),
    )
    rows = session.execute(query.group_by(col(Message.state), col(Message.reason)))
    return {(row[0].value, row[1]): row[2] for row in rows}


def spent(session: Session, period: Period, by: str) -> list[Texts]:
    """Return the texts handed to the provider in a period by language or site; texts to nobody's record have none."""
    key = col(Site.name) if by == "site" else func.coalesce(col(Patient.language), "")
    query = (
        columns_of(key.label("key"), func.count(), func.coalesce(func.sum(col(Message.segments)), 0))
        .select_from(Message)
        .join(Site, col(Message.site_id) == col(Site.id))
        .outerjoin(Patient, col(Message.patient_id) == col(Patient.id))
        .where(
            col(Message.sending_at) >= period.start,
            col(Message.sending_at) < period.end,
            col(Message.site_id).in_(period.site_ids),
        )
        .group_by(text("key"))
    )
    return [Texts(row[0], row[1], int(row[2])) for row in session.execute(query)]


def answer_seconds(session: Session, period: Period, most: int = 50_000) -> list[float]:
    """Return the seconds from the first text to the last answer of the prompts of a period that were answered."""
    query = columns_of(col(Prompt.asked_at), col(Prompt.answered_at)).where(
        col(Prompt.state) == PromptState.ANSWERED,
        col(Prompt.due_at) >= period.start,
        col(Prompt.due_at) < period.end,
        col(Prompt.site_id).in_(period.site_ids),
        col(Prompt.asked_at).is_not(None),
        col(Prompt.answered_at).is_not(None),
    )
    rows = session.execute(query.limit(most))
    return [(answered - asked).total_seconds() for asked, answered in rows if answered >= asked]


def prompts_due(session: Session, period: Period) -> int:
    """Return how many prompts are still to be asked in a period."""
    query = columns_of(func.count()).select_from(Prompt)
    return int(
        session.execute(
            query.where(
                col(Prompt.state) == PromptState.PLANNED,
                col(Prompt.due_at) >= period.start,
                col(Prompt.due_at) < period.end,
                col(Prompt.site_id).in_(period.site_ids),
            )
        ).scalar_one()
    )


def patients_by_site(session: Session) -> dict[int, int]:
    """Return how many patients each site has, merged duplicates left out."""
    mine = columns_of(col(Patient.site_id), func.count()).where(col(Patient.merged_into_id).is_(None))
    return {row[0]: row[1] for row in session.execute(mine.group_by(col(Patient.site_id)))}


def episodes_by_site(session: Session) -> dict[int, int]:
    """Return how many procedures each site has."""
    query = columns_of(col(Episode.site_id), func.count()).group_by(col(Episode.site_id))
    return {row[0]: row[1] for row in session.execute(query)}
