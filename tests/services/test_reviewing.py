"""What a clinician sees of one patient, the lists, and the review of an alert."""

from datetime import date, timedelta

import pytest
from sqlmodel import select

from prom.services import reviewing, watching
from prom.services.reviewing_views import Badge, Mark
from prom.storage import answers, audit
from prom.storage.models import (
    Alert,
    AnswerState,
    Audit,
    CoTreatment,
    CoTreatmentKind,
    Episode,
    Event,
    EventKind,
    Prompt,
    PromptState,
    Review,
    Sensitization,
    Site,
    Source,
)
from tests import people

DAYS_AGO = 100


def done(session, site, now, who=people.bikash, **changes):
    return who(session, site, now, **({"procedure_at": now - timedelta(days=DAYS_AGO), "done": True} | changes))


def told(session, episode, scores, now, **changes):
    rows = []
    for day, nrs in scores:
        values = {
            "occasion": f"t{day}",
            "instrument": "nrs",
            "series": "average_24h",
            "value": nrs,
            "answered_at": episode.procedure_at + timedelta(days=day),
            "now": now,
            "source": Source.SMS,
        }
        rows.append(answers.add(session, episode, **(values | changes)))
    watching.refresh(session, [episode.id], now)
    return rows


@pytest.fixture
def bikash(store, site, now):
    """Return Bikash's episode (baseline 7, CSI 50): relief on days 14 and 30, lost by day 56."""
    with store.writing() as session:
        episode = done(session, site, now)
        told(session, episode, [(14, 3), (30, 3), (56, 6), (63, 6)], now)
    return episode


@pytest.fixture
def elsewhere(store, now):
    """Return a second site with a patient of its own: noise that must not leak."""
    with store.writing() as session:
        site = Site(
            name="noise", label="Noise", time_zone="Asia/Kolkata", key_sealed=store.vault.new_data_key(), two_way=True
        )
        session.add(site)
        session.flush()
        episode = done(session, site, now)
        told(session, episode, [(14, 3), (30, 3), (56, 6), (63, 6)], now)
    return site


def test_the_verdict_comes_first_with_its_rule_and_numbers(store, site, bikash, now):
    with store.reading() as session:
        seen = reviewing.patient_view(session, bikash.public_id, [site.id], now)
    verdict = seen.verdict
    assert (verdict.headline, verdict.badge) == ("Relief lost at day 56", Badge.RED)
    assert "Relief held on day 30 and was below 30 % by day 56" in verdict.rule
    assert (verdict.baseline, verdict.latest) == (7.0, (63, 6))
    assert (round(verdict.relief_latest), round(verdict.relief_best)) == (14, 57)
    assert (verdict.badge_50, verdict.badge_30) == (Badge.AMBER, Badge.RED)
    assert (seen.csi.total, seen.csi.words, seen.csi.reaches_40) == (50, "severe", True)
    assert seen.name == "Bikash Roy"


def test_a_patients_id_shows_the_latest_done_procedure(store, site, bikash, now):
    with store.writing() as session:
        patient = session.get(Episode, bikash.id).patient_id
        people.bikash(session, site, now)
        seen = reviewing.patient_view(session, bikash.public_id, [site.id], now)
        again = reviewing.patient_view(session, seen.public_id, [site.id], now)
    assert patient
    assert again.episode.public_id == bikash.public_id
    assert len(again.episodes) == 2


def test_bad_scores_have_a_ring_and_answers_that_do_not_count_are_told_apart(store, site, bikash, now):
    with store.writing() as session:
        struck = told(session, bikash, [(90, 2)], now)[0]
        answers.supersede(session, struck, AnswerState.STRUCK, "read to the wrong patient")
        told(session, bikash, [(95, 1)], now, series="current")
        watching.refresh(session, [bikash.id], now)
        seen = reviewing.patient_view(session, bikash.public_id, [site.id], now)
    after = [point for point in seen.points if point.day > 0]
    assert [(p.day, p.bad, p.counted) for p in after if p.counted] == [
        (14, False, True),
        (30, False, True),
        (56, True, True),
        (63, True, True),
    ]
    assert [(p.state, p.series) for p in after if not p.counted] == [
        ("struck", "average_24h"),
        ("current", "current"),
    ]
    (line,) = [line for line in seen.answers if line.state == "struck"]
    assert line.reason == "read to the wrong patient"


