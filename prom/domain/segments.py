"""How many parts a text message is cut into, which is what it costs, and the punctuation that would double it.

A carrier sends a text in the 7-bit GSM alphabet when every sign of it is in there, otherwise as UTF-16. One curly quote
is enough to halve the room. Long texts are cut into parts that lose room to a joining header, and neither an escaped
sign nor a surrogate pair may be cut in two.

Sources:
    3GPP TS 23.038 (GSM 03.38): the basic alphabet and its extension table. 3GPP TS 23.040: 140 octets a part, 6 of
    them for the joining header, hence 160 and 153 GSM signs, 70 and 67 UTF-16 units.
"""

import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")


class Encoding(StrEnum):
    """How the signs of a text travel."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


_ROOM_ALONE = {Encoding.GSM7: 160, Encoding.UCS2: 70}
_ROOM_JOINED = {Encoding.GSM7: 153, Encoding.UCS2: 67}
_LAST_OF_ONE_UNIT = "\uffff"


@dataclass(frozen=True, slots=True)
class Segments:
    """The size of a text: `units` are septets or UTF-16 units, `count` the parts that are paid for (0 when empty)."""

    encoding: Encoding
    units: int
    count: int


def encoding_of(text: str) -> Encoding:
    """Return how a text travels."""
    return Encoding.GSM7 if GSM_BASIC.union(GSM_EXTENSION).issuperset(text) else Encoding.UCS2


def parts(text: str) -> tuple[str, ...]:
    """Return the parts a text is cut into."""
    encoding = encoding_of(text)
    widths = _widths(text, encoding)
    if sum(widths) <= _ROOM_ALONE[encoding]:
        return (text,) if text else ()
    room = _ROOM_JOINED[encoding]
    cut: list[str] = []
    begin = used = 0
    for at, width in enumerate(widths):
        if used + width > room:
            cut.append(text[begin:at])
            begin, used = at, 0
        used += width
    return (*cut, text[begin:])


def segments(text: str) -> Segments:
    """Return the size of a text."""
    encoding = encoding_of(text)
    return Segments(encoding, sum(_widths(text, encoding)), len(parts(text)))


def cost(text: str, price_per_segment: Decimal) -> Decimal:
    """Return what one sending of a text costs, in the currency of the price."""
    return price_per_segment * segments(text).count


def _widths(text: str, encoding: Encoding) -> list[int]:
    if encoding is Encoding.GSM7:
        return [2 if sign in GSM_EXTENSION else 1 for sign in text]
    return [2 if sign > _LAST_OF_ONE_UNIT else 1 for sign in text]


_PLAIN = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2035\u2039\u203a\u02b9\u02bc\u00b4\u0060", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u2022\u2023\u00b7\u2027", "-")
    | dict.fromkeys(
        "\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u2028\u2029", " "
    )
    | dict.fromkeys("\u00ad\u200b\u2060\ufeff\u200e\u200f", "")
    | {"\u2026": "...", "\u2024": ".", "\u2044": "/", "\u2215": "/", "\u00d7": "x", "\u037e": ";"}
)
_LATIN_NAMES = ("LATIN ", "COMBINING ", "DIGIT ", "FEMININE ORDINAL", "MASCULINE ORDINAL", "VARIATION SELECTOR")


def fold(text: str) -> str:
    """Return a Latin text with plain quotes, dashes, dots and spaces; a text with any other script comes back as it is.

    Indic texts travel as UTF-16 whatever their quotes are, and invisible joiners change how their letters are drawn.
    """
    if not all(map(_fits_latin, text)):
        return text
    return unicodedata.normalize("NFC", text.translate(_PLAIN))


def _fits_latin(sign: str) -> bool:
    if sign < "\u0300":
        return True
    # The danda is punctuation, yet only Indic texts use it.
    if sign in "\u0964\u0965":
        return False
    return unicodedata.category(sign)[0] not in "LMN" or unicodedata.name(sign, "").startswith(_LATIN_NAMES)
