"""Reaching a patient: another number or language, a pause, a question sent again, a text in somebody's own words."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from prom.domain import wording
from prom.domain.segments import Segments, fold, segments
from prom.services import answering, consenting, conversing, enrolments, links, planning
from prom.storage import audit, channels, desk, episodes, inbound, messages, patients, plans, sites
from prom.storage.models import Audit, Message, MessageKind, MessageState, Patient, Prompt, PromptState, Site

LONGEST_TEXT = 320
MOST_SEGMENTS = 3
FREE_TEXT_LIVES = timedelta(hours=24)
NUMBER_REASONS = frozenset({"number_unusable", "no_number", "number_changed"})
NUMBER_CHANGED, NUMBER_BACK = "number changed", "number taken back"
_UNUSABLE = "unusable: "
_WAITING = (MessageState.PENDING, MessageState.CLAIMED, MessageState.SENDING)


class ContactError(ValueError):
    """Something that cannot be done to reach a patient; the message says why in plain words."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether texts reach a patient now; `why_not` is a key: no_number, number_unusable, opted_out, no_consent ..."""

    phone: str
    why_not: str
    paused_until: datetime | None


def reach(session: Session, patient: Patient, now: datetime) -> Reach:
    """Return whether a text to a patient would leave, and if not, why."""
    paused = patient.paused_until if patient.paused_until is not None and patient.paused_until > now else None
    return Reach(patients.phone(session, patient) or "", _why_not(session, patient, paused), paused)


def _why_not(session: Session, patient: Patient, paused: datetime | None) -> str:
    index = patient.phone_index
    if patient.died_on is not None:
        return "died"
    if patient.withdrawn_on is not None:
        return "withdrawn"
    if index is None:
        return "no_number"
    if channels.is_suppressed(session, index):
        return "opted_out"
    if consenting.texting(session, patient) is None:
        return "no_consent"
    if patient.unusable_reason:
        return "number_unusable"
    return "paused" if paused is not None else ""


def change_number(session: Session, patient: Patient, typed: str, actor: audit.Actor, now: datetime) -> bool:
    """Give a patient another number and let what waits follow it; False when it is the same and was usable.

    Old links are on somebody else's phone now: they die. Raise ContactError when it is no mobile number.
    """
    site = session.get_one(Site, patient.site_id)
    try:
        e164 = enrolments.e164(typed.strip(), site.country)
    except ValueError as error:
        raise ContactError(f"The number {error}.") from error
    before = patients.phone(session, patient)
    if e164 == before and not patient.unusable_reason:
        return False
    was = f"{_UNUSABLE}{patient.unusable_reason}" if patient.unusable_reason else ""
    patients.set_phone(session, patient, e164)
    patient.unusable_reason = ""
    session.add(patient)
    change = audit.Change("phone", before or "", e164)
    audit.record(session, actor, NUMBER_CHANGED, patient, now, patient=patient, change=change, reason=was)
    if e164 != before:
        links.renew(session, patient)
    _plan_again(session, patient, now)
    return True


def number_back(session: Session, patient: Patient, entry: Audit, actor: audit.Actor, now: datetime) -> None:
    """Give a patient the number back that a change replaced; links sent to the new one die."""
    old = audit.value(session, patient, entry, entry.old_sealed)
    new = audit.value(session, patient, entry, entry.new_sealed)
    if (patients.phone(session, patient) or "") != new:
        raise ContactError("The number was changed again since.")
    patients.set_phone(session, patient, old or None)
    patient.unusable_reason = entry.reason.removeprefix(_UNUSABLE)
    session.add(patient)
    change = audit.Change("phone", new, old)
    audit.record(session, actor, NUMBER_BACK, patient, now, patient=patient, change=change)
    links.renew(session, patient)
    if patient.phone_index is not None:
        desk.repoint(session, patient.id, patient.phone_index)
    else:
        planned = plans.prompts_of(session, [episode.id for episode in episodes.of_patient(session, patient.id)])
        plans.hold_back(session, [prompt.id for prompt in planned], "no_number")


