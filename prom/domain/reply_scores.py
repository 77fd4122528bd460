"""The strict grammar of one stated number: the whole message must be understood, or there is no score.

A message is words that may stand before a number, one number, and words that may stand after it. The words are data per
language. Anything else in the message (a second number, a unit, a comparison, a question mark, an unknown word) means
that the number may not be the answer, and the question is asked again.

Sources:
    [S] The pain score is a whole number from 0 to 10 (NRS-11, LOINC 72514-3).
    [P] "No pain" is 0; a trailing ".0" is whole; the denominator must be the scale's own top.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from prom.domain.reply_text import Token
from prom.domain.reply_words import Speech

LONGEST_ANSWER = 40
NRS_TOP = 10
_POLITE_BEFORE = ("polite_before",)
_POLITE_AFTER = ("polite_after",)
_ABOUT = frozenset({"~", "≈", "≃"})
_OPENING = _ABOUT | {"="}
_JOINING = frozenset({",", ":", "=", "!", "."})
_CLOSING = frozenset({".", "!", ","})
# At the very end, and at the very beginning, these marks say nothing either: "7)", "7;", "* 7".
_LAST = _CLOSING | {";", ":", ")"}
_FIRST = frozenset({":", "*", "•", "·"})
_WRAPPING = {'"': '"', "'": "'", "(": ")", "[": "]", "*": "*", "_": "_"}
_EMOTICONS = frozenset({":)", ":-)", ":(", ":-(", ";)", ";-)", ":'("})


@dataclass(frozen=True, slots=True)
class Shape:
    """What one scale allows: its range, the words around the number, and the denominator it may be given with."""

    low: int
    high: int
    before: tuple[str, ...]
    after: tuple[str, ...]
    denominator: int | None = None
    zero_words: bool = False
    ish: bool = False
    number_words: str = "numbers"
    percent: bool = False


NRS = Shape(
    low=0,
    high=10,
    before=("polite_before", "before", "hedge"),
    after=("polite_after", "after"),
    denominator=10,
    zero_words=True,
    ish=True,
)
PGIC = Shape(low=1, high=7, before=_POLITE_BEFORE, after=_POLITE_AFTER)
OPTION = Shape(low=0, high=4, before=_POLITE_BEFORE, after=_POLITE_AFTER)
PERCENT = Shape(
    low=0,
    high=100,
    before=("polite_before", "hedge"),
    after=("polite_after", "hundred"),
    denominator=100,
    number_words="tens",
    percent=True,
)
SHAPES = {"nrs": NRS, "pgic": PGIC, "percent": PERCENT, "csi": OPTION}


@dataclass(frozen=True, slots=True)
class Stated:
    """The number a message states, and how."""

    value: int
    rule: str


def stated(tokens: Sequence[Token], shape: Shape, speech: Speech) -> Stated | None:
    """Return the one number the whole message states, or None."""
    kept = _unwrapped(list(tokens)) if len(tokens) <= LONGEST_ANSWER else []
    hedged = any(token.text in _ABOUT for token in tokens[:LONGEST_ANSWER])
    if not kept or (hedged and "hedge" not in shape.before):
        return None
    found = _number(kept, shape, speech) or _no_pain(kept, shape, speech)
    return found if found is not None and shape.low <= found.value <= shape.high else None


def _unwrapped(tokens: list[Token]) -> list[Token]:
    """Return the tokens without a smiling face at the end and without marks that only frame them: "7", *7*, -> 7."""
    tokens = _without_emoticon(tokens)
    # "8)" alone may be a face with glasses.
    last = _CLOSING if any(token.text in {"(", "8"} for token in tokens) else _LAST
    while tokens and tokens[-1].text in last:
        tokens = tokens[:-1]
    arrow = [token.text for token in tokens[:2]] in (["-", ">"], ["=", ">"])
    if arrow and tokens[1].glued:
        return tokens[2:]
    if len(tokens) > 2 and _WRAPPING.get(tokens[0].text) == tokens[-1].text:
        return _unwrapped(tokens[1:-1])
    apart = tokens and tokens[0].text in _FIRST and tokens[1:] and not tokens[1].glued
    return tokens[1:] if apart or (tokens and tokens[0].text in _OPENING) else tokens


def _without_emoticon(tokens: list[Token]) -> list[Token]:
    for length in (2, 3):
        head = tokens[: length + 1]
        if len(head) > length and not head[-1].glued and "".join(token.text for token in head[:-1]) in _EMOTICONS:
            return tokens[length:]
        tail = tokens[-length:]
        apart = len(tokens) > length and not tail[0].glued and all(token.glued for token in tail[1:])
        if apart and "".join(token.text for token in tail) in _EMOTICONS:
            return tokens[:-length]
    return tokens


def _number(tokens: list[Token], shape: Shape, speech: Speech) -> Stated | None:
    """Return the number when it is the only one, rightly written, with nothing unknown around it."""
    numbers = number_words(shape, speech)
    start = next((at for at, token in enumerate(tokens) if token.kind == "number" or token.text in numbers), None)
    if start is None:
        return None
    of_ten = _said_out_of_ten_first(tokens, start, shape, speech)
    start = of_ten or start
    value, end = _core(tokens, start, shape, speech)
    if value is None:
        return None
    agreeing = (*shape.after, "no_pain") if value == 0 and shape.zero_words else shape.after
    first = start if not of_ten else _first_of(tokens, numbers)
    before = _before(tokens[:first], shape, speech, glued=tokens[first].glued)
    if before and covered(_bare(tokens[end:], _marks_after(value, tokens[end:])), agreeing, speech):
        rule = "number" if tokens[start].kind == "number" else "number_word"
        return Stated(value, f"score.{rule}")
    return None


def _marks_after(value: int, rest: list[Token]) -> frozenset[str]:
    """Return the marks that may stand among the words after a number: "0 - no pain", "0 (no pain)"."""
    said = value == 0 and any(token.kind == "word" for token in rest)
    return _CLOSING | {"-", "(", ")"} if said else _CLOSING


def _first_of(tokens: list[Token], numbers: dict[str, int]) -> int:
    return next(at for at, token in enumerate(tokens) if token.kind == "number" or token.text in numbers)


def number_words(shape: Shape, speech: Speech) -> dict[str, int]:
    """Return the number words a scale reads, exact spellings only."""
    words = dict(speech.numbers)
    return words | dict(speech.tens) if shape.number_words == "tens" else words


def _said_out_of_ten_first(tokens: list[Token], start: int, shape: Shape, speech: Speech) -> int | None:
    """Return where the score stands when the denominator is said first, as in Bengali and Hindi ("10 er moddhe 7")."""
    if shape.denominator != 10 or (tokens[start].text != "10" and speech.numbers.get(tokens[start].text) != 10):
        return None
    joined = len(tokens) > start + 1 and tokens[start + 1].text == "-" and tokens[start + 1].glued
    begin = start + (2 if joined else 1)
    for phrase in speech.phrases.get("ten_of", ()):
        end = begin + len(phrase)
        if tuple(token.text for token in tokens[begin:end]) == phrase and len(tokens) > end:
            return end
    return None


def _core(tokens: list[Token], start: int, shape: Shape, speech: Speech) -> tuple[int | None, int]:
    """Return the value of the number that begins at a place, and where what belongs to it ends."""
    value = _whole(tokens[start], number_words(shape, speech), longest=len(str(shape.high)))
    end = start + 1
    if start and tokens[start].glued and tokens[start - 1].kind != "mark":
        return None, end
    end = _past_zero_decimal(tokens, end)
    end = _past_ish(tokens, end) if shape.ish else end
    if shape.percent and end < len(tokens) and tokens[end].text == "%":
        end += 1
    past = _past_denominator(tokens, end, shape, speech)
    glued = past < len(tokens) and tokens[past].glued and tokens[past].kind != "mark"
    return (None if glued or _dated(tokens[start], past > end) else value), past


def _dated(token: Token, over_ten: bool) -> bool:
    """Return whether a number is written as in a date: 07/10."""
    return over_ten and len(token.text) > 1 and token.text.startswith("0")


def _whole(token: Token, numbers: dict[str, int], longest: int) -> int | None:
    if token.kind != "number":
        return numbers.get(token.text)
    if token.text == "00":
        return 0
    padded = len(token.text) == 2 and token.text[0] == "0"
    if padded or (len(token.text) <= longest and token.text[0] != "0") or token.text == "0":
        return int(token.text)
    return None


def _past_zero_decimal(tokens: list[Token], end: int) -> int:
    """Return the place after a glued ".0", which leaves a number whole."""
    tail = tokens[end : end + 2]
    if len(tail) == 2 and tail[0].text == "." and tail[1].text == "0" and tail[0].glued and tail[1].glued:
        return end + 2
    return end


def _past_ish(tokens: list[Token], end: int) -> int:
    tail = tokens[end : end + 2]
    if tail and tail[0].text == "ish" and tail[0].glued:
        return end + 1
    if len(tail) == 2 and tail[0].text == "-" and tail[1].text == "ish" and tail[0].glued and tail[1].glued:
        return end + 2
    return end


def _past_denominator(tokens: list[Token], end: int, shape: Shape, speech: Speech) -> int:
    """Return the place after "/10" or "out of ten", when the denominator is the scale's own."""
    if shape.denominator is None or end >= len(tokens):
        return end
    top = {str(shape.denominator)} | {word for word, value in speech.numbers.items() if value == shape.denominator}
    if tokens[end].text in {"/", "\\"}:
        return end + 2 if end + 1 < len(tokens) and tokens[end + 1].text in top else end
    if shape.denominator == NRS_TOP and (past := _past_the_scale(tokens, end, speech)) > end:
        return past
    texts = tuple(token.text for token in tokens)
    for phrase in speech.phrases.get("denominator", ()):
        past = end + len(phrase)
        if texts[end:past] == phrase and past < len(texts) and texts[past] in top:
            return past + 1
    return end


