"""What the settings pages call texts, groups and reasons."""

from prom.domain import wording
from prom.web.settings_site import translated as _

GROUPS = ("emergency", "opening", "questions", "links", "again", "recorded", "answers", "notes", "staff")


def groups() -> dict[str, str]:
    """Return the groups of texts, in the order of the page."""
    return {
        "emergency": _("Emergencies"),
        "opening": _("Around a question, and reminders"),
        "questions": _("Questions"),
        "links": _("Texts with a link"),
        "again": _("Asking again"),
        "recorded": _("What was recorded"),
        "answers": _("Answers to what a patient wishes"),
        "notes": _("Texts that staff send by hand"),
        "staff": _("Texts to staff"),
    }


def title(key: str) -> str:
    """Return the name of a text for people."""
    known = {
        "nrs": _("Pain in the last 24 hours"),
        "nrs_current": _("Pain right now"),
        "pgic": _("Change since before (PGIC)"),
        "relief_percent": _("Relief in percent"),
        "csi_item": _("One CSI item by its topic"),
        "opening": _("First question of a prompt"),
        "opening_link": _("First question, with the link to all"),
        "chained": _("Next question behind a doubtful answer"),
        "reminder_24h": _("Reminder after a day"),
        "reminder_72h": _("Reminder after three days"),
        "confirmation": _("Asking again after a bad score"),
        "link_ready": _("Questions on a page"),
        "link_reminder_24h": _("Reminder with the link, after a day"),
        "link_reminder_72h": _("Reminder with the link, after three days"),
        "link_offer": _("The link after unreadable replies"),
        "consent_link": _("Link to the consent page"),
        "baseline_link": _("Link to the questions before the procedure"),
        "new_link": _("A new link"),
        "echo": _("What was recorded, before the next question"),
        "thanks": _("Thanks with what was recorded"),
        "thanks_many": _("Thanks after several questions"),
        "thanks_plain": _("Thanks"),
        "thanks_chart": _("Thanks with the link to the own chart"),
        "correction_done": _("A correction was recorded"),
        "too_late_correction": _("A correction came too late"),
        "late_reply": _("A reply came too late"),
        "help": _("Answer to HELP"),
        "opt_out_done": _("Answer to STOP"),
        "opt_out_emergency": _("Answer to STOP with a warning sign"),
        "opt_out_self_harm": _("Answer to STOP with a hint of self-harm"),
        "opt_in_done": _("Answer to START"),
        "opt_in_refused": _("START after a withdrawal"),
        "pause_done": _("Answer to PAUSE"),
        "resumed": _("Texts go on"),
        "later_done": _("Answer to LATER"),
        "wrong_number_done": _("Answer to WRONG NUMBER"),
        "call_me_done": _("Answer to CALL ME"),
        "for_people_ack": _("A person will read it"),
        "emergency": _("Warning sign: what to do"),
        "emergency_self_harm": _("Hint of self-harm: what to do"),
        "test_text": _("Test text"),
        "note_call_us": _("Please call us"),
        "note_tried_to_call": _("We tried to call"),
        "note_appointment": _("About an appointment"),
        "note_answered": _("Your message was read"),
        "staff_digest": _("The morning's counts"),
        "staff_urgent": _("Something urgent waits"),
        "red_flags": _("List of warning signs"),
    }
    return known.get(key) or _counted(key)


def _counted(key: str) -> str:
    """Return the names of the texts that come in rows."""
    words = key.replace("_", " ")
    for start, named in (
        ("csi_item_", _("CSI item %(rest)s")),
        ("csi_", _("CSI sheet, items %(rest)s")),
        ("peg_", _("PEG, question %(rest)s")),
        ("label_", _("Name of an answer: %(rest)s")),
        ("reask_1_", _("First time asked again: %(rest)s")),
        ("reask_2_", _("Second time asked again: %(rest)s")),
    ):
        if key.startswith(start):
            return named % {"rest": key.removeprefix(start).replace("_", "-")}
    return words[:1].upper() + words[1:]


def language_name(code: str) -> str:
    """Return a language's name."""
    return wording.language(code).name


def held_reason(reason: str) -> str:
    """Return why texts are held, in words."""
    known = {
        "restored": _("a backup was put back"),
        "monthly_spend": _("the month's limit of segments is reached"),
        "texts_ran_away": _("too many texts in a minute"),
        "low_balance": _("the provider's credit runs out"),
    }
    return known.get(reason, reason.replace("_", " "))


def variables() -> dict[str, str]:
    """Return what each variable of a text stands for."""
    return {
        "clinic": _("the clinic's name in texts"),
        "question": _("the question"),
        "link": _("the patient's own link"),
        "place": _("where the pain is, for example your left knee"),
        "topic": _("the topic of the item"),
        "phone": _("the number patients may call"),
        "emergency_number": _("the number for emergencies in the clinic's country"),
        "recorded": _("what was recorded, for example pain 4"),
        "echo": _("the sentence with what was recorded"),
        "value": _("the number answered"),
        "item": _("the number of the item"),
        "digits": _("how many digits are expected"),
        "days": _("for how many days texts rest"),
        "hours": _("in how many hours the question comes again"),
        "label": _("the clinic's name in texts"),
        "losing": _("patients who may be losing relief"),
        "new": _("new answers to look at"),
        "call": _("calls to make"),
    }
