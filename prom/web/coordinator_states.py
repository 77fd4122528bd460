"""What the coordinator's pages call time points, questions, and the states of texts and prompts with their reasons."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from prom.domain import instruments, timetable
from prom.domain.instruments import Scale
from prom.services.entering import Target
from prom.storage.models import Message, MessageKind, MessageState, Prompt, PromptState
from prom.web.coordinator_blueprint import translated as _

CANNOT_BE_WRITTEN = "cannot_be_written"
# The words of the plan for an hour of the diary at which nobody is asked.
QUIET_HOURS = "quiet_hours"


def day_of(instant: datetime, zone: str) -> str:
    """Return a day such as 12 May."""
    there = timetable.local(instant, zone)
    return f"{there.day} {there:%b}"


def time_of(instant: datetime, zone: str) -> str:
    """Return a time such as 14:05."""
    return f"{timetable.local(instant, zone):%H:%M}"


def time_point(key: str) -> str:
    """Return a time point in words: day 14, hour 6, 7 days before, confirmation on day 17."""
    plain, _dot, again = key.partition(".")
    if plain == "before":
        words = _("before the procedure")
    elif plain.startswith("h"):
        words = _("hour %(number)s", number=plain[1:])
    elif plain.startswith("d-"):
        words = _("%(number)s days before", number=plain[2:]) if plain != "d-1" else _("the day before")
    elif plain.startswith("c"):
        words = _("confirmation on day %(number)s", number=plain[1:].lstrip("+"))
    else:
        words = _("day %(number)s", number=plain[1:])
    return _("%(words)s, asked again", words=words) if again else words


def question(key: str) -> str:
    """Return what a question asks, in few words."""
    known = {
        "nrs": _("average pain, last 24 hours"),
        "nrs_current": _("pain right now"),
        "pgic": _("impression of change"),
        "relief_percent": _("percent relief"),
        "peg_1": _("pain, past week"),
        "peg_2": _("enjoyment of life"),
        "peg_3": _("usual activities"),
    }
    if key in known:
        return known[key]
    asked = instruments.question(key)
    if asked.own:
        form = instruments.instrument(asked.instrument)
        return f"{form.name} {asked.stored_item}" if asked.stored_item else form.name
    items = asked.items
    return _("CSI items %(first)s to %(last)s", first=items[0], last=items[-1]) if len(items) > 1 else key


def questions(prompt: Prompt) -> str:
    """Return what a prompt asks, in few words; the CSI's five sheets are one thing."""
    keys = prompt.questions.split()
    sheets = [key for key in keys if instruments.question(key).scale is Scale.CSI5]
    words = [question(key) for key in keys if key not in sheets]
    return ", ".join([*words, *([_("CSI by sheet")] if sheets else [])])


def scale(key: str) -> str:
    """Return which numbers a question takes."""
    asked = instruments.question(key)
    known: dict[Scale, Callable[[], str]] = {
        Scale.NRS: lambda: _("0 no pain to 10 worst imaginable"),
        Scale.PGIC: lambda: _("1 very much better to 7 very much worse"),
        Scale.PERCENT: lambda: _("0 to 100 percent less pain"),
        Scale.CSI: lambda: _("0 never to 4 always"),
        Scale.CSI5: lambda: _("%(count)s signs, 0 never to 4 always, X left out", count=len(asked.items)),
        Scale.WHOLE: lambda: _("%(low)s to %(high)s", low=asked.low, high=asked.high),
    }
    return known[asked.scale]()


def aim(target: Target) -> str:
    """Return what a number would be recorded for."""
    words = _("%(question)s, %(point)s", question=question(target.question), point=time_point(target.prompt.time_point))
    return _("change the answer: %(words)s", words=words) if target.correction else words


@dataclass(frozen=True, slots=True)
class State:
    """A state in words with its tone, and the reason of what did not happen."""

    words: str
    tone: str = "quiet"
    why: str = ""

    @property
    def line(self) -> str:
        """Return the state and its reason in one line."""
        return f"{self.words}: {self.why}" if self.why else self.words


