"""The parts of one patient's page: points, prompts, events, questionnaires, the table of answers, the record."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from prom.domain import procedures, relief, scoring, sensitization, timetable
from prom.domain.scoring import CsiResult
from prom.domain.sensitization import NotDone, SensitizationRecord, Sign, YesNo
from prom.services import reviewing_verdict as verdicts
from prom.services.reviewing_views import (
    AnswerLine,
    CoTreatmentLine,
    CsiPoint,
    EpisodeLine,
    EventLine,
    Mark,
    Point,
    PromptMark,
)
from prom.services.trajectory import Course, concerning_days
from prom.storage import episodes
from prom.storage.models import (
    Answer,
    AnswerState,
    CoTreatment,
    Episode,
    Event,
    EventKind,
    Prompt,
    PromptState,
    Sensitization,
)

PAIN, DAILY, HOURLY = "nrs", "average_24h", "current"
EVENT_WORDS = {
    EventKind.REPEAT: "Procedure repeated",
    EventKind.SURGERY: "Surgery for the same pain",
    EventKind.DEATH: "Died",
    EventKind.EXPLANT_LOSS: "Explanted for lost effect",
    EventKind.EXPLANT_OTHER: "Explanted for another reason",
    EventKind.OPTOUT: "Left follow-up",
}
_SIGNS = ("brush_allodynia", "pinprick_hyperalgesia", "static_pressure", "cold_heat", "after_sensation")


@dataclass(frozen=True, slots=True)
class Days:
    """How instants of one procedure become days after it, in the patient's zone."""

    procedure_at: datetime
    zone: str

    def day(self, at: datetime) -> int:
        """Return the calendar day of an instant."""
        return timetable.relief_day(self.procedure_at, at, self.zone)

    def fraction(self, at: datetime) -> float:
        """Return an instant as a fraction of days since the procedure."""
        return (at - self.procedure_at) / timedelta(days=1)


def episode_line(episode: Episode, zone: str, now: datetime) -> EpisodeLine:
    """Return a procedure as a heading tells it."""
    return EpisodeLine(
        public_id=episode.public_id,
        procedure=episode.procedure,
        label=procedures.procedure(episode.procedure).label,
        target=episode.target,
        side=episode.side,
        level=episode.level,
        indication=episode.indication,
        state=episode.state.value,
        procedure_at=episode.procedure_at,
        on=timetable.local(episode.procedure_at, zone).date(),
        day=timetable.relief_day(episode.procedure_at, now, zone),
        time_zone=zone,
    )


def first_given(rows: Sequence[Answer]) -> dict[int, datetime]:
    """Return when each answer was first given: a correction keeps the time of the answer it corrects."""
    by_id = {row.id: row for row in rows}
    given: dict[int, datetime] = {}
    for row in rows:
        first = row
        while first.replaces_id is not None and first.replaces_id in by_id:
            first = by_id[first.replaces_id]
        given[row.id] = first.answered_at
    return given


def points(rows: Sequence[Answer], course: Course | None, days: Days) -> tuple[Point, ...]:
    """Return the pain answers for the chart in order of time, with a ring on those that concern."""
    given, rings = first_given(rows), frozenset() if course is None else concerning_days(course)
    last = None if course is None else course.stopped[0]
    taken: set[int] = set()
    found = []
    pain = [row for row in rows if row.instrument == PAIN and row.value is not None]
    for row in sorted(pain, key=lambda row: (given[row.id], row.id)):
        at = given[row.id]
        day = days.day(at)
        counted = _counts(row, day, at, days, last, taken)
        found.append(
            Point(
                day=days.fraction(at) if row.series == HOURLY else float(day),
                nrs=row.value or 0,
                source=row.source.value,
                state=row.state.value,
                series=row.series,
                bad=counted and day in rings and at > days.procedure_at,
                counted=counted,
            )
        )
    return tuple(found)


def _counts(row: Answer, day: int, at: datetime, days: Days, last: int | None, taken: set[int]) -> bool:
    if row.series != DAILY or row.state is not AnswerState.CURRENT:
        return False
    if at <= days.procedure_at:
        return timetable.in_baseline(days.procedure_at, at, days.zone)
    if day < 1 or day in taken or (last is not None and day > last):
        return False
    taken.add(day)
    return True


def prompt_marks(rows: Iterable[Prompt], days: Days, now: datetime) -> tuple[PromptMark, ...]:
    """Return the pain questions for the lane under the chart, in order of time; cancelled ones are left out."""
    found = []
    for row in rows:
        mark = _mark(row, now)
        if mark is None or not {"nrs", "nrs_current"} & set(row.questions.split()):
            continue
        hourly = "nrs_current" in row.questions.split()
        day = days.fraction if hourly else lambda at: float(days.day(at))
        # The window ends at midnight: its last day is the one before.
        last = row.closes_at if hourly else row.closes_at - timedelta(seconds=1)
        found.append(PromptMark(day(row.due_at), day(row.opens_at), day(last), mark, row.time_point, row.reason))
    return tuple(sorted(found, key=lambda one: one.day))


def _mark(row: Prompt, now: datetime) -> Mark | None:
    match row.state:
        case PromptState.ANSWERED | PromptState.PARTLY:
            return Mark.ANSWERED
        case PromptState.MISSED:
            return Mark.NO_REPLY
        case PromptState.NOT_SENT:
            return Mark.NOT_SENT
        case PromptState.CANCELLED:
            return None
        case PromptState.ASKED:
            return Mark.OPEN if now < row.closes_at else Mark.NO_REPLY
    return Mark.PLANNED if now < row.closes_at else Mark.NOT_SENT


