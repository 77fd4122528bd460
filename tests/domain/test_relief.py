"""Relief classification against the published vectors, an independent oracle, and the sentences of the rule."""

import json
import pathlib
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prom.domain import procedures, relief
from prom.domain.baselines import Improvement, improvement
from prom.domain.relief import Alarm, BlockJudged, BlockUnjudged, Holding, Lost, State
from tests.domain import relief_oracle

CASES = pathlib.Path(__file__).parents[3] / "shared/cases/relief_cases.json"
VECTORS = json.loads(CASES.read_text(encoding="utf-8")) if CASES.exists() else {"cases": [], "params": {}}
KINDS = list(relief_oracle.RANK)


def judge(answers, *, baseline=(8,), events=(), end_day=200, threshold=50, procedure="genicular_rfa"):
    return relief.classify(procedure, list(baseline), answers, events, end_day, threshold)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_every_vector_is_judged_exactly(case):
    judged = relief.classify_case(case)
    assert judged == {"T50": case["expected_T50"], "T30": case["expected_T30"]}
    assert json.loads(json.dumps(judged)) == judged


@pytest.mark.parametrize("key", VECTORS["params"])
def test_the_shipped_windows_are_those_of_the_vectors(key):
    windows = procedures.procedure(key).relief
    named = VECTORS["params"][key]
    assert [windows.response_opens, windows.response_closes] == named["resp"]
    assert windows.early == named["early"]
    assert [windows.horizon, windows.horizon_margin] == named["horizon"]


@st.composite
def episodes(draw):
    procedure = draw(st.sampled_from([*relief_oracle.PARAMS, "diagnostic_block", "neuromodulation_trial"]))
    windows = relief_oracle.PARAMS.get(procedure, (14, 56, 90, 180, 21))
    edges = sorted({near + step for near in windows[:4] for step in (-1, 0, 1, 2, 3, 4, 7, 45, 46)})
    span = windows[3] + windows[4] + 40
    day = st.one_of(
        st.integers(-3, span),
        st.sampled_from(edges),
        st.integers(-8, 4 * span).map(lambda quarter: quarter / 4),
    )
    # Scores come in moods, or a random walk would almost never respond and almost never hold.
    nrs = draw(
        st.sampled_from([st.integers(0, 10), st.sampled_from([0, 1, 2, 3, 4, 5]), st.sampled_from([2, 3, 4, 6, 7])])
    )
    odd = st.sampled_from([-1, 11, None, 3.5, True])
    answers = draw(st.lists(st.tuples(day, st.one_of(nrs, nrs, nrs, nrs, odd)), max_size=16))
    early = st.tuples(st.integers(windows[0], windows[1]), st.sampled_from([0, 1, 2, 3]))
    answers += draw(st.lists(early, max_size=2))
    baseline = draw(
        st.one_of(
            st.lists(st.integers(4, 10), min_size=1, max_size=3),
            st.lists(st.sampled_from([0, 3, 5, 8, 10, 11]), max_size=3),
        )
    )
    events = draw(st.lists(st.tuples(st.one_of(day, st.integers(-10, 500)), st.sampled_from(KINDS)), max_size=3))
    if draw(st.booleans()):
        events = []
    end_day = draw(st.one_of(day, st.integers(span - 50, span + 50)))
    return procedure, baseline, answers, events, end_day


@settings(max_examples=200, deadline=None)
@given(episodes(), st.sampled_from([50, 30]))
def test_the_judgement_equals_an_independent_reading_of_the_text(episode, threshold):
    judged = relief.classify(*episode, threshold)
    assert relief.as_json(judged) == relief_oracle.judged(*episode, threshold)
    assert relief.rule_in_words(judged).endswith(".")
    assert relief.state_label(judged.state)


@settings(max_examples=100, deadline=None)
@given(episodes(), st.randoms(use_true_random=False))
def test_the_order_of_events_and_of_days_in_the_input_does_not_matter(episode, random):
    procedure, baseline, answers, events, end_day = episode
    once_a_moment = list({day: (day, nrs) for day, nrs in reversed(answers)}.values())
    first = relief.classify(procedure, baseline, once_a_moment, events, end_day, 50)
    random.shuffle(once_a_moment)
    random.shuffle(events)
    assert relief.classify(procedure, baseline, once_a_moment, events, end_day, 50) == first


