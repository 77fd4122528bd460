"""An enrolment as staff or a file give it, and what must be true of it before it is stored.

Every mistake is found at once and said in one plain sentence with the field it belongs to, so that a form or a file of
thousands of rows can be mended in one go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

import phonenumbers

from prom.domain import instruments, procedures, scoring, wording
from prom.storage.models import Site, Source

SIDES = ("", "left", "right", "both", "midline")
INDICATIONS = ("", "osteoarthritis", "spinal", "neuropathic", "crps", "other")
SEXES = ("F", "M", "X")
_LANGUAGES = MappingProxyType({known.lower(): known for known in wording.LANGUAGES})
LONGEST: Mapping[str, int] = MappingProxyType(
    {"record_number": 60, "first_name": 80, "last_name": 80, "target": 60, "level": 40}
)
OLDEST_YEARS = 120
EARLIEST_PROCEDURE = datetime(1990, 1, 1, tzinfo=UTC)
LATEST_DAYS_AHEAD = 730
BASELINE_DAYS = 14
_TEXTABLE = frozenset({phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE})


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or to be looked at: the field, and a sentence for the person who typed it."""

    field: str
    sentence: str


class EnrolmentError(ValueError):
    """An enrolment that cannot be stored, with every problem found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.sentence}" for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A patient and a procedure. Instants without an offset are local times in the patient's zone.

    `csi_items` are 25 answers, None for an item left open; `csi_total` is for a total whose items are not known. A
    baseline without `baseline_at` counts as taken just before the procedure, or now if that is earlier. `done` says
    whether the procedure has taken place; None leaves that to its time. Both consents are of `consent_version` unless
    that to the use of data has a version of its own.
    """

    record_number: str
    procedure: str
    procedure_at: datetime
    site_name: str = ""
    site_id: int | None = None
    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    language: str = ""
    time_zone: str = ""
    birth_year: int | None = None
    sex: str = ""
    target: str = ""
    side: str = ""
    level: str = ""
    indication: str = ""
    baseline_nrs: int | None = None
    baseline_at: datetime | None = None
    csi_items: Sequence[int | None] | None = None
    csi_total: int | None = None
    consent_sms_at: datetime | None = None
    consent_data_at: datetime | None = None
    consent_method: str = "paper"
    consent_version: str = "1"
    consent_data_version: str = ""
    done: bool | None = False
    source: Source = Source.CLINIC


@dataclass(frozen=True, slots=True)
class Checked:
    """An enrolment in which every value is possible: phone in E.164, instants in UTC, defaults filled in."""

    site: Site
    enrolment: Enrolment
    phone: str | None
    zone: ZoneInfo
    procedure_at: datetime
    baseline_at: datetime
    consent_sms_at: datetime | None
    consent_data_at: datetime | None
    done: bool
    warnings: tuple[Problem, ...]

    @property
    def undated_baseline(self) -> bool:
        """Tell whether nobody said when the baseline was taken."""
        return self.enrolment.baseline_at is None


