"""Words, numbers and dates of the patients' pages, in the language of the page.

Every sentence goes through the catalogue in `prom/locale`; the digits of Hindi and Bengali pages are their own.
"""

import unicodedata
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.messages.mofile import read_mo
from flask import g
from flask_babel import gettext
from sqlmodel import Session

from prom.charts.spark import OwnPoint
from prom.domain.instruments import Scale
from prom.services import linking_texts
from prom.services.linking import Point, Step
from prom.web import locales

_DIGITS = {"hi": "०१२३४५६७८९", "bn": "০১২৩৪৫৬৭৮৯"}
_LONGEST_NUMBER = 3
_HALF_HOUR = 30


def _(text: str, **values: str) -> str:
    """Return a text of the catalogue in the page's language, or the clinic's own words in its place."""
    own = linking_texts.said(text, g.get("own_words", {}))
    if own is not None:
        return own % values if values else own
    return str(gettext(text, **values))


def use_own(session: Session, site_id: int) -> None:
    """Let the clinic's own words stand on this page; the language is chosen by now."""
    g.own_words = linking_texts.own(session, site_id, locales.chosen())


def digits(value: object) -> str:
    """Return a number or a text with numbers, in the digits of the page's language."""
    own = _DIGITS.get(locales.chosen())
    return str(value) if own is None else str(value).translate(str.maketrans("0123456789", own))


def dial(phone: str) -> str:
    """Return a phone number as a tel: address takes it."""
    return "".join(sign for sign in phone if sign.isdecimal() or sign == "+")


def day(instant: datetime, zone: str) -> str:
    """Return a date such as Monday 7 December."""
    there = instant.astimezone(ZoneInfo(zone))
    return digits(format_date(there, "EEEE d MMMM", locale=locales.chosen()))


def full_day(instant: datetime, zone: str) -> str:
    """Return a date with its year, such as 7 December 2026."""
    there = instant.astimezone(ZoneInfo(zone))
    return digits(format_date(there, "d MMMM y", locale=locales.chosen()))


def clock(instant: datetime, zone: str) -> str:
    """Return the time of day to the half hour, such as 9:30 AM; Hindi and Bengali name the part of the day first."""
    there, language = instant.astimezone(ZoneInfo(zone)), locales.chosen()
    there += timedelta(minutes=_HALF_HOUR / 2)
    there -= timedelta(minutes=there.minute % _HALF_HOUR)
    pattern = "h:mm a" if language == "en" else "B h:mm"
    return digits(format_time(there, pattern, locale=language))


def number(text: str, step: Step) -> int | None:
    """Return the whole number somebody chose or typed, in any digits, or None when it is not on the scale."""
    text = unicodedata.normalize("NFKC", text).strip()
    if step.scale is Scale.PERCENT:
        text = text.removesuffix("%").rstrip()
    if not text.isdecimal() or len(text) > _LONGEST_NUMBER:
        return None
    low, high = step.limits
    return int(text) if low <= int(text) <= high else None


def topics() -> dict[int, str]:
    """Return the neutral topics of the CSI items; their sentences are not ours to show."""
    return {
        1: _("unrefreshing sleep"),
        2: _("stiff or aching muscles"),
        3: _("anxiety attacks"),
        4: _("teeth grinding"),
        5: _("bowel upset"),
        6: _("help with daily tasks"),
        7: _("light sensitivity"),
        8: _("tiring on exertion"),
        9: _("widespread pain"),
        10: _("headaches"),
        11: _("bladder discomfort"),
        12: _("poor sleep"),
        13: _("concentration"),
        14: _("skin problems"),
        15: _("stress worsens symptoms"),
        16: _("low mood"),
        17: _("low energy"),
        18: _("neck and shoulder tension"),
        19: _("jaw pain"),
        20: _("smell sensitivity"),
        21: _("urinary frequency"),
        22: _("restless legs at night"),
        23: _("memory"),
        24: _("childhood trauma"),
        25: _("pelvic pain"),
    }


def choices(scale: Scale) -> list[tuple[int, str]]:
    """Return the answers of a scale that is chosen in words."""
    if scale is Scale.CSI:
        return list(enumerate((_("Never"), _("Rarely"), _("Sometimes"), _("Often"), _("Always"))))
    changes = (
        _("Very much better"),
        _("Much better"),
        _("A little better"),
        _("No change"),
        _("A little worse"),
        _("Much worse"),
        _("Very much worse"),
    )
    return list(enumerate(changes, start=1))


def answer(step: Step, value: int | None) -> str:
    """Return an answer as the patient chose it."""
    if value is None:
        return _("skipped")
    if step.scale in {Scale.CSI, Scale.PGIC}:
        return dict(choices(step.scale))[value]
    return digits(f"{value} %" if step.scale is Scale.PERCENT else value)


def own_points(points: tuple[Point, ...]) -> list[OwnPoint]:
    """Return the patient's own course with its labels."""
    return [OwnPoint(point.nrs, "" if point.nrs is None else digits(point.nrs), _when(point)) for point in points]


def _when(point: Point) -> str:
    if point.hour is not None:
        return _("Hour %(number)s", number=digits(point.hour))
    if point.day is not None:
        return _("Day %(number)s", number=digits(point.day))
    return _("Before")


def course(points: tuple[Point, ...]) -> str:
    """Return the own chart in one sentence, for those who listen to the page."""
    told = ", ".join(f"{_when(point)}: {digits(point.nrs)}" for point in points if point.nrs is not None)
    return _("Your pain from 0 to 10. %(course)s", course=told)


@cache
def catalogue(language: str) -> dict[str, str]:
    """Return the words of the pages as they are written, with what the product says for them in a language."""
    folder = Path(__file__).resolve().parents[1] / "locale"
    known = next(code for code in locales.LANGUAGES if code != "en")
    with (folder / (known if language == "en" else language) / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        found = {str(one.id): str(one.string) for one in read_mo(file) if one.id}
    return {words: words for words in found} if language == "en" else found
