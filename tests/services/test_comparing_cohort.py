"""The cohort page on the synthetic cohort of the shared cases: snapshots, figures, findings, and no leaks."""

import json
import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest
from sqlmodel import select

from prom.services import comparing, enrolling, exporting, reviewing, watching
from prom.services.comparing_filters import Filters
from prom.storage import audit
from prom.storage.models import Alert, Episode, Sensitization, Site
from tests import people
from tests.services import cohort_fixtures
from tests.services.cohort_fixtures import LATER, by_record, expected, here

made, imported, main = cohort_fixtures.made, cohort_fixtures.imported, cohort_fixtures.main
shown = cohort_fixtures.shown


def page(session, site, **filters):
    return comparing.cohort(session, [site.id], Filters(**filters), LATER)


@here
@pytest.mark.parametrize("threshold", [50, 30])
def test_the_page_and_the_analysis_agree(shown, main, threshold):
    with shown.reading() as session:
        seen = page(session, main, threshold=threshold)
        answer = comparing.analysis(session, threshold=threshold, as_of=LATER)
    assert dict(seen.states) == answer["states"]
    assert seen.n == answer["n"]
    for curve in (*seen.two.curves, *seen.five.curves):
        band = answer["bands"][curve.band]
        assert (curve.n, curve.events, curve.median) == (band["n"], band["events"], band["median"])
        steps = [[s.day, s.survival, s.low, s.high, s.at_risk] for s in curve.steps]
        assert [row[:2] for row in steps] == [pytest.approx(row[:2], abs=1e-5) for row in band["km"] or [[0, 1]]]
    assert {one.covariate: one.hr for one in seen.hazards} == pytest.approx(
        {one["covariate"]: one["hr"] for one in answer["cox"]}, abs=1e-4
    )


@here
@pytest.mark.parametrize("threshold", [50, 30])
def test_the_page_the_analysis_and_the_exported_outcomes_count_the_same_episodes(shown, main, threshold):
    with shown.reading() as session:
        seen = page(session, main, threshold=threshold)
        answer = comparing.analysis(session, threshold=threshold, as_of=LATER)
        rows = json.loads("".join(exporting.export(session, "outcomes", "json", False, LATER)))
    states = Counter(row["state"] for row in rows if row["threshold"] == threshold)
    assert states == Counter(answer["states"]) == Counter(dict(seen.states))
    assert states.total() == answer["n"] == seen.n
    responders = [row for row in rows if row["threshold"] == threshold and row["first_response_day"] not in {"", None}]
    lost = [row for row in responders if row["state"] in {"early_loss", "late_loss", "loss_timing_uncertain"}]
    # The two bands hold every responder but those whose questionnaire leaves them open.
    unplaced = len(responders) - sum(answer["bands"][band]["n"] for band in ("below_40", "40_or_more"))
    assert 0 <= unplaced <= sum((case["csi"] or {}).get("ge40") is None for case in expected())
    assert sum(answer["bands"][band]["events"] for band in ("below_40", "40_or_more")) <= len(lost)
    assert sum(curve.n for curve in seen.two.curves if curve.band != "all") == len(responders) - unplaced


@here
def test_the_page_says_its_findings_in_sentences_with_denominators(shown, main):
    with shown.reading() as session:
        seen = page(session, main)
    assert seen.findings[0].startswith("37 of 54 responded")
    assert any("of 18 responders with CSI below 40 lost relief" in sentence for sentence in seen.findings)
    assert any("Each 10 CSI points went with 1.47 times the hazard" in sentence for sentence in seen.findings)
    assert seen.as_of == LATER
    assert seen.definition_version == "1"


@here
def test_the_page_holds_every_figure(shown, main):
    with shown.reading() as session:
        seen = page(session, main)
    assert {one.band for one in seen.means} >= {"below_40", "40_or_more", "severe"}
    below = seen.means[0]
    assert (below.points[0].day, below.points[0].n > 20) == (0.0, True)
    assert all(point.low <= point.mean <= point.high for band in seen.means for point in band.points)
    assert sum(one.n for one in seen.heatmap.groups) <= 60
    for group in seen.heatmap.groups:
        assert len(group.rows) == group.n
        assert [row.days for row in group.rows] == sorted((row.days for row in group.rows), reverse=True)
        for column, counts in enumerate(group.counts):
            shown_levels = [row.levels[column] for row in group.rows]
            assert counts == tuple(shown_levels.count(level) for level in range(len(seen.heatmap.levels)))
    assert len(seen.swimmer) == 24
    assert [lane.csi for lane in seen.swimmer] == sorted((lane.csi for lane in seen.swimmer), reverse=True)
    assert seen.scatter.n == len(seen.scatter.points) > 10
    assert {one.cause for one in seen.competing} == {"loss", "repeat", "surgery", "death"}
    everyone = [one for one in seen.competing if one.band == "all" and one.cause == "loss"]
    assert everyone[0].n == seen.responders == 37
    assert [one.tau for one in seen.mean_days] == [180, 365]
    for band in seen.two.between:
        assert band.boxes[-1].after == pytest.approx(0, abs=1e-4)
    assert all(point.answered <= point.due for band in seen.replies for point in band.points)


