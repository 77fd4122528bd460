"""The patient's own choices, by the link of a prompt: when, how, in which language, a pause, and who answers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import redirect, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from prom.domain import timetable, wording
from prom.services import choosing, consenting_texts, linking, links
from prom.services.consenting_texts import StaleError
from prom.storage.models import Patient, Prompt, Purpose
from prom.web import context, guards, locales, patient_words
from prom.web.patient_blueprint import NOTHING_CHOSEN, actor, blueprint, here, over, page, speak
from prom.web.patient_words import _

HALF_HOUR = 30
CLINICS_TIME = ""


@blueprint.get("/a/<token>/choices")
@guards.needs(guards.Permission.PUBLIC)
def choices(token: str) -> ResponseReturnValue:
    """Show what may be chosen."""
    with context.reading() as session:
        prompt = _live(session, token)
        if prompt is not None:
            return _page(session, token, prompt)
    return _over(token)


@blueprint.post("/a/<token>/choices")
@guards.needs(guards.Permission.PUBLIC)
def choose(token: str) -> ResponseReturnValue:
    """Record one choice."""
    with context.writing() as session:
        prompt = _live(session, token)
        if prompt is not None:
            return _choose(session, token, prompt)
    return _over(token)


def _choose(session: Session, token: str, prompt: Prompt) -> ResponseReturnValue:
    what = request.form.get("what", "")
    patient = linking.patient_of(session, prompt)
    if what in WORK:
        try:
            WORK[what](session, prompt, patient)
        except (choosing.ChoiceError, StaleError):
            error = _("Choose one of the answers.")
            return _page(session, token, prompt, error=(what, error)), NOTHING_CHOSEN
    return redirect(here("patient.choices", token=token, said=what if what in WORK else None), 303)


def _when(session: Session, _prompt: Prompt, patient: Patient) -> None:
    typed = request.form.get("value", "")
    if typed != CLINICS_TIME and not (typed.isascii() and typed.isdecimal() and len(typed) < 5):
        raise choosing.ChoiceError(typed)
    minute = None if typed == CLINICS_TIME else int(typed)
    choosing.set_time(session, patient, minute, actor(), context.now())


def _how(session: Session, _prompt: Prompt, patient: Patient) -> None:
    choosing.set_channel(session, patient, request.form.get("value", ""), actor(), context.now())


def _language(session: Session, _prompt: Prompt, patient: Patient) -> None:
    choosing.set_language(session, patient, request.form.get("value", ""), actor(), context.now())


def _pause(session: Session, _prompt: Prompt, patient: Patient) -> None:
    typed = request.form.get("value", "")
    days = int(typed) if typed in {str(known) for known in choosing.PAUSES_DAYS} else 0
    choosing.pause(session, patient, days, actor(), context.now())


def _resume(session: Session, _prompt: Prompt, patient: Patient) -> None:
    choosing.resume(session, patient, actor(), context.now())


def _caregiver(session: Session, prompt: Prompt, patient: Patient) -> None:
    site = linking.site_of(session, prompt)
    shown = consenting_texts.current(session, site, Purpose.CAREGIVER, request.form.get("language", ""))
    choosing.let_answer(session, patient, shown, request.form.get("version", ""), actor(), context.now())


def _myself(session: Session, _prompt: Prompt, patient: Patient) -> None:
    choosing.answer_myself(session, patient, actor(), context.now())


WORK: dict[str, Callable[[Session, Prompt, Patient], None]] = {
    "when": _when,
    "how": _how,
    "language": _language,
    "pause": _pause,
    "resume": _resume,
    "caregiver": _caregiver,
    "myself": _myself,
}


def _page(session: Session, token: str, prompt: Prompt, error: tuple[str, str] | None = None) -> str:
    patient = linking.patient_of(session, prompt)
    site = linking.site_of(session, prompt)
    chosen = choosing.of(patient, context.now())
    return page(
        "patient/choices.html",
        "patient.choices",
        {"token": token},
        token=token,
        chosen=chosen,
        times=_times(),
        channels=_channels(),
        languages=[(code, wording.language(code).name) for code in wording.LANGUAGES],
        pauses=[(days, _("%(number)s days", number=patient_words.digits(days))) for days in choosing.PAUSES_DAYS],
        paused_until=_day(chosen.paused_until, patient.time_zone) if chosen.may_resume else "",
        document=consenting_texts.current(session, site, Purpose.CAREGIVER, locales.chosen()),
        clinic=site,
        said=request.args.get("said", ""),
        error=error,
        **_back(session, token, prompt),
    )


def _day(instant: datetime | None, zone: str) -> str:
    return "" if instant is None else patient_words.day(instant, zone)


def _back(session: Session, token: str, prompt: Prompt) -> dict[str, Any]:
    answered = linking.screen(session, prompt, None, locales.chosen()) is None
    return {"back": here("patient.done" if answered else "patient.question", token=token)}


def _times() -> list[tuple[str, str]]:
    """Return the times of day on offer, each half hour; an empty one leaves it to the clinic."""
    first, last = (hour.hour * 60 + hour.minute for hour in timetable.CHOSEN_BETWEEN)
    midnight = datetime(2000, 1, 1, tzinfo=UTC)
    offered = [
        (str(minute), patient_words.clock(midnight + timedelta(minutes=minute), "UTC"))
        for minute in range(first, last + 1, HALF_HOUR)
    ]
    return [(CLINICS_TIME, _("In the morning (usual)")), *offered]


def _channels() -> list[tuple[str, str, str]]:
    return [
        ("sms", _("Text message"), _("You answer with a number, or on a page like this.")),
        ("link", _("Text with a link only"), _("The text shows no question; you answer on a page like this.")),
        ("phone", _("Phone call"), _("Somebody from the clinic calls you and asks.")),
    ]


def _live(session: Session, token: str) -> Prompt | None:
    prompt = linking.live_prompt(session, token, context.now())
    if prompt is not None:
        speak(locales.page_language(linking.patient_of(session, prompt).language))
        patient_words.use_own(session, prompt.site_id)
    return prompt


def _over(token: str) -> ResponseReturnValue:
    return over(
        token,
        lambda session: links.prompt_for(session, token),
        "patient.question",
        "patient.new_link",
        lost=request.method == "POST",
    )
