"""The month's report: who answers, what was not sent and why, what texts cost and will cost, how fast answers come.

A response rate is prompts answered in full of those asked; a prompt that we failed to send is counted beside it and is
never a patient's silence. The forecast multiplies the prompts planned for the next month by the segments that one asked
prompt took in the last 90 days, reminders and thanks included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from sqlmodel import Session

from prom.domain import procedures
from prom.storage import reports
from prom.storage.models import Site
from prom.storage.reports import Period, Replies, Texts

LOOK_BACK = timedelta(days=90)
HOURS_SHOWN = (1, 6, 24, 72)
TENTHS_OF_CENT = 10_000
ORDERS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "age": ("under_40", "40_59", "60_74", "75_or_more", ""),
        "csi": ("below_40", "40_or_more", "unknown"),
    }
)


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast answers came: the number counted, median hours, and (hours, number within) of HOURS_SHOWN."""

    n: int
    median_hours: float | None
    within: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Spend:
    """Segments of a month, their cost where a price is known, and the limit."""

    texts: int
    segments: int
    cost: float | None
    currency: str
    limit: int | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """The next month: prompts planned, segments one asked prompt took lately, and what follows; None without a past."""

    prompts: int
    asked_lately: int
    segments_each: float | None
    segments: int | None
    cost: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """One month of some sites."""

    month: date
    replies: Mapping[str, Sequence[Replies]]
    not_sent: Mapping[str, int]
    texts: Mapping[tuple[str, str], int]
    languages: Sequence[Texts]
    sites: Sequence[Texts]
    spend: Spend
    forecast: Forecast
    speed: Speed

    @property
    def asked(self) -> int:
        """Return how many prompts were asked."""
        return sum(one.asked for one in self.replies["time_point"])

    @property
    def answered(self) -> int:
        """Return how many prompts were answered in full."""
        return sum(one.answered for one in self.replies["time_point"])


def month_of(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return month_of(month.replace(day=28) + timedelta(days=7))


def report(session: Session, sites: Sequence[Site], month: date, now: datetime) -> Report:
    """Return the report of a month, cut at the first site's midnight; `sites` must not be empty."""
    period = period_of(sites, month)
    by = {key: _ordered(key, rows) for key, rows in reports.replies(session, period, *reports.KEYS).items()}
    return Report(
        month=month,
        replies=by,
        not_sent=dict(sorted(reports.not_sent(session, period).items(), key=lambda one: (-one[1], one[0]))),
        texts=dict(sorted(reports.texts_not_delivered(session, period).items(), key=lambda one: (-one[1], one[0]))),
        languages=_most_first(reports.spent(session, period, "language")),
        sites=_most_first(reports.spent(session, period, "site")),
        spend=_spend(session, sites, period),
        forecast=_forecast(session, sites, next_month(month), now),
        speed=_speed(reports.answer_seconds(session, period)),
    )


def period_of(sites: Sequence[Site], month: date) -> Period:
    """Return a month of some sites, cut at the first one's midnight."""
    zone = sites[0].time_zone
    return Period([site.id for site in sites], _midnight(month, zone), _midnight(next_month(month), zone))


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _ordered(by: str, found: Sequence[Replies]) -> list[Replies]:
    if by in ORDERS:
        return sorted(found, key=lambda one: ORDERS[by].index(one.key))
    if by == "time_point":
        return sorted(found, key=lambda one: procedures.hours_after(one.key))
    return sorted(found, key=lambda one: (-one.asked, one.key))


def _most_first(found: Sequence[Texts]) -> list[Texts]:
    return sorted(found, key=lambda one: (-one.segments, one.key))


def _cost(sites: Sequence[Site], segments_of: Mapping[str, int]) -> tuple[float | None, str]:
    """Return the cost in one currency; None while a site that texts has no price, or prices differ in currency."""
    texting = [site for site in sites if segments_of.get(site.name)]
    currencies = {site.currency for site in texting}
    if not texting or len(currencies) != 1 or any(site.segment_price is None for site in texting):
        return None, ""
    total = sum(segments_of[site.name] * (site.segment_price or 0) for site in texting)
    return total / TENTHS_OF_CENT, currencies.pop()


def _spend(session: Session, sites: Sequence[Site], period: Period) -> Spend:
    by_site = reports.spent(session, period, "site")
    cost, currency = _cost(sites, {one.key: one.segments for one in by_site})
    limits = [site.monthly_segments for site in sites]
    limit = None if any(one is None for one in limits) else sum(one or 0 for one in limits)
    return Spend(sum(one.texts for one in by_site), sum(one.segments for one in by_site), cost, currency, limit)


def _forecast(session: Session, sites: Sequence[Site], month: date, now: datetime) -> Forecast:
    lately = Period([site.id for site in sites], now - LOOK_BACK, now)
    asked = sum(one.asked for one in reports.replies(session, lately, "site")["site"])
    by_site = {one.key: one.segments for one in reports.spent(session, lately, "site")}
    coming = reports.prompts_due(session, period_of(sites, month))
    if not asked:
        return Forecast(coming, 0, None, None, None)
    each = sum(by_site.values()) / asked
    spent, _ = _cost(sites, by_site)
    cost = None if spent is None else spent / asked * coming
    return Forecast(coming, asked, each, round(each * coming), cost)


def _speed(seconds: Sequence[float]) -> Speed:
    ranked = sorted(seconds)
    if not ranked:
        return Speed(0, None, tuple((hours, 0) for hours in HOURS_SHOWN))
    middle = len(ranked) // 2
    median = ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2
    within = tuple((hours, sum(1 for one in ranked if one <= hours * 3600)) for hours in HOURS_SHOWN)
    return Speed(len(ranked), median / 3600, within)
