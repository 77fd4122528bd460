"""What a check of the set-up says: good, to be watched or wrong, in words, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; `do` is empty where nothing is to be done."""

    level: Level
    words: str
    do: str = ""


def good(words: str) -> Finding:
    """Return a finding that is as it should be."""
    return Finding(Level.OK, words)


def watch(words: str, do: str) -> Finding:
    """Return a finding to keep an eye on."""
    return Finding(Level.WARNING, words, do)


def wrong(words: str, do: str) -> Finding:
    """Return a finding that keeps texts or answers from arriving."""
    return Finding(Level.PROBLEM, words, do)
