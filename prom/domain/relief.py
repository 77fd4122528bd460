"""Pain relief after a procedure, judged from 0-10 pain scores: response, held relief, confirmed loss.

Relief is the fall from the baseline score as a share of the baseline, in percent. The functions below follow the seven
steps of the definition, in its order, so that each can be checked against the text. Days count from the procedure's
date; S is the day follow-up stops, X the threshold, L the last held day, R the day a loss is dated to, r1 the first
answer of a run of bad ones.

Sources:
    [S] IMMPACT 2008 (Dworkin), Farrar 2001 (Pain 94:149): 30 % is moderate relief, 50 % substantial.
    [P] The classification, definition version 1 (CLINICAL rules, section 5): windows W, E, H +- h; bad = relief < X %
        and 2 points above the lowest score from W on; confirmed from 2 days after the first bad answer; 45 days; 3 days
        of grace after E; baseline below 4 charted but not judged.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prom.domain import procedures
from prom.domain.baselines import (
    Baseline,
    BlockJudged,
    BlockUnjudged,
    deterioration,
    diagnostic_block_response,
    relief_percent,
)
from prom.domain.procedures import ReliefWindows
from prom.domain.trajectories import Day, EventKind, Reading, Trajectory, first_of_each_day, stop, whole_day
from prom.domain.verdicts import (
    DEFINITION_VERSION,
    Alarm,
    AtHorizon,
    ConfirmedBy,
    Holding,
    Lost,
    NoResponse,
    Relief,
    Response,
    Seen,
    State,
    Unclassified,
    alarm,
    as_json,
    rule_in_words,
    state_label,
)

__all__ = [
    "DEFINITION_VERSION",
    "Alarm",
    "AtHorizon",
    "Baseline",
    "BlockJudged",
    "BlockUnjudged",
    "ConfirmedBy",
    "EventKind",
    "Holding",
    "Lost",
    "NoResponse",
    "Reading",
    "Relief",
    "Response",
    "Seen",
    "State",
    "Unclassified",
    "alarm",
    "as_json",
    "classify",
    "classify_case",
    "deterioration",
    "diagnostic_block_response",
    "relief_percent",
    "rule_in_words",
    "state_label",
]

WANING_PERCENT = 50
LOSS_PERCENT = 30
THRESHOLDS: Mapping[str, int] = {"T50": WANING_PERCENT, "T30": LOSS_PERCENT}
RESPONSE_PERCENT = 50
LOWEST_JUDGED_BASELINE = 4
BAD_RISE_POINTS = 2
CONFIRMING_GAP_DAYS = 2
LONGEST_GAP_DAYS = 45
EARLY_GRACE_DAYS = 3

# Step 1: who is not classified.


def not_classified(baseline: Baseline | None, windows: ReliefWindows | None) -> State | None:
    """Return why an episode is not judged, or None when it is."""
    if baseline is None:
        return State.NO_BASELINE
    if baseline.total == 0:
        return State.BASELINE_ZERO
    if baseline.total < LOWEST_JUDGED_BASELINE * baseline.count:
        return State.BASELINE_LOW
    return State.NOT_CLASSIFIED if windows is None else None


# Step 2: response.


def first_response(trajectory: Trajectory) -> Reading | None:
    """Return the first reading in W with at least 50 % relief."""
    baseline = trajectory.baseline
    return next((r for r in trajectory.in_response_window if baseline.reaches(r.nrs, RESPONSE_PERCENT)), None)


def response_confirmed(trajectory: Trajectory) -> bool:
    """Tell whether the mean of the readings in W reaches 50 % relief: one lucky score does not."""
    scores = [reading.nrs for reading in trajectory.in_response_window]
    return trajectory.baseline.reaches(sum(scores), RESPONSE_PERCENT, answers=len(scores))


def late_response_day(trajectory: Trajectory) -> int | None:
    """Return the first day after W with at least 50 % relief."""
    closes = trajectory.windows.response_closes
    late = (
        r.day for r in trajectory.readings if r.day > closes and trajectory.baseline.reaches(r.nrs, RESPONSE_PERCENT)
    )
    return next(late, None)


def state_without_response(trajectory: Trajectory, late_day: int | None) -> State:
    """Return the state when no reading in W reached 50 % relief."""
    windows, answered = trajectory.windows, trajectory.in_response_window
    if late_day is None and _given_up(trajectory.stopped_by, answered):
        return State.NON_RESPONDER
    if trajectory.stop_day <= windows.response_closes:
        return State.PENDING_RESPONSE if trajectory.stopped_by is None else State.UNDETERMINED_RESPONSE
    middle_doubled = windows.response_opens + windows.response_closes
    if len(answered) > 1 or any(2 * reading.day >= middle_doubled for reading in answered):
        return State.NON_RESPONDER
    return State.UNDETERMINED_RESPONSE


def _given_up(stopped_by: EventKind | None, answered: tuple[Reading, ...]) -> bool:
    # A device taken out for lost effect, or a second treatment after an answer in W, says the first one failed.
    if stopped_by is EventKind.EXPLANT_LOSS:
        return True
    return stopped_by in {EventKind.REPEAT, EventKind.SURGERY} and bool(answered)


# Step 3: bad and held.


def is_bad(trajectory: Trajectory, reading: Reading, lowest: int) -> bool:
    """Tell whether a reading is bad: relief below X, and 2 points above the lowest score so far from W on."""
    return not trajectory.relieved(reading) and reading.nrs >= lowest + BAD_RISE_POINTS


# Step 4: the run of bad answers, and what confirms a loss.


@dataclass(frozen=True, slots=True)
class Loss:
    """A confirmed loss: R, what confirmed it, and the day relief was regained."""

    by_day: int
    confirmed_by: ConfirmedBy
    regained_day: int | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """What followed the first response: L, the open run's first bad day r1, the flares, and the loss if confirmed."""

    last_held_day: int
    run_start: int | None
    flares: tuple[int, ...]
    loss: Loss | None


