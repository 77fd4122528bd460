"""What the coordinator's pages call tasks, why they are there, and what to do about them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from flask import g
from flask_babel import ngettext
from sqlmodel import Session

from prom.services import attending
from prom.services.queueing import Advice, Card, Queue
from prom.services.undoing import Act
from prom.storage import patients
from prom.storage.models import MessageState, TaskKind
from prom.web.coordinator_blueprint import translated as _
from prom.web.coordinator_states import day_of, time_of, time_point, why_not

WAITING = frozenset({MessageState.PENDING, MessageState.CLAIMED})
NEVER_LEFT = frozenset({MessageState.EXPIRED, MessageState.SUPPRESSED})
TONES = {
    TaskKind.CALL: "alert",
    TaskKind.READ: "amber",
    TaskKind.FIX: "alert",
    TaskKind.CHASE: "amber",
    TaskKind.STOPPED: "quiet",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a task is there, and what a coordinator does about it."""

    words: str
    advice: str = ""


def kinds() -> dict[TaskKind, str]:
    """Return the kinds of tasks in order of action."""
    return {
        TaskKind.CALL: _("Call"),
        TaskKind.READ: _("Read"),
        TaskKind.FIX: _("Fix"),
        TaskKind.CHASE: _("Chase"),
        TaskKind.STOPPED: _("Stopped"),
    }


def red_flags() -> dict[str, str]:
    """Return the warning signs in words."""
    return {
        "self_harm": _("thoughts of self-harm"),
        "overdose": _("a possible overdose"),
        "breathing": _("trouble breathing"),
        "cardiac": _("chest pain"),
        "allergic": _("swelling or widespread hives"),
        "dural_headache": _("a headache on sitting up or standing"),
        "saddle": _("a numb saddle area"),
        "bladder_bowel": _("trouble passing urine or stool"),
        "neurological": _("new weakness or numbness"),
        "infection": _("fever or signs of infection"),
        "device": _("trouble with the device or wound"),
        "bleeding": _("bleeding"),
        "emergency": _("an emergency"),
        "emergency_number": _("an emergency number and nothing else"),
    }


def reason(key: str) -> Reason:
    """Return a task's reason in words."""
    if key.startswith("red_flag_"):
        sign = key.removeprefix("red_flag_")
        return Reason(
            _("Possible emergency: %(sign)s.", sign=red_flags().get(sign, sign.replace("_", " "))),
            _(
                "Call now. If they cannot be reached, call the emergency number of their country and tell the "
                "physician on duty."
            ),
        )
    if key.startswith("configuration_"):
        return Reason(
            _("The provider refuses texts: error %(code)s.", code=key.removeprefix("configuration_")),
            _("This is a setting of the text channel. Tell the administrator; no patient did anything wrong."),
        )
    return _reasons().get(key, Reason(_("A person should look at this: %(key)s.", key=key.replace("_", " "))))


def _reasons() -> dict[str, Reason]:
    """Return all reasons in the language of the page; made once a request, a page of the queue asks forty times."""
    if "task_reasons" not in g:
        g.task_reasons = _calls() | _reads() | _unbound() | _channel() | _silences()
    found: dict[str, Reason] = g.task_reasons
    return found


def _calls() -> dict[str, Reason]:
    return {
        "call_me": Reason(_("Asked to be called."), _("Call, and write down what was wanted.")),
        "help_me": Reason(_("Wrote that they need help."), _("Call: the text alone does not say how urgent it is.")),
        "death": Reason(
            _("Somebody wrote that the patient has died. Questions are paused."),
            _("Call the family with care. Then record the death on the schedule page; it ends all texts."),
        ),
        "hospital": Reason(
            _("Wrote about a hospital stay."), _("Call, and tell the physician if it may follow from the procedure.")
        ),
        "complaint": Reason(_("Wrote a complaint."), _("Call, listen, and write down what was said.")),
        "distress": Reason(_("Sounds distressed."), _("Call the same day; tell the physician if you are worried.")),
        "asked_by_phone": Reason(
            _("Is asked by phone instead of text, as agreed."),
            _("Call and ask the questions below, in these words; record what they say."),
        ),
        "emergency_not_texted": Reason(
            _("The emergency text could not be sent to this phone."), _("Nobody has answered them yet: call now.")
        ),
    }


