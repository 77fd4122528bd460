"""When a comparison is too small to carry a p value, and when a model has too few events.

These are answers for callers, not decisions: the pages withhold, `prom survival` prints and warns.

Sources:
    10 patients and 5 events a group: docs/clinical.md, definition version 1.
    10 events a covariate: Peduzzi 1995 (J Clin Epidemiol 48:1503).
"""

from collections.abc import Mapping
from dataclasses import dataclass

PATIENTS_A_GROUP = 10
EVENTS_A_GROUP = 5
EVENTS_A_COVARIATE = 10


@dataclass(frozen=True, slots=True)
class SmallGroup:
    """A group that is too small for a p value."""

    group: str
    n: int
    events: int

    def __str__(self) -> str:
        return (
            f"group {self.group} has {self.n} patients and {self.events} events: "
            f"below {PATIENTS_A_GROUP} patients or {EVENTS_A_GROUP} events a p value means little"
        )


@dataclass(frozen=True, slots=True)
class FewEvents:
    """A model with too few events for its covariates."""

    events: int
    covariates: int

    def __str__(self) -> str:
        return (
            f"{self.events} events for {self.covariates} covariates: "
            f"with fewer than {EVENTS_A_COVARIATE} events a covariate the hazard ratios are unstable"
        )


@dataclass(frozen=True, slots=True)
class Guards:
    """What stands against a comparison: the small groups, and too few events for the model."""

    small: tuple[SmallGroup, ...]
    few: FewEvents | None

    @property
    def allows_p(self) -> bool:
        """Tell whether every group is large enough for a p value."""
        return not self.small

    @property
    def warnings(self) -> list[str]:
        """Return what stands against the comparison, in plain sentences."""
        return [str(one) for one in (*self.small, *((self.few,) if self.few else ()))]


def too_small(n: int, events: int) -> bool:
    """Tell whether a group is too small to carry a p value."""
    return n < PATIENTS_A_GROUP or events < EVENTS_A_GROUP


def guards(groups: Mapping[str, tuple[int, int]], covariates: int = 0, model_events: int | None = None) -> Guards:
    """Return what stands against comparing these groups, each given as (n, events).

    `model_events` are the events the model was fitted on, where that is fewer than all.
    """
    small = tuple(SmallGroup(name, n, events) for name, (n, events) in groups.items() if too_small(n, events))
    events = sum(events for _, events in groups.values()) if model_events is None else model_events
    few = FewEvents(events, covariates) if events < EVENTS_A_COVARIATE * covariates else None
    return Guards(small, few)
