"""The patients' pages as one blueprint, and what every view of them needs: language, reading aids, links, one "over".

The token in the address is the only key: there is no session and no cookie, and no script unless the reader asks for
one. What the reader switched to (a language, larger text, reading aloud) is kept in the addresses.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import refresh
from jinja2 import pass_context
from jinja2.runtime import Context
from sqlmodel import Session

from prom.domain import instruments, wording
from prom.domain.instruments import Scale
from prom.services import linking_requests
from prom.services.linking import Screen, Step
from prom.storage import staff
from prom.storage.audit import PATIENT, Actor
from prom.storage.models import Site
from prom.web import context, locales, patient_words
from prom.web.patient_words import _

blueprint = Blueprint("patient", __name__)
blueprint.add_app_template_filter(patient_words.dial, "dial")
OVER = 410
NOTHING_CHOSEN = 422
TOO_MANY = 429
# A question with more answers than these takes a number instead of a list to choose from.
MOST_CHOICES = 16
AIDS = ("big", "read")


@blueprint.app_template_filter("digits")
@pass_context
def digits(_page: Context, value: object) -> str:
    """Return a number in the digits of the page's language.

    It takes the context to be asked each time: Jinja works plain filters of constants out once, in one language.
    """
    return patient_words.digits(value)


def speak(language: str) -> None:
    """Choose the page's language: the one switched to, else this one; and how it is read."""
    asked = request.args.get("lang", "")
    g.switched = asked in locales.LANGUAGES
    g.language = asked if g.switched else language
    g.aids = {name: 1 for name in AIDS if request.args.get(name) == "1"}
    refresh()


def accepted() -> str:
    """Return the language that the reader's phone asks for."""
    return request.accept_languages.best_match(list(locales.LANGUAGES)) or "en"


def here(endpoint: str, **values: Any) -> str:
    """Return an address that keeps the language and the aids somebody switched to."""
    kept: dict[str, Any] = {"lang": g.language if g.get("switched") else None, **g.get("aids", {})}
    return url_for(endpoint, **{**kept, **values})


def switch(endpoint: str, **values: Any) -> list[tuple[str, str, str]]:
    """Return the languages with the address of this page in each."""
    return [(code, name, here(endpoint, **values, lang=code)) for code, name in locales.LANGUAGES.items()]


def page(template: str, endpoint: str, here_values: dict[str, Any], **values: Any) -> str:
    """Return a page; `endpoint` and `here_values` are its own address, for the switches on it."""
    aids = g.get("aids", {})
    return render_template(
        template,
        switch=switch(endpoint, **here_values),
        big="big" in aids,
        reads="read" in aids,
        turn={name: here(endpoint, **here_values, **{name: None if name in aids else 1}) for name in AIDS},
        language=locales.chosen(),
        here=here,
        scales=Scale,
        csi_items=instruments.CSI_ITEMS,
        _=_,
        **values,
    )


def question(
    screen: Screen,
    endpoint: str,
    here_values: dict[str, Any],
    *,
    typed: str = "",
    error: str = "",
    kept: bool = False,
    **values: Any,
) -> str:
    """Return the page of one question; `values` name where its form goes and what stands below it."""
    step = screen.step
    shown = typed or (screen.held.value if screen.held is not None else None)
    return page(
        "patient/question.html",
        endpoint,
        here_values,
        screen=screen,
        step=step,
        shown=shown,
        error=error,
        kept=patient_words.answer(step, screen.held.value) if kept and screen.held is not None else None,
        options=_options(screen),
        limits=[patient_words.digits(end) for end in step.limits],
        topic=patient_words.topics().get(step.item, "") if step.scale is Scale.CSI else "",
        digit_list=[patient_words.digits(n) for n in range(11)],
        **values,
    )


def _options(screen: Screen) -> list[tuple[int, str]]:
    if screen.options:
        return list(enumerate(screen.options))
    low, high = screen.step.limits
    if screen.step.scale is Scale.WHOLE and high - low < MOST_CHOICES:
        return [(number, patient_words.digits(number)) for number in range(low, high + 1)]
    return patient_words.choices(screen.step.scale) if screen.step.scale in {Scale.CSI, Scale.PGIC} else []


def error_of(step: Step) -> str:
    """Return what a screen takes, for whoever chose nothing or wrote something else."""
    low, high = step.limits
    if step.scale is Scale.PERCENT or (step.scale is Scale.WHOLE and high - low >= MOST_CHOICES):
        return _(
            "Write one whole number from %(low)s to %(high)s",
            low=patient_words.digits(low),
            high=patient_words.digits(high),
        )
    return _("Choose one answer")


def advice(site: Site) -> dict[str, Any]:
    """Return what the page must tell about emergencies; `said` is what the patient has just sent."""
    said = request.args.get("said", "")
    language = locales.chosen()
    return {
        "said": said,
        "emergency": wording.emergency_number(site.country, language),
        "crisis": wording.emergency_number(site.country, language, self_harm=True),
    }


def over(
    token: str,
    known: Callable[[Session], object | None],
    endpoint: str,
    again: str,
    *,
    lost: bool = False,
    asked: bool = False,
) -> ResponseReturnValue:
    """Show the one page for links that are wrong, used or over; `again` is where a new one is asked for.

    It speaks the reader's language, not the patient's: it must not tell whether the link was ever somebody's.
    """
    speak(accepted())
    status = TOO_MANY if _missed(known) else OVER
    with context.reading() as session:
        clinics = linking_requests.clinics(session)
    # With several clinics their numbers would not help: nobody knows whose reader this is.
    clinic = clinics[0] if len(clinics) == 1 else None
    ask = here(again, token=token)
    return page("patient/over.html", endpoint, {"token": token}, ask=ask, lost=lost, asked=asked, clinic=clinic), status


def _missed(known: Callable[[Session], object | None]) -> bool:
    """Count an address that was never a link, and tell whether there were too many from here today.

    A link that is alive always opens: thousands of phones share one address of their carrier.
    """
    key = f"link|{request.remote_addr}|{context.wall():%Y-%m-%d}"
    with context.reading() as session:
        if staff.wait_seconds(session, [key], context.wall()) > 0:
            return True
        if known(session) is not None:
            return False
    with context.writing() as session:
        staff.note_failure(session, key, context.wall())
    return False


def actor() -> Actor:
    """Return the patient as who acts, whoever else is signed in with this browser."""
    return Actor(PATIENT.name, address=request.remote_addr or "", request_id=context.request_id())


def file(body: str, kind: str, name: str) -> Response:
    """Return a file to keep."""
    response = Response(body, content_type=f"{kind}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
