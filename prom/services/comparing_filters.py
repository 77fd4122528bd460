"""What a cohort page is narrowed to: as values, as a choice of episodes, and in words that stand under every figure."""

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date

import numpy as np

from prom.domain import instruments, procedures, relief
from prom.services.comparing_cohort import Cohort
from prom.services.comparing_columns import Columns, Flags
from prom.services.comparing_loading import INDICATIONS, SIDES, TREATMENTS

CSI = "csi"
DEFAULT_CUT_OFF = "default"
SIGNS = ("any", "beyond", "none")
READINGS = ("main", "confirmed", "open")
NOBODY = "none"


@dataclass(frozen=True, slots=True)
class Filters:
    """What the page is narrowed to; an empty value leaves all in, no site means all that the reader may see.

    `signs` is any, beyond (the site) or none, among those examined; `treatment` a kind of treatment beside the
    procedure, or none. `reading` is another way to read the same data: confirmed responders only, or open runs of bad
    scores counted as losses.
    """

    procedure: str | None = None
    threshold: int = relief.WANING_PERCENT
    site_id: int | None = None
    indication: str = ""
    side: str = ""
    since: date | None = None
    until: date | None = None
    signs: str = ""
    treatment: str = ""
    cut_off: str = DEFAULT_CUT_OFF
    reading: str = READINGS[0]

    def __post_init__(self) -> None:
        if self.procedure is not None:
            procedures.procedure(self.procedure)
        if self.threshold not in relief.THRESHOLDS.values():
            raise ValueError(f"the threshold is 50 or 30 percent, not {self.threshold}")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} {getattr(self, name)!r} is not one of {', '.join(filter(None, known))}")
        if self.since and self.until and self.since > self.until:
            raise ValueError("the first date lies after the last")

    @property
    def ready_made(self) -> bool:
        """Tell whether nothing is asked that the ready-made pages do not answer."""
        return self == Filters(self.procedure, self.threshold, self.site_id)

    @property
    def at_least(self) -> int:
        """Return the CSI total from which a patient is counted as at or above the cut-off."""
        return cut_offs()[self.cut_off].at_least

    def key(self, scope: str) -> str:
        """Return a short name of this choice within some sites."""
        told = json.dumps({**asdict(self), "scope": scope}, default=str, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:24]

    def as_json(self) -> str:
        """Return the choice as a text that `from_json` reads."""
        return json.dumps(asdict(self), default=str)


def from_json(text: str) -> Filters:
    """Return the choice that `as_json` wrote."""
    given = json.loads(text)
    days = {name: date.fromisoformat(given[name]) if given[name] else None for name in ("since", "until")}
    return Filters(**{**given, **days})


def cut_offs() -> dict[str, instruments.CutOff]:
    """Return the named cut-offs of the CSI, in the order of their data file."""
    return {one.name: one for one in instruments.instrument(CSI).cut_offs}


_CHOICES: dict[str, Collection[str]] = {
    "indication": INDICATIONS,
    "side": SIDES,
    "signs": ("", *SIGNS),
    "treatment": ("", NOBODY, *TREATMENTS),
    "cut_off": cut_offs(),
    "reading": READINGS,
}


def chosen(cohort: Cohort, filters: Filters) -> Cohort:
    """Return the episodes that a choice names, as it reads them."""
    kept = np.ones(cohort.size, dtype=np.bool_)
    for flags in _conditions(cohort, filters):
        kept &= flags
    return _read(cohort.only(kept), filters)


def _conditions(cohort: Cohort, filters: Filters) -> Iterator[Flags]:
    traits = cohort.traits
    if filters.indication:
        yield traits.indication == INDICATIONS.index(filters.indication)
    if filters.side:
        yield traits.side == SIDES.index(filters.side)
    if filters.since:
        yield traits.on >= filters.since.toordinal()
    if filters.until:
        yield traits.on <= filters.until.toordinal()
    if filters.signs:
        yield {"any": traits.signs >= 1, "beyond": traits.signs == 2, "none": traits.signs == 0}[filters.signs]
    if filters.treatment == NOBODY:
        yield traits.treatments == 0
    elif filters.treatment:
        yield (traits.treatments & (1 << TREATMENTS.index(filters.treatment))) > 0


def _read(cohort: Cohort, filters: Filters) -> Cohort:
    """Return a cohort under another reading of the data."""
    if filters.reading == "confirmed":
        of = cohort.columns[filters.threshold]
        return cohort.only(~of.responder | of.confirmed)
    if filters.reading == "open":
        return replace(cohort, columns={name: _runs_lost(of) for name, of in cohort.columns.items()})
    return cohort


def _runs_lost(of: Columns) -> Columns:
    return replace(of, loss=np.where(of.lost, of.loss, of.pending))
