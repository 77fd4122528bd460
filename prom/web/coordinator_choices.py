"""The lists that the coordinator's forms offer, in words."""

from prom.domain import procedures, wording
from prom.services import enrolments
from prom.storage.models import CoTreatmentKind, EventKind, Purpose
from prom.web.coordinator_blueprint import translated as _

Options = list[tuple[str, str]]


def events() -> Options:
    """Return what may happen to a procedure."""
    return [
        (EventKind.REPEAT, _("Repeated, same site and side")),
        (EventKind.SURGERY, _("Surgery, same site and side")),
        (EventKind.EXPLANT_LOSS, _("Explanted: relief lost")),
        (EventKind.EXPLANT_OTHER, _("Explanted: another reason")),
        (EventKind.OPTOUT, _("Leaves the follow-up")),
        (EventKind.DEATH, _("Has died")),
    ]


def treatments() -> Options:
    """Return the treatments beside a procedure."""
    return [
        (CoTreatmentKind.ANTIDEPRESSANT, _("Antidepressant")),
        (CoTreatmentKind.ANTICONVULSANT, _("Anticonvulsant (gabapentinoid)")),
        (CoTreatmentKind.REHABILITATION, _("Rehabilitation")),
        (CoTreatmentKind.CBT, _("Cognitive behavioural therapy")),
        (CoTreatmentKind.OTHER, _("Other")),
    ]


def purposes() -> dict[Purpose, str]:
    """Return what a patient may agree to."""
    return {
        Purpose.TEXTING: _("Texts"),
        Purpose.DATA_USE: _("Use of the answers"),
        Purpose.CAREGIVER: _("A carer answers"),
    }


def methods() -> Options:
    """Return how a consent may be given."""
    return [
        ("paper", _("Signed on paper")),
        ("tablet", _("On the clinic's tablet")),
        ("phone", _("Said on the phone, noted")),
    ]


def languages() -> Options:
    """Return the languages a patient may be enrolled in, by their own names."""
    return [(code, wording.language(code).name) for code in wording.LANGUAGES]


def kinds() -> Options:
    """Return the procedures."""
    return [(key, procedures.procedure(key).label) for key in procedures.PROCEDURES]


def sides() -> Options:
    """Return the sides of a procedure."""
    known = {
        "": _("Not given"),
        "left": _("Left"),
        "right": _("Right"),
        "both": _("Both"),
        "midline": _("Midline"),
    }
    return [(key, known.get(key, key)) for key in enrolments.SIDES]


def indications() -> Options:
    """Return why a procedure is done."""
    known = {
        "": _("Not given"),
        "osteoarthritis": _("Osteoarthritis"),
        "spinal": _("Spinal pain"),
        "neuropathic": _("Neuropathic pain"),
        "crps": _("Complex regional pain syndrome"),
        "other": _("Other"),
    }
    return [(key, known.get(key, key)) for key in enrolments.INDICATIONS]


def sexes() -> Options:
    """Return the sexes that may be recorded."""
    known = {"F": _("Female"), "M": _("Male"), "X": _("Other")}
    return [("", _("Not told")), *((key, known.get(key, key)) for key in enrolments.SEXES)]


def states() -> dict[str, str]:
    """Return where a procedure stands."""
    return {"planned": _("Planned"), "done": _("Done"), "cancelled": _("Cancelled")}
