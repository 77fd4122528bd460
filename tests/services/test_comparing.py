"""`prom analyse` on the synthetic cohort of the shared cases: expected states, planted effect, past dates."""

import json
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from prom.services import comparing
from prom.storage import relief_rows
from prom.storage.models import Sensitization, Site
from tests.services import cohort_fixtures
from tests.services.cohort_fixtures import LATER, by_record, expected, here

made, imported, main = cohort_fixtures.made, cohort_fixtures.imported, cohort_fixtures.main

THRESHOLDS = {"T50": 50, "T30": 30}


@here
@pytest.mark.parametrize("name", THRESHOLDS)
def test_the_stored_verdicts_of_the_cohort_are_the_expected_ones(imported, name):
    with imported.reading() as session:
        episodes = by_record(session)
        stored = relief_rows.stored(session, [episode.id for episode in episodes.values()])
        for case in expected():
            row = stored[episodes[case["record_id"]].id][THRESHOLDS[name]]
            assert json.loads(row.fields) == case[name], case["record_id"]


@here
def test_the_csi_of_the_cohort_is_the_expected_one(imported):
    with imported.reading() as session:
        episodes = by_record(session)
        records = {row.episode_id: row for row in session.exec(select(Sensitization))}
        for case in expected():
            record = records.get(episodes[case["record_id"]].id)
            found = (None, None, None) if record is None else (record.csi_answered, record.csi_min, record.csi_max)
            told = case["csi"] or {}
            assert found == (told.get("answered"), told.get("min_total"), told.get("max_total"))


@here
@pytest.mark.parametrize("name", THRESHOLDS)
def test_the_analysis_counts_the_expected_states(imported, name):
    with imported.reading() as session:
        answer = comparing.analysis(session, threshold=THRESHOLDS[name], as_of=LATER)
    states = [case[name]["state"] for case in expected()]
    assert answer["states"] == {state: states.count(state) for state in set(states)}
    assert answer["n"] == 60
    assert answer["threshold"] == name


@here
def test_the_analysis_has_the_promised_keys_and_is_json(imported):
    with imported.reading() as session:
        answer = comparing.analysis(session, as_of=LATER)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert set(answer) == {
        "definition_version",
        "as_of",
        "threshold",
        "n",
        "states",
        "bands",
        "logrank",
        "cox",
        "npmle",
        "warnings",
    }
    assert set(answer["bands"]) == {
        "below_40",
        "40_or_more",
        "subclinical",
        "mild",
        "moderate",
        "severe",
        "extreme",
    }
    for band in answer["bands"].values():
        assert set(band) == {"n", "events", "km", "median", "rmst_180"}
        assert band["km"][0] == [0.0, 1.0, 1.0, 1.0, float(band["n"])]
    assert {one["covariate"] for one in answer["cox"]} >= {"csi_per_10", "csi_40_or_more"}
    for boxes in answer["npmle"].values():
        assert sum(mass for _, _, mass in boxes) == pytest.approx(1)


@here
def test_the_planted_effect_of_the_cohort_shows_as_a_hazard_ratio_above_one(imported):
    with imported.reading() as session:
        answer = comparing.analysis(session, as_of=LATER)
    (per_10,) = [one for one in answer["cox"] if one["covariate"] == "csi_per_10"]
    assert per_10["hr"] > 1.2
    assert per_10["low"] < per_10["hr"] < per_10["high"]


@here
def test_bands_whose_items_leave_them_open_are_counted_and_not_guessed(imported):
    with imported.reading() as session:
        answer = comparing.analysis(session, as_of=LATER)
    responders = [case for case in expected() if "first_response_day" in case["T50"]]
    for key, wanted in (("below_40", False), ("40_or_more", True)):
        assert answer["bands"][key]["n"] == sum((case["csi"] or {}).get("ge40") is wanted for case in responders)
    for band in ("subclinical", "mild", "moderate", "severe", "extreme"):
        assert answer["bands"][band]["n"] == sum((case["csi"] or {}).get("severity") == band for case in responders)
    open_five = [c for c in expected() if c["csi"] and c["csi"]["severity"] is None and c["csi"]["ge40"] is not None]
    assert any(warning.startswith(f"{len(open_five)} of 60 episodes certain") for warning in answer["warnings"])


@here
def test_a_past_date_sees_neither_later_answers_nor_later_procedures(imported):
    with imported.reading() as session:
        early = comparing.analysis(session, as_of=datetime(2024, 8, 1, tzinfo=UTC))
        before_all = comparing.analysis(session, as_of=datetime(2020, 1, 1, tzinfo=UTC))
    assert early["n"] < 60
    assert "pending_response" in early["states"]
    assert (before_all["n"], before_all["states"], before_all["cox"]) == (0, {}, [])


@here
def test_the_analysis_is_the_same_without_a_date_right_after_the_import(imported):
    with imported.reading() as session:
        assert comparing.analysis(session) == comparing.analysis(session, as_of=LATER)


@here
def test_a_procedure_or_a_site_narrows_the_analysis(imported):
    with imported.writing() as session:
        session.add(Site(name="noise", label="Noise", time_zone="UTC", key_sealed=imported.vault.new_data_key()))
    with imported.reading() as session:
        assert comparing.analysis(session, procedure="epidural_steroid", as_of=LATER)["n"] < 60
        assert comparing.analysis(session, site="main", as_of=LATER)["n"] == 60
        assert comparing.analysis(session, site="noise", as_of=LATER)["n"] == 0


@pytest.mark.parametrize(
    "wrong", [{"procedure": "massage"}, {"site": "nowhere"}, {"threshold": 40}], ids=["procedure", "site", "threshold"]
)
def test_an_unknown_name_is_one_plain_line(store, site, wrong):
    with store.reading() as session, pytest.raises(ValueError) as told:
        comparing.analysis(session, as_of=LATER, **wrong)
    assert "\n" not in str(told.value)


def test_a_small_band_has_its_table_but_no_p_value(store, site):
    with store.reading() as session:
        answer = comparing.analysis(session, as_of=LATER)
    assert answer["logrank"]["p"] is None
    assert any("below_40 has 0 patients" in warning for warning in answer["warnings"])
