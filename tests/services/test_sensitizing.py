"""The baseline sensitization record: typed from paper, checked, audited field by field, never back-filled silently."""

from datetime import timedelta

import pytest

from prom.domain.sensitization import Phenotype
from prom.services import reviewing, sensitizing
from prom.services.sensitizing import Given, Problem, RefusedError, Wrong
from prom.services.sensitizing_csi import CsiGiven
from prom.storage import answers, episodes
from prom.storage.models import AnswerState
from tests import people

BLANK = (None,) * 25


@pytest.fixture
def planned(store, site, now):
    """Return Asha's episode ten days ahead, without a questionnaire."""
    with store.writing() as session:
        return people.asha(session, site, now, csi_items=None)


@pytest.fixture
def done(store, site, now):
    """Return Asha's episode done 30 days ago, without a questionnaire."""
    with store.writing() as session:
        return people.asha(session, site, now, csi_items=None, procedure_at=now - timedelta(days=30), done=True)


@pytest.fixture
def save(store, dr_rao):
    def stored(episode, given, now, *, may_copy=True):
        with store.writing() as session:
            row = episodes.by_ids(session, [episode.id])[0]
            return sensitizing.save(session, row, given, people.actor(dr_rao), now, may_copy=may_copy)

    return stored


def refused(save, episode, given, now, **more):
    with pytest.raises(RefusedError) as error:
        save(episode, given, now, **more)
    return error.value.problems


def record(store, episode):
    with store.reading() as session:
        return episodes.sensitization(session, episode.id)


def test_every_field_is_kept_as_it_was_typed(store, planned, save, now):
    typed = {
        "brush_allodynia": "beyond", "pinprick_hyperalgesia": "site", "static_pressure": "none", "cold_heat": "",
        "after_sensation": "not_done", "ppt_site_kpa": "210,5", "ppt_remote_kpa": "not_done",
        "temporal_summation": "2.5", "conditioned_modulation": "-12", "widespread_pain": "9", "symptom_severity": "7",
        "paindetect": "21", "dn4": "5", "phq4": "not_done", "opioids": "yes", "indication": "neuropathic",
        "technique": "cooled RFA,  4 needles", "image_guidance": "fluoroscopy", "csi": "not_done",
    }  # fmt: skip
    changed = save(planned, Given(typed, reason="typed at enrolment by mistake"), now).changed
    row = record(store, planned)
    assert (row.brush_allodynia, row.static_pressure, row.cold_heat) == ("beyond", "none", "")
    assert row.after_sensation == "not_done"
    assert (row.ppt_site_kpa, row.ppt_remote_kpa, row.conditioned_modulation) == (210.5, None, -12)
    assert (row.widespread_pain, row.dn4, row.phq4, row.opioids) == (9, 5, None, "yes")
    assert (row.technique, row.image_guidance) == ("cooled RFA, 4 needles", "fluoroscopy")
    assert row.not_done.split() == ["after_sensation", "csi", "phq4", "ppt_remote_kpa"]
    assert set(changed) == set(typed) - {"cold_heat"}
    with store.reading() as session:
        fresh = episodes.by_ids(session, [planned.id])[0]
        assert fresh.indication == "neuropathic"
        held = sensitizing.recorded(session, fresh)
    assert held["ppt_remote_kpa"] == "not_done"
    assert held["temporal_summation"] == "2.5"


def test_saving_what_is_recorded_already_changes_nothing(store, planned, save, now):
    typed = {"dn4": "5", "opioids": "no", "csi": "not_done"}
    save(planned, Given(typed), now)
    assert save(planned, Given(typed), now).changed == ()
    with store.reading() as session:
        assert {name: len(lines) for name, lines in sensitizing.histories(session, planned).items()} == {
            "dn4": 1, "opioids": 1, "csi": 1,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "text", "wrong"),
    [
        ("widespread_pain", "20", Wrong.WHOLE),
        ("widespread_pain", "-1", Wrong.WHOLE),
        ("symptom_severity", "13", Wrong.WHOLE),
        ("symptom_severity", "3.5", Wrong.WHOLE),
        ("paindetect", "39", Wrong.WHOLE),
        ("dn4", "11", Wrong.WHOLE),
        ("phq4", "13", Wrong.WHOLE),
        ("phq4", "1_0", Wrong.WHOLE),
        ("ppt_site_kpa", "-5", Wrong.RANGE),
        ("ppt_site_kpa", "nan", Wrong.RANGE),
        ("ppt_remote_kpa", "inf", Wrong.RANGE),
        ("temporal_summation", "10.5", Wrong.RANGE),
        ("conditioned_modulation", "-101", Wrong.RANGE),
        ("brush_allodynia", "everywhere", Wrong.CHOICE),
        ("opioids", "maybe", Wrong.CHOICE),
        ("indication", "knee", Wrong.CHOICE),
        ("image_guidance", "guess", Wrong.CHOICE),
        ("technique", "x" * 61, Wrong.LONG),
        ("csi", "45", Wrong.CHOICE),
    ],
)
def test_a_value_out_of_its_range_is_refused_at_its_field(store, planned, save, now, field, text, wrong):
    assert refused(save, planned, Given({field: text, "dn4" if field != "dn4" else "phq4": "3"}), now) == (
        Problem(field, wrong),
    )
    assert record(store, planned) is None


