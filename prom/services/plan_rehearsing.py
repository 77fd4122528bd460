"""Twelve months of a plan in a moment: who would be asked what and when, and what it costs; no row is written.

All days come from the domain's timetable, all texts from the wording in force at the site. A patient who answers at
once gets the questions only; one who never answers gets the first question of each set and its reminders instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session

from prom.domain import timetable, wording
from prom.domain.procedures import Plan, TimePoint, Unit
from prom.domain.segments import segments
from prom.services import previewing, questionnaires
from prom.storage.models import Site

MONTHS = 12
DAYS_A_MONTH = 30
MOST_A_MONTH = 1000


@dataclass(frozen=True, slots=True)
class Visit:
    """One question set of an example patient: when it is asked, until when it counts, and what follows silence."""

    key: str
    hourly: bool
    due_at: datetime
    opens_at: datetime
    last_at: datetime
    questions: tuple[str, ...]
    reminders: tuple[datetime, ...]
    call_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bill:
    """Texts and paid segments of one language: of a patient who answers all, and of one who answers nothing."""

    language: str
    name: str
    texts: int
    segments: int
    silent_texts: int
    silent_segments: int


@dataclass(frozen=True, slots=True)
class Month:
    """One simulated month of a clinic that treats some patients a month, in one language."""

    number: int
    patients: int
    texts: int
    segments: int
    silent_segments: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A plan over twelve months: the calendar of one patient, the bill per language, the months of a clinic."""

    visits: tuple[Visit, ...]
    bills: tuple[Bill, ...]
    months: tuple[Month, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """What is rehearsed: a procedure at an instant in a zone, in a language, so many a month."""

    procedure_at: datetime
    zone: str
    language: str
    a_month: int


def rehearse(session: Session, site: Site, plan: Plan, example: Example, public_url: str) -> Rehearsal:
    """Lay a plan out for an example patient and for a clinic over twelve months."""
    new = timetable.NewDate(plan, example.procedure_at, example.zone, "rehearsal", example.procedure_at)
    visits = sorted((_visit(new, point) for point in plan.time_points), key=lambda visit: visit.due_at)
    own = questionnaires.own_texts(session, site.id)
    sizes = {code: _Sizes(site, own, code, plan, public_url) for code in wording.LANGUAGES}
    bills = tuple(_bill(code, sizes[code], visits) for code in wording.LANGUAGES)
    return Rehearsal(tuple(visits), bills, tuple(_months(visits, sizes[example.language], example)))


def _visit(new: timetable.NewDate, point: TimePoint) -> Visit:
    placed = new.place(point)
    again = timetable.reminders(placed.due_at, placed.opens_at, placed.closes_at, new.zone)
    return Visit(
        key=point.key,
        hourly=point.unit is Unit.HOURS,
        due_at=placed.due_at,
        opens_at=placed.opens_at,
        last_at=placed.closes_at - timedelta(seconds=1),
        questions=point.questions,
        reminders=tuple(at for at in (again.first_at, again.second_at) if at is not None),
        call_at=again.call_at,
    )


class _Sizes:
    """How many segments the texts of a plan take in one language."""

    def __init__(self, site: Site, own: wording.Overrides, code: str, plan: Plan, public_url: str) -> None:
        self._by_key = {
            point.key: [segments(text).count for text in previewing.texts_of(code, site, own, point, public_url)]
            for point in plan.time_points
        }
        link = f"{public_url}{'x' * previewing.LINK_SIGNS}"
        by_link = bool(public_url) and not site.two_way
        self._reminders: dict[str, list[int]] = {}
        for point in plan.time_points:
            said = {"link": link} if by_link else {"question": wording.ask(point.questions[0], code, own)}
            keys = ["link_reminder_24h", "link_reminder_72h"] if by_link else ["reminder_24h", "reminder_72h"]
            self._reminders[point.key] = [
                segments(wording.render(key, code, own, clinic=site.label, **said)).count for key in keys
            ]

    def asked(self, visit: Visit) -> list[int]:
        """Return the segments of each text to somebody who answers at once."""
        return self._by_key[visit.key]

    def silent(self, visit: Visit) -> list[int]:
        """Return the segments of each text to somebody who never answers."""
        return [*self._by_key[visit.key][:1], *self._reminders[visit.key][: len(visit.reminders)]]


def _bill(code: str, sizes: _Sizes, visits: Sequence[Visit]) -> Bill:
    asked = [size for visit in visits for size in sizes.asked(visit)]
    silent = [size for visit in visits for size in sizes.silent(visit)]
    return Bill(code, wording.language(code).name, len(asked), sum(asked), len(silent), sum(silent))


def _months(visits: Sequence[Visit], sizes: _Sizes, example: Example) -> list[Month]:
    """Return twelve months of a clinic: each month's patients get each text of the plan in the month it falls into."""
    start = timetable.local(example.procedure_at, example.zone).date()
    texts, paid, silent = ([0] * MONTHS for _ in range(3))
    for visit in visits:
        falls = _month_of(start, timetable.local(visit.due_at, example.zone).date())
        for month in range(falls, MONTHS):
            texts[month] += len(sizes.asked(visit)) * example.a_month
            paid[month] += sum(sizes.asked(visit)) * example.a_month
            silent[month] += sum(sizes.silent(visit)) * example.a_month
    return [
        Month(number + 1, (number + 1) * example.a_month, texts[number], paid[number], silent[number])
        for number in range(MONTHS)
    ]


def _month_of(start: date, on: date) -> int:
    # What is asked before a procedure counts to its own month.
    return max(0, (on - start).days // DAYS_A_MONTH)
