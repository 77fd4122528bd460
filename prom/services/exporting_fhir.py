"""Episodes and answers as a FHIR R4B bundle: Patient, Procedure and Observation.

A pain score is `valueInteger`: the answer list of its code calls 2 "2 or more". No code exists for the Central
Sensitization Inventory, so its items have a code system of our own. Without names there are no dates either; days since
the procedure are an extension.

Sources:
    LOINC 72514-3: pain severity, 0-10 verbal numeric rating, reported.
"""

import json
from collections.abc import Collection, Iterator
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlmodel import Session

from prom.services.exporting_columns import Line
from prom.services.exporting_tables import TABLES
from prom.storage import patients
from prom.storage.models import AnswerState

KINDS = ("episodes", "answers")
SYSTEM = "urn:x-prom:code"
DAYS_SINCE = "urn:x-prom:days-since-procedure"
LOINC = {"system": "http://loinc.org", "code": "72514-3"}
_TERMS = "http://terminology.hl7.org/CodeSystem"
_GENDER = MappingProxyType({"F": "female", "M": "male", "X": "other"})
_STATUS = MappingProxyType({"planned": "preparation", "done": "completed", "cancelled": "not-done"})
Resource = dict[str, Any]


def bundle(
    session: Session, what: str, identified: bool, now: datetime, site_ids: Collection[int] | None
) -> Iterator[str]:
    """Yield the parts of one bundle of type collection."""
    head = {"resourceType": "Bundle", "type": "collection", "timestamp": now.isoformat(timespec="seconds")}
    before = json.dumps(head)[:-1] + ', "entry": [\n'
    for resource in _resources(session, what, identified, site_ids):
        yield before + json.dumps({"resource": resource}, ensure_ascii=False)
        before = ",\n"
    yield json.dumps(head) + "\n" if before != ",\n" else "\n]}\n"


def _resources(session: Session, what: str, identified: bool, site_ids: Collection[int] | None) -> Iterator[Resource]:
    people: set[str] = set()
    episodes: set[int] = set()
    number = 0
    for lines in TABLES[what].lines(session, site_ids):
        for line in lines:
            if line.row.study_id not in people:
                people.add(line.row.study_id)
                yield _patient(session, line, identified)
            if line.row.episode_id not in episodes:
                episodes.add(line.row.episode_id)
                yield _procedure(line, identified)
            if what == "answers" and line.row.state is AnswerState.CURRENT:
                number += 1
                yield _observation(line, number, identified)


def _patient(session: Session, line: Line, identified: bool) -> Resource:
    resource: Resource = {"resourceType": "Patient", "id": line.row.study_id}
    if line.row.sex is not None:
        resource["gender"] = _GENDER[line.row.sex]
    if not identified or line.patient is None:
        return resource
    names = patients.first_name(session, line.patient), patients.last_name(session, line.patient)
    phone = patients.phone(session, line.patient)
    resource["identifier"] = [{"value": patients.record_number(session, line.patient)}]
    if any(names):
        given = {"given": [names[0]]} if names[0] else {}
        resource["name"] = [given | ({"family": names[1]} if names[1] else {})]
    if phone:
        resource["telecom"] = [{"system": "phone", "value": phone}]
    if line.row.birth_year is not None:
        resource["birthDate"] = str(line.row.birth_year)
    return resource


def _procedure_id(line: Line) -> str:
    return f"{line.row.study_id}-{line.number}"


def _procedure(line: Line, identified: bool) -> Resource:
    resource: Resource = {
        "resourceType": "Procedure",
        "id": _procedure_id(line),
        "status": _STATUS[line.row.episode_state.value],
        "code": {"coding": [{"system": SYSTEM, "code": line.row.procedure}]},
        "subject": {"reference": f"Patient/{line.row.study_id}"},
    }
    place = ", ".join(part for part in (line.row.target, line.row.side, line.row.level) if part)
    if place:
        resource["bodySite"] = [{"text": place}]
    if identified:
        resource["performedDateTime"] = line.local(line.row.procedure_at)
    return resource


def _observation(line: Line, number: int, identified: bool) -> Resource:
    row = line.row
    resource: Resource = {
        "resourceType": "Observation",
        "id": f"answer-{number}",
        "extension": [{"url": DAYS_SINCE, "valueInteger": line.day(row.answered_at)}],
        "status": "final",
        "category": [{"coding": [{"system": f"{_TERMS}/observation-category", "code": "survey"}]}],
        "code": {"coding": _codes(row)},
        "subject": {"reference": f"Patient/{row.study_id}"},
        "partOf": [{"reference": f"Procedure/{_procedure_id(line)}"}],
    }
    if identified:
        resource["effectiveDateTime"] = line.local(row.answered_at)
    if row.value is None:
        declined = {"system": f"{_TERMS}/data-absent-reason", "code": "asked-declined"}
        return resource | {"dataAbsentReason": {"coding": [declined]}}
    return resource | {"valueInteger": row.value}


def _codes(row: Any) -> list[dict[str, str]]:
    own = "-".join(str(part) for part in (row.instrument, row.series, row.item) if part)
    codes = [{"system": SYSTEM, "code": own}]
    return [LOINC, *codes] if row.instrument == "nrs" else codes
