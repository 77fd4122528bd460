"""Our own words coming back: quoted prompts, reactions that quote them, and auto-replies.

Digits in them are ours, not the patient's. Only a prompt we know is removed, so that a patient's own words that happen
to stand behind a ">" are still read.
"""

import re
from collections.abc import Sequence

from prom.domain import reply_text
from prom.domain.reply_signals import Found

SHORTEST_QUOTE = 12
MOST_PROMPTS = 12
_WORD_FOR_PAIN = "pain|dard|byatha|betha|दर्द|ব্যথা|dolor|douleur|dor"
# The short form every clinic's default prompt has: a word for pain, the range, a question mark or a colon.
_SHORT_PROMPT = re.compile(rf"(?:(?:your|apka|apnar)\s+)?(?:{_WORD_FOR_PAIN})\s*\(?\s*0\s?(?:-|to)\s?10\s?\)?\s?[?:]")
_LONG_PROMPT = re.compile(r"your (?:average )?pain (?:today|now|in the last 24 hours)?,? ?(?:from )?0 \(no pain\) to 10 \(worst[^)?]{0,20}\)\??(?: ?reply(?:\.\.\.| with one number\.?)?)?")
_OPEN, _CLOSE = r"[\"']", r"(?:[\"']|\.\.\.)"
_REACTION = re.compile(
    r"\s*(?:"
    r"(?:(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|reacted (?:\S{1,12} )?to|removed (?:a|an|the) [\w ]{1,30} from|"
    r"le gust[oó]|le encant[oó]|me gusta|a aim[eé]|a ador[eé]|gostou de|amou|gefällt)\s+"
    r"|[^\w\s]{0,8}\s*to\s+)"
    rf"(?:{_OPEN}.*{_CLOSE}|an? (?:image|photo|picture|message|video|attachment|audio message|sticker|link))"
    r"|removed (?:a|an) [\w ]{1,20} from an? (?:image|photo|message))\s*\.?\s*",
    re.DOTALL,
)  # fmt: skip


def without_prompts(text: str, prompts: Sequence[str]) -> str:
    """Return a text without the prompts of ours that are quoted in it."""
    if len(text) > 2 * reply_text.LONGEST:
        return text
    plain = text
    for prompt in prompts[:MOST_PROMPTS]:
        for quoted in _quotable(prompt):
            plain = _without(plain, quoted)
    plain = _cut(_LONG_PROMPT, plain)
    plain = _cut(_SHORT_PROMPT, plain)
    return plain if plain is text else _without_quote_marks(plain)


def _quotable(prompt: str) -> list[str]:
    """Return a prompt and its longer lines and sentences, longest first."""
    parts = {prompt.strip(), *(part.strip() for part in re.split(r"\n+|(?<=[.?!])\s+", prompt))}
    return sorted((part for part in parts if len(part) >= SHORTEST_QUOTE), key=len, reverse=True)


def _without(text: str, quoted: str) -> str:
    """Return a text without a quoted prompt, whatever its case, spaces and quotation marks, or a cut-off beginning of it."""
    wanted = reply_text.read(quoted).plain.strip()
    plain = reply_text.read(text).plain
    squeezed, wanted = " ".join(plain.split()), " ".join(wanted.split())
    if wanted and wanted in squeezed:
        return squeezed.replace(wanted, " ", 1)
    return _without_beginning(text, squeezed, wanted)


def _without_beginning(text: str, squeezed: str, wanted: str) -> str:
    for match in re.finditer(r"[\"']([^\"']{12,}?)\.\.\.[\"']?", squeezed):
        if wanted.startswith(match.group(1).strip()):
            return squeezed.replace(match.group(), " ", 1)
    return text


def _cut(pattern: re.Pattern[str], text: str) -> str:
    plain = reply_text.read(text).plain
    return pattern.sub(" ", plain, count=1) if pattern.search(plain) else text


def _without_quote_marks(text: str) -> str:
    """Return what is left without the marks that framed the quote."""
    return re.sub(r"^[\s>|]*(?:on [^\n]{1,40} wrote:)?\s*|\"\s*\"|'\s*'|(?<=\n)\s*>\s*", " ", text)


def is_reaction(text: reply_text.Text) -> bool:
    """Return whether the text is a phone's rendering of a reaction to one of our texts."""
    return _REACTION.fullmatch(" ".join(text.plain.split())) is not None


def is_auto_reply(found: Found, *, alarming: bool) -> bool:
    """Return whether a machine answered; a text with a warning sign must be unmistakably automatic."""
    if found.has("auto_reply") and len(found.text.words) >= 2:
        return True
    weak = found.has("auto_reply_weak") and not alarming
    return weak and found.only("auto_reply_weak", "auto_reply_filler", numbers=True)
