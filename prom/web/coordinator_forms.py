"""What the coordinator's forms hold, read and checked: dates and times, numbers told on the phone."""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from prom.domain import instruments
from prom.services import attending, enrolments, entering
from prom.services.answering import Value
from prom.web.coordinator_blueprint import Errors
from prom.web.coordinator_blueprint import translated as _

OUTCOMES = frozenset({"reached", "declined", "no_answer", "call_back", "wrong_number"})


class FormError(ValueError):
    """A field that cannot be read; the message says what it takes."""


def instant(typed: str, zone: str) -> datetime:
    """Return the instant of a local date and time as a form sends it, or raise FormError."""
    try:
        local = datetime.fromisoformat(typed.strip())
    except ValueError:
        raise FormError(_("Enter a date and a time.")) from None
    if local.tzinfo is not None or len(typed.strip()) <= len("2026-01-01"):
        raise FormError(_("Enter a date and a time."))
    try:
        return enrolments.in_utc(local, ZoneInfo(zone))[0]
    except ValueError as error:
        raise FormError(_("This time %(problem)s.", problem=str(error))) from None


def day(typed: str) -> date:
    """Return a date as a form sends it, or raise FormError."""
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        raise FormError(_("Enter a date.")) from None


def local_input(at: datetime, zone: str) -> str:
    """Return an instant as a date-and-time field shows it."""
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


def told(form: Mapping[str, str]) -> dict[str, Value]:
    """Return the answers told on the phone, by question; a field left empty is no answer."""
    found: dict[str, Value] = {}
    for name, typed in form.items():
        key = name.removeprefix("q_")
        if name.startswith("q_") and key in instruments.QUESTIONS and typed.strip():
            found[key] = entering.value_of(key, typed, name)
    return found


def call_errors(outcome: str, note: str) -> Errors:
    """Return what is wrong with the outcome of a call."""
    errors: Errors = []
    if outcome not in OUTCOMES:
        errors.append(("outcome", _("Choose what the call came to.")))
    if len(note) > attending.LONGEST_NOTE:
        errors.append(("note", _("The note is too long: %(most)s characters at most.", most=attending.LONGEST_NOTE)))
    return errors
