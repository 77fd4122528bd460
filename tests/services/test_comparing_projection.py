"""The kept cohort: a change costs its own block and tally, and leaves the same page as counting everything anew."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from sqlmodel import delete, select

from prom.services import comparing, comparing_asking, comparing_cohort, comparing_loading, comparing_tally, watching
from prom.services import comparing_projection as projection
from prom.services.comparing_asking import Waiting
from prom.services.comparing_filters import Filters, from_json
from prom.storage import audit, cohort_pages
from prom.storage.models import (
    Answer,
    AnswerState,
    CohortSnapshot,
    CoTreatment,
    Episode,
    EpisodeState,
    Event,
    Patient,
    Sensitization,
)
from tests.services import cohort_fixtures
from tests.services.cohort_fixtures import LATER, here

made, imported, main = cohort_fixtures.made, cohort_fixtures.imported, cohort_fixtures.main
shown = cohort_fixtures.shown
SOON = LATER + timedelta(minutes=5)


def page(session, site, **filters):
    return comparing.cohort(session, [site.id], Filters(**filters), SOON)


def touched(session, row, patient=None):
    audit.record(session, audit.COMMAND, "changed", row, SOON, patient=patient)
    session.flush()


def an_answer_is_struck(session):
    answer = session.exec(select(Answer).where(Answer.instrument == "nrs", Answer.occasion == "import")).all()[40]
    answer.state = AnswerState.STRUCK
    touched(session, answer)
    watching.refresh(session, [answer.episode_id], SOON)


def a_csi_is_corrected(session):
    record = session.exec(select(Sensitization).where(Sensitization.csi_min > 50)).first()
    record.csi_min = record.csi_max = 12
    touched(session, session.get(Episode, record.episode_id))


def a_patient_dies(session):
    episode = session.exec(select(Episode)).all()[3]
    given = {"patient_id": episode.patient_id, "site_id": episode.site_id, "episode_id": episode.id}
    event = Event(**given, kind="death", happened_on=episode.procedure_at.date() + timedelta(days=20), recorded_at=SOON)
    session.add(event)
    session.flush()
    touched(session, event)
    watching.refresh(session, [episode.id], SOON)


def a_treatment_is_recorded(session):
    episode = session.exec(select(Episode)).all()[5]
    given = {"patient_id": episode.patient_id, "site_id": episode.site_id, "episode_id": episode.id}
    row = CoTreatment(**given, kind="cbt", started_on=date(2024, 5, 1))
    session.add(row)
    session.flush()
    touched(session, row)


def a_year_of_birth_is_mended(session):
    patient = session.exec(select(Patient)).all()[7]
    patient.birth_year = 1930
    touched(session, patient)


def a_procedure_is_cancelled(session):
    episode = session.exec(select(Episode)).all()[9]
    episode.state = EpisodeState.CANCELLED
    touched(session, episode)
    watching.refresh(session, [episode.id], SOON)


CHANGES = (
    an_answer_is_struck,
    a_csi_is_corrected,
    a_patient_dies,
    a_treatment_is_recorded,
    a_year_of_birth_is_mended,
    a_procedure_is_cancelled,
)


@here
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_leaves_the_same_pages_as_counting_everything_anew(shown, main, change):
    with shown.writing() as session:
        before = page(session, main)
        change(session)
        update = projection.update(session, SOON)
        assert not update.whole
        assert len(update.places) == 1
        comparing.refresh_snapshots(session, SOON)
        quick = [page(session, main), page(session, main, threshold=30), page(session, main, treatment="cbt")]
        session.exec(delete(CohortSnapshot))
        comparing.refresh_snapshots(session, SOON)
        assert quick == [page(session, main), page(session, main, threshold=30), page(session, main, treatment="cbt")]
        assert change is a_treatment_is_recorded or replace(quick[0], as_of=LATER, fitted_at=LATER) != before


@here
def test_looking_at_a_page_is_no_change(shown, main):
    with shown.writing() as session:
        patient = session.exec(select(Patient)).first()
        audit.record(session, audit.COMMAND, "read", patient, SOON)
        session.flush()
        assert projection.update(session, SOON).kept == {}


@here
def test_tallies_add_up_and_can_be_taken_apart(shown, main):
    with shown.reading() as session:
        known = projection.manifest(session)
        cohort = projection.read(session, known, known.places)
    half = np.arange(cohort.size) % 2 == 0
    whole, one, other = (comparing_tally.tally(part) for part in (cohort, cohort.only(half), cohort.only(~half)))
    for name in whole.arrays:
        assert np.allclose((one + other)[name], whole[name])
        taken = (whole - other)[name]
        assert np.allclose(taken[..., : one[name].shape[-1]], one[name], atol=1e-9)


@here
def test_a_cohort_is_the_same_after_packing(shown, main):
    with shown.reading() as session:
        known = projection.manifest(session)
        cohort = projection.read(session, known, known.places)
    again = comparing_cohort.unpacked(comparing_cohort.packed(cohort))
    assert comparing_cohort.packed(again) == comparing_cohort.packed(cohort)
    empty = comparing_loading.nobody()
    assert comparing_cohort.unpacked(comparing_cohort.packed(empty)).size == 0


@here
def test_a_full_block_is_followed_by_a_new_one(imported, main, monkeypatch):
    monkeypatch.setattr(projection, "BLOCK_EPISODES", 5)
    monkeypatch.setattr(comparing_loading, "WAVE_EPISODES", 10)
    with imported.writing() as session:
        comparing.refresh_snapshots(session, LATER)
        known = projection.manifest(session)
        assert sum(known.places.values()) == sum(block.n for block in known.blocks) == 60
        assert len(known.blocks) > len(known.places)
        small = page(session, main)
        session.exec(delete(CohortSnapshot))
        monkeypatch.setattr(projection, "BLOCK_EPISODES", 8_192)
        comparing.refresh_snapshots(session, LATER)
        assert page(session, main) == small


@here
def test_a_narrowed_page_is_asked_for_once_and_counted_by_the_job(shown, main, monkeypatch):
    within = page_of(shown, main)
    monkeypatch.setattr(comparing_asking, "COUNTED_WITHIN_A_PAGE", 10)
    filters = Filters(side="left")
    with shown.writing() as session:
        waiting = comparing.cohort(session, [main.id], filters, SOON)
        assert isinstance(waiting, Waiting)
        assert (waiting.asked, waiting.of) == (False, 60)
        comparing_asking.ask(session, waiting, filters, SOON)
        comparing_asking.ask(session, waiting, filters, SOON)
        assert comparing.cohort(session, [main.id], filters, SOON).asked
        comparing.keep(session, comparing.answered(session, SOON))
        assert not comparing_asking.asked(session)
        found = comparing.cohort(session, [main.id], filters, SOON)
        assert comparing_asking.outdated(session, [main.id], filters) is None
        touched(session, session.exec(select(Episode)).first())
        comparing.refresh_snapshots(session, SOON + timedelta(minutes=1))
        assert comparing_asking.outdated(session, [main.id], filters) == replace(waiting, of=0)
    assert (found.n, found.states, found.findings) == (within.n, within.states, within.findings)


def page_of(store, site):
    with store.reading() as session:
        return page(session, site, side="left")


@here
def test_only_so_many_narrowed_pages_are_kept(shown, main, monkeypatch):
    monkeypatch.setattr(comparing_asking, "COUNTED_WITHIN_A_PAGE", 10)
    monkeypatch.setattr(comparing_asking, "MOST_KEPT", 3)
    with shown.writing() as session:
        for day in range(1, 7):
            filters = Filters(since=date(2024, 1, day))
            now = SOON + timedelta(seconds=day)
            comparing_asking.ask(session, comparing.cohort(session, [main.id], filters, now), filters, now)
            comparing.keep(session, comparing.answered(session, now))
        assert len(cohort_pages.marks(session, comparing_asking.KEPT)) == 3


def test_a_choice_survives_being_written_down():
    filters = Filters(
        "genicular_rfa", 30, 4, "spinal", "left", date(2024, 1, 2), None, "beyond", "cbt", "chinese", "open"
    )
    assert from_json(filters.as_json()) == filters


@pytest.mark.parametrize(
    "wrong",
    [
        {"side": "up"},
        {"signs": "some"},
        {"cut_off": "mine"},
        {"treatment": "tea"},
        {"reading": "kind"},
        {"indication": "x"},
        {"since": date(2025, 1, 2), "until": date(2025, 1, 1)},
    ],
)
def test_a_choice_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError):
        Filters(**wrong)


@here
def test_what_another_release_has_kept_is_not_read_and_is_counted_anew(shown, main, monkeypatch):
    with shown.writing() as session:
        before = page(session, main)
        monkeypatch.setattr(projection, "SHAPE", "another")
        assert page(session, main) is None
        comparing.refresh_snapshots(session, LATER)
        assert page(session, main) == before
        assert not pages_left_behind(session)


def pages_left_behind(session):
    known = projection.manifest(session)
    blocks = {block.key for block in known.blocks}
    return [key for key in cohort_pages.marks(session, "block|") if key not in blocks]
