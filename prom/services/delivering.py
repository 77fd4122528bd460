"""What becomes of a text after the call: accepted, refused or unknown, then its statuses, in whatever order they come.

Every callback is kept as an event. A status moves a text only upwards. An error is answered by one reaction, the same
whether the provider said it at once or in a callback an hour later.
"""

from datetime import datetime, timedelta

from sqlmodel import Session

from prom.domain import delivery, outgoing, timetable
from prom.domain.timetable import TextKind
from prom.messaging.gateway import Sent
from prom.services import stopping
from prom.services.preparing import Ready
from prom.storage import audit, channels, looks, messages, outbox, prompts, tasks, warning_tasks
from prom.storage.models import Message, MessageEvent, MessageState, Patient, Prompt, Site, TaskKind

SLOW_SECONDS = 60.0
SLOW_FOR_LIMIT_SECONDS = 3600.0
MOST_AGAIN = 3
# Some filtered texts are chance; these many in a day, at this share of all, are a fault of ours.
FILTERED_TO_ALERT = 3
FILTERED_SHARE = 0.05
HALTED = "channel_halted"
_AGAIN = "|again"
_LONGEST_SID, _LONGEST_STATUS, _LONGEST_CODE = 40, 24, 12

_STATES = {
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.DELIVERED,
    "undelivered": MessageState.UNDELIVERED,
    "failed": MessageState.FAILED,
    "canceled": MessageState.FAILED,
}
_LOST = (MessageState.UNDELIVERED, MessageState.FAILED)


def status(
    session: Session,
    message_public_id: str | None,
    sid: str,
    status: str,
    error_code: int | str | None,
    now: datetime,
) -> Message | None:
    """Keep one status callback (or listing) and apply it; return the text it was about, or None.

    `message_public_id` is the m= of our callback address: it binds a text whose HTTP answer was lost.
    """
    found = messages.by_sid(session, sid) if sid else None
    if found is None and message_public_id:
        found = messages.by_public_id(session, message_public_id)
    code = str(error_code or "")[:_LONGEST_CODE]
    event = MessageEvent(
        provider_sid=sid[:_LONGEST_SID], status=status[:_LONGEST_STATUS], error_code=code, received_at=now
    )
    if found is None:
        session.add(event)
        return None
    channels.lock_phone(session, found.phone_index)
    message = outbox.locked(session, found.id)
    assert message is not None
    event.message_id = message.id
    session.add(event)
    if message.provider_sid is None and 0 < len(sid) <= _LONGEST_SID:
        accept(session, message, sid, "", now)
    if message.provider_sid == sid:
        _move_up(session, message, status, code, now)
    session.flush()
    return message


def accepted(session: Session, text: Ready, answer: Sent, now: datetime) -> bool:
    """Record the plain case, an acceptance nobody was quicker to tell; return False when it is another case."""
    rank = delivery.STATUS_RANK.get(answer.status, -1)
    if rank > delivery.STATUS_RANK["sending"]:
        return False
    channels.lock_phone(session, text.phone_index)
    if not looks.mark_accepted(session, text.message_id, answer.sid, rank, now):
        return False
    if text.prompt_id is not None and text.asks:
        looks.mark_asked(session, text.prompt_id, text.sending_at)
    looks.note_sent(session, text.public_id, text.site_id, now)
    return True


def accept(session: Session, message: Message, sid: str, first_status: str, now: datetime) -> None:
    """Record that the provider has a text: it never goes out again, and its prompt is asked."""
    message.provider_sid = sid
    message.accepted_at = now
    message.lease_until, message.reason, message.error_code = None, "", ""
    message.state = MessageState.ACCEPTED
    message.sending_at = message.sending_at or now
    _raise_status(message, first_status)
    _prompt_asked(session, message, message.sending_at)
    audit.record(session, audit.GATEWAY, "text sent", message, now)
    session.flush()


