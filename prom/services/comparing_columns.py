"""A cohort as columns: one number an episode and fact, so that a hundred thousand episodes are compared in one pass.

Columns are as narrow as their numbers allow: a million episodes fit into a small machine. They are the same whether
the verdicts were just computed (`prom analyse`) or read from the projection (the cohort page), so that the two cannot
disagree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from prom.domain import procedures, scoring
from prom.domain.relief import AtHorizon, State

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
Flags = npt.NDArray[np.bool_]

PROCEDURES = tuple(procedures.PROCEDURES)
STATES = tuple(State)
HORIZON_VIEWS = ("", *AtHorizon)
FIVE = tuple(band.name for band in scoring.BANDS)
TWO = ("below_40", "40_or_more")
COMPETING = (State.COMPETING_REPEAT, State.COMPETING_SURGERY, State.COMPETING_DEATH)
_LIMITS = np.array([band.low for band in scoring.BANDS])
PLACE_OF_STATE = {state.value: place for place, state in enumerate(STATES)}
_PLACE_OF_VIEW = {str(view): place for place, view in enumerate(HORIZON_VIEWS)}
_PLACE_OF_PROCEDURE = {key: place for place, key in enumerate(PROCEDURES)}


@dataclass(frozen=True, slots=True)
class Columns:
    """The episodes of a cohort at one threshold. NaN says not known or not applicable; days count from the procedure.

    `low` and `high` bound the CSI; they are equal for a complete form. For responders `left` is the last held day L
    and `loss` is R of a loss.
    """

    episode: Ints
    site: Ints
    procedure: Ints
    low: Floats
    high: Floats
    age: Floats
    male: Floats
    phq4: Floats
    opioids: Floats
    baseline: Floats
    end_day: Ints
    state: Ints
    confirmed: Flags
    first_day: Floats
    left: Floats
    loss: Floats
    pending: Floats
    competing_day: Floats
    at_horizon: Ints

    @property
    def size(self) -> int:
        """Return how many episodes there are."""
        return self.episode.size

    @property
    def csi(self) -> Floats:
        """Return the total of complete questionnaires."""
        return np.where(self.low == self.high, self.low, np.float32(np.nan))

    @property
    def asked_csi(self) -> Flags:
        """Return who has a questionnaire, complete or not."""
        return ~np.isnan(self.low)

    @property
    def five(self) -> Ints:
        """Return the band that both bounds of a total lie in, -1 where they do not agree."""
        low, high = np.nan_to_num(self.low, nan=0.0), np.nan_to_num(self.high, nan=0.0)
        first, last = (np.searchsorted(_LIMITS, bound, side="right") - 1 for bound in (low, high))
        return np.where(self.asked_csi & (first == last), first, -1).astype(np.int8)

    def halves(self, cut_off: int = scoring.CUT_OFF) -> Ints:
        """Return 1 from the cut-off on, 0 below it, -1 where missing items leave it open."""
        return np.where(self.low >= cut_off, 1, np.where(self.high < cut_off, 0, -1)).astype(np.int8)

    @property
    def responder(self) -> Flags:
        """Return who responded."""
        return ~np.isnan(self.first_day)

    @property
    def lost(self) -> Flags:
        """Return who lost relief."""
        return ~np.isnan(self.loss)

    @property
    def time(self) -> Floats:
        """Return R of a loss, or L without one."""
        return np.where(self.lost, self.loss, self.left)

    @property
    def right(self) -> Floats:
        """Return R of a loss, or infinity without one."""
        return np.where(self.lost, self.loss, np.float32(np.inf))

    @property
    def competing(self) -> Ints:
        """Return 1 for a repeat, 2 for surgery, 3 for a death before a loss was seen, else 0."""
        kinds = np.zeros(self.state.size, dtype=np.int8)
        for number, kind in enumerate(COMPETING, start=1):
            kinds[self.state == PLACE_OF_STATE[kind.value]] = number
        return kinds

    def only(self, chosen: npt.NDArray[Any]) -> "Columns":
        """Return the chosen episodes."""
        return Columns(*(getattr(self, field.name)[chosen] for field in fields(self)))

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
        failed = self.lost | (self.state == PLACE_OF_STATE[State.NON_RESPONDER.value])
        unknown = past & (self.at_horizon == _PLACE_OF_VIEW[AtHorizon.UNKNOWN.value]) & ~failed
        return held, past & ~held & ~unknown, unknown


def _horizon_end(key: str) -> int:
    windows = procedures.PROCEDURES[key].relief
    return 0 if windows is None else windows.horizon + windows.horizon_margin


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some episodes beside their answers, one list a fact; CSI bounds are None without a form."""

    episode: Sequence[int]
    site: Sequence[int]
    procedure: Sequence[str]
    year: Sequence[int]
    birth_year: Sequence[int | None]
    sex: Sequence[str | None]
    csi_min: Sequence[int | None]
    csi_max: Sequence[int | None]
    phq4: Sequence[int | None]
    opioids: Sequence[str | None]


