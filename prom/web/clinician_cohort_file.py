"""The numbers of the cohort page as files: every cell of every table, and a codebook that says what each means."""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

from prom.charts.figure import Chart, Table
from prom.services import exporting
from prom.services.comparing_page import CohortView
from prom.web import clinician_cohort_tables as tables
from prom.web.clinician_blueprint import translated as _
from prom.web.clinician_cohort_charts import CohortCharts

Written = Callable[[CohortView, CohortCharts, str], str]
# The lanes of the swimmer plot are single patients: the files hold groups only.
SINGLE_PATIENTS = "swimmer"
HEADER = ("figure", "row", "column", "value")
CODEBOOK_HEADER = ("figure", "title", "meaning", "columns", "rests_on")


@dataclass(frozen=True, slots=True)
class _Part:
    key: str
    title: str
    meaning: str
    note: str
    table: Table


def numbers(view: CohortView, charts: CohortCharts, note: str) -> str:
    """Return every number of the page, one cell of a table a line, after what the file is of."""
    rows = [("file", "", _("what it is of"), note)]
    for part in _parts(view, charts, note):
        heads = part.table.headers
        labels = _labels(part.table)
        for row in part.table.rows:
            name = "; ".join(row[:labels])
            rows += [(part.key, name, head, cell) for head, cell in zip(heads[labels:], row[labels:], strict=True)]
    return _file(HEADER, rows)


def codebook(view: CohortView, charts: CohortCharts, note: str) -> str:
    """Return what each figure of the numbers means, its columns, and what it rests on."""
    rows = [
        (part.key, part.title, part.meaning, "; ".join(part.table.headers), part.note)
        for part in _parts(view, charts, note)
    ]
    rows.append(("findings", _("Findings"), " ".join(view.findings), "", note))
    rows.append(("warnings", _("What stands against them"), " ".join(f"{one}." for one in view.warnings), "", note))
    return _file(CODEBOOK_HEADER, rows)


def _parts(view: CohortView, charts: CohortCharts, note: str) -> list[_Part]:
    drawn = [chart for field in fields(charts) if (chart := getattr(charts, field.name)) is not None]
    return [
        *(_of_chart(chart) for chart in drawn if chart.name != SINGLE_PATIENTS),
        *(_Part(one.key, one.title, one.words, note, one.table) for one in tables.sections(view)),
    ]


def _of_chart(chart: Chart) -> _Part:
    return _Part(chart.name, chart.title, f"{chart.unit} {chart.direction}".strip(), chart.footnote, chart.table)


def _labels(table: Table) -> int:
    """Return how many leading columns name a row: the band, and the visit or the cause where there is one."""
    heads = {"When", "Ended by"}
    return 2 if len(table.headers) > 1 and table.headers[1] in heads else 1


def _file(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([exporting.cell(cell) for cell in row] for row in rows)
    return out.getvalue()