def test_questions_we_did_not_send_are_not_the_patients_silence(store, site, bikash, now):
    with store.writing() as session:
        rows = session.exec(select(Prompt).where(Prompt.episode_id == bikash.id)).all()
        states = {"d14": "answered", "d30": "answered", "d60": "answered", "d7": "not_sent", "d90": "missed"}
        for row in rows:
            row.state = PromptState(states.get(row.time_point, "planned"))
        session.flush()
        seen = reviewing.patient_view(session, bikash.public_id, [site.id], now)
    marks = {one.time_point: one.mark for one in seen.prompts}
    assert (marks["d7"], marks["d90"], marks["d120"]) == (Mark.NOT_SENT, Mark.NO_REPLY, Mark.PLANNED)
    assert (seen.verdict.answered, seen.verdict.asked) == (3, 4)
    day_30 = next(one for one in seen.prompts if one.time_point == "d30")
    assert (day_30.day, day_30.opens, day_30.closes) == (30, 23, 37)


def test_events_and_treatments_stand_on_their_days(store, site, bikash, now):
    day_0 = (now - timedelta(days=DAYS_AGO)).date()
    shared = {"episode_id": bikash.id, "patient_id": bikash.patient_id, "site_id": site.id}
    with store.writing() as session:
        session.add(Event(**shared, kind=EventKind.REPEAT, happened_on=day_0 + timedelta(days=80), recorded_at=now))
        session.add(
            CoTreatment(**shared, kind=CoTreatmentKind.CBT, started_on=day_0 - timedelta(days=5), stopped_on=None)
        )
        session.flush()
        seen = reviewing.patient_view(session, bikash.public_id, [site.id], now)
    assert [(one.day, one.label) for one in seen.events] == [(80, "Procedure repeated")]
    assert [(one.kind, one.start, one.end) for one in seen.co_treatments] == [("cbt", -5, None)]


def test_a_later_questionnaire_carries_item_24_and_says_so(store, site, bikash, now):
    with store.writing() as session:
        for item in range(1, 26):
            if item != 24:
                told(session, bikash, [(90, 1)], now, occasion="d90", instrument="csi", series="", item=item)
        seen = reviewing.patient_view(session, bikash.public_id, [site.id], now)
    first, later = seen.csi_course
    assert (first.csi.total, later.csi.total, later.carried) == (50, 26, True)
    assert later.change == "real improvement"


def test_the_banner_lists_evidence_and_what_was_not_done(store, site, bikash, now):
    with store.writing() as session:
        record = session.exec(select(Sensitization).where(Sensitization.episode_id == bikash.id)).one()
        record.brush_allodynia, record.cold_heat, record.phq4, record.not_done = "beyond", "not_done", 7, "dn4"
        session.flush()
        seen = reviewing.patient_view(session, bikash.public_id, [site.id], now)
    assert seen.banner.phenotype == "central-leaning"
    assert any("allodynia beyond the site" in one.words for one in seen.banner.evidence)
    assert set(seen.banner.not_done) == {"cold_heat", "dn4"}


def test_a_planned_procedure_has_no_verdict_yet(store, site, now):
    with store.writing() as session:
        episode = people.asha(session, site, now)
        seen = reviewing.patient_view(session, episode.public_id, [site.id], now)
    assert seen.verdict is None
    assert seen.episode.state == "planned"


def test_a_diagnostic_block_is_read_from_current_pain(store, site, now):
    with store.writing() as session:
        episode = done(session, site, now, who=people.asha, procedure="diagnostic_block")
        at = episode.procedure_at
        for occasion, minutes, nrs in (("before", -30, 8), ("h1", 65, 1), ("h3", 180, 4)):
            when = at + timedelta(minutes=minutes)
            told(session, episode, [(0, nrs)], now, series="current", occasion=occasion, answered_at=when)
        seen = reviewing.patient_view(session, episode.public_id, [site.id], now)
    assert seen.block.startswith("Positive (80 % or more)")
    assert seen.verdict.state_50 == "not_classified"


def test_another_sites_patient_is_not_there(store, site, bikash, elsewhere, now):
    with store.reading() as session:
        other = session.exec(select(Episode).where(Episode.site_id == elsewhere.id)).one()
        assert reviewing.patient_view(session, other.public_id, [site.id], now) is None
        assert reviewing.patient_view(session, bikash.public_id, [elsewhere.id], now) is None
        for rows in (
            reviewing.patients_list(session, [site.id], now).rows,
            [row.patient for row in reviewing.losing_relief(session, [site.id], now, None).rows],
            reviewing.find(session, [site.id], "R-102", now),
            reviewing.find(session, [site.id], "bikash", now),
        ):
            assert [row.public_id for row in rows] == [bikash.public_id]


