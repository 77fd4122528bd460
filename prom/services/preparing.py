"""Make one claimed text ready: the last look at everything that may have changed, its words, and the mark `sending`.

All of it is one transaction. When it is committed, the text either has a reason why it does not leave, or may be handed
to the provider until `latest_start`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypedDict

from sqlmodel import Session

from prom.config import Settings
from prom.domain import instruments, outgoing, timetable
from prom.domain.outgoing import About, Circumstances, Day, Expire, Go, Hold, Neighbour, Receiver, Suppress, Text
from prom.domain.timetable import TextKind
from prom.domain.wording import Overrides
from prom.services import questionnaires, rendering, stopping
from prom.storage import audit, channels, looks, messages, outbox, staff, tasks
from prom.storage.looks import Look, Seen
from prom.storage.models import EpisodeState, MessageKind, MessageState, PromptState, Site, TaskKind
from prom.storage.outbox import Claim
from prom.storage.session import vault_of
from prom.storage.vault import Vault

# A site never sends more than this in a minute unless the sender's rate is set higher: above it something runs wild.
MOST_A_MINUTE = 600.0
SLOWED_TO = 4.0
SPENT = "monthly_spend"
RAN_AWAY = "texts_ran_away"


@dataclass(slots=True)
class Desk:
    """What one run of the sender keeps between its texts: the settings, and each site's own wording."""

    settings: Settings
    own: dict[int, Overrides] = field(default_factory=dict)

    @property
    def paced(self) -> bool:
        """Return whether the sender has a rate: simulated phones take all at once."""
        return self.settings.gateway != "simulated"

    def wording(self, session: Session, site_id: int) -> Overrides:
        """Return a site's own texts."""
        if site_id not in self.own:
            self.own[site_id] = questionnaires.own_texts(session, site_id)
        return self.own[site_id]


@dataclass(frozen=True, slots=True)
class Ready:
    """A text marked `sending`, with all that the call needs; after `latest_start` it must be given back instead."""

    message_id: int
    site_id: int
    prompt_id: int | None
    asks: bool
    public_id: str
    phone_index: str
    to: str
    body: str
    validity_seconds: int
    sender: str
    sending_at: datetime
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


def prepare(session: Session, claim: Claim, desk: Desk, now: datetime) -> Prepared:
    """Look at a claimed text for the last time and mark it `sending`, or say why not."""
    channels.lock_phone(session, claim.phone_index)
    look = looks.claimed(session, claim)
    if look is None:
        return Kept()
    sender = _sender(session, look)
    if look.halted_at is not None or sender.halted_at is not None:
        return Halted()
    turn = channels.turn(sender, now)
    if desk.paced and not turn.mine:
        return Wait(turn.wait_seconds)
    phone_index = _where_to(session, look)
    seen = Circumstances(
        now=now,
        text=Text(
            id=look.message_id,
            kind=TextKind(look.kind),
            due_at=look.due_at,
            send_at=look.send_at,
            expires_at=look.expires_at,
            last_word=look.text_key in rendering.LAST_WORDS,
            uncounted=look.text_key in rendering.UNCOUNTED,
            any_hour=look.text_key in rendering.ANY_HOUR,
        ),
        receiver=_receiver(session, look, phone_index),
        about=_about(session, look, phone_index),
        **_beside(session, look, phone_index, now),
    )
    return _follow(session, _Leaving(claim, look, phone_index, sender), outgoing.verdict(seen), desk, now)


def _follow(session: Session, text: "_Leaving", verdict: outgoing.Verdict, desk: Desk, now: datetime) -> Prepared:
    look = text.look
    match verdict:
        case Hold(until, reason):
            _hold(session, look, until, reason)
        case Expire(reason):
            _stop(session, look.message_id, MessageState.EXPIRED, reason, now)
        case Suppress(reason):
            _stop(session, look.message_id, MessageState.SUPPRESSED, reason, now)
            if reason == outgoing.BY_PHONE:
                _ask_by_phone(session, look, now)
        case Go(instead_of):
            return _go(session, text, instead_of, desk, now)
    return Kept()


def _sender(session: Session, look: Look) -> channels.State:
    """Return the sender of a text as it stands: the shared one came with the look."""
    return channels.state(session, channels.of_sender(look.own_sender)) if look.own_sender else look.sender


