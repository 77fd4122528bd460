"""Answers to questionnaire items: one of five labels or its number, or a whole row of the sheet.

A label counts when it is exactly the one sent, or one slip away from exactly one label and not another word. "Barely",
"very often" and "2 or 3" are not options.

Sources:
    [S] Neblett 2013, 2017: items are answered 0 never, 1 rarely, 2 sometimes, 3 often, 4 always.
    [P] A row of the sheet has exactly as many signs as items were asked; X skips an item.
"""

import unicodedata
from collections.abc import Sequence

from prom.domain import reply_scores
from prom.domain.reply_scores import OPTION, Stated
from prom.domain.reply_text import Text, Token
from prom.domain.reply_words import Speech, one_edit

SHORTEST_SLIP = 5
_SKIP = "x"
_SEPARATORS = frozenset({",", "-", "=", ":", "(", ")", "."})


def stated_option(tokens: Sequence[Token], speech: Speech) -> Stated | None:
    """Return the option a whole message states, by number, by label, or by both when they agree."""
    by_number = reply_scores.stated(tokens, OPTION, speech)
    if by_number is not None:
        return by_number
    if any(token.kind == "mark" and token.text not in _SEPARATORS | {"!", '"', "'", "*"} for token in tokens):
        return None
    return _label(tokens, speech) or _number_and_label(tokens, speech)


def _label(tokens: Sequence[Token], speech: Speech) -> Stated | None:
    words = _polite_off([token for token in tokens if token.kind != "mark"], speech)
    if not words or any(token.kind == "number" for token in words):
        return None
    texts = tuple(token.text for token in words)
    exact = {value for value, labels in enumerate(speech.options) if texts in labels}
    if len(exact) == 1:
        return Stated(exact.pop(), "score.label")
    return None if exact else _slip(texts, speech)


def _slip(texts: tuple[str, ...], speech: Speech) -> Stated | None:
    """Return the one label a text is a single slip away from, unless it is another word."""
    said = " ".join(texts)
    if len(said) < SHORTEST_SLIP - 1 or texts in speech.other_words or texts in speech.proposals:
        return None
    labels = [
        (value, " ".join(label))
        for value, listed in enumerate(speech.options)
        for label in listed
        # A number word is no label: "there" is one slip from "three" and means something else.
        if label[0] not in speech.numbers
    ]
    near = {value for value, label in labels if _is_slip(said, label, speech)}
    return Stated(near.pop(), "score.label_slip") if len(near) == 1 else None


def _is_slip(said: str, label: str, speech: Speech) -> bool:
    """Return whether one slip makes the label; outside Latin letters only a vowel or accent sign may differ."""
    if len(label) < SHORTEST_SLIP or not one_edit(said, label):
        return False
    if not label.isascii():
        return _consonants(said) == _consonants(label)
    # A wrong first letter is a slip only where it makes no other word either: "varely" may be barely.
    return said[0] == label[0] or not any(one_edit(said, " ".join(other)) for other in speech.other_words)


def _consonants(text: str) -> str:
    return "".join(char for char in text if not unicodedata.category(char).startswith("M"))


def _polite_off(tokens: list[Token], speech: Speech) -> list[Token]:
    """Return the words without the greeting before and the thanks after them."""
    for end in range(len(tokens), 0, -1):
        if end < len(tokens) and reply_scores.covered(tokens[end:], ("polite_after",), speech):
            tokens = tokens[:end]
            break
    for start in range(1, len(tokens)):
        if reply_scores.covered(tokens[:start], ("polite_before",), speech):
            return tokens[start:]
    return tokens


def _number_and_label(tokens: Sequence[Token], speech: Speech) -> Stated | None:
    """Return the option when a number and an exact label are both given and agree."""
    kept = [token for token in tokens if token.kind != "mark"]
    numbers = [token for token in kept if token.kind == "number"]
    if len(numbers) != 1 or not (kept[0].kind == "number" or kept[-1].kind == "number"):
        return None
    if any(_joined_or_signed(tokens, at) for at in range(len(tokens))):
        return None
    label = _label([token for token in kept if token.kind != "number"], speech)
    if label is None or label.rule != "score.label" or numbers[0].text != str(label.value):
        return None
    return Stated(label.value, "score.number_and_label")


def _joined_or_signed(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a number hangs together with a word ("3often") or carries a sign of its own ("-3", ".3")."""
    token, before = tokens[at], tokens[at - 1] if at else None
    if before is None or not token.glued:
        return False
    if before.kind == "mark":
        return token.kind == "number" and before.text in {"-", "."} and not before.glued
    return token.kind != "mark" and "number" in {token.kind, before.kind}


def stated_sheet(text: Text, item_count: int) -> tuple[int | None, ...] | None:
    """Return the answers of a row of the sheet, None for a skipped item, or None for anything else."""
    if text.ten_sign:
        return None
    signs: list[str] = []
    tokens = list(text.tokens)
    while tokens and tokens[-1].text in {".", "!"}:
        tokens.pop()
    for token in tokens:
        if token.kind == "mark":
            if token.text != ",":
                return None
        else:
            signs.extend(token.text)
    if len(signs) != item_count or any(sign not in "01234" + _SKIP for sign in signs):
        return None
    return tuple(None if sign == _SKIP else int(sign) for sign in signs)
