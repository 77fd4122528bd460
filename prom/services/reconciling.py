"""Find out what became of texts whose outcome is unknown, and settle what the clock alone can settle.

The provider's list is asked twice, after a tenth and after half of the grace, and once more when the grace is over.
Only then is a text that is nowhere to be found sent again, once, and never past its time. A text found in the list is
bound to one row only, also where two texts to one phone read the same.
"""

from datetime import datetime, timedelta

from sqlmodel import Session

from prom.config import Settings
from prom.domain import outgoing
from prom.messaging.gateway import Gateway, Listed, SendError
from prom.services import delivering, reminding, rendering, stopping
from prom.storage import audit, channels, messages, outbox, patients, prompts, tasks, unclear
from prom.storage.models import Message, MessageKind, MessageState, Patient, Prompt, PromptState, TaskKind
from prom.storage.session import Store

FIRST_LISTING, SECOND_LISTING = 0.1, 0.5
AT_ONCE = 50
# Our clock and the provider's differ, and the provider keeps whole seconds.
CLOCKS_APART = timedelta(seconds=60)
POLL_AFTER = timedelta(seconds=30)
POLL_AFTER_WITH_CALLBACKS = timedelta(hours=1)
POLLED_FOR = timedelta(hours=36)
RESTORED_AT_ONCE = 200

CALLS_STAY = timedelta(days=7)


def run(store: Store, gateway: Gateway, settings: Settings, now: datetime) -> dict[str, int]:
    """Look after texts with an unknown outcome or without a final status; return how many were settled how."""
    counts = {"found": 0, "resent": 0, "lost": 0, "polled": 0}
    with store.reading() as session:
        due = [row.id for row in unclear.unknown(session, 10 * AT_ONCE) if _listing_due(row, settings, now)]
    for message_id in due[:AT_ONCE]:
        outcome = _look_for(store, gateway, settings, message_id, now)
        if outcome == "no_list":
            break
        counts[outcome] = counts.get(outcome, 0) + 1
    counts["polled"] = poll_statuses(store, gateway, settings, now)
    return counts


def poll_statuses(store: Store, gateway: Gateway, settings: Settings, now: datetime) -> int:
    """Ask for the statuses of accepted texts: all of them without callbacks, else those that were never told."""
    wait = POLL_AFTER_WITH_CALLBACKS if settings.public_url else POLL_AFTER
    with store.reading() as session:
        rows = unclear.without_final_status(session, now - POLLED_FOR, now - wait, AT_ONCE)
        # Each question doubles the wait for the next: a text that stays silent is asked about a dozen times a day.
        due = [
            (row.public_id, row.provider_sid or "")
            for row in rows
            if row.accepted_at is not None and now >= row.accepted_at + wait * 2 ** min(row.checks, 12)
        ]
    polled = 0
    for public_id, sid in due:
        try:
            listed = gateway.status_of(sid)
        except SendError:
            break
        with store.writing() as session:
            message = messages.by_public_id(session, public_id)
            if message is not None:
                message.checks += 1
            if listed is not None:
                delivering.status(session, public_id, sid, listed.status, listed.error_code, now)
        polled += 1
    return polled


def close_windows(session: Session, now: datetime, limit: int = 500) -> int:
    """Close prompts whose answer window is over: missed by the patient, or not sent by us; return how many."""
    closed = prompts.window_over(session, now, limit)
    for prompt in closed:
        old, (state, reason) = prompt.state, _ending(session, prompt)
        prompt.state, prompt.reason = state, reason
        session.add(prompt)
        if state is PromptState.MISSED:
            reminding.call_list(session, prompt, session.get_one(Patient, prompt.patient_id), now)
        elif reason == outgoing.BY_PHONE:
            # The call was to ask what may not be answered any more.
            tasks.close_for_prompt(session, prompt, TaskKind.CHASE, outcome="its days are over", now=now)
        change = audit.Change("state", old.value, state.value)
        audit.record(session, audit.CLOCK, "window closed", prompt, now, change=change, reason=reason)
    # A call about a question of last week helps nobody: silence itself is told by the alert for not answering.
    tasks.close_older(session, TaskKind.CHASE, now - CALLS_STAY, outcome="a week without a call", now=now)
    session.flush()
    return len(closed)


def adopt(store: Store, gateway: Gateway, now: datetime) -> int:
    """Bind what the provider's list shows of texts that a restored database believes unsent; return how many.

    A SendError of the list is passed on: without the list nothing may be released.
    """
    found = _adopt_waiting(store, gateway, now)
    with store.writing() as session:
        # Prompts that were just found have had their reminders too.
        reminders = reminding.queue_reminders(session, now)
    return found + (_adopt_waiting(store, gateway, now) if reminders else 0)


