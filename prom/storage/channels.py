"""The sender shared by all workers (halts, hold, rate), the phones that asked us to stop, and locks on a phone.

The channel named "main" is the shared sender, one named "from-..." a site's own. A channel named "site-7" holds back
one site whose texts ran away: it counts them by the time at which a steady stream at the highest rate would have sent
as many.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, or_, update
from sqlalchemy import select as select_columns
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from prom.storage.models import Channel, Patient, Site, Suppression

MAIN = "main"
# A waiting time beyond this was written by a clock that has since been set back.
LONGEST_WAIT = timedelta(minutes=10)
PROBE_EVERY = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether the caller may send now, and if not, how many seconds to wait before asking again."""

    mine: bool
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class State:
    """The sender's row as values."""

    halted_at: datetime | None = None
    slow_until: datetime | None = None
    next_send_at: datetime | None = None

    @property
    def is_new(self) -> bool:
        """Return whether nothing is known of it, perhaps because it was never used."""
        return self.halted_at is None and self.slow_until is None and self.next_send_at is None


_CHANNEL = Channel.__table__  # type: ignore[attr-defined]
_STATE = select_columns(_CHANNEL.c.halted_at, _CHANNEL.c.slow_until, _CHANNEL.c.next_send_at).where(
    _CHANNEL.c.name == bindparam("name")
)
_HALTED = select_columns(_CHANNEL.c.name).where(_CHANNEL.c.halted_at.is_not(None)).order_by(_CHANNEL.c.name.desc())
_TAKE = (
    update(_CHANNEL)
    .where(_CHANNEL.c.name == bindparam("channel"), _CHANNEL.c.next_send_at.is_not_distinct_from(bindparam("seen")))
    .values(next_send_at=bindparam("until"))
)


def main(session: Session) -> Channel:
    """Return the sender's row, making it on first use."""
    return named(session, MAIN)


def named(session: Session, name: str) -> Channel:
    """Return a channel's row, making it on first use; only within a writing transaction."""
    row = session.exec(select(Channel).where(col(Channel.name) == name)).first()
    if row is None:
        # Two workers may start in the same moment.
        make = {"name": name, "halted_code": "", "held_reason": ""}
        session.connection().execute(_insert(session).values(make).on_conflict_do_nothing(index_elements=["name"]))
        row = session.exec(select(Channel).where(col(Channel.name) == name)).one()
    return row


def seen(session: Session, name: str = MAIN) -> Channel | None:
    """Return a channel's row as it stands, or None; for reading only."""
    return session.exec(select(Channel).where(col(Channel.name) == name)).first()


def site_name(site_id: int) -> str:
    """Return the name of the channel that counts a site's texts."""
    return f"site-{site_id}"


def of_sender(sender: str) -> str:
    """Return the name of the channel of a site's own number or service; without one it is the shared sender."""
    return f"from-{hashlib.sha256(sender.encode()).hexdigest()[:16]}" if sender else MAIN


def of_site(session: Session, site_id: int) -> str:
    """Return the name of the channel from which a site's texts leave."""
    return of_sender(session.get_one(Site, site_id).sender)


def of_sites(session: Session) -> dict[int, str]:
    """Return from which channel each site's texts leave, by the site's id."""
    return {site_id: of_sender(sender) for site_id, sender in session.exec(select(Site.id, Site.sender))}


def own_senders(session: Session) -> list[str]:
    """Return the numbers and services that belong to single sites."""
    return sorted(set(session.exec(select(Site.sender).where(col(Site.sender) != ""))))


def halted(session: Session) -> list[str]:
    """Return the names of the channels that are halted."""
    return [row[0] for row in session.connection().execute(_HALTED)]


def troubled(session: Session) -> list[Channel]:
    """Return the channels that are halted, on hold, or whose credit is known."""
    trouble = or_(
        col(Channel.halted_at).is_not(None), col(Channel.held_at).is_not(None), col(Channel.balance).is_not(None)
    )
    return list(session.exec(select(Channel).where(trouble).order_by(col(Channel.name))))


def is_low(channel: Channel) -> bool:
    """Tell whether the credit was last seen below the amount at which somebody wants to know."""
    return channel.balance is not None and channel.low_balance is not None and channel.balance < channel.low_balance


def held_sites(session: Session) -> dict[int, Channel]:
    """Return the channels of the sites whose texts are held back, by the site's id."""
    rows = session.exec(select(Channel).where(col(Channel.held_at).is_not(None), col(Channel.name).like("site-%")))
    return {int(row.name.removeprefix("site-")): row for row in rows}


def state(session: Session, name: str = MAIN) -> State:
    """Return the sender as it stands, for the hot path; a sender that was never used is free."""
    row: Any = session.connection().execute(_STATE, {"name": name}).first()
    return State() if row is None else State(*row)


def turn(seen: State, now: datetime) -> Turn:
    """Tell whether the sender is free now, without taking it."""
    free_at = _plausible(seen.next_send_at, now)
    return Turn(mine=free_at <= now, wait_seconds=max(0.0, (free_at - now).total_seconds()))


