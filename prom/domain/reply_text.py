"""A patient's text made comparable: one digit script, no invisible characters, words without decoration.

Two readings of the same text are kept side by side. `tokens` are exact (case aside) and serve the strict score grammar:
what is not understood there must stay visible, so a superscript, a fraction, a struck-out digit or a sign that changes
a number's meaning is never smoothed away. `words` are folded (accents, apostrophes and spelling marks off) and serve the
broad recall of warning signs and requests, where missing a word is worse than reading one too many.
"""

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

LONGEST = 1600
MOST_MARKS = 4

# Compatibility normalisation would turn these into plain digits: 7 squared would become 72 and one half 1/2.
_NOT_PLAIN = "\u00b2\u00b3\u00b9\u00bc-\u00be\u2070\u2074-\u2079\u2080-\u2089\u2150-\u215f\u2189"
_PLAIN_RUNS = re.compile(f"[^{_NOT_PLAIN}]+")
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800\u20e3") | frozenset(
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)
_DIRECTION_OVERRIDES = ("\u202d", "\u202e")
UNREADABLE = "\ufffd"
TEN_SIGN = "\U0001f51f"
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
    "\u2026": "...", "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-",
    "\u061f": "?", "\u060c": ",", "\u066a": "%", "\u0964": ".", "\u06d4": ".", "\u3002": ".", "\u3001": ",",
    "\u2192": "->", "\u27a1": "->", "\u00bf": "?", "\u00a1": "!", "\u2753": "?", "\u2754": "?", "\u203c": "!",
    "\u2757": "!", "\u2755": "!", "\u2049": "?",
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
_LOOK_ALIKES = str.maketrans(
    "\u0430\u0432\u0441\u0501\u0435\u04bb\u0456\u0458\u043a\u04cf\u043c\u043d\u043e\u0440\u051b\u0455\u0442\u0443\u051d\u0445\u0431"
    "\u03b1\u03b2\u03b5\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03c3\u03c2",
    "abcdehijklmnopqstywxb" + "abenikmvoptyxss",
)
_LETTER_DIGITS = str.maketrans("013457$@", "oleastsa")
_ARABIC = {
    "\u0623": "\u0627", "\u0625": "\u0627", "\u0622": "\u0627", "\u0671": "\u0627", "\u0649": "\u06cc",
    "\u064a": "\u06cc", "\u0643": "\u06a9", "\u0629": "\u0647", "\u06c1": "\u0647", "\u06be": "\u0647",
    "\u06c0": "\u0647", "\u0640": "", "\u0624": "\u0648", "\u0626": "\u06cc",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """One exact piece of a text: a number, a word or a mark; `glued` means nothing stood before it but the last one."""

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
    cased = _visible(composed[:LONGEST])
    plain = cased.casefold()[:LONGEST]
    tokens = tuple(_tokens(plain))
    words, breaks = _words(tokens)
    return Text(
        cased=cased,
        plain=plain,
        tokens=tokens,
        words=words,
        breaks=breaks,
        too_long=len(text) > LONGEST or len(composed) > LONGEST,
        doubtful_digits=any(sign in cut for sign in _DIRECTION_OVERRIDES),
        ten_sign=TEN_SIGN in cut,
    )


def _few_marks(text: str) -> str:
    """Cut long runs of combining marks, which normalisation would have to sort."""
    kept: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def _composed(text: str) -> str:
    return _PLAIN_RUNS.sub(lambda run: unicodedata.normalize("NFKC", run.group()), text)


def _visible(text: str) -> str:
    """Return the text in ASCII digits, without invisible characters; digits of two scripts in one number are kept apart."""
    kept: list[str] = []
    script = None
    for char in text:
        if char.isascii() and char.isprintable():
            sign, char_script = char, (0x30 if char.isdigit() else None)
        else:
            sign, char_script = _sign(char)
            if not sign:
                continue
        if script is not None and char_script is not None and script != char_script:
            kept.append(UNREADABLE)
        script = char_script
        kept.append(sign)
    return "".join(kept)


@lru_cache(maxsize=4096)
def _sign(char: str) -> tuple[str, int | None]:
    """Return what a character stands for, and for a digit the code point of its script's zero."""
    category = unicodedata.category(char)
    if category == "Nd":
        value = unicodedata.decimal(char)
        return str(value), ord(char) - value
    if char in _CIRCLED:
        return _CIRCLED[char], 0x30
    return _other_sign(char, category), None


def _other_sign(char: str, category: str) -> str:
    if category == "Cc" or category in {"Zl", "Zp", "Zs"}:
        return "\n" if char in "\n\r\x0b\x0c\u2028\u2029" else " "
    if category == "Cf" or char in _INVISIBLE:
        return ""
    if char in _STRAIGHT:
        return _STRAIGHT[char]
    if char in _MEANINGFUL:
        return char
    return " " if _DECORATION.match(char) else char


@lru_cache(maxsize=4096)
def _kind(char: str) -> str:
    if char.isspace():
        return "space"
    if char.isascii() and char.isdigit():
        return "number"
    return "word" if unicodedata.category(char)[0] in "LM" or char == "'" else "mark"


def _tokens(plain: str) -> list[Token]:
    """Split into numbers, words and single marks; an apostrophe belongs to the word around it."""
    found: list[Token] = []
    start, before = 0, "space"
    kinds = [_kind(char) for char in plain] + ["space"]
    for at, kind in enumerate(kinds):
        if at and (kind != before or before == "mark"):
            _add_token(found, before, plain[start:at], glued=start > 0 and kinds[start - 1] != "space")
            start = at
        before = kind
    return found


def _add_token(found: list[Token], kind: str, text: str, *, glued: bool) -> None:
    if kind == "space" or not text:
        return
    bare = text.replace("'", "") if kind == "word" else text
    if kind == "word" and (not bare or text[0] == "'" or text[-1] == "'"):
        # An apostrophe at the edge is a quotation mark or a sign for feet, not a part of the word.
        if text.startswith("'"):
            found.append(Token("mark", "'", glued))
            glued = True
        if bare:
            found.append(Token("word", bare, glued))
        if text.endswith("'") and len(text) > 1:
            found.append(Token("mark", "'", glued=True))
        return
    found.append(Token(kind, bare, glued))


def _words(tokens: tuple[Token, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the folded words and numbers, and the marks that follow each of them."""
    words: list[str] = []
    breaks: list[str] = []
    for token in tokens:
        if token.kind == "mark" and token.text in _PICTURE_WORDS:
            words.append(_PICTURE_WORDS[token.text])
            breaks.append("")
        elif token.kind == "mark":
            if breaks:
                breaks[-1] = (breaks[-1] + token.text)[:4]
        else:
            words.append(token.text if token.kind == "number" else fold(token.text))
            breaks.append("")
    return tuple(words), tuple(breaks)


def fold(word: str) -> str:
    """Return a word without case, accents, spelling marks and stretched letters, for recall and never for a score."""
    folded = word if word.isascii() else "".join(_folded(char) for char in word)
    return _unstretched(folded.replace("'", ""))


_STRETCHED = re.compile(r"(.)\1{2,}", re.DOTALL)


def _unstretched(word: str) -> str:
    return _STRETCHED.sub(r"\1", word)


@lru_cache(maxsize=4096)
def _folded(char: str) -> str:
    if char in _ARABIC:
        return _ARABIC[char]
    if char in "\u093c\u09bc\u0981\u200d\u200c" or "\u064b" <= char <= "\u0655" or char == "\u0670":
        return ""
    if char == "\u0901":
        return "\u0902"
    if unicodedata.category(char) == "Ll" and "LATIN" in unicodedata.name(char, ""):
        return "".join(part for part in unicodedata.normalize("NFD", char) if not unicodedata.combining(part))
    return "" if unicodedata.name(char, "").startswith("COMBINING") else char


def look_alike(word: str) -> str:
    """Return a word with look-alike letters and digits read as Latin letters."""
    return word.translate(_LOOK_ALIKES).translate(_LETTER_DIGITS)


def with_tokens(text: Text, tokens: tuple[Token, ...]) -> Text:
    """Return a text reduced to some of its exact tokens."""
    return replace(text, tokens=tokens)