@pytest.mark.parametrize("field", [name for name in sensitizing.FINDINGS if name in sensitizing.sensitization.RANGES])
def test_both_ends_of_a_range_are_allowed(planned, save, now, field):
    low, high = sensitizing.sensitization.RANGES[field]
    save(planned, Given({field: str(low)}), now)
    save(planned, Given({field: str(high)}, reason="typed wrongly"), now)


def test_what_is_recorded_is_changed_with_a_reason_only(store, planned, save, now):
    save(planned, Given({"dn4": "5"}), now)
    assert refused(save, planned, Given({"dn4": "6"}), now) == (Problem("reason", Wrong.REASON),)
    assert refused(save, planned, Given({"dn4": ""}), now) == (Problem("reason", Wrong.REASON),)
    save(planned, Given({"dn4": "6"}, reason="read from the wrong sheet"), now)
    with store.reading() as session:
        lines = sensitizing.histories(session, planned)["dn4"]
    assert [(line.old, line.new, line.entry.reason) for line in lines] == [
        ("5", "6", "read from the wrong sheet"),
        ("", "5", ""),
    ]


@pytest.mark.parametrize("digits", ["2" * 25, "22222 22222 22222 22222 22222", "২" * 25, "2, " * 24 + "2"])
def test_25_digits_at_once_are_a_questionnaire(store, planned, save, now, digits):
    save(planned, Given({}, CsiGiven(digits=digits)), now)
    row = record(store, planned)
    assert (row.csi_answered, row.csi_min, row.csi_max, row.csi_source) == (25, 50, 50, "clinic")


def test_x_leaves_an_item_open_and_the_bounds_say_so(store, planned, save, now):
    save(planned, Given({}, CsiGiven(digits="X" + "1" * 24)), now)
    row = record(store, planned)
    assert (row.csi_answered, row.csi_min, row.csi_max) == (24, 24, 28)


@pytest.mark.parametrize("digits", ["2" * 24, "2" * 26, "5" + "2" * 24, "a" * 25])
def test_digits_that_are_not_a_questionnaire_are_refused(store, planned, save, now, digits):
    assert refused(save, planned, Given({}, CsiGiven(digits=digits)), now) == (Problem("csi_digits", Wrong.DIGITS),)
    assert record(store, planned) is None


def test_items_may_be_typed_one_by_one_and_completed_later(store, planned, save, now):
    first = {number: "3" if number <= 20 else "" for number in range(1, 26)}
    save(planned, Given({}, CsiGiven(items=first)), now)
    assert (record(store, planned).csi_min, record(store, planned).csi_max) == (60, 80)
    save(planned, Given({}, CsiGiven(items=dict.fromkeys(range(1, 26), "3"))), now)
    assert record(store, planned).csi_min == 75


def test_changing_an_item_is_a_correction_with_a_reason_and_keeps_the_first_answer(store, planned, save, now):
    save(planned, Given({}, CsiGiven(digits="2" * 25)), now)
    typed = CsiGiven(items={1: "4"})
    assert refused(save, planned, Given({}, typed), now) == (Problem("reason", Wrong.REASON),)
    save(planned, Given({}, typed, reason="misread"), now)
    assert record(store, planned).csi_min == 52
    with store.reading() as session:
        rows = [row for row in answers.of_episodes(session, [planned.id]) if row.item == 1]
        assert [row.value for row in rows] == [4]
        old = session.get(type(rows[0]), rows[0].replaces_id)
    assert (old.state, old.value, old.reason) == (AnswerState.CORRECTED, 2, "misread")


