"""Sign-in: flask-security on the staff table, with single-use TOTP codes, growing delays and row sessions."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import user_logged_out  # type: ignore[import-untyped]
from flask_security import (
    LoginForm,
    Security,
    SQLAlchemySessionUserDatastore,
    TwoFactorRescueForm,
    TwoFactorSetupForm,
    UserMixin,
    tf_profile_changed,
    user_authenticated,
)
from flask_security.totp import Totp
from flask_security.utils import set_request_attr
from sqlalchemy.orm import scoped_session, sessionmaker
from sqlmodel import Session, SQLModel
from wtforms import RadioField

from prom import clock
from prom.services import signing_in
from prom.storage import audit, staff
from prom.storage.models import Role, Staff
from prom.web import context, guards

blueprint = Blueprint("signing_in", __name__)
MINIMUM_PASSWORD = 12
TRIES = frozenset({"security.login", "security.two_factor_token_validation", "security.mf_recovery", "security.verify"})


@dataclass(frozen=True, slots=True)
class NamedRole:
    """A role as flask-security reads it; prom's own permissions are in guards."""

    name: str

    def get_permissions(self) -> set[str]:
        """Return none: pages ask guards, not flask-security."""
        return set()


class Account(UserMixin):
    """A staff row as flask-security wants it: its one role as a list."""

    role: Role

    @property
    def roles(self) -> Any:
        """Return the one role as a list."""
        return [NamedRole(Role(self.role).value)]

    @roles.setter
    def roles(self, _value: object) -> None:
        """Ignore flask-security's role lists: the role is a column."""


SQLModel._sa_registry.map_imperatively(Account, Staff.__table__)  # type: ignore[attr-defined]


class PromLoginForm(LoginForm):
    """The sign-in form without "remember me": its cookie would outlive an ended session."""

    remember = None


class PromSecondStepForm(TwoFactorSetupForm):
    """The form that starts the second step: an authenticator app is the one way, and nobody switches it off."""

    setup = RadioField(choices=["authenticator"])


class PromRescueForm(TwoFactorRescueForm):
    """Ways round a lost phone: there is no mail server, so recovery codes or an administrator."""

    help_setup = RadioField(choices=[])


class SingleUseTotp(Totp):
    """TOTP whose codes work once: the last counter is kept in the staff row."""

    def get_last_counter(self, user: Any) -> int | None:
        """Return the counter of the last code that was used."""
        counter: int | None = user.totp_counter
        return counter

    def set_last_counter(self, user: Any, tmatch: Any) -> None:
        """Remember the counter of the code just used."""
        user.totp_counter = tmatch.counter


class Accounts(SQLAlchemySessionUserDatastore):
    """flask-security's store on the staff table, where recovery codes are one JSON text."""

    def mf_set_recovery_codes(self, user: Any, rcs: list[str] | None) -> None:
        """Replace the (encrypted) recovery codes."""
        user.mf_recovery_codes = json.dumps(rcs) if rcs else None
        self.put(user)  # type: ignore[no-untyped-call]

    def mf_get_recovery_codes(self, user: Any) -> list[str]:
        """Return the (encrypted) recovery codes."""
        codes: list[str] = json.loads(user.mf_recovery_codes or "[]")
        return codes

    def mf_delete_recovery_code(self, user: Any, idx: int) -> bool:
        """Take a used recovery code away."""
        codes = self.mf_get_recovery_codes(user)
        if idx >= len(codes):
            return False
        del codes[idx]
        self.mf_set_recovery_codes(user, codes)
        return True


