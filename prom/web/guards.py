"""Who may open which page. Every route names its permission; a route without one is refused for everybody."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from flask import Flask, abort, current_app, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user

from prom import clock
from prom.storage.models import Role

FRESH_SECONDS = 15 * 60
View = TypeVar("View", bound=Callable[..., ResponseReturnValue])


class Permission(StrEnum):
    """What a page needs."""

    PUBLIC = "public"
    SIGNED_IN = "signed_in"
    QUEUE = "queue"
    ENROL = "enrol"
    PATIENTS = "patients"
    REVIEW = "review"
    COHORT = "cohort"
    IMPORT = "import"
    EXPORT = "export"
    SETTINGS = "settings"
    USERS = "users"
    AUDIT = "audit"
    DEMO = "demo"


P = Permission
# The pages of flask-security that have a page of ours; its others (rescue by mail, choice of methods) stay shut.
SECURITY_PAGES = frozenset(
    f"security.{name}"
    for name in (
        "login",
        "logout",
        "verify",
        "mf_recovery",
        "mf_recovery_codes",
        "two_factor_setup",
        "two_factor_setup_validate",
        "two_factor_token_validation",
    )
)
ALLOWED: dict[Role, frozenset[Permission]] = {
    Role.COORDINATOR: frozenset({P.SIGNED_IN, P.QUEUE, P.ENROL, P.PATIENTS, P.COHORT, P.IMPORT}),
    Role.CLINICIAN: frozenset({P.SIGNED_IN, P.PATIENTS, P.REVIEW, P.COHORT}),
    Role.ADMIN: frozenset({P.SIGNED_IN, P.COHORT, P.IMPORT, P.EXPORT, P.SETTINGS, P.USERS, P.AUDIT}),
    Role.AUDITOR: frozenset({P.SIGNED_IN, P.AUDIT}),
}


def needs(permission: Permission, *, fresh: bool = False) -> Callable[[View], View]:
    """Name the permission that a view needs, and whether the password must have been given in the last minutes."""

    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        view.fresh = fresh  # type: ignore[attr-defined]
        return view

    return mark


def permission_of(app: Flask, endpoint: str) -> Permission | None:
    """Return the permission an endpoint needs, or None when it names none."""
    if endpoint in SECURITY_PAGES:
        return Permission.PUBLIC  # flask-security guards its own pages
    view = app.view_functions.get(endpoint)
    return getattr(view, "permission", None)


def may(permission: Permission) -> bool:
    """Return whether the signed-in person has a permission (templates ask this too)."""
    if permission in {Permission.PUBLIC, Permission.DEMO}:
        return True
    if not current_user.is_authenticated:
        return False
    return permission in ALLOWED[Role(current_user.role)]


def check() -> ResponseReturnValue | None:
    """Refuse the request unless its route's permission is held; runs before every request."""
    endpoint = request.endpoint
    if endpoint is None:
        return None
    _refuse_nul()
    permission = permission_of(current_app, endpoint)
    if permission is None:
        abort(403)
    if permission is Permission.DEMO and not current_app.config["DEMO_PAGES"]:
        abort(404)
    if getattr(session, "unreadable", False) and permission not in {P.PUBLIC, P.DEMO}:
        abort(503)
    if may(permission):
        return _sign_in_again(endpoint)
    if not current_user.is_authenticated:
        if request.method == "GET":
            # Without the query: what somebody searched for must not go into another address.
            return redirect(url_for("security.login", next=request.path))
        return redirect(url_for("security.login"))
    _note_refusal(permission)
    return abort(403)


def _refuse_nul() -> None:
    """Refuse a request with a NUL, which PostgreSQL stores in no text; what patients write is kept sealed."""
    if request.blueprint == "webhooks":
        return
    given = [str(one) for one in (request.view_args or {}).values()]
    given += [one for _, one in request.args.items(multi=True)]
    if request.blueprint != "patient":
        given += [one for _, one in request.form.items(multi=True)]
    if any("\0" in one for one in given):
        abort(400)


def _sign_in_again(endpoint: str) -> ResponseReturnValue | None:
    """Ask for the password again before an act that asks for a fresh sign-in."""
    if not getattr(current_app.view_functions[endpoint], "fresh", False):
        return None
    return password_again()


def password_again() -> ResponseReturnValue | None:
    """Return where the password is asked for when it was given too long ago, for acts beside plainer ones."""
    if clock.wall().timestamp() - float(session.get("fs_paa", 0)) < FRESH_SECONDS:
        return None
    return redirect(url_for("security.verify", next=request.path if request.method == "GET" else "/"))


def _note_refusal(permission: Permission) -> None:
    from prom.storage import audit, staff
    from prom.web import context

    with context.writing() as session:
        account = staff.by_public_id(session, current_user.public_id)
        audit.record(session, context.actor(), "refused", account, context.wall(), reason=f"needs {permission}")
