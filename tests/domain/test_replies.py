"""What a text means: the shared vectors, and tables of our own with many more texts and languages."""

import json
import pathlib

import pytest

from prom.domain import replies, reply_outcomes, reply_words, wording
from prom.domain.replies import AskAgain, ForPeople, Ignore, OptOut, RedFlag, Score

HERE = pathlib.Path(__file__)
CASES = HERE.parents[2] / "../shared/cases/replies.json"
TABLES = sorted((HERE.parent / "replies").glob("*.txt"))


def meaning(reply):
    return f"{reply.outcome} {replies.as_json(reply)['value']}" if isinstance(reply, Score) else reply.outcome


def rows_of(table):
    for line in table.read_text("utf-8").split("\n"):
        if line and not line.startswith("# "):
            text, expected, scale, language = (*line.split("|"), "", "")[:4]
            yield text.replace("\\n", "\n"), expected.split("/"), scale or "nrs", language or "en"


@pytest.mark.skipif(not CASES.exists(), reason="the shared cases are not here")
def test_every_shared_case_is_read_as_labelled():
    wrong = []
    for case in json.loads(CASES.read_text("utf-8")):
        reply = replies.parse(case["text"], case["context"], case["lang"], num_media=case.get("num_media", 0))
        seen = replies.as_json(reply)
        expected = case["expect"] if isinstance(case["expect"], list) else [case["expect"]]
        right = seen["outcome"] in expected and seen["value"] == case["value"]
        right = right and seen["candidate"] == case.get("candidate") and seen["also"] == case.get("also", [])
        if not right:
            wrong.append((case["text"], case["context"], case["lang"], seen))
    assert wrong == []


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_every_text_of_our_tables_is_read_as_written_there(table):
    wrong = []
    for text, expected, scale, language in rows_of(table):
        seen = meaning(replies.parse(text, scale, language))
        if seen not in expected:
            wrong.append((text, scale, language, seen))
    assert wrong == []


def test_the_tables_hold_a_thousand_texts():
    assert sum(1 for table in TABLES for _ in rows_of(table)) > 1000


def test_json_always_has_all_four_keys():
    assert replies.as_json(replies.parse("7")) == {"outcome": "score", "value": 7, "candidate": None, "also": []}
    assert replies.as_json(replies.parse("02x13", "csi5"))["value"] == [0, 2, None, 1, 3]
    assert replies.as_json(replies.parse("STOP 7")) == {
        "outcome": "opt_out",
        "value": None,
        "candidate": 7,
        "also": ["human_review"],
    }


def test_every_reply_names_the_rule_that_fired():
    for text in ("7", "seven", "no pain", "8?", "chest pain", "STOP", "START", "HELP", "PAUSE", "later", "call me"):
        assert "." in replies.parse(text).rule


def test_a_warning_sign_has_its_kind():
    kinds = {
        "both legs numb": "neurological",
        "numb groin": "saddle",
        "cannot pass urine": "bladder_bowel",
        "fever": "infection",
        "chest pain": "cardiac",
        "cant breathe": "breathing",
        "lips swollen": "allergic",
        "headache when I stand": "dural_headache",
        "took too many pills": "overdose",
        "want to die": "self_harm",
        "911": "emergency_number",
    }
    assert {text: replies.parse(text).kind for text in kinds} == kinds


def test_a_warning_sign_in_an_opt_out_is_both():
    reply = replies.parse("STOP I cannot feel my legs")
    assert isinstance(reply, RedFlag)
    assert reply.also == ("opt_out",)


def test_a_death_pauses_the_prompts_and_is_no_emergency():
    reply = replies.parse("my father passed away")
    assert isinstance(reply, ForPeople)
    assert (reply.reason, reply.also) == ("death", ("pause",))


def test_a_picture_is_for_people_and_keeps_its_number_as_a_proposal():
    reply = replies.parse("7", num_media=1)
    assert isinstance(reply, ForPeople)
    assert (reply.reason, reply.candidate) == ("picture", 7)
    assert isinstance(replies.parse("", num_media=1), ForPeople)


def test_a_picture_does_not_hide_a_warning_sign_or_an_opt_out():
    assert isinstance(replies.parse("pus from the site", num_media=2), RedFlag)
    assert isinstance(replies.parse("stop", num_media=1), OptOut)


def test_no_and_a_number_corrects_only_within_the_correction_time():
    assert replies.parse("no 5") == AskAgain("ask_again.unclear", candidate=5)
    for text in ("no 5", "No, 5", "sorry I meant 5", "oops 5", "actually 5", "no its 5"):
        corrected = replies.parse(text, correcting=True)
        assert isinstance(corrected, Score), text
        assert (corrected.value, corrected.also) == (5, ("correction",))


