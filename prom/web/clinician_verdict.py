"""The verdict as the patient page and the letter show it: badge, rule, four numbers, and what stands beside them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from prom.charts import figure, timeline
from prom.domain.relief import State
from prom.services.reviewing_views import Csi, Mark, PatientView, Verdict
from prom.storage.models import AlertKind
from prom.web import clinician_charts
from prom.web.clinician_blueprint import relief_percent, score
from prom.web.clinician_blueprint import translated as _
from prom.web.filters import plain_day

Fact = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """What is read first: headline and tone, rule in words, next action, facts (name, value, small print), notes."""

    headline: str
    tone: str
    rule: str
    next: str
    facts: tuple[Fact, ...]
    notes: tuple[str, ...]


def shown(seen: PatientView, *, alerts_beside: bool = True) -> Shown:
    """Return the verdict of a patient's page; before the procedure it says what is awaited.

    What an open alert says is left out of the notes where the alerts stand beside them.
    """
    verdict = seen.verdict
    if verdict is None:
        headline, rule = _without(seen)
        return Shown(headline, "quiet", rule, next_action(seen), (_csi(seen.csi),), _more(seen))
    told = {alert.rule for alert in seen.alerts if alert.open and alerts_beside}
    return Shown(
        headline=verdict.headline,
        tone=clinician_charts.TONES[verdict.badge],
        rule=verdict.rule,
        next=next_action(seen),
        facts=(_pain(verdict), _relief(verdict), _csi(seen.csi), _replies(verdict, seen.episode.day)),
        notes=(*_beside(verdict, told), *_more(seen)),
    )


def next_action(seen: PatientView) -> str:
    """Return what the reader does next: the worst open alert decides, else the next question."""
    known = {
        AlertKind.RED_FLAG.value: _("call the patient; a text spoke of a possible emergency."),
        AlertKind.RED.value: _(
            "review the loss: target, technique, new pain, sensitization, mood and sleep, treatment."
        ),
        AlertKind.DETERIORATION.value: _("ask what changed: pain is worse than before the procedure."),
        AlertKind.AMBER.value: _("review whether relief is waning, before it is lost."),
        AlertKind.NOT_ANSWERING.value: _("have the patient called: silence can hide a loss."),
    }
    kinds = [alert.kind for alert in seen.alerts if alert.open]
    worst = next((kind for kind in known if kind in kinds), None)
    if worst is not None:
        return known[worst]
    if seen.episode.state == "cancelled":
        return ""
    if seen.episode.state == "planned":
        return _("record what is looked for before the procedure, and mark it done when it was.")
    return _coming(seen)


def _coming(seen: PatientView) -> str:
    planned = [one for one in seen.prompts if one.mark is Mark.PLANNED and one.day >= seen.episode.day]
    ahead = [one for one in seen.prompts if one.mark is Mark.OPEN] + planned
    if not ahead:
        return _("nothing: no more questions are planned.")
    first = ahead[0]
    day = timeline.when(first.day).removeprefix("day ")
    if first.mark is Mark.OPEN:
        return _("wait: the question of day %(day)s is open.", day=day)
    if seen.verdict is not None and seen.verdict.state_50 == State.SUSPECTED_LOSS.value:
        return _("wait for the question of day %(day)s: one bad score alone is no loss.", day=day)
    return _("the question of day %(day)s (%(on)s).", day=day, on=plain_day(seen.episode.on + timedelta(first.day)))


def _without(seen: PatientView) -> tuple[str, str]:
    if seen.episode.state == "cancelled":
        return _("Cancelled"), _("The procedure was cancelled; its questions have ended.")
    return _("Planned"), _(
        "The procedure is planned for %(day)s. Questions after it start when it is marked done.",
        day=plain_day(seen.episode.on),
    )


def _pain(verdict: Verdict) -> Fact:
    latest = "?" if verdict.latest is None else str(verdict.latest[1])
    small = _("of 10, no answer yet") if verdict.latest is None else _("of 10, on day %(day)s", day=verdict.latest[0])
    return _("Pain"), f"{score(verdict.baseline)} \N{RIGHTWARDS ARROW} {latest}", small


def _relief(verdict: Verdict) -> Fact:
    best = _("best %(best)s", best=relief_percent(verdict.relief_best)) if verdict.relief_best is not None else ""
    return _("Relief"), relief_percent(verdict.relief_latest), best


def _csi(csi: Csi | None) -> Fact:
    if csi is None:
        return "CSI", "\N{EN DASH}", _("not recorded before the procedure")
    value = str(csi.total) if csi.total is not None else f"{csi.low}\N{EN DASH}{csi.high}"
    return "CSI", value, csi.words


def _replies(verdict: Verdict, today: int) -> Fact:
    value = f"{verdict.answered}/{verdict.asked}"
    parts = []
    if verdict.latest is not None:
        parts.append(_("last %(days)s days ago", days=today - verdict.latest[0]))
    if verdict.not_sent:
        parts.append(_("%(count)s not sent by us", count=verdict.not_sent))
    return _("Replies"), value, "; ".join(parts)


def _beside(verdict: Verdict, told: Collection[str]) -> tuple[str, ...]:
    """Return the rule at the other threshold unless an alert told it, when relief was last held, and the flares."""
    notes = []
    for percent, rule in ((50, verdict.rule_50), (30, verdict.rule_30)):
        if rule != verdict.rule and rule not in told:
            notes.append(_("At %(percent)s %% relief: %(rule)s", percent=percent, rule=rule))
    if verdict.lost_between is None and verdict.last_held_day is not None:
        silence = verdict.days_of_silence or 0
        notes.append(
            _(
                "Last held on day %(day)s; %(silence)s days without an answer.",
                day=verdict.last_held_day,
                silence=silence,
            )
        )
    if verdict.flares:
        notes.append(_("Flares that passed: day %(days)s.", days=figure.joined([str(day) for day in verdict.flares])))
    elif verdict.last_held_day is not None:
        notes.append(_("No flare."))
    return tuple(notes)


def _more(seen: PatientView) -> tuple[str, ...]:
    """Return the reading of a diagnostic block, what is known of similar patients, and a change of CSI."""
    notes = [seen.block] if seen.block else []
    if seen.similar is not None:
        notes.append(_("Similar patients: %(count)s, %(words)s.", count=seen.similar.n, words=seen.similar.words))
    if len(seen.csi_course) > 1 and seen.csi_course[-1].change:
        last = seen.csi_course[-1]
        notes.append(_("CSI on day %(day)s: %(change)s (real from 10 points).", day=last.day, change=last.change))
    return tuple(notes)
