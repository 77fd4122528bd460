"""Properties of the reply parser that hold for any text at all."""

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.domain import replies, wording
from prom.domain.replies import OptOut, RedFlag, Score

SCALES = ("nrs", "csi", "csi5", "pgic", "percent")
LANGUAGES = ("en", "hi", "bn", "hi-Latn", "ar", "xx")
RANGES = {"nrs": range(11), "csi": range(5), "pgic": range(1, 8), "percent": range(101)}
ANY_TEXT = st.text(alphabet=st.characters(), max_size=60)
PIECES = st.sampled_from(
    [
        "7",
        "10",
        "0",
        "5",
        "11",
        "/10",
        ".",
        ",",
        "?",
        "-",
        "%",
        "no",
        "not",
        "pain",
        "is",
        "my",
        "today",
        "now",
        "was",
        "at",
        "about",
        "a",
        "seven",
        "ten",
        "none",
        "often",
        "never",
        "x",
        "dard",
        "hai",
        "নেই",
        "ব্যথা",
        "৭",
        "٧",
        "²",
        "½",
        "7️⃣",
        "🔟",
        "👍",
        "~",
        "<",
        ">",
        "+",
        "'",
        '"',
        "(",
        ")",
        "change",
        "stop",
        "better",
        "worse",
        "only",
        "day",
        "mg",
        "th",
        "ish",
        "out",
        "of",
        "and",
        "or",
        "to",
    ]
)
MIXED_TEXT = st.lists(PIECES, max_size=7).flatmap(
    lambda pieces: st.sampled_from(["", " "]).map(lambda space: space.join(pieces))
)
PLAIN_SCORES = st.sampled_from(
    ["7", "7/10", "my pain is 7", "about 7", "7 today", "seven", "Hi 7 thanks", "7 out of 10", "no pain", "7.0", "7ish"]
)


def whole_numbers(text):
    """Return the numbers written in a text, in any decimal script."""
    ascii_text = "".join(
        str(unicodedata.decimal(char)) if unicodedata.category(char) == "Nd" else char
        for char in unicodedata.normalize("NFKC", text)
    )
    return [int(run) for run in "".join(char if char.isdecimal() else " " for char in ascii_text).split()]


@settings(max_examples=200, deadline=None)
@given(st.one_of(ANY_TEXT, MIXED_TEXT), st.sampled_from(SCALES), st.sampled_from(LANGUAGES))
def test_no_text_raises_or_gives_an_impossible_score(text, scale, language):
    reply = replies.parse(text, scale, language, prompts=["Pain 0-10?", text[:30]], correcting=len(text) % 2 == 0)
    seen = replies.as_json(reply)
    assert set(seen) == {"outcome", "value", "candidate", "also"}
    if isinstance(reply, Score) and scale == "csi5":
        assert len(reply.value) == 5
        assert all(value is None or value in range(5) for value in reply.value)
    elif isinstance(reply, Score):
        assert reply.value in RANGES[scale]


@settings(max_examples=200, deadline=None)
@given(st.one_of(ANY_TEXT, MIXED_TEXT))
def test_a_pain_score_is_the_only_number_in_its_text(text):
    reply = replies.parse(text.replace("\N{KEYCAP TEN}", "10"))
    written = whole_numbers(text.replace("\N{KEYCAP TEN}", "10"))
    if isinstance(reply, Score) and written:
        others = [number for number in written if number != reply.value]
        assert reply.value in written
        assert all(number in {0, 10} for number in others), (text, reply)


@settings(max_examples=200, deadline=None)
@given(PLAIN_SCORES, st.integers(0, 40), st.sampled_from(["3", "12", "৪", "four", "6.5", "½"]))
def test_a_second_different_number_anywhere_is_never_a_score(text, place, number):
    words = text.split()
    place %= len(words) + 1
    crowded = " ".join([*words[:place], number, *words[place:]])
    assert not isinstance(replies.parse(crowded), Score), crowded


@settings(max_examples=100, deadline=None)
@given(
    PLAIN_SCORES, st.sampled_from(["not ", "was ", "-", "<", ">", "more than ", "less than ", "up to ", "no ", "day "])
)
def test_a_comparison_a_sign_or_a_denial_before_a_score_asks_again(text, before):
    assert not isinstance(replies.parse(before + text), Score)


@settings(max_examples=100, deadline=None)
@given(
    PLAIN_SCORES,
    st.sampled_from(["?", " ?", "+", "-", "%", ".5", "½", " or so 8", " days", " yesterday", " better", " or more"]),
)
def test_a_doubt_or_a_unit_after_a_score_asks_again(text, after):
    assert not isinstance(replies.parse(text + after), Score)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["7", "seven", "no pain", "STOP", "chest pain", "HELP", "call me"]), st.data())
