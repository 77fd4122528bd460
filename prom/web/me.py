"""One's own duty: the number for staff texts, the morning's counts, days away and who stands in."""

from datetime import date

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import current_user
from sqlmodel import Session

from prom.services import absences
from prom.services.absences import AbsenceError, Given
from prom.storage import on_call, staff
from prom.storage.models import Staff
from prom.web import context, guards

blueprint = Blueprint("me", __name__)
LONGEST_NUMBER = 40


def _me(session: Session) -> Staff:
    account = staff.by_public_id(session, current_user.public_id)
    if account is None:
        abort(403)
    return account


@blueprint.get("/me")
@guards.needs(guards.Permission.SIGNED_IN)
def duty() -> ResponseReturnValue:
    """Show what the reader said about themselves."""
    with context.reading() as session:
        me = _me(session)
        deputy = None if me.deputy_id is None else on_call.by_id(session, me.deputy_id)
        typed = {
            "phone": staff.phone(session, me) or "",
            "digest": "y" if me.digest else "",
            "away_from_on": me.away_from_on.isoformat() if me.away_from_on else "",
            "away_to_on": me.away_to_on.isoformat() if me.away_to_on else "",
            "deputy": deputy.public_id if deputy else "",
        }
        return _page(session, me, typed, {})


@blueprint.post("/me")
@guards.needs(guards.Permission.SIGNED_IN)
def save() -> ResponseReturnValue:
    """Keep what the reader says about themselves."""
    typed = {
        name: request.form.get(name, "").strip()[:LONGEST_NUMBER]
        for name in ("phone", "digest", "away_from_on", "away_to_on", "deputy")
    }
    try:
        given = _given(typed)
        with context.writing() as session:
            changed = absences.save(session, _me(session), given, context.actor(), context.now())
    except AbsenceError as error:
        with context.reading() as session:
            return _page(session, _me(session), typed, error.problems), 422
    flash(_("Kept.") if changed else _("Nothing was changed."))
    return redirect(url_for("me.duty"), 303)


def _given(typed: dict[str, str]) -> Given:
    days: dict[str, date | None] = {}
    for name in ("away_from_on", "away_to_on"):
        try:
            days[name] = date.fromisoformat(typed[name]) if typed[name] else None
        except ValueError:
            raise AbsenceError({name: _("Write a date such as 2026-03-14.")}) from None
    return Given(
        phone=typed["phone"],
        digest=typed["digest"] == "y",
        away_from_on=days["away_from_on"],
        away_to_on=days["away_to_on"],
        deputy=typed["deputy"],
    )


def _page(session: Session, me: Staff, typed: dict[str, str], problems: dict[str, str]) -> str:
    return render_template(
        "me/duty.html",
        me=me,
        typed=typed,
        # Sentences of the service are in the catalogue as they stand.
        errors={name: _(words) for name, words in problems.items()},
        deputies=[(one.public_id, one.name or one.email) for one in absences.deputies(session, me)],
        duty=absences.duty(session, me, context.now()),
        endpoints=current_app.view_functions,
    )