@here
def test_success_at_the_horizon_has_its_worst_and_best_case(shown, main):
    with shown.reading() as session:
        seen = page(session, main)
    cases = [case["T50"] for case in expected()]
    judged = [case for case in cases if "at_horizon" in case]
    held = sum(case["at_horizon"] == "held" for case in judged)
    doomed = [case for case in judged if "loss_interval" in case or case["state"] == "non_responder"]
    unknown = sum(case["at_horizon"] == "unknown" for case in judged if case not in doomed)
    everyone = seen.shares[0]
    assert (everyone.success.count, everyone.unknown) == (held, unknown)
    assert (everyone.worst.n, everyone.best.count) == (len(judged), held + unknown)


@here
def test_a_page_is_made_again_only_when_something_changed(shown, main):
    with shown.writing() as session:
        assert comparing.refresh_snapshots(session, LATER) == 0
        episode = session.exec(select(Episode)).first()
        audit.record(session, audit.COMMAND, "touched", episode, LATER)
        session.flush()
        assert comparing.refresh_snapshots(session, LATER) > 0
        assert comparing.refresh_snapshots(session, LATER) == 0
        assert comparing.refresh_snapshots(session, LATER + timedelta(days=1)) > 0


@here
def test_another_sites_patients_are_in_no_figure_of_this_site(imported, main):
    with imported.writing() as session:
        noise = Site(name="noise", label="Noise", time_zone="UTC", key_sealed=imported.vault.new_data_key())
        session.add(noise)
        session.flush()
        comparing.refresh_snapshots(session, LATER)
        before = page(session, main)
        for number in range(12):
            given = {"site_name": "noise", "procedure_at": LATER - timedelta(days=300), "done": True}
            episode = enrolling.enrol(session, people.enrolment(700 + number, LATER, **given), audit.COMMAND, LATER)
            watching.refresh(session, [episode.id], LATER)
        comparing.refresh_snapshots(session, LATER)
        assert page(session, main) == before
        assert page(session, noise).n == 12
        both = comparing.cohort(session, [main.id, noise.id], Filters(), LATER)
        assert both.n == 72
        with pytest.raises(ValueError):
            comparing.cohort(session, [main.id], Filters(site_id=noise.id), LATER)


@here
def test_filters_narrow_the_page_and_unknown_ones_are_refused(shown, main):
    with shown.reading() as session:
        narrow = page(session, main, procedure="genicular_rfa", threshold=30)
        assert (narrow.threshold, narrow.of) == (30, 60)
        assert narrow.n == comparing.analysis(session, procedure="genicular_rfa", threshold=30, as_of=LATER)["n"]
        with pytest.raises(ValueError):
            page(session, main, procedure="massage")
        with pytest.raises(ValueError):
            page(session, main, threshold=40)


@here
def test_reviews_become_causes_of_failure_by_band(imported, main):
    with imported.writing() as session:
        doctor = people.dr_rao(session, main, LATER)
        bands = {
            row.episode_id: int(row.csi_min >= 40)
            for row in session.exec(select(Sensitization))
            if row.csi_min >= 40 or row.csi_max < 40
        }
        red = [alert for alert in session.exec(select(Alert).where(Alert.kind == "red")) if alert.episode_id in bands]
        for alert in red:
            reviewing.review(
                session,
                alert.public_id,
                cause="technique" if bands[alert.episode_id] else "target",
                actor=people.actor(doctor),
                now=LATER,
                site_ids=[main.id],
            )
        comparing.refresh_snapshots(session, LATER)
        causes = page(session, main).causes
    low = sum(bands[alert.episode_id] == 0 for alert in red)
    assert causes.reviewed == (low, len(red) - low)
    assert {one.cause: one.counts for one in causes.causes} == {"target": (low, 0), "technique": (0, len(red) - low)}


def test_an_empty_clinic_has_a_page_without_numbers(store, site):
    with store.writing() as session:
        assert page(session, site) is None
        comparing.refresh_snapshots(session, LATER)
        seen = page(session, site)
    assert (seen.n, seen.hazards, seen.swimmer) == (0, (), ())
    assert seen.findings[0].startswith("No response can be judged yet")


@here
def test_similar_patients_are_percentiles_of_the_same_procedure(shown, main):
    with shown.reading() as session:
        view = reviewing.patient_view(session, by_record(session)["R7-00000"].public_id, [main.id], LATER)
    assert view.similar.words.startswith("same procedure")
    for point in view.similar.points:
        assert point.n >= 12
        assert point.p10 <= point.p25 <= point.p50 <= point.p75 <= point.p90


@here
def test_the_pages_never_load_statsmodels():
    code = "import sys, prom.services.comparing, prom.services.reviewing; sys.exit('statsmodels' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@here
def test_the_mixed_model_is_fitted_by_its_own_job(shown, main):
    with shown.writing() as session:
        assert page(session, main).mixed is None
        comparing.refresh_models(session, LATER)
        mixed = page(session, main).mixed
    assert [term.name for term in mixed.terms][-1] == "time x CSI"
    assert mixed.patients > 30


@here
def test_models_of_a_page_rest_while_counts_follow_every_change(shown):
    with shown.writing() as session:
        audit.record(session, audit.COMMAND, "touched", session.exec(select(Episode)).first(), LATER)
        session.flush()
        comparing.keep(session, comparing.prepared(session, LATER))
        soon, later = LATER + timedelta(milliseconds=9), LATER + timedelta(milliseconds=601)
        assert comparing.fitted(session, soon, unhurried=True).pages == ()
        assert comparing.fitted(session, later, unhurried=True).pages != ()
