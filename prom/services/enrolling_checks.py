"""Looks taken while somebody is being enrolled: is the phone a mobile, may the person be here already."""

from dataclasses import dataclass
from difflib import SequenceMatcher

import phonenumbers
from sqlmodel import Session

from prom.services import enrolments
from prom.services.enrolments import Enrolment
from prom.storage import patients
from prom.storage.models import Patient, Site
from prom.storage.vault import normalised

ALIKE = 0.75
MOST = 5
SAME_PHONE, SIMILAR_NAME, OTHER_SITE = "same_phone", "similar_name", "other_site"


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone as it was typed: in E.164 with its country, or what is wrong with it."""

    e164: str
    shown: str
    region: str
    abroad: bool
    problem: str


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody who may be the same person, and what speaks for it; of another site nothing but that is told."""

    reason: str
    patient: Patient | None


def phone(typed: str, site: Site) -> Phone:
    """Return what is known about a phone: whether texts can reach it, and of which country it is."""
    plain = typed.strip()
    if not plain:
        return Phone("", "", "", abroad=False, problem="There is no number to check.")
    try:
        e164 = enrolments.e164(plain, site.country)
    except ValueError as error:
        return Phone("", "", "", abroad=False, problem=f"The number {error}.")
    number = phonenumbers.parse(e164, None)
    region = phonenumbers.region_code_for_number(number) or ""
    shown = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return Phone(e164, shown, region, abroad=region != site.country, problem="")


def known(session: Session, given: Enrolment, site: Site) -> tuple[Known, ...]:
    """Return who may be the same person: same phone, similar name with the same year of birth, same record elsewhere.

    The person with this very record number at this site is not among them: a procedure is added to that one.
    """
    own = patients.record_index(session, given.record_number)
    found: dict[int, Known] = {}
    for row in _same_phone(session, given, site):
        found[row.id] = Known(SAME_PHONE, row)
    for row in _similar(session, given, site):
        found.setdefault(row.id, Known(SIMILAR_NAME, row))
    here = [one for one in found.values() if one.patient is not None and one.patient.record_index != own]
    elsewhere = [row for row in patients.by_record_indexes(session, [own]) if row.site_id != site.id]
    return (*here[:MOST], *([Known(OTHER_SITE, None)] if elsewhere and given.record_number.strip() else []))


def _same_phone(session: Session, given: Enrolment, site: Site) -> list[Patient]:
    e164 = phone(given.phone, site).e164
    return [row for row in patients.by_phone(session, e164) if row.site_id == site.id] if e164 else []


def _similar(session: Session, given: Enrolment, site: Site) -> list[Patient]:
    words = normalised(f"{given.first_name} {given.last_name}").split()
    if not words:
        return []
    name = " ".join(words)
    # The first letters of each word narrow the search; the whole names are compared in clear.
    candidates = patients.by_name(session, " ".join(word[: patients.PREFIX_LETTERS] for word in words), [site.id])
    return [row for row in candidates if _alike(session, row, name, given.birth_year)]


def _alike(session: Session, row: Patient, name: str, birth_year: int | None) -> bool:
    theirs = normalised(patients.name(session, row))
    if None in {row.birth_year, birth_year}:
        return theirs == name
    return row.birth_year == birth_year and SequenceMatcher(None, theirs, name).ratio() >= ALIKE
