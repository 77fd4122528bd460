"""The door to a text message provider: what every gateway can do, and the four ways in which a send can go wrong.

The four ways are kept apart by one question, *may the text have been accepted?*, because a second POST of an accepted
text is a second text on a patient's phone:

    Refused     the provider said no: nothing was sent.
    RetryLater  the provider said not now: nothing was sent.
    NotReached  no connection came about: nothing was sent.
    Unknown     anything else: it may have been sent. Look for it with `find_sent`, never send again at once.

Reading (lists, one message, the probe) raises the same four; there Unknown only says that no usable answer came.
No error carries a phone number or a text, so each may be logged and shown.
"""

# These are outcomes which a reader meets in `match`; an Error suffix on each would only repeat the base class.
# ruff: noqa: N818

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sent:
    """An accepted text: the provider's id for it and its first status (which never comes as a callback)."""

    sid: str
    status: str


@dataclass(frozen=True, slots=True)
class Listed:
    """An outgoing text as the provider's own list shows it.

    `sent_at` is when it was accepted as long as it still waits there, and None if the provider does not say.
    """

    sid: str
    to: str
    body: str
    status: str
    error_code: int | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Received:
    """A text that came from a phone; `num_media` counts its pictures."""

    sid: str
    from_: str
    to: str
    body: str
    num_media: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Balance:
    """The credit at the provider, in hundredths of its currency (ISO 4217)."""

    hundredths: int
    currency: str


class SendError(Exception):
    """The provider did not accept a text, or did not say so."""


@dataclass(eq=False)
class Refused(SendError):
    """The provider said no, and nothing was sent.

    `code` is the provider's error code, None when the answer came from something in between; `http_status` is 0 when
    the text never left because it cannot be written into a request.
    """

    code: int | None
    http_status: int
    message: str


@dataclass(eq=False)
class RetryLater(SendError):
    """The provider said not now, and nothing was sent; it may have named a wait in seconds."""

    code: int | None
    retry_after_seconds: float | None


@dataclass(eq=False)
class NotReached(SendError):
    """No connection came about (refused, no such name, no route), so nothing was sent."""

    reason: str


@dataclass(eq=False)
class Unknown(SendError):
    """No clear answer came (timeout, reset, 5xx, broken 2xx): the text may have been sent."""

    reason: str


class Gateway(Protocol):
    """A text message provider."""

    @property
    def name(self) -> str:
        """The word for this provider in settings, logs and banners."""
        ...

    def send(self, to: str, body: str, message_id: str, validity_seconds: int, sender: str = "") -> Sent:
        """Hand one text to the provider, or raise a SendError.

        `message_id` is our own id; it comes back in every status callback. `validity_seconds` is how long the text is
        still wanted. `sender` is a site's own number or messaging service; without it the shared one is used.
        """
        ...

    def find_sent(self, to: str, since: datetime, until: datetime | None = None) -> list[Listed]:
        """Return the texts to a phone which the provider accepted from `since` to `until`, newest first."""
        ...

    def received_since(self, since: datetime, senders: Collection[str] = ()) -> list[Received]:
        """Return the texts that phones sent to us from `since` on, oldest first.

        `senders` are the sites' own numbers and services, beside the shared one.
        """
        ...

    def status_of(self, sid: str) -> Listed | None:
        """Return one outgoing text, or None if the provider does not know it."""
        ...

    def balance(self) -> Balance | None:
        """Return the credit that is left, or None where the provider keeps none."""
        ...

    def probe(self) -> None:
        """Raise a SendError if the provider cannot be used now; sends nothing."""
        ...
