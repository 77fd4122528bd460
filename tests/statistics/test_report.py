"""The report for other programs: what a statistician looks for is there, and it is always plain JSON."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.statistics import report
from tests.statistics import shared

ROWS = [
    {"time": str(time), "event": str(event), "group": ("6MP", "placebo")[group]}
    for time, event, group in zip(shared.TIME, shared.EVENT, shared.GROUP, strict=True)
]
HEADER = ["time", "event", "group"]


def lines(text):
    return report.survival_report_of_lines(text.splitlines(keepends=True))


def plain(found):
    return json.loads(json.dumps(found, allow_nan=False))


def test_the_leukaemia_trial_reads_like_rs_output():
    found = plain(report.survival_report(ROWS, HEADER, taus=[20]))
    assert found["km"]["6MP"]["time"] == [6, 7, 10, 13, 16, 22, 23]
    assert found["km"]["6MP"]["median_ci"] == [13, None]
    assert found["km"]["placebo"]["median_ci"] == [4, 11]
    assert found["km"]["placebo"]["se"][-1] is None
    assert found["logrank"]["chi2"] == pytest.approx(16.79294099, rel=1e-9)
    assert found["reference"] == "6MP"
    assert found["cox"][0]["covariate"] == "group=placebo"
    assert found["cox"][0]["hr"] == pytest.approx(4.816873898, rel=1e-9)
    assert found["cox_loglik"] == pytest.approx([-93.18427, -85.00842458], rel=1e-8)
    assert found["zph"]["chisq"] == pytest.approx(0.0228634, rel=1e-5)
    assert found["rmst"]["20"]["groups"]["6MP"]["se"] == pytest.approx(1.251560196, rel=1e-9)
    assert found["warnings"] == []


def test_without_a_tau_the_longest_common_follow_up_is_taken():
    assert list(report.survival_report(ROWS, HEADER)["rmst"]) == ["23"]


def test_a_tau_beyond_a_groups_follow_up_warns():
    found = report.survival_report(ROWS, HEADER, taus=[50])
    assert found["warnings"] == ["group 6MP was followed to 35 only: its curve is drawn on flat to 50"]


def test_covariates_adjust_the_groups():
    adjusted = [row | {"age": str(place * 7 % 40)} for place, row in enumerate(ROWS)]
    found = report.survival_report(adjusted, [*HEADER, "age"])
    assert [one["covariate"] for one in found["cox"]] == ["group=placebo", "age"]
    assert found["cox"][0]["hr"] != pytest.approx(4.816873898, rel=1e-6)
    assert found["zph"]["df"] == 2


def test_rows_with_a_missing_covariate_leave_the_model_only():
    adjusted = [row | {"age": "" if place < 2 else str(place * 7 % 40)} for place, row in enumerate(ROWS)]
    found = report.survival_report(adjusted, [*HEADER, "age"])
    assert found["n"] == 42
    assert found["logrank"]["chi2"] == pytest.approx(16.79294099, rel=1e-9)
    assert "rows left out of the Cox model because a covariate is missing: 2" in found["warnings"]


def test_small_groups_warn_and_still_get_their_p_value():
    found = lines("time,event,group\n" + "".join(f"{day},1,{'ab'[day % 2]}\n" for day in range(1, 10)))
    assert found["logrank"]["p"] is not None
    assert [text.split(":")[0] for text in found["warnings"]] == [
        "group a has 4 patients and 4 events",
        "group b has 5 patients and 5 events",
        "9 events for 1 covariates",
    ]


def test_three_groups_get_a_trend():
    found = lines("time,event,group\n" + "".join(f"{10 * day + day % 3},1,{day % 3}\n" for day in range(1, 40)))
    assert found["logrank"]["df"] == 2
    assert found["logrank_trend"]["df"] == 1
    assert [one["covariate"] for one in found["cox"]] == ["group=1", "group=2"]


def test_one_group_is_compared_with_nothing():
    found = plain(lines("time,event\n5,1\n6,0\n"))
    assert found["logrank"]["p"] is None
    assert (found["cox"], found["zph"], found["warnings"]) == ([], None, [])


def test_intervals_get_boxes_and_both_log_rank_tests():
    found = plain(lines("left,right,group\n2,3,a\n5,6,a\n1,7,b\n1,7,b\n9,12,a\n8,10,b\n10,13,a\n3,,b\n"))
    assert set(found["npmle"]) == {"a", "b"}
    assert found["npmle"]["b"][-1][1] is None or found["npmle"]["b"][-1][1] == 10
    assert found["logrank_sun"]["exact_p"]["two_sided"] <= 1
    assert found["logrank_finkelstein"]["df"] == 1


def test_doubly_censored_counts_get_survival_at_their_times():
    found = plain(lines("time,status,n\n1,1,12\n1,0,3\n1,2,2\n2,1,6\n2,0,2\n2,2,4\n"))
    assert found["time"] == [1, 2]
    assert found["surv"] == sorted(found["surv"], reverse=True)
    assert found["n"] == 29


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 1), st.sampled_from("abc"), st.integers(0, 2)),
        min_size=1,
        max_size=20,
    )
)
def test_every_small_file_gives_plain_json(rows):
    plain(lines("time,event,group,score\n" + "".join(f"{a},{b},{c},{d}\n" for a, b, c, d in rows)))
    plain(lines("left,right,group\n" + "".join(f"{a},{a + d if b else ''},{c}\n" for a, b, c, d in rows)))
