"""What the relief classification can say about one episode, as values, as plain JSON and in words.

A verdict is one of four: nothing may be judged (`Unclassified`), no response was seen (`NoResponse`), a response was
seen and then a confirmed loss (`Lost`), or a response without one (`Holding`). Days count from the procedure's date.

Sources:
    [P] States, their precedence and the fields told with them: CLINICAL rules, section 5, definition version 1.
    Words: "relief" and "held" only. A state says what the scores show, never why.
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

DEFINITION_VERSION = "1"


class State(StrEnum):
    """The one word for an episode at one threshold."""

    NO_BASELINE = "no_baseline"
    BASELINE_ZERO = "baseline_zero"
    BASELINE_LOW = "baseline_low"
    NOT_CLASSIFIED = "not_classified"
    PENDING_RESPONSE = "pending_response"
    UNDETERMINED_RESPONSE = "undetermined_response"
    NON_RESPONDER = "non_responder"
    EARLY_LOSS = "early_loss"
    LATE_LOSS = "late_loss"
    LOSS_TIMING_UNCERTAIN = "loss_timing_uncertain"
    COMPETING_DEATH = "competing_death"
    COMPETING_REPEAT = "competing_repeat"
    COMPETING_SURGERY = "competing_surgery"
    SUSPECTED_LOSS = "suspected_loss"
    SUSTAINED_RESPONDER = "sustained_responder"
    HELD_BELOW_THRESHOLD = "held_below_threshold"
    CENSORED_OPTOUT = "censored_optout"
    CENSORED_EXPLANT = "censored_explant"
    UNDETERMINED_LOST_TO_FOLLOWUP = "undetermined_lost_to_followup"
    IN_RELIEF_ONGOING = "in_relief_ongoing"


class AtHorizon(StrEnum):
    """What the last answer around the horizon showed."""

    HELD = "held"
    LOST = "lost"
    UNKNOWN = "unknown"


class ConfirmedBy(StrEnum):
    """What confirmed a loss."""

    ANSWER = "answer"
    EXPLANT = "explant"
    REPEAT = "repeat"
    SURGERY = "surgery"


@dataclass(frozen=True, slots=True)
class Unclassified:
    """Nothing may be judged: the baseline is missing, zero or low, or the procedure is charted only."""

    state: State
    threshold: int
    baseline: Fraction | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at: up to which day, the last day with an answer, and the view at the horizon."""

    baseline: Fraction
    followed_to: int
    last_answer_day: int | None
    at_horizon: AtHorizon

    @property
    def days_of_silence(self) -> int:
        """Return the days since the last answer, or since the procedure when there was none."""
        return self.followed_to - (self.last_answer_day or 0)


@dataclass(frozen=True, slots=True)
class NoResponse:
    """No answer in the response window reached 50 % relief; the first one after it may be told."""

    state: State
    threshold: int
    seen: Seen
    late_response_day: int | None

    @property
    def baseline(self) -> Fraction:
        """Return the mean baseline score."""
        return self.seen.baseline


@dataclass(frozen=True, slots=True)
class Response:
    """The first day in the response window with 50 % relief, and whether the window's mean reached it too."""

    first_day: int
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """Relief was lost after `last_held_day` and by `lost_by_day`; it may have been regained later."""

    state: State
    threshold: int
    seen: Seen
    response: Response
    flares: tuple[int, ...]
    last_held_day: int
    lost_by_day: int
    confirmed_by: ConfirmedBy
    regained_day: int | None

    @property
    def baseline(self) -> Fraction:
        """Return the mean baseline score."""
        return self.seen.baseline


@dataclass(frozen=True, slots=True)
class Holding:
    """No loss is confirmed: relief was last held on `last_held_day`; an open run or a competing event may follow."""

    state: State
    threshold: int
    seen: Seen
    response: Response
    flares: tuple[int, ...]
    last_held_day: int
    pending_bad_day: int | None
    competing_day: int | None

    @property
    def baseline(self) -> Fraction:
        """Return the mean baseline score."""
        return self.seen.baseline


Relief = Unclassified | NoResponse | Lost | Holding


def as_json(relief: Relief) -> dict[str, Any]:
    """Return a verdict as plain values; a field that does not apply is absent."""
    fields: dict[str, Any] = {
        "state": relief.state.value,
        "baseline": None if relief.baseline is None else float(relief.baseline),
    }
    match relief:
        case NoResponse():
            fields |= {"late_response_day": relief.late_response_day}
        case Lost():
            fields |= {
                "loss_interval": [relief.last_held_day, relief.lost_by_day],
                "confirmed_by": relief.confirmed_by.value,
                "regained_day": relief.regained_day,
            }
        case Holding():
            fields |= {
                "censor_day": relief.last_held_day,
                "pending_bad_day": relief.pending_bad_day,
                "competing_day": relief.competing_day,
            }
    if not isinstance(relief, Unclassified):
        fields["at_horizon"] = relief.seen.at_horizon.value
    if isinstance(relief, Lost | Holding):
        fields |= {
            "first_response_day": relief.response.first_day,
            "response_confirmed": relief.response.confirmed,
            "flares": list(relief.flares),
        }
    return {name: value for name, value in fields.items() if value is not None}


class Alarm(StrEnum):
    """The colour of a confirmed loss: amber when 50 % relief was lost, red when 30 % was."""

    AMBER = "amber"
    RED = "red"


