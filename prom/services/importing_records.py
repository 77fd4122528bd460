"""Rows of answers.csv and events.csv, each bound to an episode by record number and procedure time."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from sqlmodel import Session

from prom.domain import instruments
from prom.services import ending, enrolments, importing_followup, watching
from prom.services.importing_rows import Columns, ImportReport, Row, whole_number
from prom.storage import answers, audit, episodes, patients
from prom.storage.answers import NewAnswer
from prom.storage.models import Episode, EventKind, Patient, Source

ANSWER_COLUMNS = Columns(("record_id", "procedure_at", "instrument", "item", "value", "answered_at"), ("source",))
EVENT_COLUMNS = Columns(("record_id", "procedure_at", "kind", "on"))
SERIES = ("average_24h", "current")
Range = tuple[Sequence[int], int, int]
# Of each instrument: the numbers of its items (0: it has one, the cell stays empty), and its lowest and highest value.
RANGES: Mapping[str, Range] = {
    "nrs": ((), 0, 10),
    "csi": (range(1, 26), 0, 4),
    "csi_total": ((0,), 0, 100),
    "pgic": ((0,), 1, 7),
    "relief_percent": ((0,), 0, 100),
    "peg": (range(1, 4), 0, 10),
}
AnswerKey = tuple[int, str, str, int, datetime]
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Value:
    """The answer a row gives, before its episode is known."""

    instrument: str
    series: str
    item: int
    value: int
    answered_at: datetime
    source: Source


@dataclass(frozen=True, slots=True)
class _Bound(Generic[V]):
    row: Row
    episode: Episode
    patient: Patient
    value: V

    def instant(self, column: str, at: datetime) -> datetime | None:
        """Return a time of the row in UTC, local ones read in the patient's zone; note what is wrong with it."""
        return _in_utc(self.row, column, at, self.patient)


@dataclass(slots=True)
class Loading:
    """One import of answers or events: who does it and where they may."""

    session: Session
    report: ImportReport
    actor: audit.Actor
    now: datetime
    site_ids: Collection[int] | None
    touched: set[int] = field(default_factory=set)

    def store_answers(self, rows: Iterable[Row]) -> None:
        """Store the answers of some rows that are new, and report what became of each."""
        bound = self._bound([(row, value) for row in rows if (value := _answer_value(row)) is not None])
        fresh = self._new_answers(bound)
        self.report.stored += len(fresh)
        importing_followup.assign(self.session, fresh)
        answers.add_all(self.session, fresh, self.now)
        importing_followup.project(self.session, fresh, self.now)
        self._refresh({answer.episode_id for answer in fresh})

    def store_events(self, rows: Iterable[Row]) -> None:
        """Record the events of some rows that are new, and report what became of each."""
        bound = self._bound([(row, value) for row in rows if (value := _event_value(row)) is not None])
        touched: set[int] = set()
        for one in bound:
            kind, on = one.value
            if not self._day_fits(one, on):
                continue
            try:
                event = ending.record(self.session, one.episode, kind, on, self.actor, self.now)
            except ending.EventError as error:
                self.report.wrong(one.row.line, "kind", str(error))
                continue
            self.report.stored += event is not None
            self.report.skipped_same += event is None
            touched |= {one.episode.id} if event is not None else set()
        self._refresh(touched)

    def _refresh(self, episode_ids: set[int]) -> None:
        self.touched |= episode_ids
        watching.refresh(self.session, sorted(episode_ids), self.now)

    def _day_fits(self, one: _Bound[tuple[EventKind, date]], on: date) -> bool:
        zone = ZoneInfo(one.patient.time_zone)
        if on > self.now.astimezone(zone).date():
            self.report.wrong(one.row.line, "on", "is in the future")
            return False
        if on < one.episode.procedure_at.astimezone(zone).date():
            self.report.doubtful(one.row.line, "on", "is before the procedure: it does not end this follow-up")
        return True

    def _bound(self, rows: Sequence[tuple[Row, V]]) -> list[_Bound[V]]:
        """Return the rows with their episodes; a row without one is reported."""
        wanted = {patients.record_index(self.session, row.text("record_id")) for row, _ in rows}
        by_record: dict[str, list[Patient]] = {}
        for index, patient in patients.numbered(self.session, wanted):
            if self.site_ids is None or patient.site_id in self.site_ids:
                by_record.setdefault(index, []).append(patient)
        known = {patient.id: patient for group in by_record.values() for patient in group}
        procedures: dict[int, list[Episode]] = {patient_id: [] for patient_id in known}
        for episode in episodes.of_patients(self.session, known):
            procedures[episode.patient_id].append(episode)
        found = []
        for row, value in rows:
            people = by_record.get(patients.record_index(self.session, row.text("record_id")), [])
            if not people:
                self.report.wrong(row.line, "record_id", "no patient has this record number")
                continue
            pair = _episode_at(row, [(patient, procedures[patient.id]) for patient in people])
            found += [_Bound(row, pair[1], pair[0], value)] if pair else []
        return found

    def _new_answers(self, bound: Sequence[_Bound[_Value]]) -> list[NewAnswer]:
        stored = self._stored({one.episode.id for one in bound})
        fresh: list[NewAnswer] = []
        for one in bound:
            at = one.instant("answered_at", one.value.answered_at)
            if at is None:
                continue
            if at > self.now:
                self.report.wrong(one.row.line, "answered_at", "is in the future")
                continue
            key = (one.episode.id, one.value.instrument, one.value.series, one.value.item, at)
            if key not in stored:
                stored[key] = one.value.value
                fresh.append(_answer(one, at, self.actor))
            elif stored[key] == one.value.value:
                self.report.skipped_same += 1
            else:
                self.report.wrong(one.row.line, "value", "another value is stored for the same question and time")
        return fresh

    def _stored(self, episode_ids: set[int]) -> dict[AnswerKey, int | None]:
        return {
            (row.episode_id, row.instrument, row.series, row.item, row.answered_at): row.value
            for row in answers.imported(self.session, episode_ids)
        }


