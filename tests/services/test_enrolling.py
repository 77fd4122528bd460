"""Enrolment: what is stored, what is refused, and what is told."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.services import enrolling, enrolments
from prom.services.enrolments import EnrolmentError
from prom.storage import answers, audit, consents, episodes, patients
from prom.storage.models import EpisodeState, Purpose, Site, Source
from tests import people


def _refused(store, enrolment, now):
    with pytest.raises(EnrolmentError) as refusal, store.writing() as session:
        enrolling.enrol(session, enrolment, audit.COMMAND, now)
    return {problem.field: problem.sentence for problem in refusal.value.problems}


def _local(text):
    return datetime.fromisoformat(text)


def test_a_person_is_stored_sealed_and_found_again(store, site, asha):
    with store.reading() as session:
        patient = episodes.patient_of(session, asha)
        assert patients.name(session, patient) == "Asha Das"
        assert patients.record_number(session, patient) == "R-101"
        assert patients.phone(session, patient) == people.ASHA_PHONE
        assert b"Asha" not in patient.first_name_sealed
        assert [row.id for row in patients.by_phone(session, people.ASHA_PHONE)] == [patient.id]
        assert (asha.state, asha.side, asha.target) == (EpisodeState.PLANNED, "left", "knee")


def test_the_baseline_is_stored_as_answers_with_a_code(store, asha, now):
    with store.reading() as session:
        rows = answers.current(session, asha.id)
        nrs = [row for row in rows if row.instrument == "nrs"]
        assert [(row.value, row.series, row.item, row.occasion) for row in nrs] == [(8, "average_24h", 0, "baseline")]
        assert (nrs[0].answered_at, nrs[0].source) == (now, Source.CLINIC)
        assert [row.item for row in rows if row.instrument == "csi"] == list(range(1, 26))
        assert answers.verify_macs(session) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"csi_items": people.LOW_CSI}, (25, 20, 20)),
        ({"csi_items": (*people.LOW_CSI[:-2], None, None)}, (23, 20, 28)),
        ({"csi_items": None, "csi_total": 44}, (None, 44, 44)),
        ({"csi_items": people.HIGH_CSI, "csi_total": 50}, (25, 50, 50)),
    ],
)
def test_the_csi_is_kept_with_its_bounds(store, site, now, given, expected):
    with store.writing() as session:
        episode = enrolling.enrol(session, people.enrolment(1, now, **given), audit.COMMAND, now)
        record = episodes.sensitization(session, episode.id)
        assert (record.csi_answered, record.csi_min, record.csi_max) == expected


@pytest.mark.parametrize("items", [None, (None,) * 25])
def test_no_csi_leaves_no_record(store, site, now, items):
    with store.writing() as session:
        episode = enrolling.enrol(session, people.enrolment(1, now, csi_items=items), audit.COMMAND, now)
        assert episodes.sensitization(session, episode.id) is None
        assert [row.instrument for row in answers.current(session, episode.id)] == ["nrs"]


BAD = [
    ({"record_number": " "}, "record_number"),
    ({"procedure": "magic"}, "procedure"),
    ({"language": "xx"}, "language"),
    ({"time_zone": "Mars/Base"}, "time_zone"),
    ({"side": "upper"}, "side"),
    ({"sex": "W"}, "sex"),
    ({"indication": "bad luck"}, "indication"),
    ({"baseline_nrs": 11}, "baseline_nrs"),
    ({"baseline_nrs": -1}, "baseline_nrs"),
    ({"baseline_nrs": True}, "baseline_nrs"),
    ({"csi_items": (5, *people.LOW_CSI[1:])}, "csi_01"),
    ({"csi_items": (1, 2, 3)}, "csi_items"),
    ({"csi_items": None, "csi_total": 101}, "csi_total"),
    ({"csi_total": 99}, "csi_total"),
    ({"birth_year": 1850}, "birth_year"),
    ({"birth_year": 2027}, "birth_year"),
    ({"phone": "12"}, "phone"),
    ({"phone": "+913340001000"}, "phone"),
    ({"phone": ""}, "phone"),
    ({"site_name": "nowhere"}, "site"),
]


@pytest.mark.parametrize(("change", "field"), BAD, ids=[str(bad[0])[:40] for bad in BAD])
def test_impossible_values_are_refused_by_field(store, site, now, change, field):
    assert set(_refused(store, people.enrolment(1, now, **change), now)) == {field}


def test_every_problem_is_told_at_once(store, site, now):
    bad = people.enrolment(1, now, side="up", sex="W", baseline_nrs=12)
    assert set(_refused(store, bad, now)) == {"side", "sex", "baseline_nrs"}


def test_a_baseline_after_the_procedure_is_refused(store, site, now):
    past = {"procedure_at": now - timedelta(days=2), "done": True}
    late = people.enrolment(1, now, **past, baseline_at=now - timedelta(days=1))
    assert "never from memory" in _refused(store, late, now)["baseline_at"]
    assert (
        "future" in _refused(store, people.enrolment(1, now, baseline_at=now + timedelta(days=1)), now)["baseline_at"]
    )


def test_an_old_baseline_is_told(store, site, now):
    old = people.enrolment(1, now, baseline_at=now - timedelta(days=5))
    with store.reading() as session:
        assert [problem.field for problem in enrolling.preview(session, old, now)] == ["baseline_at"]


def test_consent_and_done_cannot_lie_in_the_future(store, site, now):
    assert "consent_sms_at" in _refused(store, people.enrolment(1, now, consent_sms_at=now + timedelta(hours=1)), now)
    assert "procedure_at" in _refused(store, people.enrolment(1, now, done=True), now)


def test_the_same_procedure_of_the_same_record_is_refused(store, site, asha, now):
    again = people.enrolment(101, now, record_number="r-101 ", first_name="Asha", last_name="Das", baseline_nrs=8)
    assert _refused(store, again, now) == {"procedure_at": "this procedure of this patient is already enrolled"}
    other_time = people.enrolment(101, now, procedure_at=again.procedure_at + timedelta(hours=2))
    assert "for the same day at 10:00" in _refused(store, other_time, now)["procedure_at"]


@pytest.mark.parametrize("change", [{"side": "right"}, {"procedure": "epidural_steroid"}, {"level": "L4"}])
def test_another_procedure_is_a_second_episode_of_the_same_patient(store, site, asha, now, change):
    with store.writing() as session:
        second = people.asha(session, site, now, **change)
        assert second.patient_id == asha.patient_id
        assert len(episodes.of_patient(session, asha.patient_id)) == 2
        assert len(consents.of_patient(session, asha.patient_id)) == 1


def test_contradictions_are_told_and_the_stored_values_kept(store, site, asha, now):
    other = people.enrolment(101, now, side="right", first_name="Usha", last_name="DAS", birth_year=1961)
    with store.reading() as session:
        told = enrolling.preview(session, other, now)
    assert [problem.field for problem in told] == ["first_name", "birth_year"]
    with store.writing() as session:
        enrolling.enrol(session, other, audit.COMMAND, now)
        assert patients.name(session, episodes.patient_of(session, asha)) == "Asha Das"


def test_a_shared_phone_is_allowed_and_told(store, site, asha, now):
    other = people.enrolment(7, now, phone="09007 000101")
    with store.writing() as session:
        assert [problem.field for problem in enrolling.preview(session, other, now)] == ["phone"]
        enrolling.enrol(session, other, audit.COMMAND, now)
        assert len(patients.by_phone(session, people.ASHA_PHONE)) == 2


def test_the_same_record_number_at_another_site_is_another_person(store, site, asha, now):
    with store.writing() as session:
        north = Site(name="north", label="North", time_zone="Asia/Kolkata", key_sealed=store.vault.new_data_key())
        session.add(north)
        session.flush()
        other = people.asha(session, north, now)
        assert other.patient_id != asha.patient_id


def test_a_preview_stores_nothing(store, site, now):
    with store.reading() as session:
        assert enrolling.preview(session, people.enrolment(1, now), now) == ()
    with store.reading() as session:
        assert patients.by_record(session, site.id, "R-001") is None


def test_local_times_are_read_in_the_zone_given(store, site, now):
    local = people.enrolment(1, now, time_zone="America/New_York", procedure_at=_local("2026-03-12T09:30"))
    with store.writing() as session:
        episode = enrolling.enrol(session, local, audit.COMMAND, now)
        assert episode.procedure_at == datetime(2026, 3, 12, 13, 30, tzinfo=UTC)
    gap = people.enrolment(2, now, time_zone="America/New_York", procedure_at=_local("2026-03-08T02:30"))
    assert "did not exist" in _refused(store, gap, now)["procedure_at"]


def test_a_withdrawn_consent_is_not_reopened_by_an_older_one(store, site, devi, now):
    with store.writing() as session:
        again = people.enrolment(104, now, side="right", phone=people.DEVI_PHONE, first_name="Devi", last_name="Pal")
        told = enrolling.preview(session, again, now)
        assert [problem.field for problem in told] == ["consent_sms_at"]
        enrolling.enrol(session, again, audit.COMMAND, now)
        assert consents.live(session, devi.patient_id, Purpose.TEXTING) is None


def test_enrolment_leaves_audit_rows(store, asha):
    with store.reading() as session:
        assert [row.action for row in audit.history(session, "episode", asha.public_id)] == ["enrolled"]
        patient = episodes.patient_of(session, asha)
        assert [row.action for row in audit.history(session, "patient", patient.public_id)] == ["patient added"]


@pytest.mark.parametrize(("said", "kept"), [("hi-latn", "hi-Latn"), ("BN", "bn"), ("", "en")])
def test_languages_are_those_we_can_write(store, site, now, said, kept):
    with store.writing() as session:
        episode = enrolling.enrol(session, people.enrolment(1, now, language=said), audit.COMMAND, now)
        assert episodes.patient_of(session, episode).language == kept


def test_numbers_are_kept_in_e164():
    assert enrolments.e164("090070-00001", "IN") == "+919007000001"
    assert enrolments.e164("+44 7400 123456", "IN") == "+447400123456"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30))
def test_no_text_is_taken_for_a_phone_without_being_one(text):
    try:
        number = enrolments.e164(text, "IN")
    except ValueError:
        return
    assert number.startswith("+")
    assert number[1:].isdecimal()


@settings(max_examples=150, deadline=None)
@given(st.datetimes(_local("2020-01-01T00:00"), _local("2030-01-01T00:00")))
def test_every_local_time_is_an_instant_or_said_not_to_exist(local):
    zone = enrolments.zone_of("Europe/London")
    try:
        instant, twice = enrolments.in_utc(local, zone)
    except ValueError:
        # Clocks go forward from 01:00 to 02:00 on the last Sunday of March.
        assert (local.month, local.weekday(), local.hour) == (3, 6, 1)
        return
    assert instant.astimezone(zone).replace(tzinfo=None) == local
    assert twice == (instant.astimezone(zone).utcoffset() != local.replace(tzinfo=zone, fold=1).utcoffset())
