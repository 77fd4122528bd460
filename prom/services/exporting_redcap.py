"""Episodes and answers as REDCap records, and the data dictionary of the project they are imported into.

The project is longitudinal with one arm. A record is one procedure (study number and number of the procedure). Its
events have unique names: `baseline_arm_1`, then one a time point, as `d14_arm_1`; answers outside every window, and a
second answer to one question in one window, are repeats of `unscheduled_arm_1`.

Sources:
    Names follow what REDCap itself makes of a dictionary: small letters, digits and single underscores, a letter first
    and no underscore last; `<form>_complete` and names that begin with `redcap_` are REDCap's own. A unique event name
    has at most 18 signs before `_arm_1`.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlmodel import Session

from prom.domain import instruments, procedures
from prom.services.exporting_columns import Column, Line, Value
from prom.services.exporting_tables import TABLES
from prom.storage import answers, exports
from prom.storage.exports import Scope
from prom.storage.models import AnswerState

KINDS = ("episodes", "answers")
BASELINE, UNSCHEDULED, ARM = "baseline", "unscheduled", "arm_1"
KEYS = ("record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")
EVENTS_HEADER = ("event_name", "arm_num", "day_offset", "offset_min", "offset_max", "unique_event_name")
MAPPING_HEADER = ("arm_num", "unique_event_name", "form")
REPEATING_HEADER = ("event_name", "form_name", "custom_form_label")
LONGEST_EVENT = 18
DICTIONARY_HEADER = (
    "Variable / Field Name",
    "Form Name",
    "Section Header",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
    "Field Note",
    "Text Validation Type OR Show Slider Number",
    "Text Validation Min",
    "Text Validation Max",
    "Identifier?",
    "Branching Logic (Show field only if...)",
    "Required Field?",
    "Custom Alignment",
    "Question Number (surveys only)",
    "Matrix Group Name",
    "Matrix Ranking?",
    "Field Annotation",
)


@dataclass(frozen=True, slots=True)
class Score:
    """One field of the answers form: its name, label and range."""

    name: str
    label: str
    low: int
    high: int


SCORES = (
    Score("nrs_average", "Average pain in the last 24 hours", 0, 10),
    Score("nrs_current", "Pain now", 0, 10),
    *(Score(f"csi_{number:02d}", f"CSI item {number}", 0, 4) for number in range(1, instruments.CSI_ITEMS + 1)),
    Score("csi_total", "CSI total without items", 0, 100),
    Score("pgic", "Global impression of change, 1 best to 7 worst", 1, 7),
    Score("relief_percent", "Relief in percent as stated", 0, 100),
    *(Score(f"peg_{number}", f"PEG item {number}", 0, 10) for number in (1, 2, 3)),
)


def scores() -> tuple[Score, ...]:
    """Return the fields of the answers form: those of the shipped instruments, then of those that the clinic added."""
    return (*SCORES, *_own_scores().values())


def _own_scores() -> dict[tuple[str, int], Score]:
    """Return the fields of the questionnaires that the clinic added, by key and item."""
    taken = {score.name for score in SCORES} | _RESERVED
    found: dict[tuple[str, int], Score] = {}
    for key, form in instruments.added().instruments.items():
        for item in range(1, form.items + 1):
            name = _free(f"{key}_{item}" if form.items > 1 else key, taken)
            taken.add(name)
            found[key, item] = Score(name, f"{form.name} {item}" if form.items > 1 else form.name, form.low, form.high)
    return found


def _free(name: str, taken: Collection[str]) -> str:
    """Return a field's name as REDCap would make it, with `own_` before it where another field has that name."""
    name = re.sub("__+", "_", name).strip("_")
    while name in taken or name.startswith(("redcap_", "p_")):
        name = f"own_{name}"
    return name


# Names that other fields have, or that REDCap keeps for itself.
_RESERVED = frozenset({"record_id", "day", "procedure_complete", "answers_complete"})
# What the baseline record says of a procedure; the answers have a form of their own.
_LEFT_OUT = frozenset({"study_id", "episode", "record_id", *(f"csi_{number:02d}" for number in range(1, 26))})


def columns(identified: bool) -> list[Column]:
    """Return the columns of the procedure form."""
    every = TABLES["episodes"].columns
    kept = [column for column in every if identified or not column.identifying]
    return [
        Column(f"p_{one.name}", one.meaning, one.read, one.identifying) for one in kept if one.name not in _LEFT_OUT
    ]


def header(what: str, identified: bool) -> list[str]:
    """Return the header of a file of records."""
    if what == "episodes":
        return [*KEYS[:2], *(column.name for column in columns(identified))]
    return [*KEYS, "day", *(score.name for score in scores())]


def records(session: Session, what: str, identified: bool, scope: Scope) -> Iterator[list[Value]]:
    """Yield the records of an export, in the order of the header."""
    if what == "episodes":
        return _procedures(session, identified, scope)
    return _answers(session, scope)


