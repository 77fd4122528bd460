"""The rules of the cohort charts, one sentence each."""

import dataclasses

from prom.charts import causes, cohort, heatmap, scatter, survival, swimmer, theme
from tests.charts import synthetic


def curve(band=theme.BELOW_40, n=20, events=6):
    steps = tuple(
        survival.Step(30.0 * place, 1 - place / n, 0.1, 0.99, n - place + 1, 1) for place in range(1, events + 1)
    )
    return survival.Curve(band, n, steps, (100.0,) * (n - events))


def test_a_band_of_fewer_than_ten_patients_or_five_losses_is_not_drawn_but_named():
    data = survival.Survival((curve(), curve(theme.FROM_40, n=9), curve(theme.SEVERE, events=4)), 365, 50)
    chart = survival.chart(data)
    ends = [note["text"] for note in chart.figure["layout"]["annotations"] if note.get("yref") == "y"]
    assert ends == ["<40"]
    assert chart.keys[-1].label == "not drawn, too few: CSI 40 or more and CSI 50\N{EN DASH}59, severe"
    assert {row[0] for row in chart.table.rows} >= {"CSI 40 or more"}


def test_without_a_drawable_band_there_is_a_table_and_no_figure():
    chart = survival.chart(survival.Survival((curve(n=9),), 365, 50))
    assert chart.figure is None
    assert chart.switches == ()
    assert chart.table.rows


def test_the_number_at_risk_counts_everybody_not_yet_lost_or_censored():
    data = curve()
    assert data.counts(0) == (20, 0, 0)
    assert data.counts(31) == (19, 0, 1)
    assert data.counts(101) == (3, 14, 3)


def test_steps_are_solid_and_the_interval_stops_where_it_is_undefined():
    steps = (*curve().steps, survival.Step(200, 0.0, None, None, 1, 1))
    data = dataclasses.replace(curve(), steps=steps)
    figure = survival.figure(survival.Survival((data,), 365, 50))
    ribbon, line = figure["data"][0], figure["data"][1]
    assert max(ribbon["x"]) == 200
    assert "dash" not in line["line"]


def test_the_estimate_between_visits_is_an_overlay_that_starts_switched_off():
    figure = survival.figure(synthetic.relief_lasts())
    assert sum(trace.get("meta") == "npmle" for trace in figure["data"]) == 4


def test_an_open_box_reaches_to_the_horizon():
    between = survival.Between(theme.BELOW_40, (survival.Box(300, None, 0.6, 0.2),))
    figure = survival.figure(survival.Survival((curve(),), 365, 50, (between,)))
    box = next(trace for trace in figure["data"] if trace.get("meta") == "npmle")
    assert max(x for x in box["x"] if x is not None) == 365


def test_every_band_has_its_own_dash_shape_and_pattern():
    for bands in (theme.TWO, theme.THREE, theme.FIVE):
        assert len({band.dash for band in bands}) == len(bands)
        assert len({band.symbol for band in bands}) == len(bands)
        assert len({band.pattern for band in bands}) == len(bands)


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_bands_darken_in_order_and_stand_out_from_the_paper():
    for bands in (theme.TWO, theme.THREE, theme.FIVE):
        found = [luminance(band.colour) for band in bands]
        assert found == sorted(found, reverse=True)
        assert all(1.05 / (value + 0.05) >= 3 for value in found)


def test_a_mean_of_very_few_patients_is_in_the_table_only():
    point = cohort.MeanPoint(30, cohort.DRAWN_FROM - 1, 3, 1, 5)
    full = cohort.MeanPoint(7, 20, 3, 2, 4)
    groups = (cohort.BandMeans(theme.BELOW_40, 20, (full, point)),)
    lines = [trace for trace in cohort.means_figure(groups)["data"] if trace["mode"] == "lines+markers"]
    assert lines[0]["x"] == [7]
    assert len(cohort.means_table(groups).rows) == 2


def test_the_sentence_tells_no_mean_that_is_too_small_to_draw():
    point = cohort.MeanPoint(270, cohort.DRAWN_FROM - 1, 3, 1, 5)
    full = cohort.MeanPoint(7, 20, 4, 3, 5)
    assert cohort.means_summary((cohort.BandMeans(theme.BELOW_40, 20, (full, point)),)) == (
        "Mean pain: CSI below 40 from 4.0 to 4.0 at day 7 (n = 20)."
    )
    few = cohort.means_summary((cohort.BandMeans(theme.BELOW_40, 4, (point,)),))
    assert few == f"Fewer than {cohort.DRAWN_FROM} answers at each time point."


