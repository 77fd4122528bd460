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
from prom.domain.reply_outcomes import CORRECTION, HUMAN_REVIEW, OPT_OUT, PAUSE

MOST_REASKS = 2
EMERGENCY_APART = timedelta(minutes=30)
HELP_APART = timedelta(days=1)
ACKNOWLEDGED_APART = timedelta(days=1)
CORRECTION_TIME = timedelta(minutes=30)
LATER_HOURS = 3
PAUSE_DAYS = 7
STOP_KEYWORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
HELP_KEYWORDS = frozenset({"HELP", "INFO"})

CARRIER_KEYWORDS = STOP_KEYWORDS | HELP_KEYWORDS | {"START", "YES", "UNSTOP"}
# Readings that are certain enough to store and doubtful enough to be said back: "none", and a label with one slip.
DOUBTFUL_RULES = frozenset({"score.no_pain", "score.label_slip"})
FILLER_RULE = "ask_again.filler"

Value = int | tuple[int | None, ...]


def answered_by_carrier(text: str) -> bool:
    """Tell whether carriers answer a text themselves: a keyword of theirs as the whole message, in any case."""
    return text.strip().upper() in CARRIER_KEYWORDS


@dataclass(frozen=True, slots=True)
class Conversation:
    """Where a phone's conversation stands when a text comes in.

    `open_question` is the question that takes a plain reply now, None when none does. `last_answer` is the question a
    correction would change, None when there is none or its window is over; `last_value` its value while it is fresh,
    so that a number sent twice is not two things. `asked_before` says that a prompt was asked
    at all, so that a plain number is late rather than unexpected.

    `question_reached` is False while the open question is still on its way: no text can be its answer yet.
    `held_by_people` says that staff must first confirm who is answering, `paused` that the patient asked for a pause.
    `acknowledge` allows a word of thanks for a note, which is said once a day so that two machines never talk.
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
    question_reached: bool = True
    link_offered: bool = False
    may_ask_later: bool = True
    acknowledge: bool = False
    paused: bool = False
    held_by_people: bool = False

    def __post_init__(self) -> None:
        if self.reasks < 0:
            raise ValueError(f"{self.reasks} re-asks cannot be")
        if self.following is not None and self.open_question is None:
            raise ValueError(f"{self.following} cannot follow when no question is open")

    @property
    def silent(self) -> bool:
        """Tell whether nothing may be texted to this phone."""
        return self.stopped or not self.consented


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """The answer to a question counts; a doubtful reading of it is said back with the next text."""

    question: str
    value: Value
    doubtful: bool = False


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
    """A possible emergency is put before people at once, with the score to offer with one tap, if one was stated."""

    kind: str
    candidate: int | float | None = None


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
class ResumePrompts:
    """The patient ends the pause they asked for."""


@dataclass(frozen=True, slots=True)
class AskLater:
    """The open question comes again after some hours, if its window is still open then."""

    hours: int = LATER_HOURS


Effect = (
    StoreAnswer
    | Correct
    | Say
    | AskAgain
    | ForPeople
    | RedFlag
    | StopTexts
    | Reopen
    | PausePrompts
    | ResumePrompts
    | AskLater
)
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
            return () if talk.help_sent or talk.carrier_answers else _said(talk, "help")
        case replies.Pause():
            return (PausePrompts("asked"), *_said(talk, "pause_done"))
        case replies.Later():
            return _later(talk)
        case replies.ForPeople():
            return _for_people(talk, reply)
        case replies.Score():
            return _score(talk, reply)
        case replies.AskAgain():
            return _ask_again(talk, reply)


def corrected(reply: replies.Reply, as_correction: replies.Reply) -> replies.Reply:
    """Return which of two readings of one text holds.

    `reply` was read on the scale of the open question, `as_correction` on that of the last answer. A correction
    speaks of the answer that was given, so it is read on that answer's scale: CHANGE 9 after a pain score stays a 9
    while the next question takes 1 to 7.
    """
    unclear = isinstance(reply, replies.AskAgain) or corrects(reply)
    return as_correction if unclear and corrects(as_correction) else reply


def corrects(reply: replies.Reply) -> bool:
    """Tell whether a text changes an answer that was given before."""
    return isinstance(reply, replies.Score) and CORRECTION in reply.also


def _said(talk: Conversation, text_key: str, question: str = "") -> Effects:
    return () if talk.silent else (Say(text_key, question),)


def _red_flag(talk: Conversation, reply: replies.RedFlag) -> Effects:
    flag = RedFlag(reply.kind, reply.candidate)
    harm = reply.kind in SELF_HARM
    if OPT_OUT in reply.also and not talk.silent:
        # The one confirmation that a stop allows carries the emergency advice; nothing else may follow it.
        last = "opt_out_self_harm" if harm else "opt_out_emergency"
        return (flag, StopTexts(), Say(last, last_word=True))
    # After an opt-out or a withdrawal not even the emergency text goes out: people must call.
    told = talk.silent or talk.emergency_sent
    if OPT_OUT in reply.also and not talk.stopped:
        return (flag, StopTexts())
    return (flag,) if told else (flag, Say("emergency_self_harm" if harm else "emergency"))


def _opt_out(talk: Conversation, reply: replies.OptOut) -> Effects:
    # The carrier has answered its own keywords already: a second confirmation would be a text after STOP.
    confirm: Effects = () if talk.stopped or talk.carrier_answers else (Say("opt_out_done", last_word=True),)
    return (StopTexts(), *confirm, *_beside_opt_out(reply))


def _beside_opt_out(reply: replies.OptOut) -> Effects:
    if reply.candidate is not None:
        return (ForPeople("number_with_opt_out", reply.candidate),)
    return (ForPeople("note_with_opt_out"),) if HUMAN_REVIEW in reply.also else ()


def _opt_in(talk: Conversation) -> Effects:
    if not talk.consented:
        return (ForPeople("start_after_withdrawal"),)
    resumed: Effects = (ResumePrompts(),) if talk.paused else ()
    if not talk.stopped:
        return (*resumed, *_said(talk, "resumed")) if resumed else ()
    return (Reopen(), *resumed, *(() if talk.carrier_answers else (Say("opt_in_done"),)))


def _later(talk: Conversation) -> Effects:
    if talk.open_question is None:
        return ()
    if talk.may_ask_later:
        return (AskLater(), *_said(talk, "later_done"))
    # Its window closes before we would ask again: the page can be answered at any hour until then.
    return _link(talk)


def _link(talk: Conversation) -> Effects:
    # The offer names its question: the link is that prompt's, and it is not sent when an answer came meanwhile.
    return _said(talk, "link_offer", talk.open_question or "") if talk.has_link and not talk.link_offered else ()


OWN_ANSWER = {"call_me": "call_me_done", "wrong_number": "wrong_number_done"}
# A machine's thanks would hurt the bereaved, and mean nothing to another machine.
NO_THANKS = frozenset({"death", "encoded"})
URGENT = frozenset({"death", "hospital", "call_me", "help_me"})
SELF_HARM = frozenset({"self_harm"})


def _for_people(talk: Conversation, reply: replies.ForPeople) -> Effects:
    pause: Effects = (PausePrompts(reply.reason),) if PAUSE in reply.also else ()
    task = ForPeople(reply.reason, reply.candidate, urgent=reply.reason in URGENT)
    key = OWN_ANSWER.get(reply.reason) or ("for_people_ack" if _may_thank(talk, reply.reason) else "")
    return (task, *pause, *(_said(talk, key) if key else ()))


def _may_thank(talk: Conversation, reason: str) -> bool:
    return talk.acknowledge and talk.known and reason not in NO_THANKS


def _score(talk: Conversation, reply: replies.Score) -> Effects:
    if not talk.consented:
        return (ForPeople("no_consent", _offered(reply.value)),)
    if talk.held_by_people:
        return (ForPeople("sender_unconfirmed", _offered(reply.value)),)
    if corrects(reply):
        return _correction(talk, reply)
    if talk.open_question is None or not talk.question_reached:
        return _unexpected(talk, reply.value)
    stored = StoreAnswer(talk.open_question, reply.value, doubtful=reply.rule in DOUBTFUL_RULES)
    if talk.following is not None:
        return (stored, *_said(talk, talk.following, talk.following))
    # A clinic may want only doubtful readings said back; the end is then a plain word of thanks.
    plain = talk.echo == "doubtful" and not stored.doubtful
    return (stored, *_said(talk, "thanks_plain" if plain else "thanks", talk.open_question))


def _correction(talk: Conversation, reply: replies.Score) -> Effects:
    if talk.last_answer is None:
        return (ForPeople("late_correction", _offered(reply.value)), *_said(talk, "too_late_correction"))
    return (Correct(talk.last_answer, reply.value), *_said(talk, "correction_done", talk.last_answer))


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
        return _unreadable(talk, reply)
    if talk.silent or talk.held_by_people or not talk.question_reached:
        return (ForPeople("unreadable", reply.candidate),)
    if talk.reasks < MOST_REASKS:
        return (AskAgain(talk.open_question, talk.reasks + 1),)
    return (*_link(talk), ForPeople("unreadable", reply.candidate))


def _unreadable(talk: Conversation, reply: replies.AskAgain) -> Effects:
    """A text that is no score when no question is open: nothing is asked, a bare word of thanks needs nobody."""
    if reply.rule == FILLER_RULE and talk.known:
        return ()
    reason = "shared_phone" if talk.shared else "unreadable" if talk.known else "unmatched_sender"
    return (ForPeople(reason, reply.candidate),)
