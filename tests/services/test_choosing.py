"""What patients choose: the time of day moves what is still to come, a pause of the clinic is not theirs to end."""

from datetime import timedelta

import pytest

from prom.domain import timetable
from prom.services import choosing, consenting_texts, contacting, planning
from prom.storage import audit, consents, episodes, messages, plans, tasks
from prom.storage.models import Patient, PromptState, Purpose
from tests import people


@pytest.fixture
def asha(store, site, now):
    """Return the id of Asha, whose procedure was done now, and her procedure."""
    with store.writing() as session:
        episode = people.asha(session, site, now)
        planning.mark_done(session, episode, now, audit.COMMAND, now)
        return episode.patient_id, episode


def test_a_chosen_time_moves_what_waits_and_its_texts_and_no_day(store, asha, now):
    with store.writing() as session:
        patient = session.get_one(Patient, asha[0])
        before = {row.time_point: row.due_at for row in plans.prompts(session, asha[1].id)}
        choosing.set_time(session, patient, 18 * 60 + 30, audit.PATIENT, now)
        for row in plans.prompts(session, asha[1].id):
            there = timetable.local(row.due_at, patient.time_zone)
            if row.state is PromptState.PLANNED:
                assert (there.hour, there.minute) == (18, 30), row.time_point
                assert there.date() == timetable.local(before[row.time_point], patient.time_zone).date()
                [text] = messages.of_prompt(session, row.id)
                session.refresh(text)
                assert text.due_at == text.send_at == row.due_at
            else:
                assert row.due_at == before[row.time_point]
        choosing.set_time(session, patient, None, audit.PATIENT, now)
        assert {row.time_point: row.due_at for row in plans.prompts(session, asha[1].id)} == before


def test_new_procedures_and_moves_follow_the_choice(store, site, asha, now):
    with store.writing() as session:
        patient = session.get_one(Patient, asha[0])
        choosing.set_time(session, patient, 8 * 60, audit.PATIENT, now)
        at = now + timedelta(days=40)
        second = people.asha(
            session, site, now, procedure="epidural_steroid", target="lumbar", side="", procedure_at=at
        )
        planning.move(session, second, at + timedelta(days=3), audit.COMMAND, now)
        assert second.patient_id == patient.id
        hours = {timetable.local(row.due_at, patient.time_zone).hour for row in plans.prompts(session, second.id)}
        assert hours == {8}


def test_a_question_of_today_is_never_skipped_by_an_earlier_hour(store, asha):
    with store.writing() as session:
        patient = session.get_one(Patient, asha[0])
        day3 = next(row for row in plans.prompts(session, asha[1].id) if row.time_point == "d3")
        early = day3.due_at - timedelta(minutes=1)
        choosing.set_time(session, patient, 8 * 60, audit.PATIENT, early)
        assert day3.due_at > early
        assert day3.due_at == early + timedelta(minutes=1)


@pytest.mark.parametrize("minute", [0, 479, 1201, -1, 5000])
def test_hours_at_night_are_not_on_offer(store, asha, now, minute):
    with store.writing() as session, pytest.raises(choosing.ChoiceError):
        choosing.set_time(session, session.get_one(Patient, asha[0]), minute, audit.PATIENT, now)


def test_way_and_language_are_those_on_offer(store, asha, now):
    with store.writing() as session:
        patient = session.get_one(Patient, asha[0])
        choosing.set_channel(session, patient, "link", audit.PATIENT, now)
        choosing.set_language(session, patient, "bn-Latn", audit.PATIENT, now)
        assert (patient.channel, patient.language) == ("link", "bn-Latn")
        for wrong in ("whatsapp", "", "pigeon"):
            with pytest.raises(choosing.ChoiceError):
                choosing.set_channel(session, patient, wrong, audit.PATIENT, now)
            with pytest.raises(choosing.ChoiceError):
                choosing.set_language(session, patient, wrong, audit.PATIENT, now)
        said = [row.action for row in audit.history(session, "patient", patient.public_id)]
        assert {"channel chosen", "language changed"} <= set(said)


def test_a_pause_is_theirs_to_end_unless_the_clinic_set_it(store, asha, now):
    with store.writing() as session:
        patient = session.get_one(Patient, asha[0])
        choosing.pause(session, patient, 7, audit.PATIENT, now)
        assert patient.paused_until == now + timedelta(days=7)
        assert choosing.of(patient, now).may_resume
        assert choosing.resume(session, patient, audit.PATIENT, now)
        contacting.pause(session, patient, None, audit.COMMAND, now)
        until = patient.paused_until
        choosing.pause(session, patient, 7, audit.PATIENT, now)
        assert patient.paused_until == until
        assert not choosing.resume(session, patient, audit.PATIENT, now)
        with pytest.raises(choosing.ChoiceError):
            choosing.pause(session, patient, 999, audit.PATIENT, now)


def test_a_caregiver_answers_with_consent_and_until_it_is_taken_back(store, site, asha, now):
    with store.writing() as session:
        patient = session.get_one(Patient, asha[0])
        shown = consenting_texts.current(session, site, Purpose.CAREGIVER, "bn")
        with pytest.raises(consenting_texts.StaleError):
            choosing.let_answer(session, patient, shown, "0", audit.PATIENT, now)
        assert not patient.proxy
        choosing.let_answer(session, patient, shown, shown.version, audit.PATIENT, now)
        given = consents.live(session, patient.id, Purpose.CAREGIVER)
        assert (patient.proxy, given.version, given.language, given.method) == (True, shown.version, "bn", "page")
        choosing.answer_myself(session, patient, audit.PATIENT, now)
        assert not patient.proxy
        assert consents.live(session, patient.id, Purpose.CAREGIVER) is None
        assert episodes.open_of_patient(session, patient.id)
        assert [row.reason for row in tasks.open_tasks(session, [site.id])] == ["consent_withdrawn"]
