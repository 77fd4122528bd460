"""The Central Sensitization Inventory of the baseline, typed from paper: item by item, 25 digits at once, or a total.

Items answered on the secure page or by sheet are shown with their source and stay; changing one is a correction.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from prom.domain import scoring
from prom.storage import answers, audit, relief_rows
from prom.storage.models import Answer, AnswerState, Episode, Patient, Source

ITEMS = range(1, scoring.CSI.items + 1)
BASELINE = "baseline"
RULE = "typed from paper"
_OPEN_SIGNS = frozenset("Xx-_.")
_GAPS = re.compile(r"[\s,;/|]+")


@dataclass(frozen=True, slots=True)
class CsiGiven:
    """What was typed: items by number (empty: left open), 25 signs at once, or a total alone."""

    items: Mapping[int, str] = field(default_factory=dict)
    digits: str = ""
    total: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What typing changes: values by (instrument, item), those that replace an answer, and what is wrong."""

    changes: Mapping[tuple[str, int], int | None]
    held: Mapping[tuple[str, int], Answer]
    problems: tuple[tuple[str, str], ...] = ()

    @property
    def corrects(self) -> list[str]:
        """Return the names of the fields whose answer is replaced."""
        return [field_of(*slot) for slot in self.changes if slot in self.held and self.held[slot].value is not None]

    @property
    def answered(self) -> bool:
        """Return whether there is any answer, in force or typed."""
        return any(row.value is not None for row in self.held.values()) or bool(self.changes)


def field_of(instrument: str, item: int) -> str:
    """Return the name of the field of an item, or of the total."""
    return "csi_total" if instrument == "csi_total" else f"csi_{item:02d}"


def held(session: Session, episode: Episode) -> dict[tuple[str, int], Answer]:
    """Return the answers in force from before the procedure, by (instrument, item)."""
    return {(row.instrument, row.item): row for row in relief_rows.baseline_csi(session, episode.id)}


def wanted(session: Session, episode: Episode, given: CsiGiven) -> Wanted:
    """Return what was typed as changes of what is in force."""
    known = held(session, episode)
    if given.digits.strip() and given.total.strip():
        return Wanted({}, known, (("csi_total", "two_ways"),))
    if given.digits.strip():
        return _sheet(given.digits, known)
    if given.total.strip():
        return _total(given.total, known)
    return _items(given.items, known)


def _sheet(text: str, known: Mapping[tuple[str, int], Answer]) -> Wanted:
    """Read 25 signs, 0 to 4 or X for an item left open; gaps between them do not matter."""
    signs = _GAPS.sub("", unicodedata.normalize("NFKC", text))
    values = [None if sign in _OPEN_SIGNS else _digit(sign) for sign in signs]
    if len(signs) != len(ITEMS) or -1 in values:
        return Wanted({}, known, (("csi_digits", "digits"),))
    return Wanted(_changes(dict(zip(ITEMS, values, strict=True)), known), known)


def _digit(sign: str) -> int:
    """Return the value of a sign, -1 when it is none: the digits of Indic scripts count as ours do."""
    value = unicodedata.decimal(sign, -1)
    return value if scoring.CSI.low <= value <= scoring.CSI.high else -1


def _total(text: str, known: Mapping[tuple[str, int], Answer]) -> Wanted:
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain.isdecimal() or not 0 <= int(plain) <= scoring.CSI.highest_total:
        return Wanted({}, known, (("csi_total", "whole"),))
    if any(instrument == "csi" and row.value is not None for (instrument, _), row in known.items()):
        return Wanted({}, known, (("csi_total", "items_known"),))
    slot = ("csi_total", 0)
    same = slot in known and known[slot].value == int(plain)
    return Wanted({} if same else {slot: int(plain)}, known)


def _items(items: Mapping[int, str], known: Mapping[tuple[str, int], Answer]) -> Wanted:
    values: dict[int, int | None] = {}
    problems = []
    for number, text in items.items():
        plain = text.strip()
        value = None if not plain else _digit(plain) if len(plain) == 1 else -1
        if value == -1:
            problems.append((field_of("csi", number), "whole"))
        elif value is not None or ("csi", number) in known:
            values[number] = value
    return Wanted(_changes(values, known), known, tuple(problems))


def _changes(
    values: Mapping[int, int | None], known: Mapping[tuple[str, int], Answer]
) -> dict[tuple[str, int], int | None]:
    found: dict[tuple[str, int], int | None] = {}
    for number, value in values.items():
        row = known.get(("csi", number))
        if row is None or row.value != value:
            found["csi", number] = value
    return found


def store(
    session: Session, episode: Episode, typed: Wanted, at: datetime, reason: str, actor: audit.Actor, now: datetime
) -> None:
    """Store the changes as answers of the clinic; an answer that is replaced stays in its history."""
    patient = session.get_one(Patient, episode.patient_id)
    standing = relief_rows.baseline_csi(session, episode.id)
    for (instrument, item), value in typed.changes.items():
        same = [row for row in standing if (row.instrument, row.item) == (instrument, item)]
        replaced = _replaced(session, same, reason)
        row = answers.add(
            session,
            episode,
            occasion=BASELINE,
            instrument=instrument,
            item=item,
            value=value,
            answered_at=at,
            now=now,
            source=Source.CLINIC,
            staff_id=actor.staff_id,
            rule=RULE,
            replaces=replaced,
        )
        old = "" if replaced is None else str(replaced.value)
        change = audit.Change(f"{instrument} {item}".strip(), old, str(value))
        action = "answer_stored" if replaced is None else "answer_corrected"
        audit.record(session, actor, action, row, now, patient=patient, change=change, reason=reason)


def _replaced(session: Session, standing: Sequence[Answer], reason: str) -> Answer | None:
    """Take every answer in force to an item out of the count and return the last one."""
    for row in standing:
        answers.supersede(session, row, AnswerState.CORRECTED, reason or RULE)
    return standing[-1] if standing else None
