"""Texts that come in: stored before they are understood, understood once, in order, per phone.

The raw text is a row of its own; its interpretation runs in a savepoint. If that fails the row stays `unread` and a job
tries again: no reply is ever lost to a mistake of ours.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from prom.domain import dialogue, instruments, replies
from prom.messaging.gateway import Received
from prom.services import answering, conversing
from prom.storage import answers, audit, channels, conversation, inbound, messages, patients
from prom.storage import session as sessions
from prom.storage.answers import Given
from prom.storage.conversation import AskedPrompt, Earlier, Person, Sent, Standing
from prom.storage.inbound import TextIn
from prom.storage.models import AnswerState, Inbound, InboundState, MessageState

MOST_ATTEMPTS = 5
PROMPTS_QUOTED = 3
LONGEST_APART = max(dialogue.EMERGENCY_APART, dialogue.HELP_APART, dialogue.ACKNOWLEDGED_APART)
log = logging.getLogger("prom.receiving")


@dataclass(frozen=True, slots=True)
class Situation:
    """Who texted and what their phone was last asked, sent and told before."""

    standing: Standing
    patient: Person | None
    prompt: AskedPrompt | None
    is_open: bool
    last: Given | None
    last_question: str | None
    texts: Sequence[Sent]
    earlier: Sequence[Earlier]

    @property
    def people(self) -> tuple[Person, ...]:
        """Return all patients who have the phone."""
        return self.standing.people


def receive(session: Session, text: Received, now: datetime, *, links_work: bool = True) -> Inbound | TextIn:
    """Store one text and do what it says; the same text again changes nothing.

    `links_work` is whether patients can reach our pages: without a public address no link is offered.
    """
    index = patients.phone_index(session, text.from_)
    channels.lock_phone(session, index)
    standing = conversation.standing(session, index, text.sid, text.to)
    if standing.known_id is not None:
        return session.get_one(Inbound, standing.known_id)
    row = inbound.take(
        session,
        standing.clinic,
        sid=text.sid,
        phone=text.from_,
        phone_index=index,
        to_number=text.to,
        body=text.body,
        num_media=text.num_media,
        received_at=text.received_at,
    )
    if not understand(session, row, standing, now, phone=text.from_, links_work=links_work):
        inbound.keep(session, row)
    return row


def understand(
    session: Session, row: TextIn, standing: Standing, now: datetime, *, phone: str, links_work: bool = True
) -> bool:
    """Interpret a stored text; on a failure of ours it stays unread, and False is returned."""
    try:
        with session.begin_nested():
            _interpret(session, row, standing, now, phone=phone, links_work=links_work)
    except OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, the raw text must stay
        log.error("text %s not understood: %s", row.public_id, type(error).__name__)  # noqa: TRY400 - it may quote
        row.unread()
        return False
    return True


def retry_unread(session: Session, row_id: int, now: datetime, *, links_work: bool = True) -> bool:
    """Try a text again whose interpretation failed; one that fails for good is put before people."""
    stored = session.get_one(Inbound, row_id)
    channels.lock_phone(session, stored.phone_index)
    # Another worker may have read it while we waited for the phone.
    session.refresh(stored)
    if stored.state is not InboundState.UNREAD:
        return False
    row = inbound.opened(session, stored)
    standing = conversation.standing(session, row.phone_index, stored.provider_sid, stored.to_number)
    row.attempts += 1
    if understand(session, row, standing, now, phone=inbound.phone(session, row), links_work=links_work):
        return True
    if row.attempts >= MOST_ATTEMPTS:
        row.state = InboundState.PEOPLE
        conversing.open_read_task(session, row, "not_understood", None, now)
    inbound.keep(session, row)
    return False


def _interpret(
    session: Session, row: TextIn, standing: Standing, now: datetime, *, phone: str, links_work: bool
) -> None:
    here = _situation(session, row, standing, now)
    reply = _read(session, row, here)
    talk = _conversation(row, here, now, links_work=links_work)
    row.outcome, row.rule, row.parser_version = reply.outcome, reply.rule[:40], replies.PARSER_VERSION
    row.patient_id = here.patient.id if here.patient else None
    row.prompt_id = here.prompt.id if here.prompt and here.is_open else None
    row.state = InboundState.READ
    effects = dialogue.respond(talk, reply)
    conversing.apply(session, row, here.prompt, here.people, effects, now, echo=standing.clinic.echo, phone=phone)
    inbound.keep(session, row)
    thing = audit.Thing("inbound", row.public_id, row.site_id)
    audit.note(session, audit.PATIENT, "text_read", thing, now, reason=f"{reply.outcome}: {reply.rule}")


def _read(session: Session, row: TextIn, here: Situation) -> replies.Reply:
    """Read a text on the scale of the open question, and a correction on that of the last answer."""
    sent, before = _sent_before(session, here), _previous(session, row, here)

    def on_scale_of(key: str | None) -> replies.Reply:
        question = instruments.question(key or "nrs")
        return replies.parse(
            row.body,
            question.read_as,
            here.patient.language if here.patient else "en",
            country=here.standing.clinic.country,
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


def _situation(session: Session, row: TextIn, standing: Standing, now: datetime) -> Situation:
    people = standing.people
    earlier = conversation.earlier(session, row, now - LONGEST_APART)
    prompt = conversation.last_texted_prompt(session, row.phone_index, row.received_at) if people else None
    if prompt is None:
        return Situation(standing, people[0] if len(people) == 1 else None, None, False, None, None, (), earlier)
    is_open = inbound.takes_plain_replies(prompt, row.received_at) and answering.open_question(prompt) is not None
    owner = next((person for person in people if person.id == prompt.patient_id), None)
    last, question = _last_answer(session, prompt)
    # After the window of its prompt a correction is for people.
    correctable = last is not None and now < prompt.closes_at
    # On a shared phone only the open prompt says whose text it is; without one a person decides.
    patient = owner if is_open or len(people) == 1 or _answered_lately(last, row) else None
    if not correctable:
        last = question = None
    texts = conversation.sent(session, prompt.id)
    return Situation(standing, patient, prompt, is_open, last, question, texts, earlier)


def _answered_lately(last: Given | None, row: TextIn) -> bool:
    return last is not None and row.received_at - last.recorded_at <= dialogue.CORRECTION_TIME


def _last_answer(session: Session, prompt: AskedPrompt) -> tuple[Given | None, str | None]:
    given = [row for row in answers.given(session, prompt.id) if row.state is AnswerState.CURRENT]
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
    sent = [text for text in here.texts if text.state is not MessageState.PENDING][-PROMPTS_QUOTED:]
    owner = next((person for person in here.people if here.prompt and person.id == here.prompt.patient_id), None)
    if owner is None:
        return []
    vault = sessions.vault_of(session)
    return [
        vault.open(owner.key_sealed, messages.place("body", text.public_id), text.body_sealed)
        for text in sent
        if text.body_sealed
    ]


def _previous(session: Session, row: TextIn, here: Situation) -> str | None:
    before = [text for text in here.earlier if text.id < row.id]
    if not before:
        return None
    last = before[-1]
    return sessions.vault_of(session).open(last.key_sealed, f"inbound|body|{last.public_id}", last.body_sealed)


def _conversation(row: TextIn, here: Situation, now: datetime, *, links_work: bool) -> dialogue.Conversation:
    prompt = here.prompt if here.is_open else None
    asked = answering.questions(prompt) if prompt else ()
    position = prompt.position if prompt else 0
    held = here.patient.paused_reason if here.patient and (here.patient.paused_until or now) > now else ""

    def lately(outcome: str, apart: timedelta) -> bool:
        return any(each.outcome == outcome and each.received_at >= now - apart for each in here.earlier)

    return dialogue.Conversation(
        open_question=asked[position] if prompt else None,
        following=asked[position + 1] if position + 1 < len(asked) else None,
        reasks=prompt.reasks if prompt else 0,
        has_link=links_work and prompt is not None,
        last_answer=here.last_question,
        last_value=here.last.value if here.last and _fresh(here, row.received_at) else None,
        asked_before=here.prompt is not None,
        echo=here.standing.clinic.echo,
        stopped=here.standing.stopped,
        consented=not here.people or any(person.consented for person in here.people),
        known=bool(here.people),
        shared=len(here.people) > 1 and here.patient is None,
        emergency_sent=lately("red_flag", dialogue.EMERGENCY_APART),
        help_sent=lately("help", dialogue.HELP_APART),
        carrier_answers=dialogue.answered_by_carrier(row.body),
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
