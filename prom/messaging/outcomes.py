"""What an HTTP answer of a provider, or the lack of one, says about a text that was to be sent.

Nothing here repeats a phone number or a text: providers quote numbers in their messages, and network errors quote
whole addresses with the query in them, so numbers are taken out and network errors are named by their class only.
"""

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from prom.messaging.gateway import NotReached, Refused, RetryLater, SendError, Unknown

TOO_MANY_REQUESTS = 20429
LONGEST_WAIT_SECONDS = 86_400.0
LONGEST_MESSAGE = 300

_NUMBER = re.compile(r"\+?\d(?:[\s().-]{0,3}\d){5,}")
_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,6})?")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, as far as it matters here."""

    status: int
    headers: Mapping[str, str]
    text: str


def from_answer(answer: Answer) -> SendError:
    """Return what an answer means that is not a plain acceptance."""
    code, message = _code_and_message(answer)
    if answer.status == 429 or (400 <= answer.status < 500 and code == TOO_MANY_REQUESTS):
        return RetryLater(code, retry_after_seconds(answer.headers))
    # 408 is said by something in between that gave up waiting; the provider behind it may have accepted.
    if 400 <= answer.status < 500 and answer.status != 408:
        return Refused(code, answer.status, message)
    return Unknown(f"HTTP {answer.status} without a usable answer")


def from_trouble(trouble: BaseException) -> SendError:
    """Return what a network error means: only a connection that never came about is certain to have sent nothing."""
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    never_connected = (NewConnectionError, ConnectTimeoutError, ssl.SSLCertVerificationError)
    for cause in _causes(trouble):
        if isinstance(cause, never_connected):
            return NotReached(type(cause).__name__)
    return Unknown(type(trouble).__name__)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return the wait asked for in seconds, written as a number or as a date, or None if there is none to be read."""
    asked = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(asked):
        return min(LONGEST_WAIT_SECONDS, float(asked))
    try:
        # The server's own Date is the only fair start for a date of the server: our clock may differ.
        wait = (parsedate_to_datetime(asked) - parsedate_to_datetime(headers.get("Date", ""))).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(LONGEST_WAIT_SECONDS, max(0.0, wait))


def _code_and_message(answer: Answer) -> tuple[int | None, str]:
    """Read the provider's code and words from either of its two error formats (its own, and RFC 9457)."""
    try:
        body: Any = json.loads(answer.text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return None, f"HTTP {answer.status}, not from the provider"
    words = body.get("message") or body.get("detail") or body.get("title") or f"HTTP {answer.status}"
    return _whole(body.get("code")), _NUMBER.sub("[number]", str(words))[:LONGEST_MESSAGE]


def _whole(code: object) -> int | None:
    try:
        return int(str(code))
    except ValueError:
        return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that led to it."""
    for _ in range(20):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