@settings(max_examples=100, deadline=None)
@given(episodes())
def test_answers_after_today_change_nothing(episode):
    procedure, baseline, answers, events, end_day = episode
    known = [(day, nrs) for day, nrs in answers if day // 1 <= end_day // 1]
    assert relief.classify(procedure, baseline, known, events, end_day, 30) == relief.classify(*episode, 30)


def test_one_bad_day_is_not_a_loss():
    judged = judge([(14, 2), (30, 8)], end_day=40)
    assert isinstance(judged, Holding)
    assert judged.state is State.SUSPECTED_LOSS
    assert judged.pending_bad_day == 30


def test_an_answer_on_the_day_of_a_repeat_confirms_before_the_repeat_does():
    judged = judge([(14, 2), (60, 7), (110, 7)], events=[(110, "repeat")])
    assert isinstance(judged, Lost)
    assert (judged.lost_by_day, judged.confirmed_by) == (110, "answer")


def test_a_late_responder_whose_device_was_explanted_is_not_a_non_responder():
    judged = judge([(8, 8), (60, 2)], procedure="neuromodulation", events=[(300, "explant_loss")], end_day=400)
    assert judged.state is State.UNDETERMINED_RESPONSE


def test_a_low_diagnostic_block_baseline_is_told_before_the_missing_window():
    assert judge([], baseline=[3], procedure="diagnostic_block").state is State.BASELINE_LOW
    assert judge([], baseline=[], procedure="diagnostic_block").state is State.NO_BASELINE


def test_percent_is_compared_in_whole_numbers():
    misjudged = 0
    for count in range(1, 8):
        for total in range(4 * count, 10 * count + 1):
            before = relief.Baseline(total, count)
            for nrs in range(11):
                for percent in (30, 50):
                    exact = relief.relief_percent(Fraction(total, count), nrs) >= percent
                    assert before.reaches(nrs, percent) is exact
                    mean = total / count
                    misjudged += (100 * (mean - nrs) / mean >= percent) is not exact
    assert misjudged > 0


def test_the_days_of_silence_count_from_the_last_answer():
    judged = judge([(14, 2), (30, 2), (60, 8)], end_day=75)
    assert judged.seen.days_of_silence == 15


def test_one_score_never_raises_an_alarm():
    answers = [(14, 2), (30, 2), (60, 5)]
    assert relief.alarm(judge(answers, end_day=80), judge(answers, end_day=80, threshold=30)) is None
    answers += [(63, 5)]
    assert relief.alarm(judge(answers, end_day=80), judge(answers, end_day=80, threshold=30)) is Alarm.AMBER
    answers += [(70, 8), (73, 8)]
    assert relief.alarm(judge(answers, end_day=80), judge(answers, end_day=80, threshold=30)) is Alarm.RED


@pytest.mark.parametrize(
    ("baseline", "nrs", "worse"),
    [
        (8, 9, False),
        (8, 10, True),
        (9, 10, True),
        (10, 10, False),
        (5, 6, False),
        (5, 7, True),
        (Fraction(15, 2), 9, False),
    ],
)
def test_deterioration_is_two_points_above_baseline_or_ten(baseline, nrs, worse):
    assert relief.deterioration(baseline, nrs) is worse


def test_improvement_is_judged_by_percent_or_points():
    assert improvement(4, 2) is Improvement.SUBSTANTIAL
    assert improvement(10, 8) is Improvement.MODERATE
    assert improvement(10, 9) is Improvement.LITTLE
    assert improvement(0, 0) is Improvement.LITTLE
    assert improvement(10, 6) is Improvement.SUBSTANTIAL


def test_a_diagnostic_block_is_positive_at_fifty_percent_within_six_hours():
    assert relief.diagnostic_block_response([8], [(1, 4), (3, 6)]) == BlockJudged(Fraction(50), 1, True, False)
    strong = relief.diagnostic_block_response([10], [(6, 2)])
    assert strong.strongly_positive
    assert not relief.diagnostic_block_response([8], [(6, 5), (24, 0)]).positive


@pytest.mark.parametrize(("before", "answers"), [([], [(1, 0)]), ([0], [(1, 0)]), ([8], []), ([8], [(24, 0)])])
def test_a_diagnostic_block_without_its_scores_is_not_judged(before, answers):
    assert isinstance(relief.diagnostic_block_response(before, answers), BlockUnjudged)


LINE = {"procedure": "genicular_rfa", "baseline": [8], "answers": [[14, 3]], "events": [], "end_day": 60}


def test_a_line_may_carry_its_own_windows():
    own = {"resp": [20, 30], "early": 40, "horizon": [60, 5]}
    assert relief.classify_case(LINE | {"params": own})["T50"]["state"] == "undetermined_response"
    assert relief.classify_case(LINE | {"params": {"genicular_rfa": own}}) == relief.classify_case(
        LINE | {"params": own}
    )


def test_a_whole_score_written_with_a_point_is_a_score():
    assert relief.classify_case(LINE | {"answers": [[14, 3.0]]}) == relief.classify_case(LINE)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        LINE | {"procedure": "leeches"},
        LINE | {"procedure": 7},
        LINE | {"baseline": 8},
        LINE | {"answers": [14, 3]},
        LINE | {"answers": [[14, 3, 2]]},
        LINE | {"answers": [["14", 3]]},
        LINE | {"answers": [[float("nan"), 3]]},
        LINE | {"events": [[3, "holiday"]]},
        LINE | {"events": [[3, []]]},
        LINE | {"events": {"day": 3}},
        LINE | {"end_day": None},
        LINE | {"end_day": True},
        LINE | {"params": {"resp": [1]}},
        LINE | {"params": {"resp": [20, 10], "early": 3, "horizon": [1, 1]}},
        LINE | {"params": 5},
    ],
)
def test_a_broken_line_is_refused_in_plain_words(broken):
    with pytest.raises(ValueError) as refusal:
        relief.classify_case(broken)
    assert str(refusal.value)


def test_every_state_has_a_label_and_the_words_never_claim_a_cause():
    labels = [relief.state_label(state) for state in State]
    assert len(set(labels)) == len(labels)
    assert not any("sensiti" in label.lower() for label in labels)
