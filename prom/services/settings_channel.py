"""A clinic's channel: how it is named and reached, whether replies arrive, what it may spend, and when it is closed.

Every field that changes leaves an audit row with its old and its new value.
"""

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache

import phonenumbers
from sqlmodel import Session

from prom.domain import countries, wording
from prom.storage import audit, channels, closing, outbox
from prom.storage.models import Site

ECHOES = ("last", "each", "doubtful")
PRICE_PARTS = Decimal(10_000)
BALANCE_PARTS = Decimal(100)
LONGEST_LABEL = 40
LONGEST_SENDER_NAME = 11
MOST_SEGMENTS = 10_000_000
HIGHEST_PRICE = Decimal(1_000)
HIGHEST_BALANCE = Decimal(1_000_000)

_MESSAGING_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_SENDER_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_FIELDS = (
    ("label", "label"),
    ("phone", "phone"),
    ("time_zone", "time_zone"),
    ("country", "country"),
    ("language", "language"),
    ("two_way", "two_way"),
    ("echo", "echo"),
    ("sender", "sender"),
    ("monthly_segments", "monthly_segments"),
    ("segment_price", "segment_price"),
    ("currency", "currency"),
    ("closed_weekdays", "closed_weekdays"),
)
Errors = list[tuple[str, str]]