def test_a_total_alone_stands_for_a_form_whose_items_are_not_known(store, planned, save, now):
    save(planned, Given({}, CsiGiven(total="41")), now)
    row = record(store, planned)
    assert (row.csi_answered, row.csi_min, row.csi_max) == (None, 41, 41)
    assert refused(save, planned, Given({}, CsiGiven(total="101")), now)[0].wrong is Wrong.WHOLE
    save(planned, Given({}, CsiGiven(digits="1" * 25)), now)
    assert record(store, planned).csi_min == 25
    assert refused(save, planned, Given({}, CsiGiven(total="30")), now) == (Problem("csi_total", Wrong.ITEMS_KNOWN),)


def test_a_total_and_digits_together_are_refused(planned, save, now):
    both = CsiGiven(digits="1" * 25, total="25")
    assert refused(save, planned, Given({}, both), now) == (Problem("csi_total", Wrong.TWO_WAYS),)


def test_a_questionnaire_that_has_answers_is_not_marked_not_done(planned, save, now):
    save(planned, Given({"csi": "not_done"}), now)
    save(planned, Given({}, CsiGiven(digits="1" * 25)), now)
    assert refused(save, planned, Given({"csi": "not_done"}, reason="no"), now)[0] == Problem("csi", Wrong.CSI_KNOWN)


def test_answers_take_back_not_done(store, planned, save, now):
    save(planned, Given({"csi": "not_done"}), now)
    save(planned, Given({}, CsiGiven(digits="1" * 25)), now)
    assert record(store, planned).not_done == ""


def test_after_the_procedure_a_finding_needs_the_day_before_it(store, done, save, now):
    assert refused(save, done, Given({"dn4": "5"}), now) == (Problem("found_on", Wrong.DAY_NEEDED),)
    after = (now - timedelta(days=29)).date().isoformat()
    assert refused(save, done, Given({"dn4": "5"}, found_on=after), now) == (Problem("found_on", Wrong.DAY_AFTER),)
    long_ago = (now - timedelta(days=500)).date().isoformat()
    assert refused(save, done, Given({"dn4": "5"}, found_on=long_ago), now)[0].wrong is Wrong.DAY_OLD
    assert refused(save, done, Given({"dn4": "5"}, found_on="soon"), now)[0].wrong is Wrong.DAY
    before = (now - timedelta(days=33)).date().isoformat()
    save(done, Given({"dn4": "5"}, CsiGiven(digits="2" * 25), found_on=before), now)
    row = record(store, done)
    assert (row.dn4, row.csi_min) == (5, 50)
    assert row.csi_at < done.procedure_at
    with store.reading() as session:
        assert sensitizing.copied_late(sensitizing.histories(session, done)) == ("dn4",)


def test_only_a_clinician_copies_findings_in_after_the_procedure(done, save, now):
    before = (now - timedelta(days=33)).date().isoformat()
    given = Given({"dn4": "5"}, found_on=before)
    assert refused(save, done, given, now, may_copy=False) == (Problem("dn4", Wrong.OVER),)


def test_how_the_procedure_was_done_may_be_written_after_it(store, done, save, now):
    save(done, Given({"technique": "cooled", "image_guidance": "ultrasound"}), now, may_copy=False)
    assert record(store, done).technique == "cooled"


def test_the_banner_lists_what_was_recorded(store, planned, save, now, site):
    save(planned, Given({"brush_allodynia": "beyond", "static_pressure": "site"}, CsiGiven(digits="2" * 25)), now)
    with store.reading() as session:
        seen = reviewing.patient_view(session, planned.public_id, [site.id], now)
    assert seen.banner.phenotype is Phenotype.MIXED
    assert seen.csi.total == 50


def test_striking_the_last_answer_takes_the_questionnaire_out_of_the_record(store, planned, save, now, dr_rao):
    from prom.services import answering

    save(planned, Given({"dn4": "5"}, CsiGiven(total="41")), now)
    with store.writing() as session:
        row = next(row for row in answers.current(session, planned.id) if row.instrument == "csi_total")
        answering.strike(session, row, "another patient's sheet", people.actor(dr_rao), now)
    assert (record(store, planned).csi_min, record(store, planned).dn4) == (None, 5)
