"""Invite a patient to a page outside the prompts: the baseline questionnaire before a procedure, or the consent.

The link is shown as a QR code, texted, or opened on the clinic's tablet. A new invitation ends the one before it. Its
token is made as those of prompts are (128 bits of an HMAC over the public id and a nonce), and proves one kind of page.
"""

import hmac
from datetime import datetime, timedelta

from sqlmodel import Session

from prom.domain import instruments, procedures
from prom.services import consenting, links
from prom.storage import answers, audit, channels, episodes, invitations, messages, plans
from prom.storage.models import (
    Answer,
    Episode,
    EpisodeState,
    Invitation,
    InvitationKind,
    MessageKind,
    Patient,
)
from prom.storage.session import vault_of

QR, TEXT, TABLET = WAYS = ("qr", "text", "tablet")
BASELINE = "baseline"
LIVES = timedelta(days=7)
# A tablet that was put down unfinished must not stay open for the next person.
TABLET_LIVES = timedelta(hours=2)
TEXT_LEAVES_WITHIN = timedelta(hours=24)
TEXT_KEYS = {InvitationKind.BASELINE: "baseline_link", InvitationKind.CONSENT: "consent_link"}
PATHS = {InvitationKind.BASELINE: "b", InvitationKind.CONSENT: "c"}
CSI_STEP = "csi-"
NOT_READABLE = "An invitation by text needs a phone, consent to texts and no stop: show the code or use this tablet."


class InvitationError(ValueError):
    """An invitation that cannot be made; the message says why in plain words."""


def invite(
    session: Session,
    patient: Patient,
    episode: Episode | None,
    kind: InvitationKind,
    way: str,
    actor: audit.Actor,
    now: datetime,
) -> Invitation:
    """Open a page for a patient and return the invitation; the one before it ends. By text, its link is queued."""
    ends_at = _ends_at(episode, kind, way, now)
    if way == TEXT and not may_text(session, patient):
        raise InvitationError(NOT_READABLE)
    before = current(session, patient, episode, kind)
    if before is not None:
        invitations.end(session, before, now)
    invitation = Invitation(
        kind=kind,
        patient_id=patient.id,
        episode_id=None if episode is None else episode.id,
        site_id=patient.site_id,
        staff_id=actor.staff_id,
        way=way,
        questions="" if episode is None else " ".join(_questions(session, episode)),
        created_at=now,
        expires_at=ends_at,
    )
    session.add(invitation)
    session.flush()
    audit.record(session, actor, f"invited: {kind}", invitation, now, patient=patient, reason=way)
    if way == TEXT:
        _queue(session, patient, invitation, now)
    return invitation


def _ends_at(episode: Episode | None, kind: InvitationKind, way: str, now: datetime) -> datetime:
    if way not in WAYS:
        raise InvitationError("Choose how the patient opens the page.")
    ends_at = now + (TABLET_LIVES if way == TABLET else LIVES)
    if kind is InvitationKind.CONSENT:
        return ends_at
    if episode is None or episode.state is not EpisodeState.PLANNED:
        raise InvitationError("The baseline belongs before the procedure: this one is not planned any more.")
    if episode.procedure_at <= now:
        raise InvitationError("The procedure's time has come: a baseline is never filled in from memory.")
    return min(ends_at, episode.procedure_at)


def may_invite(episode: Episode, now: datetime) -> bool:
    """Tell whether a baseline may still be asked for: before the procedure, and while that is planned."""
    return episode.state is EpisodeState.PLANNED and now < episode.procedure_at


def next_episode(session: Session, patient: Patient, now: datetime) -> Episode | None:
    """Return the next planned procedure of a patient, or None."""
    return next((one for one in episodes.open_of_patient(session, patient.id) if may_invite(one, now)), None)


def may_text(session: Session, patient: Patient) -> bool:
    """Tell whether a link could reach a patient by text."""
    return (
        patient.phone_index is not None
        and not patient.unusable_reason
        and patient.died_on is None
        and patient.withdrawn_on is None
        and not channels.is_suppressed(session, patient.phone_index)
        and consenting.texting(session, patient) is not None
    )


def _questions(session: Session, episode: Episode) -> list[str]:
    """Return the screens of a baseline: pain in the series that the plan follows, then the 25 items of the CSI."""
    plan = plans.plan(plans.by_ids(session, [episode.plan_id])[episode.plan_id])
    return [pain_question(plan), *(f"{CSI_STEP}{item}" for item in range(1, instruments.CSI_ITEMS + 1))]


def pain_question(plan: procedures.Plan) -> str:
    """Return the pain question of a baseline: average pain, or current pain where nothing else is asked afterwards."""
    asked = {question for point in plan.time_points if point.offset > 0 for question in point.questions}
    return "nrs_current" if "nrs_current" in asked and "nrs" not in asked else "nrs"


def _queue(session: Session, patient: Patient, invitation: Invitation, now: datetime) -> None:
    assert patient.phone_index is not None
    messages.add_pending(
        session,
        site_id=patient.site_id,
        patient_id=patient.id,
        prompt_id=None,
        inbound_id=None,
        dedupe_key=invitations.text_of(invitation),
        kind=MessageKind.PROMPT,
        text_key=TEXT_KEYS[invitation.kind],
        variables={"invitation": invitation.public_id},
        phone_index=patient.phone_index,
        due_at=now,
        expires_at=min(invitation.expires_at, now + TEXT_LEAVES_WITHIN),
        now=now,
    )


