"""Send what is due: claim a batch, and for each text look again, mark it `sending`, call the provider, record.

The network call sits between two transactions: a slow provider must not hold a lock, and a process that dies at any
point leaves a row that says how far it came.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from prom.config import Settings
from prom.domain import delivery, outgoing
from prom.messaging.gateway import Gateway, NotReached, Refused, RetryLater, SendError, Sent, Unknown
from prom.services import delivering, preparing, stopping
from prom.services.preparing import SPENT, Kept, Ready, Wait
from prom.storage import audit, channels, messages, outbox, sites
from prom.storage.models import Channel, Message, MessageState, TaskKind
from prom.storage.outbox import Claim
from prom.storage.session import Store

LARGEST_BATCH = 500
EXPIRED_AT_ONCE = 500
LONGEST_WAIT_SECONDS = 5.0
# Many workers on one sender: whoever loses that many turns in a row lets the others go on.
MOST_WAITS = 50
# So many calls without a clear answer in a row mean that the provider is in trouble: each more costs a reconciling.
UNCLEAR_IN_A_ROW = 3
PAUSE_SECONDS = 5.0


@dataclass(slots=True)
class Counts:
    """What one run did."""

    claimed: int = 0
    accepted: int = 0
    refused: int = 0
    later: int = 0
    unclear: int = 0
    kept: int = 0
    given_back: int = 0
    expired: int = 0


@dataclass(slots=True)
class _Run:
    """One run of the sender, with what it carries from text to text."""

    store: Store
    gateway: Gateway
    settings: Settings
    now: Callable[[], datetime]
    stop: Event
    desk: preparing.Desk
    counts: Counts = field(default_factory=Counts)
    sent: Counter[int] = field(default_factory=Counter)
    unclear_in_a_row: int = 0
    called: "_Called | None" = None


@dataclass(frozen=True, slots=True)
class _Called:
    """A call that was made and is not recorded yet."""

    ready: Ready
    outcome: Sent | SendError


def send_due(
    store: Store,
    gateway: Gateway,
    settings: Settings,
    now_fn: Callable[[], datetime],
    stop: Event | None = None,
    limit: int = LARGEST_BATCH,
) -> Counts:
    """Send the texts that are due, at most `limit`, and return what was done.

    `stop` is looked at between calls: a call in flight is finished, the rest of the claim is given back.
    """
    run = _Run(store, gateway, settings, now_fn, stop or Event(), preparing.Desk(settings))
    due, works = _look(run)
    if due:
        # Also while the channel is halted: what is too late then has to be told to somebody.
        run.counts.expired = expire_past(store, now_fn())
    if not due or not works:
        return run.counts
    while run.counts.claimed < limit and not run.stop.is_set():
        batch = _claim(run, min(batch_size(settings), limit - run.counts.claimed))
        run.counts.claimed += len(batch)
        if not batch or not _work_off(run, batch):
            break
    return run.counts


def batch_size(settings: Settings) -> int:
    """Return how many texts a worker claims at once: no more than half a lease can send."""
    if settings.gateway == "simulated":
        return LARGEST_BATCH
    return max(1, min(LARGEST_BATCH, int(settings.send_rate * settings.lease_seconds / 2)))


def recover(store: Store, now: datetime) -> tuple[int, int]:
    """Take back what dead workers left: claims wait again, calls become unknown. Return both numbers."""
    with store.reading() as session:
        if not outbox.any_left(session, now):
            return 0, 0
    with store.writing() as session:
        return outbox.recover(session, now)


def expire_past(store: Store, now: datetime) -> int:
    """Mark waiting texts whose time is over, with what kept them from leaving, and return how many."""
    with store.reading() as session:
        if not outbox.any_due(session, now) or not outbox.past(session, now, 1):
            return 0
    with store.writing() as session:
        channel = channels.main(session)
        past = outbox.past(session, now, EXPIRED_AT_ONCE)
        for message in past:
            stopping.stop(session, message, MessageState.EXPIRED, _why_late(channel, message.reason), now)
        return len(past)


def _why_late(channel: Channel, noted: str) -> str:
    if channel.halted_at is not None:
        return "channel_halted"
    if channel.held_at is not None:
        return "held"
    return noted or "system_off"


def _look(run: _Run) -> tuple[bool, bool]:
    """Tell whether a text is due, and whether the channel works; an idle tick is this one look."""
    with run.store.reading() as session:
        halted = channels.halted(session)
        due = outbox.any_due(session, run.now())
    still = [name for name in halted if not _works_again(run, name)]
    return due, channels.MAIN not in still


def _works_again(run: _Run, name: str) -> bool:
    """Ask the provider of a halted channel once a minute whether it works again."""
    with run.store.writing() as session:
        if not channels.take_probe(session, run.now(), name):
            return False
    try:
        run.gateway.probe()
    except SendError:
        _tell_of_emergencies(run, name)
        return False
    with run.store.writing() as session:
        if channels.resume(session, name):
            audit.record(session, audit.CLOCK, "channel resumed", channels.named(session, name), run.now())
            delivering.halt_over(session, name, run.now())
    return True


def _tell_of_emergencies(run: _Run, name: str) -> None:
    """Tell people at once of emergency texts that a halted channel keeps: whoever wrote has had no answer."""
    with run.store.writing() as session:
        senders = channels.of_sites(session)
        for message in outbox.emergencies_due(session, run.now()):
            if name in {channels.MAIN, senders.get(message.site_id)}:
                stopping.tell(session, message, TaskKind.CALL, "emergency_not_texted", run.now(), urgent=True)


def _claim(run: _Run, size: int) -> list[Claim]:
    now = run.now()
    with run.store.reading() as session:
        if not outbox.any_due(session, now):
            return []
        senders = channels.of_sites(session)
        closed = _closed(run, session, senders, now)
        if len(closed) == len(senders):
            return []
    with run.store.writing() as session:
        held = channels.held_sites(session)
        zones = sites.zones(session) if held else {}
        new_month = {site for site, one in held.items() if _spent_in_an_earlier_month(one, zones[site], now)}
        for site_id in new_month:
            channels.release(session, channels.site_name(site_id))
        return outbox.claim(
            session,
            now=now,
            lease_until=now + timedelta(seconds=run.settings.lease_seconds),
            limit=size,
            urgent_only=channels.main(session).held_at is not None,
            skip_sites=held.keys() - new_month,
            closed_sites=closed,
        )


def _closed(run: _Run, session: Session, senders: Mapping[int, str], now: datetime) -> set[int]:
    """Return the sites whose sender is halted, or has no turn for so long that claiming its texts is of no use."""
    closed = set()
    for name in set(senders.values()):
        seen = channels.state(session, name)
        no_turn = run.desk.paced and channels.turn(seen, now).wait_seconds > LONGEST_WAIT_SECONDS
        if seen.halted_at is not None or no_turn:
            closed |= {site_id for site_id, sender in senders.items() if sender == name}
    return closed


def _spent_in_an_earlier_month(channel: Channel, zone: str, now: datetime) -> bool:
    if channel.held_reason != SPENT or channel.held_at is None:
        return False
    return channel.held_at < outgoing.start_of_month(now, zone)


def _work_off(run: _Run, batch: Sequence[Claim]) -> bool:
    """Send a claimed batch; return False when there is no use in claiming more now."""
    done = next((n for n, claim in enumerate(batch) if run.stop.is_set() or not _send_one(run, claim)), len(batch))
    go_on = _settle(run)
    with run.store.writing() as session:
        run.counts.given_back += outbox.give_back(session, batch[done:])
        preparing.count_sent(session, run.sent, run.desk, run.now())
        run.sent.clear()
    return done == len(batch) and go_on


def _send_one(run: _Run, claim: Claim) -> bool:
    """Bring one claimed text up to its call; return False when the rest should be given back."""
    match _prepare_in_turn(run, claim):
        case Ready() as ready:
            return _call(run, ready)
        case Kept():
            run.counts.kept += 1
            return True
        case _:
            return False


def _prepare_in_turn(run: _Run, claim: Claim) -> preparing.Prepared | None:
    prepared, waited = _record_and_prepare(run, claim), 0.0
    for _ in range(MOST_WAITS):
        if not isinstance(prepared, Wait):
            break
        waited += prepared.seconds
        if waited > LONGEST_WAIT_SECONDS or run.stop.wait(prepared.seconds):
            break
        prepared = _prepare(run, claim)
    return prepared


def _record_and_prepare(run: _Run, claim: Claim) -> preparing.Prepared | None:
    """Record the last call and prepare the next text, on SQLite in one commit; None when no more should be sent now.

    On PostgreSQL two workers in such a transaction could wait for each other's phones.
    """
    called = run.called
    if called is None or run.store.engine.dialect.name != "sqlite":
        return _prepare(run, claim) if _settle(run) else None
    before, unclear = replace(run.counts), run.unclear_in_a_row
    prepared: preparing.Prepared | None = None
    try:
        with run.store.writing() as session:
            if _record(run, session, called):
                prepared = preparing.prepare(session, claim, run.desk, run.now())
    except SQLAlchemyError:
        raise
    except Exception:  # noqa: BLE001 - the next text cannot be written; what became of the last is kept all the same
        run.counts, run.unclear_in_a_row = before, unclear
        return _prepare(run, claim) if _settle(run) else None
    run.called = None
    return prepared


def _settle(run: _Run) -> bool:
    """Record the last call, if one is open; return False when no more should be sent now."""
    called, run.called = run.called, None
    if called is None:
        return True
    with run.store.writing() as session:
        return _record(run, session, called)


def _prepare(run: _Run, claim: Claim) -> preparing.Prepared:
    try:
        with run.store.writing() as session:
            return preparing.prepare(session, claim, run.desk, run.now())
    except SQLAlchemyError:
        raise
    except Exception as error:  # noqa: BLE001 - one text that cannot be written must not block those behind it
        _set_aside(run, claim, type(error).__name__)
        return Kept()


def _set_aside(run: _Run, claim: Claim, trouble: str) -> None:
    with run.store.writing() as session:
        message = outbox.locked(session, claim.message_id)
        if message is not None and message.state is MessageState.CLAIMED:
            stopping.stop(session, message, MessageState.FAILED, f"cannot_be_written {trouble}", run.now())
            stopping.tell(session, message, TaskKind.FIX, "text_failed", run.now())


def _call(run: _Run, ready: Ready) -> bool:
    if run.now() > ready.latest_start:
        # This process was frozen: another worker may soon take the text for lost and look for it.
        with run.store.writing() as session:
            run.counts.given_back += outbox.unmark(session, ready.message_id, ready.lease_until)
        return False
    outcome: Sent | SendError
    try:
        outcome = run.gateway.send(ready.to, ready.body, ready.public_id, ready.validity_seconds, ready.sender)
    except SendError as error:
        outcome = error
    except Exception as error:  # noqa: BLE001 - whatever broke, the text may have been accepted before it did
        outcome = Unknown(type(error).__name__)
    run.sent[ready.site_id] += 1
    run.called = _Called(ready, outcome)
    return True


def _record(run: _Run, session: Session, called: _Called) -> bool:
    """Record what became of a call; return False when no more should be sent now."""
    ready, outcome = called.ready, called.outcome
    if isinstance(outcome, Sent) and delivering.accepted(session, ready, outcome, run.now()):
        run.counts.accepted += 1
        run.unclear_in_a_row = 0
        return True
    return _record_doubtful(run, session, ready, outcome)


def _record_doubtful(run: _Run, session: Session, ready: Ready, outcome: Sent | SendError) -> bool:
    channels.lock_phone(session, ready.phone_index)
    message = outbox.locked(session, ready.message_id)
    now = run.now()
    if message is None or message.provider_sid is not None:
        # A callback was quicker than the answer, and knows more.
        return True
    if isinstance(outcome, Sent) and messages.by_sid(session, outcome.sid) is None:
        # Whatever was believed of it meanwhile: it is out, and must not go out again.
        delivering.accept(session, message, outcome.sid, outcome.status, now)
        run.counts.accepted += 1
        return True
    if message.state not in {MessageState.SENDING, MessageState.UNKNOWN}:
        return True
    run.unclear_in_a_row = run.unclear_in_a_row + 1 if isinstance(outcome, Unknown) else 0
    return _react(run, session, message, outcome, channels.of_sender(ready.sender))


def _react(run: _Run, session: Session, message: Message, outcome: Sent | SendError, name: str) -> bool:
    now = run.now()
    match outcome:
        case RetryLater(code, wait):
            run.counts.later += 1
            seconds = delivery.backoff_seconds(message.attempt, random.random(), wait)  # noqa: S311 - jitter
            pause = min(seconds, LONGEST_WAIT_SECONDS if wait is None else seconds)
            channels.wait(session, pause, now, PAUSE_SECONDS, name=name)
            delivering.again_later(session, message, now + timedelta(seconds=seconds), f"limit_{code or 429}", now)
            return False
        case NotReached():
            run.counts.later += 1
            seconds = delivery.backoff_seconds(message.attempt, random.random())  # noqa: S311 - jitter
            delivering.again_later(session, message, now + timedelta(seconds=seconds), "not_reached", now)
            return False
        case Refused(code, http_status, _):
            run.counts.refused += 1
            reaction = delivery.reaction(code, http_status, delivering.retries_made(message)) if http_status else None
            given = "" if code is None else str(code)
            return delivering.react(session, message, reaction or delivery.Fail(), given, now, accepted=False)
        case Unknown(reason):
            run.counts.unclear += 1
            delivering.unclear(session, message, reason, now)
        case _:
            # Accepted, it says, under an id that is another text's: a person must see it.
            run.counts.unclear += 1
            delivering.unclear(session, message, "doubtful_sid", now)
    return _still_clear(run, session, name, now)


def _still_clear(run: _Run, session: Session, name: str, now: datetime) -> bool:
    if run.unclear_in_a_row < UNCLEAR_IN_A_ROW:
        return True
    channels.wait(session, PAUSE_SECONDS, now, name=name)
    return False