def _ask_by_phone(session: Session, look: Look, now: datetime) -> None:
    """Put a question that the patient wants to be asked by telephone on the call list."""
    tasks.open_task(
        session,
        site_id=look.site_id,
        kind=TaskKind.CHASE,
        reason=outgoing.BY_PHONE,
        dedupe_key=f"{outgoing.BY_PHONE}|{look.prompt_public_id}",
        patient_id=look.patient_id,
        prompt_id=look.prompt_id,
        message_id=look.message_id,
        now=now,
    )


def _where_to(session: Session, look: Look) -> str:
    """Return the phone of a text: what opens or reminds goes to the number that the patient has today."""
    there = look.patient_phone_index
    if there is None or look.kind not in outbox.CONVERSING or there == look.phone_index:
        return look.phone_index
    channels.lock_phone(session, there)
    return there


def _receiver(session: Session, look: Look, phone_index: str) -> Receiver:
    return Receiver(
        look.zone,
        quiet_hours=look.quiet_hours,
        two_way=look.two_way,
        consented=look.patient_id is None or look.consented,
        opted_out=look.opted_out,
        withdrawn=look.withdrawn_on is not None,
        died=look.died_on is not None,
        number=_number_trouble(session, look, phone_index),
        paused_until=look.paused_until,
        by_phone=look.channel == "phone",
    )


def _number_trouble(session: Session, look: Look, phone_index: str) -> str:
    if look.patient_id is None:
        left = look.kind is MessageKind.STAFF and not staff.still_reads(session, look.message_id)
        return "staff_left" if left else ""
    if look.patient_phone_index is None:
        return "no_number"
    if look.patient_phone_index != phone_index and look.bound_sealed is None:
        # An answer belongs to the phone that asked, and the patient has left that phone.
        return "number_changed"
    return "number_unusable" if look.unusable_reason else ""


def _about(session: Session, look: Look, phone_index: str) -> About | None:
    if look.prompt_id is None or look.prompt_due_at is None or look.questions is None or _tells(look):
        return None
    overtaken = (
        look.kind is MessageKind.REMINDER
        and look.asked_at is not None
        and outbox.overtaken(session, phone_index, look.prompt_id, look.asked_at)
    )
    closed = _closed(look)
    # A question opened by us asks what is open then; one that follows an answer asks what was open when it was written.
    follows = bool(look.question) and look.kind not in outbox.CONVERSING
    asks = not follows or (not closed and look.questions.split()[look.position or 0 :][:1] == [look.question])
    return About(look.prompt_id, look.prompt_due_at, closed=closed, asks_now=asks, overtaken=overtaken)


def _tells(look: Look) -> bool:
    """Return whether a text only answers one of theirs: what was recorded is told although the prompt is answered."""
    asks = look.text_key in instruments.QUESTIONS or look.text_key.startswith("reask_")
    return look.kind is MessageKind.REPLY and not asks


def _closed(look: Look) -> str:
    if look.episode_state is EpisodeState.CANCELLED:
        return "procedure_cancelled"
    if look.prompt_state in {PromptState.PLANNED, PromptState.ASKED, PromptState.PARTLY}:
        return ""
    return look.prompt_reason or str(look.prompt_state)


class _Beside(TypedDict):
    neighbours: list[Neighbour]
    day: Day


def _beside(session: Session, look: Look, phone_index: str, now: datetime) -> _Beside:
    """Return what else is due to the phone, and what went there today."""
    midnight = outgoing.last_midnight(now, look.zone)
    others = looks.of_phone(session, phone_index, min(midnight, now - outgoing.APART), now)
    left = [(each, each.sending_at) for each in others if each.sending_at is not None]
    today = [each for each, at in left if at >= midnight and _counts(each)]
    opened = [
        at
        for each, at in left
        if each.kind in outbox.OPENING and each.is_open(now) and each.prompt_id != look.prompt_id
    ]
    opening = {each.prompt_id for each in today if each.kind in outbox.CONVERSING and each.prompt_id is not None}
    due = [each for each in others if each.id != look.message_id and each.is_due(now)]
    return {
        "neighbours": [
            Neighbour(each.id, TextKind(each.kind), each.due_at, each.send_at, each.prompt_id) for each in due
        ],
        "day": Day(texts=len(today), conversations=frozenset(opening), open_since=max(opened, default=None)),
    }


def _counts(each: Seen) -> bool:
    return each.kind is not MessageKind.EMERGENCY and each.text_key not in rendering.UNCOUNTED


