"""Two records of one person become one: all of it moves, nothing is lost or asked twice, and it is audited."""

from datetime import timedelta

import pytest
from sqlmodel import select

from prom.services import answering, consenting, contacting, enrolling, merging, noting, planning
from prom.services.answering import Origin
from prom.storage import (
    answers,
    audit,
    consents,
    desk,
    episodes,
    inbound,
    lists,
    messages,
    patients,
    plans,
    tasks,
    trail,
)
from prom.storage.models import (
    AnswerState,
    CoTreatmentKind,
    Episode,
    EpisodeState,
    EventKind,
    Message,
    MessageState,
    NameIndex,
    Patient,
    PromptState,
    Purpose,
    Site,
    Source,
    TaskKind,
)
from tests import people
from tests.web.desk import asked, done, other_site, texted

ACTOR = audit.COMMAND


@pytest.fixture
def two(store, site, now):
    """Return the ids of Asha's record and of a second one made for her right knee, with another number."""
    with store.writing() as session:
        left = people.asha(session, site, now)
        right = people.asha(session, site, now, record_number="R-901", side="right", phone="+919007000901")
        return left.patient_id, right.patient_id


def pair(session, two):
    return session.get_one(Patient, two[0]), session.get_one(Patient, two[1])


def merge(store, two, now):
    with store.writing() as session:
        merging.merge(session, *pair(session, two), ACTOR, now)


def test_procedures_prompts_answers_and_consents_move_to_the_kept_record(store, two, now):
    merge(store, two, now)
    with store.reading() as session:
        keep, drop = pair(session, two)
        assert sorted(one.side for one in episodes.of_patient(session, keep.id)) == ["left", "right"]
        assert episodes.of_patient(session, drop.id) == []
        assert {row.patient_id for row in plans.prompts_of(session, [1, 2])} == {keep.id}
        assert len(consents.of_patient(session, keep.id)) == 2
        assert drop.merged_into_id == keep.id
        assert (drop.phone_index, drop.phone_sealed) == (None, None)
        assert answers.verify_macs(session) == []


def test_texts_sealed_with_the_other_key_open_with_the_kept_one(store, site, two, now):
    with store.writing() as session:
        _keep, drop = pair(session, two)
        text = contacting.send_free(session, drop, "Please bring your card.", "once", ACTOR, now)
        noting.treatment(
            session,
            episodes.of_patient(session, drop.id)[0],
            CoTreatmentKind.CBT,
            started_on=now.date(),
            stopped_on=None,
            note="weekly",
            actor=ACTOR,
            now=now,
        )
        episode = episodes.of_patient(session, drop.id)[0]
        episodes.add_event(session, episode, EventKind.SURGERY, now.date(), now, "abroad")
    merge(store, two, now)
    with store.reading() as session:
        keep, _drop = pair(session, two)
        moved = session.get_one(Message, text.id)
        assert moved.patient_id == keep.id
        assert "bring your card" in messages.variables(session, moved)["text"]
        right = next(one for one in episodes.of_patient(session, keep.id) if one.side == "right")
        assert noting.treatments(session, right)[0].note == "weekly"
        assert noting.events(session, right)[0][1] == "abroad"


def test_waiting_texts_go_to_the_kept_number_and_links_on_the_other_phone_die(store, two, now):
    with store.reading() as session:
        before = {row.id: row.nonce for row in plans.prompts(session, episodes.of_patient(session, two[1])[0].id)}
    merge(store, two, now)
    with store.reading() as session:
        keep, _drop = pair(session, two)
        waiting = [row for row in desk.messages_of(session, keep.id) if row.state is MessageState.PENDING]
        assert waiting
        assert {row.phone_index for row in waiting} == {keep.phone_index}
        right = next(one for one in episodes.of_patient(session, keep.id) if one.side == "right")
        assert all(row.nonce != before[row.id] for row in plans.prompts(session, right.id))


