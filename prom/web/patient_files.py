"""Files a patient may keep: the next date for a calendar, and the clinic for the phone's contacts."""

import hashlib
from datetime import UTC, datetime

_LONGEST_LINE = 73


def calendar(key: str, starts_at: datetime, summary: str, now: datetime) -> str:
    """Return an iCalendar file with one short event (RFC 5545); `key` keeps it the same event when loaded again."""
    uid = hashlib.sha256(f"calendar|{key}".encode()).hexdigest()[:32]
    return _lines(
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//prom//prom//EN",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{_instant(now)}",
        f"DTSTART:{_instant(starts_at)}",
        "DURATION:PT15M",
        f"SUMMARY:{_escaped(summary)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
    )


def contact(label: str, phones: list[str]) -> str:
    """Return a contact card (RFC 2426, which every phone reads) with the clinic's label and numbers."""
    return _lines(
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"N:{_escaped(label)};;;;",
        f"FN:{_escaped(label)}",
        f"ORG:{_escaped(label)}",
        *(f"TEL;TYPE=VOICE:{_escaped(phone)}" for phone in phones),
        "END:VCARD",
    )


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for sign in ("\\", ";", ","):
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())


def _lines(*lines: str) -> str:
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _folded(line: str) -> str:
    """Return a line broken where it has more bytes than a reader must take, never inside a character."""
    parts, size = [""], 0
    for sign in line:
        size += len(sign.encode())
        if size > _LONGEST_LINE:
            parts.append("")
            size = len(sign.encode())
        parts[-1] += sign
    return "\r\n ".join(parts)
