"""Alerts: raised once for each thing a clinician should see, cleared when the answers no longer support it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import case, func, update
from sqlalchemy import select as core_select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from prom.storage.models import (
    Alert,
    AlertKind,
    Answer,
    AnswerState,
    Episode,
    EpisodeState,
    Prompt,
    PromptState,
    Review,
)
from prom.storage.relief_rows import ByEpisode

WORST_FIRST = (
    AlertKind.RED_FLAG,
    AlertKind.RED,
    AlertKind.DETERIORATION,
    AlertKind.AMBER,
    AlertKind.NOT_ANSWERING,
)
_KNOWN = ByEpisode.of(
    core_select(
        col(Alert.id), col(Alert.public_id), col(Alert.episode_id), col(Alert.site_id), col(Alert.kind),
        col(Alert.dedupe_key), col(Alert.cleared_at),
    ),
    col(Alert.episode_id),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """An alert raised before, and whether it still holds."""

    id: int
    public_id: str
    episode_id: int
    site_id: int
    kind: AlertKind
    dedupe_key: str
    cleared_at: datetime | None


def of_episodes(session: Session, ids: Sequence[int], kinds: Collection[AlertKind]) -> list[Known]:
    """Return the alerts of some kinds of some episodes, cleared and reviewed ones included."""
    return [known for row in _KNOWN.rows(session, ids) if (known := Known(*row)).kind in kinds]


def raise_all(session: Session, rows: Sequence[Alert]) -> None:
    """Insert new alerts in one statement; one with a known dedupe key is open again, with the rule as it reads now."""
    if not rows:
        return
    made: Any = postgresql.insert(Alert) if session.get_bind().dialect.name == "postgresql" else sqlite.insert(Alert)
    again = made.on_conflict_do_update(
        index_elements=["dedupe_key"],
        set_={"cleared_at": None, "raised_at": made.excluded.raised_at, "rule": made.excluded.rule},
    )
    session.connection().execute(again, [row.model_dump(exclude={"id"}) for row in rows])


def clear(session: Session, ids: Collection[int], now: datetime) -> list[Alert]:
    """Mark alerts as no longer supported, and return those that were open."""
    found = [session.get_one(Alert, alert_id, populate_existing=True) for alert_id in sorted(ids)]
    standing = [alert for alert in found if alert.cleared_at is None]
    for alert in standing:
        alert.cleared_at = now
    session.flush()
    return standing


def by_public_id(session: Session, public_id: str, site_ids: Collection[int]) -> Alert | None:
    """Return an alert of these sites, or None."""
    query = select(Alert).where(col(Alert.public_id) == public_id, col(Alert.site_id).in_(site_ids))
    return session.exec(query).one_or_none()


def open_of(session: Session, episode_ids: Iterable[int]) -> list[Alert]:
    """Return the alerts of some episodes that nobody has reviewed and that still hold, worst first."""
    return list(
        session.exec(
            select(Alert)
            .where(
                col(Alert.episode_id).in_(set(episode_ids)),
                col(Alert.cleared_at).is_(None),
                col(Alert.reviewed_at).is_(None),
            )
            .order_by(_rank(), col(Alert.raised_at).desc(), col(Alert.id).desc())
        )
    )


def _rank() -> Any:
    return case({kind.value: place for place, kind in enumerate(WORST_FIRST)}, value=col(Alert.kind))


def worst_episodes(session: Session, site_ids: Collection[int], limit: int) -> list[int]:
    """Return the episodes with open alerts, the worst kind first, then the newest."""
    return list(
        session.exec(
            select(Alert.episode_id)
            .where(col(Alert.site_id).in_(site_ids), col(Alert.cleared_at).is_(None), col(Alert.reviewed_at).is_(None))
            .group_by(col(Alert.episode_id))
            .order_by(func.min(_rank()), func.max(col(Alert.raised_at)).desc(), col(Alert.episode_id).desc())
            .limit(limit)
        )
    )


def open_counts(session: Session, site_ids: Collection[int], since: datetime | None) -> dict[str, int]:
    """Return how many episodes have an open alert of each kind, with `all` of them and `new` since an instant."""
    standing = (
        col(Alert.site_id).in_(site_ids),
        col(Alert.cleared_at).is_(None),
        col(Alert.reviewed_at).is_(None),
    )
    episodes = func.count(func.distinct(col(Alert.episode_id)))
    by_kind = session.exec(select(Alert.kind, episodes).where(*standing).group_by(col(Alert.kind))).all()
    counts = {str(kind): count for kind, count in by_kind}
    counts["all"] = session.exec(select(episodes).where(*standing)).one()
    newer = standing if since is None else (*standing, col(Alert.raised_at) > since)
    counts["new"] = session.exec(select(episodes).where(*newer)).one()
    return counts


def open_episodes(session: Session, site_ids: Collection[int], kinds: Collection[str]) -> int:
    """Return how many episodes have an open alert of one of these kinds: with several they count once."""
    query = select(func.count(func.distinct(col(Alert.episode_id)))).where(
        col(Alert.site_id).in_(site_ids),
        col(Alert.kind).in_(kinds),
        col(Alert.cleared_at).is_(None),
        col(Alert.reviewed_at).is_(None),
    )
    return session.exec(query).one()


def followed_count(session: Session, site_ids: Collection[int]) -> int:
    """Return how many procedures of some sites were done: the denominator of the alerts."""
    query = (
        select(func.count())
        .select_from(Episode)
        .where(col(Episode.site_id).in_(site_ids), col(Episode.state) == EpisodeState.DONE)
    )
    return session.exec(query).one()


def mark_reviewed(session: Session, alert: Alert, kinds: Collection[AlertKind], now: datetime) -> bool:
    """Mark an alert reviewed, with the open ones of these kinds of the same episode; False if it was already."""
    taken = session.connection().execute(
        update(Alert).where(col(Alert.id) == alert.id, col(Alert.reviewed_at).is_(None)).values(reviewed_at=now)
    )
    session.connection().execute(
        update(Alert)
        .where(col(Alert.episode_id) == alert.episode_id, col(Alert.kind).in_(kinds), col(Alert.reviewed_at).is_(None))
        .values(reviewed_at=now)
    )
    session.refresh(alert)
    return taken.rowcount == 1


def reviews_of(session: Session, episode_ids: Iterable[int]) -> list[Review]:
    """Return the reviews of some episodes, newest first."""
    return list(
        session.exec(select(Review).where(col(Review.episode_id).in_(set(episode_ids))).order_by(col(Review.id).desc()))
    )


def missed_in_a_row(session: Session, since: datetime, now: datetime, limit: int) -> list[tuple[int, list[Prompt]]]:
    """Return, for episodes with a prompt that closed unanswered since an instant, their asked prompts by time."""
    recent = (
        select(Prompt.episode_id)
        .join(Episode, col(Episode.id) == col(Prompt.episode_id))
        .where(
            col(Prompt.state) == PromptState.MISSED,
            col(Prompt.closes_at) > since,
            col(Prompt.closes_at) <= now,
            col(Episode.state) == EpisodeState.DONE,
        )
        .distinct()
        .limit(limit)
    )
    rows = session.exec(
        select(Prompt)
        .where(col(Prompt.episode_id).in_(recent), col(Prompt.state).in_(_TOLD), col(Prompt.kind) == "prompt")
        .order_by(col(Prompt.episode_id), col(Prompt.due_at), col(Prompt.id))
    )
    return [(episode_id, list(prompts)) for episode_id, prompts in groupby(rows, key=lambda row: row.episode_id)]


_TOLD = (PromptState.ANSWERED, PromptState.PARTLY, PromptState.MISSED)


def standing(session: Session, kind: AlertKind, limit: int) -> list[Alert]:
    """Return the alerts of a kind that still hold, reviewed or not."""
    return list(
        session.exec(select(Alert).where(col(Alert.kind) == kind, col(Alert.cleared_at).is_(None)).limit(limit))
    )


def answered_since(session: Session, raised: Sequence[tuple[int, datetime]]) -> set[int]:
    """Return those of some episodes with an answer given after an instant of their own."""
    ids = [episode_id for episode_id, _ in raised]
    rows = session.exec(
        select(Answer.episode_id, func.max(col(Answer.answered_at)))
        .where(col(Answer.episode_id).in_(ids), col(Answer.state) == AnswerState.CURRENT)
        .group_by(col(Answer.episode_id))
    )
    last = dict(rows.all())
    return {episode_id for episode_id, at in raised if episode_id in last and last[episode_id] > at}
