"""The tables of the cohort page, ready to print: restricted means, hazard ratios, the mixed model, readings, states."""

from typing import NamedTuple

from prom.charts import theme
from prom.charts.figure import Table, number
from prom.domain import relief
from prom.services.comparing_page import CohortView
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
    """Return the tables of the page in its order; empty ones are left out."""
    every = (_mean_days(view), _hazards(view), _mixed(view), _sensitivity(view), _states(view))
    return [section for section in every if section.table.rows]


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
        (term.name.replace("_", " "), f"{term.coef:+.2f}", f"{term.low:+.2f} to {term.high:+.2f}", p_words(term.p))
        for term in (mixed.terms if mixed else ())
    )
    words = ""
    if mixed is not None:
        words = _(
            "Pain over time by CSI, random intercept for each patient: %(answers)s answers of %(used)s of %(patients)s "
            "patients.",
            answers=mixed.answers,
            used=mixed.patients_used,
            patients=mixed.patients,
        )
    return Section("mixed", _("Pain over time and CSI (mixed model)"), words, Table(heads, rows))


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
