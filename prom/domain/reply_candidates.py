"""The number a one-tap proposal offers to staff when a text is not a score.

A proposal is shown, never stored: a person who knows the patient taps it or does not. None means that no number in the
text is more likely to be the answer than another.
"""

import re
import unicodedata
from collections.abc import Sequence

from prom.domain import reply_scores
from prom.domain.reply_outcomes import Candidate
from prom.domain.reply_scores import Shape
from prom.domain.reply_text import Text, Token
from prom.domain.reply_words import Speech, one_edit

_LETTER_FOR_DIGIT = str.maketrans("oli|", "0111")
# A number before one of these words counts something else than pain.
_UNITS = frozenset(
    {"day", "days", "week", "weeks", "month", "months", "year", "years", "hour", "hours", "hr", "hrs", "min", "mins"}
    | {"minute", "minutes", "time", "times", "pill", "pills", "tablet", "tablets", "tab", "tabs", "mg", "ml", "extra"}
    | {"more", "dose", "doses", "percent", "degrees", "kg", "episodes", "ta", "goli", "din", "tablette", "pastillas"}
)
_FRACTION = re.compile(r"(?<![\d.,/-])(\d{1,2})\s*(?:([½¼¾])|\s(1/2|1/4|3/4))(?!\d)")
_DECIMAL = re.compile(r"(?<![\d.,/-])(\d{1,2}\.\d{1,2})(?![\d.,-])")
_PARTS = {"½": 0.5, "¼": 0.25, "¾": 0.75, "1/2": 0.5, "1/4": 0.25, "3/4": 0.75}
_LAST_NUMBERS = frozenset({"says", "said", "stop", "is", "pain", "score", "level"})


def proposal(text: Text, scale: str, speech: Speech) -> Candidate:
    """Return the number to offer for a text that has to be asked again."""
    shape = reply_scores.SHAPES.get(scale)
    if shape is None:
        return None
    words = tuple(token.text for token in text.tokens if token.kind == "word")
    whole = tuple(token.text for token in text.tokens)
    if scale == "csi" and whole in speech.proposals:
        return speech.proposals[whole]
    found = _between_numbers(text, words, speech) if scale == "nrs" else None
    if found is None:
        found = _one_sign(text, whole, scale, speech)
    if found is None:
        found = _one_of_several(text.tokens, scale, speech)
    return found if found is not None and shape.low <= found <= shape.high else None


def _between_numbers(text: Text, words: tuple[str, ...], speech: Speech) -> Candidate:
    """Return a number that is not whole: 6.5, 6 and a half, saadhe saat."""
    fraction = _FRACTION.search(text.plain)
    if fraction:
        return int(fraction.group(1)) + _PARTS[fraction.group(2) or fraction.group(3)]
    if len(text.tokens) == 1 and text.tokens[0].text in _PARTS:
        return _PARTS[text.tokens[0].text]
    decimals = _DECIMAL.findall(text.plain)
    others = [token for token in text.tokens if token.kind == "number"]
    if len(decimals) == 1 and len(others) in {2, 3} and (len(others) == 2 or others[-1].text == "10"):
        return float(decimals[0])
    return _half_in_words(text, words, speech)


def _half_in_words(text: Text, words: tuple[str, ...], speech: Speech) -> Candidate:
    values = _values(text.tokens, speech)
    texts = tuple(token.text for token in text.tokens)
    for phrase in speech.phrases.get("half_after", ()):
        if len(texts) > len(phrase) and texts[-len(phrase) :] == phrase and values:
            return values[0] + 0.5
    for name, part in (("half_before", 0.5), ("quarter_more", 0.25), ("quarter_less", -0.25)):
        if len(texts) == 2 and (texts[0],) in speech.phrases.get(name, ()) and values:
            return values[0] + part
    return speech.unsure[words[0]] if len(texts) == 1 and words and words[0] in speech.unsure else None


def _values(tokens: Sequence[Token], speech: Speech) -> list[int]:
    numbers = speech.numbers
    found = [int(token.text) for token in tokens if token.kind == "number" and len(token.text) <= 4]
    return found or [numbers[token.text] for token in tokens if token.text in numbers]


def _one_sign(text: Text, whole: tuple[str, ...], scale: str, speech: Speech) -> Candidate:
    """Return what a single sign or word may have meant: a doubled key, a letter for a digit, a superscript, a slip."""
    joined = "".join(whole)
    if len(whole) == 1 and joined.isascii() and joined.isdigit():
        return _doubled(joined)
    if scale == "nrs" and re.fullmatch(r"[0-9oli|]{1,2}", joined) and len(text.plain.split()) == 1:
        return int(joined.translate(_LETTER_FOR_DIGIT))
    if len(whole) == 1 and len(joined) == 1 and unicodedata.digit(joined, None) is not None:
        return unicodedata.digit(joined)
    if re.fullmatch(r"\d{1,2}\s?\?+", text.plain.strip()):
        return int(whole[0])
    if scale == "csi":
        return int(whole[0]) if re.fullmatch(r"\d\s?/\s?\d", text.plain.strip()) else None
    return _slip(whole, speech)


