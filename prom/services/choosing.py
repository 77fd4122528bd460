"""What patients choose themselves: when, how and in which language they are asked, a pause, and who answers for them.

Every choice is in the audit trail. A pause that a person of the clinic set, or that followed news of a death or a
wrong number, is not the patient's to end.

Sources:
    [P] A chosen time of day lies between 08:00 and 20:00: texts may leave until 21:00 (SMS rules, table of kinds).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from prom.domain import timetable
from prom.domain.consent import Document
from prom.services import consenting_texts, contacting, planning
from prom.services.consenting_texts import PAGE
from prom.storage import audit
from prom.storage.models import Patient, Purpose

CHANNELS = ("sms", "link", "phone")
PAUSES_DAYS = (7, 14, 30)
ASKED = "asked"


class ChoiceError(ValueError):
    """A choice that is not on offer."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a patient has chosen so far; `paused_until` None: no pause, `may_resume`: the pause was their own wish."""

    ask_minute: int | None
    channel: str
    language: str
    paused_until: datetime | None
    may_resume: bool
    proxy: bool


def of(patient: Patient, now: datetime) -> Choices:
    """Return what a patient has chosen."""
    paused = patient.paused_until if patient.paused_until is not None and patient.paused_until > now else None
    return Choices(
        patient.ask_minute,
        patient.channel,
        patient.language,
        paused,
        paused is not None and patient.paused_reason == ASKED,
        patient.proxy,
    )


def set_time(session: Session, patient: Patient, minute: int | None, actor: audit.Actor, now: datetime) -> None:
    """Ask at a minute of the patient's day from now on, or at the clinic's time (None); what waits moves there."""
    if minute is not None and not timetable.may_ask_at(minute):
        raise ChoiceError("this time is not on offer")
    if minute == patient.ask_minute:
        return
    change = audit.Change("ask_minute", _clock(patient.ask_minute), _clock(minute))
    audit.record(session, actor, "time of day chosen", patient, now, patient=patient, change=change)
    patient.ask_minute = minute
    session.add(patient)
    planning.follow_choices(session, patient, now)


def _clock(minute: int | None) -> str:
    return "" if minute is None else f"{minute // 60:02d}:{minute % 60:02d}"


def set_channel(session: Session, patient: Patient, channel: str, actor: audit.Actor, now: datetime) -> None:
    """Be asked by text, by a link only, or by a call from now on."""
    if channel not in CHANNELS:
        raise ChoiceError("this way is not on offer")
    if channel == patient.channel:
        return
    change = audit.Change("channel", patient.channel, channel)
    audit.record(session, actor, "channel chosen", patient, now, patient=patient, change=change)
    patient.channel = channel
    session.add(patient)


def set_language(session: Session, patient: Patient, language: str, actor: audit.Actor, now: datetime) -> None:
    """Be texted in another language from now on."""
    try:
        contacting.change_language(session, patient, language, actor, now)
    except contacting.ContactError as error:
        raise ChoiceError("this language is not on offer") from error


def pause(session: Session, patient: Patient, days: int, actor: audit.Actor, now: datetime) -> None:
    """Be asked nothing for some days."""
    if days not in PAUSES_DAYS:
        raise ChoiceError("this pause is not on offer")
    standing = of(patient, now)
    if standing.paused_until is not None and not standing.may_resume:
        # The clinic's own pause is the longer one, and not to be shortened from here.
        return
    patient.paused_until, patient.paused_reason = now + timedelta(days=days), ASKED
    session.add(patient)
    change = audit.Change("paused_until", "", patient.paused_until.isoformat())
    audit.record(session, actor, "paused", patient, now, patient=patient, change=change)


def resume(session: Session, patient: Patient, actor: audit.Actor, now: datetime) -> bool:
    """End the patient's own pause; False when there is none of theirs."""
    return of(patient, now).may_resume and contacting.resume(session, patient, actor, now)


def let_answer(
    session: Session, patient: Patient, shown: Document, version: str, actor: audit.Actor, now: datetime
) -> None:
    """Let a caregiver answer from now on, with the consent that was shown; answers say so."""
    consenting_texts.agree(session, patient, shown, version, PAGE, actor, now)
    if patient.proxy:
        return
    patient.proxy = True
    session.add(patient)
    change = audit.Change("proxy", "no", "yes")
    audit.record(session, actor, "caregiver answers", patient, now, patient=patient, change=change)


def answer_myself(session: Session, patient: Patient, actor: audit.Actor, now: datetime) -> None:
    """Take back that a caregiver answers."""
    consenting_texts.take_back(session, patient, Purpose.CAREGIVER, actor, now)