def test_invisible_characters_change_nothing(text, data):
    place = data.draw(st.integers(0, len(text)))
    sign = data.draw(st.sampled_from(["\u200b", "\u200d", "\u200e", "\u2068", "\ufeff", "\u00ad", "\ufe0f"]))
    assert replies.parse(text[:place] + sign + text[place:]) == replies.parse(text)


@settings(max_examples=100, deadline=None)
@given(PLAIN_SCORES, st.sampled_from(["chest pain", "my legs are numb", "fever", "I want to die", "911"]))
def test_a_warning_sign_beside_a_score_is_never_a_score(text, sign):
    assert isinstance(replies.parse(f"{text}. {sign}"), RedFlag)
    assert isinstance(replies.parse(f"{sign}, {text}"), RedFlag)


@given(PLAIN_SCORES)
def test_a_stop_beside_a_score_is_an_opt_out(text):
    assert isinstance(replies.parse(f"STOP. {text}"), OptOut)
    assert isinstance(replies.parse(f"{text}. STOP"), OptOut)


def test_every_digit_of_every_script_is_its_value():
    for code in range(0x20000):
        char = chr(code)
        if unicodedata.category(char) == "Nd":
            assert replies.parse(char) == Score("score.number", unicodedata.decimal(char)), hex(code)


def test_no_other_single_character_is_a_score_but_circled_digits():
    circled = {chr(code) for start in (0x2460, 0x2474, 0x2488) for code in range(start, start + 10)}
    circled |= {chr(code) for code in (*range(0x2776, 0x2794), *range(0x24F5, 0x24FF), 0x24EA, 0x24FF, 0x1F51F)}
    circled |= {chr(code) for code in (*range(0x1F100, 0x1F10D),)}
    for code in range(0x20000):
        char = chr(code)
        if unicodedata.category(char) in {"No", "Nl", "So", "Sm", "Sk", "Po", "Pd"} and isinstance(
            replies.parse(char), Score
        ):
            assert char in circled, hex(code)


ZEROS = [
    chr(code)
    for code in range(0x20000)
    if unicodedata.category(chr(code)) == "Nd" and unicodedata.decimal(chr(code)) == 0
]
TWO_NUMBERS = (
    *("{a} {b}", "{a}, {b}", "{a},{b}", "{a}.{b}", "{a}/{b}", "{a}-{b}", "{a} - {b}", "{a} to {b}", "{a} or {b}"),
    *(
        "{a} and {b}",
        "{a};{b}",
        "{a}:{b}",
        "{a}~{b}",
        "{a}={b}",
        "{a}->{b}",
        "{a}\n{b}",
        "{a}+{b}",
        "{a}x{b}",
        "{a}|{b}",
    ),
    *(
        "was {a} now {b}",
        "{a} before, {b} now",
        "day {a} pain {b}",
        "left {a} right {b}",
        "{a} se {b}",
        "{a} theke {b}",
    ),
    *(
        "pehle {a} ab {b}",
        "age {a} ekhon {b}",
        "{a} ya {b}",
        "{a} ba {b}",
        "not {a}, {b}",
        "pain {a} {b}",
        "{a} 😀 {b}",
    ),
)
NO_SCORES = (
    *(
        "-{a}",
        "- {a}",
        "\u2212{a}",
        "\u2013{a}",
        "+{a}",
        "{a}%",
        "{a} %",
        "{a} percent",
        "<{a}",
        ">{a}",
        "\u2264{a}",
        "{a}+",
    ),
    *(
        ".{a}",
        "{a}.5",
        "{a},5",
        "{a}\u00bd",
        "{a} 1/2",
        "{a} and a half",
        "{a}?",
        "{a} ?",
        "{a}/5",
        "{a}/100",
        "more than {a}",
    ),
    *(
        "less than {a}",
        "up to {a}",
        "at least {a}",
        "almost {a}",
        "only {a}",
        "minus {a}",
        "{a} days",
        "{a} mg",
        "{a}pm",
    ),
    *(
        "saadhe {a}",
        "sare {a}",
        "{a} goli",
        "{a} din",
        "{a} bar",
        "{a} nahi",
        "{a} na",
        "kal {a}",
        "{a}th",
        "$" + "{a}",
    ),
)


