"""What a patient may ask for on a page: a new link, a call, something to be read, no more texts.

A link that is over still proves whose it was: it may ask for a new link and for no more texts, and nothing else.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from prom.domain import dialogue, replies
from prom.services import consenting, conversing, linking, links, stopping
from prom.storage import audit, channels, inbound, messages, patients, prompts, sites, tasks
from prom.storage.models import Inbound, InboundState, MessageKind, Patient, Prompt, PromptState, TaskKind

LONGEST_NOTE = 1000
NEW_LINK = "new_link"
NOTE = "page_note"


@dataclass(frozen=True, slots=True)
class Clinic:
    """A clinic as its texts name it, and the number patients may call."""

    public_id: str
    label: str
    phone: str


def clinics(session: Session) -> tuple[Clinic, ...]:
    """Return the clinics that text from here."""
    return tuple(Clinic(site.public_id, site.label, site.phone) for site in sites.everything(session))


def new_link(session: Session, token: str, now: datetime) -> bool:
    """Text a new link to the patient of an old one, if questions are open for them; return whether one is on its way.

    Once an hour at most: whoever holds an old link must not be able to make a phone ring.
    """
    old = links.prompt_for(session, token)
    prompt = None if old is None else _open_prompt(session, old, now)
    if prompt is None:
        return False
    patient = linking.patient_of(session, prompt)
    if patient.phone_index is None or consenting.texting(session, patient) is None:
        return False
    added = messages.add_pending(
        session,
        site_id=prompt.site_id,
        patient_id=patient.id,
        prompt_id=prompt.id,
        inbound_id=None,
        dedupe_key=f"{prompt.public_id}|{NEW_LINK}|{now:%Y-%m-%dT%H}",
        kind=MessageKind.REPLY,
        text_key=NEW_LINK,
        question="",
        phone_index=patient.phone_index,
        due_at=now,
        expires_at=min(now + conversing.ANSWER_WITHIN, prompt.closes_at),
        now=now,
    )
    if added is None:
        return False
    audit.record(session, audit.PATIENT, "asked for a new link", prompt, now)
    return True


def _open_prompt(session: Session, old: Prompt, now: datetime) -> Prompt | None:
    """Return the prompt that waits for answers of this patient now: that of the link, else the one due last."""
    waiting = [
        prompt
        for prompt in prompts.not_over(session, old.patient_id)
        if links.alive(session, prompt, now) and (prompt.state is not PromptState.PLANNED or prompt.due_at <= now)
    ]
    return max(waiting, key=lambda prompt: (prompt.id == old.id, prompt.due_at), default=None)


def call_me(session: Session, prompt: Prompt, actor: audit.Actor, now: datetime) -> None:
    """Ask the clinic to call the patient; asking again on the same day is the same wish."""
    patient = linking.patient_of(session, prompt)
    opened = tasks.open_task(
        session,
        site_id=prompt.site_id,
        kind=TaskKind.CALL,
        reason="call_me",
        dedupe_key=f"call_me|{patient.public_id}|{now:%Y-%m-%d}",
        patient_id=patient.id,
        prompt_id=prompt.id,
        urgent=True,
        now=now,
    )
    if opened is not None:
        audit.record(session, actor, "asked for a call", prompt, now)


def note(session: Session, prompt: Prompt, text: str, actor: audit.Actor, now: datetime) -> replies.Reply | None:
    """Put what a patient wrote before a person, possible emergencies first; return what it turned out to be.

    It is kept like a text that came in, and does what such a text does, except that nothing is texted back: the page
    answers. It is never a score.
    """
    text = text.strip()[:LONGEST_NOTE]
    patient = linking.patient_of(session, prompt)
    if not text or patient.phone_index is None:
        return None
    channels.lock_phone(session, patient.phone_index)
    reply = replies.parse(text, "nrs", patient.language, country=linking.site_of(session, prompt).country)
    row = _kept(session, prompt, patient, text, now)
    if row is None:
        return reply
    row.outcome, row.rule, row.parser_version = reply.outcome, reply.rule[:40], replies.PARSER_VERSION
    conversing.apply(session, row, prompt, [patient], _effects(reply), now)
    row.state = InboundState.PEOPLE
    audit.record(session, actor, "note written", row, now, reason=reply.outcome)
    session.flush()
    return reply


def _kept(session: Session, prompt: Prompt, patient: Patient, text: str, now: datetime) -> Inbound | None:
    """Store a note, or return None when the same one was sent within the hour: a page is easily sent twice."""
    same = hashlib.sha256(f"{prompt.public_id}|{now:%Y-%m-%dT%H}|{text}".encode(errors="surrogatepass")).hexdigest()
    sid = f"{inbound.ON_PAGE}{same[:32]}"
    if inbound.by_sid(session, sid) is not None:
        return None
    site = linking.site_of(session, prompt)
    row = inbound.add(session, site, sid, patients.phone(session, patient) or "", text, 0, now)
    row.patient_id, row.prompt_id = patient.id, prompt.id
    return row


def _effects(reply: replies.Reply) -> dialogue.Effects:
    match reply:
        case replies.RedFlag(kind=kind, also=also):
            leave: dialogue.Effects = (dialogue.StopTexts(),) if "opt_out" in also else ()
            return (dialogue.RedFlag(kind), *leave)
        case replies.OptOut():
            return (dialogue.StopTexts(), dialogue.ForPeople(NOTE))
        case replies.ForPeople(reason=reason, also=also):
            pause: dialogue.Effects = (dialogue.PausePrompts(reason),) if "pause" in also else ()
            return (dialogue.ForPeople(reason, urgent=reason in {"death", "hospital", "call_me"}), *pause)
        case _:
            return (dialogue.ForPeople(NOTE),)


def stopped(session: Session, prompt: Prompt) -> bool:
    """Tell whether the phone of a link's patient gets no texts any more."""
    patient = linking.patient_of(session, prompt)
    return patient.phone_index is None or channels.is_suppressed(session, patient.phone_index)


def stop(session: Session, prompt: Prompt, actor: audit.Actor, now: datetime) -> None:
    """Stop all texts to the phone of a link's patient; a page confirms it, so no text does."""
    index = linking.patient_of(session, prompt).phone_index
    if index is None:
        return
    channels.lock_phone(session, index)
    if not channels.suppress(session, index, source="page", now=now):
        return
    stopping.suppress_waiting(session, index)
    for person in channels.patients_of(session, index):
        audit.record(session, actor, "opted out", person, now, reason="on the page")
        tasks.open_task(
            session,
            site_id=person.site_id,
            kind=TaskKind.STOPPED,
            reason="opted_out",
            dedupe_key=f"opted_out|{person.public_id}|{now:%Y-%m-%dT%H:%M}",
            patient_id=person.id,
            now=now,
        )
