"""A cohort, or a block of it, in memory: columns at both thresholds, traits to choose by, and all readings.

Blocks are kept as rows (see comparing_projection); joined and narrowed they are what every figure is made of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import numpy as np

from prom.domain import relief
from prom.services import comparing_pain as pain
from prom.services import packed_arrays
from prom.services.comparing_columns import Arrays, Columns, Flags, Ints
from prom.services.comparing_pain import Readings

THRESHOLDS = (relief.WANING_PERCENT, relief.LOSS_PERCENT)
_SHARED = ("episode", "site", "procedure", "low", "high", "age", "male", "phq4", "opioids", "baseline", "end_day")
_JUDGED = tuple(field.name for field in fields(Columns) if field.name not in _SHARED)


@dataclass(frozen=True, slots=True)
class Traits:
    """What a cohort can be narrowed by, beside its columns, and what reviews concluded.

    `indication`, `side` and `cause` are places in their lists, -1 or the empty word for none; `on` is the date as an
    ordinal; `signs` is 2 with a sign beyond the site, 1 at the site only, 0 with none found, -1 not examined;
    `treatments` has a bit for each kind of treatment beside the procedure.
    """

    indication: Ints
    side: Ints
    on: Ints
    signs: Ints
    treatments: Ints
    cause: Ints

    def only(self, chosen: Flags | Ints) -> "Traits":
        """Return those of the chosen episodes."""
        return Traits(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Cohort:
    """All that the figures are made of. `unsent` holds places in the columns and nominal days of texts not sent."""

    columns: Mapping[int, Columns]
    traits: Traits
    readings: Readings
    unsent: tuple[Ints, Ints]
    as_of: datetime

    @property
    def size(self) -> int:
        """Return how many episodes there are."""
        return self.waning.size

    @property
    def waning(self) -> Columns:
        """Return the columns at 50 percent."""
        return self.columns[relief.WANING_PERCENT]

    def only(self, chosen: Flags) -> "Cohort":
        """Return the chosen episodes."""
        if chosen.all():
            return self
        place = np.cumsum(chosen) - 1
        kept = chosen[self.unsent[0]]
        return Cohort(
            {threshold: each.only(chosen) for threshold, each in self.columns.items()},
            self.traits.only(chosen),
            self.readings.only(chosen),
            (place[self.unsent[0][kept]].astype(np.int32), self.unsent[1][kept]),
            self.as_of,
        )

    def ordered(self) -> "Cohort":
        """Return the episodes in the order of their ids."""
        order = np.argsort(self.waning.episode, kind="stable")
        if (np.diff(order) == 1).all():
            return self
        back = np.empty_like(order)
        back[order] = np.arange(order.size)
        return Cohort(
            {threshold: each.only(order) for threshold, each in self.columns.items()},
            self.traits.only(order),
            self.readings.reordered(order, back),
            (back[self.unsent[0]].astype(np.int32), self.unsent[1]),
            self.as_of,
        )


def joined(parts: Sequence[Cohort]) -> Cohort:
    """Return some cohorts as one, one after another; there must be at least one."""
    if len(parts) == 1:
        return parts[0]
    first = np.cumsum([0, *(part.size for part in parts[:-1])])
    return Cohort(
        {threshold: _columns([part.columns[threshold] for part in parts]) for threshold in THRESHOLDS},
        Traits(*(np.concatenate([getattr(part.traits, field.name) for part in parts]) for field in fields(Traits))),
        pain.joined([part.readings for part in parts]),
        (
            np.concatenate([part.unsent[0] + np.int32(start) for part, start in zip(parts, first, strict=True)]),
            np.concatenate([part.unsent[1] for part in parts]),
        ),
        max(part.as_of for part in parts),
    )


def _columns(parts: Sequence[Columns]) -> Columns:
    return Columns(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Columns)))


def packed(cohort: Cohort) -> str:
    """Return a cohort as one text."""
    of, at = cohort.waning, cohort.readings
    arrays: Arrays = {name: getattr(of, name) for name in _SHARED}
    for threshold, each in cohort.columns.items():
        arrays |= {f"{threshold} {name}": getattr(each, name) for name in _JUDGED}
    arrays |= {field.name: getattr(cohort.traits, field.name) for field in fields(Traits)}
    counts = np.bincount(at.who, minlength=of.size).astype(np.int16)
    arrays |= {"readings": counts, "day": at.day, "nrs": at.nrs.astype(np.int8), "nominal": at.nominal}
    arrays |= {"stop": at.stop, "unsent who": cohort.unsent[0], "unsent day": cohort.unsent[1]}
    return packed_arrays.packed(arrays, {"as_of": cohort.as_of.isoformat()})


def unpacked(text: str) -> Cohort:
    """Return the cohort that `packed` wrote."""
    found = packed_arrays.unpacked(text)
    shared = {name: found[name] for name in _SHARED}
    who = np.repeat(np.arange(shared["episode"].size, dtype=np.int32), found["readings"])
    return Cohort(
        {each: Columns(**shared, **{name: found[f"{each} {name}"] for name in _JUDGED}) for each in THRESHOLDS},
        Traits(*(found[field.name] for field in fields(Traits))),
        Readings(who, found["day"], found["nrs"].astype(np.float32), found["nominal"], found["stop"]),
        (found["unsent who"], found["unsent day"]),
        datetime.fromisoformat(packed_arrays.header_of(text)["as_of"]),
    )
