"""What becomes of a text after it was handed to the carrier: its statuses in order, and our reaction to an error.

Statuses arrive as callbacks that may be repeated, late and out of order, so a status only ever moves upwards in rank.
An error is answered by one reaction, the same whether the provider said it at once or in a callback an hour later.

Sources:
    Twilio's error and warning dictionary (the codes), and its description of the message resource (the statuses).
    The number of retries and the hours between them are this product's own choice: a phone that is switched off
    in the morning is often on again by the afternoon, and a third retry has never told more than the second.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

HOURS_BETWEEN_RETRIES = 3
FIRST_BACKOFF_SECONDS = 2.0
LONGEST_BACKOFF_SECONDS = 300.0

FINAL_RANK = 5

STATUS_RANK: Mapping[str, int] = MappingProxyType(
    {
        "accepted": 0,
        "scheduled": 0,
        "queued": 1,
        "sending": 2,
        "sent": 3,
        "delivered": FINAL_RANK,
        "undelivered": FINAL_RANK,
        "failed": FINAL_RANK,
        "canceled": FINAL_RANK,
        "read": 6,
    }
)


@dataclass(frozen=True, slots=True)
class SlowDown:
    """Too many requests: send it again after a growing wait, and send everything more slowly."""


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Nobody knows whether the text was accepted: look for it at the provider, never send again at once."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The provider was certainly not reached: send it again after a growing wait."""


@dataclass(frozen=True, slots=True)
class HaltChannel:
    """No text can go out at all: stop, keep the queue, show a banner, probe once a minute."""


@dataclass(frozen=True, slots=True)
class NumberUnusable:
    """This number can never receive our texts: a coordinator must ask for another."""


@dataclass(frozen=True, slots=True)
class OptOut:
    """The carrier has blocked us for this phone: record the opt-out and suppress all that waits for it."""


@dataclass(frozen=True, slots=True)
class ConfigurationAlert:
    """The account may not send to this country or route: tell the administrator."""


@dataclass(frozen=True, slots=True)
class RetryInHours:
    """The phone was out of reach: send it once more after some hours, if it is still wanted then."""

    hours: int

    def __post_init__(self) -> None:
        if self.hours < 1:
            raise ValueError(f"a retry after {self.hours} hours would be no wait at all")


@dataclass(frozen=True, slots=True)
class AskCoordinator:
    """Nothing more can be done by sending: a person should telephone the patient."""


@dataclass(frozen=True, slots=True)
class AlertOnRate:
    """The carrier filtered the text: never resend it, and warn when this becomes frequent."""


@dataclass(frozen=True, slots=True)
class NextWindow:
    """A limit for some hours or a day was reached: slow down, and try again in the next sending window."""


@dataclass(frozen=True, slots=True)
class Fail:
    """An error with no better answer: the text has failed, and a person is told."""


Reaction = (
    SlowDown
    | Reconcile
    | Retry
    | HaltChannel
    | NumberUnusable
    | OptOut
    | ConfigurationAlert
    | RetryInHours
    | AskCoordinator
    | AlertOnRate
    | NextWindow
    | Fail
)

_RETRIES = MappingProxyType({30003: 2, 30008: 1, 30004: 0})

_BY_CODE: Mapping[int, Reaction] = MappingProxyType(
    {
        20429: SlowDown(),
        **dict.fromkeys((20003, 20005, 30002, 21603, 21606, *range(21700, 21710), 30032, 30034), HaltChannel()),
        **dict.fromkeys((21211, 21217, 21614, 30005, 30006), NumberUnusable()),
        21610: OptOut(),
        **dict.fromkeys((21408, 21612), ConfigurationAlert()),
        30007: AlertOnRate(),
        **dict.fromkeys((30001, 21611, 30022, 30023, 30027, 30017), NextWindow()),
    }
)

_OF_THE_SENDER = frozenset({21603, 21606, *range(21700, 21710), 30032, 30034})

# Without a code of the provider's own these come from something in between or from the account itself, and every
# other text would meet the same: failing the queue row by row would lose a morning of prompts.
_REFUSES_EVERYTHING = frozenset({401, 403, 404, 407})


def reaction(code: int | None, http_status: int | None = None, retries_made: int = 0) -> Reaction:
    """Return what to do about an error of the provider.

    `code` is the provider's error code, None if it gave none; `http_status` is None for a status callback;
    `retries_made` counts how often this text was already sent again because of such an error.
    """
    if http_status is not None and (http_status >= 500 or http_status < 400):
        return Reconcile()
    if code is not None and code in _RETRIES:
        return RetryInHours(HOURS_BETWEEN_RETRIES) if retries_made < _RETRIES[code] else AskCoordinator()
    if code is not None and code in _BY_CODE:
        return _BY_CODE[code]
    if http_status == 429:
        return SlowDown()
    if code is None and http_status in _REFUSES_EVERYTHING:
        return HaltChannel()
    return Fail()


def concerns_sender(code: str) -> bool:
    """Tell whether a halting code blames the number a text went out from, and not the account."""
    return code.isdecimal() and int(code) in _OF_THE_SENDER


def backoff_seconds(attempt: int, jitter: float, retry_after_seconds: float | None = None) -> float:
    """Return how long to wait before the next try, in seconds.

    `attempt` is 1 after the first failure; `jitter` is a random share from 0 to 1 that keeps many rows from returning
    in the same moment. A wait asked for by the provider is never shortened.
    """
    if attempt < 1 or not 0.0 <= jitter <= 1.0:
        raise ValueError(f"attempt {attempt} or jitter {jitter} is out of range")
    # The exponent is bounded because a row that failed for days must not overflow a float.
    ceiling = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(attempt - 1, 16))
    own = ceiling * (0.5 + jitter / 2.0)
    if retry_after_seconds is None:
        return own
    return max(own, retry_after_seconds + jitter * FIRST_BACKOFF_SECONDS)


def is_known(status: str) -> bool:
    """Tell whether this is a status that an outgoing text can have."""
    return status in STATUS_RANK


def is_final(status: str | None) -> bool:
    """Tell whether nothing but a read receipt can follow this status."""
    return status is not None and STATUS_RANK.get(status, -1) >= FINAL_RANK


def advance(old: str | None, new: str) -> str | None:
    """Return the status of a text after one more callback: it only moves upwards, and an unknown one moves nothing.

    Of two final statuses the first stays: the provider never corrects itself, so the second is noise.
    """
    if new not in STATUS_RANK:
        return old
    if old is None or STATUS_RANK[new] > STATUS_RANK.get(old, -1):
        return new
    return old
