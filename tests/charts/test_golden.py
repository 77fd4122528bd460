"""Every chart against its golden file: PROM_WRITE_GOLDEN=1 rewrites them, and the difference is read before it is kept."""

import dataclasses
import json
import os
from pathlib import Path

import pytest

from prom.charts import (
    causes,
    cohort,
    heatmap,
    letter,
    relief,
    scatter,
    sensitization,
    spark,
    survival,
    swimmer,
    theme,
    trajectory,
)
from prom.charts.course import Prompt
from tests.charts import synthetic

GOLDEN = Path(__file__).parent / "golden"
CHARTS = {
    "trajectory": trajectory.chart(synthetic.bikash()),
    "trajectory_good": trajectory.chart(synthetic.asha()),
    "trajectory_hours": trajectory.chart(synthetic.block()),
    "relief": relief.chart(synthetic.bikash()),
    "csi": sensitization.chart(synthetic.csi()),
    "means": cohort.means(synthetic.means()),
    "replies": cohort.replies(synthetic.replies()),
    "survival_two": survival.chart(synthetic.relief_lasts()),
    "survival_five": survival.chart(synthetic.relief_lasts(theme.FIVE)),
    "swimmer": swimmer.chart(synthetic.lanes()),
    "scatter": scatter.chart(synthetic.cloud()),
    "causes": causes.chart(synthetic.reviews()),
    "heatmap": heatmap.chart(synthetic.cells((6, 5, 4))),
}
DRAWN = {name: chart.figure for name, chart in CHARTS.items() if chart.figure}


def check(name, text):
    path = GOLDEN / name
    if os.environ.get("PROM_WRITE_GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_as_it_was(name):
    text = json.dumps(dataclasses.asdict(CHARTS[name]), indent=1, ensure_ascii=False, sort_keys=True)
    check(f"{name}.json", text + "\n")


def test_the_sparkline_is_as_it_was():
    check("spark.svg", spark.spark([(-1, 8), (7, 4), (14, 3), (56, 6)], 8, "Pain 8, 4, 3, 6", alert=True) + "\n")


def test_the_letters_drawing_is_as_it_was():
    check("letter.svg", letter.drawing(synthetic.bikash()) + "\n")


def test_the_chart_counts_replies_as_the_verdict_does():
    marks = trajectory.PromptMark
    drawn = dataclasses.replace(
        synthetic.bikash(),
        prompts=tuple(
            Prompt(day, day, day, mark)
            for day, mark in (
                (-7, marks.ANSWERED), (-1, marks.NO_REPLY), (7, marks.ANSWERED), (14, marks.NO_REPLY),
                (30, marks.NOT_SENT), (60, marks.OPEN), (90, marks.PLANNED),
            )
        ),
    )  # fmt: skip
    assert drawn.replies() == (1, 2)
    assert "1 of 2 questions answered" in trajectory.summary(drawn)


def test_the_own_chart_is_as_it_was():
    points = [spark.OwnPoint(8, "৮", "আগে"), spark.OwnPoint(None, "", ""), spark.OwnPoint(3, "৩", "আজ")]
    check("own.svg", spark.own(points, "আগে ৮, আজ ৩") + "\n")


def over(base, top):
    """Return one layout laid over another as charts.js does it."""
    result = dict(base)
    for key, value in top.items():
        result[key] = over(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return result


@pytest.mark.parametrize("name", DRAWN)
def test_plotly_knows_every_attribute_of_a_figure(name):
    graph_objects = pytest.importorskip("plotly.graph_objects")
    figure = DRAWN[name]
    linear = figure.get("views", {}).get("linear", {"layout": {}, "narrow": {}})
    for layers in ([], [figure["narrow"]], [linear["layout"]], [figure["narrow"], linear["layout"], linear["narrow"]]):
        layout = figure["layout"]
        for layer in layers:
            layout = over(layout, layer)
        graph_objects.Figure(data=figure["data"], layout=layout)


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_shows_no_mode_bar_and_cannot_be_dragged(name):
    figure = DRAWN[name]
    assert figure["config"]["displayModeBar"] is False
    assert figure["config"]["scrollZoom"] is False
    assert figure["layout"]["dragmode"] is False
    axes = [axis for key, axis in figure["layout"].items() if key.startswith(("xaxis", "yaxis"))]
    assert axes
    assert all(axis["fixedrange"] for axis in axes)


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_uses_only_what_the_small_bundle_draws(name):
    assert {trace["type"] for trace in DRAWN[name]["data"]} <= {"scatter", "bar"}


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_says_its_direction_in_one_sentence_and_gives_its_numbers(name):
    chart = CHARTS[name]
    assert chart.summary.endswith(".")
    assert chart.table.rows
    assert all(len(row) == len(chart.table.headers) for row in chart.table.rows)
    assert chart.direction or chart.name == "causes"
