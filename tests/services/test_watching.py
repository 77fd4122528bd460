"""The relief projection and the alerts it raises."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from prom.domain import relief
from prom.services import comparing, reviewing, trajectory, watching
from prom.services.comparing_filters import Filters
from prom.storage import answers, relief_rows, sites
from prom.storage.models import (
    Alert,
    AlertKind,
    AnswerState,
    Episode,
    EpisodeState,
    Event,
    EventKind,
    Patient,
    Prompt,
    PromptState,
    Relief,
    Sensitization,
    Source,
)
from tests import people

DAYS_AGO = 200


@pytest.fixture
def asha(store, site, now):
    """Return Asha's episode (baseline 8), done 200 days ago."""
    with store.writing() as session:
        return people.asha(session, site, now, procedure_at=now - timedelta(days=DAYS_AGO), done=True)


def score(session, episode, day, nrs, now, **changes):
    at = episode.procedure_at + timedelta(days=day)
    values = {
        "occasion": f"t{day}-{at:%H%M}",
        "instrument": "nrs",
        "series": "average_24h",
        "value": nrs,
        "answered_at": at,
        "now": now,
        "source": Source.SMS,
    }
    return answers.add(session, episode, **(values | changes))


def told(session, episode, scores, now):
    for day, nrs in scores:
        score(session, episode, day, nrs, now)
    watching.refresh(session, [episode.id], now)
    return state(session, episode)


def state(session, episode):
    rows = relief_rows.stored(session, [episode.id]).get(episode.id, {})
    return {threshold: row.state for threshold, row in rows.items()}


def alerts(session, episode):
    rows = session.exec(select(Alert).where(Alert.episode_id == episode.id)).all()
    for row in rows:
        session.refresh(row)
    return {row.kind: row for row in rows if row.cleared_at is None}


def test_two_verdicts_are_kept_for_each_done_episode(store, asha, now):
    with store.writing() as session:
        assert told(session, asha, [(14, 2), (30, 2), (180, 2)], now) == {
            50: "sustained_responder",
            30: "sustained_responder",
        }
        row = relief_rows.stored(session, [asha.id])[asha.id][50]
        assert json.loads(row.fields)["baseline"] == 8.0
        assert (row.end_day, row.censor_day, row.at_horizon) == (DAYS_AGO, 180, "held")
        assert row.course == "14:2 30:2 180:2"


def test_a_confirmed_loss_of_half_the_relief_is_amber_and_of_a_third_red(store, asha, now):
    with store.writing() as session:
        told(session, asha, [(14, 2), (30, 5), (37, 5)], now)
        assert set(alerts(session, asha)) == {AlertKind.AMBER}
        told(session, asha, [(60, 7), (67, 7)], now)
        raised = alerts(session, asha)
        assert set(raised) == {AlertKind.AMBER, AlertKind.RED}
        assert raised[AlertKind.RED].day == 60
        assert "below 30 %" in raised[AlertKind.RED].rule


def test_one_bad_score_raises_nothing(store, asha, now):
    with store.writing() as session:
        assert told(session, asha, [(14, 2), (30, 8)], now)[30] == "suspected_loss"
        assert alerts(session, asha) == {}


def test_pain_clearly_worse_than_before_is_told_until_it_is_better(store, asha, now):
    with store.writing() as session:
        told(session, asha, [(14, 10), (30, 10)], now)
        flag = alerts(session, asha)[AlertKind.DETERIORATION]
        assert flag.day == 14
        assert flag.rule.startswith("Pain 10 on day 14 against a mean of 8.0 before the procedure")
        assert "alone it is no loss of relief" in flag.rule
        told(session, asha, [(60, 8)], now)
        assert alerts(session, asha) == {}


