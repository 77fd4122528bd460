"""Patients' pages by signed link: one question a page, the thanks, a note, a call, stop, and who is texting.

The token in the address is the only key: there is no session, no cookie and no script. A GET changes nothing about
anybody, because carriers and phones open links before people do. A link that is wrong, used or over gets one page with
one button, the same for everybody.
"""

from typing import Any

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import refresh
from jinja2 import pass_context
from jinja2.runtime import Context
from sqlmodel import Session

from prom.charts import spark
from prom.domain import instruments, replies, wording
from prom.domain.instruments import Scale
from prom.services import linking, linking_requests, links
from prom.services.linking import Screen
from prom.storage import staff
from prom.storage.audit import PATIENT, Actor
from prom.storage.models import Patient, Prompt, Site
from prom.web import context, guards, locales, patient_files, patient_words
from prom.web.patient_words import _

blueprint = Blueprint("patient", __name__)
blueprint.add_app_template_filter(patient_words.dial, "dial")
OVER = 410
NOTHING_CHOSEN = 422
TOO_MANY = 429
URGENT, SELF_HARM = "now", "care"


@blueprint.app_template_filter("digits")
@pass_context
def digits(_page: Context, value: object) -> str:
    """Return a number in the digits of the page's language.

    It takes the context to be asked each time: Jinja works plain filters of constants out once, in one language.
    """
    return patient_words.digits(value)


@blueprint.get("/a/<token>")
@guards.needs(guards.Permission.PUBLIC)
def question(token: str) -> ResponseReturnValue:
    """Show the first question without an answer, or the one asked for."""
    with context.reading() as session:
        prompt = _live(session, token)
        if prompt is not None:
            screen = linking.screen(session, prompt, request.args.get("q"), locales.chosen())
            if screen is None:
                return redirect(_here("patient.done", token=token), 303)
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
        return redirect(_here("patient.question", token=token), 303)
    skips = "skip" in request.form and step.may_skip
    typed = request.form.get("answer", "")
    value = None if skips else patient_words.number(typed, step)
    if value is None and not skips:
        screen = linking.screen(session, prompt, step.key, locales.chosen())
        assert screen is not None
        return _question(token, screen, typed=typed, error=_error(step.scale)), NOTHING_CHOSEN
    stored = linking.answer(session, prompt, step, value, request.form.get("seen", ""), _actor(), context.now())
    if stored is linking.Stored.KEPT_BESIDE:
        return redirect(_here("patient.question", token=token, q=step.key, kept=1), 303)
    return redirect(_here("patient.question", token=token), 303)


def _error(scale: Scale) -> str:
    if scale is Scale.PERCENT:
        return _(
            "Write one whole number from %(low)s to %(high)s",
            low=patient_words.digits(0),
            high=patient_words.digits(100),
        )
    return _("Choose one answer")


def _question(token: str, screen: Screen, *, typed: str = "", error: str = "", kept: bool = False) -> str:
    step = screen.step
    shown = typed or (screen.held.value if screen.held is not None else None)
    back = None if screen.previous is None else _here("patient.question", token=token, q=screen.previous)
    return _page(
        "patient/question.html",
        _switch("patient.question", token=token, q=step.key),
        token=token,
        screen=screen,
        step=step,
        shown=shown,
        error=error,
        kept=patient_words.answer(step, screen.held.value) if kept and screen.held is not None else None,
        back=back,
        options=patient_words.choices(step.scale) if step.scale in {Scale.CSI, Scale.PGIC} else (),
        topic=patient_words.topics().get(step.item, "") if step.scale is Scale.CSI else "",
        digit_list=[patient_words.digits(n) for n in range(11)],
    )


@blueprint.get("/a/<token>/done")
@guards.needs(guards.Permission.PUBLIC)
def done(token: str) -> ResponseReturnValue:
    """Thank, show the patient's own course and say when the next questions come."""
    with context.reading() as session:
        prompt = _live(session, token)
        if prompt is not None:
            if linking.screen(session, prompt, None, locales.chosen()) is not None:
                return redirect(_here("patient.question", token=token), 303)
            return _thanks(session, token, prompt)
    return _over(token)


def _thanks(session: Session, token: str, prompt: Prompt, *, typed: str = "", error: str = "") -> str:
    seen = linking.thanks(session, prompt, context.now())
    coming = seen.next_prompt
    points = patient_words.own_points(seen.points)
    return _page(
        "patient/done.html",
        _switch("patient.done", token=token),
        token=token,
        given=[(one, _change(token, one.step), patient_words.answer(one.step, one.value)) for one in seen.given],
        chart=spark.own(points, patient_words.course(seen.points)) if len(points) > 1 else None,
        next_day=patient_words.day(coming.due_at, seen.zone) if coming else None,
        next_time=patient_words.clock(coming.due_at, seen.zone) if coming else None,
        clinic=seen.site,
        typed=typed,
        error=error,
        **_advice(seen.site),
    )


def _change(token: str, step: linking.Step) -> str:
    return _here("patient.question", token=token, q=step.key)


def _advice(site: Site) -> dict[str, Any]:
    """Return what the page must tell about emergencies; `said` is what the patient has just sent."""
    said = request.args.get("said", "")
    language = locales.chosen()
    return {
        "said": said,
        "emergency": wording.emergency_number(site.country, language),
        "crisis": wording.emergency_number(site.country, language, self_harm=True),
    }


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
    return _file(body, "text/calendar", "next.ics")


