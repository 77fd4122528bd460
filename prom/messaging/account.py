"""A look at the provider's account for `prom doctor`: the account itself, its numbers and services, and our own door.

Nothing here sends a text or changes a setting. Each look is one GET (the knock at our own door one signed POST) with a
short wait; what comes back is an answer with its status, or the kind of trouble. It speaks HTTP by itself, because the
client library drops the headers, and the Date header tells how far our clock is off.
"""

import base64
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.parse import quote, urlencode

from prom.messaging import signature

ACCOUNTS = "https://api.twilio.com"
SERVICES = "https://messaging.twilio.com"
CHECK_PATH = "/twilio/check"
WAIT_SECONDS = 5.0
LONGEST_BODY = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the HTTP status (0: nothing, and `trouble` says why), the JSON object, and the server's time."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    at: datetime | None = None
    trouble: str = ""

    @property
    def found(self) -> bool:
        """Return whether the provider answered with what was asked for."""
        return self.status == 200 and bool(self.body)


class Inspector:
    """Looks at one account. `api_url` replaces both base addresses of the provider, for proxies and rehearsals."""

    def __init__(self, account_sid: str, auth_token: str, api_url: str = "") -> None:
        self._sid = account_sid
        self._accounts = (api_url or ACCOUNTS).rstrip("/")
        self._services = (api_url or SERVICES).rstrip("/")
        credentials = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}", "Accept": "application/json"}

    def account(self) -> Answer:
        """Look at the account: its status and its kind."""
        return self._get(f"{self._accounts}/2010-04-01/Accounts/{quote(self._sid)}.json")

    def number(self, e164: str) -> Answer:
        """Look up a number among those of the account."""
        query = urlencode({"PhoneNumber": e164})
        return self._get(f"{self._accounts}/2010-04-01/Accounts/{quote(self._sid)}/IncomingPhoneNumbers.json?{query}")

    def service(self, sid: str) -> Answer:
        """Look up a messaging service of the account."""
        return self._get(f"{self._services}/v1/Services/{quote(sid)}")

    def service_numbers(self, sid: str) -> Answer:
        """List the numbers of a messaging service."""
        return self._get(f"{self._services}/v1/Services/{quote(sid)}/PhoneNumbers?PageSize=20")

    def _get(self, url: str) -> Answer:
        return _ask(urllib.request.Request(url, headers=self._headers))  # noqa: S310 - the scheme is checked in _ask


def knock(public_url: str, auth_token: str, nonce: str) -> Answer:
    """Post to our own door as the provider would: a signed request to the public address, which changes nothing."""
    fields = [("Check", nonce)]
    headers = {
        "X-Twilio-Signature": signature.sign(public_url, auth_token, CHECK_PATH, fields),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    url, body = public_url.rstrip("/") + CHECK_PATH, urlencode(fields).encode()
    return _ask(urllib.request.Request(url, data=body, headers=headers, method="POST"))  # noqa: S310 - checked in _ask


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: credentials and signatures are for one address only."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Refuse every redirect."""


# Without a ProxyHandler of its own the environment would decide where credentials go.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())


def _ask(request: urllib.request.Request) -> Answer:
    if request.type not in {"http", "https"}:
        return Answer(0, trouble="not a web address")
    try:
        with _OPENER.open(request, timeout=WAIT_SECONDS) as response:
            return _answer(response.status, response.headers, response.read(LONGEST_BODY))
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error.code, error.headers, error.read(LONGEST_BODY))
    except urllib.error.URLError as error:
        return Answer(0, trouble=_kind(error.reason))
    except (OSError, HTTPException, ValueError) as error:
        return Answer(0, trouble=_kind(error))


def _kind(error: object) -> str:
    """Return what went wrong in words, without an address or a number in it."""
    names = {
        "ConnectionRefusedError": "nothing listens there",
        "TimeoutError": "no answer in time",
        "gaierror": "the name is not known",
        "SSLCertVerificationError": "the certificate is not valid",
        "ConnectionResetError": "the connection was cut",
    }
    name = type(error).__name__
    return names.get(name, name)


def _answer(status: int, headers: Message, raw: bytes) -> Answer:
    text = raw.decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except ValueError:
        body = {}
    return Answer(status, body if isinstance(body, dict) else {}, text[:200], _date(headers.get("Date", "")))


def _date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
