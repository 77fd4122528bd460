"""A cohort as columns: one number an episode and fact, so that a hundred thousand episodes are compared in one pass.

The columns are the same whether the verdicts were just computed (`prom analyse`) or read from the projection (the
cohort page), so that the two cannot disagree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from prom.domain import procedures, scoring
from prom.domain.relief import AtHorizon, State
from prom.storage.cohort import Facts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

PROCEDURES = tuple(procedures.PROCEDURES)
STATES = tuple(State)
HORIZON_VIEWS = ("", *AtHorizon)
FIVE = tuple(band.name for band in scoring.BANDS)
TWO = ("below_40", "40_or_more")
COMPETING = (State.COMPETING_REPEAT, State.COMPETING_SURGERY, State.COMPETING_DEATH)
_LIMITS = np.array([band.low for band in scoring.BANDS])
_PLACE_OF_STATE = {state.value: place for place, state in enumerate(STATES)}
_PLACE_OF_VIEW = {str(view): place for place, view in enumerate(HORIZON_VIEWS)}
_PLACE_OF_PROCEDURE = {key: place for place, key in enumerate(PROCEDURES)}


@dataclass(frozen=True, slots=True)
class Columns:
    """The episodes of a cohort at one threshold. NaN says not known or not applicable; days count from the procedure.

    For responders `left` is the last held day L, `time` is R of a loss or L without one, and `right` is R or infinity.
    `csi` is the total of a complete questionnaire, `five` and `two` the band that is certain, -1 where it is not.
    """

    episode: Ints
    site: Ints
    procedure: Ints
    csi: Floats
    five: Ints
    two: Ints
    asked_csi: Flags
    age: Floats
    male: Floats
    phq4: Floats
    opioids: Floats
    baseline: Floats
    state: Ints
    responder: Flags
    confirmed: Flags
    first_day: Floats
    left: Floats
    time: Floats
    right: Floats
    lost: Flags
    pending: Floats
    competing: Ints
    competing_day: Floats
    at_horizon: Ints
    end_day: Ints

    @property
    def size(self) -> int:
        """Return how many episodes there are."""
        return self.episode.size

    def only(self, chosen: npt.NDArray[Any]) -> "Columns":
        """Return the chosen episodes."""
        return Columns(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def count(self, *states: State) -> int:
        """Return how many episodes are in some states."""
        return int(np.isin(self.state, [_PLACE_OF_STATE[state.value] for state in states]).sum())

    @property
    def states(self) -> dict[str, int]:
        """Return how many episodes are in each state that occurs."""
        counts = np.bincount(self.state, minlength=len(STATES))
        return {state.value: int(count) for state, count in zip(STATES, counts, strict=True) if count}

    @property
    def past_horizon(self) -> Flags:
        """Return which episodes are judged and have passed their horizon H + h."""
        last = np.array([_horizon_end(key) for key in PROCEDURES])
        return np.asarray((self.at_horizon > 0) & (self.end_day > last[self.procedure]), dtype=np.bool_)

    @property
    def successes(self) -> tuple[Flags, Flags, Flags]:
        """Return which episodes past the horizon held relief, lost it, and are unknown.

        An unknown view after a confirmed loss, or of a non-responder, is a failure.
        """
        past = self.past_horizon
        held = past & (self.at_horizon == _PLACE_OF_VIEW[AtHorizon.HELD.value])
        failed = self.lost | (self.state == _PLACE_OF_STATE[State.NON_RESPONDER.value])
        unknown = past & (self.at_horizon == _PLACE_OF_VIEW[AtHorizon.UNKNOWN.value]) & ~failed
        return held, past & ~held & ~unknown, unknown


def _horizon_end(key: str) -> int:
    windows = procedures.PROCEDURES[key].relief
    return 0 if windows is None else windows.horizon + windows.horizon_margin


def columns(facts: Sequence[Facts], verdicts: Sequence[Mapping[str, Any]], end_days: Sequence[int]) -> Columns:
    """Return the columns of episodes, with a verdict (as in `prom classify`) and today as a day for each."""
    lost = [verdict.get("loss_interval") for verdict in verdicts]
    held = _numbers(verdict.get("censor_day") for verdict in verdicts)
    left = np.where(np.isnan(held), _numbers(pair and pair[0] for pair in lost), held)
    loss = _numbers(pair and pair[1] for pair in lost)
    state = _whole(_PLACE_OF_STATE[verdict["state"]] for verdict in verdicts)
    low, high = _numbers(one.csi_min for one in facts), _numbers(one.csi_max for one in facts)
    return Columns(
        episode=_whole(one.episode_id for one in facts),
        site=_whole(one.site_id for one in facts),
        procedure=_whole(_PLACE_OF_PROCEDURE[one.procedure] for one in facts),
        csi=np.where(low == high, low, np.nan),
        five=_five(low, high),
        two=_two(low, high),
        asked_csi=~np.isnan(low),
        age=_numbers(one.birth_year and one.procedure_at.year - one.birth_year for one in facts),
        male=_numbers({"M": 1, "F": 0}.get(one.sex or "") for one in facts),
        phq4=_numbers(one.phq4 for one in facts),
        opioids=_numbers({"yes": 1, "no": 0}.get(one.opioids or "") for one in facts),
        baseline=_numbers(verdict.get("baseline") for verdict in verdicts),
        state=state,
        responder=np.array(["first_response_day" in verdict for verdict in verdicts], dtype=np.bool_),
        confirmed=np.array([bool(verdict.get("response_confirmed")) for verdict in verdicts], dtype=np.bool_),
        first_day=_numbers(verdict.get("first_response_day") for verdict in verdicts),
        left=left,
        time=np.where(np.isnan(loss), left, loss),
        right=np.where(np.isnan(loss), np.inf, loss),
        lost=~np.isnan(loss),
        pending=_numbers(verdict.get("pending_bad_day") for verdict in verdicts),
        competing=_competing(state),
        competing_day=_numbers(verdict.get("competing_day") for verdict in verdicts),
        at_horizon=_whole(_PLACE_OF_VIEW[verdict.get("at_horizon", "")] for verdict in verdicts),
        end_day=_whole(end_days),
    )


def _numbers(values: Any) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _whole(values: Any) -> Ints:
    return np.fromiter(values, dtype=np.int64)


def _five(low: Floats, high: Floats) -> Ints:
    """Return the band that both bounds of a total lie in, -1 where they do not agree."""
    first, last = (np.searchsorted(_LIMITS, np.nan_to_num(bound, nan=0.0), side="right") - 1 for bound in (low, high))
    return np.where(~np.isnan(low) & (first == last), first, -1).astype(np.int64)


def _two(low: Floats, high: Floats) -> Ints:
    """Return 1 from the cut-off on, 0 below it, -1 where missing items leave it open."""
    return np.where(low >= scoring.CUT_OFF, 1, np.where(high < scoring.CUT_OFF, 0, -1)).astype(np.int64)


def _competing(state: Ints) -> Ints:
    """Return 1 for a repeat, 2 for surgery, 3 for a death before a loss was seen, else 0."""
    kinds = np.zeros(state.size, dtype=np.int64)
    for number, kind in enumerate(COMPETING, start=1):
        kinds[state == _PLACE_OF_STATE[kind.value]] = number
    return kinds
