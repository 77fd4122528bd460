"""The administrator's and the auditor's pages: accounts, the state of the system, the audit trail."""

from datetime import timedelta

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user
from sqlmodel import Session

from prom.services import doctor, leaving, signing_in
from prom.storage import audit, channels, emergency_access, staff
from prom.storage.models import Role, Staff
from prom.web import context, guards

blueprint = Blueprint("admin", __name__)
TRAIL_ROWS = 100
LONGEST_ROW_ID = 15
OPENINGS_SHOWN = timedelta(days=30)


@blueprint.get("/admin/users")
@guards.needs(guards.Permission.USERS)
def users() -> ResponseReturnValue:
    """List the accounts, with a form for a new one."""
    with context.reading() as session:
        return _users_page(session)


def _users_page(session: Session, link: str = "", error: str = "", typed: dict[str, str] | None = None) -> str:
    accounts = staff.everyone(session, current_user.site_id)
    mine = {site.id: site.name for site in context.my_sites(session)}
    openings = emergency_access.since(session, context.wall() - OPENINGS_SHOWN)
    return render_template(
        "admin/users.html",
        accounts=accounts,
        site_names=mine,
        roles=[(role.value, role.value.title()) for role in Role],
        heirs=_heirs(accounts),
        openings=[one for one in openings if one.site_id in mine],
        emails={account.id: account.email for account in staff.everyone(session, None)},
        link=link,
        error=error,
        typed=typed or {},
    )


def _heirs(accounts: list[Staff]) -> dict[str, list[tuple[str, str]]]:
    """Return for each account who may take its work on: the same role at the same site."""
    return {
        one.public_id: [
            (other.public_id, other.email)
            for other in accounts
            if other.active and other.id != one.id and other.role is one.role and other.site_id in {None, one.site_id}
        ]
        for one in accounts
    }


@blueprint.post("/admin/users")
@guards.needs(guards.Permission.USERS, fresh=True)
def add_user() -> ResponseReturnValue:
    """Add an account and show its set-up link once."""
    typed = {name: request.form.get(name, "").strip() for name in ("email", "role", "site")}
    if typed["role"] not in set(Role):
        abort(400)
    try:
        with context.writing() as session:
            _, token = signing_in.add(
                session, typed["email"], Role(typed["role"]), _site_of(session, typed), context.actor(), context.wall()
            )
    except signing_in.AccountError as error:
        with context.reading() as session:
            return _users_page(session, error=str(error), typed=typed), 422
    with context.reading() as session:
        return _users_page(session, link=_setup_address(token))


def _site_of(session: Session, typed: dict[str, str]) -> str | None:
    """Return the key of a new account's site; whoever answers for one site adds people there and nowhere else."""
    if current_user.site_id is None:
        return typed["site"] or None
    [mine] = context.my_sites(session)
    if typed["site"] not in {"", mine.name}:
        raise signing_in.AccountError(f"there is no site {typed['site']!r}")
    return mine.name


def _setup_address(token: str) -> str:
    # From the settings: the Host header of a request is whatever its sender wrote.
    settings = context.wired().settings
    return f"{settings.public_url or request.host_url.rstrip('/')}/setup/{token}"


@blueprint.post("/admin/users/<public_id>/<action>")
@guards.needs(guards.Permission.USERS, fresh=True)
def change_user(public_id: str, action: str) -> ResponseReturnValue:
    """Disable an account, or give it a new set-up link."""
    if action not in {"disable", "reset"}:
        abort(404)
    _check_account(public_id)
    with context.writing() as session:
        account = staff.by_public_id(session, public_id)
        assert account is not None
        if action == "disable":
            return _disable(session, account)
        token = signing_in.reset(session, account.email, context.actor(), context.wall())
    with context.reading() as session:
        return _users_page(session, link=_setup_address(token))


def _check_account(public_id: str) -> None:
    """Answer 404 for an account of another site, with an audit row of the try, and 403 for one's own."""
    with context.writing() as session:
        account = staff.by_public_id(session, public_id)
        elsewhere = account is not None and current_user.site_id not in {None, account.site_id}
        if elsewhere:
            audit.record(session, context.actor(), "refused_other_site", account, context.wall())
    if account is None or elsewhere:
        abort(404)
    if account.id == current_user.id:
        abort(403)


def _disable(session: Session, account: Staff) -> ResponseReturnValue:
    heir = staff.by_public_id(session, request.form.get("heir", ""))
    try:
        handed = leaving.leave(session, account, heir, context.actor(), context.wall())
    except leaving.HandOverError as error:
        return _users_page(session, error=str(error)), 422
    flash(f"{account.email} is disabled; open sessions have ended, {handed} open tasks were handed on.")
    return redirect(url_for("admin.users"), 303)


@blueprint.get("/admin/system")
@guards.needs(guards.Permission.SETTINGS)
def system() -> ResponseReturnValue:
    """Show what `prom doctor` finds, the channel and the sites."""
    wired = context.wired()
    # Asked before a transaction is open: the provider and our own address may take seconds.
    findings = doctor.findings(wired.store, wired.settings, wired.gateway, context.now())
    with context.reading() as session:
        return render_template(
            "admin/system.html",
            findings=findings,
            channel=channels.seen(session),
            sites=context.my_sites(session),
            gateway=wired.gateway.name,
        )


@blueprint.get("/admin/audit")
@guards.needs(guards.Permission.AUDIT)
def audit_trail() -> ResponseReturnValue:
    """Show the newest audit rows, without what was changed: that is at the patient's history."""
    before = request.args.get("before", "")
    readable = before.isascii() and before.isdigit() and len(before) < LONGEST_ROW_ID
    with context.reading() as session:
        # Who answers for one site reads what was done there, and nothing of the others.
        mine = None if current_user.site_id is None else context.my_site_ids(session)
        rows = audit.newest(session, TRAIL_ROWS, int(before) if readable else None, mine)
        names = {account.public_id: account.email for account in staff.everyone(session, None)}
        older = url_for("admin.audit_trail", before=rows[-1].id) if len(rows) == TRAIL_ROWS else None
        return render_template(
            "admin/audit.html",
            rows=rows,
            names=names,
            older=older,
            broken=audit.verify(session) if not before else None,
        )
