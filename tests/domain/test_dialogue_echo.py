"""What is said back after an answer, and to whom nothing is said."""

import pytest

from prom.domain import replies
from prom.domain.dialogue import Conversation, ForPeople, RedFlag, Say, StopTexts, respond
from tests.domain.test_dialogue import ANSWERED, ASKED, CHAINED, STOPPED, WITHDRAWN, changed, red_flag, score


@pytest.mark.parametrize(
    ("echo", "rule", "said"),
    [
        ("last", "score.number", "thanks"),
        ("each", "score.number", "thanks"),
        ("doubtful", "score.number", "thanks_plain"),
        ("doubtful", "score.no_pain", "thanks"),
        ("doubtful", "score.label_slip", "thanks"),
    ],
)
def test_the_end_says_what_was_recorded_as_the_clinic_chose(echo, rule, said):
    effects = respond(changed(ASKED, echo=echo), score(0, rule))
    assert [effect.text_key for effect in effects if isinstance(effect, Say)] == [said]


def test_a_word_of_thanks_as_the_parser_reads_it_needs_nobody():
    for text in ("thanks", "Thank you doctor", "ok", "👍", "dhanyavad", "ধন্যবাদ", "theek hai", "good night"):
        assert respond(Conversation(asked_before=True), replies.parse(text)) == (), text
    assert respond(Conversation(asked_before=True), replies.parse("hmm not sure")) == (ForPeople("unreadable"),)


def test_after_a_withdrawal_no_emergency_text_goes_either():
    assert respond(WITHDRAWN, red_flag()) == (RedFlag("neurological"),)
    assert respond(WITHDRAWN, red_flag(also=("opt_out",))) == (RedFlag("neurological"), StopTexts())


def test_an_auto_reply_never_causes_a_text_wherever_the_conversation_stands():
    for text in ("I'm driving, I'll call you later", "Liked “Pain 0-10?”", "Out of office until 3 May"):
        for talk in (ASKED, CHAINED, ANSWERED, STOPPED, changed(ASKED, reasks=2)):
            assert respond(talk, replies.parse(text)) == ()
