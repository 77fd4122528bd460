"""What ends relief, who responds, and whether the expected course came true: drawn, said and tabled."""

from collections import Counter

import plotly.graph_objects as go
import pytest

from prom.charts import calibration, competing, heatmap, responders, scatter, theme
from prom.charts.heatmap import Level

BELOW, ABOVE = theme.halves(44)


def line(cause, events, until=270.0, band=BELOW):
    points = tuple(
        competing.Point(day, share, share / 2, min(1.0, share * 1.5)) for day, share in ((60, 0.1), (170, 0.4))
    )
    return competing.Line(band, cause, {"loss": "relief lost"}.get(cause, cause), 40, events, until, points)


def ends():
    lines = (line("loss", 16), line("loss", 20, 200.0, ABOVE), line("repeat", 6), line("death", 1), line("surgery", 0))
    return competing.chart(competing.Competing(lines, 365.0, "Definition version 1."))


def share(count, n):
    return responders.Share(count, n, count / n, max(0.0, count / n - 0.1), min(1.0, count / n + 0.1))


def who():
    rows = tuple(
        responders.Row(band, share(30, 40), share(20, 40), share(12, 20), share(12, 25), share(17, 25), 5)
        for band in (theme.EVERYONE, BELOW, ABOVE)
    )
    return responders.chart(responders.Responders(rows, 50))


def fifths(rows=5, reason=""):
    found = tuple(calibration.Row(20, 9, 0.2 * n, 0.18 * n, 0.1 * n, 0.25 * n) for n in range(1, rows + 1))
    return calibration.chart(calibration.Calibration(56, 180, found, reason))


@pytest.mark.parametrize("chart", [ends(), who(), fifths()], ids=lambda chart: chart.name)
def test_plotly_takes_the_figure_wide_and_narrow(chart):
    for layout in (chart.figure["layout"], chart.figure["narrow"]):
        go.Figure(data=chart.figure["data"], layout=layout)
    assert chart.summary.endswith(".")
    assert all(len(row) == len(chart.table.headers) for row in chart.table.rows)


def test_a_cause_with_few_events_is_in_the_table_only():
    chart = ends()
    labels = [note["text"] for note in chart.figure["layout"]["annotations"]]
    assert labels == ["relief lost <44", "relief lost \N{GREATER-THAN OR EQUAL TO}44", "repeat <44"]
    assert [row[1] for row in chart.table.rows] == ["relief lost", "relief lost", "repeat", "death"]
    assert any("in the table only, too few: death" in key.label for key in chart.keys)


def test_a_curve_ends_where_nobody_is_seen_any_more():
    steps = [trace for trace in ends().figure["data"] if trace.get("line", {}).get("dash") == "dash"]
    assert [max(trace["x"]) for trace in steps] == [200.0]


def test_without_enough_patients_the_calibration_says_why():
    chart = fifths(0, "12 patients with an expectation from the others; shown from 50")
    assert chart.figure is None
    assert chart.summary == "Not shown: 12 patients with an expectation from the others; shown from 50."


def test_shares_carry_their_counts_and_the_worst_and_best_case():
    assert who().table.rows[1][:2] == ("CSI below 44", "30 of 40: 75\xa0% (65\xa0% to 85\xa0%)")
    assert "5 unknown" in who().summary


def test_a_large_band_is_drawn_from_its_counts():
    counts = (Counter({Level.FROM_50: 300, Level.NO_REPLY: 100}), Counter({Level.WORSE: 100, Level.NOT_DUE: 300}))
    chart = heatmap.chart(heatmap.Heatmap(("1w", "1y"), (heatmap.Group(theme.MILD, (), counts),)))
    assert "n = 400" in chart.svg
    assert chart.table.rows[0][3] == "300"


def test_counts_of_all_patients_stand_beside_the_drawn_ones():
    groups = (scatter.Group(BELOW, 3000, 2000, 1500), scatter.Group(ABOVE, 2000, 900, 500))
    points = (scatter.Point(20, 0.6), scatter.Point(60, 0.1))
    chart = scatter.chart(scatter.Scatter(points, cut_off=44, bands=theme.halves(44), groups=groups))
    assert (
        chart.summary == "50\xa0% relief at 3 months: 1500 of 3000 with CSI below 44, 500 of 2000 with CSI 44 or more."
    )
