"""The baseline questionnaire by its own link: on the patient's phone, or on the clinic's tablet.

On the tablet the last screen asks to hand it back, and from then on the address shows nothing but that.
"""

from typing import Any

from flask import redirect, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.services import inviting, linking_baseline
from prom.services.linking import Screen, Stored
from prom.storage.models import Invitation, InvitationKind
from prom.web import context, guards, locales, patient_blueprint, patient_words
from prom.web.patient_blueprint import NOTHING_CHOSEN, actor, blueprint, here, page
from prom.web.patient_invited import Door

MINUTES = 6
DOOR = Door(InvitationKind.BASELINE, "patient.baseline", "patient.hand_back", "patient.baseline_new_link")


@blueprint.get("/b/<token>")
@guards.needs(guards.Permission.PUBLIC)
def baseline(token: str) -> ResponseReturnValue:
    """Say what comes, or go on where it was left."""
    with context.reading() as session:
        invitation = DOOR.live(session, token)
        if invitation is not None:
            answered, total = inviting.progress(session, invitation)
            if answered:
                return redirect(_next(session, token, invitation), 303)
            clinic = linking_baseline.site_of(session, invitation)
            start = here("patient.baseline_question", token=token, number=1)
            tablet = invitation.way == inviting.TABLET
            values = {"total": total, "minutes": MINUTES, "start": start, "clinic": clinic, "tablet": tablet}
            return page("patient/baseline.html", "patient.baseline", {"token": token}, **values)
    return DOOR.over(token)


@blueprint.get("/b/<token>/<int:number>")
@guards.needs(guards.Permission.PUBLIC)
def baseline_question(token: str, number: int) -> ResponseReturnValue:
    """Show one question."""
    with context.reading() as session:
        invitation = DOOR.live(session, token)
        if invitation is not None:
            return _question(session, token, invitation, number)
    return DOOR.over(token)


@blueprint.post("/b/<token>/<int:number>")
@guards.needs(guards.Permission.PUBLIC)
def baseline_answer(token: str, number: int) -> ResponseReturnValue:
    """Store the answer to one question and go on to the next without one."""
    with context.writing() as session:
        invitation = DOOR.live(session, token)
        if invitation is not None:
            return _answer(session, token, invitation, number)
    return DOOR.over(token, lost=True)


def _answer(session: Session, token: str, invitation: Invitation, number: int) -> ResponseReturnValue:
    screen = linking_baseline.screen(session, invitation, number, locales.chosen())
    if screen is None:
        return redirect(_next(session, token, invitation), 303)
    step = screen.step
    skips = "skip" in request.form and step.may_skip
    typed = request.form.get("answer", "")
    value = None if skips else patient_words.number(typed, step)
    if value is None and not skips:
        error = patient_blueprint.error_of(step)
        return _shown(token, invitation, screen, typed=typed, error=error), NOTHING_CHOSEN
    seen = request.form.get("seen", "")
    stored = linking_baseline.answer(session, invitation, step, value, seen, actor(), context.now())
    if stored is Stored.KEPT_BESIDE:
        return redirect(here("patient.baseline_question", token=token, number=number, kept=1), 303)
    return redirect(_next(session, token, invitation), 303)


def _question(session: Session, token: str, invitation: Invitation, number: int) -> ResponseReturnValue:
    screen = linking_baseline.screen(session, invitation, number, locales.chosen())
    if screen is None:
        return redirect(_next(session, token, invitation), 303)
    return _shown(token, invitation, screen, kept="kept" in request.args)


def _shown(token: str, invitation: Invitation, screen: Screen, **more: Any) -> str:
    number = screen.number
    back = None if number == 1 else here("patient.baseline_question", token=token, number=number - 1)
    return patient_blueprint.question(
        screen,
        "patient.baseline_question",
        {"token": token, "number": number},
        action=here("patient.baseline_answer", token=token, number=number),
        back=back,
        foot=False,
        tablet=invitation.way == inviting.TABLET,
        **more,
    )


def _next(session: Session, token: str, invitation: Invitation) -> str:
    number = linking_baseline.first_open(session, invitation)
    if number is None:
        return here("patient.baseline_done", token=token)
    return here("patient.baseline_question", token=token, number=number)


@blueprint.get("/b/<token>/done")
@guards.needs(guards.Permission.PUBLIC)
def baseline_done(token: str) -> ResponseReturnValue:
    """Thank; on the tablet, ask to finish."""
    with context.reading() as session:
        invitation = DOOR.live(session, token)
        if invitation is not None:
            if linking_baseline.first_open(session, invitation) is not None:
                return redirect(_next(session, token, invitation), 303)
            return _done(session, token, invitation)
    return DOOR.over(token)


def _done(session: Session, token: str, invitation: Invitation) -> str:
    given = [
        (one, _change(token, number), patient_words.answer(one.step, one.value))
        for number, one in enumerate(linking_baseline.given(session, invitation), start=1)
    ]
    return page(
        "patient/baseline_done.html",
        "patient.baseline_done",
        {"token": token},
        token=token,
        given=given,
        tablet=invitation.way == inviting.TABLET,
        clinic=linking_baseline.site_of(session, invitation),
    )


def _change(token: str, number: int) -> str:
    # Pain is the first screen, and the CSI begins with the second.
    return here("patient.baseline_question", token=token, number=number)


@blueprint.post("/b/<token>/finish")
@guards.needs(guards.Permission.PUBLIC)
def baseline_finish(token: str) -> ResponseReturnValue:
    """End the questionnaire on the tablet: from now on the address shows only that it is to be handed back."""
    return DOOR.finish(token)


@blueprint.get("/b/<token>/back")
@guards.needs(guards.Permission.PUBLIC)
def hand_back(token: str) -> ResponseReturnValue:
    """Ask to hand the tablet back."""
    return DOOR.hand_back(token)


@blueprint.post("/b/<token>/new")
@guards.needs(guards.Permission.PUBLIC)
def baseline_new_link(token: str) -> ResponseReturnValue:
    """Text a new link to whoever had this one; who never had one sees the same page."""
    return DOOR.text_new_link(token)
