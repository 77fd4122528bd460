"""The faults that the Twilio double can be told to have."""

import random
import threading
from dataclasses import dataclass, field

KINDS = frozenset(
    {
        "accept_then_timeout",
        "accept_then_500",
        "accept_then_broken_json",
        "accept_then_html",
        "reset_before",
        "reset_after_accept",
        "timeout_before",
        "429",
        "html_200",
        "redirect",
        "latency",
        "error",
        "rfc9457",
        "500",
    }
)


@dataclass
class Fault:
    """One fault: of which `kind`, on what (`send`, `list`, `fetch` or `any`), how likely, and how often at most."""

    kind: str
    on: str = "send"
    probability: float = 1.0
    count: int | None = None
    seconds: float = 30.0
    code: int | None = None
    status: int | None = None
    message: str = ""
    retry_after: str | int | float | None = None
    to: str | None = None
    # Of all faults with this mark at most one befalls each phone: a text whose one resend is lost too is lost by right.
    once_a_phone: bool = False

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind}; there are {', '.join(sorted(KINDS))}")


@dataclass
class Faults:
    """The list in force; the first fault that is due and falls by chance is the one that happens.

    A fault of kind latency only waits and lets the next one in the list have its turn.
    """

    listed: list[Fault] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(0))
    guard: threading.Lock = field(default_factory=threading.Lock)
    spared: set[str] = field(default_factory=set)

    def replace(self, listed: list[dict], seed: int = 0) -> None:
        faults = [Fault(**one) for one in listed]
        with self.guard:
            self.listed, self.dice = faults, random.Random(seed)
            self.spared.clear()

    def falling(self, on: str, to: str | None) -> list[Fault]:
        """Return the faults of one request: any latencies, and at most one other at the end."""
        falling = []
        with self.guard:
            for fault in self.listed:
                if fault.on not in {on, "any"} or fault.count == 0 or fault.to not in {None, to}:
                    continue
                if self.dice.random() >= fault.probability or (fault.once_a_phone and to in self.spared):
                    continue
                if fault.once_a_phone and to is not None:
                    self.spared.add(to)
                if fault.count is not None:
                    fault.count -= 1
                falling.append(fault)
                if fault.kind != "latency":
                    break
        return falling