def course_after(trajectory: Trajectory, response: Reading) -> Course:
    """Follow the answers after the first response until a loss is confirmed or they end."""
    opens = trajectory.windows.response_opens
    lowest = min(r.nrs for r in trajectory.readings if opens <= r.day <= response.day)
    last_held, run_start, flares = response.day, None, list[int]()
    later = [reading for reading in trajectory.readings if reading.day > response.day]
    for place, reading in enumerate(later):
        lowest = min(lowest, reading.nrs)
        if not is_bad(trajectory, reading, lowest):
            flares += [] if run_start is None else [run_start]
            last_held, run_start = reading.day, None
        elif run_start is None:
            run_start = reading.day
        elif reading.day - run_start >= CONFIRMING_GAP_DAYS:
            regained = regained_day(trajectory, later[place + 1 :])
            loss = Loss(loss_day(run_start, reading.day), ConfirmedBy.ANSWER, regained)
            return Course(last_held, run_start, tuple(flares), loss)
    return Course(last_held, run_start, tuple(flares), loss_by_event(trajectory, last_held, run_start))


def loss_day(run_start: int, confirmed_on: int) -> int:
    """Return R of a loss confirmed by an answer: r1, or the confirming day when it is more than 45 days later."""
    return confirmed_on if confirmed_on - run_start > LONGEST_GAP_DAYS else run_start


def loss_by_event(trajectory: Trajectory, last_held: int, run_start: int | None) -> Loss | None:
    """Return the loss that the stopping event confirms: an explant always, a repeat or surgery only an open run."""
    match trajectory.stopped_by, run_start:
        case EventKind.EXPLANT_LOSS, None:
            return Loss(max(trajectory.stop_day, last_held + 1), ConfirmedBy.EXPLANT)
        case EventKind.EXPLANT_LOSS, int() as bad_day:
            return Loss(bad_day, ConfirmedBy.EXPLANT)
        case EventKind.REPEAT, int() as bad_day:
            return Loss(bad_day, ConfirmedBy.REPEAT)
        case EventKind.SURGERY, int() as bad_day:
            return Loss(bad_day, ConfirmedBy.SURGERY)
    return None


def regained_day(trajectory: Trajectory, after_loss: Sequence[Reading]) -> int | None:
    """Return the day of the second of two consecutive answers after a loss that reach the threshold again."""
    good_before = False
    for reading in after_loss:
        good = trajectory.relieved(reading)
        if good and good_before:
            return reading.day
        good_before = good
    return None


# Step 5: timing of a loss.


def loss_timing(windows: ReliefWindows, last_held: int, lost_by: int) -> State:
    """Return whether a loss in (L, R] was late, early (with 3 days of grace after E), or cannot be placed."""
    if last_held >= windows.early:
        return State.LATE_LOSS
    return State.EARLY_LOSS if lost_by <= windows.early + EARLY_GRACE_DAYS else State.LOSS_TIMING_UNCERTAIN


# Step 6: the state without a loss, in order of precedence.

_COMPETING = {
    EventKind.DEATH: State.COMPETING_DEATH,
    EventKind.REPEAT: State.COMPETING_REPEAT,
    EventKind.SURGERY: State.COMPETING_SURGERY,
}
_CENSORED = {EventKind.OPTOUT: State.CENSORED_OPTOUT, EventKind.EXPLANT_OTHER: State.CENSORED_EXPLANT}


def state_without_loss(trajectory: Trajectory, course: Course) -> State:
    """Return the state of a responder without a confirmed loss."""
    windows, event = trajectory.windows, trajectory.stopped_by
    if event in _COMPETING:
        return _COMPETING[event]
    if course.run_start is not None:
        return State.SUSPECTED_LOSS
    if course.last_held_day >= windows.horizon - windows.horizon_margin:
        held = trajectory.relieved(trajectory.readings[-1])
        return State.SUSTAINED_RESPONDER if held else State.HELD_BELOW_THRESHOLD
    if event in _CENSORED:
        return _CENSORED[event]
    if trajectory.end_day > windows.horizon + windows.horizon_margin:
        return State.UNDETERMINED_LOST_TO_FOLLOWUP
    return State.IN_RELIEF_ONGOING


# Step 7: the fields told with the state.


