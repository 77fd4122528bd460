"""The Twilio gateway: the only place that imports twilio, and only when a text is first sent.

What the client library does not do for us and is done here: it waits for ever, reads proxies and netrc from the
environment, logs phone numbers, drops Retry-After, writes local times with a Z, and raises five kinds of errors.
"""

import logging
import re
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from prom.config import LOOPBACK
from prom.domain import countries
from prom.messaging import outcomes
from prom.messaging.gateway import Balance, Listed, Received, Refused, SendError, Sent, Unknown
from prom.messaging.outcomes import Answer

LONGEST_CALL_SECONDS = 8.0
LONGEST_CONNECT_SECONDS = 3.0
LONGEST_VALIDITY_SECONDS = 36_000
PAGE_SIZE = 1_000
NUMBER_NOT_VALID = 21_211
# A list that never ends must not hold a job for ever; two days of a large clinic are a tenth of this.
LONGEST_LIST = 100_000

_SID = re.compile(r"[A-Za-z0-9]{1,64}")
_CHATTY_LOGGERS = ("twilio.http_client", "urllib3.connectionpool", "urllib3.util.retry", "urllib3.response")

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioAccount:
    """How to reach Twilio, and as whom.

    Exactly one of `from_number` and `messaging_service` is given. Without a `public_url` no status callback is asked
    for (outgoing-only mode). `api_url` replaces the base address of the API. `call_seconds` is the longest a call may
    take, connecting and reading together.
    """

    account_sid: str
    auth_token: str = field(repr=False)
    from_number: str = ""
    messaging_service: str = ""
    public_url: str = ""
    api_url: str = ""
    call_seconds: float = LONGEST_CALL_SECONDS

    def __post_init__(self) -> None:
        if not self.account_sid.strip() or not self.auth_token.strip():
            raise ValueError("a Twilio account needs its SID and its auth token")
        if bool(self.from_number) == bool(self.messaging_service):
            raise ValueError("name either a Twilio number or a messaging service as the sender")
        if not 0 < self.call_seconds <= LONGEST_CALL_SECONDS:
            raise ValueError(f"a call of {self.call_seconds} seconds is not within {LONGEST_CALL_SECONDS:.0f}")

    @property
    def live(self) -> bool:
        """Return whether texts would reach real phones: an API on this machine is a rehearsal."""
        return urlsplit(self.api_url).hostname not in LOOPBACK

    @property
    def timeouts(self) -> tuple[float, float]:
        """Return the seconds to connect and the seconds to read; together they are `call_seconds`."""
        connect = min(LONGEST_CONNECT_SECONDS, self.call_seconds * 0.4)
        return connect, self.call_seconds - connect


class _Line:
    """One thread's client, and the last answer it got: the library's errors drop the headers."""

    def __init__(self, account: TwilioAccount) -> None:
        from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
        from twilio.rest import Client  # type: ignore[import-untyped]

        self.last: Any = None
        # A logger outside the tree cannot be switched on by anybody's logging settings.
        silent = logging.Logger("prom.messaging.twilio.silent", logging.CRITICAL)  # noqa: LOG001 - outside on purpose
        http = TwilioHttpClient(request_hooks={"response": [self._remember]}, logger=silent)
        http.timeout = account.timeouts
        http.session.trust_env = False
        self.session = http.session
        # A non-empty environment keeps the client from reading TWILIO_EDGE and TWILIO_REGION, which bend the address.
        alone = {"TWILIO_ACCOUNT_SID": account.account_sid}
        client = Client(account.account_sid, account.auth_token, http_client=http, environment=alone)
        if account.api_url:
            client.api.base_url = account.api_url.rstrip("/")
        self.account = client.api.v2010.account

    def _remember(self, response: Any, *_args: Any, **_options: Any) -> None:
        self.last = response


