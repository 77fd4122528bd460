"""Texts that come in: stored before they are understood, understood once, in order, per phone.

The raw text is a row of its own; its interpretation runs in a savepoint. If that fails the row stays `unread` and a job
tries again: no reply is ever lost to a mistake of ours.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

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
    Message,
    MessageState,
    Patient,
    Prompt,
    Purpose,
    Site,
)

MOST_ATTEMPTS = 5
LONGEST_APART = max(dialogue.EMERGENCY_APART, dialogue.HELP_APART, dialogue.ACKNOWLEDGED_APART)
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
    texts: tuple[Message, ...] = ()


def receive(session: Session, text: Received, now: datetime, *, links_work: bool = True) -> Inbound:
    """Store one text and do what it says; the same text again changes nothing.

    `links_work` is whether patients can reach our pages: without a public address no link is offered.
    """
    index = _index(session, text.from_)
    channels.lock_phone(session, index)
    known = inbound.by_sid(session, text.sid)
    if known is not None:
        return known
    site = _site(session, index)
    row = inbound.add(session, site, text.sid, text.from_, text.body, text.num_media, text.received_at)
    understand(session, row, now, links_work=links_work)
    return row


def understand(session: Session, row: Inbound, now: datetime, *, links_work: bool = True) -> bool:
    """Interpret a stored text; on a failure of ours it stays unread, and False is returned."""
    try:
        with session.begin_nested():
            _interpret(session, row, now, links_work=links_work)
    except OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, the raw text must stay
        log.error("text %s not understood: %s", row.public_id, type(error).__name__)  # noqa: TRY400 - it may quote
        return False
    return True


def retry_unread(session: Session, row_id: int, now: datetime, *, links_work: bool = True) -> bool:
    """Try a text again whose interpretation failed; one that fails for good is put before people."""
    row = session.get_one(Inbound, row_id)
    channels.lock_phone(session, row.phone_index)
    # Another worker may have read it while we waited for the phone.
    session.refresh(row)
    if row.state is not InboundState.UNREAD:
        return False
    row.attempts += 1
    session.flush()
    if understand(session, row, now, links_work=links_work):
        return True
    if row.attempts >= MOST_ATTEMPTS:
        row.state = InboundState.PEOPLE
        conversing.open_read_task(session, row, "not_understood", None, now)
    return False


def _index(session: Session, phone: str) -> str:
    from prom.storage.patients import phone_index

    return phone_index(session, phone)


def _site(session: Session, phone_index: str) -> Site:
    people = channels.patients_of(session, phone_index)
    if people:
        return session.get_one(Site, people[0].site_id)
    return sites.everything(session)[0]


def _interpret(session: Session, row: Inbound, now: datetime, *, links_work: bool) -> None:
    body = inbound.body(session, row)
    here = _situation(session, row, now)
    reply = _read(session, row, here, body)
    talk = _conversation(session, row, here, body, now, links_work=links_work)
    row.outcome, row.rule, row.parser_version = reply.outcome, reply.rule[:40], replies.PARSER_VERSION
    row.patient_id = here.patient.id if here.patient else None
    row.prompt_id = here.prompt.id if here.prompt and here.is_open else None
    row.state = InboundState.READ
    effects = dialogue.respond(talk, reply)
    conversing.apply(session, row, here.prompt, here.people, effects, now)
    audit.record(session, audit.PATIENT, "text_read", row, now, reason=f"{reply.outcome}: {reply.rule}")
    session.flush()


def _read(session: Session, row: Inbound, here: Situation, body: str) -> replies.Reply:
    """Read a text on the scale of the open question, and a correction on that of the last answer."""
    sent, before = _sent_before(session, here), _previous(session, row)

    def on_scale_of(key: str | None) -> replies.Reply:
        question = instruments.question(key or "nrs")
        return replies.parse(
            body,
            question.scale.value,
            here.patient.language if here.patient else "en",
            num_media=row.num_media,
            item_count=len(question.items),
            prompts=sent,
            correcting=_fresh(here, row.received_at),
            previous_text=before,
        )

    asked = answering.open_question(here.prompt) if here.prompt and here.is_open else None
    reply = on_scale_of(asked or here.last_question)
    if asked and here.last_question:
        return dialogue.corrected(reply, on_scale_of(here.last_question))
    return reply


def _situation(session: Session, row: Inbound, now: datetime) -> Situation:
    people = tuple(channels.patients_of(session, row.phone_index))
    prompt = inbound.last_texted_prompt(session, row.phone_index, row.received_at)
    if prompt is None:
        return Situation(people, people[0] if len(people) == 1 else None, None, False, None, None)
    is_open = inbound.takes_plain_replies(prompt, row.received_at) and answering.open_question(prompt) is not None
    owner = next((person for person in people if person.id == prompt.patient_id), None)
    last, question = _last_answer(session, prompt)
    # After the window of its prompt a correction is for people.
    correctable = last is not None and now < prompt.closes_at
    # On a shared phone only the open prompt says whose text it is; without one a person decides.
    patient = owner if is_open or len(people) == 1 or _answered_lately(last, row) else None
    if not correctable:
        last = question = None
    return Situation(people, patient, prompt, is_open, last, question, tuple(messages.of_prompt(session, prompt.id)))


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


def _fresh(here: Situation, at: datetime) -> bool:
    return here.last is not None and at - here.last.recorded_at <= dialogue.CORRECTION_TIME


def _sent_before(session: Session, here: Situation) -> list[str]:
    sent = [row for row in here.texts if row.state is not MessageState.PENDING]
    return [messages.body(session, row) for row in sent[-3:] if row.body_sealed]


def _previous(session: Session, row: Inbound) -> str | None:
    before = inbound.previous(session, row)
    return inbound.body(session, before) if before else None


def _conversation(
    session: Session, row: Inbound, here: Situation, body: str, now: datetime, *, links_work: bool
) -> dialogue.Conversation:
    prompt = here.prompt if here.is_open else None
    asked = answering.questions(prompt) if prompt else ()
    position = prompt.position if prompt else 0
    held = here.patient.paused_reason if here.patient and (here.patient.paused_until or now) > now else ""

    earlier = inbound.outcomes_since(session, row, now - LONGEST_APART)

    def lately(outcome: str, apart: timedelta) -> bool:
        return any(each == outcome and at >= now - apart for each, at in earlier)

    return dialogue.Conversation(
        open_question=asked[position] if prompt else None,
        following=asked[position + 1] if position + 1 < len(asked) else None,
        reasks=prompt.reasks if prompt else 0,
        has_link=links_work and prompt is not None,
        last_answer=here.last_question,
        last_value=here.last.value if here.last and _fresh(here, row.received_at) else None,
        asked_before=here.prompt is not None,
        echo=session.get_one(Site, row.site_id).echo,
        stopped=channels.is_suppressed(session, row.phone_index),
        consented=not here.people or any(consents.live(session, p.id, Purpose.TEXTING) for p in here.people),
        known=bool(here.people),
        shared=len(here.people) > 1 and here.patient is None,
        emergency_sent=lately("red_flag", dialogue.EMERGENCY_APART),
        help_sent=lately("help", dialogue.HELP_APART),
        carrier_answers=dialogue.answered_by_carrier(body),
        question_reached=prompt is None or _reached(here, asked[position], row.received_at),
        link_offered=prompt is not None and prompt.reasks > dialogue.MOST_REASKS,
        may_ask_later=prompt is not None and now + timedelta(hours=dialogue.LATER_HOURS) < prompt.closes_at,
        acknowledge=not lately("human_review", dialogue.ACKNOWLEDGED_APART),
        paused=held == "asked",
        held_by_people=held not in {"", "asked"},
    )


def _reached(here: Situation, question: str, at: datetime) -> bool:
    """Return whether a text that asks the open question may have reached the phone by an instant."""
    return any(row.sending_at is not None and row.sending_at <= at and row.question == question for row in here.texts)