def reasons() -> dict[str, str]:
    """Return the reasons why something was not sent, delivered or asked, in words."""
    return {
        "window_over": _("its days were over"),
        "too_late": _("it was too late"),
        "before_enrolment": _("its days were over at enrolment"),
        "no_consent": _("no consent to texts"),
        "consent_withdrawn": _("consent withdrawn"),
        "opted_out": _("the phone asked us to stop"),
        "paused": _("questions are paused"),
        "died": _("the patient has died"),
        "death": _("the patient has died"),
        "withdrawn": _("the patient left the follow-up"),
        "system_off": _("our system was off"),
        "not_in_plan": _("no longer in the plan"),
        "procedure_cancelled": _("the procedure was cancelled"),
        "not_done_yet": _("the procedure is not marked done"),
        "quiet_hours": _("quiet hours"),
        "other_prompt_open": _("another question is open"),
        "cap_conversations": _("three conversations a day at most"),
        "cap_texts": _("twenty texts a day at most"),
        "overtaken": _("a newer question was asked"),
        "moved": _("the date was moved"),
        "answered": _("answered already"),
        "missed": _("its days were over"),
        "asked_by_phone": _("the patient wants to be asked by phone: a call is on the list"),
        "staff_left": _("this person works here no longer or has another number"),
        "outcome_unknown": _("nobody knows whether it arrived"),
        "sent_again": _("it did not arrive and is sent once more"),
        "lease_ran_out": _("the sender stopped in the middle; it is being looked for"),
        "number_unusable": _("the number takes no texts"),
        "number_changed": _("the number was changed"),
        "no_number": _("no number is known"),
        "channel_halted": _("the text channel was halted"),
        "held": _("texts were held"),
        "restored": _("held after a restore until somebody releases them"),
        "wrong_number": _("somebody else answers this number"),
        "monthly_spend": _("the month's limit was reached"),
        "texts_ran_away": _("too many texts in a minute"),
        "not_reached": _("the provider could not be reached"),
        "repeat": _("the procedure was repeated"),
        "surgery": _("surgery at the same site"),
        "explant_loss": _("explanted for loss of relief"),
        "explant_other": _("explanted for another reason"),
        "optout": _("the patient left the follow-up"),
        "no_text": _("no text was made for it"),
        "no_longer_suspected": _("the scores no longer call for it"),
        "merged": _("two records of one person were made one"),
        "link_replaced": _("a newer link took its place"),
        "not_sent": _("its question was not sent by us"),
        "cancelled": _("its question was cancelled"),
        "undelivered": _("the phone did not take it, without a code"),
        "failed": _("the provider gave it up, without a code"),
        "canceled": _("the provider took it back"),
        "error": _("an error without a code"),
        "doubtful_sid": _("the provider confused it with another text"),
    }


def why_not(key: str) -> str:
    """Return why something was not sent, delivered or asked."""
    if key.startswith(("error_", "limit_", "halted_")):
        code = key.partition("_")[2]
        return _("error %(code)s", code=code) if code else reasons()["error"]
    if key.startswith(CANNOT_BE_WRITTEN):
        return _("it could not be written; the fault is ours")
    return reasons().get(key, key.replace("_", " "))


def text_state(message: Message, zone: str) -> State:
    """Return what became of a text, with the reason of a non-send."""
    at = f"{day_of(message.send_at, zone)}, {timetable.local(message.send_at, zone):%H:%M}"
    reason_words = why_not(message.reason) if message.reason else ""
    match message.state:
        case MessageState.PENDING | MessageState.CLAIMED:
            return State(_("leaves %(at)s", at=at), "info", reason_words)
        case MessageState.SENDING:
            return State(_("leaving now"), "info")
        case MessageState.UNKNOWN:
            return State(_("nobody knows yet whether it arrived"), "amber")
        case MessageState.ACCEPTED | MessageState.SENT:
            return State(_("sent, delivery not confirmed"))
        case MessageState.DELIVERED:
            return State(_("delivered"), "good")
        case MessageState.UNDELIVERED:
            return State(_("not delivered"), "alert", reason_words or _("no reason given"))
        case MessageState.FAILED:
            return State(_("failed"), "alert", reason_words or _("no reason given"))
        case _:
            return State(_("not sent"), "amber", reason_words or _("no reason given"))


def text_name(message: Message) -> str:
    """Return what a text that was never written says, in few words."""
    if message.text_key == "free":
        return _("A text in your own words")
    if message.kind is MessageKind.REMINDER:
        return _("Reminder")
    if message.text_key in instruments.QUESTIONS:
        return _("Question: %(words)s", words=question(message.text_key))
    return _("Text: %(key)s", key=message.text_key.replace("_", " "))


def prompt_state(prompt: Prompt, now: datetime) -> State:
    """Return where a question stands."""
    words = why_not(prompt.reason) if prompt.reason else ""
    match prompt.state:
        case PromptState.ANSWERED:
            return State(_("answered"), "good")
        case PromptState.PARTLY:
            over = prompt.closes_at <= now
            return State(_("partly answered") if over else _("partly answered, still open"), "info")
        case PromptState.ASKED:
            return State(_("asked, waiting for the answer"), "info")
        case PromptState.MISSED:
            return State(_("asked, no answer"), "amber")
        case PromptState.NOT_SENT:
            name = _("not asked") if prompt.reason == QUIET_HOURS else _("not sent by us")
            return State(name, "amber", words or _("no reason given"))
        case PromptState.CANCELLED:
            return State(_("cancelled"), why=words)
        case _:
            return State(_("planned"))
