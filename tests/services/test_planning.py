"""Plans become prompts and waiting texts, and follow the procedure: done, moved, cancelled, reopened."""

from datetime import timedelta

import pytest

from prom.services import ending, planning
from prom.storage import answers, audit, consents, episodes, messages, plans
from prom.storage.models import EpisodeState, EventKind, MessageKind, MessageState, PromptState, Source
from tests import people

DAY = timedelta(days=1)


def _texts(session, episode):
    """Return the waiting and held texts of an episode by time point."""
    return {
        prompt.time_point: [(text.state, text.reason) for text in messages.of_prompt(session, prompt.id)]
        for prompt in plans.prompts(session, episode.id)
    }


def _waiting(session, episode):
    pending = [(MessageState.PENDING, "")]
    return [key for key, texts in _texts(session, episode).items() if texts == pending]


def _states(session, episode):
    return {prompt.time_point: prompt.state for prompt in plans.prompts(session, episode.id)}


def _sent(session, episode, key):
    """Let the text of a prompt have left."""
    (prompt,) = [row for row in plans.prompts(session, episode.id) if row.time_point == key]
    (text,) = messages.of_prompt(session, prompt.id)
    text.state, text.sending_at = MessageState.DELIVERED, prompt.due_at
    prompt.state, prompt.asked_at = PromptState.ASKED, prompt.due_at
    session.add_all([text, prompt])
    session.flush()


def test_enrolment_plans_every_prompt_and_queues_those_before_the_procedure(store, asha):
    with store.reading() as session:
        rows = plans.prompts(session, asha.id)
        expected = ["d-7", "d-1", "d3", "d7", "d14", "d30", "d60", "d90", "d120", "d150", "d180", "d270", "d365"]
        assert [row.time_point for row in rows] == expected
        assert {row.state for row in rows} == {PromptState.PLANNED}
        assert _waiting(session, asha) == ["d-7", "d-1"]


def test_a_text_is_queued_for_the_first_question_until_the_window_ends(store, asha):
    with store.reading() as session:
        prompt = plans.prompts(session, asha.id)[0]
        (text,) = messages.of_prompt(session, prompt.id)
        assert text.dedupe_key == f"{asha.public_id}|d-7|nrs|prompt"
        assert (text.kind, text.priority, text.text_key, text.question) == (MessageKind.PROMPT, 3, "nrs", "nrs")
        assert (text.due_at, text.send_at, text.expires_at) == (prompt.due_at, prompt.due_at, prompt.closes_at)
        assert text.phone_index == episodes.patient_of(session, asha).phone_index


def test_planning_twice_makes_no_second_row(store, asha, now):
    with store.writing() as session:
        assert len(planning.materialise(session, asha, now)) == 13
        assert planning.queue_texts(session, asha, now) == 0
        assert len(planning.materialise(session, asha, now)) == 13
        assert _waiting(session, asha) == ["d-7", "d-1"]


def test_windows_over_at_enrolment_are_told_as_ours_not_as_silence(store, site, now):
    with store.writing() as session:
        episode = people.asha(session, site, now, procedure_at=now + 2 * DAY)
        rows = plans.prompts(session, episode.id)
        assert (rows[0].time_point, rows[0].state, rows[0].reason) == ("d-7", PromptState.NOT_SENT, "before_enrolment")
        assert _waiting(session, episode) == ["d-1"]


def test_done_queues_what_follows(store, asha):
    at = asha.procedure_at
    with store.writing() as session:
        planning.mark_done(session, asha, at, audit.COMMAND, at + timedelta(hours=2))
        assert asha.state is EpisodeState.DONE
        assert asha.done_at == at + timedelta(hours=2)
        texts = _texts(session, asha)
        assert texts["d-7"] == [(MessageState.SUPPRESSED, "window_over")]
        assert _states(session, asha)["d-7"] is PromptState.NOT_SENT
        assert _waiting(session, asha) == [key for key in texts if key not in {"d-7", "d-1"}]


def test_done_on_another_day_places_the_prompts_by_that_day(store, asha):
    at = asha.procedure_at + 3 * DAY
    with store.writing() as session:
        before = {prompt.time_point: prompt.due_at for prompt in plans.prompts(session, asha.id)}
        planning.mark_done(session, asha, at, audit.COMMAND, at)
        after = {prompt.time_point: prompt for prompt in plans.prompts(session, asha.id)}
        assert after["d14"].due_at == before["d14"] + 3 * DAY
        (text,) = messages.of_prompt(session, after["d14"].id)
        assert (text.due_at, text.expires_at) == (after["d14"].due_at, after["d14"].closes_at)


