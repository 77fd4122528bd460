"""Queries about staff, their sessions, set-up links and failed sign-ins."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from prom.storage.models import Message, Role, SetupLink, SignInThrottle, Site, Staff, WebSession
from prom.storage.session import vault_of

SETUP_HOURS = 24
IDLE_MINUTES = 15
ABSOLUTE_HOURS = 12
TOUCH_SECONDS = 60
FREE_FAILURES = 4
LONGEST_DELAY_SECONDS = 900
FORGET_HOURS = 24


def by_email(session: Session, email: str) -> Staff | None:
    """Return the account of an address, or None."""
    return session.exec(select(Staff).where(col(Staff.email) == email.strip().lower())).first()


def by_public_id(session: Session, public_id: str) -> Staff | None:
    """Return the account of a public id, or None."""
    return session.exec(select(Staff).where(col(Staff.public_id) == public_id)).first()


def everyone(session: Session, site_id: int | None) -> list[Staff]:
    """Return the staff of a site (None: of all sites) by address."""
    query = select(Staff).order_by(col(Staff.email))
    return list(session.exec(query if site_id is None else query.where(col(Staff.site_id) == site_id)))


def add(session: Session, email: str, name: str, role: Role, site_id: int | None, now: datetime) -> Staff:
    """Add an account without a password."""
    row = Staff(email=email.strip().lower(), name=name, role=role, site_id=site_id, created_at=now)
    session.add(row)
    session.flush()
    return row


def home(session: Session, staff: Staff) -> Site | None:
    """Return the site whose key, zone and channel serve somebody: their own, or the first for those of all sites."""
    if staff.site_id is not None:
        return session.get(Site, staff.site_id)
    return session.exec(select(Site).order_by(col(Site.id)).limit(1)).first()


def phone(session: Session, staff: Staff) -> str | None:
    """Return the number of somebody of the staff in E.164, or None."""
    site = home(session, staff)
    if staff.phone_sealed is None or site is None:
        return None
    return vault_of(session).open(site.key_sealed, _phone_place(staff), staff.phone_sealed)


def set_phone(session: Session, staff: Staff, e164: str | None) -> None:
    """Store the number of somebody of the staff, sealed; None forgets it. There must be a site."""
    site = home(session, staff)
    if e164 is None or site is None:
        staff.phone_sealed = staff.phone_index = None
    else:
        vault = vault_of(session)
        staff.phone_sealed = vault.seal(site.key_sealed, _phone_place(staff), e164)
        staff.phone_index = vault.index("phone", e164)
    session.add(staff)


def still_reads(session: Session, message_id: int) -> bool:
    """Tell whether a text to staff goes to somebody who still works here, under the number they have now."""
    mine = select(Staff.id).where(
        col(Message.id) == message_id,
        col(Message.staff_id) == col(Staff.id),
        col(Message.phone_index) == col(Staff.phone_index),
        col(Staff.active),
    )
    return session.exec(mine).first() is not None


def _phone_place(staff: Staff) -> str:
    return f"staff|phone|{staff.public_id}"


def new_setup_link(session: Session, staff: Staff, now: datetime) -> str:
    """Return the token of a one-time link to set a password, good for 24 hours; older ones stop working."""
    session.execute(delete(SetupLink).where(col(SetupLink.staff_id) == staff.id))
    token = secrets.token_urlsafe(32)
    session.add(SetupLink(staff_id=staff.id, token_hash=hashed(token), expires_at=now + timedelta(hours=SETUP_HOURS)))
    return token


def staff_of_setup_link(session: Session, token: str, now: datetime) -> Staff | None:
    """Return whose open set-up link this is, or None."""
    link = session.exec(
        select(SetupLink).where(
            col(SetupLink.token_hash) == hashed(token),
            col(SetupLink.used_at).is_(None),
            col(SetupLink.expires_at) > now,
        )
    ).first()
    account = session.get(Staff, link.staff_id) if link else None
    return account if account and account.active else None


def use_setup_link(session: Session, token: str, now: datetime) -> bool:
    """Mark a set-up link as used; False when somebody was quicker or it is over."""
    taken = session.execute(
        update(SetupLink)
        .where(
            col(SetupLink.token_hash) == hashed(token),
            col(SetupLink.used_at).is_(None),
            col(SetupLink.expires_at) > now,
        )
        .values(used_at=now)
    )
    return bool(taken.rowcount == 1)  # type: ignore[attr-defined]


def hashed(token: str) -> str:
    """Return the hash under which a token is kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def web_session(session: Session, token: str, now: datetime) -> WebSession | None:
    """Return the live session of a cookie: seen within 15 minutes, begun within 12 hours."""
    row = session.exec(select(WebSession).where(col(WebSession.token_hash) == hashed(token))).first()
    if row is None or row.expires_at <= now or row.last_seen_at <= now - timedelta(minutes=IDLE_MINUTES):
        return None
    return row