def test_an_alert_is_cleared_when_a_correction_takes_its_ground_away_and_raised_once_when_it_comes_back(
    store, asha, now
):
    with store.writing() as session:
        told(session, asha, [(14, 2), (30, 7)], now)
        second = score(session, asha, 37, 7, now)
        watching.refresh(session, [asha.id], now)
        first = alerts(session, asha)[AlertKind.RED]
        answers.supersede(session, second, AnswerState.STRUCK, "typed by the wrong person")
        watching.refresh(session, [asha.id], now)
        assert alerts(session, asha) == {}
        told(session, asha, [(38, 7)], now + timedelta(hours=1))
        again = alerts(session, asha)[AlertKind.RED]
        assert again.id == first.id
        assert again.raised_at == now + timedelta(hours=1)


def test_a_correction_keeps_the_day_of_the_answer_it_corrects(store, asha, now):
    with store.writing() as session:
        score(session, asha, 14, 2, now)
        wrong = score(session, asha, 30, 8, now)
        answers.supersede(session, wrong, AnswerState.CORRECTED)
        late = {"occasion": wrong.occasion, "replaces": wrong}
        better = score(session, asha, 33, 1, now, **late)
        answers.supersede(session, better, AnswerState.CORRECTED)
        score(session, asha, 35, 3, now, **(late | {"replaces": better}))
        watching.refresh(session, [asha.id], now)
        assert relief_rows.stored(session, [asha.id])[asha.id][50].course == "14:2 30:3"


def test_an_answer_in_the_patients_evening_belongs_to_the_patients_day(store, asha, now):
    with store.writing() as session:
        patient = session.get(Patient, asha.patient_id)
        patient.time_zone = "America/New_York"
        late = {"occasion": "late"}
        # 10:00 in Kolkata is 00:30 in New York; ten hours later it is 10:30 of the same day there.
        score(session, asha, 14, 2, now, **late)
        score(session, asha, 14, 9, now, answered_at=asha.procedure_at + timedelta(days=14, hours=10))
        watching.refresh(session, [asha.id], now)
        assert relief_rows.stored(session, [asha.id])[asha.id][50].course == "14:2"


def test_hour_prompts_are_a_series_of_their_own(store, asha, now):
    with store.writing() as session:
        score(session, asha, 14, 2, now, series="current")
        watching.refresh(session, [asha.id], now)
        assert relief_rows.stored(session, [asha.id])[asha.id][50].course == ""


def test_the_baseline_is_the_fourteen_days_before_up_to_the_start(store, asha, now):
    with store.writing() as session:
        score(session, asha, -15, 0, now)
        score(session, asha, -14, 4, now)
        score(session, asha, -1, 6, now)
        score(session, asha, 0, 0, now, answered_at=asha.procedure_at + timedelta(hours=1))
        course = next(trajectory.courses(session, [asha.id], now))
        assert sorted(course.before) == [4, 6, 8]


def test_an_event_ends_follow_up_and_a_death_of_the_patient_counts_as_one(store, asha, now):
    with store.writing() as session:
        patient = session.get(Patient, asha.patient_id)
        patient.died_on = (asha.procedure_at + timedelta(days=40)).date()
        assert told(session, asha, [(14, 2), (30, 2), (60, 9)], now)[50] == "competing_death"


def test_a_cancelled_procedure_has_no_verdict(store, asha, now):
    with store.writing() as session:
        told(session, asha, [(14, 2), (30, 7), (37, 7)], now)
        asha = session.get(Episode, asha.id)
        asha.state = EpisodeState.CANCELLED
        watching.refresh(session, [asha.id], now)
        assert state(session, asha) == {}
        assert alerts(session, asha) == {}


def test_time_alone_ends_a_pending_response(store, site, now):
    with store.writing() as session:
        episode = people.asha(session, site, now, procedure_at=now - timedelta(days=50), done=True)
        watching.refresh(session, [episode.id], now)
        assert state(session, episode)[50] == "pending_response"
        for days in (3, 6):
            watching.refresh_stale(session, now + timedelta(days=days), 100)
            assert state(session, episode)[50] == "pending_response"
        watching.refresh_stale(session, now + timedelta(days=7), 100)
        assert state(session, episode)[50] == "undetermined_response"


