"""Pain before a procedure, and how much less there is after it: percent, points, and the diagnostic block.

Relief is 100 (b - y) / b for the baseline mean b and a score y, compared in whole numbers: with s the sum of n baseline
scores, relief >= X % means 100 (s - n y) >= X s. A rounded b is wrong at the very edges that decide.

Sources:
    [S] IMMPACT 2008 (Dworkin), Farrar 2001 (Pain 94:149): 30 % or 2 points is moderate, 50 % or 4 points substantial.
    [P] Deterioration: a score above b and at least min(b + 2, 10), version 1.
    [P] A positive diagnostic block: >= 50 % and, told apart, >= 80 % less current pain at any prompt within 6 hours.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from prom.domain import scoring

MODERATE_PERCENT, MODERATE_POINTS = 30, 2
SUBSTANTIAL_PERCENT, SUBSTANTIAL_POINTS = 50, 4
WORSE_POINTS = 2
BLOCK_HOURS = 6
BLOCK_PERCENT, STRONG_BLOCK_PERCENT = 50, 80


@dataclass(frozen=True, slots=True)
class Baseline:
    """The valid scores before the procedure, as their sum and their number."""

    total: int
    count: int

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 <= self.total <= scoring.HIGHEST_PAIN * self.count:
            raise ValueError(f"{self.count} baseline scores cannot add up to {self.total}")

    @classmethod
    def of(cls, scores: Iterable[object]) -> "Baseline | None":
        """Return the baseline of the valid scores, or None when there is none."""
        valid = [score for score in scores if scoring.is_nrs(score)]
        return cls(sum(valid), len(valid)) if valid else None

    @property
    def mean(self) -> Fraction:
        """Return the exact mean."""
        return Fraction(self.total, self.count)

    def reaches(self, nrs: int, percent: int, answers: int = 1) -> bool:
        """Tell whether a score, or the sum of so many answers, is relief of at least so many percent."""
        return 100 * (self.total * answers - self.count * nrs) >= percent * self.total * answers


def relief_percent(baseline: Fraction | int, nrs: int) -> Fraction | None:
    """Return relief in percent of baseline, negative when worse, or None when there was no pain to relieve."""
    return None if baseline == 0 else 100 * (Fraction(baseline) - nrs) / Fraction(baseline)


class Improvement(StrEnum):
    """How large a fall of pain is, by percent or by points."""

    SUBSTANTIAL = "substantial"
    MODERATE = "moderate"
    LITTLE = "little or none"


def improvement(baseline: Fraction | int, nrs: int) -> Improvement:
    """Return how large the fall from baseline is: 50 % or 4 points substantial, 30 % or 2 points moderate."""
    points = baseline - nrs
    if points >= SUBSTANTIAL_POINTS or (points > 0 and 100 * points >= SUBSTANTIAL_PERCENT * baseline):
        return Improvement.SUBSTANTIAL
    if points >= MODERATE_POINTS or (points > 0 and 100 * points >= MODERATE_PERCENT * baseline):
        return Improvement.MODERATE
    return Improvement.LITTLE


def deterioration(baseline: Fraction | int, nrs: int) -> bool:
    """Tell whether pain is clearly worse than before: above baseline, and by 2 points or at 10."""
    return nrs > baseline and nrs >= min(baseline + WORSE_POINTS, scoring.HIGHEST_PAIN)


@dataclass(frozen=True, slots=True)
class BlockJudged:
    """The best relief of current pain at a prompt within 6 hours of a diagnostic block."""

    best_percent: Fraction
    at_hour: int
    positive: bool
    strongly_positive: bool


@dataclass(frozen=True, slots=True)
class BlockUnjudged:
    """A diagnostic block that cannot be read, and why."""

    reason: str


def diagnostic_block_response(
    before: Sequence[object], hour_answers: Iterable[tuple[int, object]]
) -> BlockJudged | BlockUnjudged:
    """Judge a diagnostic block from current pain before it and at its hourly prompts (nominal hour, score).

    Positive is at least 50 % less pain at any prompt up to 6 hours; at least 80 % is told apart.
    """
    baseline = Baseline.of(before)
    if baseline is None:
        return BlockUnjudged("no current pain score before the block")
    if baseline.total == 0:
        return BlockUnjudged("current pain before the block was 0")
    answers = [(nrs, hour) for hour, nrs in hour_answers if 0 < hour <= BLOCK_HOURS and scoring.is_nrs(nrs)]
    if not answers:
        return BlockUnjudged("no current pain score within 6 hours of the block")
    nrs, hour = min(answers)
    return BlockJudged(
        best_percent=100 * (baseline.mean - nrs) / baseline.mean,
        at_hour=hour,
        positive=baseline.reaches(nrs, BLOCK_PERCENT),
        strongly_positive=baseline.reaches(nrs, STRONG_BLOCK_PERCENT),
    )