def replies(marks: Iterable[PromptMark]) -> tuple[int, int, int]:
    """Return how many questions after the procedure were answered, were asked and are over, and were not sent by us."""
    after = [one.mark for one in marks if one.day > 0]
    answered = after.count(Mark.ANSWERED)
    return answered, answered + after.count(Mark.NO_REPLY), after.count(Mark.NOT_SENT)


def event_lines(session: Session, rows: Iterable[Event], days: Days) -> tuple[EventLine, ...]:
    """Return the events by day."""
    day_0 = timetable.local(days.procedure_at, days.zone).date()
    return tuple(
        EventLine(
            row.public_id,
            (row.happened_on - day_0).days,
            row.happened_on,
            row.kind.value,
            EVENT_WORDS[row.kind],
            episodes.event_note(session, row),
        )
        for row in rows
    )


def co_treatment_lines(rows: Iterable[CoTreatment], days: Days) -> tuple[CoTreatmentLine, ...]:
    """Return the treatments beside the procedure."""
    day_0 = timetable.local(days.procedure_at, days.zone).date()
    return tuple(
        CoTreatmentLine(
            public_id=row.public_id,
            kind=row.kind.value,
            start=(row.started_on - day_0).days,
            end=None if row.stopped_on is None else (row.stopped_on - day_0).days,
            started_on=row.started_on,
            stopped_on=row.stopped_on,
        )
        for row in rows
    )


def csi_course(rows: Sequence[Answer], record: Sensitization | None, days: Days) -> tuple[CsiPoint, ...]:
    """Return the questionnaires by day: the baseline of the record, then each later one with its change."""
    before = verdicts.csi_result(record)
    found = []
    if before is not None and record is not None:
        day = days.day(record.csi_at) if record.csi_at is not None else 0
        found.append(CsiPoint(day, verdicts.csi(before), before.item_24_carried, ""))
    counted = [row for row in rows if row.instrument in {"csi", "csi_total"} and row.state is AnswerState.CURRENT]
    carried = next((row.value for row in counted if row.item == 24 and row.answered_at <= days.procedure_at), None)
    sets: dict[Any, list[Answer]] = {}
    for row in counted:
        if row.answered_at > days.procedure_at:
            sets.setdefault(row.prompt_id or days.day(row.answered_at), []).append(row)
    for group in sets.values():
        result = _scored(group, carried)
        change = "" if before is None else scoring.csi_change(before, result).value
        day = days.day(max(row.answered_at for row in group))
        found.append(CsiPoint(day, verdicts.csi(result), result.item_24_carried, change))
    return tuple(sorted(found, key=lambda one: one.day))


def _scored(group: Iterable[Answer], item_24: int | None) -> CsiResult:
    values = {(row.instrument, row.item): row.value for row in group}
    total = values.get(("csi_total", 0))
    if total is not None:
        return scoring.csi_total(total)
    return scoring.csi([values.get(("csi", number)) for number in range(1, scoring.CSI.items + 1)], item_24=item_24)


def answer_lines(rows: Sequence[Answer], days: Days) -> tuple[AnswerLine, ...]:
    """Return the table of answers, newest first; single CSI items are told as totals elsewhere."""
    public = {row.id: row.public_id for row in rows}
    shown = [row for row in rows if row.instrument != "csi"]
    return tuple(
        AnswerLine(
            public_id=row.public_id,
            day=days.day(row.answered_at),
            answered_at=row.answered_at,
            time_point=row.occasion,
            instrument=row.instrument,
            series=row.series,
            item=row.item,
            value=row.value,
            source=row.source.value,
            state=row.state.value,
            reason=row.reason,
            replaces=public.get(row.replaces_id, "") if row.replaces_id is not None else "",
            proxy=row.proxy,
            rule=row.rule,
        )
        for row in reversed(shown)
    )


def banner(record: Sensitization | None) -> sensitization.Banner:
    """Return the evidence of a sensitization record: which way it leans, never a diagnosis."""
    if record is None:
        return sensitization.banner(SensitizationRecord())
    not_done = set(record.not_done.split())
    values: dict[str, Any] = {"csi": verdicts.csi_result(record)}
    for field in fields(SensitizationRecord):
        if field.name != "csi":
            values[field.name] = _recorded(field.name, getattr(record, field.name))
    values |= {name: NotDone.NOT_DONE for name in not_done & values.keys() if values[name] is None}
    return sensitization.banner(SensitizationRecord(**values))


def _recorded(name: str, value: Any) -> Any:
    if value == NotDone.NOT_DONE.value:
        return NotDone.NOT_DONE
    if value == "" or value is None:
        return None
    if name in _SIGNS:
        return Sign(value)
    return YesNo(value) if name == "opioids" else value


def block_words(rows: Sequence[Answer], episode: Episode) -> str:
    """Return how a diagnostic block is read from current pain within 6 hours; empty for other procedures."""
    if episode.procedure != "diagnostic_block":
        return ""
    plan = procedures.default_plan(episode.procedure)
    pain = [row for row in rows if row.series == HOURLY and row.state is AnswerState.CURRENT]
    before = [row.value for row in pain if row.answered_at <= episode.procedure_at]
    hours = []
    for row in pain:
        since = (row.answered_at - episode.procedure_at) / timedelta(hours=1)
        point = procedures.assign_hour(plan, HOURLY, since) if since > 0 else None
        if point is not None:
            hours.append((point.offset, row.value))
    match relief.diagnostic_block_response(before[-1:], hours):
        case relief.BlockUnjudged(reason):
            return f"Not judged: {reason}."
        case relief.BlockJudged() as judged:
            words = "Positive (80 % or more)" if judged.strongly_positive else "Positive (50 % or more)"
            words = words if judged.positive else "Negative (under 50 %)"
            return f"{words}: at best {float(judged.best_percent):.0f} % less current pain, {judged.at_hour} h after."
