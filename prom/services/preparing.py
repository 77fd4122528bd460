"""Make one claimed text ready: the last look at everything that may have changed, its words, and the mark `sending`.

All of it is one transaction. When it is committed, the text either has a reason why it does not leave, or may be handed
to the provider until `latest_start`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlmodel import Session

from prom.config import Settings
from prom.domain import instruments, outgoing, timetable
from prom.domain.outgoing import About, Circumstances, Day, Expire, Go, Hold, Neighbour, Receiver, Suppress, Text
from prom.domain.timetable import TextKind
from prom.services import rendering, stopping
from prom.storage import audit, channels, messages, outbox, patients, tasks
from prom.storage.models import EpisodeState, Message, MessageKind, MessageState, Prompt, PromptState, Site, TaskKind
from prom.storage.outbox import Claim, Facts
from prom.storage.session import vault_of

# A site never sends more than this in a minute unless the sender's rate is set higher: above it something runs wild.
MOST_A_MINUTE = 600.0
SLOWED_TO = 4.0
SPENT = "monthly_spend"
RAN_AWAY = "texts_ran_away"


@dataclass(frozen=True, slots=True)
class Ready:
    """A text marked `sending`, with all that the call needs; after `latest_start` it must be given back instead."""

    message_id: int
    public_id: str
    phone_index: str
    to: str
    body: str
    validity_seconds: int
    lease_until: datetime
    latest_start: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """Another text has the sender's turn; this one is still claimed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Halted:
    """The channel was halted meanwhile; this text is still claimed."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The text does not leave now: held, expired, suppressed or taken by another worker."""


Prepared = Ready | Wait | Halted | Kept


def prepare(session: Session, claim: Claim, settings: Settings, now: datetime) -> Prepared:
    """Look at a claimed text for the last time and mark it `sending`, or say why not."""
    channel = channels.main(session)
    if channel.halted_at is not None:
        return Halted()
    turn = channels.turn(channel, now) if paced(settings) else channels.Turn(mine=True)
    if not turn.mine:
        return Wait(turn.wait_seconds)
    channels.lock_phone(session, claim.phone_index)
    facts = outbox.facts(session, claim)
    if facts is None:
        return Kept()
    _follow_number(session, facts)
    match outgoing.verdict(_circumstances(session, facts, now)):
        case Hold(until, reason):
            _hold(facts.message, until, reason)
        case Expire(reason):
            stopping.stop(session, facts.message, MessageState.EXPIRED, reason, now)
        case Suppress(reason):
            stopping.stop(session, facts.message, MessageState.SUPPRESSED, reason, now)
        case Go(instead_of):
            return _go(session, facts, instead_of, settings, now)
    return Kept()


def paced(settings: Settings) -> bool:
    """Tell whether the sender has a rate: simulated phones take all at once."""
    return settings.gateway != "simulated"


def _follow_number(session: Session, facts: Facts) -> None:
    """Point a text that opens or reminds at the number the patient has today."""
    message, patient = facts.message, facts.patient
    if patient is None or message.kind not in outbox.CONVERSING or patient.phone_index is None:
        return
    if patient.phone_index != message.phone_index:
        channels.lock_phone(session, patient.phone_index)
        message.phone_index = patient.phone_index


def _circumstances(session: Session, facts: Facts, now: datetime) -> Circumstances:
    message = facts.message
    zone = facts.patient.time_zone if facts.patient else facts.site.time_zone
    conversing = message.kind in outbox.CONVERSING
    beside = outbox.due_beside(session, message, now) if conversing else []
    return Circumstances(
        now=now,
        text=Text(
            id=message.id,
            kind=TextKind(message.kind),
            due_at=message.due_at,
            send_at=message.send_at,
            expires_at=message.expires_at,
            last_word=message.text_key in rendering.LAST_WORDS,
            uncounted=message.text_key in rendering.UNCOUNTED,
        ),
        receiver=_receiver(facts, zone),
        about=_about(session, facts),
        neighbours=[
            Neighbour(each.id, TextKind(each.kind), each.due_at, each.send_at, each.prompt_id) for each in beside
        ],
        day=_day(session, message, zone, now),
    )


def _receiver(facts: Facts, zone: str) -> Receiver:
    patient, site = facts.patient, facts.site
    if patient is None:
        return Receiver(zone, quiet_hours=site.quiet_hours, two_way=site.two_way, opted_out=facts.opted_out)
    return Receiver(
        zone,
        quiet_hours=site.quiet_hours,
        two_way=site.two_way,
        consented=facts.consented,
        opted_out=facts.opted_out,
        withdrawn=patient.withdrawn_on is not None,
        died=patient.died_on is not None,
        number=_number_trouble(facts),
        paused_until=patient.paused_until,
    )


def _number_trouble(facts: Facts) -> str:
    message, patient = facts.message, facts.patient
    if patient is None:
        return ""
    if patient.phone_index is None:
        return "no_number"
    if patient.phone_index != message.phone_index and message.phone_sealed is None:
        # An answer belongs to the phone that asked, and the patient has left that phone.
        return "number_changed"
    return "number_unusable" if patient.unusable_reason else ""


def _about(session: Session, facts: Facts) -> About | None:
    prompt, message = facts.prompt, facts.message
    if prompt is None or _tells(message):
        return None
    overtaken = (
        message.kind is MessageKind.REMINDER
        and prompt.asked_at is not None
        and outbox.overtaken(session, message, prompt.asked_at)
    )
    asks = not message.question or message.kind in outbox.CONVERSING or message.question == _open_question(prompt)
    return About(prompt.id, prompt.due_at, closed=_closed(facts), asks_now=asks, overtaken=overtaken)