def _hold(session: Session, look: Look, until: datetime, reason: str) -> None:
    message = outbox.locked(session, look.message_id)
    assert message is not None
    message.state, message.lease_until = MessageState.PENDING, None
    message.send_at, message.reason = until, reason
    session.flush()


def _stop(session: Session, message_id: int, state: MessageState, reason: str, now: datetime) -> None:
    message = outbox.locked(session, message_id)
    if message is not None and message.state in {MessageState.PENDING, MessageState.CLAIMED}:
        stopping.stop(session, message, state, reason, now)


@dataclass(frozen=True, slots=True)
class _Leaving:
    """A text that may leave, and where to."""

    claim: Claim
    look: Look
    phone_index: str
    sender: channels.State


def _go(session: Session, text: _Leaving, instead_of: tuple[int, ...], desk: Desk, now: datetime) -> Prepared:
    look = text.look
    words = rendering.words(session, look, desk.settings.public_url, desk.wording(session, look.site_id))
    if desk.paced:
        slow = SLOWED_TO if channels.is_slow(text.sender, now) else 1.0
        seconds, name = slow * words.segments / desk.settings.send_rate, channels.of_sender(look.own_sender)
        turn = channels.take_turn(session, seconds, now, text.sender, name)
        if not turn.mine:
            return Wait(turn.wait_seconds)
    if _has_spent(session, look, words.segments, now):
        hold_site(session, session.get_one(Site, look.site_id), SPENT, now)
        _hold(session, look, now + timedelta(minutes=1), SPENT)
        return Kept()
    for other_id in instead_of:
        _stop(session, other_id, MessageState.EXPIRED, "system_off", now)
    return _mark_sending(session, text, words, desk.settings, now)


def _mark_sending(
    session: Session, text: _Leaving, words: rendering.Words, settings: Settings, now: datetime
) -> Prepared:
    look, vault = text.look, vault_of(session)
    to = _number(vault, look)
    leaving = looks.Leaving(
        message_id=look.message_id,
        claimed_until=text.claim.lease_until,
        phone_index=text.phone_index,
        phone_sealed=vault.seal(look.key, messages.place("phone", look.public_id), to),
        body_sealed=vault.seal(look.key, messages.place("body", look.public_id), words.shown),
        segments=words.segments,
        sending_at=now,
        lease_until=now + timedelta(seconds=settings.lease_seconds),
    )
    if not looks.mark_sending(session, leaving):
        return Kept()
    spare = max(settings.lease_seconds / 4, settings.lease_seconds - settings.call_timeout_seconds - 1)
    return Ready(
        message_id=look.message_id,
        site_id=look.site_id,
        prompt_id=look.prompt_id,
        asks=look.kind in outbox.CONVERSING or bool(look.question),
        public_id=look.public_id,
        phone_index=text.phone_index,
        to=to,
        body=words.text,
        validity_seconds=timetable.validity_period(now, look.expires_at),
        sender=look.own_sender,
        sending_at=now,
        lease_until=leaving.lease_until,
        latest_start=now + timedelta(seconds=spare),
    )


def _number(vault: Vault, look: Look) -> str:
    if look.bound_sealed is not None and (look.patient_id is None or look.kind not in outbox.CONVERSING):
        return vault.open(look.key, messages.place("phone", look.public_id), look.bound_sealed)
    if look.patient_phone is None:
        raise ValueError("there is no number to send to")
    return vault.open(look.key, f"patient|phone|{look.patient_public_id}", look.patient_phone)


def _has_spent(session: Session, look: Look, segments: int, now: datetime) -> bool:
    """Tell whether a site would spend more than its month allows; answers and emergencies are never kept back."""
    if look.monthly_segments is None or look.kind in {MessageKind.EMERGENCY, MessageKind.REPLY}:
        return False
    spent = outbox.segments_since(session, look.site_id, outgoing.start_of_month(now, look.site_zone))
    return spent + segments > look.monthly_segments


def count_sent(session: Session, sent: Mapping[int, int], desk: Desk, now: datetime) -> None:
    """Count what the sites sent, and hold back one that sends more in a minute than anybody could have planned."""
    if not desk.paced:
        return
    for site_id, texts in sent.items():
        if not channels.count_of_site(session, site_id, texts, max(MOST_A_MINUTE, 120 * desk.settings.send_rate), now):
            hold_site(session, session.get_one(Site, site_id), RAN_AWAY, now)


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