@blueprint.post("/a/<token>/call")
@guards.needs(guards.Permission.PUBLIC)
def call(token: str) -> ResponseReturnValue:
    """Ask the clinic to call."""
    with context.writing() as session:
        prompt = _live(session, token)
        if prompt is not None:
            linking_requests.call_me(session, prompt, _actor(), context.now())
            return redirect(_here("patient.done", token=token, said="call"), 303)
    return _over(token, lost=True)


@blueprint.post("/a/<token>/note")
@guards.needs(guards.Permission.PUBLIC)
def note(token: str) -> ResponseReturnValue:
    """Take a few words for the clinic; words of an emergency are answered at once."""
    text = request.form.get("note", "")
    with context.writing() as session:
        prompt = _live(session, token)
        if prompt is not None:
            reply = linking_requests.note(session, prompt, text, _actor(), context.now())
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
    return _here(page, token=token, said=said)


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
            _speak(locales.page_language(linking.patient_of(session, prompt).language))
            linking_requests.stop(session, prompt, _actor(), context.now())
            return redirect(_here("patient.stop_page", token=token), 303)
    return _over(token, lost=True)


def _stop_page(session: Session, token: str, prompt: Prompt) -> str:
    patient = linking.patient_of(session, prompt)
    _speak(locales.page_language(patient.language))
    clinic = linking.site_of(session, prompt)
    return _page(
        "patient/stop.html",
        _switch("patient.stop_page", token=token),
        token=token,
        stopped=linking_requests.stopped(session, prompt),
        clinic=clinic,
        back=_here("patient.question", token=token) if links.alive(session, prompt, context.now()) else None,
        **_advice(clinic),
    )


@blueprint.get("/who")
@guards.needs(guards.Permission.PUBLIC)
def who() -> ResponseReturnValue:
    """Say who sends the texts and what they are for."""
    _speak(_accepted())
    with context.reading() as session:
        clinics = linking_requests.clinics(session)
    return _page("patient/who.html", _switch("patient.who"), clinics=clinics)


@blueprint.get("/who/<public_id>.vcf")
@guards.needs(guards.Permission.PUBLIC)
def contact(public_id: str) -> ResponseReturnValue:
    """Give a clinic as a contact card, so that the phone shows who texts."""
    with context.reading() as session:
        clinic = next((one for one in linking_requests.clinics(session) if one.public_id == public_id), None)
    if clinic is None:
        return abort(404)
    numbers = [number for number in (clinic.phone, context.wired().settings.twilio_from) if number]
    return _file(patient_files.contact(clinic.label, numbers), "text/vcard", "clinic.vcf")


def _live(session: Session, token: str) -> Prompt | None:
    """Return the prompt an address opens now, and speak its patient's language."""
    prompt = linking.live_prompt(session, token, context.now())
    if prompt is not None:
        _speak(locales.page_language(session.get_one(Patient, prompt.patient_id).language))
    return prompt


def _over(token: str, *, lost: bool = False, asked: bool = False) -> ResponseReturnValue:
    """Show the one page for links that are wrong, used or over.

    It speaks the reader's language, not the patient's: it must not tell whether the link was ever somebody's.
    """
    _speak(_accepted())
    status = TOO_MANY if _missed(token) else OVER
    with context.reading() as session:
        clinics = linking_requests.clinics(session)
    switch = _switch("patient.question", token=token)
    # With several clinics their numbers would not help: nobody knows whose reader this is.
    clinic = clinics[0] if len(clinics) == 1 else None
    return _page("patient/over.html", switch, token=token, lost=lost, asked=asked, clinic=clinic), status


def _missed(token: str) -> bool:
    """Count an address that was never a link, and tell whether there were too many from here today.

    A link that is alive always opens: thousands of phones share one address of their carrier.
    """
    key = f"link|{request.remote_addr}|{context.wall():%Y-%m-%d}"
    with context.reading() as session:
        if staff.wait_seconds(session, [key], context.wall()) > 0:
            return True
        if links.prompt_for(session, token) is not None:
            return False
    with context.writing() as session:
        staff.note_failure(session, key, context.wall())
    return False


def _actor() -> Actor:
    """Return the patient as who acts, whoever else is signed in with this browser."""
    return Actor(PATIENT.name, address=request.remote_addr or "", request_id=context.request_id())


def _speak(language: str) -> None:
    """Choose the page's language: the one switched to, else this one."""
    asked = request.args.get("lang", "")
    g.switched = asked in locales.LANGUAGES
    g.language = asked if g.switched else language
    refresh()


def _accepted() -> str:
    return request.accept_languages.best_match(list(locales.LANGUAGES)) or "en"


def _here(endpoint: str, **values: Any) -> str:
    """Return an address that keeps the language somebody switched to."""
    return url_for(endpoint, lang=g.language if g.get("switched") else None, **values)


def _switch(endpoint: str, **values: Any) -> list[tuple[str, str, str]]:
    """Return the languages with the address of this page in each."""
    return [(code, name, url_for(endpoint, lang=code, **values)) for code, name in locales.LANGUAGES.items()]


def _page(template: str, switch: list[tuple[str, str, str]], **values: Any) -> str:
    return render_template(
        template,
        switch=switch,
        language=locales.chosen(),
        here=_here,
        scales=Scale,
        csi_items=instruments.CSI_ITEMS,
        **values,
    )


def _file(body: str, kind: str, name: str) -> Response:
    response = Response(body, content_type=f"{kind}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
