"""What templates may call: dates, ages and permissions."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import Flask, g
from flask_security import current_user

from prom.domain import procedures
from prom.services import demo
from prom.storage import staff
from prom.web import context, guards, locales

WARNED_MINUTES = 2


def local_day(instant: datetime | None, zone: str) -> str:
    """Return a date such as 12 May 2026 in a zone."""
    if instant is None:
        return ""
    there = instant.astimezone(ZoneInfo(zone))
    return f"{there.day} {there:%b %Y}"


def local_time(instant: datetime | None, zone: str) -> str:
    """Return a date and time such as 12 May, 10:05 in a zone."""
    if instant is None:
        return ""
    there = instant.astimezone(ZoneInfo(zone))
    return f"{there.day} {there:%b, %H:%M}"


def plain_day(day: date | None) -> str:
    """Return a calendar date such as 12 May 2026."""
    return "" if day is None else f"{day.day} {day:%b %Y}"


def procedure_label(key: str) -> str:
    """Return a procedure's name for people."""
    return procedures.procedure(key).label


def install(app: Flask) -> None:
    """Give the templates their filters and globals."""
    app.jinja_env.filters.update(
        local_day=local_day, local_time=local_time, plain_day=plain_day, procedure_label=procedure_label
    )

    @app.context_processor
    def globals_() -> dict[str, object]:
        if g.get("plain_page"):
            return {"may": lambda _permission: False, "signed_in": None, "demo": False, "languages": locales.LANGUAGES}
        wired = context.wired()
        return {
            "may": lambda permission: guards.may(guards.Permission(permission)),
            "signed_in": current_user if current_user.is_authenticated else None,
            "demo": wired.settings.gateway == "simulated",
            "languages": locales.LANGUAGES,
            "idle_warning_seconds": 60 * (staff.IDLE_MINUTES - WARNED_MINUTES),
            "sign_ins": [(role, email, word) for email, word, role in demo.SIGN_INS] if wired.settings.demo else [],
        }
