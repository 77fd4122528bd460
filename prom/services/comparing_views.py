"""What the cohort page shows, as plain values: every figure with its denominators, ready to be handed to charts.

Bands go by their keys: "below_40" and "40_or_more", or the five severity bands, or "all". Shares are between 0 and 1,
days count from the procedure. A snapshot is this, packed as nested lists.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """The Kaplan-Meier estimate from a day on; limits are None where they do not exist."""

    day: float
    survival: float
    low: float | None
    high: float | None
    at_risk: int
    events: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Responders of one band. `censored` holds (day, patients); `drawn` is False for a small band: table only."""

    band: str
    n: int
    events: int
    drawn: bool
    steps: tuple[Step, ...]
    censored: tuple[tuple[float, int], ...]
    median: float | None
    median_low: float | None
    median_high: float | None

    @property
    def censored_days(self) -> tuple[float, ...]:
        """Return one day for each patient without a loss."""
        return tuple(day for day, count in self.censored for _ in range(count))


@dataclass(frozen=True, slots=True)
class Box:
    """The estimate falls from `before` to `after` somewhere in (left, right]; right is None when it is open."""

    left: float
    right: float | None
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Between:
    """The estimate that knows only intervals (NPMLE) of one band, from `n` of its responders."""

    band: str
    n: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """A test between bands; `p` is None where a band is too small for one."""

    name: str
    chi2: float | None
    df: int
    p: float | None


@dataclass(frozen=True, slots=True)
class Survival:
    """One division into bands: curves, what is known between prompts, and its tests."""

    curves: tuple[Curve, ...]
    between: tuple[Between, ...]
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Hazard:
    """A hazard ratio with its 95 % interval; None where it cannot be estimated.

    `constant_p` is of the check that the ratio does not change with time: a small one speaks against it.
    """

    covariate: str
    hr: float | None
    low: float | None
    high: float | None
    p: float | None
    constant_p: float | None = None


@dataclass(frozen=True, slots=True)
class MeanDays:
    """Mean days with relief up to `tau` in both bands, and 40 or more minus below 40.

    `flat` says that a curve ends before tau and is drawn on flat.
    """

    tau: int
    below_40: float | None
    from_40: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    flat: bool


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The same comparison under another reading of the data."""

    name: str
    n: int
    events: int
    median_below_40: float | None
    median_from_40: float | None
    p: float | None


@dataclass(frozen=True, slots=True)
class Share:
    """A count out of n with its Wilson interval."""

    count: int
    n: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Responders:
    """One band: who responded, and success at the horizon among the known, at worst and at best."""

    band: str
    response: Share
    confirmed: Share
    success: Share
    worst: Share
    best: Share
    unknown: int


@dataclass(frozen=True, slots=True)
class MeanPoint:
    """Mean pain of n patients at a time point with its 95 % interval."""

    day: float
    n: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class BandMeans:
    """Mean pain over time of one band of `n` patients."""

    band: str
    n: int
    points: tuple[MeanPoint, ...]


@dataclass(frozen=True, slots=True)
class ReplyPoint:
    """Of `due` questions at a time point, how many were answered and how many we did not send; share with interval."""

    day: float
    due: int
    answered: int
    low: float
    high: float
    not_sent: int


@dataclass(frozen=True, slots=True)
class BandReplies:
    """Replies over time of one band."""

    band: str
    points: tuple[ReplyPoint, ...]


@dataclass(frozen=True, slots=True)
class CausePoint:
    """One cause of failure and how many reviews of each band concluded it, in the order of the bands."""

    cause: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Causes:
    """Causes of failure by band; `reviewed` are the reviewed episodes of each band."""

    bands: tuple[str, ...]
    reviewed: tuple[int, ...]
    causes: tuple[CausePoint, ...]


@dataclass(frozen=True, slots=True)
class IncidencePoint:
    """Share struck by a cause up to and including a day."""

    day: float
    incidence: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Incidence:
    """Cumulative incidence of one cause (loss, repeat, surgery, death) in one band, the others competing.

    `until` is the last day on which anybody of the band was seen: nothing is known beyond.
    """

    band: str
    cause: str
    n: int
    events: int
    until: float
    points: tuple[IncidencePoint, ...]


@dataclass(frozen=True, slots=True)
class ScatterPoint:
    """One patient: CSI total and relief at 3 months as a share of baseline."""

    csi: int
    relief: float


@dataclass(frozen=True, slots=True)
class FitPoint:
    """The fitted line at a CSI with its 95 % interval."""

    csi: float
    relief: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ScatterGroup:
    """Of `n` patients on one side of the cut-off, how many had 30 and 50 % relief at 3 months."""

    band: str
    n: int
    moderate: int
    substantial: int


@dataclass(frozen=True, slots=True)
class Scatter:
    """Relief at 3 months against CSI of `n` patients, out of `of` with a complete CSI and a judged baseline.

    Line and groups stand on all of them; of many an even choice of points is shown.
    """

    n: int
    of: int
    points: tuple[ScatterPoint, ...]
    fit: tuple[FitPoint, ...]
    groups: tuple[ScatterGroup, ...] = ()


@dataclass(frozen=True, slots=True)
class Lane:
    """One patient in the swimmer plot; `end` is lost, never, ongoing, suspected, competing or silent."""

    public_id: str
    csi: int
    begins: float | None
    held_until: float | None
    until: float
    end: str


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One patient: days relief lasted, and a level (a place in `Heatmap.levels`) for each time point."""

    days: float
    levels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HeatGroup:
    """One band of `n` patients: the rows shown, and the exact counts by time point and level."""

    band: str
    n: int
    rows: tuple[HeatRow, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Heatmap:
    """Relief of every patient at every time point; `thinned` says that an even choice of the rows is shown."""

    days: tuple[int, ...]
    levels: tuple[str, ...]
    groups: tuple[HeatGroup, ...]
    thinned: bool


@dataclass(frozen=True, slots=True)
class MixedTerm:
    """One fixed effect of the mixed model of pain, in points, with its 95 % interval."""

    name: str
    coef: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Mixed:
    """The mixed model NRS ~ time x CSI with a random intercept, or in `reason` why there is none."""

    terms: tuple[MixedTerm, ...]
    answers: int
    patients: int
    patients_used: int
    reason: str


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """One fifth of the patients by what was expected for them: the mean expectation beside what came."""

    n: int
    events: int
    predicted: float
    observed: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Expected against observed relief at the horizon, of patients who held relief after the landmark.

    Each was expected from the other four fifths of the cohort. Without rows `reason` says why in words.
    """

    landmark: int
    horizon: int
    n: int
    rows: tuple[CalibrationRow, ...]
    reason: str
