"""Texts that a person must read: a wish to talk, a death, a hospital stay, symptoms, medicines, questions, pictures.

The machine answers none of these. A text of no listed kind that is long enough to tell a story goes to people too.
"""

import re
from dataclasses import dataclass

from prom.domain import reply_signals, reply_words
from prom.domain.reply_outcomes import PAUSE
from prom.domain.reply_signals import Found

LONG_NOTE_WORDS = 15
_ENCODED = re.compile(r"(?:[A-Za-z0-9+/_-]{40,}={0,2}|(?:[A-Za-z0-9+/]{20,}\s+)+[A-Za-z0-9+/]{4,}={0,2})")
_ESCAPED = re.compile(
    r"(?:&#x?[0-9a-f]+;){2}|(?:\\u[0-9a-f]{4}){2}|(?:%[0-9a-f]{2}){4}|=\?utf-8\?|(?:=[0-9a-f]{2}){3}", re.IGNORECASE
)
_TITLE = r"(?:(?:Mr|Mrs|Ms|Dr)\.?\s)?"
_NOT_A_NAME = re.compile(
    rf"\b[Tt]his (?:is not|isn'?t|is no longer) {_TITLE}[A-Z][a-z]+"
    rf"|^\W*(?:[Ss]orry,? |[Nn]o,? )?[Ii](?: am|'?m) not {_TITLE}"
    r"(?!(?:Well|Good|Ok|Okay|Fine|Better|Sure|Happy|Able|There|Feeling|In|Doing|At|On|Having)\b)[A-Z][a-z]+\W*$"
    r"|\b[Tt]his (?:is not|isn'?t) \w+'?s (?:phone|number|mobile|cell)\b"
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why people must read a text, and what else follows from it."""

    key: str
    also: tuple[str, ...] = ()


def reason(found: Found, *, num_media: int, denied_sign: bool) -> Reason | None:
    """Return why people must read a text, or None."""
    if num_media > 0:
        return Reason("picture")
    if _is_encoded(found):
        return Reason("encoded")
    if _NOT_A_NAME.search(found.text.cased):
        return Reason("wrong_number", (PAUSE,))
    for rule in reply_signals.possible(reply_words.lexicon().people, found):
        if any(True for _ in reply_signals.hits(rule, found)):
            return Reason(rule.name, rule.also)
    return _denied_or_unclear(found, denied_sign=denied_sign)


def _denied_or_unclear(found: Found, *, denied_sign: bool) -> Reason | None:
    if denied_sign:
        return Reason("denied_sign")
    if found.has("not_opt_out") or found.has("maybe_stop") or found.only_said("maybe_stop_alone"):
        return Reason("maybe_opt_out")
    if found.has("paused"):
        return Reason("pause", (PAUSE,))
    if found.has("help_alone"):
        return Reason("help_me")
    if found.has("start_alone"):
        return Reason("resume")
    if _is_question(found):
        return Reason("question")
    if found.text.too_long:
        return Reason("too_long")
    return Reason("long_note") if len(found.text.words) >= LONG_NOTE_WORDS else None


def _is_encoded(found: Found) -> bool:
    """Return whether a text arrived encoded, as joined messages do that were put together wrongly."""
    cased = found.text.cased.strip()
    mixed = any(char.isdigit() for char in cased) or any(char.isupper() for char in cased[1:])
    return bool(_ENCODED.fullmatch(cased) and mixed and len(cased) >= 40) or bool(_ESCAPED.search(cased))


def _is_question(found: Found) -> bool:
    """Return whether words are asked, not only a number doubted."""
    words = found.text.words
    if found.has("asks_anywhere") or any(start <= 1 for start, _ in found.spans.get("asks", ())):
        return True
    known = reply_words.answer_words()
    return "?" in found.text.plain and any(not word.isdigit() and word not in known for word in words)