def test_done_marked_late_tells_the_missed_windows_as_ours(store, asha):
    with store.writing() as session:
        planning.mark_done(session, asha, asha.procedure_at, audit.COMMAND, asha.procedure_at + 20 * DAY)
        states = _states(session, asha)
        assert (states["d3"], states["d14"], states["d30"]) == (
            PromptState.NOT_SENT,
            PromptState.NOT_SENT,
            PromptState.PLANNED,
        )


def test_a_procedure_is_done_once_and_not_in_the_future(store, asha, now):
    at = asha.procedure_at
    with store.writing() as session:
        with pytest.raises(planning.PlanningError, match="future"):
            planning.mark_done(session, asha, at, audit.COMMAND, now)
        planning.mark_done(session, asha, at, audit.COMMAND, at)
        with pytest.raises(planning.PlanningError, match="already done"):
            planning.mark_done(session, asha, at, audit.COMMAND, at)


def test_a_move_is_previewed_without_changing_anything(store, asha, now):
    with store.reading() as session:
        result = planning.preview_move(session, asha, asha.procedure_at + 2 * DAY, now)
        assert [placed.key for placed in result.moved][:2] == ["d-7", "d-1"]
        assert (result.kept, result.dropped, result.already_sent) == ((), (), ())
        assert _waiting(session, asha) == ["d-7", "d-1"]


def test_a_move_replans_only_what_was_not_sent(store, asha, now):
    sent_on = asha.procedure_at - 6 * DAY
    with store.writing() as session:
        _sent(session, asha, "d-7")
        before = {prompt.time_point: prompt.due_at for prompt in plans.prompts(session, asha.id)}
        result = planning.move(session, asha, asha.procedure_at + 2 * DAY, audit.COMMAND, sent_on)
        assert [row.key for row in result.already_sent] == ["d-7"]
        after = {prompt.time_point: prompt.due_at for prompt in plans.prompts(session, asha.id)}
        assert after["d-7"] == before["d-7"]
        assert after["d-1"] == before["d-1"] + 2 * DAY
        assert _waiting(session, asha) == ["d-1"]
        assert asha.moved_from == asha.procedure_at - 2 * DAY


def test_a_baseline_out_of_its_window_is_asked_again(store, asha, now):
    with store.writing() as session:
        _sent(session, asha, "d-7")
        far = asha.procedure_at + 30 * DAY
        result = planning.move(session, asha, far, audit.COMMAND, asha.procedure_at - 6 * DAY)
        assert result.baseline_lost
        assert [placed.key for placed in result.asked_again] == ["d-7"]
        assert _waiting(session, asha) == ["d-7.2", "d-1"]


def test_moving_back_and_forth_ends_where_it_began(store, asha, now):
    at = asha.procedure_at
    with store.writing() as session:
        before = {prompt.time_point: prompt.due_at for prompt in plans.prompts(session, asha.id)}
        planning.move(session, asha, at + 40 * DAY, audit.COMMAND, now)
        planning.move(session, asha, at, audit.COMMAND, now)
        after = {prompt.time_point: prompt.due_at for prompt in plans.prompts(session, asha.id)}
        assert after == before
        assert _waiting(session, asha) == ["d-7", "d-1"]


def test_a_change_of_zone_moves_what_was_not_sent(store, asha, now):
    with store.writing() as session:
        before = {prompt.time_point: prompt.due_at for prompt in plans.prompts(session, asha.id)}
        patient = episodes.patient_of(session, asha)
        planning.change_zone(session, patient, "Europe/London", audit.COMMAND, now)
        after = {prompt.time_point: prompt.due_at for prompt in plans.prompts(session, asha.id)}
        assert after["d-1"] - before["d-1"] == timedelta(hours=5, minutes=30)
        assert patient.time_zone == "Europe/London"
        assert _waiting(session, asha) == ["d-7", "d-1"]


def test_cancelling_ends_the_plan_and_reopening_takes_it_up(store, asha, now):
    with store.writing() as session:
        planning.cancel(session, asha, audit.COMMAND, now, "fever")
        assert asha.state is EpisodeState.CANCELLED
        assert set(_states(session, asha).values()) == {PromptState.CANCELLED}
        assert _texts(session, asha)["d-7"] == [(MessageState.SUPPRESSED, "procedure_cancelled")]
        with pytest.raises(planning.PlanningError, match="reopen"):
            planning.move(session, asha, asha.procedure_at + DAY, audit.COMMAND, now)
        planning.reopen(session, asha, audit.COMMAND, now)
        assert asha.state is EpisodeState.PLANNED
        assert _waiting(session, asha) == ["d-7", "d-1"]
        assert [row.action for row in audit.history(session, "episode", asha.public_id)] == [
            "procedure reopened",
            "procedure cancelled",
            "enrolled",
        ]