def _doubled(digits: str) -> Candidate:
    if len(digits) <= 3 and digits.lstrip("0") and len(digits.lstrip("0")) < len(digits):
        return int(digits)
    return int(digits[0]) if len(digits) == 2 and digits[0] == digits[1] and digits not in {"99", "11"} else None


def _slip(whole: tuple[str, ...], speech: Speech) -> Candidate:
    """Return the number a single misspelt word is one slip away from."""
    if len(whole) != 1 or len(whole[0]) < 3 or not whole[0].isalpha():
        return None
    near = {value for word, value in speech.numbers.items() if word[0] == whole[0][0] and one_edit(whole[0], word)}
    return near.pop() if len(near) == 1 else None


def _one_of_several(tokens: Sequence[Token], scale: str, speech: Speech) -> Candidate:
    """Return the number repeated, corrected, or tied to now, when the others are tied to another time."""
    numbers = [at for at, token in enumerate(tokens) if token.kind == "number"]
    values = {tokens[at].text for at in numbers}
    simple = all(token.kind == "number" for token in tokens)
    if len(numbers) > 1 and len(values) == 1 and simple:
        return int(tokens[numbers[0]].text) if len(tokens[numbers[0]].text) <= 3 else None
    if len(numbers) == 1:
        return _after_no(tokens, numbers[0], speech)
    if scale != "nrs" or len(numbers) != 2:
        return None
    told_apart = speech.phrases.get("now", ()) + speech.phrases.get("past", ())
    if not any((token.text,) in told_apart for token in tokens[numbers[0] + 1 : numbers[1]]):
        return None
    now = [at for at in numbers if _tied(tokens, at, "now", speech)]
    return int(tokens[now[0]].text) if len(now) == 1 and len(tokens[now[0]].text) <= 2 else None


def _after_no(tokens: Sequence[Token], at: int, speech: Speech) -> Candidate:
    words = tuple(token.text for token in tokens[:at] if token.kind == "word")
    last = at == len(tokens) - 1 and len(tokens[at].text) <= 2
    marked = any(token.kind == "mark" and token.text != "," for token in tokens)
    return int(tokens[at].text) if last and not marked and words in speech.phrases.get("correcting", ()) else None


def _tied(tokens: Sequence[Token], at: int, name: str, speech: Speech) -> bool:
    """Return whether a number belongs to a word of time: the word before it, or else the one after it."""
    if at and tokens[at - 1].kind == "word":
        near = tokens[at - 1].text
    else:
        near = tokens[at + 1].text if at + 1 < len(tokens) else ""
    return (near,) in speech.phrases.get(name, ())


def beside_words(text: Text, scale: str, speech: Speech, *, labels: bool = True) -> Candidate:
    """Return the number stated beside words for people: at the start ("6 and it itches") or at the end (", pain 4")."""
    shape = reply_scores.SHAPES.get(scale)
    if shape is None or not text.tokens:
        return None
    tokens = list(text.tokens)
    if scale == "csi" and labels:
        label = _first_label(tokens, speech)
        if label is not None:
            return label
    value = _first_number(tokens, shape)
    return value if value is not None else _last_number(tokens, shape)


def _first_label(tokens: Sequence[Token], speech: Speech) -> int | None:
    words = tuple(token.text for token in tokens[:4])
    near = [value for value, labels in enumerate(speech.options) for label in labels if words[: len(label)] == label]
    return near[0] if len(near) == 1 else None


def _first_number(tokens: list[Token], shape: Shape) -> int | None:
    """Return the number that opens a text, the only one but for the denominator."""
    rest = tokens[1:]
    if tokens[0].kind != "number" or len(tokens[0].text) > 2:
        return None
    over_ten = [token.text for token in rest[:2]] == ["/", "10"]
    if over_ten:
        rest = rest[2:]
    if any(token.kind == "number" for token in rest):
        return None
    if rest and (rest[0].text in _UNITS or (rest[0].glued and rest[0].text not in {",", ".", "!", ";"})):
        return None
    value = int(tokens[0].text)
    return min(value, shape.high) if over_ten or value <= shape.high else None


def _last_number(tokens: list[Token], shape: Shape) -> int | None:
    """Return the number that closes a text after a comma or a word for pain, when it is the only one."""
    if [token.text for token in tokens[-2:]] == ["/", "10"]:
        tokens = tokens[:-2]
    if len(tokens) < 2 or tokens[-1].kind != "number" or len(tokens[-1].text) > 2:
        return None
    if any(token.kind == "number" for token in tokens[:-1]):
        return None
    led = tokens[-2].text in {",", ".", ":"} or tokens[-2].text in _LAST_NUMBERS
    value = int(tokens[-1].text)
    return value if led and not (tokens[-1].glued and tokens[-2].kind == "word") and value <= shape.high else None
