"""Open a site, and the sums of all sites that an administrator sees: counts, never a patient."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import available_timezones

import phonenumbers
from sqlmodel import Session

from prom.domain import wording
from prom.services import reporting
from prom.storage import audit, reports, sites
from prom.storage.models import Site

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
LONGEST_LABEL = 40


class SiteError(ValueError):
    """A site that cannot be opened; `problems` holds (field, what is wrong)."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(words for _, words in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class NewSite:
    """What a new site needs: a short key for files, the label in texts, zone, country, phone and language."""

    name: str
    label: str
    time_zone: str
    country: str
    phone: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Sum:
    """One site in numbers; replies and segments are of one month."""

    site: Site
    patients: int
    episodes: int
    answered: int
    asked: int
    segments: int


def open_site(session: Session, new: NewSite, actor: audit.Actor, now: datetime) -> Site:
    """Add a site, or raise SiteError naming every field that is wrong."""
    problems = _problems(session, new)
    if problems:
        raise SiteError(problems)
    site = sites.add(session, new.name, new.label, new.time_zone, new.country.upper())
    site.phone, site.language = new.phone, new.language
    session.add(site)
    audit.record(session, actor, "site_opened", site, now, reason=new.name)
    return site


def _problems(session: Session, new: NewSite) -> list[tuple[str, str]]:
    problems = []
    if not _KEY.fullmatch(new.name):
        problems.append(("name", "use small letters, digits, - and _ for the key, at most 40"))
    elif sites.by_name(session, new.name) is not None:
        problems.append(("name", f"there is a site {new.name} already"))
    if not new.label or len(new.label) > LONGEST_LABEL:
        problems.append(("label", f"texts need a label of at most {LONGEST_LABEL} signs that reveals no diagnosis"))
    if new.time_zone not in available_timezones():
        problems.append(("time_zone", "choose a time zone such as Asia/Kolkata"))
    if new.country.upper() not in phonenumbers.SUPPORTED_REGIONS:
        problems.append(("country", "give the country as two letters, such as IN"))
    if new.language not in wording.LANGUAGES:
        problems.append(("language", f"choose one of {', '.join(wording.LANGUAGES)}"))
    return problems


def sums(session: Session, month: date) -> list[Sum]:
    """Return every site with its sums; replies and segments are of one month in the site's zone."""
    people, procedures = reports.patients_by_site(session), reports.episodes_by_site(session)
    found = []
    for site in sites.everything(session):
        period = reporting.period_of([site], month)
        replies = reports.replies(session, period, "site")["site"]
        spent = reports.spent(session, period, "site")
        found.append(
            Sum(
                site,
                people.get(site.id, 0),
                procedures.get(site.id, 0),
                sum(one.answered for one in replies),
                sum(one.asked for one in replies),
                sum(one.segments for one in spent),
            )
        )
    return found