class TwilioGateway:
    """Texts through Twilio. One object serves all threads: each gets its own client, and so its own connection."""

    name = "twilio"

    def __init__(self, account: TwilioAccount) -> None:
        self._account = account
        self._here = threading.local()
        # The network library names the whole address, and so the phone, when it logs a request.
        for chatty in _CHATTY_LOGGERS:
            logging.getLogger(chatty).setLevel(logging.ERROR)

    def send(self, to: str, body: str, message_id: str, validity_seconds: int, sender: str = "") -> Sent:
        """Hand one text to Twilio, or raise a SendError."""
        if not _can_be_written(to + body):
            raise Refused(None, 0, "the text holds half a character and cannot be written")
        if self._account.live and (why := countries.made_up(to)):
            # The last door: a made-up patient must not reach whoever has that number.
            raise Refused(NUMBER_NOT_VALID, 0, f"{why}: nothing was sent")
        wanted = {
            "to": to,
            "body": body,
            "validity_period": max(1, min(LONGEST_VALIDITY_SECONDS, int(validity_seconds))),
            **self._sender(sender),
            **self._callback(message_id),
        }
        return self._ask(lambda account: _sent(account.messages.create(**wanted)))

    def find_sent(self, to: str, since: datetime, until: datetime | None = None) -> list[Listed]:
        """Return the texts to a phone which Twilio accepted from `since` to `until`, newest first.

        The time is compared here: Twilio filters by the time of sending, which a text still in its queue does not
        have, and a text that is not found would be sent twice. One phone's whole list is one page.
        """
        first, last = _whole_second(since), None if until is None else until.astimezone(UTC)
        found = self._ask(
            lambda account: [
                _listed(one)
                for one in _all_pages(account.messages, to=to)
                if one.to == to and not _came_in(one, "") and _within(_accepted_at(one), first, last)
            ]
        )
        return sorted(found, key=lambda one: one.sent_at or datetime.max.replace(tzinfo=UTC), reverse=True)

    def received_since(self, since: datetime, senders: Collection[str] = ()) -> list[Received]:
        """Return the texts that phones sent to us from `since` on, oldest first."""
        first = _whole_second(since)
        found: dict[str, Received] = {}
        for ours in self._numbers(senders):
            wanted: dict[str, Any] = {"date_sent_after": first} | ({"to": ours} if ours else {})
            found |= {one.sid: one for one in self._ask(partial(_received_of, ours=ours, first=first, wanted=wanted))}
        return sorted(found.values(), key=lambda one: one.received_at)

    def _numbers(self, senders: Collection[str]) -> list[str]:
        """Return the numbers to list one by one, or one empty number where only the direction tells what came in.

        A messaging service has many numbers, and none of them is known here.
        """
        all_of_them = {self._account.from_number or self._account.messaging_service, *senders}
        return sorted(all_of_them) if all(one.startswith("+") for one in all_of_them) else [""]

    def status_of(self, sid: str) -> Listed | None:
        """Return one outgoing text, or None if Twilio does not know it."""
        if not _SID.fullmatch(sid):
            return None
        try:
            return self._ask(lambda account: _listed(account.messages(sid).fetch()))
        except Refused as refusal:
            # A 404 without Twilio's own code comes from something in between and says nothing about the text.
            if refusal.http_status == 404 and refusal.code is not None:
                return None
            raise

    def balance(self) -> Balance | None:
        """Return the credit of the account."""
        return self._ask(lambda account: _balance(account.balance.fetch()))

    def probe(self) -> None:
        """Raise a SendError if Twilio does not answer or does not know us; sends nothing.

        It reads one line of the list: a sender that may not send is found by the next text only.
        """
        self._ask(lambda account: account.messages.page(page_size=1))

    def close(self) -> None:
        """Close this thread's connections."""
        line = getattr(self._here, "line", None)
        if line is not None:
            line.session.close()
            del self._here.line

    def _sender(self, own: str) -> dict[str, str]:
        if own:
            return {"messaging_service_sid": own} if own.startswith("MG") else {"from_": own}
        if self._account.messaging_service:
            return {"messaging_service_sid": self._account.messaging_service}
        return {"from_": self._account.from_number}

    def _callback(self, message_id: str) -> dict[str, str]:
        if not self._account.public_url:
            return {}
        address = f"{self._account.public_url.rstrip('/')}/twilio/status?m={quote(message_id, safe='')}"
        return {"status_callback": address}

    def _ask(self, call: Callable[[Any], _Found]) -> _Found:
        """Make one call and turn whatever goes wrong into one of the four outcomes."""
        line = self._line()
        line.last = None
        problem: SendError
        try:
            return call(line.account)
        except Exception as error:  # noqa: BLE001 - whatever broke, the text may have been accepted before it did
            problem = _outcome(error, line.last)
        # Raised outside the except block: the library's errors quote phone numbers and must not appear as a context.
        raise problem

    def _line(self) -> _Line:
        line: _Line | None = getattr(self._here, "line", None)
        if line is None:
            line = self._here.line = _Line(self._account)
        return line