def take_turn(session: Session, seconds: float, now: datetime, seen: State | None = None, name: str = MAIN) -> Turn:
    """Take the sender for some seconds if it is free now: the rate limit over all workers."""
    if seen is None or seen.is_new:
        named(session, name)
        seen = state(session, name)
    free = turn(seen, now)
    if not free.mine:
        return free
    # A late taker may catch up by one turn, so that the loop's own time does not lower the rate.
    start = max(_plausible(seen.next_send_at, now), now - timedelta(seconds=seconds))
    taken = session.connection().execute(
        _TAKE, {"until": start + timedelta(seconds=seconds), "seen": seen.next_send_at, "channel": name}
    )
    return Turn(mine=taken.rowcount == 1, wait_seconds=seconds)


def wait(session: Session, seconds: float, now: datetime, slow_seconds: float = 0.0, *, name: str = MAIN) -> None:
    """Make all workers wait before the sender's next text, and send more slowly for some time after."""
    channel = named(session, name)
    seconds = min(seconds, LONGEST_WAIT.total_seconds())
    channel.next_send_at = max(_plausible(channel.next_send_at, now), now + timedelta(seconds=seconds))
    if slow_seconds:
        channel.slow_until = now + timedelta(seconds=slow_seconds)
    session.flush()


def is_slow(seen: State, now: datetime) -> bool:
    """Tell whether the sender was told to slow down."""
    return seen.slow_until is not None and now < seen.slow_until


def halt(session: Session, code: str, now: datetime, name: str = MAIN) -> bool:
    """Stop the sender because every text would be refused; return False if it was halted already."""
    channel = named(session, name)
    fresh = channel.halted_at is None
    channel.halted_at = channel.halted_at or now
    channel.halted_code = code[:24]
    channel.next_probe_at = now + PROBE_EVERY
    session.flush()
    return fresh


def take_probe(session: Session, now: datetime, name: str = MAIN) -> bool:
    """Take the minute's probe of a halted sender; only one worker gets it."""
    channel = named(session, name)
    if channel.halted_at is None:
        return False
    due = channel.next_probe_at
    if due is not None and now < due <= now + PROBE_EVERY:
        return False
    taken = session.connection().execute(
        update(Channel)
        .where(
            col(Channel.id) == channel.id,
            col(Channel.next_probe_at).is_(None) if due is None else col(Channel.next_probe_at) == due,
        )
        .values(next_probe_at=now + PROBE_EVERY)
    )
    session.expire(channel)
    return taken.rowcount == 1


def resume(session: Session, name: str = MAIN) -> bool:
    """End a halt; return False if there was none."""
    channel = named(session, name)
    was = channel.halted_at is not None
    channel.halted_at, channel.halted_code, channel.next_probe_at = None, "", None
    session.flush()
    return was


def hold(session: Session, reason: str, now: datetime, name: str = MAIN) -> bool:
    """Hold back all that is not an answer or an emergency, until a person releases it; False if it was held already."""
    channel = named(session, name)
    if channel.held_at is not None:
        return False
    channel.held_at, channel.held_reason = now, reason[:40]
    session.flush()
    return True


def release(session: Session, name: str = MAIN) -> bool:
    """End a hold; return False if there was none."""
    channel = named(session, name)
    was = channel.held_at is not None
    channel.held_at, channel.held_reason = None, ""
    session.flush()
    return was


def count_of_site(session: Session, site_id: int, texts: int, a_minute: float, now: datetime) -> bool:
    """Count texts that a site has sent, and return False when it is over the number that a minute may have."""
    channel = named(session, site_name(site_id))
    steady = max(_plausible(channel.next_send_at, now), now) + timedelta(seconds=60.0 * texts / a_minute)
    channel.next_send_at = steady
    session.flush()
    return steady <= now + timedelta(seconds=60)


def lock_phone(session: Session, phone_index: str) -> None:
    """Wait until no other transaction works on this phone; it is ours until the commit.

    On SQLite a writing transaction is alone already.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(int(phone_index[:15], 16))))


def is_suppressed(session: Session, phone_index: str) -> bool:
    """Tell whether a phone asked us to stop and did not re-open."""
    row = session.exec(select(Suppression).where(col(Suppression.phone_index) == phone_index)).first()
    return row is not None and row.reopened_at is None


def suppress(session: Session, phone_index: str, *, source: str, now: datetime) -> bool:
    """Put a phone on the list of those that asked us to stop; return False if it was there.

    `source` is reply, carrier or staff. The texts that wait for it are taken out by `outbox.suppress_phone`.
    """
    row = session.exec(select(Suppression).where(col(Suppression.phone_index) == phone_index)).first()
    if row is not None and row.reopened_at is None:
        return False
    if row is None:
        row = Suppression(phone_index=phone_index, stopped_at=now, source=source)
    row.stopped_at, row.source, row.reopened_at = now, source[:24], None
    session.add(row)
    session.flush()
    return True


def reopen(session: Session, phone_index: str, now: datetime) -> bool:
    """Take a phone off the list (START or UNSTOP only); return False if it was not on it."""
    row = session.exec(select(Suppression).where(col(Suppression.phone_index) == phone_index)).first()
    if row is None or row.reopened_at is not None:
        return False
    row.reopened_at = now
    session.flush()
    return True


def patients_of(session: Session, phone_index: str) -> list[Patient]:
    """Return the patients of any site with a phone."""
    return list(session.exec(select(Patient).where(col(Patient.phone_index) == phone_index)))


def _plausible(at: datetime | None, now: datetime) -> datetime:
    if at is None or at > now + LONGEST_WAIT:
        return now - LONGEST_WAIT
    return at


def _insert(session: Session) -> Any:
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(Channel)
    return sqlite.insert(Channel)
