"""Episodes and answers as a FHIR R4B bundle: Patient, Consent, Procedure, questionnaires with their responses, scores.

A score of one item is an Observation with `valueInteger`: the answer list of the pain score's code calls 2 "2 or more".
A form of several items is a QuestionnaireResponse, and its certain total an Observation derived from it. No code exists
for the Central Sensitization Inventory, so its items have a code system of our own. Without names there are no dates
either; days since the procedure are an extension.

Sources:
    LOINC 72514-3: pain severity, 0-10 verbal numeric rating, reported.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from types import MappingProxyType

from sqlmodel import Session

from prom.services import exporting_fhir_forms as forms
from prom.services.exporting_columns import Line
from prom.services.exporting_fhir_forms import SYSTEM, TERMS, Resource
from prom.services.exporting_tables import TABLES
from prom.storage import exports, patients
from prom.storage.exports import Scope
from prom.storage.models import AnswerState, Consent, Purpose

KINDS = ("episodes", "answers")
_GENDER = MappingProxyType({"F": "female", "M": "male", "X": "other"})
_STATUS = MappingProxyType({"planned": "preparation", "done": "completed", "cancelled": "not-done"})
_SCOPE = MappingProxyType({Purpose.TEXTING: "patient-privacy", Purpose.DATA_USE: "research"})


def bundle(session: Session, what: str, identified: bool, now: datetime, scope: Scope) -> Iterator[str]:
    """Yield the parts of one bundle of type collection."""
    head = {"resourceType": "Bundle", "type": "collection", "timestamp": now.isoformat(timespec="seconds")}
    before = json.dumps(head)[:-1] + ', "entry": [\n'
    for resource in _resources(session, what, identified, scope):
        yield before + json.dumps({"resource": resource}, ensure_ascii=False)
        before = ",\n"
    yield json.dumps(head) + "\n" if before != ",\n" else "\n]}\n"


def _resources(session: Session, what: str, identified: bool, scope: Scope) -> Iterator[Resource]:
    people: set[str] = set()
    told: set[str] = set()
    every = (line for lines in TABLES[what].lines(session, scope) for line in lines)
    for _, group in groupby(every, key=lambda line: line.row.episode_id):
        lines = list(group)
        if lines[0].row.study_id not in people:
            people.add(lines[0].row.study_id)
            yield _patient(session, lines[0], identified)
            yield from _consents(session, lines[0], identified)
        yield _procedure(lines[0], identified)
        if what == "answers":
            current = [line for line in lines if line.row.state is AnswerState.CURRENT]
            yield from forms.answers(current, told, identified=identified)


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


def _consents(session: Session, line: Line, identified: bool) -> Iterator[Resource]:
    for number, consent in enumerate(exports.consents(session, line.row.patient_id), start=1):
        yield _consent(line, consent, number, identified)


def _consent(line: Line, consent: Consent, number: int, identified: bool) -> Resource:
    scope = _SCOPE.get(consent.purpose, "patient-privacy")
    resource: Resource = {
        "resourceType": "Consent",
        "id": f"{line.row.study_id}-consent-{number}",
        # R4 knows no state for a consent that was taken back; its own value set calls it inactive.
        "status": "active" if consent.withdrawn_at is None else "inactive",
        "scope": {"coding": [{"system": f"{TERMS}/consentscope", "code": scope}]},
        "category": [{"coding": [{"system": SYSTEM, "code": f"consent-{consent.purpose.value}"}]}],
        "patient": {"reference": f"Patient/{line.row.study_id}"},
        "policyRule": {"text": f"{consent.purpose.value}, version {consent.version}, {consent.language}"},
    }
    if identified:
        resource["dateTime"] = line.local(consent.given_at)
    return resource


def _procedure(line: Line, identified: bool) -> Resource:
    resource: Resource = {
        "resourceType": "Procedure",
        "id": forms.procedure_id(line),
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
