"""The words of a text, made at the moment it leaves: the patient's language, the clinic's own wording, the link."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from prom.storage.outbox import Facts

LAST_WORDS = frozenset({"stopped"})
UNCOUNTED = LAST_WORDS | {"help"}


@dataclass(frozen=True, slots=True)
class Words:
    """A text as it leaves, as staff see it ([link] in place of the address), and its size in segments."""

    text: str
    shown: str
    segments: int


def words(session: Session, facts: Facts, public_url: str, now: datetime) -> Words:
    """Return the words of a text."""
    text = f"{facts.message.text_key} {facts.message.question}"
    return Words(text, text, 1)
