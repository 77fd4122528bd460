"""Whether a text that is due may leave now: the last look, taken just before it is sent.

Between the planning of a text and its hour a patient may have opted out, answered, paused, moved or died, and the
system itself may have slept for days. Every text that does not go out says why. What kept it back is either the
patient's (an answer, a wish) or ours (an outage, a full day); only the first may ever count as silence.

Sources:
    [P] SMS rules, table of kinds: hours, caps (3 conversations that we open a day, 5 in an hourly diary, 20 texts in
        all) and what is sent while all is held or after an opt-out. An answer is worth sending for 15 minutes.
    [P] Two prompts to one phone are kept 2 hours apart while the first is unanswered; a prompt that waited longer than
        that met an outage, after which one phone gets one prompt, the newest.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from prom.domain import timetable
from prom.domain.timetable import TextKind

CONVERSATIONS_A_DAY = 3
CONVERSATIONS_A_DAY_IN_DIARY = 5
TEXTS_A_DAY = 20
APART = timedelta(hours=2)
WAITED_THROUGH_OUTAGE = timedelta(hours=2)

BY_PHONE = "asked_by_phone"

OPENING = frozenset({TextKind.PROMPT, TextKind.DIARY, TextKind.CONFIRMATION})
CONVERSING = OPENING | {TextKind.REMINDER}


@dataclass(frozen=True, slots=True)
class Go:
    """It may leave; `instead_of` are texts to the same phone that waited through an outage and are dropped for it."""

    instead_of: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """It must wait until an instant, and is looked at again then."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Expire:
    """It will not be sent because of us or of the time: the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Suppress:
    """It will not be sent because of the patient: the reason."""

    reason: str


Verdict = Go | Hold | Expire | Suppress


@dataclass(frozen=True, slots=True)
class Text:
    """The text itself.

    `last_word` marks the one confirmation of an opt-out, `uncounted` what no cap counts (answers to STOP and HELP),
    `any_hour` what does not wait for the morning (an urgent word to staff).
    """

    id: int
    kind: TextKind
    due_at: datetime
    send_at: datetime
    expires_at: datetime
    last_word: bool = False
    uncounted: bool = False
    any_hour: bool = False


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who would get it, as things stand now.

    `number` is empty, or why there is no number to send to; `by_phone` means that a person asks the questions by
    telephone, as the patient wished.
    """

    zone: str
    quiet_hours: bool = True
    two_way: bool = True
    consented: bool = True
    opted_out: bool = False
    withdrawn: bool = False
    died: bool = False
    number: str = ""
    paused_until: datetime | None = None
    by_phone: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """The prompt it speaks of.

    `closed` is empty, or why the prompt takes no answer; `asks_now` tells whether its question is still the open one,
    `overtaken` whether a newer prompt went to the phone since.
    """

    prompt_id: int
    due_at: datetime
    closed: str = ""
    asks_now: bool = True
    overtaken: bool = False


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another text of a conversation that is due to the same phone."""

    id: int
    kind: TextKind
    due_at: datetime
    send_at: datetime
    prompt_id: int | None


@dataclass(frozen=True, slots=True)
class Day:
    """What went to the phone since local midnight, and when another prompt was last opened and stays unanswered."""

    texts: int = 0
    conversations: frozenset[int] = frozenset()
    open_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that the last look sees."""

    now: datetime
    text: Text
    receiver: Receiver
    about: About | None = None
    neighbours: Collection[Neighbour] = ()
    day: Day = Day()


def verdict(seen: Circumstances) -> Verdict:
    """Return whether a text may leave now."""
    for rule in _RULES:
        found = rule(seen)
        if found is not None:
            return found
    return Go(tuple(each.id for each in seen.neighbours) if _after_outage(seen) else ())


def _in_time(seen: Circumstances) -> Verdict | None:
    return Expire("too_late") if seen.now >= seen.text.expires_at else None


def _wanted_by_person(seen: Circumstances) -> Verdict | None:
    to = seen.receiver
    if to.died:
        return Suppress("died")
    if seen.text.last_word:
        return Suppress(to.number) if to.number else None
    if _to_be_called(seen):
        # No text goes out anyway, so what keeps texts from this phone does not keep a person from calling.
        return Suppress("withdrawn") if to.withdrawn else None
    for stands, reason in ((to.withdrawn, "withdrawn"), (to.opted_out, "opted_out"), (not to.consented, "no_consent")):
        if stands:
            return Suppress(reason)
    return Suppress(to.number) if to.number else None


