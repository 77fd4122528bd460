"""Who receives alerts while somebody is away: absences, deputies, and the phone and digest of each member of staff.

Every clinician of a site sees its alerts. Being away moves the duty to act on them, and the urgent texts, to a deputy;
a deputy who is away passes on to theirs. When nobody is left the texts go to everybody: better one too many than none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from prom.domain import timetable
from prom.services import enrolments
from prom.storage import audit, on_call
from prom.storage import staff as staff_rows
from prom.storage.models import Role, Staff

LONGEST_CHAIN = 5
WITH_DEPUTY = frozenset({Role.CLINICIAN, Role.COORDINATOR})


class AbsenceError(ValueError):
    """What was typed cannot be kept: the sentences by field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = dict(problems)


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody says about themselves: phone as typed (empty: none), digest, days away, deputy's public id."""

    phone: str = ""
    digest: bool = False
    away_from_on: date | None = None
    away_to_on: date | None = None
    deputy: str = ""


def today(session: Session, staff: Staff, now: datetime) -> date:
    """Return the calendar day where somebody works."""
    site = staff_rows.home(session, staff)
    return timetable.local(now, site.time_zone if site is not None else "UTC").date()


def is_away(staff: Staff, on: date) -> bool:
    """Tell whether somebody is away on a day; without a last day, until they say otherwise."""
    if staff.away_from_on is None or on < staff.away_from_on:
        return False
    return staff.away_to_on is None or on <= staff.away_to_on


def deputy_on(session: Session, staff: Staff, on: date) -> Staff | None:
    """Return who stands in for somebody on a day: the first in the chain of deputies who is here."""
    seen, current = {staff.id}, staff
    for _ in range(LONGEST_CHAIN):
        if current.deputy_id is None or current.deputy_id in seen:
            return None
        seen.add(current.deputy_id)
        following = on_call.by_id(session, current.deputy_id)
        if following is None:
            return None
        if following.active and not is_away(following, on):
            return following
        current = following
    return None


def receivers(session: Session, site_id: int, on: date) -> list[Staff]:
    """Return the clinicians who get a site's urgent texts on a day: those here, and deputies of those away."""
    clinicians = on_call.active(session, Role.CLINICIAN, site_id)
    found = {one.id: one for one in clinicians if not is_away(one, on)}
    for one in clinicians:
        deputy = deputy_on(session, one, on) if is_away(one, on) else None
        if deputy is not None:
            found[deputy.id] = deputy
    return list(found.values()) or clinicians


def stands_in_for(session: Session, staff: Staff, on: date) -> list[Staff]:
    """Return for whom somebody stands in on a day."""
    everyone = [one for one in staff_rows.everyone(session, None) if one.active and is_away(one, on)]
    found = []
    for one in everyone:
        deputy = deputy_on(session, one, on)
        if deputy is not None and deputy.id == staff.id:
            found.append(one)
    return found


@dataclass(frozen=True, slots=True)
class Duty:
    """Whose alerts somebody looks after on a day, and whether they are away themselves, until when, and who acts."""

    stands_in_for: tuple[Staff, ...]
    away: bool
    away_to_on: date | None
    deputy: Staff | None


def duty(session: Session, staff: Staff, now: datetime) -> Duty:
    """Return somebody's duty today."""
    on = today(session, staff, now)
    away = is_away(staff, on)
    return Duty(
        stands_in_for=tuple(stands_in_for(session, staff, on)),
        away=away,
        away_to_on=staff.away_to_on if away else None,
        deputy=deputy_on(session, staff, on) if away else None,
    )


def deputies(session: Session, staff: Staff) -> list[Staff]:
    """Return who may stand in for somebody: active, of the same role, and seeing at least the same sites."""
    return [one for one in on_call.active(session, staff.role, staff.site_id) if one.id != staff.id]


def save(session: Session, staff: Staff, given: Given, actor: audit.Actor, now: datetime) -> tuple[str, ...]:
    """Keep what somebody says about themselves and return the fields that changed, or raise AbsenceError."""
    problems: dict[str, str] = {}
    phone = _phone(session, staff, given, problems)
    deputy = next((one for one in deputies(session, staff) if one.public_id == given.deputy), None)
    _check_days(given, today(session, staff, now), problems)
    if given.deputy and deputy is None:
        problems["deputy"] = "Choose somebody from the list."
    elif given.away_from_on and deputy is None and staff.role in WITH_DEPUTY and deputies(session, staff):
        problems["deputy"] = "Say who stands in while you are away."
    if given.digest and phone is None and "phone" not in problems:
        problems["phone"] = "The morning's counts need a number."
    if problems:
        raise AbsenceError(problems)
    wanted = {
        "digest": given.digest,
        "away_from_on": given.away_from_on,
        "away_to_on": given.away_to_on,
        "deputy_id": None if deputy is None else deputy.id,
    }
    changed = [name for name, value in wanted.items() if getattr(staff, name) != value]
    for name in changed:
        change = audit.Change(name, _words(getattr(staff, name)), _words(wanted[name]))
        audit.record(session, actor, "account changed", staff, now, change=change)
        setattr(staff, name, wanted[name])
    if phone != staff_rows.phone(session, staff):
        # The number itself is not for the trail: it says that there is another one.
        change = audit.Change("phone", "", "set" if phone else "removed")
        audit.record(session, actor, "account changed", staff, now, change=change)
        staff_rows.set_phone(session, staff, phone)
        changed.append("phone")
    session.add(staff)
    session.flush()
    return tuple(changed)


def _phone(session: Session, staff: Staff, given: Given, problems: dict[str, str]) -> str | None:
    if not given.phone.strip():
        return None
    site = staff_rows.home(session, staff)
    if site is None:
        problems["phone"] = "There is no site yet: add one first."
        return None
    try:
        return enrolments.e164(given.phone.strip(), site.country)
    except ValueError as error:
        problems["phone"] = f"This number {error}."
        return None


def _check_days(given: Given, on: date, problems: dict[str, str]) -> None:
    start, end = given.away_from_on, given.away_to_on
    if end is not None and start is None:
        problems["away_from_on"] = "Write the first day away too."
    elif start is not None and end is None:
        problems["away_to_on"] = "Write the last day away too."
    elif start is not None and end is not None:
        if end < start:
            problems["away_to_on"] = "The last day lies before the first."
        elif end < on:
            problems["away_to_on"] = "These days are over."


def _words(value: object) -> str:
    return "" if value is None else str(value)
