"""Accounts: added by an admin or the command line, opened by a one-time link, ended at once."""

import unicodedata
from datetime import datetime
from functools import cache
from importlib import resources

from sqlmodel import Session

from prom.storage import audit, sites, staff
from prom.storage.models import Role, Site, Staff
from prom.storage.session import Store

MINIMUM_LENGTH = 12
CONTEXT_WORDS = ("prom", "clinic", "relief", "patient")


class AccountError(ValueError):
    """An account cannot be made or found; the message says why."""


def add(
    session: Session, email: str, role: Role, site_name: str | None, actor: audit.Actor, now: datetime
) -> tuple[Staff, str]:
    """Add an account and return it with the token of its set-up link."""
    if "@" not in email:
        raise AccountError(f"{email!r} is not an e-mail address")
    if staff.by_email(session, email):
        raise AccountError(f"{email} has an account already: use `prom user reset`")
    site = sites.by_name(session, site_name) if site_name else None
    if site_name and site is None:
        raise AccountError(f"there is no site {site_name!r}")
    if site is None and role in {Role.COORDINATOR, Role.CLINICIAN}:
        site = _only_site(session)
    account = staff.add(session, email, email.partition("@")[0], role, site.id if site else None, now)
    audit.record(session, actor, "user_added", account, now, reason=role.value)
    return account, staff.new_setup_link(session, account, now)


def _only_site(session: Session) -> Site:
    every = sites.everything(session)
    if len(every) != 1:
        raise AccountError("name the site with --site")
    return every[0]


def reset(session: Session, email: str, actor: audit.Actor, now: datetime) -> str:
    """End an account's sessions and return a new set-up link's token; its second factor stays.

    A disabled account opens again: this is the one way back for somebody who returns.
    """
    account = _found(session, email)
    account.password = None
    if not account.active:
        account.active = True
        change = audit.Change("active", "no", "yes")
        audit.record(session, actor, "user_reopened", account, now, change=change)
    session.add(account)
    staff.end_sessions_of(session, account.id)
    audit.record(session, actor, "user_reset", account, now)
    return staff.new_setup_link(session, account, now)


def disable(session: Session, email: str, actor: audit.Actor, now: datetime) -> None:
    """Close an account and end its sessions at once."""
    account = _found(session, email)
    account.active = False
    session.add(account)
    staff.end_sessions_of(session, account.id)
    audit.record(session, actor, "user_disabled", account, now)


def set_password(session: Session, token: str, password_hash: str, now: datetime) -> bool:
    """Store the password of whoever holds a set-up link; False when the link is used or over."""
    account = staff.staff_of_setup_link(session, token, now)
    if account is None or not staff.use_setup_link(session, token, now):
        return False
    account.password = password_hash
    session.add(account)
    staff.end_sessions_of(session, account.id)
    audit.record(session, audit.Actor(account.public_id, account.id), "password_set", account, now)
    return True


def forget_sessions(store: Store, now: datetime) -> None:
    """Delete the rows of sessions that are over; looked for first, so that an idle clinic is not written to."""
    with store.reading() as session:
        if not staff.any_session_over(session, now):
            return
    with store.writing() as session:
        staff.prune_web_sessions(session, now)


def password_problems(password: str, again: str | None = None) -> list[str]:
    """Return what is wrong with a new password: length, common passwords, words of this place."""
    problems = []
    if len(password) < MINIMUM_LENGTH:
        problems.append(f"Use at least {MINIMUM_LENGTH} characters; a few words in a row are good.")
    plain = password.casefold()
    if plain in common_passwords() or len(set(plain)) < 4:
        problems.append("This password is easy to guess: choose another.")
    if _without_context(plain) == "" != plain:
        problems.append("Do not build the password on the name of this program or place.")
    if again is not None and again != password:
        problems.append("The two passwords differ.")
    return problems


def _without_context(plain: str) -> str:
    """Return what is left of a password without this place's words, digits and punctuation."""
    for word in CONTEXT_WORDS:
        plain = plain.replace(word, "")
    return plain.strip("0123456789!?.,-_ ")


@cache
def common_passwords() -> frozenset[str]:
    """Return the shipped list of common passwords that are long enough to be tried here."""
    text = resources.files("prom.services").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


def _found(session: Session, email: str) -> Staff:
    account = staff.by_email(session, email)
    if account is None:
        raise AccountError(f"there is no account {email}")
    return account


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, as the sign-in checks it (46 MiB, one pass)."""
    from argon2 import PasswordHasher

    return PasswordHasher(memory_cost=47104, time_cost=1, parallelism=1).hash(unicodedata.normalize("NFKD", password))
