"""Our own words coming back: quoted prompts, reactions that quote them, and auto-replies.

Digits in them are ours, not the patient's. Only a prompt we know is removed, so that a patient's own words that happen
to stand behind a ">" are still read.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from prom.domain import reply_text, wording
from prom.domain.reply_signals import Found
from prom.domain.reply_text import Text

SHORTEST_QUOTE = 12
LONGER_QUOTE = 40
MOST_PROMPTS = 12
_WORD_FOR_PAIN = "pain|dard|byatha|betha|दर्द|ব্যথা|dolor|douleur|dor"
# The short form every clinic's default prompt has: a word for pain, the range, a question mark or a colon.
_SHORT_PROMPT = re.compile(rf"(?:(?:your|apka|apnar)\s+)?(?:{_WORD_FOR_PAIN})\s*\(?\s*0\s?(?:-|to)\s?10\s?\)?\s?[?:]")
_LONG_PROMPT = re.compile(
    r"your (?:average )?pain (?:today|now|in the last 24 hours)?,? ?(?:from )?0 \(no pain\) to 10 "
    r"\(worst[^)?]{0,20}\)\??(?: ?reply(?:\.\.\.| with one number\.?)?)?"
)
_OPEN, _CLOSE = r"[\"']", r"(?:[\"']|\.\.\.)"
_REACTION = re.compile(
    r"\s*(?:"
    r"(?:(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|reacted (?:\S{1,12} |with a sticker )?to|"
    r"removed (?:(?:a|an|the) [\w ]{1,30}|[^\w\s]{0,8}) ?from|"
    r"le gust[oó]|le encant[oó]|me gusta|a aim[eé]|a ador[eé]|gostou de|amou|gefällt)\s+"
    r"|[^\w\s]{0,8}\s*to\s+)"
    rf"(?:{_OPEN}.*{_CLOSE}|an? (?:image|photo|picture|message|video|movie|attachment|audio message|sticker|link))"
    rf"|{_OPEN}.*{_CLOSE} (?:को (?:नापसंद|पसंद|लाइक) किया|এ লাইক দিয়েছেন|পছন্দ করেছেন)"
    r"|removed (?:a|an) [\w ]{1,20} from an? (?:image|photo|message))\s*\.?\s*",
    re.DOTALL,
)  # fmt: skip

_SIGNED = ("sent from", "get outlook", "enviado d", "envoyé de", "envoye de")
# A telephone's model may stand behind its name, and nothing else: what a patient adds is never taken off.
_SIGNATURE = re.compile(
    r"\b(?:(?:sent from (?:my|a) |enviado (?:desde mi|do meu) |envoy[ée] de mon )(?:[\w\-']{1,20} ){0,3}?"
    r"(?:iphone|ipad|galaxy|samsung|android|phone|mobile|cell|smartphone|tablet|blackberry|redmi|huawei|pixel|nokia)"
    r"(?: (?:\d{1,2}|[a-z]\d{1,3}|pro|max|plus|ultra|mini|se|note|galaxy|smartphone|smart|phone|5g)\b){0,6}"
    r"|(?:sent from|get) (?:outlook|yahoo mail|mail) (?:for|on) (?:ios|iphone|android)) ?\.?$",
    re.IGNORECASE,
)
_CUT_OFF = re.compile(r"[\"']([^\"']{12,200}?)\.\.\.[\"']?")
_FRAMES = re.compile(r"^[\s>|]*|\"\s*\"|'\s*'|\s*>\s*(?=\d)|[\s>|]+$")
# What our own texts always say, whichever clinic sends them; the sentences of other texts may be a patient's too.
_QUOTED_KEYS = ("nrs", "pgic", "relief", "csi", "peg", "opening", "reminder", "confirmation", "reask", "link")
_MARKS = " >|.\"'"
_NUMBERED = re.compile(r"\{(?:digits|recorded|value|item|echo|days|hours|topic)\}")


def without_prompts(text: Text, prompts: Sequence[str]) -> Text:
    """Return a text without the prompts of ours that are quoted in it, and without the signature of a phone."""
    text = _without_signature(text)
    squeezed = " ".join(text.plain.split())
    if len(squeezed) < SHORTEST_QUOTE:
        return text
    left = squeezed
    sent = [_quotable(prompt) for prompt in prompts[:MOST_PROMPTS]]
    for quoted in (quoted for quotable in sent for quoted in quotable):
        left = _without(left, quoted)
    for quoted in _own_sentences():
        if quoted in left:
            left = left.replace(quoted, " ")
    left = _SHORT_PROMPT.sub(" ", _LONG_PROMPT.sub(" ", left, count=1), count=1)
    if len(squeezed) >= LONGER_QUOTE and any(quotable and squeezed.strip(_MARKS) in quotable[0] for quotable in sent):
        return reply_text.read("")
    if left == squeezed or _is_piece(left, squeezed, sent):
        return text
    return replace(
        reply_text.read(_without_quote_marks(left)),
        too_long=text.too_long,
        doubtful_digits=text.doubtful_digits,
        ten_sign=text.ten_sign,
    )


def _without_signature(text: Text) -> Text:
    """Return a text without "Sent from my iPhone" at its end or on a line of its own: the phone wrote it."""
    if not any(said in text.plain for said in _SIGNED):
        return text
    left = "\n".join(_unsigned(line) for line in text.cased.split("\n"))
    return replace(
        reply_text.read(left), too_long=text.too_long, doubtful_digits=text.doubtful_digits, ten_sign=text.ten_sign
    )


def _unsigned(line: str) -> str:
    """Return a line without the signature at its end and the dash that parts it off; "7-" keeps its own."""
    signed = _SIGNATURE.search(line.rstrip())
    if signed is None:
        return line
    before = line[: signed.start()].rstrip()
    bare = before.rstrip("-_")
    return bare if not bare or bare.endswith(" ") else before


def _is_piece(left: str, squeezed: str, sent: Sequence[tuple[str, ...]]) -> bool:
    """Return whether all that is left is ours too: "Reply 5" of "... Reply 5 digits", cut off."""
    if any(quotable and quotable[0] in squeezed for quotable in sent):
        return False
    rest, said = left.strip(_MARKS), squeezed.strip(_MARKS)
    known = (*(quotable[0] for quotable in sent if quotable), *_own_sentences())
    lettered = any(char.isalpha() for char in rest)
    return any(said in ours or (lettered and rest in ours) for ours in known)


@lru_cache(maxsize=1)
def _own_sentences() -> tuple[str, ...]:
    """Return the sentences of our questions and what stands around them, as they compare, longest first.

    A text that names a number by a variable is left out: without its words the number would stand alone.
    """
    texts = (
        template.text
        for code in wording.LANGUAGES
        for key, template in wording.language(code).texts.items()
        if key.startswith(_QUOTED_KEYS) and not _NUMBERED.search(template.text)
    )
    parts = (part for text in texts for part in re.split(r"\{[a-z_]+\}", text))
    return tuple(sorted({quoted for part in parts for quoted in _quotable(part)}, key=len, reverse=True))


@lru_cache(maxsize=256)
def _quotable(prompt: str) -> tuple[str, ...]:
    """Return a prompt and its longer lines and sentences as they compare, longest first."""
    parts = {prompt.strip(), *(part.strip() for part in re.split(r"\n+|(?<=[.?!])\s+", prompt))}
    plain = (" ".join(reply_text.read(part).plain.split()) for part in parts)
    return tuple(sorted((part for part in plain if len(part) >= SHORTEST_QUOTE), key=len, reverse=True))


def _without(text: str, quoted: str) -> str:
    """Return a text without a quoted prompt, or without the beginning of one that was cut off."""
    if quoted in text:
        return text.replace(quoted, " ", 1)
    for match in _CUT_OFF.finditer(text):
        if quoted.startswith(match.group(1).strip()):
            return text.replace(match.group(), " ", 1)
    return text


def _without_quote_marks(text: str) -> str:
    """Return what is left without the marks that framed the quote."""
    return _FRAMES.sub(" ", text)


def is_reaction(text: Text) -> bool:
    """Return whether the text is a phone's rendering of a reaction to one of our texts."""
    return _REACTION.fullmatch(" ".join(text.plain.split())) is not None


def is_auto_reply(found: Found, *, alarming: bool) -> bool:
    """Return whether a machine answered; a text with a warning sign must be unmistakably automatic."""
    if found.has("auto_reply") and len(found.text.words) >= 2:
        return True
    weak = found.has("auto_reply_weak") and not alarming
    return weak and found.only("auto_reply_weak", "auto_reply_filler", numbers=True)
