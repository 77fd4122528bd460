"""What the clinician's pages call things: answers and their history, reasons, causes, findings."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from prom.charts import timeline
from prom.domain.sensitization import Leaning, Phenotype
from prom.services.reviewing_views import AnswerLine, Mark, PatientView, PromptMark
from prom.storage.models import AlertKind, CoTreatmentKind
from prom.web import coordinator_states
from prom.web.clinician_blueprint import translated as _


class Kind(NamedTuple):
    """How a kind of alert is called and coloured."""

    words: str
    tone: str


class Cause(NamedTuple):
    """One line of the review: its key, what to consider (empty: a conclusion only), and the conclusion."""

    key: str
    question: str
    conclusion: str


def kinds() -> dict[str, Kind]:
    """Return the words and tone of each kind of alert, worst first."""
    return {
        AlertKind.RED_FLAG.value: Kind(_("Red flag"), "alert"),
        AlertKind.RED.value: Kind(_("Relief lost"), "alert"),
        # One score may raise it, so it is a flag to look at and never in the colours of a loss.
        AlertKind.DETERIORATION.value: Kind(_("Worse than before"), "info"),
        AlertKind.AMBER.value: Kind(_("Relief waning"), "amber"),
        AlertKind.NOT_ANSWERING.value: Kind(_("Not answering"), "info"),
    }


def causes() -> list[Cause]:
    """Return the checklist of a review in its order."""
    return [
        Cause("target", _("Was the target right?"), _("Target")),
        Cause("technique", _("Was the technique sound: needle place, lesion, imaging?"), _("Technique")),
        Cause("new_source", _("Is there a new source of pain?"), _("New pain source")),
        Cause("sensitization", _("Are there signs of sensitization?"), _("Symptoms related to sensitization")),
        Cause("mood_sleep", _("Have mood or sleep changed?"), _("Mood or sleep")),
        Cause("no_co_treatment", _("Is a co-treatment absent or stopped?"), _("Co-treatment absent")),
        Cause("other", "", _("Other")),
        Cause("unknown", "", _("Not known")),
    ]


@dataclass(frozen=True, slots=True)
class Findings:
    """What the sensitization card calls leanings and fields."""

    phenotype: dict[Phenotype, str]
    leanings: list[tuple[Leaning, str]]

    def fields(self, names: Iterable[str]) -> str:
        """Return the names of fields as a list in words."""
        known = {
            "csi": "CSI",
            "ppt_site_kpa": _("pressure threshold at the site"),
            "ppt_remote_kpa": _("pressure threshold, remote"),
            "paindetect": "painDETECT",
            "dn4": "DN4",
            "phq4": "PHQ-4",
        }
        return ", ".join(known.get(name, name.replace("_", " ")) for name in names)


def findings() -> Findings:
    """Return the words of the sensitization card."""
    return Findings(
        phenotype={
            Phenotype.PERIPHERAL_LEANING: _("Findings lean peripheral"),
            Phenotype.MIXED: _("Findings lean both ways"),
            Phenotype.CENTRAL_LEANING: _("Findings lean central"),
            Phenotype.NOT_ENOUGH: _("No finding leans either way"),
        },
        leanings=[
            (Leaning.CENTRAL, _("Associated with central sensitization")),
            (Leaning.PERIPHERAL, _("Associated with peripheral sensitization")),
            (Leaning.NEITHER, _("Leaning neither way")),
        ],
    )


def question(line: AnswerLine) -> str:
    """Return what was asked."""
    known = {
        "nrs": _("Current pain") if line.series == "current" else _("Average pain, 24 h"),
        "pgic": _("Impression of change, 1 best to 7"),
        "relief_percent": _("Stated relief, percent"),
        "csi_total": _("CSI total"),
    }
    return known.get(line.instrument, f"{line.instrument.replace('_', ' ')} {line.item or ''}".strip())


def treatments() -> dict[str, str]:
    """Return the kinds of treatment beside a procedure."""
    return {
        CoTreatmentKind.ANTIDEPRESSANT.value: _("Antidepressant"),
        CoTreatmentKind.ANTICONVULSANT.value: _("Anticonvulsant (gabapentinoid)"),
        CoTreatmentKind.REHABILITATION.value: _("Rehabilitation"),
        CoTreatmentKind.CBT.value: _("Cognitive behavioural therapy"),
        CoTreatmentKind.OTHER.value: _("Other treatment"),
    }


def sentence(words: str) -> str:
    """Return what a service says is wrong, in the language of the page where the catalogue has it."""
    return _(words)


def ways() -> dict[str, str]:
    """Return the ways in which answers come in."""
    return {
        "sms": _("text"),
        "link": _("secure page"),
        "phone": _("phone call"),
        "clinic": _("in the clinic"),
        "import": _("file"),
    }


def source(line: AnswerLine) -> str:
    """Return how an answer came in."""
    words = ways().get(line.source, line.source)
    return _("%(how)s, answered by somebody else", how=words) if line.proxy else words


def state(line: AnswerLine) -> str:
    """Return whether an answer is in force."""
    known = {
        "current": _("in force"),
        "corrected": _("corrected"),
        "struck": _("struck out"),
        "second": _("second answer, kept beside"),
    }
    return known.get(line.state, line.state)


def unanswered(seen: PatientView) -> list[tuple[str, str]]:
    """Return each question that is over or open without an answer, and why, in words."""
    return [
        (_("Day %(day)s", day=timeline.when(prompt.day).removeprefix("day ")), _mark(prompt))
        for prompt in seen.prompts
        if prompt.mark in {Mark.NO_REPLY, Mark.NOT_SENT, Mark.OPEN}
    ]


def _mark(prompt: PromptMark) -> str:
    if prompt.mark is Mark.OPEN:
        return _("asked, the answer may still come")
    if prompt.mark is Mark.NO_REPLY:
        return _("asked, no reply within its days")
    if prompt.reason == coordinator_states.QUIET_HOURS:
        return _("not asked: quiet hours")
    return _("not sent by us: %(reason)s", reason=_reason(prompt.reason))


def _reason(key: str) -> str:
    known = {
        "": _("its days went by unasked"),
        "window_over": _("its days were over before it could be asked"),
        "before_enrolment": _("it was due before enrolment"),
        "too_late": _("it could not leave within its days"),
        "no_consent": _("no consent to texts"),
        "opted_out": _("the patient stopped texts"),
        "paused": _("texts were paused"),
        "died": _("the patient has died"),
        "withdrawn": _("the patient left follow-up"),
        "system_off": _("the system was off"),
        "not_in_plan": _("no longer in the plan"),
        "imported": _("the procedure came from a file"),
    }
    return known.get(key) or coordinator_states.why_not(key)