def _plan_again(session: Session, patient: Patient, now: datetime) -> None:
    """Plan again what was not sent for want of a number and can still be asked, and point the queue at the new one."""
    for episode in episodes.open_of_patient(session, patient.id):
        for prompt in plans.prompts(session, episode.id):
            if prompt.state is PromptState.NOT_SENT and prompt.reason in NUMBER_REASONS and prompt.closes_at > now:
                prompt.state, prompt.reason = PromptState.PLANNED, ""
                session.add(prompt)
        session.flush()
        planning.queue_texts(session, episode, now)
    if patient.phone_index is not None:
        desk.repoint(session, patient.id, patient.phone_index)


def change_language(session: Session, patient: Patient, language: str, actor: audit.Actor, now: datetime) -> None:
    """Text a patient in another language from now on."""
    if language not in wording.LANGUAGES:
        raise ContactError("Choose one of the languages.")
    if language == patient.language:
        return
    change = audit.Change("language", patient.language, language)
    audit.record(session, actor, "language changed", patient, now, patient=patient, change=change)
    patient.language = language
    session.add(patient)


def pause(session: Session, patient: Patient, until: datetime | None, actor: audit.Actor, now: datetime) -> None:
    """Send no questions until an instant, or until somebody resumes (None)."""
    if until is not None and until <= now:
        raise ContactError("The pause must end in the future.")
    patient.paused_until = until or conversing.UNTIL_STAFF_RESUME
    patient.paused_reason = "staff"
    session.add(patient)
    told = until.isoformat() if until is not None else "until resumed"
    change = audit.Change("paused_until", "", told)
    audit.record(session, actor, "paused", patient, now, patient=patient, change=change)


def resume(session: Session, patient: Patient, actor: audit.Actor, now: datetime) -> bool:
    """End a pause; False when there was none."""
    if patient.paused_until is None:
        return False
    change = audit.Change("paused_until", patient.paused_until.isoformat(), "")
    patient.paused_until, patient.paused_reason = None, ""
    session.add(patient)
    audit.record(session, actor, "resumed", patient, now, patient=patient, change=change)
    return True


def resend(session: Session, prompt: Prompt, actor: audit.Actor, now: datetime) -> Message:
    """Text the open question of a prompt once more, or raise ContactError saying why that cannot be."""
    patient = session.get_one(Patient, prompt.patient_id)
    question = answering.open_question(prompt)
    _check_resend(session, prompt, patient, question, now)
    assert question is not None
    assert patient.phone_index is not None
    if prompt.state in {PromptState.NOT_SENT, PromptState.PLANNED}:
        prompt.state, prompt.reason = PromptState.PLANNED, ""
        session.add(prompt)
    number = len(messages.of_prompt(session, prompt.id)) + 1
    added = messages.add_pending(
        session,
        site_id=prompt.site_id,
        patient_id=patient.id,
        prompt_id=prompt.id,
        inbound_id=None,
        dedupe_key=f"{prompt.public_id}|resend|{number}",
        kind=MessageKind(prompt.kind),
        text_key=question,
        question=question,
        phone_index=patient.phone_index,
        due_at=now,
        expires_at=prompt.closes_at,
        now=now,
    )
    if added is None:
        raise ContactError("Somebody has just sent it again.")
    audit.record(session, actor, "sent again", prompt, now)
    return added


def _check_resend(session: Session, prompt: Prompt, patient: Patient, question: str | None, now: datetime) -> None:
    if question is None or prompt.state is PromptState.ANSWERED:
        raise ContactError("This question is answered already.")
    if prompt.closes_at <= now or prompt.state in {PromptState.MISSED, PromptState.CANCELLED}:
        raise ContactError("The days in which this question counts are over.")
    if prompt.due_at > now:
        raise ContactError("This question is not due yet: it is sent by itself on its day.")
    why_not = _why_not(session, patient, None)
    if why_not:
        raise ContactError(CANNOT[why_not])
    if any(text.state in _WAITING for text in messages.of_prompt(session, prompt.id)):
        raise ContactError("A text of this question is waiting to leave already.")