def unclear(session: Session, message: Message, reason: str, now: datetime) -> None:
    """Record that nobody knows whether a text was accepted; reconciling finds out.

    Its prompt counts as asked meanwhile: should the text have arrived, the answer must find its question.
    """
    message.state, message.lease_until, message.reason = MessageState.UNKNOWN, None, reason[:40]
    message.checks = 0
    _prompt_asked(session, message, message.sending_at or now)
    session.flush()


def again_later(session: Session, message: Message, at: datetime, reason: str, now: datetime) -> None:
    """Put a text back that certainly was not accepted, to leave at an instant if it is still wanted then."""
    message.sending_at = message.lease_until = None
    if not _bound(message):
        message.phone_sealed = None
    if at >= message.expires_at:
        stopping.stop(session, message, MessageState.EXPIRED, reason, now)
        return
    message.state, message.send_at, message.reason = MessageState.PENDING, at, reason[:40]
    session.flush()


def react(
    session: Session, message: Message, reaction: delivery.Reaction, code: str, now: datetime, *, accepted: bool
) -> bool:
    """Do what an error asks for; return False when other texts would meet the same error now.

    `accepted` tells a text that failed after acceptance (its row is final) from one that was refused.
    """
    message.error_code = code
    match reaction:
        case delivery.OptOut():
            stopping.opt_out(session, message, accepted=accepted, now=now)
        case delivery.HaltChannel():
            _halt(session, message, code, now)
            _after_halt(session, message, f"halted_{code}", accepted=accepted, now=now)
            return False
        case delivery.NextWindow() | delivery.SlowDown():
            name = channels.of_site(session, message.site_id)
            channels.wait(session, SLOW_SECONDS, now, SLOW_FOR_LIMIT_SECONDS, name=name)
            _once_more(session, message, _next_window(session, message, now), f"limit_{code}", now)
            return False
        case delivery.RetryInHours(hours):
            _once_more(session, message, now + timedelta(hours=hours), f"error_{code}", now)
        case _:
            _give_up(session, message, reaction, code, now)
    return True


def halt_over(session: Session, name: str, now: datetime) -> None:
    """Close the tasks about a halt that is over."""
    warning_tasks.close(session, f"{HALTED}|{name}|", outcome="the channel works again", now=now)


def _halt(session: Session, message: Message, code: str, now: datetime) -> None:
    """Stop the sender, and tell the people of the site; a number of the site's own stops that site only."""
    own = channels.of_site(session, message.site_id)
    name = own if delivery.concerns_sender(code) else channels.MAIN
    if not channels.halt(session, code or "refused", now, name):
        return
    audit.record(session, audit.GATEWAY, "channel halted", channels.named(session, name), now, reason=code)
    tasks.open_task(
        session,
        site_id=message.site_id,
        kind=TaskKind.FIX,
        reason=HALTED,
        dedupe_key=f"{HALTED}|{name}|{now:%Y-%m-%dT%H:%M:%S}",
        message_id=message.id,
        urgent=True,
        now=now,
    )


def retries_made(message: Message) -> int:
    """Return how often a text was already sent again because of an error after its acceptance."""
    _, _, number = message.dedupe_key.partition(_AGAIN)
    return int(number) if number.isdecimal() else 0


def _move_up(session: Session, message: Message, status: str, code: str, now: datetime) -> None:
    if not _raise_status(message, status) or message.state not in _LOST:
        return
    number = int(code) if code.isdecimal() else None
    message.reason = f"error_{code}" if code else status
    react(session, message, delivery.reaction(number, None, retries_made(message)), code, now, accepted=True)


def _raise_status(message: Message, status: str) -> bool:
    rank = delivery.STATUS_RANK.get(status, -1)
    if rank <= message.status_rank:
        return False
    message.status_rank = rank
    message.state = _STATES.get(status, message.state)
    return True


