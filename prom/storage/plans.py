"""Plans as stored rows, and the prompts and waiting texts an episode's plan turns into."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, update
from sqlmodel import Session, col, select

from prom.domain import procedures
from prom.storage import bulk
from prom.storage.models import Episode, EpisodeState, Message, MessageKind, MessageState, Plan, Prompt, PromptState

_NEVER_LEFT = (MessageState.PENDING, MessageState.SUPPRESSED, MessageState.EXPIRED)


def default_row(session: Session, procedure: str, now: datetime) -> Plan:
    """Return the stored shipped plan of a procedure, storing it on first use."""
    version = procedures.procedure(procedure).version
    found = session.exec(
        select(Plan).where(col(Plan.site_id).is_(None), col(Plan.procedure) == procedure, col(Plan.version) == version)
    ).first()
    if found is not None:
        return found
    return add(session, None, procedure, procedures.default_plan_data(procedure), now)


def row_for(session: Session, site_id: int, procedure: str, now: datetime) -> Plan:
    """Return the plan new episodes of a site start with: the site's newest own plan, else the shipped one."""
    own = session.exec(
        select(Plan)
        .where(col(Plan.site_id) == site_id, col(Plan.procedure) == procedure)
        .order_by(col(Plan.id).desc())
        .limit(1)
    ).first()
    return own or default_row(session, procedure, now)