def alarm(waning: Relief, loss: Relief) -> Alarm | None:
    """Return the alarm of a verdict at 50 % (`waning`) and at 30 % (`loss`): one score alone never raises one."""
    if isinstance(loss, Lost):
        return Alarm.RED
    return Alarm.AMBER if isinstance(waning, Lost) else None


_LABELS = {
    State.NO_BASELINE: "No baseline",
    State.BASELINE_ZERO: "No pain at baseline",
    State.BASELINE_LOW: "Low baseline",
    State.NOT_CLASSIFIED: "Charted only",
    State.PENDING_RESPONSE: "Response not known yet",
    State.UNDETERMINED_RESPONSE: "Response undetermined",
    State.NON_RESPONDER: "No response",
    State.EARLY_LOSS: "Relief lost early",
    State.LATE_LOSS: "Relief lost late",
    State.LOSS_TIMING_UNCERTAIN: "Relief lost, timing uncertain",
    State.COMPETING_DEATH: "Died before a loss was seen",
    State.COMPETING_REPEAT: "Repeated before a loss was seen",
    State.COMPETING_SURGERY: "Operated before a loss was seen",
    State.SUSPECTED_LOSS: "Loss suspected",
    State.SUSTAINED_RESPONDER: "Relief sustained",
    State.HELD_BELOW_THRESHOLD: "Relief below the threshold, no clear rise",
    State.CENSORED_OPTOUT: "Left follow-up in relief",
    State.CENSORED_EXPLANT: "Explanted for another reason",
    State.UNDETERMINED_LOST_TO_FOLLOWUP: "Lost to follow-up",
    State.IN_RELIEF_ONGOING: "In relief",
}


def state_label(state: State | str) -> str:
    """Return a state as a short plain label."""
    return _LABELS[State(state)]


_WITHOUT_RESPONSE = {
    State.PENDING_RESPONSE: "The response window is still open and no score has shown 50 % relief yet",
    State.UNDETERMINED_RESPONSE: "Too little was answered in the response window to tell whether there was a response",
    State.NON_RESPONDER: "No score in the response window showed 50 % relief",
}
_CONFIRMATIONS = {
    ConfirmedBy.ANSWER: "a second answer at least 2 days later confirmed it",
    ConfirmedBy.EXPLANT: "the explant for lost effect confirmed it",
    ConfirmedBy.REPEAT: "the repeated procedure confirmed it",
    ConfirmedBy.SURGERY: "surgery for the same pain confirmed it",
}
_WITHOUT_LOSS = {
    State.COMPETING_DEATH: "the patient died on day {competing} before a loss was confirmed",
    State.COMPETING_REPEAT: "the procedure was repeated on day {competing} before a bad score",
    State.COMPETING_SURGERY: "surgery for the same pain came on day {competing} before a bad score",
    State.SUSPECTED_LOSS: "a score below {threshold} % relief on day {bad} is not confirmed",
    State.SUSTAINED_RESPONDER: "relief is still at least {threshold} % at the horizon",
    State.HELD_BELOW_THRESHOLD: "relief is below {threshold} % at the horizon, without a rise of 2 points",
    State.CENSORED_OPTOUT: "the patient then left follow-up",
    State.CENSORED_EXPLANT: "the device was then removed for another reason",
    State.UNDETERMINED_LOST_TO_FOLLOWUP: "nothing was answered around the horizon, so the outcome is not known",
    State.IN_RELIEF_ONGOING: "no bad score has followed",
}


def _unclassified_in_words(relief: Unclassified) -> str:
    if relief.state is State.BASELINE_LOW and relief.baseline is not None:
        return f"Mean pain before the procedure was {float(relief.baseline):.1f}, below 4: charted, not counted."
    return {
        State.NO_BASELINE: "No pain score from the 14 days before the procedure: relief cannot be judged.",
        State.BASELINE_ZERO: "Pain before the procedure was 0: there was nothing to relieve.",
    }.get(relief.state, "This procedure has no response window: its scores are charted only.")


def _without_response_in_words(relief: NoResponse) -> str:
    late = relief.late_response_day
    return _WITHOUT_RESPONSE[relief.state] + (f"; it was first seen on day {late}, after it." if late else ".")


def _lost_in_words(relief: Lost) -> str:
    told = (
        f"Relief held on day {relief.last_held_day} and was below {relief.threshold} % by day {relief.lost_by_day}; "
        f"{_CONFIRMATIONS[relief.confirmed_by]}"
    )
    if relief.confirmed_by is ConfirmedBy.EXPLANT:
        told = (
            f"Relief held on day {relief.last_held_day} and was lost by day {relief.lost_by_day}; "
            f"{_CONFIRMATIONS[relief.confirmed_by]}"
        )
    return told + (f"; it was regained on day {relief.regained_day}." if relief.regained_day else ".")


def rule_in_words(relief: Relief) -> str:
    """Return one plain sentence that says why the state holds."""
    match relief:
        case Unclassified():
            return _unclassified_in_words(relief)
        case NoResponse():
            return _without_response_in_words(relief)
        case Lost():
            return _lost_in_words(relief)
        case Holding():
            why = _WITHOUT_LOSS[relief.state].format(
                competing=relief.competing_day, threshold=relief.threshold, bad=relief.pending_bad_day
            )
            return f"Relief was last held on day {relief.last_held_day}; {why}."