def at_horizon(trajectory: Trajectory) -> AtHorizon:
    """Return what the last reading within H +- h showed."""
    horizon, margin = trajectory.windows.horizon, trajectory.windows.horizon_margin
    near = [reading for reading in trajectory.readings if abs(reading.day - horizon) <= margin]
    if not near:
        return AtHorizon.UNKNOWN
    return AtHorizon.HELD if trajectory.relieved(near[-1]) else AtHorizon.LOST


def _seen(trajectory: Trajectory) -> Seen:
    last = trajectory.readings[-1].day if trajectory.readings else None
    return Seen(trajectory.baseline.mean, trajectory.stop_day, last, at_horizon(trajectory))


def _verdict(trajectory: Trajectory) -> Relief:
    threshold, seen = trajectory.threshold, _seen(trajectory)
    reading = first_response(trajectory)
    if reading is None:
        late_day = late_response_day(trajectory)
        return NoResponse(state_without_response(trajectory, late_day), threshold, seen, late_day)
    response = Response(reading.day, response_confirmed(trajectory))
    course = course_after(trajectory, reading)
    held, loss = course.last_held_day, course.loss
    if loss is not None:
        state = loss_timing(trajectory.windows, held, loss.by_day)
        told = (loss.by_day, loss.confirmed_by, loss.regained_day)
        return Lost(state, threshold, seen, response, course.flares, held, *told)
    state = state_without_loss(trajectory, course)
    competing = trajectory.stop_day if trajectory.stopped_by in _COMPETING else None
    return Holding(state, threshold, seen, response, course.flares, held, course.run_start, competing)


def classify(
    procedure: str,
    baseline: Sequence[object],
    answers: Iterable[tuple[Day, object]],
    events: Iterable[tuple[Day, str]],
    end_day: Day,
    threshold: int,
    *,
    windows: ReliefWindows | None = None,
) -> Relief:
    """Judge one episode at one threshold (50 or 30 percent).

    `baseline` holds the scores of the 14 days before the procedure; `answers` are (day, score) pairs of the same
    series; `end_day` is today. Days count from the procedure's date and are floored; invalid scores are no answers.
    `windows` replaces the procedure's own ones, for a clinic that edited them.
    """
    windows = windows or procedures.procedure(procedure).relief
    before = Baseline.of(baseline)
    today = whole_day(end_day)
    stop_day, stopped_by = stop(events, today)
    state = not_classified(before, windows)
    if state is not None or before is None or windows is None:
        return Unclassified(state or State.NOT_CLASSIFIED, threshold, None if before is None else before.mean)
    readings = tuple(reading for reading in first_of_each_day(answers) if reading.day <= stop_day)
    return _verdict(Trajectory(before, windows, readings, stop_day, stopped_by, today, threshold))


# The line of a file.


def classify_case(case: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Judge one line of a file at both thresholds: {"T50": ..., "T30": ...}.

    A line holds procedure, baseline, answers, events and end_day; `params` (resp, early, horizon, for this procedure or
    by procedure) replaces the procedure's own windows.
    """
    procedure = _procedure_of(case)
    windows = _windows_of(case.get("params"), procedure)
    answers = [(day, _whole_score(score)) for day, score in _pairs(case, "answers")]
    events = _pairs(case, "events")
    return {
        name: as_json(
            classify(
                procedure, _scores(case), answers, events, _number(case.get("end_day")), threshold, windows=windows
            )
        )
        for name, threshold in THRESHOLDS.items()
    }


def _procedure_of(case: object) -> str:
    match case:
        case {"procedure": str() as procedure}:
            return procedure
    raise ValueError("a line must be an object with a 'procedure'")


def _scores(case: Mapping[str, Any]) -> list[object]:
    match case.get("baseline"):
        case [*scores]:
            return [_whole_score(score) for score in scores]
    raise ValueError("'baseline' must be a list of scores, empty when there are none")


def _whole_score(score: object) -> object:
    # A file may write 7 as 7.0; every other fraction stays what it is and is no valid score.
    return int(score) if isinstance(score, float) and score.is_integer() else score


def _pairs(case: Mapping[str, Any], name: str) -> list[tuple[Day, Any]]:
    listed = case.get(name, [])
    if not isinstance(listed, list) or any(not isinstance(pair, list | tuple) or len(pair) != 2 for pair in listed):
        raise ValueError(f"{name!r} must be a list of pairs, a day first")
    return [(_number(day), value) for day, value in listed]


def _number(day: object) -> Day:
    if isinstance(day, int | float) and not isinstance(day, bool) and math.isfinite(day):
        return day
    raise ValueError(f"{day!r} is not a day")


def _windows_of(params: object, procedure: str) -> ReliefWindows | None:
    match params:
        case None:
            return None
        case {"resp": [int() as opens, int() as closes], "early": int() as early, "horizon": [int() as at, int() as h]}:
            return ReliefWindows(opens, closes, early, at, h)
        case {**by_procedure} if isinstance(by_procedure.get(procedure), Mapping):
            return _windows_of(by_procedure[procedure], procedure)
    raise ValueError("'params' needs resp = [first, last], early and horizon = [day, margin] in whole days")