def check(enrolment: Enrolment, site: Site, now: datetime) -> Checked:
    """Return the enrolment with every value checked, or raise EnrolmentError with all that is wrong."""
    tidy = _tidied(enrolment, site)
    found = _Found([], [])
    _check_words(tidy, found)
    _check_scores(tidy, found)
    phone = _checked_phone(tidy, site, found)
    zone = zone_of(tidy.time_zone)
    if zone is None:
        found.wrong("time_zone", f"{tidy.time_zone} is not a time zone such as Asia/Kolkata")
        raise EnrolmentError(found.problems)
    times = _checked_times(tidy, zone, now, found)
    if all(problem.field != "procedure_at" for problem in found.problems):
        _check_birth_year(tidy, times.procedure_at, found)
    if found.problems:
        raise EnrolmentError(found.problems)
    return Checked(
        site=site,
        enrolment=tidy,
        phone=phone,
        zone=zone,
        procedure_at=times.procedure_at,
        baseline_at=times.baseline_at,
        consent_sms_at=times.consent_sms_at,
        consent_data_at=times.consent_data_at,
        done=times.procedure_at <= now if tidy.done is None else tidy.done,
        warnings=tuple(found.warnings),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    problems: list[Problem]
    warnings: list[Problem]

    def wrong(self, field: str, sentence: str) -> None:
        self.problems.append(Problem(field, sentence))

    def doubtful(self, field: str, sentence: str) -> None:
        self.warnings.append(Problem(field, sentence))


def _tidied(given: Enrolment, site: Site) -> Enrolment:
    return replace(
        given,
        record_number=one_line(given.record_number),
        procedure=given.procedure.strip(),
        first_name=one_line(given.first_name),
        last_name=one_line(given.last_name),
        phone=given.phone.strip(),
        language=_language(given.language.strip() or site.language),
        time_zone=given.time_zone.strip() or site.time_zone,
        sex=given.sex.strip().upper(),
        target=one_line(given.target),
        side=given.side.strip().lower(),
        level=one_line(given.level),
        indication=given.indication.strip().lower(),
        csi_items=None if given.csi_items is None or _all_open(given.csi_items) else tuple(given.csi_items),
    )


def _language(code: str) -> str:
    """Return a language as we write it (hi-Latn for HI-latn); an unknown one stays as it is, to be named."""
    return _LANGUAGES.get(code.lower(), code)


def _all_open(items: Sequence[int | None]) -> bool:
    return len(items) == instruments.CSI_ITEMS and all(item is None for item in items)


def one_line(text: str) -> str:
    """Return a text with its white space folded and control characters cut out."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


@lru_cache(maxsize=1024)
def zone_of(key: str) -> ZoneInfo | None:
    """Return a time zone by its name, or None."""
    try:
        return ZoneInfo(key)
    except (ValueError, OSError):
        # ZoneInfoNotFoundError is a KeyError on some names, a directory such as "Asia" an OSError.
        return None
    except KeyError:
        return None


def _check_words(given: Enrolment, found: _Found) -> None:
    if not given.record_number:
        found.wrong("record_number", "a record number is needed")
    for field, most in LONGEST.items():
        if len(getattr(given, field)) > most:
            found.wrong(field, f"is longer than {most} characters")
    if given.procedure not in procedures.PROCEDURES:
        found.wrong("procedure", f"{given.procedure!r} is not one of {', '.join(procedures.PROCEDURES)}")
    choices = {"language": wording.LANGUAGES, "side": SIDES, "indication": INDICATIONS, "sex": ("", *SEXES)}
    for field, allowed in choices.items():
        if getattr(given, field) not in allowed:
            known = ", ".join(choice for choice in allowed if choice)
            found.wrong(field, f"{getattr(given, field)!r} is not one of {known}")


def _check_scores(given: Enrolment, found: _Found) -> None:
    _check_range("baseline_nrs", given.baseline_nrs, scoring.HIGHEST_PAIN, found)
    _check_range("csi_total", given.csi_total, scoring.CSI.highest_total, found)
    items = given.csi_items
    if items is None:
        return
    if len(items) != instruments.CSI_ITEMS:
        found.wrong("csi_items", f"there are {len(items)} items, not {instruments.CSI_ITEMS}")
        return
    before = len(found.problems)
    for number, item in enumerate(items, start=1):
        _check_range(f"csi_{number:02d}", item, scoring.CSI.high, found)
    answered = [item for item in items if item is not None]
    complete = len(answered) == instruments.CSI_ITEMS
    if given.csi_total is None or len(found.problems) > before:
        return
    if not complete:
        found.wrong("csi_total", "a total and some of the items are given: give all 25 items, or the total alone")
    elif sum(answered) != given.csi_total:
        found.wrong("csi_total", f"is {given.csi_total}, but the 25 items add up to {sum(answered)}")


def _check_range(field: str, value: int | None, highest: int, found: _Found) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        found.wrong(field, f"{value!r} is not a whole number")
    elif not 0 <= value <= highest:
        found.wrong(field, f"{value} is outside 0-{highest}")


def _checked_phone(given: Enrolment, site: Site, found: _Found) -> str | None:
    if not given.phone:
        if given.consent_sms_at is not None:
            found.wrong("phone", "texts were agreed to, but there is no phone")
        return None
    try:
        return e164(given.phone, site.country)
    except ValueError as error:
        found.wrong("phone", str(error))
        return None


@lru_cache(maxsize=256)
def e164(text: str, country: str) -> str:
    """Return a mobile phone number in E.164, or raise ValueError with a sentence; `country` reads national numbers."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        raise ValueError("is not a phone number") from None
    if number.extension or any(sign.isalpha() for sign in text):
        raise ValueError("has letters or an extension: give the number alone")
    if not phonenumbers.is_possible_number(number):
        raise ValueError("has too few or too many digits for a phone number")
    if not phonenumbers.is_valid_number(number):
        raise ValueError("is not a phone number that is in use in its country")
    if phonenumbers.number_type(number) not in _TEXTABLE:
        raise ValueError("is not a mobile phone: texts would not arrive")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@dataclass(frozen=True, slots=True)
class _Times:
    procedure_at: datetime
    baseline_at: datetime
    consent_sms_at: datetime | None
    consent_data_at: datetime | None


def _checked_times(given: Enrolment, zone: ZoneInfo, now: datetime, found: _Found) -> _Times:
    procedure_at = _instant(given, "procedure_at", zone, found) or now
    _check_procedure_time(given, procedure_at, now, found)
    return _Times(
        procedure_at=procedure_at,
        baseline_at=_baseline_at(given, procedure_at, zone, now, found),
        consent_sms_at=_past(given, "consent_sms_at", zone, now, found),
        consent_data_at=_past(given, "consent_data_at", zone, now, found),
    )


def _instant(given: Enrolment, field: str, zone: ZoneInfo, found: _Found) -> datetime | None:
    value = getattr(given, field)
    if value is None:
        return None
    try:
        instant, twice = in_utc(value, zone)
    except ValueError as error:
        found.wrong(field, str(error))
        return None
    if twice:
        found.doubtful(
            field, f"{value:%H:%M} came twice on {value:%Y-%m-%d}, when clocks went back: the first is meant"
        )
    return instant


def in_utc(value: datetime, zone: ZoneInfo) -> tuple[datetime, bool]:
    """Return an instant in UTC, and whether a local time came twice on its day (the first is taken)."""
    try:
        if value.tzinfo is not None:
            return value.astimezone(UTC), False
        local = value.replace(tzinfo=zone, fold=0)
        instant = local.astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) != value.replace(fold=0):
            raise ValueError(f"{value:%H:%M} did not exist on {value:%Y-%m-%d} in {zone.key}: clocks went forward")
        return instant, local.utcoffset() != local.replace(fold=1).utcoffset()
    except OverflowError:
        raise ValueError("is outside the years a date can have") from None