def test_done_by_mistake_is_taken_back_while_nothing_was_sent(store, asha):
    at = asha.procedure_at
    with store.writing() as session:
        planning.mark_done(session, asha, at, audit.COMMAND, at)
        planning.reopen(session, asha, audit.COMMAND, at)
        assert (asha.state, asha.done_at) == (EpisodeState.PLANNED, None)
        assert _waiting(session, asha) == []
        planning.mark_done(session, asha, at, audit.COMMAND, at)
        assert "d14" in _waiting(session, asha)
        _sent(session, asha, "d3")
        with pytest.raises(planning.PlanningError, match="sent already"):
            planning.reopen(session, asha, audit.COMMAND, at + 4 * DAY)


def test_hourly_prompts_of_a_block_are_a_diary_of_current_pain(store, site, now):
    with store.writing() as session:
        episode = people.asha(session, site, now, procedure="diagnostic_block", target="knee")
        rows = {prompt.time_point: prompt for prompt in plans.prompts(session, episode.id)}
        assert list(rows) == ["d-7", "d-1", "before", "h1", "h3", "h6", "h24"]
        assert (rows["h3"].kind, rows["h3"].questions) == ("diary", "nrs_current")
        assert rows["h3"].due_at == episode.procedure_at + timedelta(hours=3)
        (text,) = messages.of_prompt(session, rows["before"].id)
        assert (text.kind, text.priority) == (MessageKind.DIARY, 2)


def test_a_patient_without_a_phone_is_planned_but_not_texted(store, site, now):
    with store.writing() as session:
        episode = people.asha(session, site, now, phone="", consent_sms_at=None)
        assert len(plans.prompts(session, episode.id)) == 13
        assert planning.queue_texts(session, episode, now) == 0


def test_a_sites_own_plan_is_used_for_new_episodes(store, site, now):
    with store.writing() as session:
        own = plans.add(session, site.id, "genicular_rfa", {"version": "own-1", "pain_days": [7]}, now)
        episode = people.asha(session, site, now)
        assert episode.plan_id == own.id
        assert [prompt.time_point for prompt in plans.prompts(session, episode.id)] == ["d-7", "d-1", "d7"]
        with pytest.raises(ValueError, match="unknown field"):
            plans.add(session, site.id, "genicular_rfa", {"version": "2", "lunch_days": [7]}, now)


@pytest.mark.parametrize("kind", list(EventKind))
def test_an_event_ends_the_texts_of_its_episode(store, asha, bikash, kind):
    at = asha.procedure_at
    later = at + 20 * DAY
    with store.writing() as session:
        planning.mark_done(session, asha, at, audit.COMMAND, at)
        on = (at + 15 * DAY).date()
        assert ending.record(session, asha, kind, on, audit.COMMAND, later) is not None
        assert ending.record(session, asha, kind, on, audit.COMMAND, later) is None
        assert _waiting(session, asha) == []
        assert _waiting(session, bikash) == ["d-7", "d-1"]
        patient = episodes.patient_of(session, asha)
        assert patient.died_on == (on if kind is EventKind.DEATH else None)
        assert patient.withdrawn_on == (on if kind is EventKind.OPTOUT else None)
        standing = [row for row in consents.of_patient(session, patient.id) if row.withdrawn_at is None]
        assert bool(standing) == (kind is not EventKind.OPTOUT)


def test_nobody_dies_twice(store, asha, now):
    with store.writing() as session:
        ending.record(session, asha, EventKind.DEATH, now.date(), audit.COMMAND, now)
        with pytest.raises(ending.EventError, match="another day"):
            ending.record(session, asha, EventKind.DEATH, now.date() - DAY, audit.COMMAND, now)


def test_a_death_ends_all_plans_of_the_patient(store, site, asha, now):
    with store.writing() as session:
        second = people.asha(session, site, now, side="right")
        ending.record(session, asha, EventKind.DEATH, now.date(), audit.COMMAND, now)
        assert _waiting(session, second) == []
        assert planning.queue_texts(session, second, now) == 0


def test_an_answer_given_before_stays_where_it_was(store, asha, now):
    with store.writing() as session:
        prompt = plans.prompts(session, asha.id)[0]
        _sent(session, asha, "d-7")
        given = answers.add(
            session,
            asha,
            occasion="d-7",
            instrument="nrs",
            series="average_24h",
            value=7,
            answered_at=prompt.due_at,
            now=prompt.due_at,
            source=Source.SMS,
            prompt=prompt,
        )
        result = planning.move(session, asha, asha.procedure_at + 3 * DAY, audit.COMMAND, prompt.due_at + DAY)
        assert result.asked_again == ()
        assert answers.of_prompt(session, prompt.id) == [given]
