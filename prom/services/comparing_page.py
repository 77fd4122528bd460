"""The cohort page as one value, and the two parts it is kept in: what is counted, and what is fitted."""

from dataclasses import dataclass
from datetime import datetime

from prom.services.comparing_views import (
    BandMeans,
    BandReplies,
    Between,
    Calibration,
    Causes,
    Curve,
    Hazard,
    Heatmap,
    HeatRow,
    Incidence,
    Lane,
    MeanDays,
    Mixed,
    Responders,
    Scatter,
    ScatterPoint,
    Sensitivity,
    Survival,
    Test,
)


@dataclass(frozen=True, slots=True)
class Counted:
    """What is read from counts: always as new as the last change.

    `causes` holds, for each cause of the checklist, the reviews that concluded it below and from the cut-off.
    """

    threshold: int
    cut_off: int
    definition_version: str
    n: int
    responders: int
    states: tuple[tuple[str, int], ...]
    asked_csi: int
    open_two: int
    open_five: int
    two: tuple[Curve, ...]
    five: tuple[Curve, ...]
    tests_two: tuple[Test, ...]
    tests_five: tuple[Test, ...]
    mean_days: tuple[MeanDays, ...]
    sensitivity: tuple[Sensitivity, ...]
    shares: tuple[Responders, ...]
    competing: tuple[Incidence, ...]
    means: tuple[BandMeans, ...]
    replies: tuple[BandReplies, ...]
    causes: tuple[tuple[int, ...], ...]
    scatter: Scatter
    heatmap: Heatmap


@dataclass(frozen=True, slots=True)
class Fitted:
    """What looks at every patient again: models, the estimate between visits, and patients drawn one by one.

    Of a large cohort it is made in its own time, so that it says its own data cut-off.
    """

    as_of: datetime
    hazards: tuple[Hazard, ...]
    hazards_n: int
    hazards_events: int
    warnings: tuple[str, ...]
    between_two: tuple[Between, ...]
    between_five: tuple[Between, ...]
    test_two: Test
    test_five: Test
    points: tuple[ScatterPoint, ...]
    swimmer: tuple[Lane, ...]
    rows: tuple[tuple[HeatRow, ...], ...]
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class CohortView:
    """The cohort page. `findings` come first: whole sentences with their denominators.

    `as_of` is the data cut-off, `fitted_at` that of the models and of patients drawn one by one. Every figure is of the
    responders among `n` episodes unless it says otherwise; `of` are the episodes before the page was narrowed.
    """

    as_of: datetime
    fitted_at: datetime
    definition_version: str
    threshold: int
    cut_off: int
    n: int
    of: int
    responders: int
    states: tuple[tuple[str, int], ...]
    without_csi: int
    findings: tuple[str, ...]
    warnings: tuple[str, ...]
    two: Survival
    five: Survival
    hazards: tuple[Hazard, ...]
    hazards_n: int
    hazards_events: int
    mean_days: tuple[MeanDays, ...]
    sensitivity: tuple[Sensitivity, ...]
    shares: tuple[Responders, ...]
    competing: tuple[Incidence, ...]
    means: tuple[BandMeans, ...]
    replies: tuple[BandReplies, ...]
    causes: Causes
    scatter: Scatter
    swimmer: tuple[Lane, ...]
    heatmap: Heatmap
    calibration: Calibration
    mixed: Mixed | None = None
