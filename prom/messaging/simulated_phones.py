"""The values of the simulated gateway: what a phone shows, what is posted to us, what may fail, and the keywords."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from prom.messaging.gateway import Received

VALIDITY_EXPIRED = 30036

STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
HELP_WORDS = frozenset({"HELP", "INFO"})


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone with its traffic; `is_blocked` means that the carrier lets none of our texts through."""

    number: str
    texts: int
    last_at: datetime
    is_blocked: bool


@dataclass(frozen=True, slots=True)
class Bubble:
    """One text on the screen of a phone."""

    sid: str
    is_own: bool
    body: str
    num_media: int
    at: datetime


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """A status as it would be posted to the status webhook, with our own message id."""

    sid: str
    message_id: str
    to: str
    status: str
    error_code: int | None


Event = StatusUpdate | Received


@dataclass(frozen=True, slots=True)
class CarrierAnswer:
    """What a carrier does by itself about a keyword."""

    text: str
    blocks: bool = False
    unblocks: bool = False


def keyword_answer(body: str, is_blocked: bool) -> CarrierAnswer | None:
    """Return what the carrier does about a text: something only if the whole text is one of its keywords."""
    word = body.strip().upper()
    if word in STOP_WORDS and not is_blocked:
        return CarrierAnswer(
            "You have successfully been unsubscribed. You will not receive any more messages from this number."
            " Reply START to resubscribe.",
            blocks=True,
        )
    if word in START_WORDS and is_blocked:
        return CarrierAnswer("You have successfully been re-subscribed to messages from this number.", unblocks=True)
    if word in HELP_WORDS:
        return CarrierAnswer("Reply STOP to unsubscribe. Msg&Data Rates May Apply.")
    return None


@dataclass(frozen=True, slots=True)
class Failures:
    """The switches of the simulated line; the defaults are a healthy one.

    `code` fails every text: 30000-30999 in a status callback after acceptance, any other as a refusal at once unless
    `code_in_callback` is set.
    `swallow` accepts a text and then nothing more happens to it; `timeout_after_accept` accepts it without saying so;
    `timeout_before_accept` does neither. Status callbacks and replies may be doubled or lost, statuses may come in the
    wrong order, and all of them come `delay_seconds` late.
    """

    delay_seconds: float = 0.0
    code: int | None = None
    code_in_callback: bool = False
    duplicate_callbacks: bool = False
    reorder_callbacks: bool = False
    lose_callbacks: bool = False
    swallow: bool = False
    timeout_after_accept: bool = False
    timeout_before_accept: bool = False
    too_many_requests: bool = False
    retry_after_seconds: float | None = None
    unreachable: bool = False

    def __post_init__(self) -> None:
        if self.delay_seconds < 0:
            raise ValueError(f"a delay of {self.delay_seconds} seconds lies in the past")

    @property
    def code_comes_later(self) -> bool:
        """Tell whether the error code is one that is said in a status callback."""
        return self.code is not None and (self.code_in_callback or 30000 <= self.code <= 30999)

    def end_of(self, validity_seconds: int) -> tuple[str, int | None]:
        """Return the final status and error code of a text that is wanted for so many seconds."""
        if self.delay_seconds > validity_seconds:
            return "undelivered", VALIDITY_EXPIRED
        if self.code_comes_later:
            return "undelivered", self.code
        return "delivered", None

    def callbacks(self, final: str) -> list[str]:
        """Return the statuses to be posted, in the order of their posting."""
        if self.lose_callbacks:
            return []
        statuses = [final, "sent"] if self.reorder_callbacks else ["sent", final]
        return [status for status in statuses for _ in range(2 if self.duplicate_callbacks else 1)]

    def to_json(self) -> str:
        """Return the switches as kept in the file."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Failures":
        """Read the switches back."""
        return cls(**json.loads(text))
