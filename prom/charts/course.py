"""One patient's course as plain values: what the trajectory, percent-relief and small charts draw."""

from dataclasses import dataclass
from enum import StrEnum

# A percentile of fewer patients says more about them than about the procedure.
SIMILAR_AT_LEAST = 12


class PromptMark(StrEnum):
    """What became of a question, as the lane under the chart shows it."""

    ANSWERED = "answered"
    NO_REPLY = "no_reply"
    NOT_SENT = "not_sent"
    OPEN = "open"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Reading:
    """One pain answer 0-10 on a day since the procedure (a fraction for hours, negative before it).

    ``bad`` puts the red ring; ``counted`` is False for an answer that is charted but enters no rule.
    """

    day: float
    nrs: int
    bad: bool = False
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question: its nominal day, the days on which its answer window opens and closes, and what became of it."""

    day: float
    opens: float
    closes: float
    mark: PromptMark


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on a day: it gets a number in the chart and a line in the list."""

    day: float
    label: str


@dataclass(frozen=True, slots=True)
class CoTreatment:
    """A treatment beside the procedure, from a day to a day; no end means it goes on."""

    start: float
    end: float | None
    label: str


@dataclass(frozen=True, slots=True)
class SimilarPoint:
    """Pain percentiles of ``n`` similar patients on one day."""

    day: float
    n: int
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float


@dataclass(frozen=True, slots=True)
class Similar:
    """Patients to compare with, and who they are ("34 patients, same procedure and CSI band")."""

    description: str
    points: tuple[SimilarPoint, ...]

    def shown(self) -> tuple[tuple[SimilarPoint, ...], ...]:
        """Return the runs of neighbouring points with enough patients; a thin point leaves a gap."""
        runs: list[list[SimilarPoint]] = [[]]
        for point in self.points:
            if point.n >= SIMILAR_AT_LEAST:
                runs[-1].append(point)
            elif runs[-1]:
                runs.append([])
        return tuple(tuple(run) for run in runs if len(run) > 1)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """All that the chart shows. ``lost_between`` is the interval (last held day, first day of confirmed loss]."""

    readings: tuple[Reading, ...]
    baseline: float | None
    today: float
    prompts: tuple[Prompt, ...] = ()
    events: tuple[Event, ...] = ()
    co_treatments: tuple[CoTreatment, ...] = ()
    similar: Similar | None = None
    lost_between: tuple[float, float] | None = None
    question: str = "average pain in the last 24 hours"

    @property
    def after(self) -> tuple[Reading, ...]:
        """Return the counted answers from the procedure on."""
        return tuple(reading for reading in self.readings if reading.day > 0 and reading.counted)

    @property
    def span(self) -> tuple[float, float]:
        """Return the first and last day of the time axis, with a little air on both sides."""
        days = [0.0, self.today, *(reading.day for reading in self.readings), *(p.day for p in self.prompts)]
        first, last = min(days), max(days)
        return (min(first * 1.15, -0.02 * last), last * 1.03 if last > 0 else 1.0)

    def relief(self, nrs: int) -> float | None:
        """Return relief as a share of the baseline, or None without pain to relieve."""
        return (self.baseline - nrs) / self.baseline if self.baseline else None

    def replies(self) -> tuple[int, int]:
        """Return how many questions after the procedure were answered, of those that reached the patient and are over.

        The verdict counts the same way: what we did not send is no silence of the patient, and questions before the
        procedure make the baseline.
        """
        asked = [p for p in self.prompts if p.day > 0 and p.mark in {PromptMark.ANSWERED, PromptMark.NO_REPLY}]
        return sum(p.mark is PromptMark.ANSWERED for p in asked), len(asked)
