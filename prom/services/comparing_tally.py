"""Counts of a cohort that add up: what every curve, share and mean of the page is read from.

The tally of two groups together is the sum of theirs, so a changed episode costs its own two tallies (as it was and as
it is), sites and procedures are put together without looking at a patient again, and a million episodes are counted a
block at a time.

A cell is the pair of what is certain of an episode's CSI: which side of the cut-off, and which of the five bands.

Sources:
    [P] Population, event and censoring of each figure: CLINICAL rules, section 6, definition version 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from prom.domain import scoring
from prom.domain.relief import State
from prom.services import comparing_pain as pain
from prom.services import packed_arrays
from prom.services.comparing_cohort import THRESHOLDS, Cohort
from prom.services.comparing_columns import FIVE, PLACE_OF_STATE, STATES, Arrays, Columns, Flags, Floats, Ints
from prom.services.comparing_loading import nobody

HALVES, BANDS = 3, len(FIVE) + 1
CELLS = HALVES * BANDS
# Three readings of the same data: as defined, confirmed responders only, and open runs of bad scores as losses.
READINGS = ("main", "confirmed", "open runs")
# A loss, then what may come before it.
ENDS = ("censored", "loss", "repeat", "surgery", "death")
SHARES = ("responded", "judged", "confirmed", "held", "failed", "unknown")
CAUSES_MOST = 16
Counts = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Tally:
    """Arrays of counts and sums by name, the cell first; those of a threshold begin with it."""

    arrays: Mapping[str, Counts]

    def __getitem__(self, name: str) -> Counts:
        """Return one array."""
        return self.arrays[name]

    def halves(self, name: str) -> Counts:
        """Return an array by the side of the cut-off: below, then from it on."""
        return np.asarray(_by_cell(self.arrays[name]).sum(axis=1)[1:])

    def five(self, name: str) -> Counts:
        """Return an array by the five bands."""
        return np.asarray(_by_cell(self.arrays[name]).sum(axis=0)[1:])

    def whole(self, name: str) -> Counts:
        """Return an array of all episodes, in whatever cell."""
        return np.asarray(self.arrays[name].sum(axis=0))

    def __add__(self, other: "Tally") -> "Tally":
        """Return the tally of both groups together."""
        return Tally({name: _added(self.arrays[name], other.arrays[name], 1) for name in self.arrays})

    def __sub__(self, other: "Tally") -> "Tally":
        """Return the tally without a group that is part of it."""
        return Tally({name: _added(self.arrays[name], other.arrays[name], -1) for name in self.arrays})


def _by_cell(values: Counts) -> Counts:
    return values.reshape(HALVES, BANDS, *values.shape[1:])


def _added(one: Counts, other: Counts, sign: int) -> Counts:
    """Add arrays whose last axis, the days, may differ in length."""
    if one.shape == other.shape:
        return np.asarray(one + sign * other)
    longer = max(one.shape[-1], other.shape[-1])
    return np.asarray(_longer(one, longer) + sign * _longer(other, longer))


def _longer(values: Counts, length: int) -> Counts:
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, length - values.shape[-1])])


def together(parts: Sequence[Tally]) -> Tally:
    """Return the tally of some groups together; there must be at least one."""
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole


def packed(tally: Tally) -> str:
    """Return a tally as one text."""
    return packed_arrays.packed(tally.arrays, {})


def unpacked(text: str) -> Tally:
    """Return the tally that `packed` wrote."""
    return Tally(packed_arrays.unpacked(text))


def nothing() -> Tally:
    """Return the tally of nobody."""
    return tally(nobody())


def tally(cohort: Cohort, cut_off: int = scoring.CUT_OFF) -> Tally:
    """Count a cohort, or a block of one."""
    of = cohort.waning
    cell = ((of.halves(cut_off).astype(np.int32) + 1) * BANDS + of.five + 1).astype(np.int32)
    at = cohort.readings.at_prompts()
    judged = pain.judged(of)
    arrays: Arrays = {
        "asked": _count(cell[of.asked_csi], CELLS),
        "judged": _count(cell[judged], CELLS),
        "procedures": _count(of.procedure[judged], len(pain.GRID.points)),
        "cause": _counts(cell, cohort.traits.cause, CAUSES_MOST),
        "baseline": _moments(cell, of.baseline.astype(np.float64), ~np.isnan(of.baseline)),
        **pain.tallied(of, at, cell, cohort.unsent),
        **pain.scattered(of, at),
    }
    for threshold in THRESHOLDS:
        judged_at = cohort.columns[threshold]
        arrays |= {f"{threshold} {name}": each for name, each in _relief(judged_at, cell).items()}
    return Tally(arrays)


def _count(values: Ints, length: int) -> Ints:
    return np.bincount(values, minlength=length).astype(np.int32)


def _counts(cell: Ints, values: Ints, length: int) -> Ints:
    """Count values by cell; a negative value is nothing."""
    known = values >= 0
    return _count(cell[known] * length + values[known], CELLS * length).reshape(CELLS, length)


def _moments(cell: Ints, values: Floats, chosen: Flags) -> Floats:
    """Return number, sum and sum of squares by cell."""
    cells, kept = cell[chosen], values[chosen]
    sums = (np.bincount(cells, weights=weight, minlength=CELLS) for weight in (np.ones(kept.size), kept, kept**2))
    return np.stack(list(sums), axis=1)


def _relief(of: Columns, cell: Ints) -> Arrays:
    responder, lost = of.responder, of.lost
    held, failed, unknown = of.successes
    known = responder | (of.state == PLACE_OF_STATE[State.NON_RESPONDER.value])
    shares = (responder, known, responder & of.confirmed, held, failed, unknown)
    pending = ~np.isnan(of.pending)
    time = of.time
    readings = (
        (responder, lost, time),
        (responder & of.confirmed, lost, time),
        (responder, lost | pending, np.where(pending, of.pending, time)),
    )
    competing = of.competing
    ends = np.where(lost, 1, np.where(competing > 0, competing + 1, 0))
    end_day = np.where(competing > 0, of.competing_day, time)
    return {
        "states": _counts(cell, of.state, len(STATES)),
        "shares": np.stack([_count(cell[share], CELLS) for share in shares], axis=1),
        "survival": _stacked([_by_day(cell[who], when[who], seen[who], 2) for who, seen, when in readings]),
        "ends": _by_day(cell[responder], end_day[responder], ends[responder], len(ENDS)),
    }


def _by_day(cell: Ints, day: Floats, kind: Ints | Flags, kinds: int) -> Ints:
    """Count by cell, kind and day."""
    days = int(day.max(initial=0)) + 1
    place = (cell * kinds + kind) * days + day.astype(np.int64)
    return _count(place, CELLS * kinds * days).reshape(CELLS, kinds, days)


def _stacked(parts: Sequence[Ints]) -> Ints:
    longest = max(part.shape[-1] for part in parts)
    return np.stack([_longer(part, longest) for part in parts], axis=1)
