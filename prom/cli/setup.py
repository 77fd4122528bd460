"""Setting an installation up and looking after it: init, user, keys, audit, doctor."""

import argparse
import sys
from typing import Any

from prom.cli import CommandError


def add(commands: Any) -> None:
    """Add the commands of this module."""
    init = commands.add_parser("init", help="create or upgrade the database and the keys")
    init.add_argument("--site", default="main", help="key of the first site")
    init.add_argument("--label", default="Pain clinic", help="how texts call the clinic")
    init.add_argument("--time-zone", default="Asia/Kolkata")
    init.add_argument("--country", default="IN")
    init.set_defaults(run=_init)
    user = commands.add_parser("user", help="accounts of staff").add_subparsers(metavar="ACTION", required=True)
    new = user.add_parser("add", help="add an account and print its one-time set-up link")
    new.add_argument("email")
    new.add_argument("--role", required=True, choices=["coordinator", "clinician", "admin", "auditor"])
    new.add_argument("--site")
    new.add_argument("--password-stdin", action="store_true", help="set the password from standard input instead")
    new.set_defaults(run=_user_add)
    for name, words in (("reset", "end sessions and print a new set-up link"), ("disable", "close an account")):
        action = user.add_parser(name, help=words)
        action.add_argument("email")
        action.set_defaults(run=_user_reset if name == "reset" else _user_disable)
    keys = commands.add_parser("keys", help="encryption keys").add_subparsers(metavar="ACTION", required=True)
    keys.add_parser("rotate", help="make a new field key and re-wrap every data key").set_defaults(run=_keys_rotate)
    audit = commands.add_parser("audit", help="the audit trail").add_subparsers(metavar="ACTION", required=True)
    audit.add_parser("verify", help="check every seal and every score's code").set_defaults(run=_audit_verify)
    commands.add_parser("doctor", help="check this set-up").set_defaults(run=_doctor)


def _init(options: argparse.Namespace) -> None:
    from prom import config, wiring
    from prom.domain import countries
    from prom.storage import migrating, sites, vault

    settings = config.read()
    settings.instance.mkdir(parents=True, exist_ok=True)
    made = vault.make_keys(settings.instance / "keys")
    if settings.sqlite:
        _back_up_before_upgrade(settings)
    done = migrating.upgrade(settings.database_url)
    app = wiring.open_app(settings)
    with app.store.writing() as session:
        if not sites.everything(session):
            site = sites.add(session, options.site, options.label, options.time_zone, options.country)
            # Beside a live provider a country without replies by text starts with links, not with silence.
            site.two_way = not (settings.live and countries.country(options.country).forbids_two_way)
    sys.stdout.write(f"Keys made: {', '.join(made) or 'none, all were there'}\n")
    sys.stdout.write(f"Migrations run: {', '.join(done) or 'none, the database is up to date'}\n")


def _back_up_before_upgrade(settings: Any) -> None:
    from pathlib import Path

    from prom.storage import copying

    path = Path(settings.database_url.removeprefix("sqlite:///"))
    if path.exists() and path.stat().st_size:
        copying.copy_database(path, path.with_name(f"{path.name}.before-upgrade"))


def _opened() -> Any:
    from prom import config, wiring

    return wiring.open_app(config.read())


def _user_add(options: argparse.Namespace) -> None:
    from prom import clock
    from prom.services import signing_in
    from prom.storage.audit import COMMAND
    from prom.storage.models import Role

    app = _opened()
    password = sys.stdin.readline().rstrip("\n") if options.password_stdin else None
    if password is not None and (problems := signing_in.password_problems(password)):
        raise CommandError(" ".join(problems))
    now = clock.wall()
    with app.store.writing() as session:
        account, token = signing_in.add(session, options.email, Role(options.role), options.site, COMMAND, now)
        if password is not None:
            signing_in.set_password(session, token, signing_in.hash_password(password), now)
    if password is None:
        _print_link(app.settings, account.email, token)
    else:
        sys.stdout.write(f"{account.email} may sign in.\n")


def _print_link(settings: Any, email: str, token: str) -> None:
    base = settings.public_url or "http://127.0.0.1:5000"
    sys.stdout.write(f"Set-up link for {email}, good once within 24 hours:\n{base}/setup/{token}\n")


def _user_reset(options: argparse.Namespace) -> None:
    from prom import clock
    from prom.services import signing_in
    from prom.storage.audit import COMMAND

    app = _opened()
    with app.store.writing() as session:
        token = signing_in.reset(session, options.email, COMMAND, clock.wall())
    _print_link(app.settings, options.email, token)


def _user_disable(options: argparse.Namespace) -> None:
    from prom import clock
    from prom.services import signing_in
    from prom.storage.audit import COMMAND

    app = _opened()
    with app.store.writing() as session:
        signing_in.disable(session, options.email, COMMAND, clock.wall())
    sys.stdout.write(f"{options.email} is disabled; open sessions have ended.\n")


def _keys_rotate(_options: argparse.Namespace) -> None:
    from prom import config, wiring
    from prom.services import rotating

    settings = config.read()
    wiring.open_app(settings)
    rewrapped = rotating.rotate(settings)
    sys.stdout.write(f"New field key made; {rewrapped} data keys re-wrapped. Copy the keys folder to a safe place.\n")


def _audit_verify(_options: argparse.Namespace) -> int:
    from prom.storage import answers, audit

    app = _opened()
    with app.store.reading() as session:
        broken = audit.verify(session)
        wrong = answers.verify_macs(session)
        waiting = audit.unsealed(session)
    if broken:
        raise CommandError(broken)
    if wrong:
        raise CommandError(f"{len(wrong)} answers do not match their codes, first {wrong[0]}")
    sys.stdout.write(
        f"Every sealed block and every answer is as it was written; {waiting} newest rows wait for a seal.\n"
    )
    return 0


def _doctor(_options: argparse.Namespace) -> int:
    from prom.services import doctor

    app = _opened()
    found = doctor.findings(app.store, app.settings, app.gateway, app.clock.now())
    for finding in found:
        advice = f": {finding.do}" if finding.do else ""
        sys.stdout.write(f"{finding.level:<8} {finding.words}{advice}\n")
    return 0 if doctor.healthy(found) else 1