def _past(given: Enrolment, field: str, zone: ZoneInfo, now: datetime, found: _Found) -> datetime | None:
    instant = _instant(given, field, zone, found)
    if instant is not None and instant > now:
        found.wrong(field, "is in the future")
    return instant


def _check_procedure_time(given: Enrolment, at: datetime, now: datetime, found: _Found) -> None:
    if at < EARLIEST_PROCEDURE:
        found.wrong("procedure_at", f"{at.year} is too long ago")
    elif at > now + timedelta(days=LATEST_DAYS_AHEAD):
        found.wrong("procedure_at", f"{at.year} is more than two years ahead")
    elif given.done and at > now:
        found.wrong("procedure_at", "is in the future, so the procedure cannot be done yet")


def _baseline_at(given: Enrolment, procedure_at: datetime, zone: ZoneInfo, now: datetime, found: _Found) -> datetime:
    at = _instant(given, "baseline_at", zone, found)
    if at is None:
        return min(now, procedure_at - timedelta(minutes=1))
    if at >= procedure_at:
        found.wrong("baseline_at", "a baseline is asked before the procedure, never from memory after it")
    elif at > now:
        found.wrong("baseline_at", "is in the future")
    elif (procedure_at.astimezone(zone).date() - at.astimezone(zone).date()).days > BASELINE_DAYS:
        found.doubtful("baseline_at", f"is more than {BASELINE_DAYS} days before the procedure: pain is asked again")
    return at


def _check_birth_year(given: Enrolment, procedure_at: datetime, found: _Found) -> None:
    year = given.birth_year
    if year is None:
        return
    if not isinstance(year, int) or isinstance(year, bool):
        found.wrong("birth_year", f"{year!r} is not a year")
    elif year > procedure_at.year:
        found.wrong("birth_year", f"{year} is after the procedure")
    elif year < max(1900, procedure_at.year - OLDEST_YEARS):
        found.wrong("birth_year", f"{year} would make the patient older than {OLDEST_YEARS}")
