"""What a patient agrees to: consent to texts and to the use of data, given, withdrawn, and leaving the follow-up.

A withdrawn consent is never re-opened by a text: START only lifts the phone's own stop. A new consent is a new row.
"""

from datetime import date, datetime

from sqlmodel import Session

from prom.services import planning
from prom.storage import audit, consents, episodes, plans
from prom.storage.models import Consent, Patient, Purpose

CONSENT_WITHDRAWN = "consent_withdrawn"
WITHDRAWN = "withdrawn"


class ConsentError(ValueError):
    """A consent that cannot be recorded; the message says why in plain words."""


def give(  # noqa: PLR0913 - a consent has this many facts, all named
    session: Session,
    patient: Patient,
    purpose: Purpose,
    *,
    version: str,
    language: str,
    method: str,
    given_at: datetime,
    actor: audit.Actor,
    now: datetime,
) -> Consent:
    """Record a consent as it was given; with consent to texts, what is planned may be sent from now on."""
    if given_at > now:
        raise ConsentError("a consent cannot be given in the future")
    standing = consents.live(session, patient.id, purpose)
    if standing is not None:
        return standing
    consent = Consent(
        patient_id=patient.id,
        site_id=patient.site_id,
        purpose=purpose,
        version=version,
        language=language,
        method=method,
        given_at=given_at,
    )
    session.add(consent)
    session.flush()
    audit.record(session, actor, f"consent given: {purpose}", consent, now, patient=patient)
    if purpose is Purpose.TEXTING:
        for episode in episodes.open_of_patient(session, patient.id):
            planning.queue_texts(session, episode, now)
    return consent


def withdraw(
    session: Session, patient: Patient, purpose: Purpose, at: datetime, actor: audit.Actor, now: datetime
) -> bool:
    """Withdraw every standing consent to a purpose; return False if there was none. Waiting texts are held back."""
    standing = [row for row in consents.of_patient(session, patient.id) if row.purpose is purpose]
    withdrawn = [row for row in standing if consents.withdraw(session, row, max(at, row.given_at))]
    for consent in withdrawn:
        audit.record(session, actor, f"consent withdrawn: {purpose}", consent, now, patient=patient)
    if purpose is Purpose.CAREGIVER and patient.proxy:
        patient.proxy = False
        session.add(patient)
        change = audit.Change("proxy", "yes", "no")
        audit.record(session, actor, "caregiver no longer answers", patient, now, patient=patient, change=change)
    if purpose is Purpose.TEXTING:
        rows = plans.prompts_of(session, [episode.id for episode in episodes.of_patient(session, patient.id)])
        plans.hold_back(session, [row.id for row in rows], CONSENT_WITHDRAWN)
    return bool(withdrawn)


def texting(session: Session, patient: Patient) -> Consent | None:
    """Return the consent under which a patient may be texted, or None."""
    return consents.live(session, patient.id, Purpose.TEXTING)


def withdraw_follow_up(session: Session, patient: Patient, on: date, actor: audit.Actor, now: datetime) -> None:
    """Record that a patient leaves the follow-up altogether: consents and plans end, what was answered stays."""
    if patient.withdrawn_on is not None:
        return
    patient.withdrawn_on = on
    session.add(patient)
    change = audit.Change("withdrawn_on", "", on.isoformat())
    audit.record(session, actor, "follow-up withdrawn", patient, now, patient=patient, change=change)
    withdraw(session, patient, Purpose.TEXTING, now, actor, now)
    planning.end(session, [episode.id for episode in episodes.of_patient(session, patient.id)], WITHDRAWN)
