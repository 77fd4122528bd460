"""What one text from a patient does: the rules of the conversation, apart from databases and phones.

`respond` takes where the conversation stands and what the text turned out to be, and returns the effects in order. It
never sends and never stores: the service applies the effects.

Sources:
    [P] SMS rules: at most 2 re-asks a prompt, then the link, then people; one emergency text in 30 minutes; a
        correction while the prompt's window is open, later a person; auto-replies never cause a text; only START or
        UNSTOP re-opens a stopped phone, and never a withdrawn consent.
"""

from dataclasses import dataclass
from datetime import timedelta

from prom.domain import replies

MOST_REASKS = 2
EMERGENCY_APART = timedelta(minutes=30)
HELP_APART = timedelta(days=1)
CORRECTION_TIME = timedelta(minutes=30)
LATER_HOURS = 3
PAUSE_DAYS = 7
STOP_KEYWORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
HELP_KEYWORDS = frozenset({"HELP", "INFO"})

Value = int | tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Where a phone's conversation stands when a text comes in.

    `open_question` is the question that takes a plain reply now, None when none does. `last_answer` is the question a
    correction would change, None when there is none or its window is over; `last_value` its value while it is fresh,
    so that a number sent twice is not two things. `asked_before` says that a prompt was asked
    at all, so that a plain number is late rather than unexpected.
    """

    open_question: str | None = None
    following: str | None = None
    reasks: int = 0
    has_link: bool = False
    last_answer: str | None = None
    last_value: int | None = None
    asked_before: bool = False
    echo: str = "last"
    stopped: bool = False
    consented: bool = True
    known: bool = True
    shared: bool = False
    emergency_sent: bool = False
    help_sent: bool = False
    carrier_answers: bool = False


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """The answer to a question counts."""

    question: str
    value: Value


@dataclass(frozen=True, slots=True)
class Correct:
    """The last answer is replaced; the history stays."""

    question: str
    value: Value


@dataclass(frozen=True, slots=True)
class Say:
    """One text goes back; `question` names what it asks, if anything."""

    text_key: str
    question: str = ""
    last_word: bool = False


@dataclass(frozen=True, slots=True)
class AskAgain:
    """The open question is asked once more, for the nth time."""

    question: str
    nth: int


@dataclass(frozen=True, slots=True)
class ForPeople:
    """A person reads it: why, the score to offer with one tap, and how soon."""

    reason: str
    candidate: int | float | None = None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class RedFlag:
    """A possible emergency is put before people at once."""

    kind: str


@dataclass(frozen=True, slots=True)
class StopTexts:
    """The phone is stopped and all that waits for it is taken out."""


@dataclass(frozen=True, slots=True)
class Reopen:
    """The phone may be texted again."""


@dataclass(frozen=True, slots=True)
class PausePrompts:
    """No prompts: for some days when the patient asked for it, else until staff resume."""

    reason: str


@dataclass(frozen=True, slots=True)
class AskLater:
    """The open question comes again after some hours, if its window is still open then."""

    hours: int = LATER_HOURS


Effect = StoreAnswer | Correct | Say | AskAgain | ForPeople | RedFlag | StopTexts | Reopen | PausePrompts | AskLater
Effects = tuple[Effect, ...]


def respond(talk: Conversation, reply: replies.Reply) -> Effects:  # noqa: C901, PLR0911 - one case an outcome
    """Return what one text does, in order."""
    match reply:
        case replies.Ignore():
            return ()
        case replies.RedFlag():
            return _red_flag(talk, reply)
        case replies.OptOut():
            return _opt_out(talk, reply)
        case replies.OptIn():
            return _opt_in(talk)
        case replies.Help():
            return () if talk.help_sent or talk.carrier_answers or talk.stopped else (Say("help"),)
        case replies.Pause():
            return (PausePrompts("asked"), *_unless_stopped(talk, Say("pause_done")))
        case replies.Later():
            return _later(talk)
        case replies.ForPeople():
            return _for_people(talk, reply)
        case replies.Score():
            return _score(talk, reply)
        case replies.AskAgain():
            return _ask_again(talk, reply)


def _unless_stopped(talk: Conversation, *effects: Effect) -> Effects:
    return () if talk.stopped or not talk.consented else effects


def _red_flag(talk: Conversation, reply: replies.RedFlag) -> Effects:
    stops = talk.stopped or "opt_out" in reply.also
    key = "emergency_self_harm" if reply.kind == "self_harm" else "emergency"
    # After an opt-out not even the emergency text goes out: people must call.
    text: Effects = () if stops or talk.emergency_sent else (Say(key),)
    leave: Effects = (StopTexts(),) if "opt_out" in reply.also else ()
    return (RedFlag(reply.kind), *text, *leave)


def _opt_out(talk: Conversation, reply: replies.OptOut) -> Effects:
    # The carrier has answered its own keywords already: a second confirmation would be a text after STOP.
    confirm: Effects = () if talk.stopped or talk.carrier_answers else (Say("opt_out_done", last_word=True),)
    number: Effects = () if reply.candidate is None else (ForPeople("number_with_opt_out", reply.candidate),)
    return (StopTexts(), *confirm, *number)


def _opt_in(talk: Conversation) -> Effects:
    if not talk.consented:
        return (ForPeople("start_after_withdrawal"),)
    if not talk.stopped:
        return ()
    return (Reopen(), *(() if talk.carrier_answers else (Say("opt_in_done"),)))


def _later(talk: Conversation) -> Effects:
    if talk.open_question is None:
        return ()
    return (AskLater(), *_unless_stopped(talk, Say("later_done")))


ACKNOWLEDGED = {"call_me": "call_me_done", "wrong_number": "wrong_number_done"}


def _for_people(talk: Conversation, reply: replies.ForPeople) -> Effects:
    pause: Effects = (PausePrompts(reply.reason),) if "pause" in reply.also else ()
    task = ForPeople(reply.reason, reply.candidate, urgent=reply.reason in {"death", "hospital", "call_me"})
    key = ACKNOWLEDGED.get(reply.reason)
    return (task, *pause, *(_unless_stopped(talk, Say(key)) if key else ()))


def _score(talk: Conversation, reply: replies.Score) -> Effects:
    if "correction" in reply.also:
        return _correction(talk, reply)
    if talk.open_question is None:
        return _unexpected(talk, reply.value)
    if talk.following is not None:
        return (StoreAnswer(talk.open_question, reply.value), Say(talk.following, talk.following))
    return (StoreAnswer(talk.open_question, reply.value), *_unless_stopped(talk, Say("thanks", talk.open_question)))


def _correction(talk: Conversation, reply: replies.Score) -> Effects:
    if talk.last_answer is None:
        return (ForPeople("late_correction", _offered(reply.value)), *_unless_stopped(talk, Say("too_late_correction")))
    done = _unless_stopped(talk, Say("correction_done", talk.last_answer))
    return (Correct(talk.last_answer, reply.value), *(() if talk.following else done))


def _unexpected(talk: Conversation, value: Value) -> Effects:
    """A number that answers nothing open is kept for people; it is never given to another prompt."""
    if not talk.known:
        return (ForPeople("unmatched_sender", _offered(value)),)
    if talk.last_value is not None and talk.last_value == value:
        return ()
    if talk.shared:
        return (ForPeople("shared_phone", _offered(value)),)
    return (ForPeople("late_reply" if talk.asked_before else "unexpected_reply", _offered(value)),)


def _offered(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def _ask_again(talk: Conversation, reply: replies.AskAgain) -> Effects:
    if talk.open_question is None:
        reason = "shared_phone" if talk.shared else "unreadable" if talk.known else "unmatched_sender"
        return (ForPeople(reason, reply.candidate),)
    if talk.reasks < MOST_REASKS:
        return (AskAgain(talk.open_question, talk.reasks + 1),)
    link = _unless_stopped(talk, Say("link_offer")) if talk.has_link and talk.reasks == MOST_REASKS else ()
    return (ForPeople("unreadable", reply.candidate), *link)