def install(app: Flask) -> None:
    """Set flask-security up on the wired app."""
    wired = context_app(app)
    accounts = scoped_session(sessionmaker(wired.store.engine, expire_on_commit=False))
    reading = sessionmaker(wired.store.engine.execution_options(reads=True), expire_on_commit=False)
    app.config.update(_config(wired))
    datastore = Accounts(accounts, Account, cast("Any", None))
    security = Security(
        app,
        datastore,
        login_form=PromLoginForm,
        two_factor_setup_form=PromSecondStepForm,
        two_factor_rescue_form=PromRescueForm,
        totp_cls=SingleUseTotp,
    )

    @app.login_manager.user_loader  # type: ignore[attr-defined, untyped-decorator]
    def load(uniquifier: str) -> Account | None:
        # A reading transaction of its own: the datastore's would take SQLite's write lock on every page.
        with reading() as opened:
            account = opened.query(Account).filter_by(fs_uniquifier=uniquifier, active=True).first()
            opened.expunge_all()
        if account is not None:
            # flask-security's own pages ask for these two: who came by a session, and when the password was given.
            set_request_attr("fs_authn_via", "session")
            set_request_attr("fs_paa", session.get("fs_paa", 0))
        return account

    app.teardown_appcontext(lambda _error: accounts.remove())
    app.before_request(_delay)
    app.after_request(_count_failures)
    user_authenticated.connect(_signed_in, app, weak=False)
    user_logged_out.connect(_signed_out, app, weak=False)
    tf_profile_changed.connect(_second_step_set, app, weak=False)
    app.extensions["prom_security"] = security
    app.extensions["prom_accounts"] = accounts


def context_app(app: Flask) -> Any:
    """Return the wired app of a Flask app, outside a request."""
    return app.extensions["prom"]


def _config(wired: Any) -> dict[str, Any]:
    secret = wired.store.vault.cookie_key.hex()
    return {
        "SECRET_KEY": secret,
        "SECURITY_PASSWORD_SALT": secret,
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_SINGLE_HASH": ["argon2"],
        "SECURITY_PASSWORD_SCHEMES": ["argon2"],
        "SECURITY_DEPRECATED_PASSWORD_SCHEMES": [],
        "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": {
            "argon2__memory_cost": 47104,
            "argon2__time_cost": 1,
            "argon2__parallelism": 1,
        },
        "SECURITY_PASSWORD_LENGTH_MIN": MINIMUM_PASSWORD,
        "SECURITY_JOIN_USER_ROLES": False,
        "SECURITY_DATETIME_FACTORY": clock.wall,
        "SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False, "test_environment": True},
        "SECURITY_RETURN_GENERIC_RESPONSES": True,
        "SECURITY_SEND_REGISTER_EMAIL": False,
        "SECURITY_TWO_FACTOR": True,
        # Beside a live gateway nothing switches the second step off.
        "SECURITY_TWO_FACTOR_REQUIRED": wired.settings.live
        or (wired.settings.totp_required and not wired.settings.demo),
        "SECURITY_TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "SECURITY_TWO_FACTOR_RESCUE_EMAIL": False,
        "SECURITY_TWO_FACTOR_ALWAYS_VALIDATE": True,
        "SECURITY_TOTP_SECRETS": {"1": secret},
        "SECURITY_TOTP_ISSUER": "prom",
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES": True,
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_KEYS": [_fernet_key(wired.store.vault.cookie_key)],
        "SECURITY_POST_LOGIN_VIEW": "/",
        "SECURITY_POST_LOGOUT_VIEW": "/login",
        "SECURITY_LOGOUT_METHODS": ["POST"],
        "SECURITY_FRESHNESS": timedelta(minutes=30),
    }


def _fernet_key(key: bytes) -> str:
    import base64

    return base64.urlsafe_b64encode(key).decode()


def _keys_of_request() -> list[str]:
    return [_account_key(), f"address|{request.remote_addr}"]


def _account_key() -> str:
    if request.endpoint == "security.login":
        return f"account|{request.form.get('email', '').strip().lower()}"
    # The second step has a count of its own: who knows a password may not try codes for ever by signing in again.
    return f"code|{session.get('tf_user_id') or session.get('_user_id') or ''}"


def _is_sign_in() -> bool:
    return request.method == "POST" and request.endpoint in TRIES