def add(session: Session, site_id: int | None, procedure: str, data: dict[str, Any], now: datetime) -> Plan:
    """Store a new version of a plan; the data is checked by reading it once."""
    definition = {key: value for key, value in data.items() if key != "version"}
    procedures.plan_from(procedure, str(data["version"]), definition)
    row = Plan(
        site_id=site_id,
        procedure=procedure,
        version=str(data["version"]),
        definition=json.dumps(definition, sort_keys=True),
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def highest_version(session: Session, site_id: int, procedure: str) -> int:
    """Return the highest number among a site's own versions of a plan and the shipped one's."""
    query = select(Plan.version).where(
        col(Plan.procedure) == procedure, or_(col(Plan.site_id) == site_id, col(Plan.site_id).is_(None))
    )
    shipped = procedures.procedure(procedure).version
    return max((int(each) for each in (shipped, *session.exec(query)) if each.isdecimal()), default=0)


def versions(session: Session, site_id: int) -> list[tuple[Plan, int]]:
    """Return all plans that a site has or uses, the newest first, each with how many of its procedures follow it."""
    running: Any = (
        select(Episode.plan_id, func.count())
        .where(col(Episode.site_id) == site_id, col(Episode.state) != EpisodeState.CANCELLED)
        .group_by(col(Episode.plan_id))
    )
    used = {int(plan_id): int(number) for plan_id, number in session.exec(running)}
    query = select(Plan).where(or_(col(Plan.site_id) == site_id, col(Plan.id).in_(used)))
    return [(row, used.get(row.id, 0)) for row in session.exec(query.order_by(col(Plan.id).desc()))]


def by_public_id(session: Session, public_id: str, site_id: int) -> Plan | None:
    """Return a plan of a site by its public id, or None."""
    return session.exec(select(Plan).where(col(Plan.public_id) == public_id, col(Plan.site_id) == site_id)).first()


def _elsewhere(row: Plan) -> Any:
    return (
        col(Episode.site_id) == row.site_id,
        col(Episode.procedure) == row.procedure,
        col(Episode.plan_id) != row.id,
        col(Episode.state) != EpisodeState.CANCELLED,
        col(Episode.id).in_(select(Prompt.episode_id).where(col(Prompt.state) == PromptState.PLANNED)),
    )


def running_elsewhere(session: Session, row: Plan) -> int:
    """Return how many running procedures of a plan's site follow another version: those with questions to come."""
    return session.exec(select(func.count()).select_from(Episode).where(*_elsewhere(row))).one()


def running_on_others(session: Session, row: Plan, limit: int) -> list[Episode]:
    """Return some of the running procedures that follow another version than this one, the oldest first."""
    return list(session.exec(select(Episode).where(*_elsewhere(row)).order_by(col(Episode.id)).limit(limit)))


def plan(row: Plan) -> procedures.Plan:
    """Return the plan a row describes."""
    return procedures.plan_from(row.procedure, row.version, json.loads(row.definition))


def by_ids(session: Session, ids: Iterable[int]) -> dict[int, Plan]:
    """Return plan rows by id."""
    return {row.id: row for row in session.exec(select(Plan).where(col(Plan.id).in_(set(ids))))}


@dataclass(slots=True)
class NewPrompt:
    """A prompt about to be stored with many others; `add_prompts` gives it its ids and nonce."""

    episode_id: int
    patient_id: int
    site_id: int
    time_point: str
    kind: str
    questions: str
    due_at: datetime
    opens_at: datetime
    closes_at: datetime
    state: PromptState = PromptState.PLANNED
    reason: str = ""
    public_id: str = ""
    nonce: str = ""
    id: int = 0


def add_prompts(session: Session, rows: Sequence[NewPrompt]) -> None:
    """Insert prompts in one statement and give the rows their ids."""
    if not rows:
        return
    fresh = iter(bulk.public_ids(2 * len(rows)))
    for row in rows:
        row.public_id, row.nonce = next(fresh), next(fresh)
    names = [name for name in NewPrompt.__slots__ if name != "id"]
    bulk.insert_rows(session, Prompt, rows, names, {"position": 0, "reasks": 0, "doubtful": ""})
    episode_ids = {row.episode_id for row in rows}
    ids = dict(iter(session.exec(select(Prompt.public_id, Prompt.id).where(col(Prompt.episode_id).in_(episode_ids)))))
    for row in rows:
        row.id = ids[row.public_id]


def prompts(session: Session, episode_id: int) -> list[Prompt]:
    """Return the prompts of an episode in order of time."""
    return prompts_of(session, [episode_id])


def prompts_of(session: Session, episode_ids: Iterable[int]) -> list[Prompt]:
    """Return the prompts of some episodes in order of time."""
    return list(
        session.exec(
            select(Prompt)
            .where(col(Prompt.episode_id).in_(set(episode_ids)))
            .order_by(col(Prompt.due_at), col(Prompt.id))
        )
    )


def prompts_by_ids(session: Session, ids: Collection[int]) -> list[Prompt]:
    """Return some prompts."""
    return list(session.exec(select(Prompt).where(col(Prompt.id).in_(ids))))


def left(session: Session, prompt_ids: Collection[int]) -> set[int]:
    """Return the prompts of which a text has left, or is leaving now."""
    return set(
        session.exec(
            select(Message.prompt_id).where(
                col(Message.prompt_id).in_(prompt_ids), col(Message.state).not_in(_NEVER_LEFT)
            )
        )
    ) - {None}  # type: ignore[return-value]


def hold_back(session: Session, prompt_ids: Collection[int], reason: str) -> int:
    """Take the texts that wait for prompts out of the queue, with the reason they are not sent; return how many."""
    done = session.execute(
        update(Message)
        .where(col(Message.prompt_id).in_(prompt_ids), col(Message.state) == MessageState.PENDING)
        .values(state=MessageState.SUPPRESSED, reason=reason)
        .execution_options(synchronize_session="fetch")
    )
    return int(getattr(done, "rowcount", 0))


def requeue(session: Session, prompt: Prompt) -> bool:
    """Let the text of a prompt that never left wait again, for the prompt's times; return whether there was one."""
    done = session.execute(
        update(Message)
        .where(
            col(Message.prompt_id) == prompt.id,
            col(Message.state).in_(_NEVER_LEFT),
            col(Message.sending_at).is_(None),
            col(Message.kind).in_((MessageKind.PROMPT, MessageKind.DIARY)),
        )
        .values(
            state=MessageState.PENDING,
            reason="",
            due_at=prompt.due_at,
            send_at=prompt.due_at,
            expires_at=prompt.closes_at,
        )
        .execution_options(synchronize_session="fetch")
    )
    return bool(getattr(done, "rowcount", 0))


def cancel_prompts(session: Session, prompt_ids: Collection[int], reason: str) -> int:
    """Cancel prompts that are not over; return how many."""
    live = (PromptState.PLANNED, PromptState.ASKED, PromptState.PARTLY)
    done = session.execute(
        update(Prompt)
        .where(col(Prompt.id).in_(prompt_ids), col(Prompt.state).in_(live))
        .values(state=PromptState.CANCELLED, reason=reason)
        .execution_options(synchronize_session="fetch")
    )
    return int(getattr(done, "rowcount", 0))
