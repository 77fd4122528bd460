"""What a patient's text means: a score, a warning sign, a request, something for people, or nothing certain.

`parse` is the order of the rules, from top to bottom. A score is stored only when the whole message states exactly one
answer; whatever is not understood is asked again, and whatever may be serious goes to people first. The parser knows
no clock and no patient: what was asked, the patient's language and our own recent texts are told to it.

Sources:
    [P] The order and the grammar are our own rules for the text channel. Scales: NRS 0-10 (LOINC 72514-3), CSI items
        0-4 (Neblett 2013), PGIC 1-7 (IMMPACT 2008), relief in percent 0-100.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prom.domain import (
    reply_candidates,
    reply_echo,
    reply_options,
    reply_people,
    reply_requests,
    reply_scores,
    reply_signals,
    reply_text,
    reply_words,
)
from prom.domain.reply_outcomes import (
    CORRECTION,
    HUMAN_REVIEW,
    OPT_OUT,
    AskAgain,
    Candidate,
    ForPeople,
    Help,
    Ignore,
    Later,
    OptIn,
    OptOut,
    Pause,
    RedFlag,
    Reply,
    Score,
)
from prom.domain.reply_review import red_flag_list, red_flag_words
from prom.domain.reply_signals import Alarm, Found

__all__ = [
    "PARSER_VERSION",
    "AskAgain",
    "ForPeople",
    "Help",
    "Ignore",
    "Later",
    "OptIn",
    "OptOut",
    "Pause",
    "RedFlag",
    "Reply",
    "Score",
    "as_json",
    "parse",
    "red_flag_list",
    "red_flag_words",
]

PARSER_VERSION = "2"
_REPEATED_WORDS = 4
# Numbers that are answers before they are an emergency number; a row of the sheet may spell one digit by digit.
_ANSWERS = {"percent": frozenset(map(str, range(101))), "csi5": frozenset("01234")}
# The usual answer, read without a search: it says nothing else in any language.
_PLAIN_ANSWERS = {
    scale: {str(number): Score("score.number", number) for number in range(low, high + 1)}
    for scale, low, high in (("nrs", 0, 10), ("csi", 0, 4), ("pgic", 1, 7))
}
_SAME_SCALE = {"peg": "nrs", "nrs_current": "nrs", "relief_percent": "percent"}
# A thumb, folded hands, a heart, a smile, flowers, a tick, in any skin and number; never a face in tears.
_PICTURES_OF_THANKS = re.compile(
    "[\\s\U0001f44d\U0001f44c\U0001f64f\u2764\ufe0f\U0001f3fb-\U0001f3ff\U0001f600-\U0001f604\U0001f60a\U0001f642\u263a\u2705"
    "\U0001f490\U0001f339\U0001f49a\U0001f499]{1,40}"
)
_NOT_A_NOTE = frozenset({"maybe_opt_out", "question", "complaint"})


@dataclass(frozen=True, slots=True)
class _Reading:
    """One text with all that the rules need to know about it."""

    raw: str
    found: Found
    scale: str
    speech: reply_words.Speech
    item_count: int
    num_media: int
    correcting: bool
    repeated: bool
    alarm: Alarm | None


def parse(  # noqa: PLR0913 - one keyword for each thing that is known about the text
    text: str,
    scale: str = "nrs",
    language: str = "en",
    *,
    country: str = "",
    num_media: int = 0,
    item_count: int = 5,
    prompts: Sequence[str] = (),
    correcting: bool = False,
    previous_text: str | None = None,
) -> Reply:
    """Return what a text means as an answer on a scale (nrs, peg, csi, csi5, pgic or percent).

    `country` (ISO 3166) is the clinic's, for the emergency numbers of its own; the commonest count everywhere.
    `prompts` are our texts sent to this phone lately, removed where quoted; `correcting` says that an answer of this
    prompt may still be corrected; `previous_text` is the last text from this phone.
    """
    scale = _SAME_SCALE.get(scale, scale)
    plain = _PLAIN_ANSWERS.get(scale, {}).get(text)
    if plain is not None and not num_media:
        return plain
    whole = reply_text.read(text)
    if reply_echo.is_reaction(whole):
        return Ignore("ignore.reaction")
    answers = _ANSWERS.get(scale, frozenset[str]())
    found = reply_signals.find(reply_echo.without_prompts(whole, prompts), language, country, answers)
    alarm = reply_signals.alarm(found)
    reading = _Reading(
        raw=text,
        found=found,
        scale=scale,
        speech=reply_words.speech(language),
        item_count=item_count,
        num_media=num_media,
        correcting=correcting,
        repeated=previous_text is not None and previous_text.strip() == text.strip(),
        alarm=alarm,
    )
    return (
        _auto_reply(reading)
        or _red_flag(reading)
        or _opt_out(reading)
        or _request(reading)
        or _for_people(reading)
        or _score(reading)
        or _ask_again(reading)
    )


def as_json(reply: Reply) -> dict[str, Any]:
    """Return a reply as plain values: outcome, value, candidate and also, always all four."""
    value = getattr(reply, "value", None)
    return {
        "outcome": reply.outcome,
        "value": list(value) if isinstance(value, tuple) else value,
        "candidate": getattr(reply, "candidate", None),
        "also": list(reply.also),
    }


def _auto_reply(reading: _Reading) -> Reply | None:
    """Ignore a machine's answer, which must never cause another question."""
    alarming = reading.alarm is not None
    return Ignore("ignore.auto_reply") if reply_echo.is_auto_reply(reading.found, alarming=alarming) else None


