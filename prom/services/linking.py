"""What a patient's link shows and stores: the questions of its prompt one a screen, then the thanks.

A screen is one question, or one item of a form. An answer given on the page is a first answer, a change of the answer
the page showed, or a second answer that stays beside one which came another way meanwhile; only the first two count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from prom.domain import instruments, timetable, wording
from prom.domain.instruments import Scale
from prom.services import answering, links, questionnaires
from prom.storage import answers, audit, episodes, plans, sites
from prom.storage.models import Answer, AnswerState, Episode, EpisodeState, Patient, Prompt, PromptState, Site, Source

LIMITS = {Scale.NRS: (0, 10), Scale.CSI: (0, 4), Scale.PGIC: (1, 7), Scale.PERCENT: (0, 100)}
CSI_STEP = "csi-"
PAIN = {"nrs": "average_24h", "nrs_current": "current"}


class Stored(StrEnum):
    """What became of an answer given on a page."""

    SAVED = "saved"
    CHANGED = "changed"
    KEPT_BESIDE = "kept_beside"


class AnswerError(ValueError):
    """An answer that is not on the scale of its question."""


@dataclass(frozen=True, slots=True)
class Step:
    """One screen: a question of the prompt, or one item of a form; skipping is allowed for items of the CSI only."""

    key: str
    question: str
    scale: Scale
    instrument: str
    series: str
    item: int

    @property
    def limits(self) -> tuple[int, int]:
        """Return the lowest and the highest answer."""
        return instruments.question(self.question).limits if self.scale is Scale.WHOLE else LIMITS[self.scale]

    @property
    def may_skip(self) -> bool:
        """Return whether this screen may be left without an answer."""
        return self.scale is Scale.CSI


@dataclass(frozen=True, slots=True)
class Screen:
    """One screen with its place among the others and the answer that counts so far.

    `place` is where the pain is asked about, in the language of the page; `wording` is the clinic's own of a CSI item,
    `options` the labels of its answers where the licence names them.
    """

    step: Step
    number: int
    total: int
    previous: str | None
    held: Answer | None
    place: str
    wording: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """One place in the patient's own chart: pain (None when there was no answer) and days or hours; neither: before."""

    nrs: int | None
    day: int | None = None
    hour: int | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """What was answered to one question, with the screen that changes it; `answered` of `asked` items of a form."""

    step: Step
    value: int | None
    answered: int = 1
    asked: int = 1


@dataclass(frozen=True, slots=True)
class Thanks:
    """What the page says when all is answered."""

    given: tuple[Given, ...]
    points: tuple[Point, ...]
    next_prompt: Prompt | None
    zone: str
    site: Site = field(repr=False)


def live_prompt(session: Session, token: str, now: datetime) -> Prompt | None:
    """Return the prompt a link opens now, or None when the link is wrong, used or over."""
    prompt = links.prompt_for(session, token)
    return prompt if prompt is not None and links.alive(session, prompt, now) else None


def patient_of(session: Session, prompt: Prompt) -> Patient:
    """Return whose prompt it is."""
    return session.get_one(Patient, prompt.patient_id)


def site_of(session: Session, prompt: Prompt) -> Site:
    """Return the clinic that asks."""
    return session.get_one(Site, prompt.site_id)


def steps(session: Session, prompt: Prompt) -> tuple[Step, ...]:
    """Return the screens of a prompt in the order asked."""
    found: list[Step] = []
    for key in answering.questions(prompt):
        question = instruments.question(key)
        if question.instrument == "csi":
            found += _csi_steps(session, prompt, question)
        else:
            instrument, series = answers.kept_as(key)
            found.append(Step(key, key, question.scale, instrument, series, question.stored_item))
    return tuple(found)


def _csi_steps(session: Session, prompt: Prompt, question: instruments.Question) -> Iterator[Step]:
    for item in _csi_items(session, prompt, question):
        yield Step(f"{CSI_STEP}{item}", question.key, Scale.CSI, "csi", "", item)