def test_the_old_record_number_finds_the_person_and_the_name_finds_one_record(store, site, two, now):
    merge(store, two, now)
    with store.writing() as session:
        keep, drop = pair(session, two)
        assert patients.by_record(session, site.id, "R-901").id == keep.id
        assert patients.by_public_id(session, drop.public_id, [site.id]).id == keep.id
        assert [row.id for row in patients.by_name(session, "Asha Das", [site.id])] == [keep.id]
        assert [row.id for row in patients.by_phone(session, people.ASHA_PHONE)] == [keep.id]
        assert session.exec(select(NameIndex).where(NameIndex.patient_id == drop.id)).all() == []
        later = people.enrolment(901, now, record_number="R-901", phone=people.ASHA_PHONE, target="lumbar")
        assert enrolling.enrol(session, later, ACTOR, now).patient_id == keep.id


def test_texts_and_tasks_of_the_other_record_move(store, site, two, now):
    texted(store, "+919007000901", "please call me", now)
    merge(store, two, now)
    with store.reading() as session:
        (task,) = tasks.open_tasks(session, [site.id], patient_id=two[0])
        assert task.kind is TaskKind.CALL
        (row,) = inbound.of_patient(session, two[0])
        assert inbound.body(session, row) == "please call me"


def test_records_of_two_sites_are_never_merged(store, two, now):
    far = other_site(store)
    with store.writing() as session:
        foreign = people.asha(session, far, now)
        keep = session.get_one(Patient, two[0])
        with pytest.raises(merging.MergeError, match="two sites"):
            merging.merge(session, keep, session.get_one(Patient, foreign.patient_id), ACTOR, now)


def test_a_record_is_not_merged_twice_or_with_itself(store, two, now):
    merge(store, two, now)
    with store.writing() as session:
        keep, drop = pair(session, two)
        with pytest.raises(merging.MergeError, match="merged already"):
            merging.merge(session, keep, drop, ACTOR, now)
        with pytest.raises(merging.MergeError, match="same record"):
            merging.preview(session, keep, keep)


def test_both_are_audited_and_the_history_of_both_is_read_on_the_kept_record(store, two, now):
    with store.writing() as session:
        contacting.change_number(session, pair(session, two)[1], "+919007000777", ACTOR, now)
    merge(store, two, now)
    with store.reading() as session:
        keep, _drop = pair(session, two)
        rows = trail.of_patient(session, keep)
        told = {row.action: trail.value(session, keep, row, row.new_sealed) for row in rows}
    assert told["merged into another record"] == "R-101"
    assert told["a duplicate was merged into this record"] == "R-901"
    assert told["number changed"] == "+919007000777"


def test_a_withdrawal_under_the_other_record_stands(store, two, now):
    with store.writing() as session:
        consenting.withdraw(session, pair(session, two)[1], Purpose.TEXTING, now, ACTOR, now)
    merge(store, two, now + timedelta(hours=1))
    with store.reading() as session:
        keep, _drop = pair(session, two)
        assert consenting.texting(session, keep) is None
        assert not [row for row in desk.messages_of(session, keep.id) if row.state is MessageState.PENDING]


def test_what_the_kept_record_does_not_know_is_filled(store, site, now):
    with store.writing() as session:
        bare = people.asha(
            session, site, now, first_name="", last_name="", phone="", consent_sms_at=None, birth_year=None
        )
        full = people.asha(session, site, now, record_number="R-902", side="right")
        keep, drop = session.get_one(Patient, bare.patient_id), session.get_one(Patient, full.patient_id)
        merging.merge(session, keep, drop, ACTOR, now)
        assert patients.name(session, keep) == "Asha Das"
        assert patients.phone(session, keep) == people.ASHA_PHONE
        assert keep.birth_year == 1960
        # The consent moved too, so the questions of the first procedure may be texted from now on.
        waiting = [row for row in desk.messages_of(session, keep.id) if row.state is MessageState.PENDING]
        assert {row.phone_index for row in waiting} == {keep.phone_index}
        assert len({row.prompt_id for row in waiting}) == len(waiting) > 2


def twins(store, site, now):
    """Enrol the same done procedure under two records; the second was asked on day 14 and answered 3."""
    first = done(store, people.asha, site, now)
    second = done(store, people.asha, site, now, record_number="R-903", baseline_nrs=6)
    prompt = asked(store, second)
    at = prompt.due_at + timedelta(hours=1)
    with store.writing() as session:
        row = next(one for one in plans.prompts(session, second.id) if one.time_point == "d14")
        answering.record(session, row, "nrs", 3, Origin(Source.LINK, at, audit.PATIENT), at)
    return first, second, at