def _adopt_waiting(store: Store, gateway: Gateway, now: datetime) -> int:
    found, after_id = 0, 0
    while True:
        with store.reading() as session:
            rows = unclear.waiting_since(session, now, after_id, RESTORED_AT_ONCE)
            wanted = [(row.id, row.due_at, _number_of(session, row)) for row in rows]
        if not wanted:
            return found
        since: dict[str, datetime] = {}
        for _, due_at, phone in wanted:
            since[phone] = min(due_at, since.get(phone, due_at))
        # One list a phone, however many of its texts wait.
        listed = {phone: gateway.find_sent(phone, at - CLOCKS_APART) for phone, at in since.items() if phone}
        for message_id, due_at, phone in wanted:
            later = [
                one for one in listed.get(phone, []) if one.sent_at is None or one.sent_at >= due_at - CLOCKS_APART
            ]
            with store.writing() as session:
                found += _adopt_one(session, message_id, later, now)
        after_id = wanted[-1][0]


def _listing_due(message: Message, settings: Settings, now: datetime) -> bool:
    share = (FIRST_LISTING, SECOND_LISTING)[message.checks] if message.checks < 2 else 1.0
    since = message.sending_at or message.created_at
    # A call in the future was made before the clock was set back.
    return since > now or now - since >= timedelta(seconds=share * settings.grace_seconds)


def _look_for(store: Store, gateway: Gateway, settings: Settings, message_id: int, now: datetime) -> str:
    with store.reading() as session:
        message = session.get(Message, message_id)
        if message is None or message.state is not MessageState.UNKNOWN:
            return "settled"
        to, since = messages.phone(session, message), min(message.sending_at or now, now) - CLOCKS_APART
    try:
        listed = gateway.find_sent(to, since) if to else []
    except SendError:
        # Without a list nothing is known: the text is looked for again later, and not sent.
        return "no_list"
    with store.writing() as session:
        return _settle(session, message_id, listed, settings, now)


def _settle(session: Session, message_id: int, listed: list[Listed], settings: Settings, now: datetime) -> str:
    message = outbox.locked(session, message_id)
    if message is None or message.state is not MessageState.UNKNOWN:
        return "settled"
    channels.lock_phone(session, message.phone_index)
    found = _match(session, message, listed)
    if found is not None:
        delivering.status(session, message.public_id, found.sid, found.status, found.error_code, now)
        return "found"
    message.sending_at = min(message.sending_at or now, now)
    over = now - message.sending_at >= timedelta(seconds=settings.grace_seconds)
    message.checks = min(message.checks + 1, 2)
    if not over:
        session.add(message)
        return "not_yet"
    if message.resent or now >= message.expires_at:
        _give_up(session, message, now)
        return "lost"
    message.resent, message.checks = True, 0
    delivering.again_later(session, message, now, "sent_again", now)
    return "resent"


def _give_up(session: Session, message: Message, now: datetime) -> None:
    expired = now >= message.expires_at and not message.resent
    state = MessageState.EXPIRED if expired else MessageState.FAILED
    stopping.stop(session, message, state, "outcome_unknown", now)
    if message.kind is not MessageKind.REPLY:
        stopping.tell(session, message, TaskKind.CHASE, "outcome_unknown", now)


def _match(session: Session, message: Message, listed: list[Listed]) -> Listed | None:
    """Return the listed text that is this one: same words, not bound elsewhere, the nearest in time."""
    pattern = rendering.listed_as(messages.body(session, message))
    same = [one for one in listed if pattern.fullmatch(one.body)]
    taken = unclear.bound(session, [one.sid for one in same])
    free = [one for one in same if one.sid not in taken]
    at = message.sending_at or message.due_at
    return min(free, key=lambda one: abs((one.sent_at or at) - at), default=None)


def _adopt_one(session: Session, message_id: int, listed: list[Listed], now: datetime) -> int:
    message = outbox.locked(session, message_id)
    if message is None or message.state is not MessageState.PENDING:
        return 0
    taken = unclear.bound(session, [one.sid for one in listed])
    # The address of the pages is not known here, and may have been another then: any address will do.
    pattern = rendering.pattern(session, message, "https://any")
    same = [one for one in listed if one.sid not in taken and pattern.fullmatch(one.body)]
    if not same:
        return 0
    first = min(same, key=lambda one: one.sent_at or now)
    message.sending_at = first.sent_at or now
    delivering.status(session, message.public_id, first.sid, first.status, first.error_code, now)
    return 1


def _number_of(session: Session, message: Message) -> str:
    bound = messages.phone(session, message)
    if bound or message.patient_id is None:
        return bound
    return patients.phone(session, session.get_one(Patient, message.patient_id)) or ""


def _ending(session: Session, prompt: Prompt) -> tuple[PromptState, str]:
    """Return how a prompt whose window is over ends: only one that reached the phone can have been missed."""
    texts = messages.of_prompt(session, prompt.id)
    if any(row.state in prompts.REACHED for row in texts):
        return PromptState.MISSED, ""
    asking = [row for row in texts if row.kind in outbox.CONVERSING]
    for row in asking:
        if row.state is MessageState.PENDING:
            stopping.stop(session, row, MessageState.EXPIRED, row.reason or "system_off", prompt.closes_at)
    reasons = [row.reason for row in asking if row.reason]
    return PromptState.NOT_SENT, reasons[-1] if reasons else "no_text"
