"""Prompts as the clock sees them: those to remind of, those whose window is over, those a link names."""

import json
from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session, col, select

from prom.storage.models import Episode, EpisodeState, Message, MessageState, Patient, Prompt, PromptState, Relief

LIVE = (PromptState.PLANNED, PromptState.ASKED, PromptState.PARTLY)
ASKED = (PromptState.ASKED, PromptState.PARTLY)
WANING_THRESHOLD, SUSPECTED = 50, "suspected_loss"
# Nobody knows yet what became of these texts.
UNDECIDED = (MessageState.CLAIMED, MessageState.SENDING, MessageState.UNKNOWN)
REACHED = (MessageState.ACCEPTED, MessageState.SENT, MessageState.DELIVERED)


def beginning_with(session: Session, public_id_start: str) -> list[Prompt]:
    """Return the prompts whose public id begins so: nearly always one, a few at most."""
    query = select(Prompt).where(
        col(Prompt.public_id) >= public_id_start, col(Prompt.public_id) < public_id_start + "~"
    )
    return list(session.exec(query.limit(20)))


def not_over(session: Session, patient_id: int) -> list[Prompt]:
    """Return a patient's prompts that are still to come or open."""
    return list(session.exec(select(Prompt).where(col(Prompt.patient_id) == patient_id, col(Prompt.state).in_(LIVE))))


def asked_before(session: Session, asked_before: datetime, now: datetime, after_id: int, limit: int) -> list[Prompt]:
    """Return open prompts that were asked before an instant and whose window is not over, by id."""
    return list(
        session.exec(
            select(Prompt)
            .where(
                col(Prompt.id) > after_id,
                col(Prompt.state).in_(ASKED),
                col(Prompt.due_at) <= now,
                col(Prompt.asked_at) <= asked_before,
                col(Prompt.closes_at) > now,
            )
            .order_by(col(Prompt.id))
            .limit(limit)
        )
    )


def window_over(session: Session, now: datetime, limit: int) -> list[Prompt]:
    """Return planned or asked prompts whose answer window is over and none of whose texts is undecided."""
    undecided = (
        select(Message.id).where(col(Message.prompt_id) == col(Prompt.id), col(Message.state).in_(UNDECIDED)).exists()
    )
    return list(
        session.exec(
            select(Prompt)
            .where(
                col(Prompt.state).in_((PromptState.PLANNED, PromptState.ASKED)),
                col(Prompt.due_at) <= now,
                col(Prompt.closes_at) <= now,
                ~undecided,
            )
            .order_by(col(Prompt.id))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )


def not_sent(prompt: Prompt, reason: str) -> bool:
    """Mark a planned prompt as not sent, with the reason; return False if it was asked or over already."""
    if prompt.state is not PromptState.PLANNED:
        return False
    prompt.state, prompt.reason = PromptState.NOT_SENT, reason[:40]
    return True


def text_left(prompt: Prompt, at: datetime) -> None:
    """Note that a text of a prompt left at an instant: it is asked, and plain replies bind to it."""
    if prompt.state in {PromptState.PLANNED, PromptState.NOT_SENT}:
        prompt.state, prompt.reason = PromptState.ASKED, ""
    if prompt.asked_at is None:
        prompt.asked_at = at
    if prompt.last_text_at is None or prompt.last_text_at < at:
        prompt.last_text_at = at


def suspected(session: Session, site_id: int) -> list[tuple[Episode, Patient, int]]:
    """Return the episodes of a site in suspected loss of half the relief, each with the day of its first bad score."""
    rows = session.exec(
        select(Episode, Patient, Relief.fields)
        .join(Relief, col(Relief.episode_id) == col(Episode.id))
        .join(Patient, col(Patient.id) == col(Episode.patient_id))
        .where(
            col(Relief.site_id) == site_id,
            col(Relief.threshold) == WANING_THRESHOLD,
            col(Relief.state) == SUSPECTED,
            col(Episode.state) == EpisodeState.DONE,
            col(Patient.died_on).is_(None),
            col(Patient.withdrawn_on).is_(None),
        )
    )
    found = ((episode, patient, json.loads(fields).get("pending_bad_day")) for episode, patient, fields in rows)
    return [(episode, patient, int(day)) for episode, patient, day in found if day is not None]


def no_longer_suspected(session: Session, now: datetime, until: datetime) -> list[Prompt]:
    """Return confirmations planned up to an instant whose episode is not in suspected loss any more."""
    suspected = (
        select(Relief.id)
        .where(
            col(Relief.episode_id) == col(Prompt.episode_id),
            col(Relief.threshold) == WANING_THRESHOLD,
            col(Relief.state) == SUSPECTED,
        )
        .exists()
    )
    return list(
        session.exec(
            select(Prompt).where(
                col(Prompt.state) == PromptState.PLANNED,
                col(Prompt.due_at) <= until,
                col(Prompt.closes_at) > now,
                col(Prompt.kind) == "confirmation",
                ~suspected,
            )
        )
    )


def of_episode(session: Session, episode_id: int) -> list[Prompt]:
    """Return the prompts of an episode."""
    return list(session.exec(select(Prompt).where(col(Prompt.episode_id) == episode_id)))


def patients_by_id(session: Session, patient_ids: Collection[int]) -> dict[int, Patient]:
    """Return patients by id."""
    return {row.id: row for row in session.exec(select(Patient).where(col(Patient.id).in_(patient_ids)))}
