"""Texts that come in: stored before they are understood, understood once, in order, per phone.

The raw text is a row of its own; its interpretation runs in a savepoint. If that fails the row stays `unread` and a job
tries again: no reply is ever lost to a mistake of ours.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from prom.domain import dialogue, instruments, replies
from prom.messaging.gateway import Received
from prom.services import answering, conversing
from prom.storage import answers, audit, channels, consents, inbound, messages, sites
from prom.storage.models import (
    Answer,
    AnswerState,
    Inbound,
    InboundState,
    MessageState,
    Patient,
    Prompt,
    Purpose,
    Site,
)

MOST_ATTEMPTS = 5
OPT_OUT_CORRECTION_RULE = "correction"
log = logging.getLogger("prom.receiving")


@dataclass(frozen=True, slots=True)
class Situation:
    """Who texted and what their phone was last asked."""

    people: tuple[Patient, ...]
    patient: Patient | None
    prompt: Prompt | None
    is_open: bool
    last: Answer | None
    last_question: str | None


def receive(session: Session, text: Received, now: datetime) -> Inbound:
    """Store one text and do what it says; the same text again changes nothing."""
    index = _index(session, text.from_)
    channels.lock_phone(session, index)
    known = inbound.by_sid(session, text.sid)
    if known is not None:
        return known
    site = _site(session, index)
    row = inbound.add(session, site, text.sid, text.from_, text.body, text.num_media, text.received_at)
    understand(session, row, now)
    return row


def understand(session: Session, row: Inbound, now: datetime) -> bool:
    """Interpret a stored text; on a failure of ours it stays unread, and False is returned."""
    row.attempts += 1
    session.flush()
    try:
        with session.begin_nested():
            _interpret(session, row, now)
    except OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, the raw text must stay
        log.error("text %s not understood: %s", row.public_id, type(error).__name__)  # noqa: TRY400 - it may quote
        return False
    return True


def retry_unread(session: Session, now: datetime) -> int:
    """Try texts again whose interpretation failed, and put those that fail for good before people."""
    done = 0
    for row in inbound.unread(session):
        channels.lock_phone(session, row.phone_index)
        if understand(session, row, now):
            done += 1
        elif row.attempts >= MOST_ATTEMPTS:
            row.state = InboundState.PEOPLE
            conversing.open_read_task(session, row, "not_understood", None, now)
    return done


def _index(session: Session, phone: str) -> str:
    from prom.storage.patients import phone_index

    return phone_index(session, phone)


def _site(session: Session, phone_index: str) -> Site:
    people = channels.patients_of(session, phone_index)
    if people:
        return session.get_one(Site, people[0].site_id)
    return sites.everything(session)[0]


def _interpret(session: Session, row: Inbound, now: datetime) -> None:
    body = inbound.body(session, row)
    here = _situation(session, row, now)
    scale, count = _scale(here)
    reply = replies.parse(
        body,
        scale,
        here.patient.language if here.patient else "en",
        num_media=row.num_media,
        item_count=count,
        prompts=_sent_before(session, here),
        correcting=_fresh(here, row.received_at),
        previous_text=_previous(session, row),
    )
    row.outcome, row.rule, row.parser_version = reply.outcome, reply.rule[:40], replies.PARSER_VERSION
    row.patient_id = here.patient.id if here.patient else None
    row.prompt_id = here.prompt.id if here.prompt and here.is_open else None
    row.state = InboundState.READ
    talk = _conversation(session, row, here, body, now)
    effects = dialogue.respond(talk, reply)
    conversing.apply(session, row, here.prompt, here.people, effects, now)
    audit.record(session, audit.PATIENT, "text_read", row, now, reason=f"{reply.outcome}: {reply.rule}")
    session.flush()


def _situation(session: Session, row: Inbound, now: datetime) -> Situation:
    people = tuple(channels.patients_of(session, row.phone_index))
    prompt = inbound.last_texted_prompt(session, row.phone_index)
    if prompt is None:
        return Situation(people, people[0] if len(people) == 1 else None, None, False, None, None)
    is_open = inbound.takes_plain_replies(prompt, row.received_at) and answering.open_question(prompt) is not None
    owner = next((person for person in people if person.id == prompt.patient_id), None)
    last, question = _last_answer(session, prompt)
    # After the window of its prompt a correction is for people.
    correctable = last is not None and now < prompt.closes_at
    # On a shared phone only the open prompt says whose text it is; without one a person decides.
    patient = owner if is_open or len(people) == 1 or _answered_lately(last, row) else None
    return Situation(people, patient, prompt, is_open, last if correctable else None, question if correctable else None)


def _answered_lately(last: Answer | None, row: Inbound) -> bool:
    return last is not None and row.received_at - last.recorded_at <= dialogue.CORRECTION_TIME


def _last_answer(session: Session, prompt: Prompt) -> tuple[Answer | None, str | None]:
    given = [row for row in answers.of_prompt(session, prompt.id) if row.state is AnswerState.CURRENT]
    if not given:
        return None, None
    last = given[-1]
    for key in answering.questions(prompt):
        question = instruments.question(key)
        if answers.kept_as(key) == (last.instrument, last.series) and last.item in {0, *question.items}:
            return last, key
    return last, None


def _scale(here: Situation) -> tuple[str, int]:
    key = None
    if here.prompt is not None:
        key = answering.open_question(here.prompt) if here.is_open else here.last_question
    question = instruments.question(key or "nrs")
    return question.scale.value, len(question.items)


def _fresh(here: Situation, at: datetime) -> bool:
    return here.last is not None and at - here.last.recorded_at <= dialogue.CORRECTION_TIME


def _sent_before(session: Session, here: Situation) -> list[str]:
    if here.prompt is None:
        return []
    sent = [row for row in messages.of_prompt(session, here.prompt.id) if row.state is not MessageState.PENDING]
    return [messages.body(session, row) for row in sent[-3:] if row.body_sealed]


def _previous(session: Session, row: Inbound) -> str | None:
    before = inbound.previous(session, row)
    return inbound.body(session, before) if before else None


def _conversation(session: Session, row: Inbound, here: Situation, body: str, now: datetime) -> dialogue.Conversation:
    asked = answering.questions(here.prompt) if here.prompt and here.is_open else ()
    position = here.prompt.position if here.prompt else 0
    word = body.strip().upper()
    site = session.get_one(Site, row.site_id)
    fresh = _fresh(here, row.received_at)
    return dialogue.Conversation(
        open_question=asked[position] if asked else None,
        following=asked[position + 1] if position + 1 < len(asked) else None,
        reasks=here.prompt.reasks if here.prompt else 0,
        has_link=bool(asked),
        last_answer=here.last_question,
        last_value=here.last.value if here.last and fresh else None,
        asked_before=here.prompt is not None,
        echo=site.echo,
        stopped=channels.is_suppressed(session, row.phone_index),
        consented=not here.people or any(consents.live(session, p.id, Purpose.TEXTING) for p in here.people),
        known=bool(here.people),
        shared=len(here.people) > 1 and here.patient is None,
        emergency_sent=inbound.any_outcome_since(
            session, row.phone_index, ["red_flag"], now - dialogue.EMERGENCY_APART, row.id
        ),
        help_sent=inbound.any_outcome_since(session, row.phone_index, ["help"], now - dialogue.HELP_APART, row.id),
        carrier_answers=word in dialogue.STOP_KEYWORDS | dialogue.HELP_KEYWORDS | {"START", "UNSTOP"},
    )