def test_a_correction_states_one_score_like_any_answer():
    for text in ("no 5 6", "no 11", "no 5?", "no -5", "no 5.5", "no no", "no", "not 7, 5"):
        assert not isinstance(replies.parse(text, correcting=True), Score), text


def test_change_and_a_score_is_a_correction_on_every_scale():
    assert replies.parse("CHANGE 5").also == ("correction",)
    assert replies.parse("change often", "csi").value == 3
    assert replies.parse("CHANGE 0 2 4 1 3", "csi5").value == (0, 2, 4, 1, 3)
    assert replies.parse("change 50%", "percent").value == 50
    assert replies.parse("বদলান ৫", "nrs", "bn").value == 5
    assert replies.parse("badlo 5", "nrs", "hi").value == 5


def test_the_last_sheet_text_of_a_follow_up_has_four_items():
    assert replies.parse("0241", "csi5", item_count=4).value == (0, 2, 4, 1)
    assert isinstance(replies.parse("02413", "csi5", item_count=4), AskAgain)


def test_our_own_prompt_quoted_back_is_removed():
    prompt = "Northside: average pain in your knee, last 24 hours? Reply 0 (none) to 10 (worst)."
    assert replies.parse(f"{prompt} 6", prompts=[prompt]).value == 6
    assert replies.parse(f"> {prompt}\n6", prompts=[prompt]).value == 6
    assert replies.parse(f"“{prompt.upper()}” 6", prompts=[prompt]).value == 6
    assert replies.parse(f"“{prompt[:50]}…” 6", prompts=[prompt]).value == 6
    assert isinstance(replies.parse(prompt, prompts=[prompt]), AskAgain)
    assert isinstance(replies.parse(f"{prompt} 6 or 7", prompts=[prompt]), AskAgain)


def test_our_own_emergency_text_quoted_back_is_no_alarm():
    ours = "If you have chest pain or cannot breathe call 112 now."
    assert isinstance(replies.parse(f"“{ours}” 6", prompts=[ours]), Score)
    assert isinstance(replies.parse(f"“{ours}” yes chest pain", prompts=[ours]), RedFlag)


def test_a_prompt_that_was_not_ours_is_not_removed():
    assert not isinstance(replies.parse("> Your balance is 12\n7"), Score)


def test_the_same_long_text_twice_does_not_cause_another_question():
    text = "We value your feedback very much"
    assert isinstance(replies.parse(text, previous_text=text), Ignore)
    assert isinstance(replies.parse(text), AskAgain)
    assert isinstance(replies.parse("please call me back", previous_text="please call me back"), ForPeople)
    assert isinstance(replies.parse("my chest hurts again", previous_text="my chest hurts again"), RedFlag)
    assert isinstance(replies.parse("7", previous_text="7"), Score)


def test_encoded_and_overlong_texts_are_for_people():
    assert replies.parse("SG93IGJhZCB3YXMgeW91ciBwYWluIHRvZGF5PyBJIHRoaW5rIGl0").reason == "encoded"
    assert replies.parse("7" + " " * 2000).reason == "too_long"
    assert isinstance(replies.parse("chest pain " + "x " * 2000), RedFlag)


def test_romanised_words_count_only_for_a_patient_of_that_language():
    for text, language in (("saat", "hi"), ("dui", "bn"), ("siete", "es"), ("sete", "pt")):
        assert isinstance(replies.parse(text, "nrs", language), Score)
        assert isinstance(replies.parse(text, "nrs", "en"), AskAgain)


def test_a_language_tag_may_name_a_script_or_a_country():
    for language in ("hi", "hi-Latn", "hi-IN", "HI_in"):
        assert isinstance(replies.parse("saat", "nrs", language), Score)
    assert isinstance(replies.parse("7", "nrs", "xx"), Score)


def test_every_label_of_every_language_is_read_as_its_own_option():
    for language in ("en", "hi", "bn", "es", "fr", "pt", "ar", "ur", "mr"):
        labels = reply_words.table(language)["options"]["labels"]
        assert [replies.parse(label, "csi", language).value for label in labels] == [0, 1, 2, 3, 4], language


def test_every_concept_a_rule_names_has_words():
    lexicon = reply_words.lexicon()
    named = {concept for rule in (*lexicon.alarms, *lexicon.opt_outs, *lexicon.people) for concept in rule.concepts}
    assert {concept for concept in named if not reply_words.words_of(concept)} == set()


def test_every_word_list_has_a_version():
    assert "en2" in reply_words.versions()
    assert "rules2" in reply_words.versions()


