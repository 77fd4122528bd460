"""What an export holds: the columns of each table, their meaning, and which of them name a person or a date.

Without names (the default) a row carries the study number, the number of the procedure among the patient's, and days
since the procedure; everything marked `identifying` is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from prom.domain import instruments, scoring, timetable
from prom.storage import patients
from prom.storage.models import Patient

Value = str | int | float | bool | None
OLDEST_SHOWN = 90


@dataclass(slots=True)
class Line:
    """One row to export with what is looked up beside it."""

    row: Any
    number: int | None = None
    patient: Patient | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def day(self, at: datetime | None) -> int | None:
        """Return the calendar days from the procedure's date to an instant's, in the patient's zone."""
        if at is None or self.row.procedure_at is None:
            return None
        return timetable.relief_day(self.row.procedure_at, at, self.row.time_zone)

    def local(self, at: datetime | None) -> str | None:
        """Return an instant as ISO 8601 with the offset of the patient's zone."""
        if at is None:
            return None
        return timetable.local(at, self.row.time_zone or "UTC").isoformat(timespec="seconds")


Reader = Callable[[Session, Line], Value]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, what it means (with unit or codes), how it is read, and whether it names or dates."""

    name: str
    meaning: str
    read: Reader
    identifying: bool = False


def _plain(name: str) -> Reader:
    return lambda _, line: getattr(line.row, name)


def _more(name: str) -> Reader:
    return lambda _, line: line.more.get(name)


def _of_patient(read: Callable[[Session, Patient], str | None]) -> Reader:
    return lambda session, line: read(session, line.patient) if line.patient is not None else None


def _day(name: str) -> Reader:
    return lambda _, line: line.day(getattr(line.row, name))


def _local(name: str) -> Reader:
    return lambda _, line: line.local(getattr(line.row, name))


def _age(_: Session, line: Line) -> int | None:
    if line.row.birth_year is None:
        return None
    year = timetable.local(line.row.procedure_at, line.row.time_zone).year
    return min(OLDEST_SHOWN, int(year - line.row.birth_year))


def _csi_total(_: Session, line: Line) -> int | None:
    return line.row.csi_min if line.row.csi_min == line.row.csi_max else None


def _csi_band(_: Session, line: Line) -> str | None:
    if line.row.csi_min is None:
        return None
    low, high = scoring.csi_band(line.row.csi_min), scoring.csi_band(line.row.csi_max)
    return low if low == high else None


def _hours(_: Session, line: Line) -> float | None:
    if line.row.series != "current":
        return None
    hours: float = round((line.row.answered_at - line.row.procedure_at).total_seconds() / 3600, 2)
    return hours


_WHO = (
    Column("study_id", "random number of the patient in this database", _plain("study_id")),
    Column("episode", "number of the procedure among the patient's, 1 for the earliest", lambda _, line: line.number),
)
_PERSON = (
    Column("record_id", "record number of the clinic", _of_patient(patients.record_number), identifying=True),
    Column("site", "short name of the site", _plain("site"), identifying=True),
)
_PROCEDURE_AT = Column(
    "procedure_at", "start of the procedure, local time with offset", _local("procedure_at"), identifying=True
)
_CSI = (
    Column(
        "csi_answered", "CSI items answered before the procedure, 0-25; empty for a total only", _plain("csi_answered")
    ),
    Column("csi_min", "lowest possible CSI total, 0-100", _plain("csi_min")),
    Column("csi_max", "highest possible CSI total, 0-100", _plain("csi_max")),
    Column("csi_total", "CSI total when it is certain, 0-100", _csi_total),
    Column("csi_band", "subclinical, mild, moderate, severe or extreme, when certain", _csi_band),
)
_CSI_ITEMS = tuple(
    Column(
        f"csi_{number:02d}", f"CSI item {number}: 0 never to 4 always, empty if not answered", _more(f"csi_{number}")
    )
    for number in range(1, instruments.CSI_ITEMS + 1)
)

_SIGN = "none, site (at the site), beyond (beyond it), not_done, or empty when not recorded"
_RECORD = (
    Column("brush_allodynia", f"dynamic brush allodynia: {_SIGN}", _plain("brush_allodynia")),
    Column("pinprick_hyperalgesia", f"pinprick hyperalgesia: {_SIGN}", _plain("pinprick_hyperalgesia")),
    Column("static_pressure", f"pain on static pressure: {_SIGN}", _plain("static_pressure")),
    Column("cold_heat", f"cold or heat hyperalgesia: {_SIGN}", _plain("cold_heat")),
    Column("after_sensation", f"after-sensation: {_SIGN}", _plain("after_sensation")),
    Column("ppt_site_kpa", "pressure pain threshold at the site, kPa", _plain("ppt_site_kpa")),
    Column("ppt_remote_kpa", "pressure pain threshold at a remote place, kPa", _plain("ppt_remote_kpa")),
    Column("temporal_summation", "temporal summation, points of pain gained", _plain("temporal_summation")),
    Column("conditioned_modulation", "conditioned pain modulation, percent", _plain("conditioned_modulation")),
    Column("widespread_pain", "widespread pain index, 0-19", _plain("widespread_pain")),
    Column("symptom_severity", "symptom severity scale, 0-12", _plain("symptom_severity")),
    Column("paindetect", "painDETECT, 0-38", _plain("paindetect")),
    Column("dn4", "DN4, 0-10", _plain("dn4")),
    Column("phq4", "PHQ-4, 0-12", _plain("phq4")),
    Column("opioids", "opioid use before: yes, no, not_done or empty", _plain("opioids")),
    Column("technique", "technique as written", _plain("technique")),
    Column("image_guidance", "image guidance", _plain("image_guidance")),
    Column("not_done", "parts of the record marked as not done, space separated", _plain("not_done")),
)

EPISODES = (
    *_WHO,
    *_PERSON,
    Column("first_name", "first name", _of_patient(patients.first_name), identifying=True),
    Column("last_name", "last name", _of_patient(patients.last_name), identifying=True),
    Column("phone", "phone in E.164", _of_patient(patients.phone), identifying=True),
    Column("language", "language of the texts", _plain("language")),
    Column("time_zone", "time zone of the patient", _plain("time_zone"), identifying=True),
    Column("birth_year", "year of birth", _plain("birth_year"), identifying=True),
    Column("age", f"age in years at the procedure; {OLDEST_SHOWN} stands for all older ages", _age),
    Column("sex", "F, M or X; empty if not told", _plain("sex")),
    Column("procedure", "procedure key", _plain("procedure")),
    Column("target", "target as written", _plain("target")),
    Column("side", "left, right, both, midline or empty", _plain("side")),
    Column("level", "level as written", _plain("level")),
    Column("indication", "osteoarthritis, spinal, neuropathic, crps, other or empty", _plain("indication")),
    Column("state", "planned, done or cancelled", _plain("episode_state")),
    _PROCEDURE_AT,
    Column("baseline_nrs", "mean average pain of 24 h in the 14 days before, 0-10", _more("baseline_nrs")),
    Column("baseline_answers", "number of answers in that mean", _more("baseline_answers")),
    *_CSI,
    *_CSI_ITEMS,
    *_RECORD,
    Column("texts", "yes if the patient agrees to texts", _more("texts")),
    Column(
        "consent_sms_at", "when texts were agreed to", lambda _, line: line.local(line.more.get("consent_at")), True
    ),
)

ANSWERS = (
    *_WHO,
    *_PERSON,
    _PROCEDURE_AT,
    Column("procedure", "procedure key", _plain("procedure")),
    Column("occasion", "baseline, a time point such as d14, or import", _plain("occasion")),
    Column("instrument", "nrs, csi, csi_total, pgic, relief_percent or peg", _plain("instrument")),
    Column("series", "recall period of a pain score: average_24h or current", _plain("series")),
    Column("item", "item number, 0 for an instrument of one item", _plain("item")),
    Column("value", "answer as a whole number; empty if the item was skipped", _plain("value")),
    Column("state", "current, corrected, struck or second; only current ones count", _plain("state")),
    Column("day", "calendar days since the procedure, patient's zone", _day("answered_at")),
    Column("hours", "hours since the procedure, for current pain only", _hours),
    Column("answered_at", "when the patient answered, local time with offset", _local("answered_at"), identifying=True),
    Column("recorded_at", "when it was stored, local time with offset", _local("recorded_at"), identifying=True),
    Column("source", "sms, link, phone, clinic or import", _plain("source")),
    Column("carried", "yes if carried forward from an earlier form", _plain("carried")),
    Column("proxy", "yes if somebody answered for the patient", _plain("proxy")),
    Column("rule", "reading rule that fired", _plain("rule")),
    Column("parser_version", "version of the reading rules", _plain("parser_version")),
    Column("reason", "why struck out or corrected, as written", _plain("reason"), identifying=True),
)

_VERDICT = {
    "baseline": "mean baseline pain score",
    "at_horizon": "held, lost or unknown at the horizon",
    "first_response_day": "first day in the response window with 50 % relief",
    "response_confirmed": "yes if the mean of the response window has 50 % relief",
    "late_response_day": "first day after the response window with 50 % relief",
    "loss_left": "last held day before the confirmed loss",
    "loss_right": "day of the confirmed loss",
    "confirmed_by": "answer, explant, repeat or surgery",
    "regained_day": "day on which relief was regained after a loss",
    "censor_day": "last held day without a loss",
    "pending_bad_day": "first day of a run of bad answers still open",
    "competing_day": "day of the competing event",
    "flares": "days on which flares began, space separated",
}
OUTCOMES = (
    *_WHO,
    *_PERSON,
    _PROCEDURE_AT,
    Column("procedure", "procedure key", _plain("procedure")),
    Column("threshold", "percent of relief: 50 or 30", _plain("threshold")),
    Column("definition_version", "version of the classification", _plain("definition_version")),
    Column("end_day", "days since the procedure when it was computed", _plain("end_day")),
    Column("state", "class, see docs/clinical.md", _plain("state")),
    *(Column(name, meaning, _more(name)) for name, meaning in _VERDICT.items()),
    *_CSI,
)

MESSAGES = (
    *_WHO,
    *_PERSON,
    Column("phone", "phone it went to", _more("phone"), identifying=True),
    Column("time_point", "time point of the prompt it is about", _plain("time_point")),
    Column("kind", "emergency, reply, diary, prompt, reminder or confirmation", _plain("kind")),
    Column("text_key", "key of the text", _plain("text_key")),
    Column("question", "question asked, if any", _plain("question")),
    Column("state", "state in the outbox", _plain("state")),
    Column("reason", "why not sent or not delivered", _plain("reason")),
    Column("error_code", "provider's code", _plain("error_code")),
    Column("segments", "segments paid for", _plain("segments")),
    Column("attempt", "attempts made", _plain("attempt")),
    Column("resent", "yes if sent again after an unknown outcome", _plain("resent")),
    Column("due_day", "days since the procedure on which it was due", _day("due_at")),
    Column("sent_day", "days since the procedure on which it was handed over", _day("sending_at")),
    Column("due_at", "when it was due, local time with offset", _local("due_at"), identifying=True),
    Column("sending_at", "when it was handed over, local time with offset", _local("sending_at"), identifying=True),
    Column("accepted_at", "when the provider took it, local time with offset", _local("accepted_at"), identifying=True),
    Column("body", "text as sent, [link] in place of the address", _more("body"), identifying=True),
)


def _entry(name: str) -> Reader:
    return lambda _, line: getattr(line.row.Audit, name)


def _actor_kind(_: Session, line: Line) -> str:
    actor: str = line.row.Audit.actor
    return actor if actor in {"patient", "clock", "command", "gateway"} else "staff"


AUDIT = (
    Column("seq", "number of the entry, without gaps", _entry("id")),
    Column("at", "when, UTC", lambda _, line: line.row.Audit.at.isoformat(timespec="seconds"), identifying=True),
    Column("by", "staff, patient, clock, command or gateway", _actor_kind),
    Column("actor", "public id of the staff member, or as above", _entry("actor"), identifying=True),
    Column("staff", "address of the staff member", _plain("staff"), identifying=True),
    Column("session", "start of the session's number", _entry("session"), identifying=True),
    Column("address", "network address", _entry("address"), identifying=True),
    Column("request_id", "number of the request", _entry("request_id"), identifying=True),
    Column("site", "short name of the site", _plain("site"), identifying=True),
    Column("action", "what was done", _entry("action")),
    Column("object_kind", "kind of row", _entry("object_kind")),
    Column("object_id", "public id of the row", _entry("object_id"), identifying=True),
    Column("field", "field that changed", _entry("field")),
    Column("old", "value before", _more("old"), identifying=True),
    Column("new", "value after", _more("new"), identifying=True),
    Column("reason", "reason given", _entry("reason"), identifying=True),
)