def in_script(number, zero):
    return "".join(chr(ord(zero) + int(digit)) for digit in str(number))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(TWO_NUMBERS),
    st.integers(0, 12),
    st.integers(0, 12),
    st.sampled_from(ZEROS),
    st.sampled_from(ZEROS),
    st.sampled_from(LANGUAGES),
)
def test_two_different_numbers_in_any_scripts_are_never_a_pain_score(template, a, b, zero, other_zero, language):
    if a == b or (b == 10 and template == "{a}/{b}") or (template == "{a}.{b}" and b == 0):
        return
    text = template.format(a=in_script(a, zero), b=in_script(b, other_zero))
    assert not isinstance(replies.parse(text, "nrs", language), Score), text
    assert not isinstance(replies.parse(text, "csi", language), Score), text


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(NO_SCORES), st.integers(0, 10), st.sampled_from(ZEROS), st.sampled_from(LANGUAGES))
def test_a_sign_a_part_a_doubt_or_a_unit_in_any_script_is_never_a_pain_score(template, number, zero, language):
    text = template.format(a=in_script(number, zero))
    assert not isinstance(replies.parse(text, "nrs", language), Score), text
    assert not isinstance(replies.parse(text, "csi", language), Score), text


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(
        ["{}", " {} ", "{}/10", "pain {}", "my pain is {}", "about {}", "{} today", "({})", "{}!", "{} 👍"]
    ),
    st.integers(0, 10),
    st.sampled_from(ZEROS),
)
def test_one_plain_number_in_any_script_is_its_score(template, number, zero):
    assert replies.parse(template.format(in_script(number, zero))).value == number


def test_our_own_texts_coming_back_whole_or_cut_off_are_never_a_score():
    for language in wording.LANGUAGES:
        for key in ("nrs", "pgic", "relief_percent", "csi_1_5", "csi_item_4", "reask_2_nrs", "peg_2", "reminder_24h"):
            prompt = wording.preview(key, language)
            for cut in range(12, len(prompt) + 1, 3):
                for prompts in ((), (prompt,)):
                    for end in ("", "\u2026"):
                        reply = replies.parse(prompt[:cut] + end, "nrs", language, prompts=prompts)
                        assert not isinstance(reply, Score | RedFlag), prompt[:cut]
                        assert not prompts or not isinstance(reply, OptOut), prompt[:cut]


def test_an_answer_beside_our_whole_prompt_is_read():
    for language in wording.LANGUAGES:
        prompt = wording.preview("nrs", language)
        for quoted in ("{p} 7", "> {p}\n7", "\u201c{p}\u201d 7", "7\n\n> {p}", '"{p}"\n7'):
            assert replies.parse(quoted.format(p=prompt), "nrs", language, prompts=[prompt]).value == 7, quoted


HOSTILE = {
    "one long word": "a" * 1600,
    "many words": "a " * 800,
    "many numbers": "7 " * 800,
    "one long number": "7" * 1600,
    "denied signs": "no fever " * 178,
    "near signs": "leg not numb " * 123,
    "combining marks": "a" + "\u0301\u0316" * 2500,
    "marks on a digit": "7" + "\u0301" * 5000,
    "swelling ligatures": "\ufdfa" * 1600,
    "lone surrogates": "\ud800" * 1600,
    "nul": "\0" * 1600,
    "quotes": '"' * 1600,
    "mixed quotes": "\"'" * 800,
    "arrows": "> " * 800,
    "dots": "1." * 800,
    "encoded": "Ab3" * 533,
    "encoded in lines": ("A" * 20 + " ") * 76,
    "reactions": 'liked "' * 228,
    "prompts": "pain 0-10? " * 145,
    "emoji": "😀" * 1600,
    "near misspellings": "feverx brethe chesst numbnes " * 55,
    "bengali signs": "জ্বর নেই পা অবশ " * 100,
    "stops": "stop text " * 160,
    "temperatures": "temp 1 " * 228,
    "every plane": "".join(chr((n * 7919) % 0x110000) for n in range(1600)),
    "very long": "x " * 100_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_text_takes_more_than_five_milliseconds(text):
    prompts = ["How is your pain today, 0-10? Reply with a number.", "Pain 0-10?"]
    for scale, language in (("nrs", "en"), ("csi", "hi"), ("csi5", "bn")):
        replies.parse(text, scale, language, prompts=prompts)
        times = []
        for _ in range(7):
            start = time.thread_time()
            replies.parse(text, scale, language, prompts=prompts)
            times.append(time.thread_time() - start)
        assert min(times) < 0.005


@pytest.mark.parametrize("scale", ["nrs", "csi", "pgic", "peg"])
def test_the_short_way_reads_a_number_like_the_long_one(scale):
    for number in range(12):
        # A space at the end takes the long way.
        assert replies.parse(str(number), scale, country="FR") == replies.parse(f"{number} ", scale, country="FR")


def test_the_usual_text_takes_less_than_a_tenth_of_a_millisecond():
    replies.parse("7")
    times = []
    for _ in range(200):
        start = time.thread_time()
        replies.parse("7")
        times.append(time.thread_time() - start)
    assert min(times) < 0.0001
