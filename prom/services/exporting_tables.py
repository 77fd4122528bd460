"""The lines of each export, chunk by chunk, with what has to be looked up beside each row."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlmodel import Session

from prom.domain import timetable
from prom.domain.baselines import Baseline
from prom.services import exporting_columns as columns
from prom.services.exporting_columns import Column, Line
from prom.storage import audit, exports, messages
from prom.storage.exports import Scope
from prom.storage.models import Answer, Message, Patient
from prom.storage.vault import VaultError

SEALED = "[sealed]"


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of export: its columns, and its lines in chunks."""

    columns: tuple[Column, ...]
    lines: Callable[[Session, Scope], Iterator[list[Line]]]


def _lines_of(chunk: Sequence[Any], numbers: Mapping[int, int]) -> list[Line]:
    return [Line(row, numbers.get(row.episode_id)) for row in chunk]


def _with_patients(session: Session, lines: list[Line]) -> list[Line]:
    found = exports.patients(session, {line.row.patient_id for line in lines})
    for line in lines:
        line.patient = found.get(line.row.patient_id)
    return lines


def _episode_lines(session: Session, scope: Scope) -> Iterator[list[Line]]:
    numbers = exports.episode_numbers(session)
    for chunk in exports.episodes(session, scope):
        lines = _with_patients(session, _lines_of(chunk, numbers))
        before = exports.baselines(session, {row.episode_id for row in chunk})
        agreed = exports.texted_since(session, {row.patient_id for row in chunk})
        for line in lines:
            line.more = _baseline(line, before.get(line.row.episode_id, []))
            line.more["consent_at"] = agreed.get(line.row.patient_id)
            line.more["texts"] = line.row.patient_id in agreed
        yield lines


def _baseline(line: Line, answers: Sequence[Answer]) -> dict[str, Any]:
    scores = [
        row.value
        for row in answers
        if (row.instrument, row.series) == ("nrs", "average_24h")
        and timetable.in_baseline(line.row.procedure_at, row.answered_at, line.row.time_zone)
    ]
    mean = Baseline.of(scores)
    items = {f"csi_{row.item}": row.value for row in answers if row.instrument == "csi"}
    return {
        **items,
        "baseline_nrs": None if mean is None else round(float(mean.mean), 4),
        "baseline_answers": 0 if mean is None else mean.count,
    }


def _answer_lines(session: Session, scope: Scope) -> Iterator[list[Line]]:
    numbers = exports.episode_numbers(session)
    for chunk in exports.answers(session, scope):
        yield _with_patients(session, _lines_of(chunk, numbers))


def _outcome_lines(session: Session, scope: Scope) -> Iterator[list[Line]]:
    numbers = exports.episode_numbers(session)
    for chunk in exports.outcomes(session, scope):
        lines = _with_patients(session, _lines_of(chunk, numbers))
        for line in lines:
            line.more = _verdict(json.loads(line.row.fields))
        yield lines


def _verdict(fields: dict[str, Any]) -> dict[str, Any]:
    left, right = fields.get("loss_interval") or (None, None)
    flares = " ".join(str(day) for day in fields.get("flares", []))
    return fields | {"loss_left": left, "loss_right": right, "flares": flares}


def _message_lines(session: Session, scope: Scope) -> Iterator[list[Line]]:
    numbers = exports.episode_numbers(session)
    for chunk in exports.messages(session, scope):
        lines = _with_patients(session, _lines_of(chunk, numbers))
        for line in lines:
            # Opened only when the identified columns are read.
            line.more = _Sealed(session, line.row.message_id)
        yield lines


class _Sealed(dict[str, Any]):
    """The sealed fields of a text, opened when they are asked for."""

    def __init__(self, session: Session, message_id: int) -> None:
        super().__init__()
        self._session, self._id = session, message_id

    def get(self, name: str, default: Any = None) -> Any:
        message = self._session.get_one(Message, self._id)
        return (messages.body if name == "body" else messages.phone)(self._session, message) or default


def _audit_lines(session: Session, scope: Scope) -> Iterator[list[Line]]:
    for chunk in exports.audit(session, scope):
        lines = [Line(row) for row in chunk]
        for kind in {row.Audit.object_kind for row in chunk if row.Audit.old_sealed or row.Audit.new_sealed}:
            ids = {row.Audit.object_id for row in chunk if row.Audit.object_kind == kind}
            owners = exports.owners(session, kind, ids)
            for line in lines:
                if line.row.Audit.object_kind == kind:
                    line.more = _opened(session, line.row.Audit, owners)
        yield lines


def _opened(session: Session, entry: Any, owners: Mapping[str, Patient]) -> dict[str, Any]:
    patient = owners.get(entry.object_id)
    try:
        return {
            "old": audit.value(session, patient, entry, entry.old_sealed),
            "new": audit.value(session, patient, entry, entry.new_sealed),
        }
    except (VaultError, UnicodeDecodeError):
        # The patient was erased, or the row belongs to nobody: the entry stays, its values stay closed.
        return {"old": SEALED, "new": SEALED}


TABLES: Mapping[str, Table] = MappingProxyType(
    {
        "episodes": Table(columns.EPISODES, _episode_lines),
        "answers": Table(columns.ANSWERS, _answer_lines),
        "outcomes": Table(columns.OUTCOMES, _outcome_lines),
        "messages": Table(columns.MESSAGES, _message_lines),
        "audit": Table(columns.AUDIT, _audit_lines),
    }
)
