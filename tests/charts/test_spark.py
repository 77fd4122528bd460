"""The inline SVGs: small, escaped, without style."""

import re
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from prom.charts import heatmap, spark
from tests.charts import synthetic

READINGS = [(-1, 8), (7, 4), (14, 3), (30, 3), (60, 4), (90, 5), (120, 6)]


def test_a_sparkline_is_about_450_bytes():
    assert len(spark.spark(READINGS, 8, "Pain 8 to 6").encode()) <= 520


def test_the_own_chart_stays_under_two_and_a_half_kilobytes_in_bengali():
    points = [spark.OwnPoint(nrs % 11, "১০", "২ সপ্তাহ") for nrs in range(30)]
    assert len(spark.own(points, "আপনার ব্যথা: আগে ৮, এখন ৩").encode()) <= 2560


def test_a_missed_answer_in_the_own_chart_is_bridged_with_dashes():
    points = [spark.OwnPoint(8, "8", "a"), spark.OwnPoint(None, "", "b"), spark.OwnPoint(3, "3", "c")]
    drawing = spark.own(points, "x")
    assert 'stroke-dasharray="5 4"' in drawing
    assert "L" not in re.findall(r'<path d="([^"]*)" stroke="#0b5cad" stroke-width="3"', drawing)


def test_labels_are_escaped():
    for drawing in (spark.spark(READINGS, 8, '"><script>'), spark.own([spark.OwnPoint(3, "<b>", "<i>")], "<u>")):
        assert "<script" not in drawing
        assert "<b>" not in drawing
        ET.fromstring(drawing)


def test_a_template_prints_svg_as_it_is():
    drawing = spark.spark(READINGS, 8, "Pain")
    assert drawing.__html__() == drawing


def test_no_svg_has_an_inline_style():
    for drawing in (
        spark.spark(READINGS, 8, "Pain"),
        heatmap.detailed(synthetic.cells()),
        heatmap.grouped(synthetic.cells()),
    ):
        assert "style" not in drawing
        ET.fromstring(drawing)


def test_nothing_to_draw_is_an_empty_text():
    assert spark.spark([], 8, "x") == ""
    assert spark.own([], "x") == ""


@given(st.lists(st.tuples(st.integers(-14, 700), st.integers(0, 10)), min_size=1, max_size=20), st.floats(0, 10))
@settings(max_examples=60)
def test_a_sparkline_stays_inside_its_frame(readings, baseline):
    drawing = ET.fromstring(spark.spark(sorted(readings), baseline, "x", alert=True))
    pairs = drawing.find("polyline").get("points").split()
    for pair in pairs:
        x, y = map(float, pair.split(","))
        assert 0 <= x <= 96
        assert 0 <= y <= 28
    *_, ring = drawing.findall("circle")
    reach = float(ring.get("r")) + 0.5
    assert reach <= float(ring.get("cx")) <= 96 - reach
    assert reach <= float(ring.get("cy")) <= 28 - reach