def test_an_event_entered_ahead_of_its_day_counts_when_the_day_has_come(store, asha, now):
    with store.writing() as session:
        session.add(
            Event(
                episode_id=asha.id,
                patient_id=asha.patient_id,
                site_id=asha.site_id,
                kind=EventKind.REPEAT,
                happened_on=(now + timedelta(days=5)).date(),
                recorded_at=now,
            )
        )
        assert told(session, asha, [(14, 2), (30, 2)], now)[50] == "in_relief_ongoing"
        watching.refresh_stale(session, now + timedelta(days=6), 100)
        assert state(session, asha)[50] == "competing_repeat"


def test_done_episodes_without_a_verdict_get_one(store, asha, now):
    with store.writing() as session:
        assert watching.refresh_stale(session, now, 100) == 1
        assert set(state(session, asha)) == {50, 30}


DAYS = st.integers(-16, DAYS_AGO + 5)
STEPS = st.lists(st.tuples(DAYS, st.integers(0, 10), st.sampled_from(["add", "strike", "refresh"])), max_size=25)
EVENTS = st.lists(st.tuples(st.integers(-3, DAYS_AGO + 5), st.sampled_from(list(EventKind))), max_size=2, unique=True)


@given(steps=STEPS, events=EVENTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_projection_is_what_a_fresh_look_at_the_answers_gives(store, asha, now, steps, events):
    with store.writing() as session:
        given = []
        for place, (day, nrs, step) in enumerate(steps):
            if step == "strike" and given:
                answers.supersede(session, given.pop(day % len(given)), AnswerState.STRUCK, "struck")
            elif step == "add":
                given.append(score(session, asha, day, nrs, now, occasion=f"s{place}"))
            watching.refresh(session, [asha.id], now)
        day_0 = asha.procedure_at.date()
        for day, kind in events:
            session.add(
                Event(
                    episode_id=asha.id,
                    patient_id=asha.patient_id,
                    site_id=asha.site_id,
                    kind=kind,
                    happened_on=day_0 + timedelta(days=day),
                    recorded_at=now,
                )
            )
        watching.refresh(session, [asha.id], now)
        scores = [(row.answered_at, row.value) for row in given]
        before = [8] + [nrs for at, nrs in scores if at <= asha.procedure_at and (at - asha.procedure_at).days >= -14]
        after = [((at - asha.procedure_at).days, nrs) for at, nrs in scores if asha.procedure_at < at <= now]
        stored = relief_rows.stored(session, [asha.id])[asha.id]
        for threshold in (50, 30):
            verdict = relief.classify(asha.procedure, before, after, events, DAYS_AGO, threshold)
            assert json.loads(stored[threshold].fields) == relief.as_json(verdict)
        wanted = relief.alarm(*(relief.classify(asha.procedure, before, after, events, DAYS_AGO, x) for x in (50, 30)))
        raised = set(alerts(session, asha)) - {AlertKind.DETERIORATION}
        assert (wanted is None) == (raised == set())
        session.rollback()


def test_nothing_is_judged_twice(store, asha, now):
    with store.writing() as session:
        told(session, asha, [(14, 2)], now)
        watching.refresh(session, [asha.id, asha.id], now)
        assert len(session.exec(select(Relief)).all()) == 2


def test_a_death_entered_late_ends_all_episodes_of_the_patient(store, site, asha, now):
    with store.writing() as session:
        told(session, asha, [(14, 2), (30, 2)], now)
        other = people.asha(session, site, now, procedure_at=now - timedelta(days=150), target="hip", done=True)
        told(session, other, [(14, 2), (30, 2)], now)
        patient = session.get(Patient, asha.patient_id)
        patient.died_on = (now - timedelta(days=20)).date()
        session.add(
            Event(
                episode_id=asha.id,
                patient_id=asha.patient_id,
                site_id=asha.site_id,
                kind=EventKind.DEATH,
                happened_on=patient.died_on,
                recorded_at=now + timedelta(minutes=5),
            )
        )
        assert watching.refresh_stale(session, now + timedelta(minutes=6)) == 2
        assert (state(session, asha)[50], state(session, other)[50]) == ("competing_death", "competing_death")
        assert watching.stale(session, now + timedelta(minutes=7)) == []


def test_a_procedure_that_was_cancelled_after_all_loses_its_verdict_by_the_job(store, asha, now):
    with store.writing() as session:
        told(session, asha, [(14, 2)], now)
        session.get(Episode, asha.id).state = EpisodeState.CANCELLED
        watching.refresh_stale(session, now)
        assert state(session, asha) == {}


def missed(session, episode, states):
    rows = session.exec(select(Prompt).where(Prompt.episode_id == episode.id).order_by(Prompt.due_at)).all()
    for row, becomes in zip([row for row in rows if row.due_at > episode.procedure_at], states, strict=False):
        row.state = becomes
    session.flush()


def test_three_questions_missed_in_a_row_are_told_and_forgotten_with_an_answer(store, asha, now):
    with store.writing() as session:
        answered, gone, ours = PromptState.ANSWERED, PromptState.MISSED, PromptState.NOT_SENT
        missed(session, asha, [answered, gone, ours, gone])
        when = asha.procedure_at + timedelta(days=40)
        watching.refresh_stale(session, when)
        assert AlertKind.NOT_ANSWERING not in alerts(session, asha)
        missed(session, asha, [answered, gone, ours, gone, gone])
        when = asha.procedure_at + timedelta(days=71)
        watching.refresh_stale(session, when)
        watching.refresh_stale(session, when + timedelta(days=1))
        alert = alerts(session, asha)[AlertKind.NOT_ANSWERING]
        assert alert.rule.startswith("3 questions in a row were not answered")
        score(session, asha, 75, 3, now)
        watching.refresh_stale(session, when + timedelta(days=6))
        assert AlertKind.NOT_ANSWERING not in alerts(session, asha)


def test_baseline_items_answered_one_by_one_become_the_csi_of_the_record(store, site, now):
    with store.writing() as session:
        episode = people.asha(session, site, now, csi_items=None)
        for item in range(1, 21):
            given = {"occasion": "baseline", "instrument": "csi", "series": "", "item": item}
            score(session, episode, -5, 2, now, **given)
        watching.score_baseline(session, episode.id, now)
        record = session.exec(select(Sensitization).where(Sensitization.episode_id == episode.id)).one()
        assert (record.csi_answered, record.csi_min, record.csi_max) == (20, 40, 60)


@pytest.mark.postgres
def test_the_projection_and_the_pages_work_on_postgresql(postgres_store, now):
    with postgres_store.writing() as session:
        place = sites.add(session, "main", "Asha Clinic", "Asia/Kolkata")
        done = people.bikash(session, place, now, procedure_at=now - timedelta(days=100), done=True)
        told(session, done, [(14, 3), (30, 3), (56, 6), (63, 6)], now)
        told(session, done, [(70, 6)], now)
        assert state(session, done)[30] == "early_loss"
        assert set(alerts(session, done)) == {AlertKind.AMBER, AlertKind.RED}
        watching.refresh_stale(session, now + timedelta(days=1))
        assert comparing.refresh_snapshots(session, now) > 0
        assert comparing.cohort(session, [place.id], Filters(), now).responders == 1
        assert comparing.analysis(session, as_of=now)["n"] == 1
        assert reviewing.losing_relief(session, [place.id], now, None).rows[0].kind == "red"
        assert reviewing.patients_list(session, [place.id], now, "lost").total == 1
        assert reviewing.patient_view(session, done.public_id, [place.id], now).verdict.badge == "red"