def _csi_items(session: Session, prompt: Prompt, question: instruments.Question) -> Sequence[int]:
    """Return the items a page asks for a question: item 24 too, where nobody asked it before.

    It stands before item 25, so that the prompt is not complete before it was asked.
    """
    last = instruments.CARRIED_FORWARD_ITEM
    if question.key != instruments.CSI_BY_SHEET[-1] or _asked_before(session, prompt, last):
        return question.items
    return sorted({*question.items, last})


def _asked_before(session: Session, prompt: Prompt, item: int) -> bool:
    """Tell whether an item was answered at another time, or skipped on a page: it is asked once."""
    return any(
        row.item == item and row.prompt_id != prompt.id and (row.value is not None or row.source is Source.LINK)
        for row in answers.current(session, prompt.episode_id)
        if row.instrument == "csi"
    )


def screen(session: Session, prompt: Prompt, wanted: str | None, language: str) -> Screen | None:
    """Return the wanted screen, else the first without an answer, else None: everything is answered."""
    every = steps(session, prompt)
    held = _held(session, prompt)
    place = next((place for place, step in enumerate(every) if step.key == wanted), None)
    if place is None and prompt.state is not PromptState.ANSWERED:
        place = next((place for place, step in enumerate(every) if _slot(step) not in held), None)
    if place is None:
        return None
    step = every[place]
    own = questionnaires.shown(session, prompt.site_id, language) if step.scale is Scale.CSI else None
    return Screen(
        step,
        number=place + 1,
        total=len(every),
        previous=every[place - 1].key if place else None,
        held=held.get(_slot(step)),
        place=_place(session.get_one(Episode, prompt.episode_id), language),
        wording=_own_words(session, prompt, step, language) if own is None else own.items[step.item],
        options=() if own is None else own.options,
    )


def _own_words(session: Session, prompt: Prompt, step: Step, language: str) -> str:
    """Return the words of a question that the clinic added, empty for the others: the page has theirs."""
    if step.scale is not Scale.WHOLE:
        return ""
    episode = session.get_one(Episode, prompt.episode_id)
    place = wording.place_key(episode.target, episode.side)
    return wording.ask(step.question, language, sites.overrides(session, prompt.site_id), place=place)


def _place(episode: Episode, language: str) -> str:
    places = wording.language(language).places
    return places.get(wording.place_key(episode.target, episode.side), places["general"])


def _slot(step: Step) -> tuple[str, str, int]:
    return step.instrument, step.series, step.item


def _held(session: Session, prompt: Prompt) -> dict[tuple[str, str, int], Answer]:
    rows = answers.of_prompt(session, prompt.id)
    return {(row.instrument, row.series, row.item): row for row in rows if row.state is AnswerState.CURRENT}


def step_named(session: Session, prompt: Prompt, key: str) -> Step | None:
    """Return a prompt's screen by its key, or None."""
    return next((step for step in steps(session, prompt) if step.key == key), None)


def answer(
    session: Session, prompt: Prompt, step: Step, value: int | None, seen: str, actor: audit.Actor, now: datetime
) -> Stored:
    """Store what was chosen on a screen; `value` None skips the item.

    `seen` is the public id of the answer the page showed, empty for none. An answer that came by text meanwhile was
    not seen: it stays in force, and this one is kept beside it.
    """
    check(step, value)
    held = _held(session, prompt).get(_slot(step))
    if held is not None and held.value == value:
        # The same page sent twice, or left as it was.
        return Stored.SAVED
    change = held is not None and held.public_id == seen
    origin = answering.Origin(Source.LINK, now, actor, rule="page")
    if step.scale is Scale.CSI:
        counted = answering.record_item(session, prompt, step.item, value, origin, now, correction=change).counted
    else:
        assert value is not None
        counted = answering.record(session, prompt, step.question, value, origin, now, correction=change).counted
    if not counted:
        return Stored.KEPT_BESIDE
    return Stored.CHANGED if change else Stored.SAVED