class ChannelError(ValueError):
    """What was entered cannot be kept; `errors` are (field, sentence)."""

    def __init__(self, errors: Errors) -> None:
        super().__init__(" ".join(words for _, words in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Chosen:
    """The settings of a channel as they are kept. Price in 1/10000 of the currency."""

    label: str
    phone: str
    time_zone: str
    country: str
    language: str
    two_way: bool
    echo: str
    sender: str
    monthly_segments: int | None
    segment_price: int | None
    currency: str
    closed_weekdays: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a channel stands now: what is held or halted, and this month's segments."""

    halted_at: datetime | None
    halted_code: str
    held_at: datetime | None
    held_reason: str
    site_held_at: datetime | None
    site_held_reason: str
    balance: Decimal | None
    balance_currency: str
    balance_at: datetime | None
    low_balance: Decimal | None
    segments_this_month: int


@cache
def zones() -> tuple[str, ...]:
    """Return the names of all time zones."""
    return tuple(sorted(zoneinfo.available_timezones()))


def read(form: Mapping[str, str], weekdays: list[str]) -> Chosen:
    """Return the settings that a form holds, checked, or raise ChannelError with a sentence for each wrong field."""
    errors: Errors = []
    country = form.get("country", "").strip().upper()
    two_way = form.get("two_way", "") == "yes"
    chosen = Chosen(
        label=_label(form.get("label", ""), errors),
        phone=_phone(form.get("phone", ""), country, errors),
        time_zone=_one_of("time_zone", form, zones(), "Choose a time zone such as Asia/Kolkata.", errors),
        country=_one_of("country", {"country": country}, tuple(phonenumbers.SUPPORTED_REGIONS), _COUNTRY, errors),
        language=_one_of("language", form, wording.LANGUAGES, "Choose a language.", errors),
        two_way=two_way,
        echo=_one_of("echo", form, ECHOES, "Choose what is repeated.", errors),
        sender=_sender(form.get("sender", ""), two_way, errors),
        monthly_segments=_whole(form.get("monthly_segments", ""), errors),
        segment_price=_money("segment_price", form, PRICE_PARTS, HIGHEST_PRICE, errors),
        currency=_currency(form, errors),
        closed_weekdays=_weekdays(weekdays, errors),
    )
    if errors:
        raise ChannelError(errors)
    return chosen


_COUNTRY = "Enter a country as two letters, for example IN or US."


def _one_of(name: str, form: Mapping[str, str], allowed: tuple[str, ...], words: str, errors: Errors) -> str:
    value = form.get(name, "").strip()
    if value not in allowed:
        errors.append((name, words))
    return value


def _label(text: str, errors: Errors) -> str:
    label = " ".join(text.split())
    if not label or len(label) > LONGEST_LABEL:
        errors.append(("label", f"Enter the name that texts use: 1 to {LONGEST_LABEL} characters."))
    if not label.isprintable() or set("{}") & set(label):
        errors.append(("label", "The name in texts may hold letters, digits and plain punctuation only."))
    return label


def _phone(text: str, country: str, errors: Errors) -> str:
    wanted = text.strip()
    if not wanted:
        errors.append(("phone", "Enter the number that patients may call: texts name it."))
        return ""
    try:
        number = phonenumbers.parse(wanted, country if country in phonenumbers.SUPPORTED_REGIONS else None)
        possible = phonenumbers.is_possible_number(number) and not any(sign.isalpha() for sign in wanted)
    except phonenumbers.NumberParseException:
        possible = False
    if not possible:
        errors.append(("phone", "This is not a phone number: give it with its country code, such as +91 33 4000 1000."))
        return wanted
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _sender(text: str, two_way: bool, errors: Errors) -> str:
    wanted = text.strip()
    if not wanted or _MESSAGING_SERVICE.fullmatch(wanted):
        return wanted
    if wanted.startswith("+"):
        digits = "+" + re.sub(r"\D", "", wanted)
        if re.fullmatch(r"\+[1-9]\d{6,14}", digits, re.ASCII):
            return digits
    elif wanted.isdigit() and wanted.isascii() and 3 <= len(wanted) <= 8:
        return wanted
    elif _SENDER_NAME.fullmatch(wanted):
        if two_way:
            errors.append(("sender", "A name cannot be answered: use a number, or set replies by text to no."))
        return wanted
    words = (
        "Enter a number with its country code, a messaging service (MG and 32 signs), or a name of 11 letters at most."
    )
    errors.append(("sender", words))
    return wanted


def _whole(text: str, errors: Errors) -> int | None:
    wanted = text.strip().replace(",", "").replace(" ", "")
    if not wanted:
        return None
    if not (wanted.isascii() and wanted.isdigit() and int(wanted[:12]) <= MOST_SEGMENTS):
        errors.append(("monthly_segments", "Enter a whole number of segments, or nothing for no limit."))
        return None
    return int(wanted)


def _money(name: str, form: Mapping[str, str], parts: Decimal, most: Decimal, errors: Errors) -> int | None:
    wanted = form.get(name, "").strip()
    if not wanted:
        return None
    try:
        value = Decimal(wanted.replace(",", ".")) if len(wanted) <= 20 else Decimal(-1)
        exact = value * parts
        if value.is_finite() and 0 <= value <= most and exact == exact.to_integral_value():
            return int(exact)
    except InvalidOperation:
        pass
    errors.append((name, f"Enter an amount such as 0.0832, with at most {len(str(parts)) - 1} decimals."))
    return None


def _currency(form: Mapping[str, str], errors: Errors) -> str:
    wanted = form.get("currency", "").strip().upper()
    if (wanted or form.get("segment_price", "").strip()) and not re.fullmatch(r"[A-Z]{3}", wanted):
        errors.append(("currency", "Enter the currency of the price as three letters, for example INR or USD."))
    return wanted


def _weekdays(chosen: list[str], errors: Errors) -> str:
    days = closing.weekdays(" ".join(chosen))
    if len(days) == 7:
        errors.append(("closed_weekdays", "At least one day of the week must be open."))
    return closing.as_text(days)


def chosen_of(site: Site) -> Chosen:
    """Return a site's settings as they are."""
    return Chosen(**{name: getattr(site, name) for name, _ in _FIELDS})


def save(session: Session, site: Site, chosen: Chosen, actor: audit.Actor, now: datetime) -> list[str]:
    """Store a site's settings with an audit row for each changed field, and return the names of those."""
    changed = []
    for name, _ in _FIELDS:
        old, new = getattr(site, name), getattr(chosen, name)
        if old == new:
            continue
        change = audit.Change(name, _shown(old), _shown(new))
        audit.record(session, actor, "setting changed", site, now, change=change)
        setattr(site, name, new)
        changed.append(name)
    session.add(site)
    session.flush()
    return changed


def _shown(value: object) -> str:
    if value is None or value == "":
        return "none"
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def amount(stored: int | None, parts: Decimal = PRICE_PARTS) -> Decimal | None:
    """Return an amount of money as people read it, or None."""
    return None if stored is None else Decimal(stored) / parts


def standing(session: Session, site: Site, now: datetime) -> Standing:
    """Return how the channel stands."""
    main = channels.seen(session)
    sender = channels.seen(session, channels.of_sender(site.sender))
    own = channels.seen(session, channels.site_name(site.id))
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Standing(
        halted_at=sender.halted_at if sender else None,
        halted_code=sender.halted_code if sender else "",
        held_at=main.held_at if main else None,
        held_reason=main.held_reason if main else "",
        site_held_at=own.held_at if own else None,
        site_held_reason=own.held_reason if own else "",
        balance=amount(main.balance, BALANCE_PARTS) if main else None,
        balance_currency=main.balance_currency if main else "",
        balance_at=main.balance_at if main else None,
        low_balance=amount(main.low_balance, BALANCE_PARTS) if main else None,
        segments_this_month=outbox.segments_since(session, site.id, month),
    )


def save_low_balance(session: Session, text: str, actor: audit.Actor, now: datetime) -> bool:
    """Set below which credit an alarm is raised; nothing entered: no alarm. Tell whether it changed."""
    errors: Errors = []
    wanted = _money("low_balance", {"low_balance": text}, BALANCE_PARTS, HIGHEST_BALANCE, errors)
    if errors:
        raise ChannelError([("low_balance", "Enter an amount such as 20 or 20.50, or nothing for no alarm.")])
    main = channels.main(session)
    if main.low_balance == wanted:
        return False
    old, new = amount(main.low_balance, BALANCE_PARTS), amount(wanted, BALANCE_PARTS)
    change = audit.Change("low_balance", _shown(old), _shown(new))
    audit.record(session, actor, "setting changed", main, now, change=change)
    main.low_balance = wanted
    session.flush()
    return True


def release_site(session: Session, site: Site, actor: audit.Actor, now: datetime) -> bool:
    """Let the texts of a site go again that an alarm held back; False when nothing was held."""
    held = channels.seen(session, channels.site_name(site.id))
    reason = held.held_reason if held else ""
    if not channels.release(session, channels.site_name(site.id)):
        return False
    audit.record(session, actor, "texts released", site, now, reason=reason)
    return True


def warnings(site: Site) -> list[str]:
    """Return what works less well than it looks, in plain words."""
    rules = countries.country(site.country)
    found = []
    if site.two_way and rules.forbids_two_way:
        found.append(rules.two_way_words)
    if not site.quiet_hours:
        found.append("Quiet hours are off, as in a rehearsal: texts may leave at night.")
    return found
