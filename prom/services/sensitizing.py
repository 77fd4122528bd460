"""Keep the baseline sensitization record of a procedure: what was looked for before it, and how the procedure was done.

The record says what was found *before* the procedure. After it, only findings of a day before may still be copied in,
by a clinician and with that day: each such field is flagged. What is recorded already is changed with a reason only,
and every change leaves an audit row of its own, so that each field has its history.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

from sqlmodel import Session

from prom.domain import sensitization, timetable
from prom.domain.sensitization import NotDone, Sign, YesNo
from prom.services import enrolments, watching
from prom.services import sensitizing_csi as csi
from prom.services.sensitizing_csi import CsiGiven
from prom.storage import audit, episodes
from prom.storage.models import Audit, Episode, EpisodeState, Patient, Sensitization

NOT_DONE = NotDone.NOT_DONE.value
SIGNS = ("brush_allodynia", "pinprick_hyperalgesia", "static_pressure", "cold_heat", "after_sensation")
TESTING = ("ppt_site_kpa", "ppt_remote_kpa", "temporal_summation", "conditioned_modulation")
FORMS = ("widespread_pain", "symptom_severity", "paindetect", "dn4", "phq4")
FINDINGS = (*SIGNS, *TESTING, *FORMS, "opioids")
# Facts of the procedure itself: known on the day, and right whenever they are written down.
FACTS = ("indication", "technique", "image_guidance")
CHOICES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(SIGNS, tuple(Sign)),
    "opioids": tuple(YesNo),
    "indication": tuple(key for key in enrolments.INDICATIONS if key),
    "image_guidance": ("fluoroscopy", "ultrasound", "ct", "none"),
}
# Columns that hold "not done" themselves; of the others the record's list alone says it.
SAYS_NOT_DONE = frozenset({*SIGNS, "opioids", "image_guidance"})
CSI = "csi"
LONGEST_TECHNIQUE = 60
LONGEST_REASON = 120
# Older findings say little about the pain that was treated.
OLDEST_DAYS = 365
ACTION = "sensitization recorded"
LATE = "copied after the procedure"


class Wrong(StrEnum):
    """Why something typed is refused; the page has the words."""

    RANGE = "range"
    WHOLE = "whole"
    CHOICE = "choice"
    LONG = "long"
    REASON = "reason"
    DAY = "day"
    DAY_NEEDED = "day_needed"
    DAY_AFTER = "day_after"
    DAY_OLD = "day_old"
    DAY_FUTURE = "day_future"
    DIGITS = "digits"
    TWO_WAYS = "two_ways"
    ITEMS_KNOWN = "items_known"
    CSI_KNOWN = "csi_known"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Problem:
    """One refused field."""

    field: str
    wrong: Wrong


class RefusedError(ValueError):
    """A record that cannot be stored as typed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(", ".join(f"{one.field}: {one.wrong}" for one in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Given:
    """What was typed: field by field (empty: not recorded, `not_done`), the CSI, the day it was found, and a reason."""

    values: Mapping[str, str]
    csi: CsiGiven = field(default_factory=CsiGiven)
    found_on: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """The fields that were changed; none when all was recorded already."""

    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a field's history."""

    entry: Audit
    old: str
    new: str


def is_late(episode: Episode, zone: str, now: datetime) -> bool:
    """Tell whether the procedure is over: what is recorded from then on was not recorded before it."""
    if episode.state is EpisodeState.DONE:
        return now > episode.procedure_at
    return timetable.relief_day(episode.procedure_at, now, zone) > 0


def recorded(session: Session, episode: Episode) -> dict[str, str]:
    """Return what is recorded, as it would be typed: empty where nothing is, `not_done` where that was said."""
    record = episodes.sensitization(session, episode.id)
    held = dict.fromkeys((*FINDINGS, *FACTS, CSI), "") | {"indication": episode.indication}
    if record is None:
        return held
    for name in (*FINDINGS, *FACTS[1:]):
        held[name] = _typed(getattr(record, name))
    for name in record.not_done.split():
        held[name] = held.get(name) or NOT_DONE
    return held


def _typed(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)


def save(
    session: Session, episode: Episode, given: Given, actor: audit.Actor, now: datetime, *, may_copy: bool
) -> Stored:
    """Store what was typed, or raise RefusedError; `may_copy` allows findings from before to be copied in later."""
    patient = episodes.patient_of(session, episode)
    held = recorded(session, episode)
    wanted, problems = _checked(given.values)
    changed = tuple(name for name in wanted if wanted[name] != held[name])
    answers = csi.wanted(session, episode, given.csi)
    problems += [Problem(name, Wrong(wrong)) for name, wrong in answers.problems]
    late = is_late(episode, patient.time_zone, now)
    found = [name for name in changed if name not in FACTS] + ([CSI] if answers.changes else [])
    day, wrong_day = _day(given.found_on, episode, patient.time_zone, now, needed=bool(late and found))
    problems += wrong_day
    if late and found and not may_copy:
        problems.append(Problem(found[0], Wrong.OVER))
    if wanted.get(CSI) == NOT_DONE and answers.answered:
        problems.append(Problem(CSI, Wrong.CSI_KNOWN))
    replaced = [name for name in changed if held[name] not in {"", NOT_DONE}] or answers.corrects
    if (replaced and not given.reason.strip()) or len(given.reason.strip()) > LONGEST_REASON:
        problems.append(Problem("reason", Wrong.LONG if given.reason.strip() else Wrong.REASON))
    if problems:
        raise RefusedError(problems)
    reason = "; ".join(filter(None, [_late_words(day) if late and found else "", given.reason.strip()]))
    _store(session, episode, patient, {name: wanted[name] for name in changed}, held, reason, actor, now)
    if answers.changes:
        at = _answered_at(day, episode, patient.time_zone, now)
        csi.store(session, episode, answers, at, reason or given.reason, actor, now)
        watching.score_baseline(session, episode.id, now)
        _unmark(session, episode, patient, actor, now)
    return Stored((*changed, *([CSI] if answers.changes else [])))


def _checked(values: Mapping[str, str]) -> tuple[dict[str, str], list[Problem]]:
    """Return the typed fields as they are kept, and what is wrong with the others."""
    wanted, problems = {}, []
    for name in (*FINDINGS, *FACTS, CSI):
        if name not in values:
            continue
        text = " ".join(values[name].split())
        wrong = None if text in {"", NOT_DONE} else _wrong(name, text)
        if wrong is not None:
            problems.append(Problem(name, wrong))
        else:
            wanted[name] = _kept(name, text)
    return wanted, problems


def _wrong(name: str, text: str) -> Wrong | None:
    if name in sensitization.RANGES:
        try:
            sensitization.number(name, text)
        except ValueError:
            return Wrong.WHOLE if name in sensitization.WHOLE else Wrong.RANGE
        return None
    if name == "technique":
        return Wrong.LONG if len(text) > LONGEST_TECHNIQUE else None
    return None if text in CHOICES.get(name, ()) else Wrong.CHOICE


def _kept(name: str, text: str) -> str:
    if name in sensitization.RANGES and text not in {"", NOT_DONE}:
        return _typed(sensitization.number(name, text))
    return text


def _day(text: str, episode: Episode, zone: str, now: datetime, *, needed: bool) -> tuple[date | None, list[Problem]]:
    """Return the day of the findings, and what is wrong with it: it lies before the procedure, or on its day."""
    if not text.strip():
        return None, [Problem("found_on", Wrong.DAY_NEEDED)] if needed else []
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return None, [Problem("found_on", Wrong.DAY)]
    procedure = timetable.local(episode.procedure_at, zone).date()
    wrong = None
    if day > timetable.local(now, zone).date():
        wrong = Wrong.DAY_FUTURE
    elif day > procedure:
        wrong = Wrong.DAY_AFTER
    elif (procedure - day).days > OLDEST_DAYS:
        wrong = Wrong.DAY_OLD
    return day, [Problem("found_on", wrong)] if wrong else []


def _late_words(day: date | None) -> str:
    return f"{LATE}, found on {day.isoformat()}" if day is not None else LATE


def _answered_at(day: date | None, episode: Episode, zone: str, now: datetime) -> datetime:
    """Return when a form was filled in: at noon of its day, before the procedure and not in the future."""
    if day is None:
        return min(now, episode.procedure_at)
    noon = timetable.instant_of(datetime.combine(day, datetime.min.time().replace(hour=12)), zone).astimezone(UTC)
    return min(noon, episode.procedure_at, now)


def _store(
    session: Session,
    episode: Episode,
    patient: Patient,
    wanted: Mapping[str, str],
    held: Mapping[str, str],
    reason: str,
    actor: audit.Actor,
    now: datetime,
) -> None:
    if not wanted:
        return
    record = episodes.sensitization(session, episode.id) or Sensitization(episode_id=episode.id, recorded_at=now)
    not_done = set(record.not_done.split())
    for name, text in wanted.items():
        (not_done.add if text == NOT_DONE else not_done.discard)(name)
        _put(record, episode, name, text if text != NOT_DONE or name in SAYS_NOT_DONE else "")
        change = audit.Change(name, held[name], text or "removed")
        audit.record(session, actor, ACTION, episode, now, patient=patient, change=change, reason=reason)
    record.not_done = " ".join(sorted(not_done))
    session.add_all([record, episode])
    session.flush()


def _put(record: Sensitization, episode: Episode, name: str, text: str) -> None:
    if name == "indication":
        episode.indication = text
    elif name in sensitization.RANGES:
        value = sensitization.number(name, text) if text else None
        setattr(record, name, int(value) if value is not None and name in sensitization.WHOLE else value)
    elif name != CSI:
        setattr(record, name, text)


def _unmark(session: Session, episode: Episode, patient: Patient, actor: audit.Actor, now: datetime) -> None:
    """Take back "not done" of a questionnaire that has answers now."""
    record = episodes.sensitization(session, episode.id)
    if record is not None and CSI in record.not_done.split():
        record.not_done = " ".join(name for name in record.not_done.split() if name != CSI)
        session.add(record)
        change = audit.Change(CSI, NOT_DONE, "answered")
        audit.record(session, actor, ACTION, episode, now, patient=patient, change=change)


def histories(session: Session, episode: Episode) -> dict[str, list[Entry]]:
    """Return what became of each field, the newest first."""
    patient = episodes.patient_of(session, episode)
    found: dict[str, list[Entry]] = {}
    for entry in audit.history(session, "episode", episode.public_id):
        if entry.action == ACTION:
            old, new = (audit.value(session, patient, entry, sealed) for sealed in (entry.old_sealed, entry.new_sealed))
            found.setdefault(entry.field, []).append(Entry(entry, old, new))
    return found


def copied_late(histories_of: Mapping[str, Sequence[Entry]]) -> tuple[str, ...]:
    """Return the fields whose present value was copied in after the procedure."""
    return tuple(name for name, lines in histories_of.items() if lines[0].entry.reason.startswith(LATE))