def _reads() -> dict[str, Reason]:
    ask = _("If the text states one number without doubt, record it; otherwise call and ask.")
    return {
        "unreadable": Reason(_("The answer could not be read with certainty."), ask),
        "not_understood": Reason(_("The text could not be read at all; the fault is ours."), ask),
        "encoded": Reason(_("The text arrived garbled."), _("Call and ask: a garbled text is never a score.")),
        "picture": Reason(_("Sent a picture."), _("Pictures are never scored. Call if the words do not explain it.")),
        "late_reply": Reason(
            _("Answered when no question was open."),
            _("Recorded here it keeps its true day and is never given to a later question."),
        ),
        "unexpected_reply": Reason(_("Sent a number before any question."), _("Usually nothing to record.")),
        "late_correction": Reason(_("Wants to change an answer after its days were over."), ask),
        "correction_out_of_range": Reason(_("Wants to change an answer to a number outside its scale."), ask),
        "number_with_opt_out": Reason(_("Stopped texts and gave a number in the same text."), ask),
        "note_with_opt_out": Reason(_("Stopped texts and wrote a note."), _("Read it; call if it needs an answer.")),
        "maybe_opt_out": Reason(
            _("May want no more texts."), _("Ask. If so, withdraw the consent to texts on the schedule page.")
        ),
        "long_note": Reason(_("Wrote a long note."), _("Read it; call if it needs an answer.")),
        "too_long": Reason(_("Wrote more than we read by machine."), _("Read it; call if it needs an answer.")),
        "page_note": Reason(_("Left a note on the answer page."), _("Read it; call if it needs an answer.")),
        "denied_sign": Reason(
            _("Named a warning sign and said it is absent or over."), _("Read it with care; call when in doubt.")
        ),
        "symptom": Reason(_("Wrote about a symptom."), _("Tell the physician if it may follow from the procedure.")),
        "medicine": Reason(_("Wrote about medicines."), _("Tell the physician; record a co-treatment if it is one.")),
        "treatment": Reason(
            _("Wrote about a treatment."), _("Tell the physician; record it on the schedule page if it is one.")
        ),
        "question": Reason(_("Asked a question."), _("Answer by text on the messages page, or call.")),
        "appointment": Reason(_("Wrote about an appointment."), _("Answer by text, or call.")),
        "reading": Reason(_("Sent a measurement that is no pain score."), _("Tell the physician if it is alarming.")),
        "pause": Reason(_("Questions are paused."), _("Ask until when; resume on the schedule page.")),
        "resume": Reason(_("Wants questions again."), _("Resume on the schedule page.")),
    }


def _unbound() -> dict[str, Reason]:
    whose = _("Say whose text it is; nothing is recorded before that.")
    return {
        "unmatched_sender": Reason(_("From a number that belongs to no patient."), whose),
        "shared_phone": Reason(_("From a phone that several patients share."), whose),
        "sender_unconfirmed": Reason(
            _("Answered while it is not sure who holds the phone."), _("Call and ask who answers.")
        ),
        "wrong_number": Reason(
            _("Says this is the wrong number. Questions are paused."),
            _("Find the right number, change it here, then resume on the schedule page."),
        ),
        "proxy": Reason(_("Somebody else seems to answer for the patient."), _("Ask who answers, and for whom.")),
        "no_consent": Reason(
            _("Sent a score without a consent to texts."), _("Record the consent first if the patient gives it.")
        ),
        "start_after_withdrawal": Reason(
            _("Texted START after withdrawing consent."),
            _("A text never renews a consent: ask, and record a new one on the schedule page."),
        ),
        "number_unusable": Reason(
            _("This number takes no texts."), _("Ask for another number by other means and change it here.")
        ),
    }


def _channel() -> dict[str, Reason]:
    system = _("Tell the administrator: this concerns all patients of the site.")
    return {
        "text_failed": Reason(_("A text failed for good."), _("Send it again, or call.")),
        "carrier_filtering": Reason(_("Carriers are filtering our texts."), system),
        "monthly_spend": Reason(_("The month's limit of texts is reached: questions are held."), system),
        "texts_ran_away": Reason(_("Too many texts in a minute: the site's texts are held."), system),
        "outcome_unknown": Reason(
            _("Nobody knows whether a text arrived."), _("It is not sent again by itself. Call, or send it again.")
        ),
        "channel_halted": Reason(
            _("The provider refuses all our texts; they wait, and it is asked again every minute."), system
        ),
        "low_balance": Reason(_("The credit at the text provider is low: texts will stop."), system),
        "staff_not_texted": Reason(
            _("A text to somebody of the staff did not leave."), _("Tell them by other means, and check their number.")
        ),
        "not_reached": Reason(_("Texts do not reach this phone."), _("Call, and ask whether the number is right.")),
    }