def _episode_at(row: Row, people: Sequence[tuple[Patient, list[Episode]]]) -> tuple[Patient, Episode] | None:
    said = row.instant("procedure_at")
    if said is None:
        return None
    found = []
    for patient, procedures in people:
        at = _in_utc(row, "procedure_at", said, patient)
        found += [(patient, episode) for episode in procedures if episode.procedure_at == at]
    if len(found) == 1:
        return found[0]
    if found:
        row.report.wrong(row.line, "procedure_at", "several procedures of this record number start at that time")
    else:
        row.report.wrong(row.line, "procedure_at", "this patient has no procedure at that time")
    return None


def _in_utc(row: Row, column: str, at: datetime, patient: Patient) -> datetime | None:
    try:
        return enrolments.in_utc(at, ZoneInfo(patient.time_zone))[0]
    except ValueError as error:
        row.report.wrong(row.line, column, str(error))
        return None


def _answer_value(row: Row) -> _Value | None:
    mistakes = len(row.report.errors)
    for column in ("record_id", "procedure_at"):
        row.needed(column)
    instrument = row.needed("instrument")
    at = row.instant("answered_at") if row.needed("answered_at") else None
    source = _source(row)
    value = row.whole("value") if row.needed("value") else None
    series, item = _place(row, instrument) if instrument else ("", 0)
    _check_value(row, instrument, value)
    if len(row.report.errors) > mistakes or value is None or at is None or source is None:
        return None
    return _Value(instrument, series, item, value, at, source)


def _source(row: Row) -> Source | None:
    said = row.text("source") or Source.IMPORT.value
    if said not in set(Source):
        row.report.wrong(row.line, "source", f"{said!r} is not one of {', '.join(Source)}")
        return None
    return Source(said)


def _place(row: Row, instrument: str) -> tuple[str, int]:
    """Return the series and the item number an answer belongs to; note what is wrong."""
    item = row.text("item")
    if instrument not in _ranges():
        row.report.wrong(row.line, "instrument", f"{instrument!r} is not one of {', '.join(_ranges())}")
    elif instrument == "nrs":
        if item in SERIES:
            return item, 0
        row.report.wrong(row.line, "item", f"the item of nrs is one of {', '.join(SERIES)}, not {item!r}")
    elif _item_number(item) in _ranges()[instrument][0]:
        return "", _item_number(item) or 0
    else:
        row.report.wrong(row.line, "item", _item_sentence(instrument, item))
    return "", 0


def _ranges() -> Mapping[str, Range]:
    """Return the ranges of the shipped instruments and of those that the clinic added."""
    own = {
        key: (range(1, form.items + 1) if form.items > 1 else (0,), form.low, form.high)
        for key, form in instruments.added().instruments.items()
    }
    return {**RANGES, **own}


def _item_number(item: str) -> int | None:
    try:
        return whole_number(item) if item else 0
    except ValueError:
        return None


def _item_sentence(instrument: str, item: str) -> str:
    numbers = _ranges()[instrument][0]
    if len(numbers) == 1:
        return f"{instrument} has no items: leave the item empty, not {item!r}"
    return f"the item of {instrument} is a number from {numbers[0]} to {numbers[-1]}, not {item!r}"


def _check_value(row: Row, instrument: str, value: int | None) -> None:
    if value is None or instrument not in _ranges():
        return
    _, low, high = _ranges()[instrument]
    if not low <= value <= high:
        row.report.wrong(row.line, "value", f"{value} is outside {low}-{high}, the range of {instrument}")


def _answer(one: _Bound[_Value], at: datetime, actor: audit.Actor) -> NewAnswer:
    return NewAnswer(
        episode_id=one.episode.id,
        patient_id=one.patient.id,
        site_id=one.episode.site_id,
        occasion=answers.IMPORTED,
        instrument=one.value.instrument,
        series=one.value.series,
        item=one.value.item,
        value=one.value.value,
        answered_at=at,
        source=one.value.source,
        staff_id=actor.staff_id,
    )


def _event_value(row: Row) -> tuple[EventKind, date] | None:
    mistakes = len(row.report.errors)
    for column in ("record_id", "procedure_at"):
        row.needed(column)
    kind = row.needed("kind")
    on = row.day("on") if row.needed("on") else None
    if kind and kind not in set(EventKind):
        row.report.wrong(row.line, "kind", f"{kind!r} is not one of {', '.join(EventKind)}")
    if len(row.report.errors) > mistakes or on is None:
        return None
    return EventKind(kind), on