def _still_asked(seen: Circumstances) -> Verdict | None:
    about = seen.about
    if about is None or seen.text.kind is TextKind.EMERGENCY:
        return None
    if about.closed and seen.text.kind in CONVERSING:
        return Suppress(about.closed)
    if not about.asks_now:
        return Suppress(about.closed or "answered")
    if seen.text.kind in OPENING and about.due_at > seen.now:
        return _later(seen, about.due_at, "moved")
    return None


def _not_paused(seen: Circumstances) -> Verdict | None:
    until = seen.receiver.paused_until
    if until is None or until <= seen.now or seen.text.kind not in CONVERSING:
        return None
    return Suppress("paused") if until >= seen.text.expires_at else Hold(until, "paused")


def _newest_of_phone(seen: Circumstances) -> Verdict | None:
    text, about = seen.text, seen.about
    if text.kind not in CONVERSING:
        return None
    if text.kind is TextKind.REMINDER and (_rivals(seen) or (about is not None and about.overtaken)):
        return Suppress("overtaken")
    if _after_outage(seen) and any((each.due_at, each.id) > (text.due_at, text.id) for each in _rivals(seen)):
        return Expire("system_off")
    return None


def _rivals(seen: Circumstances) -> list[Neighbour]:
    """Return the other prompts that are due to this phone: reminders give way to them."""
    mine = seen.about.prompt_id if seen.about else None
    return [each for each in seen.neighbours if each.kind in OPENING and each.prompt_id != mine]


def _after_outage(seen: Circumstances) -> bool:
    """Tell whether this text or one beside it waited so long that only an outage explains it."""
    if seen.text.kind not in CONVERSING or not seen.neighbours:
        return False
    ready = min(seen.text.send_at, *(each.send_at for each in seen.neighbours))
    return seen.now - ready > WAITED_THROUGH_OUTAGE


def _in_hours(seen: Circumstances) -> Verdict | None:
    kind, zone = seen.text.kind, seen.receiver.zone
    free = seen.text.any_hour or not seen.receiver.quiet_hours
    if free or not timetable.quiet(seen.now, zone, kind):
        return None
    return _later(seen, timetable.next_opening(seen.now, zone, kind), "quiet_hours")


def _by_phone(seen: Circumstances) -> Verdict | None:
    return Suppress(BY_PHONE) if _to_be_called(seen) else None


def _to_be_called(seen: Circumstances) -> bool:
    """Tell whether this is a question that a person asks by telephone."""
    return seen.receiver.by_phone and seen.about is not None and seen.text.kind in CONVERSING


def _apart(seen: Circumstances) -> Verdict | None:
    text, since = seen.text, seen.day.open_since
    if not seen.receiver.two_way or since is None or text.kind not in CONVERSING or text.kind is TextKind.DIARY:
        return None
    return _later(seen, since + APART, "other_prompt_open") if seen.now < since + APART else None


def _under_caps(seen: Circumstances) -> Verdict | None:
    text, day = seen.text, seen.day
    if text.uncounted or text.kind is TextKind.EMERGENCY:
        return None
    most = CONVERSATIONS_A_DAY_IN_DIARY if text.kind is TextKind.DIARY else CONVERSATIONS_A_DAY
    mine = seen.about.prompt_id if seen.about else None
    if text.kind in CONVERSING and mine not in day.conversations and len(day.conversations) >= most:
        return _later(seen, _next_day(seen), "cap_conversations")
    return _later(seen, _next_day(seen), "cap_texts") if day.texts >= TEXTS_A_DAY else None


def next_midnight(now: datetime, zone: str) -> datetime:
    """Return when the next local day begins."""
    return timetable.instant_of(datetime.combine(timetable.local(now, zone).date() + timedelta(days=1), time()), zone)


def last_midnight(now: datetime, zone: str) -> datetime:
    """Return when the local day began."""
    return timetable.instant_of(datetime.combine(timetable.local(now, zone).date(), time()), zone)


def start_of_month(now: datetime, zone: str) -> datetime:
    """Return when the local calendar month began."""
    return timetable.instant_of(datetime.combine(timetable.local(now, zone).date().replace(day=1), time()), zone)


def _next_day(seen: Circumstances) -> datetime:
    zone = seen.receiver.zone
    midnight = next_midnight(seen.now, zone)
    return timetable.next_opening(midnight, zone, seen.text.kind) if seen.receiver.quiet_hours else midnight


def _later(seen: Circumstances, until: datetime, reason: str) -> Verdict:
    return Hold(until, reason) if until < seen.text.expires_at else Expire(reason)


_RULES: tuple[Callable[[Circumstances], Verdict | None], ...] = (
    _in_time,
    _wanted_by_person,
    _still_asked,
    _not_paused,
    _newest_of_phone,
    _in_hours,
    _by_phone,
    _apart,
    _under_caps,
)
