"""Patients' pages by signed link: one question a page, the thanks, a note, a call, stop, and who is texting.

The token in the address is the only key: there is no session, no cookie and no script. A GET changes nothing about
anybody, because carriers and phones open links before people do. A link that is wrong, used or over gets one page with
one button, the same for everybody.
"""

from typing import Any

from flask import abort, redirect, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.charts import spark
from prom.domain import replies
from prom.services import linking, linking_requests, links
from prom.services.linking import Screen
from prom.storage.models import Patient, Prompt
from prom.web import (
    context,
    guards,
    locales,
    patient_baseline,
    patient_blueprint,
    patient_choices,
    patient_consent,
    patient_files,
    patient_words,
)
from prom.web.patient_blueprint import NOTHING_CHOSEN, accepted, actor, advice, blueprint, file, here, over, page, speak
from prom.web.patient_words import _

__all__ = ["blueprint", "patient_baseline", "patient_choices"]
URGENT, SELF_HARM = "now", "care"


@blueprint.get("/a/<token>")
@guards.needs(guards.Permission.PUBLIC)
def question(token: str) -> ResponseReturnValue:
    """Show the first question without an answer, or the one asked for."""
    with context.reading() as session:
        prompt = _live(session, token)
        if prompt is not None:
            screen = linking.screen(session, prompt, request.args.get("q"), locales.chosen())
            if screen is None:
                return redirect(here("patient.done", token=token), 303)
            return _question(token, screen, kept="kept" in request.args)
    return _over(token)


@blueprint.post("/a/<token>")
@guards.needs(guards.Permission.PUBLIC)
def answer(token: str) -> ResponseReturnValue:
    """Store the answer to one question and go on to the next."""
    with context.writing() as session:
        prompt = _live(session, token)
        if prompt is not None:
            return _answer(session, token, prompt)
    return _over(token, lost=True)


def _answer(session: Session, token: str, prompt: Prompt) -> ResponseReturnValue:
    step = linking.step_named(session, prompt, request.form.get("q", ""))
    if step is None:
        return redirect(here("patient.question", token=token), 303)
    skips = "skip" in request.form and step.may_skip
    typed = request.form.get("answer", "")
    value = None if skips else patient_words.number(typed, step)
    if value is None and not skips:
        screen = linking.screen(session, prompt, step.key, locales.chosen())
        assert screen is not None
        return _question(token, screen, typed=typed, error=patient_blueprint.error_of(step)), NOTHING_CHOSEN
    stored = linking.answer(session, prompt, step, value, request.form.get("seen", ""), actor(), context.now())
    if stored is linking.Stored.KEPT_BESIDE:
        return redirect(here("patient.question", token=token, q=step.key, kept=1), 303)
    return redirect(here("patient.question", token=token), 303)


def _question(token: str, screen: Screen, **more: Any) -> str:
    key = screen.step.key
    back = None if screen.previous is None else here("patient.question", token=token, q=screen.previous)
    address = {"token": token, "q": key}
    action = here("patient.answer", token=token)
    return patient_blueprint.question(
        screen, "patient.question", address, action=action, back=back, token=token, foot=True, **more
    )


@blueprint.get("/a/<token>/done")
@guards.needs(guards.Permission.PUBLIC)
def done(token: str) -> ResponseReturnValue:
    """Thank, show the patient's own course and say when the next questions come."""
    with context.reading() as session:
        prompt = _live(session, token)
        if prompt is not None:
            if linking.screen(session, prompt, None, locales.chosen()) is not None:
                return redirect(here("patient.question", token=token), 303)
            return _thanks(session, token, prompt)
    return _over(token)


def _thanks(session: Session, token: str, prompt: Prompt, *, typed: str = "", error: str = "") -> str:
    seen = linking.thanks(session, prompt, context.now())
    coming = seen.next_prompt
    points = patient_words.own_points(seen.points)
    return page(
        "patient/done.html",
        "patient.done",
        {"token": token},
        token=token,
        given=[(one, _change(token, one.step), patient_words.answer(one.step, one.value)) for one in seen.given],
        chart=spark.own(points, patient_words.course(seen.points)) if len(points) > 1 else None,
        next_day=patient_words.day(coming.due_at, seen.zone) if coming else None,
        next_time=patient_words.clock(coming.due_at, seen.zone) if coming else None,
        clinic=seen.site,
        typed=typed,
        error=error,
        **advice(seen.site),
    )


def _change(token: str, step: linking.Step) -> str:
    return here("patient.question", token=token, q=step.key)


@blueprint.get("/a/<token>/next.ics")
@guards.needs(guards.Permission.PUBLIC)
def calendar(token: str) -> ResponseReturnValue:
    """Give the date of the next questions as a calendar file."""
    with context.reading() as session:
        prompt = _live(session, token)
        seen = None if prompt is None else linking.thanks(session, prompt, context.now())
    if seen is None:
        return _over(token)
    if seen.next_prompt is None:
        return abort(404)
    coming = seen.next_prompt
    summary = _("Questions by text from %(clinic)s", clinic=seen.site.label)
    body = patient_files.calendar(coming.public_id, coming.due_at, summary, context.now())
    return file(body, "text/calendar", "next.ics")


