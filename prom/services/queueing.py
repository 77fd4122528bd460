"""The coordinator's queue as it is looked at: what to do, for whom, why, and what one tap could settle.

Reasons stay keys here; the pages have the words.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlmodel import Session

from prom.domain import timetable
from prom.services import attending, entering
from prom.storage import channels, desk, inbound, patients, tasks
from prom.storage.models import (
    Episode,
    EpisodeState,
    Inbound,
    Message,
    Patient,
    Prompt,
    PromptState,
    Site,
    Staff,
    Task,
    TaskKind,
)

CARDS_A_PAGE = 40
RED_FLAG = "red_flag_"


@dataclass(frozen=True, slots=True)
class Who:
    """A patient as a card names them, with the procedure in question; `day` is today's, None before it."""

    public_id: str
    name: str
    record_number: str
    phone: str
    zone: str
    episode: Episode | None
    day: int | None


@dataclass(frozen=True, slots=True)
class Quote:
    """What somebody texted, and when."""

    text: str
    at: datetime
    pictures: int


@dataclass(frozen=True, slots=True)
class Asked:
    """The prompt a task is about: how often its questions left, and whether its days are not over."""

    prompt: Prompt
    texts: int
    last_at: datetime | None
    open: bool


@dataclass(frozen=True, slots=True)
class Advice:
    """What somebody in a possible emergency was told by machine: a text (None: no text was made), or on the page."""

    message: Message | None
    on_page: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One thing to do. `who` is None while nobody is known; `phone` is then the sender's."""

    task: Task
    who: Who | None
    phone: str
    zone: str
    quote: Quote | None
    asked: Asked | None
    target: entering.Target | None
    proposals: tuple[int, ...]
    people: tuple[Who, ...]
    error_code: str
    holder: str
    held_by_me: bool
    advice: Advice | None = None


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure of today, or an earlier one about which nobody has said whether it took place."""

    episode: Episode
    who: Who
    overdue: bool


@dataclass(frozen=True, slots=True)
class Stopped:
    """Texts that cannot leave: of everybody (`site` None) or of one site, since when, why, and how many wait."""

    site: Site | None
    since: datetime
    reason: str
    waiting: int


@dataclass(frozen=True, slots=True)
class Queue:
    """One page of the queue with its counts; `later` is how many tasks wait for a time to come."""

    cards: tuple[Card, ...]
    counts: dict[TaskKind, int]
    total: int
    shown: int
    page: int
    pages: int
    later: int
    day: desk.Day
    procedures: tuple[Procedure, ...]
    undoable: tuple[Task, ...]
    stopped: tuple["Stopped", ...] = ()


def queue(
    session: Session,
    sites: Sequence[Site],
    staff_id: int,
    now: datetime,
    *,
    kind: TaskKind | None = None,
    page: int = 1,
) -> Queue:
    """Return a page of the open tasks of some sites, in order of action, after today's procedures."""
    ids = [site.id for site in sites]
    counts = desk.counts(session, ids, now)
    total = sum(counts.values())
    shown = total if kind is None else counts.get(kind, 0)
    pages = max(1, -(-shown // CARDS_A_PAGE))
    page = min(max(page, 1), pages)
    rows = tasks.open_tasks(session, ids, kind=kind, now=now, limit=page * CARDS_A_PAGE)
    return Queue(
        cards=tuple(cards(session, rows[(page - 1) * CARDS_A_PAGE :], staff_id, now)),
        counts=counts,
        total=total,
        shown=shown,
        page=page,
        pages=pages,
        later=desk.later(session, ids, now),
        day=_day(session, sites, now),
        procedures=tuple(_procedures(session, sites, now)) if page == 1 and kind is None else (),
        undoable=tuple(desk.done_since(session, ids, staff_id, now - attending.UNDO_WITHIN)),
        stopped=tuple(_stopped(session, sites, now)),
    )


def _stopped(session: Session, sites: Sequence[Site], now: datetime) -> list[Stopped]:
    """Return what keeps texts from leaving: a halted channel, or one that is held until somebody releases it."""
    found = []
    main = channels.seen(session)
    ids = [site.id for site in sites]
    if main is not None and main.halted_at is not None:
        found.append(Stopped(None, main.halted_at, f"halted_{main.halted_code}", desk.due_texts(session, ids, now)))
    elif main is not None and main.held_at is not None:
        found.append(Stopped(None, main.held_at, main.held_reason or "held", desk.due_texts(session, ids, now)))
    held = channels.held_sites(session)
    for site in sites:
        row = held.get(site.id)
        if row is not None and row.held_at is not None:
            waiting = desk.due_texts(session, [site.id], now)
            found.append(Stopped(site, row.held_at, row.held_reason or "held", waiting))
    return found


def _day(session: Session, sites: Sequence[Site], now: datetime) -> desk.Day:
    """Return the counts of today, each site by its own midnight."""
    each = [desk.day(session, [site.id], *today(site.time_zone, now)) for site in sites]
    return desk.Day(
        sum(one.asked for one in each), sum(one.answered for one in each), sum(one.not_sent for one in each)
    )


def today(zone: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the first instants of today and of tomorrow in a zone."""
    day = timetable.local(now, zone).date()
    start, end = (datetime.combine(each, time()) for each in (day, day + timedelta(days=1)))
    return timetable.instant_of(start, zone).astimezone(UTC), timetable.instant_of(end, zone).astimezone(UTC)


def _procedures(session: Session, sites: Sequence[Site], now: datetime) -> list[Procedure]:
    found: list[Procedure] = []
    for site in sites:
        start, end = today(site.time_zone, now)
        open_ones = desk.planned_until(session, [site.id], end)
        shown = [*open_ones, *desk.done_between(session, [site.id], start, end)]
        people = desk.patients_by_id(session, {episode.patient_id for episode in shown})
        for episode in shown:
            patient = people[episode.patient_id]
            found.append(Procedure(episode, who(session, patient, now, episode), episode.procedure_at < start))
    return sorted(found, key=lambda one: (one.episode.state is EpisodeState.DONE, one.episode.procedure_at))


def who(session: Session, patient: Patient, now: datetime, episode: Episode | None = None) -> Who:
    """Return how a card names a patient; without an episode, with the one that is on today."""
    chosen = episode or _episode_now(session, patient, now)
    day = None
    if chosen is not None and chosen.state is EpisodeState.DONE:
        day = timetable.relief_day(chosen.procedure_at, now, patient.time_zone)
    return Who(
        public_id=patient.public_id,
        name=patients.name(session, patient),
        record_number=patients.record_number(session, patient),
        phone=patients.phone(session, patient) or "",
        zone=patient.time_zone,
        episode=chosen,
        day=day,
    )


def _episode_now(session: Session, patient: Patient, now: datetime) -> Episode | None:
    """Return the procedure that took place last, else the next one planned."""
    known = desk.open_episodes(session, patient.id)
    past = [each for each in known if each.procedure_at <= now]
    return past[-1] if past else next(iter(known), None)


def card(session: Session, task: Task, staff_id: int, now: datetime) -> Card:
    """Return one task as a card."""
    return cards(session, [task], staff_id, now)[0]


def cards(session: Session, rows: Collection[Task], staff_id: int, now: datetime) -> list[Card]:
    """Return tasks as cards."""
    kept = desk.rows_of(session, rows)
    left = desk.texts_left(session, [task.prompt_id for task in rows if task.prompt_id is not None])
    made = [_card(session, task, left, staff_id, now) for task in rows]
    del kept
    return made


def _card(session: Session, task: Task, left: dict[int, tuple[int, datetime]], staff_id: int, now: datetime) -> Card:
    prompt = session.get(Prompt, task.prompt_id) if task.prompt_id is not None else None
    episode = session.get(Episode, prompt.episode_id) if prompt is not None else None
    patient = session.get(Patient, task.patient_id) if task.patient_id is not None else None
    row = session.get(Inbound, task.inbound_id) if task.inbound_id is not None else None
    quote = None if row is None else Quote(inbound.body(session, row), row.received_at, row.num_media)
    aim = entering.target(session, task) if row is not None and patient is not None else None
    message = session.get(Message, task.message_id) if task.message_id is not None else None
    person = None if patient is None else who(session, patient, now, episode)
    holder = attending.holder(task, now)
    return Card(
        task=task,
        who=person,
        phone=person.phone if person is not None else "" if row is None else inbound.phone(session, row),
        zone=person.zone if person is not None else session.get_one(Site, task.site_id).time_zone,
        quote=quote,
        asked=None if prompt is None else _asked(prompt, left.get(prompt.id), now),
        target=aim,
        proposals=entering.proposals(aim.question, task.candidate, quote.text) if aim and quote else (),
        people=() if row is None or patient is not None else _people(session, task, row, now),
        error_code="" if message is None else message.error_code,
        holder="" if holder is None else _name(session, holder),
        held_by_me=holder == staff_id,
        advice=None if row is None or not task.reason.startswith(RED_FLAG) else _advice(session, row),
    )


def _advice(session: Session, row: Inbound) -> Advice:
    return Advice(desk.advice_to(session, row), on_page=row.provider_sid.startswith(inbound.ON_PAGE))


def _asked(prompt: Prompt, left: tuple[int, datetime] | None, now: datetime) -> Asked:
    texts, last_at = left or (0, None)
    over = prompt.closes_at <= now or prompt.state in {PromptState.ANSWERED, PromptState.CANCELLED}
    return Asked(prompt, texts, last_at, open=not over)


def _people(session: Session, task: Task, row: Inbound, now: datetime) -> tuple[Who, ...]:
    """Return the patients of this site with the phone a text came from."""
    found = [each for each in channels.patients_of(session, row.phone_index) if each.site_id == task.site_id]
    return tuple(who(session, patient, now) for patient in found)


def _name(session: Session, staff_id: int) -> str:
    account = session.get(Staff, staff_id)
    return "" if account is None else account.name or account.email