def _silences() -> dict[str, Reason]:
    return {
        "no_answer": Reason(
            _("No answer."), _("Call and ask the question below, in these words; record what they say.")
        ),
        "opted_out": Reason(
            _("Stopped texts. Nothing more is sent to this phone."),
            _(
                "Only START from that phone opens it again. Answers by phone still count. If the patient leaves the "
                "follow-up as well, record that on the schedule page."
            ),
        ),
        "consent_withdrawn": Reason(
            _("Took a consent back on their own page."),
            _(
                "The patient's consents say which one. Nothing that needs it goes on; only they can give it again, "
                "so do not press them."
            ),
        ),
    }


def outcomes(*, urgent: bool) -> list[tuple[str, str]]:
    """Return what a call can come to."""
    again = _("No answer: try again in 15 minutes") if urgent else _("No answer: try again in three hours")
    return [
        ("reached", _("Reached")),
        ("declined", _("Reached, does not want to answer this time")),
        ("no_answer", again),
        ("call_back", _("Call back at another time")),
        ("wrong_number", _("Wrong number: somebody else answered")),
    ]


def acts(session: Session, possible: Iterable[Act], seen: Queue) -> list[tuple[str, int]]:
    """Return what may be taken back beside the tasks just closed, in words, each with the id of its act."""
    closed = {task.patient_id for task in seen.undoable if task.outcome == attending.NUMBER_CHANGED_HERE}
    found = []
    for one in possible:
        name = patients.name(session, one.patient) or patients.record_number(session, one.patient)
        if one.action == attending.ASSIGNED:
            found.append((_("A text was given to %(name)s", name=name), one.entry.id))
        elif one.patient.id not in closed:
            found.append((_("The number of %(name)s was changed", name=name), one.entry.id))
    return found


def why(card: Card) -> str:
    """Return the line of a card that says why it is there."""
    words = reason(card.task.reason).words
    asked = card.asked
    if card.task.reason == "no_answer" and asked is not None and asked.last_at is not None:
        words = ngettext(
            "No answer to the question of %(point)s: asked once, on %(at)s.",
            "No answer to the question of %(point)s: asked %(num)s times, the last on %(at)s.",
            asked.texts,
            point=time_point(asked.prompt.time_point),
            at=day_of(asked.last_at, card.zone),
        )
    if card.task.reason == "asked_by_phone" and asked is not None:
        words = _(
            "Is asked by phone, as agreed: the questions of %(point)s, until %(day)s.",
            point=time_point(asked.prompt.time_point),
            day=day_of(asked.prompt.closes_at - timedelta(seconds=1), card.zone),
        )
    if card.advice is not None:
        words = f"{words} {told(card.advice, card.zone)}"
    if card.error_code:
        return _("%(words)s (error %(code)s)", words=words, code=card.error_code)
    return words


def told(advice: Advice, zone: str) -> str:
    """Return what somebody in a possible emergency was told by machine, or that nobody has told them anything."""
    message = advice.message
    if advice.on_page:
        return _("Their page showed the emergency advice.")
    if message is None:
        return _("No emergency text answers this one: one left in the half hour before, or none may go to this phone.")
    if message.state in WAITING:
        return _("The emergency text has not left yet.")
    if message.state in NEVER_LEFT or message.sending_at is None:
        return _("The emergency text was not sent: %(why)s.", why=why_not(message.reason) or _("no reason given"))
    at = time_of(message.sending_at, zone)
    if message.state is MessageState.UNKNOWN:
        return _("Nobody knows whether the emergency text of %(at)s arrived.", at=at)
    if message.state in {MessageState.UNDELIVERED, MessageState.FAILED}:
        return _("The emergency text of %(at)s did not arrive.", at=at)
    return _("The emergency text left at %(at)s.", at=at)
