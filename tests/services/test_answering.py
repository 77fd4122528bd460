"""An answer to a question: the first counts, a correction replaces it, anything else is kept beside it."""

from datetime import timedelta

import pytest

from prom.services import answering
from prom.storage import answers, audit
from prom.storage.models import Answer, AnswerState, Patient, Prompt, PromptState, Relief, Source
from tests import replies


@pytest.fixture
def asha(store, site, now):
    return replies.asked(store, site, now)


@pytest.fixture
def form(store, site, now):
    """Return a patient whose prompt asks the whole form."""
    return replies.asked(store, site, now, questions="csi_1_5 csi_6_10")


def origin(now, source=Source.LINK):
    return answering.Origin(source, now, audit.PATIENT, rule="page")


def record(store, made, key, value, now, **more):
    with store.writing() as session:
        prompt = session.get_one(Prompt, made.prompt.id)
        return answering.record(session, prompt, key, value, origin(now), now, **more)


def record_item(store, made, item, value, now, *, correction=False):
    with store.writing() as session:
        prompt = session.get_one(Prompt, made.prompt.id)
        return answering.record_item(session, prompt, item, value, origin(now), now, correction=correction)


def kept(store):
    return [(row.item, row.value, row.state.value) for row in replies.every(store, Answer)]


def fresh(store, made):
    with store.reading() as session:
        return session.get_one(Prompt, made.prompt.id)


def test_the_first_answer_counts_and_answers_the_prompt(store, asha, now):
    assert record(store, asha, "nrs", 6, now).counted
    prompt = fresh(store, asha)
    assert (prompt.state, prompt.position, prompt.answered_at) == (PromptState.ANSWERED, 1, now)


def test_a_second_answer_is_kept_beside_the_first(store, asha, now):
    record(store, asha, "nrs", 6, now)
    assert not record(store, asha, "nrs", 2, now + timedelta(minutes=1)).counted
    assert kept(store) == [(0, 6, "current"), (0, 2, "second")]
    assert fresh(store, asha).answered_at == now


def test_a_correction_replaces_the_answer_and_names_it(store, asha, now):
    first = record(store, asha, "nrs", 6, now).rows[0]
    second = record(store, asha, "nrs", 2, now, correction=True).rows[0]
    assert kept(store) == [(0, 6, "corrected"), (0, 2, "current")]
    assert second.replaces_id == first.id


def test_a_correction_of_nothing_is_a_first_answer(store, asha, now):
    assert record(store, asha, "nrs", 2, now, correction=True).rows[0].replaces_id is None
    assert kept(store) == [(0, 2, "current")]


def test_five_items_are_stored_as_five_answers_and_a_skipped_one_as_skipped(store, form, now):
    record(store, form, "csi_1_5", (0, 1, None, 3, 4), now)
    assert kept(store) == [
        (1, 0, "current"),
        (2, 1, "current"),
        (3, None, "current"),
        (4, 3, "current"),
        (5, 4, "current"),
    ]
    assert (fresh(store, form).state, fresh(store, form).position) == (PromptState.PARTLY, 1)
    with pytest.raises(ValueError, match="5 values"):
        record(store, form, "csi_6_10", (1, 2), now)


@pytest.mark.parametrize("item", [1, 3, 11, 16, 21, 24, 25])
def test_one_item_of_the_form_is_stored_sensitive_ones_too(store, form, now, item):
    recorded = record_item(store, form, item, 4, now)
    assert recorded.counted
    assert [(row.instrument, row.item, row.value) for row in recorded.rows] == [("csi", item, 4)]


def test_one_item_is_skipped_changed_or_kept_beside(store, form, now):
    record_item(store, form, 3, None, now)
    assert not record_item(store, form, 3, 2, now).counted
    assert record_item(store, form, 3, 1, now, correction=True).counted
    assert kept(store) == [(3, None, "corrected"), (3, 2, "second"), (3, 1, "current")]


def test_items_one_by_one_answer_the_question_they_make_up(store, form, now):
    for item in range(1, 6):
        assert fresh(store, form).position == 0
        record_item(store, form, item, 0, now)
    assert fresh(store, form).position == 1
    with store.reading() as session:
        assert answering.answered_keys(session, fresh(store, form)) == {"csi_1_5"}


def test_an_answer_is_struck_out_once_and_only_with_a_reason(store, asha, now):
    row = record(store, asha, "nrs", 6, now).rows[0]
    with store.writing() as session:
        answer = answers.by_public_id(session, row.public_id)
        with pytest.raises(ValueError, match="why"):
            answering.strike(session, answer, "  ", audit.COMMAND, now)
        assert answering.strike(session, answer, "wrong patient", audit.COMMAND, now)
        assert not answering.strike(session, answer, "again", audit.COMMAND, now)
    assert replies.every(store, Answer)[0].state is AnswerState.STRUCK


def test_what_is_stored_carries_a_code_that_fits(store, asha, now):
    record(store, asha, "nrs", 6, now)
    record(store, asha, "nrs", 2, now, correction=True)
    with store.reading() as session:
        assert answers.verify_macs(session) == []


def test_what_a_caregiver_answers_says_so_item_by_item_too(store, form, now):
    with store.writing() as session:
        session.get_one(Patient, form.patient.id).proxy = True
    record(store, form, "csi_1_5", (0, 1, 2, 3, 4), now)
    record_item(store, form, 6, 2, now)
    assert {row.proxy for row in replies.every(store, Answer)} == {True}


def test_an_answer_that_relief_does_not_rest_on_leaves_the_verdict_as_it_is(store, form, now):
    record(store, form, "csi_1_5", (0, 1, 2, 3, 4), now)
    assert replies.every(store, Relief) == []


def test_a_pain_score_brings_the_verdict_up_to_date_at_once(store, asha, now):
    record(store, asha, "nrs", 6, now)
    assert {row.threshold for row in replies.every(store, Relief)} == {30, 50}