def _outcome(error: Exception, last: Any) -> SendError:
    from requests import RequestException

    if isinstance(error, RequestException):
        return outcomes.from_trouble(error)
    if isinstance(error, Unknown):
        return error
    if last is not None:
        return outcomes.from_answer(Answer(last.status_code, last.headers, last.text))
    return Unknown(type(error).__name__)


def _can_be_written(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _whole_second(at: datetime) -> datetime:
    """Return an instant in UTC, cut to the second: the library writes a Z without converting, Twilio keeps seconds."""
    if at.tzinfo is None:
        raise ValueError("a list of texts needs an aware instant")
    return at.astimezone(UTC).replace(microsecond=0)


def _all_pages(messages: Any, **wanted: Any) -> Iterator[Any]:
    found: Iterator[Any] = messages.stream(limit=LONGEST_LIST, page_size=PAGE_SIZE, **wanted)
    return found


def _accepted_at(one: Any) -> datetime | None:
    at: datetime | None = one.date_created or one.date_sent
    return at


def _within(at: datetime | None, first: datetime, last: datetime | None) -> bool:
    """Tell whether an instant is in a span; one that is not known may be, and must not be lost."""
    return at is None or (at >= first and (last is None or at <= last))


def _came_in(one: Any, ours: str) -> bool:
    """Tell whether a listed text came from a phone."""
    if one.direction is None:
        return one.status in {"receiving", "received"} or (bool(ours) and one.to == ours)
    return str(one.direction).startswith("inbound")


def _sent(one: Any) -> Sent:
    if not isinstance(one.sid, str) or not one.sid:
        raise Unknown("accepted without a message id")
    return Sent(one.sid, one.status or "accepted")


def _balance(told: Any) -> Balance:
    try:
        hundredths = int((Decimal(str(told.balance)) * 100).to_integral_value(ROUND_FLOOR))
    except (ArithmeticError, ValueError):
        raise Unknown("a balance that is no number") from None
    return Balance(hundredths, str(told.currency or "")[:3].upper())


def _received_of(account: Any, *, ours: str, first: datetime, wanted: dict[str, Any]) -> list[Received]:
    return [
        _received(one, first)
        for one in _all_pages(account.messages, **wanted)
        if _came_in(one, ours) and _within(_accepted_at(one), first, None)
    ]


def _listed(one: Any) -> Listed:
    code = one.error_code if isinstance(one.error_code, int) else None
    return Listed(one.sid, one.to or "", one.body or "", one.status or "", code, one.date_sent or one.date_created)


def _received(one: Any, earliest: datetime) -> Received:
    media = int(one.num_media) if str(one.num_media).isdecimal() else 0
    return Received(one.sid, one.from_ or "", one.to or "", one.body or "", media, _accepted_at(one) or earliest)
