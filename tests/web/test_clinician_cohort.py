"""The cohort page: findings with denominators, guarded p values, and nobody's name."""

import csv
import io
import re

import pytest

from prom.services import comparing, comparing_asking
from tests.web import clinician_patients as known


def page(client, path="/cohort", status=200):
    answer = client.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)[:500]
    return answer.get_data(as_text=True)


@pytest.fixture
def cohort(store, site, now):
    """Bring in 28 patients and make the figures."""
    known.cohort(store, now)
    with store.writing() as session:
        comparing.refresh_snapshots(session, now)


def test_before_the_first_figures_the_page_says_so(site, client_as):
    assert "the figures are being prepared" in page(client_as("clinician"))


def test_findings_come_first_with_their_denominators(cohort, client_as):
    text = page(client_as("clinician"))
    assert text.index("Findings") < text.index("data-chart")
    assert "28 procedures, 28 responders" in text
    assert "of 14 responders with CSI 40 or more lost relief" in text
    assert "Association, not causation" in text


def test_every_figure_states_definition_and_cut_off(cohort, client_as):
    text = page(client_as("clinician"))
    figures = text.split("<figure")[1:]
    assert len(figures) >= 6
    assert all("Definition version 1; data as of" in figure for figure in figures)
    assert all(
        'role="img"' in one or "details" in one or "No review yet" in one or "Not shown:" in one for one in figures
    )


def test_the_curve_has_its_table_and_the_estimate_between_visits(cohort, client_as):
    text = page(client_as("clinician"))
    assert "At risk" in text
    assert 'data-overlay="npmle"' in text
    assert "p &lt; 0.001" in text or "p = 0." in text


def test_the_mixed_model_is_told_in_sentences_beside_its_table(cohort, store, now, client_as):
    with store.writing() as session:
        comparing.refresh_models(session, now)
    section = page(client_as("clinician")).split('id="mixed"')[1].split("</section>")[0]
    assert re.search(r"pain was \d\.\d\d points (higher|lower) with each 10 CSI points \(95 % CI .+ to .+\)\.", section)
    assert re.search(r"From \d+ answers of 28 of 28 patients", section)
    assert "Each 10 CSI points, more for each 30 days" in section


def test_a_mixed_model_that_cannot_be_fitted_says_why(store, site, now, client_as):
    known.bikash_and_asha(store, now)
    with store.writing() as session:
        comparing.refresh_snapshots(session, now)
        comparing.refresh_models(session, now)
    section = page(client_as("clinician")).split('id="mixed"')[1].split("</section>")[0]
    assert "Not fitted: too few patients with repeated answers" in section
    assert "<table" not in section


def test_a_band_that_is_too_small_gets_no_p_value(store, site, now, client_as):
    known.bikash_and_asha(store, now)
    with store.writing() as session:
        comparing.refresh_snapshots(session, now)
    text = page(client_as("clinician"))
    assert "no p value, a band is too small" in text
    assert 'data-chart="survival-2"' not in text


@pytest.mark.parametrize(
    "path", ["/cohort?procedure=genicular_rfa", "/cohort?threshold=30", "/cohort?bands=five", "/cohort?procedure="]
)
def test_the_page_can_be_narrowed(cohort, client_as, path):
    assert "28 procedures" in page(client_as("clinician"), path)


@pytest.mark.parametrize(
    "path",
    [
        "/cohort?procedure=x",
        "/cohort?threshold=40",
        "/cohort?bands=9",
        "/cohort?site=x",
        "/cohort?side=up",
        "/cohort?since=x",
    ],
)
def test_what_cannot_be_shown_is_404(cohort, client_as, path):
    page(client_as("clinician"), path, 404)


def test_record_numbers_stay_with_those_who_treat(cohort, client_as):
    assert "H-000" in page(client_as("clinician"))
    text = page(client_as("admin"))
    assert "H-0" not in text
    assert "/patients/" not in text


def test_an_auditor_does_not_see_the_cohort(cohort, client_as):
    page(client_as("auditor"), status=403)


def test_the_numbers_are_a_file_with_what_they_mean_and_without_patients(cohort, client_as):
    answer = client_as("clinician").get("/cohort.csv?bands=two")
    text = answer.get_data(as_text=True)
    assert answer.mimetype == "text/csv"
    assert text.splitlines()[0] == "figure,row,column,value"
    assert "cox,CSI 40 or more,Hazard ratio," in text
    assert "28 of 28 procedures (all procedures)" in text
    assert "H-0" not in text


def test_the_codebook_says_what_every_figure_of_the_file_means(cohort, client_as):
    client = client_as("clinician")
    numbers = list(csv.DictReader(io.StringIO(client.get("/cohort.csv?side=left").get_data(as_text=True))))
    book = list(csv.DictReader(io.StringIO(client.get("/cohort-codebook.csv?side=left").get_data(as_text=True))))
    assert {row["figure"] for row in numbers} - {"file"} <= {row["figure"] for row in book}
    assert all("left side" in row["rests_on"] for row in book)
    assert "Kaplan" in next(row["meaning"] for row in book if row["figure"] == "survival-2")


@pytest.mark.parametrize(
    ("query", "words", "n"),
    [
        ("indication=osteoarthritis", "osteoarthritis", 28),
        ("indication=crps", "CRPS", 0),
        ("side=left", "left side", 28),
        ("side=right", "right side", 0),
        ("since=2020-01-01", "from 2020-01-01", 28),
        ("until=2020-01-01", "to 2020-01-01", 0),
        ("signs=beyond", "a sign beyond the site", 0),
        ("treatment=none", "without co-treatment", 28),
        ("treatment=cbt", "with CBT", 0),
        ("cut_off=danish_low_back", "CSI cut-off 44", 28),
        ("reading=confirmed", "confirmed responders only", 28),
        ("reading=open&procedure=genicular_rfa", "open runs of bad scores", 28),
    ],
)
def test_what_a_page_is_narrowed_to_stands_under_every_figure(cohort, client_as, query, words, n):
    text = page(client_as("clinician"), f"/cohort?{query}")
    assert words in text
    assert f"{n} of 28 procedures" in text
    assert all(words in figure for figure in text.split("<figure")[1:])
    assert not n or f"/cohort.csv?{query.split('&')[0]}" in text or "/cohort.csv?procedure" in text


def test_a_page_that_is_too_large_to_count_at_once_is_counted_by_the_job(cohort, client_as, store, now, monkeypatch):
    monkeypatch.setattr(comparing_asking, "COUNTED_WITHIN_A_PAGE", 5)
    client = client_as("clinician")
    answer = client.get("/cohort?side=left")
    assert "Being counted: left side, of 28 procedures" in answer.get_data(as_text=True)
    assert answer.headers["Refresh"] == "4"
    with store.writing() as session:
        comparing.keep(session, comparing.answered(session, now))
    answer = client.get("/cohort?side=left")
    assert "28 of 28 procedures (left side)" in answer.get_data(as_text=True)
    assert "Refresh" not in answer.headers


def test_another_cut_off_names_its_bands(cohort, client_as):
    text = page(client_as("clinician"), "/cohort?cut_off=danish_low_back")
    assert "of 14 responders with CSI 44 or more lost relief" in text
    assert "CSI below 44" in text
    assert "CSI 40 or more" not in text.split("</form>")[1]


def test_there_is_no_file_before_the_first_figures(site, client_as):
    page(client_as("clinician"), "/cohort.csv", 404)