def _procedures(session: Session, identified: bool, scope: Scope) -> Iterator[list[Value]]:
    shown = columns(identified)
    for lines in TABLES["episodes"].lines(session, scope):
        for line in lines:
            yield [_record(line), _event(BASELINE), *(column.read(session, line) for column in shown)]


def _answers(session: Session, scope: Scope) -> Iterator[list[Value]]:
    every = (line for lines in TABLES["answers"].lines(session, scope) for line in lines)
    current = (line for line in every if line.row.state is AnswerState.CURRENT)
    for record, lines in groupby(current, key=_record):
        yield from _events(record, list(lines))


def _events(record: str, lines: Sequence[Line]) -> Iterator[list[Value]]:
    """Yield one record for each event of a procedure; a question answered twice in one event goes to a repeat."""
    groups: dict[tuple[str, int | None, int], dict[str, Value]] = {}
    names = {key: score.name for key, score in _own_scores().items()}
    for line in lines:
        field, day, point = _field(line, names), line.day(line.row.answered_at), _time_point(line)
        if point != UNSCHEDULED and field not in groups.setdefault((point, None, 0), {"day": day}):
            groups[point, None, 0][field] = line.row.value
            continue
        again = 0
        while field in groups.setdefault((UNSCHEDULED, day, again), {"day": day}):
            again += 1
        groups[UNSCHEDULED, day, again][field] = line.row.value
    repeat = 0
    for (point, *_), values in groups.items():
        repeat += point == UNSCHEDULED
        instance = repeat if point == UNSCHEDULED else None
        yield [record, _event(point), None, instance, values["day"], *(values.get(one.name) for one in scores())]


def _record(line: Line) -> str:
    return f"{line.row.study_id}-{line.number}"


def _time_point(line: Line) -> str:
    """Return the time point an answer belongs to; one that was imported has it from its prompt, if any."""
    row = line.row
    if row.occasion not in {BASELINE, answers.IMPORTED}:
        return str(row.occasion)
    if row.time_point:
        return str(row.time_point)
    return BASELINE if row.answered_at <= row.procedure_at else UNSCHEDULED


def _event(point: str) -> str:
    """Return the unique event name of a time point, as REDCap makes it from the event's name."""
    return f"{_event_name(point)}_{ARM}"


def _event_name(point: str) -> str:
    """Return the name of a time point's event: small letters, digits and underscores."""
    return point.replace("-", "_minus_").replace("+", "_plus_").replace(".", "_")[:LONGEST_EVENT]


def events(session: Session, site_ids: Collection[int] | None) -> Iterator[Sequence[Value]]:
    """Yield the events to upload in the project's set-up, their header first."""
    yield EVENTS_HEADER
    for offset, point in enumerate(_points(session, site_ids)):
        yield [_event_name(point), 1, offset, 0, 0, _event(point)]


def mapping(session: Session, site_ids: Collection[int] | None) -> Iterator[Sequence[Value]]:
    """Yield which form belongs to which event, the header first: the procedure form to the baseline only."""
    yield MAPPING_HEADER
    yield [1, _event(BASELINE), "procedure"]
    for point in _points(session, site_ids):
        yield [1, _event(point), "answers"]


def repeating() -> Iterator[Sequence[Value]]:
    """Yield the events that repeat as a whole, the header first: no form is named, so all of the event's do."""
    yield REPEATING_HEADER
    yield [_event(UNSCHEDULED), "", ""]


def _points(session: Session, site_ids: Collection[int] | None) -> list[str]:
    """Return the time points in the order of their time after the procedure."""
    between = sorted(exports.time_points(session, site_ids) - {BASELINE, UNSCHEDULED}, key=procedures.hours_after)
    return [BASELINE, *between, UNSCHEDULED]


def _field(line: Line, own: Mapping[tuple[str, int], str]) -> str:
    row = line.row
    if (row.instrument, row.item or 1) in own:
        return own[row.instrument, row.item or 1]
    if row.instrument == "nrs":
        return "nrs_average" if row.series == "average_24h" else "nrs_current"
    if row.instrument == "csi":
        return f"csi_{row.item:02d}"
    return f"{row.instrument}_{row.item}" if row.item else str(row.instrument)


def dictionary(identified: bool) -> Iterator[list[Value]]:
    """Yield the data dictionary, its header first."""
    yield list(DICTIONARY_HEADER)
    yield _entry("record_id", "procedure", "Record: study number and number of the procedure")
    for column in columns(identified):
        yield _entry(column.name, "procedure", column.meaning, identifier="y" if column.identifying else "")
    yield _entry("day", "answers", "Calendar days since the procedure", kind="integer")
    for score in scores():
        yield _entry(score.name, "answers", score.label, kind="integer", low=score.low, high=score.high)


def _entry(
    name: str,
    form: str,
    label: str,
    *,
    kind: str = "",
    low: int | None = None,
    high: int | None = None,
    identifier: str = "",
) -> list[Value]:
    return [name, form, "", "text", label, "", "", kind, low, high, identifier, *[""] * 7]