CANNOT = {
    "died": "The patient has died: nothing is sent.",
    "withdrawn": "The patient has left the follow-up: nothing is sent.",
    "no_number": "There is no number to send to.",
    "opted_out": "This phone asked us to stop. Only START from that phone opens it again.",
    "no_consent": "There is no consent to texts.",
    "number_unusable": "This number takes no texts: enter another one first.",
}


TEMPLATES = ("note_call_us", "note_tried_to_call", "note_appointment", "note_answered")


def templates(session: Session, patient: Patient) -> dict[str, str]:
    """Return the ready texts that may be sent to a patient, in their language and the clinic's own wording.

    Texts that name the clinic's number are left out where none is known.
    """
    site = session.get_one(Site, patient.site_id)
    own = sites.overrides(session, site.id)
    given = {key: {"phone": site.phone} if "phone" in wording.KEYS[key].variables else {} for key in TEMPLATES}
    return {
        key: wording.render(key, patient.language, own, **values)
        for key, values in given.items()
        if site.phone or not values
    }


@dataclass(frozen=True, slots=True)
class Draft:
    """A text in somebody's own words as it would leave, and its size."""

    text: str
    size: Segments


def draft(session: Session, patient: Patient, typed: str) -> Draft:
    """Return a text as it would leave, behind the clinic's label; raise ContactError when it may not."""
    site = session.get_one(Site, patient.site_id)
    plain = _one_block(typed)
    if not plain:
        raise ContactError("Write what the text should say.")
    if len(plain) > LONGEST_TEXT:
        raise ContactError(f"The text has {len(plain)} characters; {LONGEST_TEXT} are allowed.")
    if _tells_who(session, patient, plain):
        raise ContactError("A text never names the patient or the record number: others may read the phone.")
    label = f"{site.label}: "
    text = fold(plain if plain.startswith(label) else label + plain)
    size = segments(text)
    if size.count > MOST_SEGMENTS:
        raise ContactError(f"The text takes {size.count} segments; {MOST_SEGMENTS} are allowed. Make it shorter.")
    return Draft(text, size)


def _one_block(typed: str) -> str:
    kept = "".join(sign if sign == "\n" or unicodedata.category(sign) != "Cc" else " " for sign in typed)
    return "\n".join(" ".join(line.split()) for line in kept.strip().splitlines())


def _tells_who(session: Session, patient: Patient, text: str) -> bool:
    words = set(unicodedata.normalize("NFKC", text).casefold().replace(",", " ").replace(".", " ").split())
    names = patients.name(session, patient).casefold().split()
    return any(len(name) > 2 and name in words for name in names) or (
        patients.record_number(session, patient).casefold() in words
    )


def send_free(
    session: Session, patient: Patient, typed: str, once: str, actor: audit.Actor, now: datetime
) -> Message | None:
    """Queue a text in somebody's own words; None when the same form was sent before (`once` names it).

    Within 15 minutes of a text of theirs it is an answer and leaves at any hour; else it keeps the hours of questions.
    """
    why_not = _why_not(session, patient, None)
    if why_not:
        raise ContactError(CANNOT[why_not])
    ready = draft(session, patient, typed)
    assert patient.phone_index is not None
    theirs = inbound.of_patient(session, patient.id, 1)
    answers = bool(theirs) and now - theirs[0].received_at < conversing.ANSWER_WITHIN
    added = messages.add_pending(
        session,
        site_id=patient.site_id,
        patient_id=patient.id,
        prompt_id=None,
        inbound_id=theirs[0].id if answers else None,
        dedupe_key=f"free|{patient.public_id}|{once}"[:120],
        kind=MessageKind.REPLY if answers else MessageKind.PROMPT,
        text_key="free",
        variables={"text": ready.text},
        phone_index=patient.phone_index,
        due_at=now,
        expires_at=now + (conversing.ANSWER_WITHIN if answers else FREE_TEXT_LIVES),
        now=now,
    )
    if added is not None:
        audit.record(session, actor, "text written", added, now, patient=patient)
    return added
