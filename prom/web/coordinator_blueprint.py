"""The coordinator's pages as one blueprint, and what every view of them needs: the row that may be seen, or 404."""

import unicodedata
from datetime import datetime
from typing import NoReturn

import phonenumbers
from flask import Blueprint, current_app, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_security import current_user
from sqlmodel import Session
from werkzeug.exceptions import NotFound

from prom.domain import timetable
from prom.storage import audit, episodes, patients, sites, tasks
from prom.storage.models import Episode, Patient, Task
from prom.web import context, guards

blueprint = Blueprint("coordinator", __name__)
SEEN_OF_PHONE = 3
Errors = list[tuple[str, str]]


def translated(words: str, /, **values: object) -> str:
    """Return words in the language of the page; modules import it as `_`, as the catalogues expect."""
    return str(gettext(words, **values))


@blueprint.app_template_filter("phone_words")
def phone_words(e164: str) -> str:
    """Return a phone as people read it; those who do not enrol see its last three digits only."""
    if not e164:
        return ""
    if not guards.may(guards.Permission.ENROL):
        return f"\N{BULLET}\N{BULLET}\N{BULLET} {e164[-SEEN_OF_PHONE:]}"
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return e164
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


@blueprint.app_template_filter("weekday")
def weekday(instant: datetime, zone: str) -> str:
    """Return a date such as Mon 2 March in a zone."""
    there = timetable.local(instant, zone)
    return f"{there:%a} {there.day} {there:%B}"


@blueprint.app_template_filter("date_words")
def date_words(instant: datetime, zone: str) -> str:
    """Return a date such as Mon 2 Mar 2026 in a zone."""
    there = timetable.local(instant, zone)
    return f"{there:%a} {there.day} {there:%b %Y}"


@blueprint.app_template_filter("upper_first")
def upper_first(words: str) -> str:
    """Return words with a capital first letter and the rest as it is: CSI stays CSI."""
    return words[:1].upper() + words[1:]


@blueprint.app_template_filter("plain_digits")
def plain_digits(text: str) -> str:
    """Return a text with its digits as 0-9 if it has others, else nothing: a Bengali 4 looks like an 8."""
    if all(sign.isascii() or not sign.isdigit() for sign in text):
        return ""
    return "".join(str(unicodedata.digit(sign, sign)) if sign.isdigit() else sign for sign in text)


@blueprint.app_template_filter("clock")
def clock(instant: datetime, zone: str) -> str:
    """Return a time such as 14:05 in a zone."""
    return f"{timetable.local(instant, zone):%H:%M}"


def staff_id() -> int:
    """Return the id of the signed-in person."""
    return int(current_user.id)


def patient_here(session: Session, public_id: str) -> Patient:
    """Return a patient of my sites, or answer 404."""
    found = patients.by_public_id(session, public_id, context.my_site_ids(session))
    if found is None:
        not_here("patient", public_id)
    return found


def episode_here(session: Session, public_id: str) -> Episode:
    """Return a procedure of my sites, or answer 404."""
    found = episodes.by_public_id(session, public_id, context.my_site_ids(session))
    if found is None:
        not_here("episode", public_id)
    return found


def task_here(session: Session, public_id: str) -> Task:
    """Return a task of my sites, or answer 404."""
    found = tasks.by_public_id(session, public_id, context.my_site_ids(session))
    if found is None:
        not_here("task", public_id)
    return found


def not_here(kind: str, public_id: str) -> NoReturn:
    """Answer 404; what belongs to another site leaves an audit row that somebody tried."""
    raise Elsewhere(kind, public_id)


class Elsewhere(Exception):  # noqa: N818 - it is an answer, not a fault
    """Something of another site, or of nobody: raised through the view's transaction, which is rolled back first."""

    def __init__(self, kind: str, public_id: str) -> None:
        super().__init__(kind)
        self.kind, self.public_id = kind, public_id


@blueprint.errorhandler(Elsewhere)
def elsewhere(error: Elsewhere) -> ResponseReturnValue:
    """Note the try in a transaction of its own, and answer as if there were nothing."""
    with context.writing() as session:
        row = _anywhere(session, error)
        if row is not None:
            audit.record(session, context.actor(), "refused_other_site", row, context.now())
    answer: ResponseReturnValue = current_app.handle_user_exception(NotFound())
    return answer


def _anywhere(session: Session, error: Elsewhere) -> Patient | Episode | Task | None:
    match error.kind:
        case "patient":
            return patients.by_public_id(session, error.public_id, None)
        case "episode":
            return episodes.by_public_id(session, error.public_id, None)
        case _:
            return tasks.by_public_id(session, error.public_id, [site.id for site in sites.everything(session)])


def note_read(public_id: str, page: str) -> None:
    """Leave an audit row that a patient's page was read, in a short transaction of its own."""
    with context.writing() as session:
        patient = patients.by_public_id(session, public_id, context.my_site_ids(session))
        if patient is not None:
            audit.record(session, context.actor(), "read", patient, context.now(), reason=page)


def tabs(public_id: str) -> list[tuple[str, str, str]]:
    """Return the pages of one patient for the tabs."""
    _ = translated
    return [
        ("chart", _("Chart"), url_for("clinician.patient", public_id=public_id)),
        ("sensitization", _("Sensitization"), url_for("clinician.sensitization", public_id=public_id)),
        ("messages", _("Messages"), url_for("coordinator.messages", public_id=public_id)),
        ("schedule", _("Schedule"), url_for("coordinator.schedule", public_id=public_id)),
        ("history", _("History"), url_for("coordinator.history", public_id=public_id)),
    ]