def test_outcomes_have_the_names_of_the_shared_cases():
    outcomes = {kind.outcome for kind in reply_outcomes.Reply.__args__}
    assert outcomes == {
        *("score", "ask_again", "human_review", "red_flag", "opt_out"),
        *("opt_in", "help", "pause", "later", "ignore"),
    }


def test_an_emergency_number_counts_in_its_own_country():
    for number, country in (("000", "AU"), ("995", "sg"), ("111", "NZ"), ("15", "FR"), ("988", "US"), ("102", "IN")):
        assert isinstance(replies.parse(number, country=country), RedFlag), number
        assert isinstance(replies.parse(f"call {number}!", country=country), RedFlag), number
        assert not isinstance(replies.parse(number, country="BD"), RedFlag), number
    for number in ("911", "999", "112", "108"):
        for country in ("", "AU", "ZZ"):
            assert isinstance(replies.parse(number, country=country), RedFlag), number


def test_a_number_that_answers_the_open_question_is_no_call_for_help():
    assert replies.parse("100", "percent", country="BE").value == 100
    assert replies.parse("15", "percent", country="FR").value == 15
    assert replies.parse("1 1 2 2", "csi5", country="PK", item_count=4).value == (1, 1, 2, 2)
    assert isinstance(replies.parse("1122", "csi5", country="PK", item_count=4), RedFlag)


def test_an_emergency_number_spelt_out_is_one():
    for text in ("9 1 1", "9-1-1", "nine one one", "1 0 8", "13 11 14"):
        assert isinstance(replies.parse(text, country="AU"), RedFlag), text
    assert isinstance(replies.parse("10 8", country="AU"), AskAgain)


def test_a_peg_question_takes_a_pain_scores_answers():
    assert replies.parse("7", "peg") == replies.parse("7")


def test_no_pain_and_another_number_is_no_correction():
    for text in ("no pain 5", "no pain, 5", "no pain now 5"):
        assert isinstance(replies.parse(text, correcting=True), AskAgain), text
    assert replies.parse("no, pain 5", correcting=True).value == 5
    assert replies.parse("CHANGE4").value == 4
    assert isinstance(replies.parse("exchange4"), AskAgain)


def test_a_face_in_tears_is_no_word_of_thanks():
    assert replies.parse("\U0001f44d\U0001f3fd").rule == "ask_again.filler"
    assert replies.parse("\U0001f62d").rule == "ask_again.unclear"


def test_an_ordinary_text_is_no_alarm_and_no_opt_out_in_any_language():
    for text, _, _, _ in rows_of(HERE.parent / "replies" / "ordinary.txt"):
        for language in ("en", "hi", "hi-Latn", "bn", "bn-Latn", "es", "fr", "pt"):
            assert not isinstance(replies.parse(text, "nrs", language), RedFlag | OptOut), (text, language)


def test_numbers_of_the_texts_are_emergency_numbers_of_the_parser():
    numbers = wording.emergency_countries()
    for country in numbers:
        said = wording.emergency_number(country)
        assert isinstance(replies.parse(said, country=country), RedFlag), country
        crisis = wording.emergency_number(country, self_harm=True).split(" or ")[0]
        if crisis != said:
            assert isinstance(replies.parse(crisis, country=country), RedFlag), country


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("STOP জ্বর", "bn"),
        ("বন্ধ করুন বুকে ব্যথা", "bn"),
        ("बंद करो, सीने में दर्द है", "hi"),
        ("I want to die, stop texting me", "en"),
    ],
)
def test_a_request_to_stop_beside_a_warning_sign_is_recorded_in_every_language(text, language):
    reply = replies.parse(text, "nrs", language)
    assert isinstance(reply, RedFlag)
    assert reply.also == ("opt_out",)


@pytest.mark.parametrize("text", ["peshab bondho", "please stop the bleeding", "saans band ho rahi hai"])
def test_a_word_for_stopping_inside_a_warning_sign_is_no_opt_out(text):
    reply = replies.parse(text, "nrs", "hi")
    assert isinstance(reply, RedFlag)
    assert reply.also == ()


def test_the_signature_of_a_phone_takes_nothing_off_that_a_patient_wrote():
    assert isinstance(replies.parse("stop\n\nSent from my iPhone"), OptOut)
    assert isinstance(replies.parse("7-\nSent from my iPhone"), AskAgain)
    assert isinstance(replies.parse("Sent from my iPhone 7"), AskAgain)
    assert isinstance(replies.parse("7\nSent from my iPhone 8 and chest pain"), RedFlag)
    assert isinstance(replies.parse("\u202e01\nSent from my iPhone"), AskAgain)
