"""What clinicians see of one patient and in lists, as plain values that pages print and hand to charts.

Days count from the procedure's date in the patient's zone; hour prompts stand at fractions of a day.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from prom.domain.sensitization import Banner


class Badge(StrEnum):
    """The colour of a verdict; the page says it in words as well."""

    GOOD = "good"
    WATCH = "watch"
    AMBER = "amber"
    RED = "red"
    NONE = "none"


class Mark(StrEnum):
    """What became of a question."""

    ANSWERED = "answered"
    NO_REPLY = "no_reply"
    NOT_SENT = "not_sent"
    OPEN = "open"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Csi:
    """A Central Sensitization Inventory: a total, or its bounds, and what is certain about its band in words."""

    low: int
    high: int
    answered: int | None
    band: str | None
    words: str
    reaches_40: bool | None

    @property
    def total(self) -> int | None:
        """Return the total of a complete form."""
        return self.low if self.low == self.high else None


@dataclass(frozen=True, slots=True)
class EpisodeLine:
    """One procedure: key, what and where, its state and date, and today as a day after it."""

    public_id: str
    procedure: str
    label: str
    target: str
    side: str
    level: str
    indication: str
    state: str
    procedure_at: datetime
    on: date
    day: int
    time_zone: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict at both thresholds, the worse one first, with the numbers that stand beside it.

    Relief is in percent of the baseline, negative when worse. `asked` counts questions answered or closed unanswered
    after the procedure; `not_sent` are ours.
    """

    headline: str
    rule: str
    badge: Badge
    state_50: str
    state_30: str
    badge_50: Badge
    badge_30: Badge
    rule_50: str
    rule_30: str
    baseline: float | None
    latest: tuple[int, int] | None
    relief_latest: float | None
    relief_best: float | None
    lost_between: tuple[int, int] | None
    last_held_day: int | None
    days_of_silence: int | None
    flares: tuple[int, ...]
    answered: int
    asked: int
    not_sent: int


@dataclass(frozen=True, slots=True)
class Point:
    """One pain answer in the chart. `counted` is False for what enters no rule (struck, hourly, day 0)."""

    day: float
    nrs: int
    source: str
    state: str
    series: str
    bad: bool
    counted: bool


@dataclass(frozen=True, slots=True)
class PromptMark:
    """One question in the lane: its day, the days its answers count, what became of it, and why it was not sent."""

    day: float
    opens: float
    closes: float
    mark: Mark
    time_point: str
    reason: str


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event on a day."""

    public_id: str
    day: int
    on: date
    kind: str
    label: str
    note: str


@dataclass(frozen=True, slots=True)
class CoTreatmentLine:
    """A treatment beside the procedure; no end means it goes on."""

    public_id: str
    kind: str
    start: int
    end: int | None
    started_on: date
    stopped_on: date | None


@dataclass(frozen=True, slots=True)
class CsiPoint:
    """A questionnaire on a day; `carried` says that item 24 comes from the baseline."""

    day: int
    csi: Csi
    carried: bool
    change: str


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One answer in the table: what was said when and how, whether it counts, and what it replaced."""

    public_id: str
    day: int
    answered_at: datetime
    time_point: str
    instrument: str
    series: str
    item: int
    value: int | None
    source: str
    state: str
    reason: str
    replaces: str
    proxy: bool
    rule: str


@dataclass(frozen=True, slots=True)
class SimilarPoint:
    """Pain percentiles of `n` similar patients at one time point."""

    day: int
    n: int
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float


@dataclass(frozen=True, slots=True)
class Similar:
    """Similar patients: who they are in words, how many, and their pain."""

    words: str
    n: int
    points: tuple[SimilarPoint, ...]


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert with its rule in words; `open` until reviewed or cleared."""

    public_id: str
    kind: str
    rule: str
    day: int | None
    raised_at: datetime
    open: bool


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """A review: when, what was considered, the conclusion, and the note."""

    at: datetime
    considered: tuple[str, ...]
    cause: str
    note: str


@dataclass(frozen=True, slots=True)
class PatientView:
    """One patient and procedure, verdict first. `verdict` is None while the procedure is planned or cancelled.

    `copied_late` names the fields of the sensitization record that were copied in after the procedure.
    """

    public_id: str
    name: str
    record_number: str
    birth_year: int | None
    sex: str | None
    language: str
    site_id: int
    episode: EpisodeLine
    episodes: tuple[EpisodeLine, ...]
    verdict: Verdict | None
    csi: Csi | None
    points: tuple[Point, ...]
    prompts: tuple[PromptMark, ...]
    events: tuple[EventLine, ...]
    co_treatments: tuple[CoTreatmentLine, ...]
    csi_course: tuple[CsiPoint, ...]
    answers: tuple[AnswerLine, ...]
    similar: Similar | None
    alerts: tuple[AlertLine, ...]
    reviews: tuple[ReviewLine, ...]
    banner: Banner
    block: str
    copied_late: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PatientRow:
    """One procedure in a list, with its verdict and a line of scores ((day, pain), newest last)."""

    public_id: str
    patient_public_id: str
    name: str
    record_number: str
    label: str
    target: str
    side: str
    state: str
    procedure_at: datetime
    day: int
    verdict: str
    badge: Badge
    baseline: float | None
    latest: tuple[int, int] | None
    relief_latest: float | None
    csi: Csi | None
    spark: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class LosingRow:
    """A patient whose relief is at risk: the worst open alert, its rule, and whether it is new since the last visit."""

    patient: PatientRow
    alert_public_id: str
    kind: str
    reason: str
    day: int | None
    raised_at: datetime
    new: bool
    open_alerts: int


@dataclass(frozen=True, slots=True)
class Losing:
    """The list "losing relief", worst first; counts are episodes, out of `followed` done procedures."""

    rows: tuple[LosingRow, ...]
    counts: dict[str, int]
    followed: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the patients: `total` rows in all, `pages` pages of at most 50."""

    rows: tuple[PatientRow, ...]
    total: int
    page: int
    pages: int
    filter: str