def test_losing_relief_lists_the_worst_first_and_says_what_is_new(store, site, bikash, elsewhere, now):
    with store.writing() as session:
        asha = done(session, site, now, who=people.asha)
        later = now + timedelta(hours=2)
        told(session, asha, [(14, 2), (30, 5), (37, 5)], later)
        listed = reviewing.losing_relief(session, [site.id], later, now + timedelta(hours=1))
    assert [(row.kind, row.new) for row in listed.rows] == [("red", False), ("amber", True)]
    assert listed.rows[0].patient.spark == ((14.0, 3), (30.0, 3), (56.0, 6), (63.0, 6))
    assert listed.rows[0].patient.csi.words == "severe"
    assert (listed.counts["all"], listed.counts["new"], listed.followed) == (2, 1, 2)


def test_a_review_closes_a_red_alert_with_its_amber_one_and_is_audited(store, site, bikash, now):
    with store.writing() as session:
        doctor = people.actor(people.dr_rao(session, site, now))
        red = session.exec(select(Alert).where(Alert.kind == "red")).one()
        row = reviewing.review(
            session,
            red.public_id,
            causes=["target", "sensitization"],
            cause="sensitization",
            note="widespread symptoms",
            actor=doctor,
            now=now,
            site_ids=[site.id],
        )
        assert row.causes == "target sensitization"
        assert b"widespread" not in row.note_sealed
        assert reviewing.losing_relief(session, [site.id], now, None).rows == ()
        seen = reviewing.patient_view(session, bikash.public_id, [site.id], now)
        assert [(one.cause, one.note) for one in seen.reviews] == [("sensitization", "widespread symptoms")]
        assert session.exec(select(Audit).where(Audit.action == "alert_reviewed")).one().actor == doctor.name
        with pytest.raises(reviewing.ReviewError):
            reviewing.review(session, red.public_id, actor=doctor, now=now, site_ids=[site.id])


def test_a_review_needs_a_known_cause_a_signature_and_the_right_site(store, site, bikash, elsewhere, now):
    with store.writing() as session:
        doctor = people.actor(people.dr_rao(session, site, now))
        red = session.exec(select(Alert).where(Alert.kind == "red", Alert.site_id == site.id)).one()
        with pytest.raises(reviewing.ReviewError):
            reviewing.review(session, red.public_id, cause="weather", actor=doctor, now=now, site_ids=[site.id])
        with pytest.raises(reviewing.ReviewError):
            reviewing.review(session, red.public_id, actor=audit.CLOCK, now=now, site_ids=[site.id])
        assert reviewing.review(session, red.public_id, actor=doctor, now=now, site_ids=[elsewhere.id]) is None
        assert session.exec(select(Review)).all() == []


def test_todays_procedures_are_those_of_the_sites_day(store, site, now):
    with store.writing() as session:
        early = people.asha(session, site, now, procedure_at=now.replace(hour=13))
        people.bikash(session, site, now, procedure_at=now.replace(hour=19))  # 00:30 tomorrow in Kolkata
        assert [row.public_id for row in reviewing.today(session, [site.id], now)] == [early.public_id]
        assert reviewing.today(session, [], now) == ()


def test_the_list_is_filtered_and_paged(store, site, bikash, now):
    with store.writing() as session:
        for number in range(60):
            people.enrolling.enrol(session, people.enrolment(200 + number, now), audit.COMMAND, now)
        everyone = reviewing.patients_list(session, [site.id], now)
        last = reviewing.patients_list(session, [site.id], now, page=2)
        lost = reviewing.patients_list(session, [site.id], now, "lost")
        planned = reviewing.patients_list(session, [site.id], now, "planned")
        flagged = reviewing.patients_list(session, [site.id], now, "alerts")
        assert reviewing.patients_list(session, [site.id], now, page=9).rows == ()
        with pytest.raises(ValueError):
            reviewing.patients_list(session, [site.id], now, "rich")
    assert (len(everyone.rows), everyone.total, everyone.pages) == (50, 61, 2)
    assert len(last.rows) == 11
    assert [row.public_id for row in lost.rows] == [bikash.public_id] == [row.public_id for row in flagged.rows]
    assert (lost.rows[0].verdict, lost.rows[0].badge) == ("Relief lost at day 56", Badge.RED)
    assert planned.total == 60


def test_a_day_is_the_patients_day(store, site, bikash, now):
    with store.reading() as session:
        seen = reviewing.patient_view(session, bikash.public_id, [site.id], now)
    assert seen.episode.on == date(2025, 11, 22)
    assert seen.episode.day == DAYS_AGO