def test_a_line_is_labelled_where_it_ends():
    short = cohort.BandMeans(theme.BELOW_40, 20, (cohort.MeanPoint(7, 20, 3, 2, 4), cohort.MeanPoint(90, 20, 4, 3, 5)))
    whole = cohort.BandMeans(theme.FROM_40, 20, (*short.points, cohort.MeanPoint(365, 9, 6, 5, 7)))
    notes = cohort.means_figure((short, whole))["layout"]["annotations"]
    labels = {one["text"]: one for one in notes if one["yref"] == "y"}
    assert (labels[theme.BELOW_40.short]["xref"], labels[theme.BELOW_40.short]["x"]) == ("x", 90)
    assert labels[theme.BELOW_40.short]["y"] == 4
    assert (labels[theme.FROM_40.short]["xref"], labels[theme.FROM_40.short]["x"]) == ("paper", 1)


def test_replies_keep_what_we_did_not_send_apart_from_silence():
    groups = (cohort.BandReplies(theme.BELOW_40, (cohort.ReplyPoint(7, 10, 6, 0.3, 0.8, not_sent=1),)),)
    assert cohort.replies_table(groups).rows == (("CSI below 40", "day 7", "10", "6", "3", "1"),)
    assert cohort.replies_summary(groups) == "Answered of those sent: CSI below 40 6 of 9 (67\xa0%)."
    drawn = next(trace for trace in cohort.replies_figure(groups)["data"] if "lines" in trace["mode"] and trace["y"])
    assert max(value for value in drawn["y"] if value is not None) <= 100 * 0.8


def test_a_day_on_which_we_sent_nothing_is_in_the_table_and_not_in_the_line():
    nothing = cohort.ReplyPoint(14, 5, 0, 0.0, 0.0, not_sent=5)
    groups = (cohort.BandReplies(theme.BELOW_40, (cohort.ReplyPoint(7, 10, 6, 0.3, 0.8), nothing)),)
    assert cohort.replies_table(groups).rows[1] == ("CSI below 40", "day 14", "5", "0", "0", "5")
    assert cohort.replies_summary(groups) == "Answered of those sent: CSI below 40 6 of 10 (60\xa0%)."
    assert cohort.replies_figure(groups)["data"]
    assert cohort.replies_summary((cohort.BandReplies(theme.BELOW_40, (nothing,)),)) == "No question was sent yet."


def test_numbers_stand_only_under_a_tick_of_their_own():
    groups = (
        cohort.BandMeans(theme.BELOW_40, 20, (cohort.MeanPoint(14, 20, 3, 2, 4), cohort.MeanPoint(90, 9, 3, 2, 4))),
    )
    rows = [trace for trace in cohort.means_figure(groups)["data"] if trace["mode"] == "text"]
    assert {tuple(row["text"]) for row in rows} <= {("20", "9"), ("9",)}


def test_the_scatter_counts_patients_below_and_from_the_cut_off():
    data = scatter.Scatter((scatter.Point(39, 0.5), scatter.Point(40, 0.49), scatter.Point(70, 0.6)))
    assert scatter.summary(data) == "50\xa0% relief at 3 months: 1 of 1 with CSI below 40, 1 of 2 with CSI 40 or more."


def test_a_swimmer_lane_without_a_response_has_no_relief():
    data = swimmer.Swimmer((swimmer.Lane("P1", 80, None, None, 90, swimmer.End.NEVER),), 365)
    held = swimmer.figure(data)["data"][1]
    assert held["x"] == []
    assert swimmer.table(data).rows == (("P1", "80", "", "day 90", "never had relief"),)


def test_causes_are_shares_of_the_reviews_of_each_band_commonest_first():
    data = causes.Causes(theme.TWO, (4, 10), (causes.Cause("Target", (1, 1)), causes.Cause("Mood or sleep", (1, 5))))
    assert causes.table(data).rows[0] == ("Mood or sleep", "1 of 4", "5 of 10")
    assert causes.figure(data)["data"][1]["x"] == [50.0, 10.0]


def test_relief_falls_into_the_level_of_its_lower_limit():
    expected = {0.7: "from_70", 0.69: "from_50", 0.5: "from_50", 0.3: "from_30", 0.0: "under_30", -0.01: "worse"}
    assert {relief: heatmap.level(relief).value for relief in expected} == expected
    assert heatmap.level(None) is heatmap.Level.NO_REPLY


def test_the_longest_relief_is_at_the_top_of_its_band():
    rows = tuple(heatmap.Row(days, (heatmap.Level.FROM_50,)) for days in (10, 90, 30))
    assert [row.days for row in heatmap.Group(theme.BELOW_40, rows).ordered] == [90, 30, 10]


def test_a_large_cohort_is_drawn_as_shares_and_stays_small():
    chart = heatmap.chart(synthetic.cells((300, 300, 300)))
    assert chart.svg_narrow is None
    assert len(chart.svg) < 16_000


def test_the_cells_of_a_middling_cohort_stay_small():
    assert len(heatmap.chart(synthetic.cells()).svg) < 60_000
