"""The verdict as the patient page and the letter show it: badge, rule, four numbers, and what stands beside them."""

from dataclasses import dataclass

from prom.charts import figure
from prom.services.reviewing_views import Csi, PatientView, Verdict
from prom.web import clinician_charts
from prom.web.clinician_blueprint import relief_percent, score
from prom.web.clinician_blueprint import translated as _
from prom.web.filters import plain_day

Fact = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """What is read first: a headline with its tone, the rule in words, facts (name, value, small print), and notes."""

    headline: str
    tone: str
    rule: str
    facts: tuple[Fact, ...]
    notes: tuple[str, ...]


def shown(seen: PatientView) -> Shown:
    """Return the verdict of a patient's page; before the procedure it says what is awaited."""
    verdict = seen.verdict
    if verdict is None:
        headline, rule = _without(seen)
        return Shown(headline, "quiet", rule, (_csi(seen.csi),), _more(seen))
    return Shown(
        headline=verdict.headline,
        tone=clinician_charts.TONES[verdict.badge],
        rule=verdict.rule,
        facts=(_pain(verdict), _relief(verdict), _csi(seen.csi), _replies(verdict, seen.episode.day)),
        notes=(*_beside(verdict), *_more(seen)),
    )


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


def _beside(verdict: Verdict) -> tuple[str, ...]:
    """Return the rule at the other threshold, when relief was last held, and the flares."""
    notes = []
    for percent, rule in ((50, verdict.rule_50), (30, verdict.rule_30)):
        if rule != verdict.rule and verdict.rule_50 != verdict.rule_30:
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
