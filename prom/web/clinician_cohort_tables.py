"""The tables of the cohort page, ready to print: shares with their limits, restricted means, hazard ratios, causes."""

import csv
import io
from dataclasses import fields
from typing import NamedTuple

from prom.charts import theme
from prom.charts.figure import Table, number, percent
from prom.domain import relief
from prom.services import comparing_views as seen
from prom.services import exporting
from prom.web.clinician_blueprint import translated as _
from prom.web.clinician_cohort_charts import CohortCharts, p_words, shown_bands

EVERYONE = "all"
DASH = "\N{EN DASH}"
INCIDENCE_DAYS = (90, 180, 365)


class Section(NamedTuple):
    """One table with its heading, a sentence that says how to read it, and what it rests on."""

    key: str
    title: str
    words: str
    table: Table


def sections(view: seen.CohortView, bands: str) -> list[Section]:
    """Return the tables of the page in its order; empty ones are left out."""
    every = [
        _responders(view, (EVERYONE, *shown_bands(bands))),
        _mean_days(view),
        _hazards(view),
        _competing(view),
        _mixed(view),
        _sensitivity(view),
    ]
    return [section for section in (*every, _states(view)) if section.table.rows]


def as_csv(view: seen.CohortView, charts: CohortCharts, bands: str) -> str:
    """Return every number of the page, one cell of a table a line, after what each figure means."""
    drawn = [chart for field in fields(charts) if (chart := getattr(charts, field.name)) is not None]
    named = [(chart.name, f"{chart.title}. {chart.unit} {chart.footnote}", chart.table) for chart in drawn]
    # The lanes of the swimmer plot are single patients: the file holds groups only.
    named = [one for one in named if one[0] != "swimmer"]
    named += [(one.key, f"{one.title}. {one.words}", one.table) for one in sections(view, bands)]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("figure", "row", "column", "value"))
    for name, meaning, _table in named:
        writer.writerow((name, "", "meaning", exporting.cell(meaning)))
    for name, _meaning, table in named:
        for row in table.rows:
            label = "; ".join(row[: _labels(table)])
            for head, value in list(zip(table.headers, row, strict=True))[_labels(table) :]:
                writer.writerow((name, exporting.cell(label), exporting.cell(head), exporting.cell(value)))
    return out.getvalue()


def _labels(table: Table) -> int:
    """Return how many leading columns name a row: the band, and the visit or the cause where there is one."""
    heads = {_("When"), _("Ended by")}
    return 2 if len(table.headers) > 1 and table.headers[1] in heads else 1


def _share(share: seen.Share) -> str:
    if share.value is None or share.low is None or share.high is None:
        return f"{share.count} of {share.n}"
    return f"{share.count} of {share.n}: {percent(share.value)} ({percent(share.low)} to {percent(share.high)})"


def _band(key: str) -> str:
    return theme.BANDS[key].label if key in theme.BANDS else key.replace("_", " ")


def _responders(view: seen.CohortView, bands: tuple[str, ...]) -> Section:
    heads = (
        _("Band"),
        _("Responded"),
        _("Confirmed"),
        _("Held at the horizon, known"),
        _("Worst case"),
        _("Best case"),
        _("Unknown"),
    )
    rows = tuple(
        (
            _band(one.band),
            _share(one.response),
            _share(one.confirmed),
            _share(one.success),
            _share(one.worst),
            _share(one.best),
            str(one.unknown),
        )
        for one in view.shares
        if one.band in bands
    )
    words = _("Count of patients, share and 95 % interval (Wilson). Unknown counts as lost (worst) or held (best).")
    return Section("responders", _("Who responds, and who still has relief at the horizon"), words, Table(heads, rows))


def _mean_days(view: seen.CohortView) -> Section:
    heads = (_("Up to"), "CSI < 40", "CSI \N{GREATER-THAN OR EQUAL TO} 40", _("Difference (95 % CI)"), "p", _("Note"))
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
    words = _("Mean days with relief among responders (restricted mean), and 40 or more minus below 40.")
    return Section("rmst", _("Days with relief"), words, Table(heads, rows))


def _days(value: float | None) -> str:
    return DASH if value is None else number(round(value, 1))


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return DASH
    return f"{_days(value)} ({_days(low)} to {_days(high)})"


COVARIATES = {
    "csi_per_10": "CSI, per 10 points",
    "csi_40_or_more": "CSI 40 or more",
    "baseline_nrs": "Pain before, per point",
    "age_per_10": "Age, per 10 years",
    "male": "Male",
    "phq4": "PHQ-4 (mood), per point",
    "opioids": "Opioid use",
}


def _hazards(view: seen.CohortView) -> Section:
    rows = tuple(
        (
            COVARIATES.get(one.covariate, one.covariate.replace("_", " ")),
            DASH if one.hr is None else f"{one.hr:.2f}",
            _limits(one.low, one.high),
            p_words(one.p),
        )
        for one in view.hazards
    )
    words = _(
        "Hazard of losing relief among %(n)s responders with %(events)s losses (Cox, Efron ties, stratified by "
        "procedure; CSI 40 or more in a model of its own). Above 1: lost earlier. An association, not a cause.",
        n=view.hazards_n,
        events=view.hazards_events,
    )
    heads = (_("Covariate"), _("Hazard ratio"), _("95 % CI"), "p")
    return Section("cox", _("What early loss was associated with"), words, Table(heads, rows))


def _limits(low: float | None, high: float | None) -> str:
    return DASH if low is None or high is None else f"{low:.2f} to {high:.2f}"


def _competing(view: seen.CohortView) -> Section:
    heads = (
        _("Band"),
        _("Ended by"),
        _("Patients"),
        _("Events"),
        *(_("By day %(day)s", day=day) for day in INCIDENCE_DAYS),
    )
    rows = tuple(
        (_band(one.band), _cause(one.cause), str(one.n), str(one.events), *(_by(one, day) for day in INCIDENCE_DAYS))
        for one in view.competing
        if one.events
    )
    words = _("Share of responders by what came first (Aalen\N{EN DASH}Johansen), with 95 % interval.")
    return Section("competing", _("What ends relief"), words, Table(heads, rows))


def _cause(key: str) -> str:
    known = {"loss": _("relief lost"), "repeat": _("repeat"), "surgery": _("surgery"), "death": _("death")}
    return known.get(key, key)


def _by(one: seen.Incidence, day: int) -> str:
    at = next((point for point in reversed(one.points) if point.day <= day), None)
    if at is None:
        return percent(0.0)
    if at.low is None or at.high is None:
        return percent(at.incidence)
    return f"{percent(at.incidence)} ({percent(at.low)} to {percent(at.high)})"


def _mixed(view: seen.CohortView) -> Section:
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


def _sensitivity(view: seen.CohortView) -> Section:
    heads = (
        _("Reading of the data"),
        _("Responders"),
        _("Losses"),
        _("Median days, CSI < 40"),
        _("Median days, CSI 40 or more"),
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


def _states(view: seen.CohortView) -> Section:
    rows = tuple(
        (relief.state_label(state), _("%(count)s of %(n)s", count=count, n=view.n)) for state, count in view.states
    )
    words = _("Every procedure is in one state; none is left out silently.")
    return Section("states", _("All procedures by state"), words, Table((_("State"), _("Procedures")), rows))
