"""A patient's text made comparable: one digit script, no invisible characters, words without decoration.

Two readings of the same text are kept side by side. `tokens` are exact (case aside) and serve the strict score
grammar: what is not understood there must stay visible, so a superscript, a fraction, a struck-out digit or a sign that
changes a number's meaning is never smoothed away. `words` are folded (accents, apostrophes and spelling marks off) and
serve the broad recall of warning signs and requests, where missing a word is worse than reading one too many.

A webhook has little time, and a text may be made to cost it: everything here is one pass over at most 1,600 characters.
"""

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

LONGEST = 1600
MOST_WORDS = 450
MOST_TOKENS = 320
MOST_MARKS = 4
UNREADABLE = "\ufffd"
TEN_SIGN = "\U0001f51f"

# Compatibility normalisation would turn these into plain digits: 7 squared would become 72 and one half 1/2.
_NOT_PLAIN = "\u00b2\u00b3\u00b9\u00bc-\u00be\u2070\u2074-\u2079\u2080-\u2089\u2150-\u215f\u2189"
_PLAIN_RUNS = re.compile(f"[^{_NOT_PLAIN}]+")
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800\u20e3") | frozenset(
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)
_DIRECTION_OVERRIDES = ("\u202d", "\u202e")
_CIRCLED = (
    {chr(0x2776 + n): str(n + 1) for n in range(10)}
    | {chr(0x2780 + n): str(n + 1) for n in range(10)}
    | {chr(0x278A + n): str(n + 1) for n in range(10)}
    | {chr(0x24F5 + n): str(n + 1) for n in range(10)}
    | {chr(0x24EB + n): str(n + 11) for n in range(10)}
    | {"\u24ff": "0", "\U0001f10b": "0", "\U0001f10c": "0", TEN_SIGN: "10"}
)
_STRAIGHT = {
    "\u2018": "'", "\u2019": "'", "\u02bc": "'", "`": "'", "\u201b": "'",
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"',
    "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-",
    "\u061f": "?", "\u060c": ",", "\u066a": "%", "\u0964": ".", "\u06d4": ".", "\u3002": ".", "\u3001": ",",
    "\u2192": "->", "\u27a1": "->", "\u00bf": "?", "\u00a1": "!", "\u2753": "?", "\u2754": "?",
    "\u2757": "!", "\u2755": "!", "\u2044": "/", "\u2215": "/",
}  # fmt: skip
_DECORATION = re.compile(
    "[\u2600-\u267f\u2690-\u26ff\u2700-\u2752\u2756\u2758-\u2767\u2b50"
    "\U0001f300-\U0001f51e\U0001f520-\U0001f54f\U0001f568-\U0001f6ff\U0001f900-\U0001faff]"
)
# These pictures say something about a number or doubt it: with one of them a number is asked again.
_MEANINGFUL = frozenset(
    "\u26d4\u2716\u274c\u274e"
    "\U0001f3b1\U0001f4af\U0001f4c8\U0001f4c9\U0001f947\U0001f948\U0001f949\U0001f6ab\U0001f522\U0001f53c\U0001f53d"
    "\U0001f519\U0001f51a\U0001f51b\U0001f51c\U0001f51d\U0001f645\U0001f914\U0001f937\U0001f198\U0001f6d1"
    "\U0001f6a8\U0001f691"
)
_PICTURE_WORDS = {"\U0001f198": "sos", "\U0001f6d1": "stop", "\U0001f691": "ambulance", "\U0001f6a8": "sos"}
# Letters of other alphabets that look like Latin ones, so that a look-alike of STOP is still a stop.
_LOOK_ALIKES = str.maketrans("авсԁеһіјкӏмнорԛѕтуԝхбαβεηικμνορτυχσς", "abcdehijklmnopqstywxbabenikmvoptyxss")
_LETTER_DIGITS = str.maketrans("013457$@", "oleastsa")
_ARABIC = {
    "\u0623": "\u0627", "\u0625": "\u0627", "\u0622": "\u0627", "\u0671": "\u0627", "\u0649": "\u06cc",
    "\u064a": "\u06cc", "\u0643": "\u06a9", "\u0629": "\u0647", "\u06c1": "\u0647", "\u06be": "\u0647",
    "\u06c0": "\u0647", "\u0640": "", "\u0624": "\u0648", "\u0626": "\u06cc",
}  # fmt: skip
_STRETCHED = re.compile(r"([^\d\s])\1{2,}")
_REPEATED_MARKS = re.compile(r"([^\w\s])\1{4,}")
_DIGITS = re.compile(r"\d{2,}")


class Token(NamedTuple):
    """One exact piece of a text: a number, a word or a mark; `glued` means that no space stands before it."""

    kind: str
    text: str
    glued: bool


@dataclass(frozen=True, slots=True)
class Text:
    """A text read once, in all the forms the rules need."""

    cased: str
    plain: str
    tokens: tuple[Token, ...]
    words: tuple[str, ...]
    breaks: tuple[str, ...]
    too_long: bool
    doubtful_digits: bool
    ten_sign: bool


def read(text: str) -> Text:
    """Return the text in comparable form; only its first 1,600 characters are looked at."""
    cut = text[:LONGEST]
    composed = _composed(_few_marks(cut.replace("\u00b4", "'")))
    cased = composed[:LONGEST]
    if not cased.isascii():
        cased = _DIGITS.sub(_one_script, cased)
    cased = cased.translate(_SIGNS)
    plain = _REPEATED_MARKS.sub(r"\1\1\1\1", cased.casefold()[:LONGEST])
    tokens, words, breaks = _pieces_of(plain)
    folded = fold("\n".join(words[:MOST_WORDS])).split("\n") if words else []
    return Text(
        cased=cased,
        plain=plain,
        tokens=tuple(tokens),
        words=tuple(folded),
        breaks=tuple(breaks[:MOST_WORDS]),
        too_long=max(len(text), len(composed)) > LONGEST or len(words) > MOST_WORDS or len(tokens) >= MOST_TOKENS,
        doubtful_digits=any(sign in cut for sign in _DIRECTION_OVERRIDES),
        ten_sign=TEN_SIGN in cut,
    )