def _red_flag(reading: _Reading) -> Reply | None:
    """Surface a warning sign that is not denied, and record an opt-out said in the same text."""
    if reading.alarm is None or reading.alarm.denied:
        return None
    also = (OPT_OUT,) if reply_requests.opt_out_beside_a_sign(reading.found) else ()
    kind = reading.alarm.kind
    return RedFlag(f"red_flag.{kind}", kind, candidate=_beside_words(reading, labels=False), also=also)


def _opt_out(reading: _Reading) -> Reply | None:
    """Record an opt-out in any words; a number or a note beside it goes to people."""
    rule = reply_requests.opt_out(reading.found)
    if rule is None:
        return None
    noted = _reason(reading)
    note = reply_requests.states_a_number(reading.found) or (noted is not None and noted.key not in _NOT_A_NOTE)
    also = (HUMAN_REVIEW, *(noted.also if noted else ())) if note else ()
    return OptOut(rule, candidate=_beside_words(reading), also=also)


def _request(reading: _Reading) -> Reply | None:
    """Answer START, HELP, PAUSE and LATER, each only when nothing else is said."""
    found = reading.found
    if reply_requests.opt_in(found):
        return OptIn("opt_in.keyword")
    if reply_requests.asks_for_help(found):
        return Help("help.programme")
    if reply_requests.wants_pause(found):
        return Pause("pause.asked")
    return Later("later.asked") if reply_requests.wants_later(found) else None


def _for_people(reading: _Reading) -> Reply | None:
    """Hand over what a person must read, with the number it states as a proposal."""
    reason = _reason(reading)
    if reason is None:
        return None
    return ForPeople(f"people.{reason.key}", reason.key, candidate=_beside_words(reading), also=reason.also)


def _reason(reading: _Reading) -> reply_people.Reason | None:
    denied = reading.alarm is not None and reading.alarm.denied
    return reply_people.reason(reading.found, num_media=reading.num_media, denied_sign=denied)


def _beside_words(reading: _Reading, *, labels: bool = True) -> Candidate:
    return reply_candidates.beside_words(reading.found.text, reading.scale, reading.speech, labels=labels)


def _score(reading: _Reading) -> Reply | None:
    """Store a score when the whole message states exactly one, after a word of correction or without."""
    text = reading.found.text
    if text.too_long or text.doubtful_digits:
        return None
    stated = _stated(text, reading)
    if stated is not None:
        return stated
    return _correction(reading)


def _stated(text: reply_text.Text, reading: _Reading, also: tuple[str, ...] = ()) -> Score | None:
    if reading.scale == "csi5":
        values = reply_options.stated_sheet(text, reading.item_count)
        return None if values is None else Score("score.sheet", values, also)
    if reading.scale == "csi":
        option = reply_options.stated_option(text.tokens, reading.speech)
        return None if option is None else Score(option.rule, option.value, also)
    shape = reply_scores.SHAPES[reading.scale]
    number = reply_scores.stated(text.tokens, shape, reading.speech)
    return None if number is None else Score(number.rule, number.value, also)


def _correction(reading: _Reading) -> Reply | None:
    """Read CHANGE and a score at any time, and "no" and a score while an answer may still be corrected."""
    text = reading.found.text
    phrases = list(reading.speech.phrases.get("correction", ()))
    # "No pain 5" is no correction to 5: it says two things at once.
    if reading.correcting and not _opens_with_no_pain(text, reading.speech):
        phrases.extend(reading.speech.phrases.get("correcting", ()))
    for phrase in sorted(phrases, key=len, reverse=True):
        rest = _after(phrase, text)
        if rest is not None:
            stated = _stated(rest, reading, also=(CORRECTION,))
            if stated is not None:
                return Score(f"{stated.rule}_corrected", stated.value, stated.also)
    return None


def _opens_with_no_pain(text: reply_text.Text, speech: reply_words.Speech) -> bool:
    words = tuple(token.text for token in text.tokens)
    return any(words[: len(phrase)] == phrase and len(words) > len(phrase) for phrase in speech.phrases["no_pain"])


def _after(phrase: tuple[str, ...], text: reply_text.Text) -> reply_text.Text | None:
    """Return what follows an opening phrase and the comma or colon behind it, or None."""
    tokens = list(text.tokens)
    if tuple(token.text for token in tokens[: len(phrase)]) != phrase:
        return None
    rest = tokens[len(phrase) :]
    if rest and rest[0].text in {",", ":", "."} and rest[0].glued and rest[1:] and not rest[1].glued:
        rest = rest[1:]
    written_together = bool(rest) and rest[0].glued and rest[0].kind != "mark" and phrase != ("change",)
    if not rest or written_together or rest[0].text in {"-", ".", "/"}:
        return None
    return reply_text.with_tokens(text, tuple(rest))


def _ask_again(reading: _Reading) -> Reply:
    """Ask again; the same long text twice is a machine talking, and asking it would start a loop."""
    text = reading.found.text
    if reading.repeated and len(text.words) >= _REPEATED_WORDS:
        return Ignore("ignore.repeated")
    if _is_filler(reading):
        return AskAgain("ask_again.filler")
    return AskAgain("ask_again.unclear", candidate=reply_candidates.proposal(text, reading.scale, reading.speech))


def _is_filler(reading: _Reading) -> bool:
    """Return whether nothing is said but a word of thanks, or nothing at all but a picture of thanks."""
    if not reading.found.text.words:
        return _PICTURES_OF_THANKS.fullmatch(reading.raw) is not None
    return reading.found.only("polite", "filler")
