"""What a plan would send before anything is sent: each question with its days, and what the texts cost per language."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from prom.domain import procedures, timetable, wording
from prom.domain.procedures import Plan, TimePoint, Unit
from prom.domain.segments import segments
from prom.services import links, questionnaires
from prom.storage import desk, plans
from prom.storage.models import Site

LINK_SIGNS = len("/a/") + links.FINDS + 22


@dataclass(frozen=True, slots=True)
class Coming:
    """A procedure that may be enrolled: what, when and where."""

    procedure: str
    procedure_at: datetime
    zone: str
    target: str = ""
    side: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One question set of the plan; `last_at` is the last second in which an answer counts, `over` says it is past."""

    key: str
    hourly: bool
    due_at: datetime
    opens_at: datetime
    last_at: datetime
    questions: tuple[str, ...]
    texts: int
    over: bool


@dataclass(frozen=True, slots=True)
class Cost:
    """How many texts and paid segments the questions of a plan take in one language, without reminders and thanks."""

    language: str
    name: str
    texts: int
    segments: int


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A plan laid out on the calendar, and its cost."""

    lines: tuple[Line, ...]
    costs: tuple[Cost, ...]
    by_link: bool


def foresee(session: Session, site: Site, coming: Coming, public_url: str, now: datetime) -> Foreseen:
    """Lay out the plan that a procedure would get; nothing is stored."""
    row = desk.own_plan(session, site.id, coming.procedure)
    plan = plans.plan(row) if row is not None else procedures.default_plan(coming.procedure)
    new = timetable.NewDate(plan, coming.procedure_at, coming.zone, "preview", now)
    by_link = bool(public_url) and not site.two_way
    lines = sorted((_line(new, point, by_link=by_link) for point in plan.time_points), key=lambda line: line.due_at)
    own = questionnaires.own_texts(session, site.id)
    costs = [_cost(code, site, own, plan, coming, public_url, lines) for code in wording.LANGUAGES]
    return Foreseen(tuple(lines), tuple(costs), by_link)


def _line(new: timetable.NewDate, point: TimePoint, *, by_link: bool) -> Line:
    placed = new.place(point)
    return Line(
        key=point.key,
        hourly=point.unit is Unit.HOURS,
        due_at=placed.due_at,
        opens_at=placed.opens_at,
        last_at=placed.closes_at - timedelta(seconds=1),
        questions=point.questions,
        texts=1 if by_link else len(point.questions),
        over=placed.closes_at <= new.now,
    )


def _cost(
    code: str,
    site: Site,
    own: wording.Overrides,
    plan: Plan,
    coming: Coming,
    public_url: str,
    lines: list[Line],
) -> Cost:
    asked = {line.key for line in lines if not line.over}
    texts = [
        segments(text).count
        for point in plan.time_points
        if point.key in asked
        for text in texts_of(code, site, own, point, public_url, wording.place_key(coming.target, coming.side))
    ]
    return Cost(code, wording.language(code).name, len(texts), sum(texts))


def texts_of(
    code: str, site: Site, own: wording.Overrides, point: TimePoint, public_url: str, place: str | None = None
) -> Iterator[str]:
    """Return the texts of one question set as they leave in a language, to somebody who answers each at once."""
    link = f"{public_url}{'x' * LINK_SIGNS}"
    if public_url and not site.two_way:
        yield wording.render("link_ready", code, own, clinic=site.label, link=link)
        return
    first, *rest = point.questions
    if rest and public_url:
        yield wording.wrapped("opening_link", first, code, own, place=place, clinic=site.label, link=link)
    else:
        yield wording.wrapped("opening", first, code, own, place=place, clinic=site.label)
    for key in rest:
        yield wording.ask(key, code, own, place=place)