def with_tokens(text: Text, tokens: tuple[Token, ...]) -> Text:
    """Return a text reduced to some of its exact tokens."""
    return replace(text, tokens=tokens)


def _few_marks(text: str) -> str:
    """Cut long runs of combining marks, which normalisation would have to sort."""
    if text.isascii():
        return text
    kept: list[str] = []
    run = 0
    for char, mark in zip(text, map(unicodedata.combining, text), strict=True):
        run = run + 1 if mark else 0
        if run <= MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def _composed(text: str) -> str:
    return text if text.isascii() else _PLAIN_RUNS.sub(lambda run: unicodedata.normalize("NFKC", run.group()), text)


def _one_script(digits: re.Match[str]) -> str:
    """Keep the digits of two scripts apart: a Bengali four beside a Latin one is no number anybody wrote."""
    run = digits.group()
    zeros = [ord(char) - unicodedata.decimal(char) for char in run]
    apart = [run[0]]
    for (zero, next_zero), char in zip(pairwise(zeros), run[1:], strict=True):
        apart.append(char if zero == next_zero else UNREADABLE + char)
    return "".join(apart)


class _Signs(dict[int, str]):
    """What each character stands for, worked out when it is first met; bounded, since texts choose the keys."""

    def __missing__(self, code: int) -> str:
        if len(self) > 8192:
            self.clear()
        self[code] = sign = _sign(chr(code))
        return sign


_SIGNS = _Signs()


def _sign(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if char in _CIRCLED:
        return _CIRCLED[char]
    if category in {"Cc", "Zl", "Zp", "Zs"}:
        return "\n" if char in "\n\r\x0b\x0c\u2028\u2029" else " "
    if category == "Cf" or char in _INVISIBLE:
        return ""
    if char in _STRAIGHT:
        return _STRAIGHT[char]
    return " " if char not in _MEANINGFUL and _DECORATION.match(char) else char


@lru_cache(maxsize=1)
def _pieces() -> re.Pattern[str]:
    """Return the pattern of numbers, words and single marks; a word is letters, vowel signs and apostrophes."""
    signs = [code for code in range(0x20000) if unicodedata.category(chr(code))[0] == "M"]
    starts = [code for before, code in pairwise([-1, *signs]) if code != before + 1]
    ends = [code for code, after in pairwise([*signs, 0x20000]) if after != code + 1]
    ranges = "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))
    return re.compile(rf"([0-9]+)|((?:[^\W\d_]|['{ranges}])+)|(\S)")


def _pieces_of(plain: str) -> tuple[list[Token], list[str], list[str]]:
    """Return the exact tokens, the words and numbers, and the marks that follow each of those."""
    tokens: list[Token] = []
    words: list[str] = []
    breaks: list[str] = []
    end = -1
    for piece in _pieces().finditer(plain):
        number, word, mark = piece.groups()
        if len(tokens) < MOST_TOKENS:
            _add_token(tokens, piece.groups(), glued=piece.start() == end)
        end = piece.end()
        bare = number or (word or "").replace("'", "")
        if bare:
            words.append(bare)
            breaks.append("")
        elif mark in _PICTURE_WORDS:
            words.append(_PICTURE_WORDS[mark])
            breaks.append("")
        elif breaks and len(breaks[-1]) < MOST_MARKS:
            breaks[-1] += mark or "'"
    return tokens, words, breaks


def _add_token(found: list[Token], piece: tuple[str | None, ...], *, glued: bool) -> None:
    number, word, mark = piece
    if word is not None and "'" in word:
        _add_quoted(found, word, glued=glued)
    elif word is not None:
        found.append(Token("word", word, glued))
    else:
        found.append(Token("mark" if number is None else "number", number or mark or "", glued))


def _add_quoted(found: list[Token], word: str, *, glued: bool) -> None:
    """Add a word with apostrophes: one inside belongs to it, one at the edge is a quotation mark or a sign for feet."""
    bare = word.replace("'", "")
    if word[0] == "'":
        found.append(Token("mark", "'", glued))
        glued = True
    if bare:
        found.append(Token("word", bare, glued))
    if word[-1] == "'" and len(word) > 1:
        found.append(Token("mark", "'", glued=True))


def fold(words: str) -> str:
    """Return words without accents, spelling marks and stretched letters, for recall and never for a score."""
    return _STRETCHED.sub(r"\1", words if words.isascii() else words.translate(_FOLDS))


class _Folds(dict[int, str]):
    """What each character is compared as, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        if len(self) > 8192:
            self.clear()
        self[code] = folded = _folded(chr(code))
        return folded


_FOLDS = _Folds()


def _folded(char: str) -> str:
    if char in _ARABIC:
        return _ARABIC[char]
    if char in "\u093c\u09bc\u0981" or "\u064b" <= char <= "\u0655" or char == "\u0670":
        return ""
    if char == "\u0901":
        return "\u0902"
    name = unicodedata.name(char, "")
    if name.startswith("LATIN"):
        return "".join(part for part in unicodedata.normalize("NFD", char) if not unicodedata.combining(part))
    return "" if name.startswith("COMBINING") else char


def look_alike(word: str) -> str:
    """Return a word with look-alike letters and digits read as Latin letters."""
    return word.translate(_LOOK_ALIKES).translate(_LETTER_DIGITS)
