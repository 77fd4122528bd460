"""Episodes, their answers, plans and consents as rows."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from prom.storage import answers, audit, episodes, plans
from prom.storage.models import AnswerState, EpisodeState, EventKind, Source
from tests import people


@pytest.fixture
def asha(store, site, now):
    with store.writing() as session:
        return people.asha(session, site, now)


def _answer(session, episode, now, **changes):
    values = {
        "occasion": "d14",
        "instrument": "nrs",
        "series": "average_24h",
        "value": 3,
        "answered_at": now,
        "now": now,
        "source": Source.SMS,
    }
    return answers.add(session, episode, **(values | changes))


def test_an_episode_is_found_only_at_ones_own_sites(store, site, asha):
    with store.reading() as session:
        assert episodes.by_public_id(session, asha.public_id, None).id == asha.id
        assert episodes.by_public_id(session, asha.public_id, [site.id]).id == asha.id
        assert episodes.by_public_id(session, asha.public_id, [site.id + 1]) is None


def test_procedures_of_a_day_leave_cancelled_ones_out(store, site, asha, now):
    day = asha.procedure_at.replace(hour=0, minute=0)
    with store.writing() as session:
        second = people.bikash(session, site, now)
        found = episodes.between(session, [site.id], day, day + timedelta(days=1))
        assert [row.id for row in found] == [asha.id, second.id]
        episodes.take(session, second, EpisodeState.PLANNED, EpisodeState.CANCELLED)
        found = episodes.between(session, [site.id], day, day + timedelta(days=1))
        assert [row.id for row in found] == [asha.id]


def test_a_state_is_taken_once(store, asha):
    with store.writing() as session:
        assert episodes.take(session, asha, EpisodeState.PLANNED, EpisodeState.DONE) is True
        assert episodes.take(session, asha, EpisodeState.PLANNED, EpisodeState.DONE) is False
        assert asha.state is EpisodeState.DONE


def test_an_events_note_is_sealed(store, asha, now):
    with store.writing() as session:
        event = episodes.add_event(session, asha, EventKind.REPEAT, now.date(), now, "canary note")
        assert b"canary" not in event.note_sealed
        assert episodes.event_note(session, event) == "canary note"
        plain = episodes.add_event(session, asha, EventKind.SURGERY, now.date(), now)
        assert episodes.event_note(session, plain) == ""


def test_one_answer_an_item_counts(store, asha, now):
    with store.writing() as session:
        first = _answer(session, asha, now)
        assert answers.supersede(session, first, AnswerState.CORRECTED, "misread") is True
        assert answers.supersede(session, first, AnswerState.STRUCK) is False
        second = _answer(session, asha, now, value=4, replaces=first)
        counted = [row for row in answers.current(session, asha.id) if row.occasion == "d14"]
        assert [row.id for row in counted] == [second.id]
        assert answers.verify_macs(session) == []
    with pytest.raises(IntegrityError), store.writing() as session:
        _answer(session, asha, now)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE answer SET value = 1 WHERE occasion = 'd14'",
        "UPDATE answer SET state = 'struck' WHERE occasion = 'd14'",
        "UPDATE answer SET answered_at = '2020-01-01 00:00:00.000000' WHERE occasion = 'd14'",
        "UPDATE answer SET item = 1 WHERE occasion = 'd14'",
        "UPDATE answer SET occasion = 'd30' WHERE occasion = 'd14'",
    ],
)
def test_a_score_changed_behind_our_back_is_named(store, asha, now, statement):
    with store.writing() as session:
        public_id = _answer(session, asha, now).public_id
    with store.writing() as session:
        session.execute(text(statement))
    with store.reading() as session:
        assert answers.verify_macs(session) == [public_id]


@pytest.mark.parametrize(
    ("question", "kept"),
    [
        ("nrs", ("nrs", "average_24h")),
        ("nrs_current", ("nrs", "current")),
        ("pgic", ("pgic", "")),
        ("relief_percent", ("relief_percent", "")),
        ("csi_1_5", ("csi", "")),
        ("peg_2", ("peg", "")),
    ],
)
def test_only_pain_scores_have_a_series(question, kept):
    assert answers.kept_as(question) == kept


def test_a_plan_is_stored_once_and_read_as_written(store, site, now):
    with store.writing() as session:
        row = plans.default_row(session, "genicular_rfa", now)
        assert plans.default_row(session, "genicular_rfa", now).id == row.id
        assert [point.key for point in plans.plan(row).time_points][:3] == ["d-7", "d-1", "d3"]
        assert plans.row_for(session, site.id, "genicular_rfa", now).id == row.id


def test_rows_enrolled_in_bulk_have_every_column_that_single_rows_have(store, asha):
    with store.reading() as session:
        nulls = session.execute(text("SELECT count(*) FROM prompt WHERE reason IS NULL OR nonce IS NULL")).scalar_one()
        assert nulls == 0
        record = episodes.sensitization(session, asha.id)
        assert (record.brush_allodynia, record.technique, record.not_done) == ("", "", "")
        trail = audit.history(session, "episode", asha.public_id)
        assert [(row.field, row.reason, row.site_id) for row in trail] == [("", "", asha.site_id)]