def token(session: Session, invitation: Invitation) -> str:
    """Return the token of an invitation's link."""
    place = f"{invitation.kind}|{invitation.public_id}|{invitation.nonce}"
    return links.signed(vault_of(session), invitation.public_id, place)


def address(session: Session, invitation: Invitation, public_url: str) -> str:
    """Return the address that a patient opens."""
    return f"{public_url}/{PATHS[invitation.kind]}/{token(session, invitation)}"


def by_token(session: Session, kind: InvitationKind, given: str) -> Invitation | None:
    """Return the invitation of a token, alive or not, or None when it is nobody's."""
    if not links.is_token(given):
        return None
    for invitation in invitations.beginning_with(session, kind, given[: links.FINDS]):
        if hmac.compare_digest(token(session, invitation).encode(), given.encode()):
            return invitation
    return None


def live(session: Session, kind: InvitationKind, given: str, now: datetime) -> Invitation | None:
    """Return the invitation that an address opens now, or None when it is wrong, used or over."""
    invitation = by_token(session, kind, given)
    return invitation if invitation is not None and alive(session, invitation, now) else None


def current(session: Session, patient: Patient, episode: Episode | None, kind: InvitationKind) -> Invitation | None:
    """Return the last invitation of a patient to a page, whatever became of it."""
    return invitations.newest(session, patient.id, None if episode is None else episode.id, kind)


def alive(session: Session, invitation: Invitation, now: datetime) -> bool:
    """Tell whether a page still opens.

    It ends with its time, with a newer invitation, and for a baseline with the procedure, wherever that was moved to.
    After finishing it lives 15 minutes, for a change; on the clinic's tablet it ends at once.
    """
    if not invitation.created_at <= now < invitation.expires_at or _finished(invitation, now):
        return False
    patient = session.get_one(Patient, invitation.patient_id)
    if patient.died_on is not None or patient.withdrawn_on is not None:
        return False
    newest = invitations.newest(session, invitation.patient_id, invitation.episode_id, invitation.kind)
    if newest is None or newest.id != invitation.id:
        return False
    return invitation.kind is InvitationKind.CONSENT or _before_procedure(session, invitation, now)


def _finished(invitation: Invitation, now: datetime) -> bool:
    if invitation.finished_at is None:
        return False
    return invitation.way == TABLET or now >= invitation.finished_at + links.LIVES_ON


def _before_procedure(session: Session, invitation: Invitation, now: datetime) -> bool:
    return may_invite(session.get_one(Episode, invitation.episode_id), now)


def held(session: Session, invitation: Invitation) -> dict[tuple[str, str, int], Answer]:
    """Return the baseline answers that count, by instrument, series and item, however they came."""
    return {} if invitation.episode_id is None else _held(session, invitation.episode_id)


def _held(session: Session, episode_id: int) -> dict[tuple[str, str, int], Answer]:
    rows = answers.current(session, episode_id)
    return {(row.instrument, row.series, row.item): row for row in rows if row.occasion == BASELINE}


def slot(question: str) -> tuple[str, str, int]:
    """Return under which instrument, series and item a screen of a baseline is kept."""
    if question.startswith(CSI_STEP):
        return "csi", "", int(question.removeprefix(CSI_STEP))
    instrument, series = answers.kept_as(question)
    return instrument, series, 0


def progress(session: Session, invitation: Invitation) -> tuple[int, int]:
    """Return how many of an invitation's questions have an answer (a skipped item is one), and how many there are."""
    there = held(session, invitation)
    asked = invitation.questions.split()
    return sum(slot(question) in there for question in asked), len(asked)


def answered(session: Session, episode: Episode) -> tuple[int, int]:
    """Return how many questions of a procedure's baseline have an answer, and how many there are."""
    there, asked = _held(session, episode.id), _questions(session, episode)
    return sum(slot(question) in there for question in asked), len(asked)


def finish(session: Session, invitation: Invitation, actor: audit.Actor, now: datetime) -> None:
    """Note that a patient is through with a page; the first time counts."""
    if invitation.finished_at is not None:
        return
    invitation.finished_at = now
    session.add(invitation)
    patient = session.get_one(Patient, invitation.patient_id)
    audit.record(session, actor, f"finished: {invitation.kind}", invitation, now, patient=patient)
    session.flush()


def new_link(session: Session, kind: InvitationKind, given: str, now: datetime) -> bool:
    """Text a new link to whoever had an old one; once an hour, and only while the page can still be used.

    Who never had a link gets nothing, and cannot tell.
    """
    old = by_token(session, kind, given)
    if old is None or old.way == TABLET:
        return False
    patient = session.get_one(Patient, old.patient_id)
    episode = None if old.episode_id is None else episodes.by_ids(session, [old.episode_id])[0]
    last = current(session, patient, episode, kind)
    if last is not None and last.way == TEXT and now - last.created_at < timedelta(hours=1):
        return False
    if last is not None and last.finished_at is not None and kind is InvitationKind.BASELINE:
        return False
    try:
        invite(session, patient, episode, kind, TEXT, audit.PATIENT, now)
    except InvitationError:
        return False
    return True