def _past_the_scale(tokens: list[Token], end: int, speech: Speech) -> int:
    """Return the place after "on a scale of 0 to 10" or "of 0-10", the whole scale named after the number."""
    for phrase in speech.phrases.get("whole_scale", ()):
        for past in (end + len(phrase), end + len(phrase) + 1):
            texts = tuple(token.text for token in tokens[end:past] if token.text != "-")
            if texts == phrase and past <= len(tokens):
                return past
    return end


def _before(tokens: list[Token], shape: Shape, speech: Speech, *, glued: bool) -> bool:
    """Return whether the tokens before a number are all words that may stand there; ".7" is no 7, "Hi. 7" is."""
    if tokens and tokens[-1].text in _OPENING:
        tokens = tokens[:-1]
    if len(tokens) > 1 and tokens[-1].text == "." and (glued or not tokens[-1].glued or tokens[-2].text in {"a", "an"}):
        return False
    return bool(not tokens or tokens[0].kind == "word") and covered(_bare(tokens, _JOINING), shape.before, speech)


def _bare(tokens: list[Token], marks: frozenset[str]) -> list[Token]:
    return [token for token in tokens if token.text not in marks]


def covered(tokens: Sequence[Token], names: tuple[str, ...], speech: Speech) -> bool:
    """Return whether the tokens are a row of listed phrases and nothing else."""
    if any(token.kind != "word" for token in tokens):
        return False
    words = tuple(token.text for token in tokens)
    phrases = speech.phrases_of(names)
    reached = {0}
    for at in range(len(words)):
        if at in reached:
            reached.update(end for end in range(at + 1, len(words) + 1) if words[at:end] in phrases)
    return len(words) in reached


def _no_pain(tokens: list[Token], shape: Shape, speech: Speech) -> Stated | None:
    """Return 0 for an unmistakable statement that there is no pain, and nothing else but politeness or the time."""
    if not shape.zero_words or any(token.kind == "number" for token in tokens[:-1]):
        return None
    tokens = tokens[:-1] if tokens[-1] == Token("number", "0", glued=False) else tokens
    if not tokens or tokens[-1].kind == "number":
        return None
    hyphens = {at for at, token in enumerate(tokens[:-1]) if token.text == "-" and token.glued and tokens[at + 1].glued}
    words = _bare([token for at, token in enumerate(tokens) if at not in hyphens], _JOINING - {":", "="})
    texts = tuple(token.text for token in words)
    for phrase in speech.phrases.get("no_pain", ()):
        for start in range(len(texts) - len(phrase) + 1):
            if texts[start : start + len(phrase)] != phrase:
                continue
            rest = words[start + len(phrase) :]
            before = (*_POLITE_BEFORE, "before")
            if covered(words[:start], before, speech) and covered(rest, shape.after, speech):
                return Stated(0, "score.no_pain")
    return None
