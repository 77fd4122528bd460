"""What a text from a patient can turn out to be: ten outcomes, one class each.

Every outcome carries the name of the rule that fired (stored with the answer), further effects in `also`, and where it
makes sense a `candidate`: the number a one-tap proposal offers to staff. A candidate is never stored as a score by
itself.
"""

from dataclasses import dataclass
from typing import ClassVar

PAUSE = "pause"
OPT_OUT = "opt_out"
CORRECTION = "correction"
HUMAN_REVIEW = "human_review"

Candidate = int | float | None


@dataclass(frozen=True, slots=True)
class Score:
    """Exactly one answer in range was stated; `value` is one number, or one per sheet item with None for a skip."""

    outcome: ClassVar[str] = "score"
    rule: str
    value: int | tuple[int | None, ...]
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Not certain enough to store; the question is asked again."""

    outcome: ClassVar[str] = "ask_again"
    rule: str
    candidate: Candidate = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForPeople:
    """Something a person must read; `reason` is a short key such as call_me, death, symptom or question."""

    outcome: ClassVar[str] = "human_review"
    rule: str
    reason: str
    candidate: Candidate = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RedFlag:
    """A possible emergency or serious complication of this `kind`: surfaced at once, answered with the fixed text."""

    outcome: ClassVar[str] = "red_flag"
    rule: str
    kind: str
    candidate: Candidate = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OptOut:
    """The patient wants no more texts."""

    outcome: ClassVar[str] = "opt_out"
    rule: str
    candidate: Candidate = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OptIn:
    """START or UNSTOP: the only words that open a stopped phone again."""

    outcome: ClassVar[str] = "opt_in"
    rule: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Help:
    """The bare word HELP or INFO, or a question about the programme and nothing else."""

    outcome: ClassVar[str] = "help"
    rule: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """The patient pauses the prompts."""

    outcome: ClassVar[str] = "pause"
    rule: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Later:
    """The patient wants to be asked again in a few hours."""

    outcome: ClassVar[str] = "later"
    rule: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignore:
    """A reaction, an auto-reply or an echo of our own text: nothing is stored and nothing is sent."""

    outcome: ClassVar[str] = "ignore"
    rule: str
    also: tuple[str, ...] = ()


Reply = Score | AskAgain | ForPeople | RedFlag | OptOut | OptIn | Help | Pause | Later | Ignore