@blueprint.post("/a/<token>/call")
@guards.needs(guards.Permission.PUBLIC)
def call(token: str) -> ResponseReturnValue:
    """Ask the clinic to call."""
    with context.writing() as session:
        prompt = _live(session, token)
        if prompt is not None:
            linking_requests.call_me(session, prompt, actor(), context.now())
            return redirect(here("patient.done", token=token, said="call"), 303)
    return _over(token, lost=True)


@blueprint.post("/a/<token>/note")
@guards.needs(guards.Permission.PUBLIC)
def note(token: str) -> ResponseReturnValue:
    """Take a few words for the clinic; words of an emergency are answered at once."""
    text = request.form.get("note", "")
    with context.writing() as session:
        prompt = _live(session, token)
        if prompt is not None:
            reply = linking_requests.note(session, prompt, text, actor(), context.now())
            if reply is None:
                return _thanks(session, token, prompt, typed=text, error=_("Write something first")), NOTHING_CHOSEN
            return redirect(_after_note(session, token, prompt, reply), 303)
    return _over(token, lost=True)


def _after_note(session: Session, token: str, prompt: Prompt, reply: replies.Reply) -> str:
    said = "note"
    if isinstance(reply, replies.RedFlag):
        said = SELF_HARM if reply.kind == "self_harm" else URGENT
    # A note may also ask for no more texts: then this link is over, and the stop page says so.
    page = "patient.stop_page" if linking_requests.stopped(session, prompt) else "patient.done"
    return here(page, token=token, said=said)


@blueprint.post("/a/<token>/new")
@guards.needs(guards.Permission.PUBLIC)
def new_link(token: str) -> ResponseReturnValue:
    """Text a new link to whoever had this one; who never had one sees the same page."""
    with context.writing() as session:
        linking_requests.new_link(session, token, context.now())
    return _over(token, asked=True)


@blueprint.get("/stop/<token>")
@guards.needs(guards.Permission.PUBLIC)
def stop_page(token: str) -> ResponseReturnValue:
    """Ask whether the texts shall stop, or say that they have."""
    with context.reading() as session:
        prompt = links.prompt_for(session, token)
        if prompt is not None:
            return _stop_page(session, token, prompt)
    return _over(token)


@blueprint.post("/stop/<token>")
@guards.needs(guards.Permission.PUBLIC)
def stop(token: str) -> ResponseReturnValue:
    """Stop the texts. A link that is over can still do this."""
    with context.writing() as session:
        prompt = links.prompt_for(session, token)
        if prompt is not None:
            speak(locales.page_language(linking.patient_of(session, prompt).language))
            linking_requests.stop(session, prompt, actor(), context.now())
            return redirect(here("patient.stop_page", token=token), 303)
    return _over(token, lost=True)


def _stop_page(session: Session, token: str, prompt: Prompt) -> str:
    patient = linking.patient_of(session, prompt)
    speak(locales.page_language(patient.language))
    clinic = linking.site_of(session, prompt)
    patient_words.use_own(session, clinic.id)
    return page(
        "patient/stop.html",
        "patient.stop_page",
        {"token": token},
        token=token,
        stopped=linking_requests.stopped(session, prompt),
        clinic=clinic,
        agreed=patient_consent.agreed(session, token),
        back=here("patient.question", token=token) if links.alive(session, prompt, context.now()) else None,
        **advice(clinic),
    )


@blueprint.get("/who")
@guards.needs(guards.Permission.PUBLIC)
def who() -> ResponseReturnValue:
    """Say who sends the texts and what they are for."""
    speak(accepted())
    with context.reading() as session:
        clinics = linking_requests.clinics(session)
    return page("patient/who.html", "patient.who", {}, clinics=clinics)


@blueprint.get("/who/<public_id>.vcf")
@guards.needs(guards.Permission.PUBLIC)
def contact(public_id: str) -> ResponseReturnValue:
    """Give a clinic as a contact card, so that the phone shows who texts."""
    with context.reading() as session:
        clinic = next((one for one in linking_requests.clinics(session) if one.public_id == public_id), None)
    if clinic is None:
        return abort(404)
    numbers = [number for number in (clinic.phone, context.wired().settings.twilio_from) if number]
    return file(patient_files.contact(clinic.label, numbers), "text/vcard", "clinic.vcf")


def _live(session: Session, token: str) -> Prompt | None:
    """Return the prompt an address opens now, and speak its patient's language."""
    prompt = linking.live_prompt(session, token, context.now())
    if prompt is not None:
        speak(locales.page_language(session.get_one(Patient, prompt.patient_id).language))
        patient_words.use_own(session, prompt.site_id)
    return prompt


def _over(token: str, *, lost: bool = False, asked: bool = False) -> ResponseReturnValue:
    return over(
        token,
        lambda session: links.prompt_for(session, token),
        "patient.question",
        "patient.new_link",
        lost=lost,
        asked=asked,
    )
