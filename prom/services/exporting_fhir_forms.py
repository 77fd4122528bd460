"""Answers in FHIR: single scores as Observations, forms as Questionnaires with QuestionnaireResponses.

The item texts are item numbers and neutral topics: the licensed sentences of a form are not ours to hand out.

Sources:
    LOINC 72514-3: pain severity, 0-10 verbal numeric rating, reported.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from prom.domain import instruments, scoring
from prom.domain.instruments import Instrument, Total
from prom.services.exporting_columns import Line
from prom.storage import answers as stored

SYSTEM = "urn:x-prom:code"
QUESTIONNAIRE = "urn:x-prom:questionnaire"
DAYS_SINCE = "urn:x-prom:days-since-procedure"
LOINC = {"system": "http://loinc.org", "code": "72514-3"}
TERMS = "http://terminology.hl7.org/CodeSystem"
Resource = dict[str, Any]


def procedure_id(line: Line) -> str:
    """Return the id of the procedure a line belongs to: study number and number of the procedure."""
    return f"{line.row.study_id}-{line.number}"


def answers(lines: Sequence[Line], told: set[str], *, identified: bool) -> Iterator[Resource]:
    """Yield the answers of one procedure; a questionnaire comes before its first response and joins `told`."""
    number = 0
    for (_, key, _), group in groupby(sorted(lines, key=_occasion), key=_occasion):
        given = list(group)
        form = _form(key)
        if form is None:
            for line in given:
                number += 1
                yield _score(line, number, identified)
            continue
        if key not in told:
            told.add(key)
            yield _questionnaire(form)
        number += 1
        yield from _response(form, given, number, identified)


def _occasion(line: Line) -> tuple[str, str, str]:
    # Imported answers name no time point: a form is what was answered at one instant.
    row = line.row
    occasion = row.occasion
    return (f"{occasion} {row.answered_at}" if occasion == stored.IMPORTED else occasion, row.instrument, row.series)


def _form(key: str) -> Instrument | None:
    """Return the instrument of a form with several items, None for a single score."""
    try:
        form = instruments.instrument(key)
    except ValueError:
        return None
    return form if form.items > 1 else None


def _score(line: Line, number: int, identified: bool) -> Resource:
    resource = _observation(line, number, identified, _codes(line.row))
    if line.row.value is None:
        declined = {"system": f"{TERMS}/data-absent-reason", "code": "asked-declined"}
        return resource | {"dataAbsentReason": {"coding": [declined]}}
    return resource | {"valueInteger": line.row.value}


def _observation(line: Line, number: int, identified: bool, codes: list[dict[str, str]]) -> Resource:
    row = line.row
    resource: Resource = {
        "resourceType": "Observation",
        "id": f"{procedure_id(line)}-{number}",
        "extension": [{"url": DAYS_SINCE, "valueInteger": line.day(row.answered_at)}],
        "status": "final",
        "category": [{"coding": [{"system": f"{TERMS}/observation-category", "code": "survey"}]}],
        "code": {"coding": codes},
        "subject": {"reference": f"Patient/{row.study_id}"},
        "partOf": [{"reference": f"Procedure/{procedure_id(line)}"}],
        "performer": [_who(line)],
    }
    if identified:
        resource["effectiveDateTime"] = line.local(row.answered_at)
    return resource


def _who(line: Line) -> Resource:
    """Return who answered: the patient, or a caregiver, of whom nothing else is told."""
    if line.row.proxy:
        return {"display": "somebody who answered for the patient"}
    return {"reference": f"Patient/{line.row.study_id}"}


def _codes(row: Any) -> list[dict[str, str]]:
    own = "-".join(str(part) for part in (row.instrument, row.series, row.item) if part)
    codes = [{"system": SYSTEM, "code": own}]
    return [LOINC, *codes] if row.instrument == "nrs" else codes


def _questionnaire(form: Instrument) -> Resource:
    return {
        "resourceType": "Questionnaire",
        "id": form.key.replace("_", "-"),
        "url": f"{QUESTIONNAIRE}:{form.key}",
        "version": form.version,
        "title": form.name,
        "status": "active",
        "subjectType": ["Patient"],
        "item": [
            {"linkId": str(item), "text": _topic(form, item), "type": "integer", "required": False}
            for item in range(1, form.items + 1)
        ],
    }


def _topic(form: Instrument, item: int) -> str:
    topic = instruments.CSI_TOPICS.get(item) if form.key == "csi" else None
    return f"Item {item}: {topic}" if topic else f"Item {item}"


def _response(form: Instrument, given: Sequence[Line], number: int, identified: bool) -> Iterator[Resource]:
    line = given[-1]
    values = {one.row.item: one.row.value for one in given}
    response: Resource = {
        "resourceType": "QuestionnaireResponse",
        "id": f"{procedure_id(line)}-{number}",
        "extension": [{"url": DAYS_SINCE, "valueInteger": line.day(line.row.answered_at)}],
        "questionnaire": f"{QUESTIONNAIRE}:{form.key}|{form.version}",
        "status": "completed" if len(values) == form.items else "in-progress",
        "subject": {"reference": f"Patient/{line.row.study_id}"},
        "partOf": [{"reference": f"Procedure/{procedure_id(line)}"}],
    }
    items = [
        {"linkId": str(item), "answer": [{"valueInteger": value}]}
        for item, value in sorted(values.items())
        if value is not None
    ]
    if items:
        response["item"] = items
    if identified:
        response["authored"] = line.local(line.row.answered_at)
    response["source"] = _who(line)
    yield response
    yield from _total(form, values, response["id"], line, identified)


def _total(
    form: Instrument, values: dict[int, int | None], response_id: str, line: Line, identified: bool
) -> Iterator[Resource]:
    """Yield the total of a form with every item answered; a part of a sum is no total."""
    given = [values.get(item) for item in range(1, form.items + 1)]
    if form.total is not Total.SUM or any(value is None for value in given):
        return
    total, _ = scoring.sum_bounds(form, given)
    codes = [{"system": SYSTEM, "code": f"{form.key}-total"}]
    observation = _observation(line, 0, identified, codes) | {"id": f"{response_id}-total", "valueInteger": total}
    yield observation | {"derivedFrom": [{"reference": f"QuestionnaireResponse/{response_id}"}]}
