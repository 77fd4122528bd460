"""Every resource of a FHIR bundle is valid on its own, and every reference leads to a resource of the bundle."""

import importlib
import json
from datetime import timedelta

import pytest

from prom.domain import instruments, own_instruments
from prom.services import exporting, planning
from prom.storage import answers, audit, patients
from prom.storage.models import AnswerState, Source
from tests import people
from tests.services.test_own_instruments import STIFF

pytest.importorskip("fhir.resources.R4B")


@pytest.fixture
def adopted():
    before = instruments.adopt(own_instruments.added_by({"stiff.toml": STIFF}))
    yield
    instruments.adopt(before)


def _answer(session, episode, day, value, occasion, instrument="nrs", item=0, **more):
    at = episode.procedure_at + timedelta(days=day)
    series = "average_24h" if instrument == "nrs" else ""
    given = {"instrument": instrument, "series": series, "item": item, "value": value, "occasion": occasion}
    return answers.add(session, episode, **given, answered_at=at, now=at, source=Source.LINK, **more)


@pytest.fixture
def clinic(store, site, now, adopted):
    """Return a time after three patients answered: a caregiver, a struck answer, skipped items, an own form."""
    with store.writing() as session:
        for number, enrol in enumerate((people.asha, people.bikash, people.chitra, people.devi)):
            episode = enrol(session, site, now)
            planning.mark_done(session, episode, episode.procedure_at, audit.COMMAND, episode.procedure_at)
            _answer(session, episode, 14, 3 + number, "d14", proxy=number == 0)
            _answer(session, episode, 30, None, "d30", "pgic")
            _answer(session, episode, 30, 40, "d30", "relief_percent")
            struck = _answer(session, episode, 7, 10, "d7")
            struck.state = AnswerState.STRUCK
            for item, value in ((1, 0), (2, None), (3, 10)):
                _answer(session, episode, 30, value, "d30", "stiff", item, proxy=number == 0)
            for item in range(1, 26):
                _answer(session, episode, 90, None if item == 7 else item % 5, "d90", "csi", item)
            for item in (1, 2):
                _answer(session, episode, 60, 5, "import", "peg", item)
    return now + timedelta(days=200)


def entries(store, what, now, *, identified=False):
    with store.reading() as session:
        bundle = json.loads("".join(exporting.export(session, what, "fhir", identified, now)))
    return [entry["resource"] for entry in bundle["entry"]]


def references(value):
    if isinstance(value, dict):
        yield from ([value["reference"]] if "reference" in value else [])
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


@pytest.mark.parametrize("what", ["episodes", "answers"])
@pytest.mark.parametrize("identified", [False, True])
def test_every_resource_is_valid_and_every_reference_leads_somewhere(store, clinic, what, identified):
    found = entries(store, what, clinic, identified=identified)
    for resource in found:
        kind = resource["resourceType"]
        model = getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
        model.model_validate(resource)
    known = {f"{one['resourceType']}/{one['id']}" for one in found}
    assert len(known) == len(found)
    assert {target for resource in found for target in references(resource)} <= known
    asked = {f"{one['url']}|{one['version']}" for one in found if one["resourceType"] == "Questionnaire"}
    assert {one["questionnaire"] for one in found if one["resourceType"] == "QuestionnaireResponse"} <= asked
    assert what == "episodes" or len(asked) == 3


def test_answers_of_a_caregiver_say_so_and_name_nobody(store, clinic):
    found = entries(store, "answers", clinic)
    by = [one.get("performer", [one.get("source")])[0] for one in found if "performer" in one or "source" in one]
    other = [one for one in by if "display" in one]
    assert {one["display"] for one in other} == {"somebody who answered for the patient"}
    assert len(other) == 2
    assert all(one["reference"].startswith("Patient/") for one in by if one not in other)


def test_struck_answers_stay_out_and_skipped_ones_are_told_as_declined(store, clinic):
    found = entries(store, "answers", clinic)
    scores = [one for one in found if one["resourceType"] == "Observation"]
    assert all(one.get("valueInteger") != 10 for one in scores if one["extension"][0]["valueInteger"] == 7)
    declined = [one for one in scores if "dataAbsentReason" in one]
    assert {one["code"]["coding"][-1]["code"] for one in declined} == {"pgic"}
    assert len(declined) == 4
    forms = [one for one in found if one["resourceType"] == "QuestionnaireResponse"]
    stiff = [one for one in forms if "stiff" in one["questionnaire"]]
    assert {tuple(item["linkId"] for item in one["item"]) for one in stiff} == {("1", "3")}
    assert {one["status"] for one in stiff} == {"completed"}
    assert {one["status"] for one in forms if "peg" in one["questionnaire"]} == {"in-progress"}
    followed_up = [one for one in forms if "csi" in one["questionnaire"] and one["extension"][0]["valueInteger"] == 90]
    totals = {one["derivedFrom"][0]["reference"] for one in scores if "derivedFrom" in one}
    assert followed_up
    assert not totals & {f"QuestionnaireResponse/{one['id']}" for one in followed_up}


def test_items_carry_numbers_and_topics_and_no_name_leaves(store, clinic):
    text = json.dumps(entries(store, "answers", clinic))
    for secret in ("Asha", "Bikash", people.ASHA_PHONE, "R-101", "2026-"):
        assert secret not in text
    with store.reading() as session:
        assert patients.by_record(session, 1, "R-101") is not None