def _prompt_asked(session: Session, message: Message, at: datetime) -> None:
    if message.prompt_id is None:
        return
    prompt = session.get_one(Prompt, message.prompt_id)
    if message.kind in outbox.CONVERSING or message.question:
        prompts.text_left(prompt, at)
        session.add(prompt)


def _bound(message: Message) -> bool:
    """Tell whether a text goes to the number it was made for, whatever number the patient has now."""
    return message.patient_id is None or TextKind(message.kind) not in outgoing.CONVERSING


def _after_halt(session: Session, message: Message, reason: str, *, accepted: bool, now: datetime) -> None:
    """Keep a text for when the channel works again; the halt itself keeps it from leaving at once."""
    if accepted:
        _once_more(session, message, now, reason, now)
    else:
        again_later(session, message, now, reason, now)


def _once_more(session: Session, message: Message, at: datetime, reason: str, now: datetime) -> None:
    """Close this text and add another in its place: a second row, because callbacks of the first may still come."""
    number = retries_made(message) + 1
    lost = message.state if message.state in _LOST else MessageState.FAILED
    if number > MOST_AGAIN or at >= message.expires_at:
        stopping.stop(session, message, lost, reason, now)
        stopping.tell(session, message, TaskKind.CHASE, "not_reached", now)
        return
    message.state, message.reason, message.lease_until = lost, reason[:40], None
    messages.add_pending(
        session,
        site_id=message.site_id,
        patient_id=message.patient_id,
        prompt_id=message.prompt_id,
        inbound_id=message.inbound_id,
        staff_id=message.staff_id,
        dedupe_key=f"{message.dedupe_key.partition(_AGAIN)[0]}{_AGAIN}{number}",
        kind=message.kind,
        text_key=message.text_key,
        question=message.question,
        variables=messages.variables(session, message),
        phone_index=message.phone_index,
        phone=messages.phone(session, message) if _bound(message) else None,
        due_at=at,
        expires_at=message.expires_at,
        now=now,
    )


def _next_window(session: Session, message: Message, now: datetime) -> datetime:
    patient = session.get(Patient, message.patient_id) if message.patient_id else None
    zone = patient.time_zone if patient else session.get_one(Site, message.site_id).time_zone
    if TextKind(message.kind) not in outgoing.CONVERSING:
        return now + timedelta(seconds=SLOW_SECONDS)
    return timetable.next_opening(outgoing.next_midnight(now, zone), zone, message.kind)


def _give_up(session: Session, message: Message, reaction: delivery.Reaction, code: str, now: datetime) -> None:
    """Record a text that will not be sent again, and tell the person who can do something about it."""
    lost = message.state if message.state is MessageState.UNDELIVERED else MessageState.FAILED
    stopping.stop(session, message, lost, f"error_{code}" if code else "error", now, told=False)
    match reaction:
        case delivery.NumberUnusable():
            stopping.number_unusable(session, message, code, now)
        case delivery.ConfigurationAlert():
            day = f"{now:%Y-%m-%d}"
            stopping.tell(session, message, TaskKind.FIX, f"configuration_{code}", now, key=f"{code}|{day}")
        case delivery.AskCoordinator():
            stopping.tell(session, message, TaskKind.CHASE, "not_reached", now)
        case delivery.AlertOnRate():
            _alert_on_rate(session, message, now)
        case _:
            stopping.tell(session, message, TaskKind.FIX, "text_failed", now)


def _alert_on_rate(session: Session, message: Message, now: datetime) -> None:
    filtered, total = messages.share_with_error(session, message.error_code, now - timedelta(days=1))
    if filtered >= FILTERED_TO_ALERT and filtered >= FILTERED_SHARE * total:
        tasks.open_task(
            session,
            site_id=message.site_id,
            kind=TaskKind.FIX,
            reason="carrier_filtering",
            dedupe_key=f"carrier_filtering|{message.site_id}|{now:%Y-%m-%d}",
            urgent=True,
            now=now,
        )