Arrays = dict[str, npt.NDArray[Any]]


def known_columns(known: Known) -> Arrays:
    """Return the columns that do not depend on the threshold, without today's day."""
    return {
        "episode": np.array(known.episode, dtype=np.int64),
        "site": np.array(known.site, dtype=np.int32),
        "procedure": np.array([_PLACE_OF_PROCEDURE[key] for key in known.procedure], dtype=np.int8),
        "low": _numbers(known.csi_min),
        "high": _numbers(known.csi_max),
        "age": _numbers(known.year) - _numbers(known.birth_year),
        "male": _numbers([_MALE.get(sex) for sex in known.sex]),
        "phq4": _numbers(known.phq4),
        "opioids": _numbers([_YES.get(told) for told in known.opioids]),
    }


_MALE: dict[str | None, int] = {"M": 1, "F": 0}
_YES: dict[str | None, int] = {"yes": 1, "no": 0}


def verdict_columns(verdicts: Sequence[Mapping[str, Any]]) -> Arrays:
    """Return the columns of verdicts, as in `prom classify`."""
    lost = [verdict.get("loss_interval") or (None, None) for verdict in verdicts]
    held = _told(verdicts, "censor_day")
    return {
        "baseline": _told(verdicts, "baseline"),
        "state": np.array([PLACE_OF_STATE[verdict["state"]] for verdict in verdicts], dtype=np.int8),
        "confirmed": np.array([verdict.get("response_confirmed", False) for verdict in verdicts], dtype=np.bool_),
        "first_day": _told(verdicts, "first_response_day"),
        "left": np.where(np.isnan(held), _numbers([pair[0] for pair in lost]), held),
        "loss": _numbers([pair[1] for pair in lost]),
        "pending": _told(verdicts, "pending_bad_day"),
        "competing_day": _told(verdicts, "competing_day"),
        "at_horizon": np.array([_PLACE_OF_VIEW[verdict.get("at_horizon", "")] for verdict in verdicts], dtype=np.int8),
    }


def columns(known: Arrays, verdicts: Sequence[Mapping[str, Any]], end_days: Sequence[int]) -> Columns:
    """Return all columns of episodes, with a verdict and today as a day for each."""
    return Columns(**known, **verdict_columns(verdicts), end_day=np.array(end_days, dtype=np.int32))


def joined(parts: Sequence[Arrays]) -> Arrays:
    """Return the columns of some batches, one after another."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _told(verdicts: Sequence[Mapping[str, Any]], name: str) -> Floats:
    return _numbers([verdict.get(name) for verdict in verdicts])


def _numbers(values: Sequence[float | None]) -> Floats:
    # None becomes NaN. Days and points are small whole numbers, which half the memory holds exactly.
    return np.array(values, dtype=np.float32)