def open_web_session(session: Session, staff_id: int, content: str, address: str, now: datetime) -> str:
    """Store a new session and return its cookie token."""
    token = secrets.token_urlsafe(32)
    session.add(
        WebSession(
            token_hash=hashed(token),
            staff_id=staff_id,
            content=content,
            address=address[:45],
            created_at=now,
            last_seen_at=now,
            expires_at=now + timedelta(hours=ABSOLUTE_HOURS),
        )
    )
    return token


def keep_web_session(session: Session, token: str, content: str, now: datetime) -> bool:
    """Store a session's content and that it was seen; False when it has been ended meanwhile."""
    kept = session.execute(
        update(WebSession).where(col(WebSession.token_hash) == hashed(token)).values(content=content, last_seen_at=now)
    )
    return bool(kept.rowcount == 1)  # type: ignore[attr-defined]


def end_web_session(session: Session, token: str) -> None:
    """End one session."""
    session.execute(delete(WebSession).where(col(WebSession.token_hash) == hashed(token)))


def end_sessions_of(session: Session, staff_id: int) -> None:
    """End every session of an account."""
    session.execute(delete(WebSession).where(col(WebSession.staff_id) == staff_id))


def end_other_sessions(session: Session, staff_id: int, this_hash: str) -> int:
    """End every session of an account but one, and return how many ended."""
    others = (col(WebSession.staff_id) == staff_id, col(WebSession.token_hash) != this_hash)
    ended = session.execute(delete(WebSession).where(*others))
    return int(ended.rowcount)  # type: ignore[attr-defined]


def prune_web_sessions(session: Session, now: datetime) -> None:
    """Delete sessions that are over."""
    session.execute(delete(WebSession).where(col(WebSession.expires_at) <= now))


def any_session_over(session: Session, now: datetime) -> bool:
    """Tell whether sessions wait to be deleted."""
    return session.exec(select(WebSession.id).where(col(WebSession.expires_at) <= now).limit(1)).first() is not None


def sessions_of(session: Session, staff_id: int) -> list[WebSession]:
    """Return the sessions of an account, newest first."""
    query = select(WebSession).where(col(WebSession.staff_id) == staff_id)
    return list(session.exec(query.order_by(col(WebSession.last_seen_at).desc())))


def wait_seconds(session: Session, keys: list[str], now: datetime) -> float:
    """Return how long sign-in must still wait for an account and an address; 0 when it may go on."""
    rows = session.exec(select(SignInThrottle).where(col(SignInThrottle.key).in_([hashed(key) for key in keys])))
    return max((max(0.0, (row.not_before - now).total_seconds()) for row in rows), default=0.0)


def note_failure(session: Session, key: str, now: datetime) -> None:
    """Count a failed sign-in: from the fifth on the delay doubles, up to 15 minutes; nothing locks for good."""
    row = session.exec(select(SignInThrottle).where(col(SignInThrottle.key) == hashed(key))).first()
    if row is None:
        row = SignInThrottle(key=hashed(key), failures=0, not_before=now)
    elif row.not_before <= now - timedelta(hours=FORGET_HOURS):
        row.failures = 0
    row.failures += 1
    beyond = row.failures - FREE_FAILURES
    delay = min(LONGEST_DELAY_SECONDS, 2 ** min(beyond, 12)) if beyond > 0 else 0
    row.not_before = now + timedelta(seconds=delay)
    session.add(row)


def forget_failures(session: Session, key: str) -> None:
    """Forget the failures of an account or address after a sign-in."""
    session.execute(delete(SignInThrottle).where(col(SignInThrottle.key) == hashed(key)))
