"""How the synthetic patients of the demo behave: their pain over time, and how they text.

The planted truth: the hazard of losing relief doubles with each 15 CSI points above 35.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from prom.domain import instruments
from prom.services.seeding import FIRST, LAST

PROCEDURES = ("genicular_rfa", "medial_branch_rfa", "epidural_steroid", "genicular_rfa", "medial_branch_rfa")
USUAL_DAYS = {"genicular_rfa": 260.0, "medial_branch_rfa": 240.0, "epidural_steroid": 110.0}
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
FIRST_PHONE = 9_007_100_000


@dataclass(slots=True)
class Person:
    """One synthetic patient; `loses_on` is the day since the procedure on which relief begins to fade."""

    index: int
    procedure_at: datetime
    first_name: str
    last_name: str
    phone: str
    language: str
    procedure: str
    side: str
    birth_year: int
    sex: str
    baseline: int
    csi_items: list[int | None]
    best_share: float
    loses_on: float
    answers: float
    episode_id: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody texts, and how long they take."""

    after: timedelta
    text: str


def invent(index: int, procedure_at: datetime, chance: random.Random) -> Person:
    """Return a made-up patient."""
    severity = min(max(chance.gauss(1.65, 0.62), 0.2), 3.4)
    items: list[int | None] = [min(4, max(0, round(chance.gauss(severity, 0.9)))) for _ in range(25)]
    total = sum(item or 0 for item in items)
    procedure = PROCEDURES[index % len(PROCEDURES)]
    hazard = 2 ** ((total - 35) / 15) / USUAL_DAYS[procedure]
    responds = chance.random() < (0.93 if total < 40 else 0.8)
    return Person(
        index=index,
        procedure_at=procedure_at,
        first_name=chance.choice(FIRST),
        last_name=chance.choice(LAST),
        phone=f"+91{FIRST_PHONE + index}",
        language=chance.choice(("en", "en", "en", "hi", "bn")),
        procedure=procedure,
        side=chance.choice(("left", "right")),
        birth_year=chance.randint(1938, 1980),
        sex=chance.choice("FFM"),
        baseline=chance.choice((6, 7, 7, 8, 8, 9)),
        csi_items=items,
        best_share=chance.uniform(0.62, 0.9) if responds else chance.uniform(0.0, 0.3),
        loses_on=max(16.0, chance.expovariate(hazard)),
        answers=0.0 if chance.random() < 0.04 else chance.uniform(0.82, 0.99),
    )


def pain(person: Person, day: float, chance: random.Random) -> int:
    """Return a pain score 0-10 on a day since the procedure."""
    noise = chance.gauss(0, 0.55)
    if day < 0:
        return _bounded(person.baseline + noise)
    if day < 6:
        return _bounded(person.baseline * (1 - 0.45 * person.best_share) + 1 + noise)
    faded = min(1.0, max(0.0, (day - person.loses_on) / 28.0))
    return _bounded(person.baseline * (1 - person.best_share * (1 - 0.92 * faded)) + noise)


def _bounded(value: float) -> int:
    return min(10, max(0, round(value)))


def answer(person: Person, question: str, now: datetime, chance: random.Random) -> Reply | None:
    """Return what a patient texts back to a question, or None for silence."""
    if chance.random() > person.answers:
        return None
    day = (now - person.procedure_at).total_seconds() / 86400
    after = timedelta(minutes=chance.choice((2, 4, 7, 12, 25, 60, 180)))
    return Reply(after, _words(person, question, pain(person, day, chance), chance))


def _words(person: Person, question: str, score: int, chance: random.Random) -> str:
    relief = max(0, round(10 * (person.baseline - score) / person.baseline) * 10)
    if question in {"nrs", "nrs_current"}:
        return _as_typed(score, chance)
    if question == "pgic":
        return str(min(7, max(1, 4 - round((relief - 20) / 25))) if relief < 90 else 1)
    if question == "relief_percent":
        return str(relief)
    asked = instruments.question(question).items
    return "".join(str(_drifted(person.csi_items[item - 1], chance)) for item in asked)


def _as_typed(score: int, chance: random.Random) -> str:
    roll = chance.random()
    if roll < 0.84:
        return str(score)
    if roll < 0.9:
        return f"{score}/10"
    if roll < 0.94:
        return f"about {score}"
    if roll < 0.97:
        return WORDS[score]
    return f"{score} or {min(10, score + 1)}"


def _drifted(item: int | None, chance: random.Random) -> int:
    return min(4, max(0, (item or 0) + chance.choice((0, 0, 0, -1, 1))))