def _delay() -> ResponseReturnValue | None:
    if request.blueprint == "security" and request.is_json:
        # flask-security also reads JSON, where the count of failures would not see the account.
        abort(415)
    if not _is_sign_in():
        return None
    with context.wired().store.reading() as database:
        wait = staff.wait_seconds(database, _keys_of_request(), clock.wall())
    if wait <= 0:
        return None
    # The same page for unknown and known accounts.
    return render_template("wait.html", seconds=int(wait) + 1), 429, {"Retry-After": str(int(wait) + 1)}


def _count_failures(response: Any) -> Any:
    if request.blueprint == "security":
        _drop_open_transaction()
    if not _is_sign_in() or response.status_code not in {200, 302}:
        return response
    with context.writing() as database:
        if response.status_code == 200:
            _note_failure(database)
        elif "_user_id" in session:
            for key in _keys_of_request():
                staff.forget_failures(database, key)
        elif "tf_user_id" in session:
            # The password was right and the code is still to come: the address has shown nothing yet.
            staff.forget_failures(database, _account_key())
    return response


def _note_failure(database: Session) -> None:
    for key in _keys_of_request():
        staff.note_failure(database, key, clock.wall())
    account = staff.by_email(database, request.form.get("email", ""))
    audit.record(database, context.actor(), "sign_in_failed", account, clock.wall(), reason=str(request.endpoint))


def _drop_open_transaction() -> None:
    from flask import current_app

    # A failed sign-in leaves flask-security's session open, and with it SQLite's write lock.
    current_app.extensions["prom_accounts"].remove()


def _signed_in(app: Flask, user: Account, **_more: Any) -> None:
    account: Any = user
    session["prom_staff_id"] = account.id
    session["prom_address"] = request.remote_addr or ""
    session.renew = True  # type: ignore[attr-defined]
    account.last_seen_at = account.current_sign_in_at
    account.current_sign_in_at = clock.wall()
    database = app.extensions["prom_accounts"]
    audit.record(database, _actor(account), "signed_in", account, clock.wall())


def _signed_out(app: Flask, user: Any = None, **_more: Any) -> None:
    if not getattr(user, "is_authenticated", False):
        return
    with context_app(app).store.writing() as database:
        audit.record(database, _actor(user), "signed_out", staff.by_public_id(database, user.public_id), clock.wall())


def _second_step_set(app: Flask, user: Any, **_more: Any) -> None:
    # In flask-security's own transaction, which holds the lock of a SQLite file by now.
    audit.record(app.extensions["prom_accounts"], _actor(user), "second_step_set", user, clock.wall())


def _actor(account: Any) -> audit.Actor:
    return audit.Actor(account.public_id, account.id, "", request.remote_addr or "", context.request_id())


@blueprint.get("/")
@guards.needs(guards.Permission.SIGNED_IN)
def home() -> ResponseReturnValue:
    """Send everybody to the page their work starts on."""
    for permission, endpoint in (
        (guards.Permission.QUEUE, "coordinator.todo"),
        (guards.Permission.REVIEW, "clinician.losing_relief"),
        (guards.Permission.USERS, "admin.users"),
        (guards.Permission.AUDIT, "admin.audit_trail"),
    ):
        if guards.may(permission):
            return redirect(url_for(endpoint))
    return abort(403)


@blueprint.route("/setup/<token>", methods=["GET", "POST"])
@guards.needs(guards.Permission.PUBLIC)
def setup(token: str) -> ResponseReturnValue:
    """Let a new member of staff choose a password by a one-time link."""
    problems: list[str] = []
    if request.method == "POST":
        password = request.form.get("password", "")
        problems = signing_in.password_problems(password, request.form.get("again", ""))
        if not problems:
            with context.writing() as database:
                done = signing_in.set_password(database, token, signing_in.hash_password(password), clock.wall())
            if done:
                flash("Password saved. Sign in now.")
                return redirect(url_for("security.login"))
            return render_template("setup_over.html"), 410
    with context.reading() as database:
        account = staff.staff_of_setup_link(database, token, clock.wall())
    if account is None:
        return render_template("setup_over.html"), 410
    return render_template("setup.html", problems=[("password", words) for words in problems]), 422 if problems else 200