def _tells(message: Message) -> bool:
    """Return whether a text only answers one of theirs: what was recorded is told although the prompt is answered."""
    asks = message.text_key in instruments.QUESTIONS or message.text_key.startswith("reask_")
    return message.kind is MessageKind.REPLY and not asks


def _open_question(prompt: Prompt) -> str | None:
    questions = prompt.questions.split()
    live = prompt.state in {PromptState.PLANNED, PromptState.ASKED, PromptState.PARTLY}
    return questions[prompt.position] if live and prompt.position < len(questions) else None


def _closed(facts: Facts) -> str:
    prompt, episode = facts.prompt, facts.episode
    if prompt is None or (episode is not None and episode.state is EpisodeState.CANCELLED):
        return "procedure_cancelled"
    if prompt.state in {PromptState.PLANNED, PromptState.ASKED, PromptState.PARTLY}:
        return ""
    return prompt.reason or prompt.state.value


def _day(session: Session, message: Message, zone: str, now: datetime) -> Day:
    midnight = outgoing.last_midnight(now, zone)
    earlier = outbox.earlier_to(session, message.phone_index, min(midnight, now - outgoing.APART), now)
    today = [each for each in earlier if each.sending_at >= midnight and _counts(each)]
    opened = [
        each.sending_at
        for each in earlier
        if each.kind in outbox.OPENING and each.prompt_open and each.prompt_id != message.prompt_id
    ]
    opening = {each.prompt_id for each in today if each.kind in outbox.CONVERSING and each.prompt_id is not None}
    return Day(texts=len(today), conversations=frozenset(opening), open_since=max(opened, default=None))


def _counts(each: outbox.Earlier) -> bool:
    return each.kind is not MessageKind.EMERGENCY and each.text_key not in rendering.UNCOUNTED


def _hold(message: Message, until: datetime, reason: str) -> None:
    message.state, message.lease_until = MessageState.PENDING, None
    message.send_at, message.reason = until, reason


def _go(session: Session, facts: Facts, instead_of: tuple[int, ...], settings: Settings, now: datetime) -> Prepared:
    message, site = facts.message, facts.site
    words = rendering.words(session, facts, settings.public_url)
    if paced(settings):
        slow = SLOWED_TO if channels.is_slow(channels.main(session), now) else 1.0
        turn = channels.take_turn(session, slow * words.segments / settings.send_rate, now)
        if not turn.mine:
            return Wait(turn.wait_seconds)
    if not _within_site_limits(session, message, site, words.segments, settings, now):
        return Kept()
    for other_id in instead_of:
        other = outbox.locked(session, other_id)
        if other is not None and other.state in {MessageState.PENDING, MessageState.CLAIMED}:
            stopping.stop(session, other, MessageState.EXPIRED, "system_off", now)
    return _mark_sending(session, facts, words, settings, now)


def _mark_sending(session: Session, facts: Facts, words: rendering.Words, settings: Settings, now: datetime) -> Ready:
    message = facts.message
    vault, key = vault_of(session), messages.key_of(session, message)
    to = _number(session, facts)
    message.phone_sealed = vault.seal(key, messages.place("phone", message.public_id), to)
    message.body_sealed = vault.seal(key, messages.place("body", message.public_id), words.shown)
    message.segments = words.segments
    message.state, message.reason = MessageState.SENDING, ""
    message.sending_at, message.lease_until = now, now + timedelta(seconds=settings.lease_seconds)
    message.attempt += 1
    spare = max(settings.lease_seconds / 4, settings.lease_seconds - settings.call_timeout_seconds - 1)
    session.flush()
    return Ready(
        message_id=message.id,
        public_id=message.public_id,
        phone_index=message.phone_index,
        to=to,
        body=words.text,
        validity_seconds=timetable.validity_period(now, message.expires_at),
        lease_until=message.lease_until,
        latest_start=now + timedelta(seconds=spare),
    )


def _number(session: Session, facts: Facts) -> str:
    bound = messages.phone(session, facts.message)
    if facts.patient is None or (bound and facts.message.kind not in outbox.CONVERSING):
        return bound
    return patients.phone(session, facts.patient) or ""


def _within_site_limits(
    session: Session, message: Message, site: Site, segments: int, settings: Settings, now: datetime
) -> bool:
    """Hold back a whole site, and say so, when it sends too much in a minute or has spent its month."""
    if message.kind is MessageKind.EMERGENCY:
        return True
    reason = ""
    if not channels.count_of_site(session, site.id, max(MOST_A_MINUTE, 120 * settings.send_rate), now):
        reason = RAN_AWAY
    elif site.monthly_segments is not None and message.kind is not MessageKind.REPLY:
        month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        if outbox.segments_since(session, site.id, month) + segments > site.monthly_segments:
            reason = SPENT
    if not reason:
        return True
    hold_site(session, site, reason, now)
    _hold(message, now + timedelta(minutes=1), reason)
    return False


def hold_site(session: Session, site: Site, reason: str, now: datetime) -> None:
    """Hold back the texts of a site until a person releases it, and tell them."""
    if not channels.hold(session, reason, now, channels.site_name(site.id)):
        return
    audit.record(session, audit.CLOCK, "texts held", site, now, reason=reason)
    tasks.open_task(
        session,
        site_id=site.id,
        kind=TaskKind.FIX,
        reason=reason,
        dedupe_key=f"{reason}|{site.id}|{now:%Y-%m-%d}",
        urgent=True,
        now=now,
    )
