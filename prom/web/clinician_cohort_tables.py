"""The tables of the cohort page, ready to print: restricted means, hazard ratios, the mixed model, readings, states."""

from typing import NamedTuple

from prom.charts import theme
from prom.charts.figure import Table, number
from prom.domain import relief
from prom.services.comparing_page import CohortView
from prom.services.comparing_views import Mixed, MixedTerm
from prom.web.clinician_blueprint import translated as _
from prom.web.clinician_cohort_charts import p_words

DASH = "\N{EN DASH}"


class Section(NamedTuple):
    """One table with its heading, a sentence that says how to read it, and what it rests on."""

    key: str
    title: str
    words: str
    table: Table


def sections(view: CohortView) -> list[Section]:
    """Return the tables of the page in their order; empty ones are left out, a model that was not fitted says why."""
    every = (_mean_days(view), _hazards(view), _mixed(view), _sensitivity(view), _states(view))
    return [section for section in every if section.table.rows or (section.key == "mixed" and section.words)]


def _mean_days(view: CohortView) -> Section:
    below, above = (band.label for band in theme.halves(view.cut_off))
    heads = (_("Up to"), below, above, _("Difference (95 % CI)"), "p", _("Note"))
    rows = tuple(
        (
            _("day %(day)s", day=one.tau),
            _days(one.below_40),
            _days(one.from_40),
            _interval(one.difference, one.low, one.high),
            p_words(one.p),
            _("a curve ends before and is drawn on flat") if one.flat else "",
        )
        for one in view.mean_days
    )
    words = _(
        "Mean days with relief among responders (restricted mean survival time), and the upper group minus the "
        "lower one."
    )
    return Section("rmst", _("Days with relief"), words, Table(heads, rows))


def _days(value: float | None) -> str:
    return DASH if value is None else number(round(value, 1))


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return DASH
    return f"{_days(value)} ({_days(low)} to {_days(high)})"


COVARIATES = {
    "csi_per_10": "CSI, per 10 points",
    "baseline_nrs": "Pain before, per point",
    "age_per_10": "Age, per 10 years",
    "male": "Male",
    "phq4": "PHQ-4 (mood), per point",
    "opioids": "Opioid use",
}


def _hazards(view: CohortView) -> Section:
    words_of = COVARIATES | {"csi_40_or_more": theme.halves(view.cut_off)[1].label}
    rows = tuple(
        (
            words_of.get(one.covariate, one.covariate.replace("_", " ")),
            DASH if one.hr is None else f"{one.hr:.2f}",
            _limits(one.low, one.high),
            p_words(one.p),
            p_words(one.constant_p),
        )
        for one in view.hazards
    )
    words = _(
        "Hazard of losing relief among %(n)s responders with %(events)s losses (Cox, Efron ties, stratified by "
        "procedure; the CSI cut-off in a model of its own, adjusted alike). Above 1: lost earlier. A small p of the "
        "last column speaks against one ratio for all times. An association, not a cause.",
        n=view.hazards_n,
        events=view.hazards_events,
    )
    heads = (_("Covariate"), _("Hazard ratio"), _("95 % CI"), "p", _("p, ratio constant in time"))
    return Section("cox", _("What early loss was associated with"), words, Table(heads, rows))


def _limits(low: float | None, high: float | None) -> str:
    return DASH if low is None or high is None else f"{low:.2f} to {high:.2f}"


def _mixed(view: CohortView) -> Section:
    heads = (_("Term"), _("Points of pain"), _("95 % CI"), "p")
    mixed = view.mixed
    rows = tuple(
        (_term(term.name), _signed(term.coef, 2), _range(term, 2), p_words(term.p))
        for term in (mixed.terms if mixed else ())
    )
    words = "" if mixed is None else " ".join(_in_words(mixed))
    return Section("mixed", _("Pain over time and CSI (mixed model)"), words, Table(heads, rows))


def _term(name: str) -> str:
    named = {
        "intercept": _("Right after the procedure, at CSI 40"),
        "time per 30 days": _("Each 30 days, at CSI 40"),
        "CSI per 10 points": _("Each 10 CSI points, right after the procedure"),
        "time x CSI": _("Each 10 CSI points, more for each 30 days"),
    }
    return named.get(name, name)


def _in_words(mixed: Mixed) -> list[str]:
    """Return the model in sentences: what pain did with a higher CSI, at once and by time, and what it rests on."""
    terms = {term.name: term for term in mixed.terms}
    if not terms:
        return [_("Not fitted: %(reason)s (%(answers)s answers).", reason=mixed.reason, answers=mixed.answers)]
    told = []
    if "CSI per 10 points" in terms:
        level = terms["CSI per 10 points"]
        told.append(
            _(
                "Right after the procedure pain was %(points)s points %(direction)s with each 10 CSI points (95 %% CI "
                "%(range)s).",
                points=f"{abs(level.coef):.2f}",
                direction=_("higher") if level.coef >= 0 else _("lower"),
                range=_range(level, 2),
            )
        )
    if "time x CSI" in terms:
        told.append(_slope(terms["time x CSI"]))
    rests_on = _(
        "From %(answers)s answers of %(used)s of %(patients)s patients, each with their own level (random intercept).",
        answers=mixed.answers,
        used=mixed.patients_used,
        patients=mixed.patients,
    )
    return [*told, rests_on]


def _slope(term: MixedTerm) -> str:
    values = {"points": f"{abs(term.coef):.2f}", "range": _range(term, 2)}
    if term.low <= 0 <= term.high:
        return _(
            "Whether it then climbed differently with a higher CSI is open: %(range)s points more in each 30 days.",
            **values,
        )
    if term.coef > 0:
        return _("With each 10 CSI points it then climbed %(points)s points more in 30 days (%(range)s).", **values)
    return _("With each 10 CSI points it then climbed %(points)s points less in 30 days (%(range)s).", **values)


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _range(term: MixedTerm, digits: int) -> str:
    return _("%(low)s to %(high)s", low=_signed(term.low, digits), high=_signed(term.high, digits))


def _sensitivity(view: CohortView) -> Section:
    below, above = (band.label for band in theme.halves(view.cut_off))
    heads = (
        _("Reading of the data"),
        _("Responders"),
        _("Losses"),
        _("Median days, %(band)s", band=below),
        _("Median days, %(band)s", band=above),
        "p",
    )
    rows = tuple(
        (
            one.name.replace("_", " ").capitalize(),
            str(one.n),
            str(one.events),
            _median(one.median_below_40),
            _median(one.median_from_40),
            p_words(one.p),
        )
        for one in view.sensitivity
    )
    words = _("The same comparison when the data are read another way: do the findings stand?")
    return Section("sensitivity", _("Does it hold when read differently?"), words, Table(heads, rows))


def _median(value: float | None) -> str:
    return _("not reached") if value is None else number(value)


def _states(view: CohortView) -> Section:
    rows = tuple(
        (relief.state_label(state), _("%(count)s of %(n)s", count=count, n=view.n)) for state, count in view.states
    )
    words = _("Every procedure is in one state; none is left out silently.")
    return Section("states", _("All procedures by state"), words, Table((_("State"), _("Procedures")), rows))