def check(step: Step, value: int | None) -> None:
    """Raise AnswerError when a value is not on the scale of a screen; None skips where that is allowed."""
    low, high = step.limits
    if value is None and step.may_skip:
        return
    if value is None or not low <= value <= high:
        raise AnswerError(f"{step.key} takes {low} to {high}")


def thanks(session: Session, prompt: Prompt, now: datetime) -> Thanks:
    """Return what to say once all is answered: the answers, the own course, and when the next questions come."""
    episode = session.get_one(Episode, prompt.episode_id)
    patient = patient_of(session, prompt)
    return Thanks(
        given=tuple(_given(session, prompt)),
        points=tuple(_points(session, prompt, episode, patient.time_zone, now)),
        next_prompt=_next_prompt(session, patient, now),
        zone=patient.time_zone,
        site=site_of(session, prompt),
    )


def _given(session: Session, prompt: Prompt) -> Iterator[Given]:
    held = _held(session, prompt)
    every = steps(session, prompt)
    form = [step for step in every if step.scale is Scale.CSI]
    for step in every:
        row = held.get(_slot(step))
        if step.scale is not Scale.CSI and row is not None:
            yield Given(step, row.value)
    if form:
        rows = [held.get(_slot(step)) for step in form]
        answered = sum(row is not None and row.value is not None for row in rows)
        yield Given(form[0], None, answered, len(form))


def _points(session: Session, prompt: Prompt, episode: Episode, zone: str, now: datetime) -> list[Point]:
    """Return the patient's own line: the last score before the procedure, then each answer and each gap."""
    if episode.state is not EpisodeState.DONE:
        return []
    key = next((key for key in answering.questions(prompt) if key in PAIN), "nrs")
    rows = [
        row
        for row in answers.current(session, episode.id)
        if row.instrument == "nrs" and row.series == PAIN[key] and row.value is not None
    ]
    start = episode.procedure_at
    before = [Point(row.value) for row in rows if row.answered_at <= start][-1:]
    after = [(row.answered_at, row.value) for row in rows if row.answered_at > start]
    answered = {row.prompt_id for row in rows}
    gaps: list[tuple[datetime, int | None]] = [
        (each.due_at, None) for each in _over(session, episode, key, now) if each.id not in answered
    ]
    placed = sorted([*after, *gaps], key=lambda one: one[0])
    return before + [_point(nrs, at, start, zone, hours=key == "nrs_current") for at, nrs in placed]


def _over(session: Session, episode: Episode, key: str, now: datetime) -> Iterator[Prompt]:
    """Yield the prompts after the procedure that asked for this pain and whose time is over."""
    plan = plans.plan(plans.by_ids(session, [episode.plan_id])[episode.plan_id])
    before = {point.key for point in plan.time_points if point.offset < 0}
    for prompt in plans.prompts(session, episode.id):
        planned = prompt.state is not PromptState.CANCELLED and prompt.time_point not in before
        if planned and prompt.closes_at <= now and key in answering.questions(prompt):
            yield prompt


def _point(nrs: int | None, at: datetime, start: datetime, zone: str, *, hours: bool) -> Point:
    if hours:
        return Point(nrs, hour=round((at - start).total_seconds() / 3600))
    return Point(nrs, day=(timetable.local(at, zone).date() - timetable.local(start, zone).date()).days)


def _next_prompt(session: Session, patient: Patient, now: datetime) -> Prompt | None:
    """Return the prompt the patient will be texted next, over all their procedures."""
    found = {episode.id: episode for episode in episodes.open_of_patient(session, patient.id)}
    coming = [
        prompt
        for prompt in plans.prompts_of(session, found)
        if prompt.state is PromptState.PLANNED and prompt.due_at > now and _starts(found[prompt.episode_id], prompt)
    ]
    return coming[0] if coming else None


def _starts(episode: Episode, prompt: Prompt) -> bool:
    """Tell whether a planned prompt is sure to come: those after a procedure start only once it is done."""
    return episode.state is EpisodeState.DONE or prompt.due_at < episode.procedure_at
