"""Tests of what one text from a patient does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.domain import replies, wording
from prom.domain.dialogue import (
    AskAgain,
    AskLater,
    Conversation,
    Correct,
    ForPeople,
    PausePrompts,
    RedFlag,
    Reopen,
    ResumePrompts,
    Say,
    StopTexts,
    StoreAnswer,
    answered_by_carrier,
    corrected,
    respond,
)

ASKED = Conversation(open_question="nrs", has_link=True, asked_before=True)
CHAINED = Conversation(open_question="nrs", following="pgic", has_link=True, asked_before=True)
ANSWERED = Conversation(last_answer="nrs", last_value=7, asked_before=True)
STOPPED = Conversation(open_question="nrs", has_link=True, asked_before=True, stopped=True)
WITHDRAWN = Conversation(open_question="nrs", has_link=True, asked_before=True, consented=False)


def changed(talk, **values):
    given_values = {name: getattr(talk, name) for name in talk.__dataclass_fields__} | values
    return Conversation(**given_values)


def score(value, rule="score.number", also=()):
    return replies.Score(rule, value, also)


def unclear(candidate=None, rule="ask_again.unclear"):
    return replies.AskAgain(rule, candidate)


def people(reason, candidate=None, also=()):
    return replies.ForPeople(f"people.{reason}", reason, candidate, also)


def red_flag(kind="neurological", candidate=None, also=()):
    return replies.RedFlag(f"red_flag.{kind}", kind, candidate, also)


OPT_OUT = replies.OptOut("opt_out.word")
OPT_IN = replies.OptIn("opt_in.keyword")
HELP = replies.Help("help.programme")
PAUSE = replies.Pause("pause.asked")
LATER = replies.Later("later.asked")
IGNORE = replies.Ignore("ignore.auto_reply")


# --- answers


def test_the_last_answer_is_stored_and_the_end_says_what_was_recorded():
    assert respond(ASKED, score(7)) == (StoreAnswer("nrs", 7), Say("thanks", "nrs"))


def test_an_answer_brings_the_next_question():
    assert respond(CHAINED, score(7)) == (StoreAnswer("nrs", 7), Say("pgic", "pgic"))


@pytest.mark.parametrize("rule", ["score.no_pain", "score.label_slip"])
def test_a_doubtful_reading_is_stored_and_marked_to_be_said_back(rule):
    assert respond(CHAINED, score(0, rule))[0] == StoreAnswer("nrs", 0, doubtful=True)


def test_a_late_number_is_kept_for_people_and_given_to_no_prompt():
    late = Conversation(asked_before=True)
    assert respond(late, score(7)) == (ForPeople("late_reply", 7),)


def test_a_number_that_comes_before_its_question_has_arrived_answers_nothing():
    on_its_way = changed(
        CHAINED, open_question="pgic", following=None, last_answer="nrs", last_value=7, question_reached=False
    )
    assert respond(on_its_way, score(2)) == (ForPeople("late_reply", 2),)
    assert respond(on_its_way, score(7)) == ()
    assert respond(on_its_way, unclear(3)) == (ForPeople("unreadable", 3),)


def test_the_same_number_twice_is_one_answer():
    assert respond(ANSWERED, score(7)) == ()


def test_a_number_from_an_unknown_phone_goes_to_people():
    assert respond(Conversation(known=False), score(7)) == (ForPeople("unmatched_sender", 7),)


def test_a_number_from_a_shared_phone_without_an_open_prompt_is_decided_by_a_person():
    assert respond(Conversation(asked_before=True, shared=True), score(7)) == (ForPeople("shared_phone", 7),)


def test_a_number_is_not_trusted_until_staff_know_who_answers():
    assert respond(changed(ASKED, held_by_people=True), score(7)) == (ForPeople("sender_unconfirmed", 7),)


def test_an_answer_after_a_withdrawn_consent_goes_to_people():
    assert respond(WITHDRAWN, score(7)) == (ForPeople("no_consent", 7),)


def test_an_answer_after_a_stop_counts_and_brings_no_text():
    assert respond(STOPPED, score(7)) == (StoreAnswer("nrs", 7),)


# --- corrections


def test_a_correction_replaces_the_last_answer_and_says_so():
    again = score(5, "score.number_corrected", ("correction",))
    assert respond(ANSWERED, again) == (Correct("nrs", 5), Say("correction_done", "nrs"))


def test_a_correction_in_the_middle_changes_the_answer_before_and_not_the_open_question():
    middle = changed(CHAINED, open_question="pgic", following=None, last_answer="nrs", last_value=7)
    assert respond(middle, score(5, also=("correction",)))[0] == Correct("nrs", 5)


def test_a_correction_after_the_window_goes_to_a_person():
    late = Conversation(asked_before=True)
    assert respond(late, score(5, also=("correction",))) == (
        ForPeople("late_correction", 5),
        Say("too_late_correction"),
    )


def test_a_correction_is_read_on_the_scale_of_the_answer_it_changes():
    nine = score(9, "score.number_corrected", ("correction",))
    assert corrected(unclear(9), nine) is nine
    assert corrected(score(5, also=("correction",)), score(5, "other", ("correction",))).rule == "other"
    assert corrected(unclear(), unclear(3)) == unclear()
    assert corrected(score(3), nine) == score(3)
    assert corrected(OPT_OUT, nine) is OPT_OUT


# --- asking again


def test_an_unclear_text_is_asked_again_twice_then_offered_the_page_and_put_before_people():
    steps = [respond(changed(ASKED, reasks=reasks), unclear(4)) for reasks in (0, 1, 2)]
    assert steps == [
        (AskAgain("nrs", 1),),
        (AskAgain("nrs", 2),),
        (Say("link_offer", "nrs"), ForPeople("unreadable", 4)),
    ]


def test_the_page_is_offered_once():
    assert respond(changed(ASKED, reasks=2, link_offered=True), unclear()) == (ForPeople("unreadable"),)


def test_without_a_page_an_unclear_text_goes_to_people():
    assert respond(changed(ASKED, reasks=2, has_link=False), unclear(4)) == (ForPeople("unreadable", 4),)


@pytest.mark.parametrize("talk", [STOPPED, WITHDRAWN, changed(ASKED, held_by_people=True)])
def test_nobody_is_asked_again_who_must_not_be_texted(talk):
    assert respond(talk, unclear()) == (ForPeople("unreadable"),)


@pytest.mark.parametrize("talk", [ASKED, CHAINED, ANSWERED, STOPPED, Conversation(known=False)])
def test_an_automatic_answer_does_nothing(talk):
    assert respond(talk, IGNORE) == ()


def test_a_word_of_thanks_after_the_end_needs_nobody():
    assert respond(ANSWERED, unclear(rule="ask_again.filler")) == ()
    assert respond(ANSWERED, unclear(4)) == (ForPeople("unreadable", 4),)
    assert respond(Conversation(known=False), unclear(rule="ask_again.filler")) == (ForPeople("unmatched_sender"),)


# --- emergencies


def test_a_warning_sign_is_surfaced_and_answered_and_never_scored():
    assert respond(ASKED, red_flag(candidate=8)) == (RedFlag("neurological", 8), Say("emergency"))


def test_thoughts_of_self_harm_get_their_own_text():
    assert respond(ASKED, red_flag("self_harm")) == (RedFlag("self_harm"), Say("emergency_self_harm"))


def test_the_emergency_text_goes_once_in_half_an_hour_and_people_are_told_each_time():
    assert respond(changed(ASKED, emergency_sent=True), red_flag()) == (RedFlag("neurological"),)


def test_after_an_opt_out_no_emergency_text_goes():
    assert respond(STOPPED, red_flag()) == (RedFlag("neurological"),)
    assert respond(STOPPED, red_flag(also=("opt_out",))) == (RedFlag("neurological"),)


@pytest.mark.parametrize(("kind", "text"), [("neurological", "opt_out_emergency"), ("self_harm", "opt_out_self_harm")])
def test_a_stop_with_a_warning_sign_records_both_and_its_one_confirmation_carries_the_advice(kind, text):
    done = respond(ASKED, red_flag(kind, also=("opt_out",)))
    assert done == (RedFlag(kind), StopTexts(), Say(text, last_word=True))


# --- stop and start


def test_a_stop_in_other_words_is_confirmed_once():
    assert respond(ASKED, OPT_OUT) == (StopTexts(), Say("opt_out_done", last_word=True))
    assert respond(STOPPED, OPT_OUT) == (StopTexts(),)


def test_a_stop_that_the_carrier_answered_is_not_confirmed_again():
    assert respond(changed(ASKED, carrier_answers=True), OPT_OUT) == (StopTexts(),)


def test_a_number_or_a_note_beside_a_stop_goes_to_people():
    number = replies.OptOut("opt_out.word", candidate=7, also=("human_review",))
    note = replies.OptOut("opt_out.word", also=("human_review",))
    assert ForPeople("number_with_opt_out", 7) in respond(ASKED, number)
    assert ForPeople("note_with_opt_out") in respond(ASKED, note)


def test_start_opens_a_stopped_phone():
    assert respond(STOPPED, OPT_IN) == (Reopen(), Say("opt_in_done"))
    assert respond(changed(STOPPED, carrier_answers=True), OPT_IN) == (Reopen(),)


def test_start_never_opens_a_withdrawn_consent():
    assert respond(changed(STOPPED, consented=False), OPT_IN) == (ForPeople("start_after_withdrawal"),)


def test_start_ends_a_pause_that_the_patient_asked_for():
    assert respond(changed(ASKED, paused=True), OPT_IN) == (ResumePrompts(), Say("resumed"))
    assert respond(changed(STOPPED, paused=True), OPT_IN) == (Reopen(), ResumePrompts(), Say("opt_in_done"))


def test_start_without_a_stop_does_nothing():
    assert respond(ASKED, OPT_IN) == ()


# --- wishes


def test_help_is_answered_once_a_day_and_never_twice():
    assert respond(ASKED, HELP) == (Say("help"),)
    assert respond(changed(ASKED, help_sent=True), HELP) == ()
    assert respond(changed(ASKED, carrier_answers=True), HELP) == ()
    assert respond(STOPPED, HELP) == ()


def test_a_pause_is_kept_and_confirmed():
    assert respond(ASKED, PAUSE) == (PausePrompts("asked"), Say("pause_done"))
    assert respond(STOPPED, PAUSE) == (PausePrompts("asked"),)


def test_later_asks_again_inside_the_window():
    assert respond(ASKED, LATER) == (AskLater(3), Say("later_done"))


def test_later_at_the_end_of_a_window_offers_the_page_instead():
    assert respond(changed(ASKED, may_ask_later=False), LATER) == (Say("link_offer", "nrs"),)


def test_later_without_a_question_does_nothing():
    assert respond(ANSWERED, LATER) == ()


# --- things for people


def test_a_note_with_a_score_goes_to_people_with_the_score_to_offer():
    assert respond(ASKED, people("symptom", 6)) == (ForPeople("symptom", 6),)


def test_a_note_is_thanked_for_when_that_was_not_done_today():
    assert respond(changed(ASKED, acknowledge=True), people("symptom")) == (ForPeople("symptom"), Say("for_people_ack"))


@pytest.mark.parametrize("talk", [changed(STOPPED, acknowledge=True), Conversation(known=False, acknowledge=True)])
def test_nobody_is_thanked_who_must_not_be_texted_or_is_not_known(talk):
    assert respond(talk, people("symptom")) == (ForPeople("symptom"),)


def test_a_wish_for_a_call_is_confirmed_and_urgent():
    assert respond(ASKED, people("call_me")) == (ForPeople("call_me", urgent=True), Say("call_me_done"))


def test_a_wrong_number_is_paused_until_staff_look():
    done = respond(ASKED, people("wrong_number", also=("pause",)))
    assert done == (ForPeople("wrong_number"), PausePrompts("wrong_number"), Say("wrong_number_done"))


def test_a_death_pauses_and_brings_no_text():
    done = respond(changed(ASKED, acknowledge=True), people("death", also=("pause",)))
    assert done == (ForPeople("death", urgent=True), PausePrompts("death"))


# --- what holds for every text

TALKS = st.builds(
    Conversation,
    open_question=st.just("nrs"),
    following=st.sampled_from([None, "pgic"]),
    reasks=st.integers(0, 5),
    has_link=st.booleans(),
    last_answer=st.sampled_from([None, "nrs"]),
    last_value=st.sampled_from([None, 3]),
    asked_before=st.booleans(),
    stopped=st.booleans(),
    consented=st.booleans(),
    known=st.booleans(),
    shared=st.booleans(),
    emergency_sent=st.booleans(),
    help_sent=st.booleans(),
    carrier_answers=st.booleans(),
    question_reached=st.booleans(),
    link_offered=st.booleans(),
    may_ask_later=st.booleans(),
    acknowledge=st.booleans(),
    paused=st.booleans(),
    held_by_people=st.booleans(),
)
REPLIES = st.sampled_from(
    [
        score(3), score(0, "score.no_pain"), score(4, also=("correction",)), unclear(), unclear(5), OPT_OUT, OPT_IN, HELP, PAUSE,
        LATER, IGNORE, people("symptom", 6), people("death", also=("pause",)), people("call_me"), red_flag(candidate=8),
        red_flag("self_harm", also=("opt_out",)), replies.OptOut("opt_out.word", 7, ("human_review",)),
    ]
)  # fmt: skip


@settings(max_examples=200)
@given(TALKS, REPLIES)
def test_whatever_comes_at_most_one_text_goes_back(talk, reply):
    assert sum(isinstance(effect, Say | AskAgain) for effect in respond(talk, reply)) <= 1


@settings(max_examples=200)
@given(TALKS, REPLIES)
def test_a_stopped_phone_hears_only_that_it_was_opened_again(talk, reply):
    said = [effect for effect in respond(changed(talk, stopped=True), reply) if isinstance(effect, Say | AskAgain)]
    assert all(effect.text_key == "opt_in_done" for effect in said)


@settings(max_examples=200)
@given(TALKS, REPLIES)
def test_only_a_score_is_ever_stored(talk, reply):
    stored = [effect for effect in respond(talk, reply) if isinstance(effect, StoreAnswer | Correct)]
    assert not stored or isinstance(reply, replies.Score)
    assert len(stored) <= 1


@settings(max_examples=200)
@given(TALKS, REPLIES)
def test_every_text_that_is_said_exists(talk, reply):
    for effect in respond(talk, reply):
        if isinstance(effect, Say):
            assert effect.text_key in wording.KEYS
        if isinstance(effect, AskAgain):
            assert f"reask_{effect.nth}_nrs" in wording.KEYS


@settings(max_examples=100)
@given(TALKS)
def test_a_warning_sign_always_reaches_people(talk):
    assert respond(talk, red_flag(candidate=8))[0] == RedFlag("neurological", 8)


def test_the_one_confirmation_of_a_stop_is_marked_as_the_last_word():
    lasts = [Say("opt_out_done", last_word=True), Say("opt_out_emergency", last_word=True)]
    assert respond(ASKED, OPT_OUT)[1] == lasts[0]
    assert respond(ASKED, red_flag(also=("opt_out",)))[2] == lasts[1]
    assert {say.text_key for say in lasts} <= wording.LAST_WORDS


@pytest.mark.parametrize("text", ["STOP", " stop ", "Unsubscribe", "END", "help", "INFO", "start", "YES"])
def test_carriers_answer_their_own_keywords(text):
    assert answered_by_carrier(text)


@pytest.mark.parametrize("text", ["Stop please", "STOP 7", "no", "", "stop."])
def test_carriers_answer_nothing_else(text):
    assert not answered_by_carrier(text)


def test_an_impossible_conversation_is_refused():
    with pytest.raises(ValueError, match="re-asks"):
        Conversation(reasks=-1)
    with pytest.raises(ValueError, match="cannot follow"):
        Conversation(following="pgic")
