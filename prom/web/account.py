"""One's own account: where one is signed in, the password, staying signed in, and emergency access."""

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import current_user
from sqlmodel import Session

from prom.services import breaking_glass, signing_in
from prom.storage import audit, emergency_access, staff
from prom.storage.models import Staff
from prom.web import context, guards

blueprint = Blueprint("account", __name__)


def _me(opened: Session) -> Staff:
    account = staff.by_public_id(opened, current_user.public_id)
    if account is None:
        abort(403)
    return account


def _this_session() -> str:
    return staff.hashed(str(getattr(session, "token", "")))


@blueprint.get("/me/security")
@guards.needs(guards.Permission.SIGNED_IN)
def security() -> ResponseReturnValue:
    """Show where the reader is signed in, and the forms for the password."""
    return _security_page([])


def _security_page(problems: list[str]) -> str:
    with context.reading() as opened:
        account = _me(opened)
        return render_template(
            "account/security.html",
            account=account,
            sessions=[row for row in staff.sessions_of(opened, account.id) if row.expires_at > context.wall()],
            this=_this_session(),
            zone=_zone(opened, account),
            problems=[("password", words) for words in problems],
        )


def _zone(opened: Session, account: Staff) -> str:
    site = staff.home(opened, account)
    return site.time_zone if site is not None else "UTC"


@blueprint.post("/me/sessions/end")
@guards.needs(guards.Permission.SIGNED_IN)
def end_others() -> ResponseReturnValue:
    """End every session of the reader but this one."""
    with context.writing() as opened:
        account = _me(opened)
        ended = staff.end_other_sessions(opened, account.id, _this_session())
        audit.record(opened, context.actor(), "sessions_ended", account, context.wall(), reason=f"{ended} others")
    flash(_("Signed out everywhere else (%(count)s).", count=ended))
    return redirect(url_for("account.security"), 303)


@blueprint.post("/me/password")
@guards.needs(guards.Permission.SIGNED_IN, fresh=True)
def change_password() -> ResponseReturnValue:
    """Change the reader's password; the other sessions end."""
    password = request.form.get("password", "")
    problems = signing_in.password_problems(password, request.form.get("again", ""))
    if problems:
        return _security_page(problems), 422
    hashed = signing_in.hash_password(password)
    with context.writing() as opened:
        account = _me(opened)
        account.password = hashed
        opened.add(account)
        staff.end_other_sessions(opened, account.id, _this_session())
        audit.record(opened, context.actor(), "password_changed", account, context.wall())
    flash(_("Password changed. You are signed out everywhere else."))
    return redirect(url_for("account.security"), 303)


@blueprint.post("/me/stay")
@guards.needs(guards.Permission.SIGNED_IN)
def stay() -> ResponseReturnValue:
    """Note that the reader is still there; the page that asked keeps what was typed."""
    session.modified = True
    return "", 204


@blueprint.get("/emergency-access")
@guards.needs(guards.Permission.REVIEW)
def emergency() -> ResponseReturnValue:
    """Show the form that opens another site's patients for an hour."""
    return _emergency_page("", {})


def _emergency_page(error: str, typed: dict[str, str]) -> str:
    with context.reading() as opened:
        account = _me(opened)
        return render_template(
            "account/emergency.html",
            others=[(site.name, site.label) for site in breaking_glass.others(opened, account)],
            open_now=emergency_access.sites_open(opened, account.id, context.wall()),
            error=error,
            typed=typed,
        )


@blueprint.post("/emergency-access")
@guards.needs(guards.Permission.REVIEW, fresh=True)
def open_site() -> ResponseReturnValue:
    """Open another site's patients to the reader for an hour."""
    typed = {name: request.form.get(name, "") for name in ("site", "reason")}
    try:
        with context.writing() as opened:
            breaking_glass.open_site(
                opened, _me(opened), typed["site"], typed["reason"], context.actor(), context.now(), context.wall()
            )
    except breaking_glass.AccessError as error:
        return _emergency_page(str(error), typed), 422
    flash(_("Open for %(minutes)s minutes. Every administrator sees this.", minutes=emergency_access.MINUTES))
    return redirect(url_for("clinician.patients"), 303)
