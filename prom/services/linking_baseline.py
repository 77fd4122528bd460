"""The baseline questionnaire on its page: pain, then the CSI one item a screen, each stored as it is given.

What was answered stays when the page is closed or loaded again. It may be filled in on the patient's phone or on the
clinic's tablet; the answers say which.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session

from prom.domain import wording
from prom.domain.instruments import Scale
from prom.services import inviting, linking, questionnaires, watching
from prom.services.linking import Given, Screen, Step, Stored
from prom.storage import answers, audit, invitations
from prom.storage.models import Answer, AnswerState, Episode, Invitation, Patient, Site, Source


def steps(invitation: Invitation) -> tuple[Step, ...]:
    """Return the screens of a baseline in the order asked."""
    return tuple(_step(key) for key in invitation.questions.split())


def _step(key: str) -> Step:
    instrument, series, item = inviting.slot(key)
    scale = Scale.CSI if instrument == "csi" else Scale.NRS
    return Step(key, key, scale, instrument, series, item)


def patient_of(session: Session, invitation: Invitation) -> Patient:
    """Return who was invited."""
    return session.get_one(Patient, invitation.patient_id)


def site_of(session: Session, invitation: Invitation) -> Site:
    """Return the clinic that invites."""
    return session.get_one(Site, invitation.site_id)


def first_open(session: Session, invitation: Invitation) -> int | None:
    """Return the number of the first screen without an answer, or None when all are answered."""
    there = inviting.held(session, invitation)
    every = enumerate(invitation.questions.split(), start=1)
    return next((number for number, key in every if inviting.slot(key) not in there), None)


def screen(session: Session, invitation: Invitation, number: int, language: str) -> Screen | None:
    """Return a screen by its number, from 1, or None when there is no such one."""
    every = steps(invitation)
    if not 1 <= number <= len(every):
        return None
    step = every[number - 1]
    episode = session.get_one(Episode, invitation.episode_id)
    places = wording.language(language).places
    own = questionnaires.shown(session, invitation.site_id, language) if step.scale is Scale.CSI else None
    return Screen(
        step,
        number=number,
        total=len(every),
        previous=str(number - 1) if number > 1 else None,
        held=inviting.held(session, invitation).get(inviting.slot(step.key)),
        place=places.get(wording.place_key(episode.target, episode.side), places["general"]),
        wording="" if own is None else own.items[step.item],
        options=() if own is None else own.options,
    )


def answer(
    session: Session,
    invitation: Invitation,
    step: Step,
    value: int | None,
    seen: str,
    actor: audit.Actor,
    now: datetime,
) -> Stored:
    """Store what was chosen on a screen; `value` None skips the item, `seen` is the answer that the page showed.

    An answer that came another way meanwhile was not seen: it stays in force, and this one is kept beside it. The last
    answer finishes the questionnaire; on the tablet somebody says so.
    """
    linking.check(step, value)
    invitation = invitations.locked(session, invitation)
    there = inviting.held(session, invitation).get(inviting.slot(step.key))
    if there is not None and there.value == value:
        return Stored.SAVED
    change = there is not None and there.public_id == seen
    row = _store(session, invitation, step, value, there, now, change=change)
    patient = patient_of(session, invitation)
    told = audit.Change(f"{step.instrument} {step.item}".strip(), "" if not change else str(_value(there)), str(value))
    audit.record(session, actor, _action(there, change=change), row, now, patient=patient, change=told)
    if there is not None and not change:
        return Stored.KEPT_BESIDE
    if step.scale is Scale.CSI:
        watching.score_baseline(session, row.episode_id, now)
    if invitation.way != inviting.TABLET and first_open(session, invitation) is None:
        inviting.finish(session, invitation, actor, now)
    return Stored.CHANGED if change else Stored.SAVED


def _value(row: Answer | None) -> int | None:
    return None if row is None else row.value


def _action(there: Answer | None, *, change: bool) -> str:
    if there is None:
        return "answer_stored"
    return "answer_corrected" if change else "answer_kept_beside"


def _store(
    session: Session,
    invitation: Invitation,
    step: Step,
    value: int | None,
    there: Answer | None,
    now: datetime,
    *,
    change: bool,
) -> Answer:
    if there is not None and change:
        answers.supersede(session, there, AnswerState.CORRECTED, "corrected by the patient")
    beside = there is not None and not change
    return answers.add(
        session,
        session.get_one(Episode, invitation.episode_id),
        occasion=inviting.BASELINE,
        instrument=step.instrument,
        series=step.series,
        item=step.item,
        value=value,
        answered_at=now,
        now=now,
        source=Source.CLINIC if invitation.way == inviting.TABLET else Source.LINK,
        rule="tablet" if invitation.way == inviting.TABLET else "page",
        replaces=there if change else None,
        proxy=patient_of(session, invitation).proxy,
        state=AnswerState.SECOND if beside else AnswerState.CURRENT,
    )


def given(session: Session, invitation: Invitation) -> Iterator[Given]:
    """Yield what was answered: pain with its score, and of the CSI how many items; never the items themselves."""
    there = inviting.held(session, invitation)
    every = steps(invitation)
    for step in every:
        row = there.get(inviting.slot(step.key))
        if step.scale is not Scale.CSI and row is not None:
            yield Given(step, row.value)
    form = [step for step in every if step.scale is Scale.CSI]
    if form:
        rows = [there.get(inviting.slot(step.key)) for step in form]
        yield Given(form[0], None, sum(row is not None and row.value is not None for row in rows), len(form))