def test_a_procedure_that_both_records_have_becomes_one_with_all_answers_kept(store, site, now):
    first, second, at = twins(store, site, now)
    merge(store, (first.patient_id, second.patient_id), at)
    with store.reading() as session:
        keep = session.get_one(Patient, first.patient_id)
        assert [one.id for one in episodes.open_of_patient(session, keep.id)] == [first.id]
        assert session.get_one(Episode, second.id).state is EpisodeState.CANCELLED
        rows = [row for row in lists.answers(session, first.id) if row.instrument == "nrs"]
        counted = {row.occasion: row.value for row in rows if row.state is AnswerState.CURRENT}
        assert counted == {"baseline": 8, "d14": 3}
        assert [row.value for row in rows if row.state is AnswerState.SECOND] == [6]
        assert answers.verify_macs(session) == []


def test_a_question_answered_under_the_other_record_is_not_asked_again(store, site, now):
    first, second, at = twins(store, site, now)
    merge(store, (first.patient_id, second.patient_id), at)
    with store.reading() as session:
        d14 = next(row for row in plans.prompts(session, first.id) if row.time_point == "d14")
        assert d14.state is PromptState.ANSWERED
        waiting = [row for row in messages.of_prompt(session, d14.id) if row.state is MessageState.PENDING]
        assert waiting == []
        ended = {row.state for row in plans.prompts(session, second.id)}
        assert ended <= {PromptState.CANCELLED, PromptState.ANSWERED, PromptState.MISSED, PromptState.NOT_SENT}


def test_a_twin_that_is_done_marks_the_kept_planned_one_done(store, site, now):
    with store.writing() as session:
        first = people.asha(session, site, now, procedure_at=now + timedelta(hours=1))
        second = people.asha(session, site, now, procedure_at=now + timedelta(hours=1), record_number="R-904")
    later = now + timedelta(hours=2)
    with store.writing() as session:
        planning.mark_done(session, session.get_one(Episode, second.id), later - timedelta(hours=1), ACTOR, later)
    merge(store, (first.patient_id, second.patient_id), later)
    with store.reading() as session:
        assert session.get_one(Episode, first.id).state is EpisodeState.DONE


def test_the_preview_counts_what_moves_and_stores_nothing(store, two, now):
    with store.reading() as session:
        keep, drop = pair(session, two)
        seen = merging.preview(session, keep, drop)
        assert seen.moves["episodes"] == 1
        assert seen.moves["consents"] == 1
        assert seen.twins == ()
        assert {name for name, _one, _other in seen.differs} == {"record_number", "phone"}
        assert drop.merged_into_id is None


def test_candidates_share_the_phone_or_the_name_and_not_another_birth_year(store, site, now):
    with store.writing() as session:
        asha = people.asha(session, site, now)
        same_phone = people.bikash(session, site, now, phone=people.ASHA_PHONE)
        same_name = people.asha(session, site, now, record_number="R-905", phone="", consent_sms_at=None)
        people.asha(session, site, now, record_number="R-906", phone="", consent_sms_at=None, birth_year=1990)
        found = merging.candidates(session, session.get_one(Patient, asha.patient_id))
        assert {row.id for row in found} == {same_phone.patient_id, same_name.patient_id}


@pytest.mark.postgres
def test_records_are_merged_on_postgresql_as_well(postgres_store, now):
    with postgres_store.writing() as session:
        key = postgres_store.vault.new_data_key()
        site = Site(name="main", label="Asha Clinic", phone="", time_zone="Asia/Kolkata", key_sealed=key)
        session.add(site)
    first, second, at = twins(postgres_store, site, now)
    merge(postgres_store, (first.patient_id, second.patient_id), at)
    with postgres_store.reading() as session:
        assert [one.id for one in episodes.open_of_patient(session, first.patient_id)] == [first.id]
        assert answers.verify_macs(session) == []
