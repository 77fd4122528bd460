"""Beside the enrolment form: the phone in words, a test text with its state, and who may be here already."""

from dataclasses import dataclass

from babel import Locale
from flask import current_app, jsonify, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from sqlmodel import Session

from prom.services import enrolling_checks, enrolments, queueing, texting
from prom.storage import messages, patients
from prom.storage.models import Episode, EpisodeState, Message, MessageKind, MessageState, Site
from prom.web import context, coordinator_forms, guards
from prom.web.coordinator_blueprint import Errors, blueprint, not_here, patient_here
from prom.web.coordinator_blueprint import translated as _
from prom.web.coordinator_enrol_form import Typed
from prom.web.coordinator_states import why_not

OVER = frozenset(
    {
        MessageState.DELIVERED,
        MessageState.UNDELIVERED,
        MessageState.FAILED,
        MessageState.EXPIRED,
        MessageState.SUPPRESSED,
    }
)


@dataclass(frozen=True, slots=True)
class TestState:
    """How far a test text is, in words; `over` says that nothing more will come."""

    address: str
    words: str
    tone: str
    over: bool


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Somebody who may be the same person, in words; of another site without a name."""

    words: str
    who: queueing.Who | None


def country(region: str) -> str:
    """Return a country's name in the language of the page."""
    locale = get_locale() or Locale("en")
    return str(locale.territories.get(region, region))


def fill(session: Session, typed: Typed, public_id: str) -> None:
    """Put what is known of a patient into an empty form: another procedure or side of the same person."""
    patient = patient_here(session, public_id)
    typed.values |= {
        "record_number": patients.record_number(session, patient),
        "first_name": patients.first_name(session, patient),
        "last_name": patients.last_name(session, patient),
        "phone": patients.phone(session, patient) or "",
        "language": patient.language,
        "time_zone": patient.time_zone,
        "birth_year": str(patient.birth_year or ""),
        "sex": patient.sex or "",
    }
    site = session.get(Site, patient.site_id)
    if site is not None:
        typed.values["site"] = site.public_id


def test(session: Session, typed: Typed, site: Site) -> Errors:
    """Queue a test text to the phone of the form and remember it there; return what stands in the way."""
    if typed.get("consent_texts") != "yes":
        return [("consent_texts", _("A text is sent only to somebody who agrees to texts."))]
    try:
        e164 = enrolments.e164(typed.get("phone").strip(), site.country)
        sent = texting.queue_test_text(session, site, e164, typed.get("language"), context.actor(), context.now())
    except texting.TextingError as error:
        return [("phone", str(error))]
    except ValueError as error:
        return [("phone", _("The number %(problem)s.", problem=str(error)))]
    typed.values["test_text"] = sent.public_id
    return []


def test_state(session: Session, typed: Typed, site: Site) -> TestState | None:
    """Return how far the test text of the form is, or None when there is none to its number."""
    row = messages.by_public_id(session, typed.get("test_text")) if typed.get("test_text") else None
    if row is None or row.kind is not MessageKind.TEST or row.site_id != site.id:
        return None
    try:
        index = patients.phone_index(session, enrolments.e164(typed.get("phone").strip(), site.country))
    except ValueError:
        return None
    return _state(row, site) if row.phone_index == index else None


def _state(row: Message, site: Site) -> TestState:
    at = coordinator_forms.local_input(context.now(), site.time_zone)[-5:]
    words, tone = _words(row)
    told = _("Test text: %(words)s (%(at)s)", words=words, at=at)
    return TestState(url_for("coordinator.test_text", public_id=row.public_id), told, tone, row.state in OVER)


def _words(row: Message) -> tuple[str, str]:
    match row.state:
        case MessageState.DELIVERED:
            return _("delivered, the phone can read us"), "good"
        case MessageState.ACCEPTED:
            return _("accepted by the provider"), "info"
        case MessageState.SENT:
            return _("sent, waiting for the phone"), "info"
        case MessageState.UNDELIVERED | MessageState.FAILED:
            code = row.error_code or "–"
            return _("did not arrive (error %(code)s): check the number", code=code), "alert"
        case MessageState.EXPIRED | MessageState.SUPPRESSED:
            return _("was not sent: %(why)s", why=why_not(row.reason) if row.reason else _("no reason given")), "alert"
        case MessageState.UNKNOWN:
            return _("nobody knows yet whether it arrived"), "amber"
        case _:
            return _("is about to leave"), "info"


@blueprint.get("/enrol/test/<public_id>")
@guards.needs(guards.Permission.ENROL)
def test_text(public_id: str) -> ResponseReturnValue:
    """Return how far a test text is, for the page that waits for it."""
    with context.reading() as session:
        row = messages.by_public_id(session, public_id)
        mine = {site.id: site for site in context.my_sites(session)}
        if row is None or row.kind is not MessageKind.TEST or row.site_id not in mine:
            not_here("message", public_id)
        state = _state(row, mine[row.site_id])
        return jsonify(words=state.words, tone=state.tone, over=state.over)


def duplicates(session: Session, given: enrolments.Enrolment, site: Site, step: int) -> list[Duplicate]:
    """Return who may be here already, from the second step on."""
    if step == 1:
        return []
    reasons = {
        enrolling_checks.SAME_PHONE: _("has the same phone"),
        enrolling_checks.SIMILAR_NAME: _("has a similar name and year of birth"),
        enrolling_checks.OTHER_SITE: _("This record number is already known here."),
    }
    return [
        Duplicate(
            reasons[one.reason], None if one.patient is None else queueing.who(session, one.patient, context.now())
        )
        for one in enrolling_checks.known(session, given, site)
    ]


def baseline_waits(typed: Typed, episode: Episode) -> bool:
    """Tell whether the patient should answer the baseline now: it is not complete, and the procedure is ahead."""
    if "baseline.page" not in current_app.view_functions or episode.state is not EpisodeState.PLANNED:
        return False
    complete = bool(typed.get("baseline_nrs")) and (typed.csi() is not None or bool(typed.get("csi_total")))
    return not complete
