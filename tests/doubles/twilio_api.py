"""A double of Twilio's message API: a real HTTP server on 127.0.0.1 that keeps a ledger and can be told to fail.

    python -m tests.doubles.twilio_api --port 0 --ledger FILE

prints its port on the first line. Besides the API itself (send, list, fetch) it has

    POST /_double/faults      [{"kind": ..., ...}] or {"seed": 1, "faults": [...]}, see faults.py
    POST /_double/callbacks   {"enabled": true, "public_url": ..., "local_url": ..., ...}, see webhooks.Habits
    POST /_double/inbound     {"from": ..., "body": ..., "num_media": 0, "sid": ..., "url": ..., "post": true}
    POST /_double/balance     {"balance": "12.34", "currency": "USD"}: what the account says it has left
    POST /_double/status      {"sid": ..., "status": ..., "error_code": ...}: one status callback, now
    GET  /_double/ledger      all accepted texts, oldest first
    GET  /_double/posted      all webhooks posted, with their answers
    GET  /_double/requests    how many API requests of each kind came

Statuses and texts of phones are posted with a real X-Twilio-Signature.
"""

import argparse
import base64
import json
import signal
import threading
import time
from collections import Counter, deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from tests.doubles.account import Resources
from tests.doubles.faults import Fault, Faults
from tests.doubles.http_server import Asked, HangError, HttpServer, Reply, ResetError
from tests.doubles.ledger import Ledger
from tests.doubles.webhooks import Postman

ACCOUNT_SID = "AC" + "0" * 31 + "1"
AUTH_TOKEN = "a-token-for-the-double"
OWN_NUMBER = "+15005550006"
HTML = b"<html><body>Please accept the terms of this network.</body></html>"


class TwilioDouble:
    def __init__(self, account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, ledger: Path | None = None, port: int = 0):
        self.account_sid = account_sid
        self.book = Ledger(account_sid, ledger)
        self.faults = Faults()
        self.postman = Postman(account_sid, auth_token)
        self.balance = {"balance": "100.00", "currency": "USD"}
        self.resources = Resources(account_sid)
        self.requests: Counter = Counter()
        self.last_queries: deque[dict[str, str]] = deque(maxlen=100)
        credentials = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._authorization = f"Basic {credentials}"
        self._account = f"/2010-04-01/Accounts/{account_sid}"
        self._base = f"{self._account}/Messages"
        self._controls = {
            ("POST", "/_double/faults"): self._set_faults,
            ("POST", "/_double/callbacks"): self._set_callbacks,
            ("POST", "/_double/inbound"): self._inbound,
            ("POST", "/_double/balance"): self._set_balance,
            ("POST", "/_double/status"): self._status,
            ("GET", "/_double/ledger"): lambda _: self.book.accepted(),
            ("GET", "/_double/posted"): lambda _: self.postman.posted,
            ("GET", "/_double/requests"): lambda _: dict(self.requests),
        }
        self.server = HttpServer(self._respond, port)

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self) -> str:
        return self.server.url

    def stop(self) -> None:
        self.postman.stop()
        self.server.stop()
        self.book.close()

    def fail(self, *faults: dict, seed: int = 0) -> None:
        """Put these faults in force instead of any others."""
        self.faults.replace(list(faults), seed)

    def inbound(self, from_: str, body: str, num_media: int = 0, *, sid=None, to=OWN_NUMBER, url=None, post=True):
        """Let a phone send a text, and post it to the webhook; return the text and what the webhook answered."""
        text = (self.book.one(sid) if sid else None) or self.book.receive(from_, to, body, num_media, sid)
        return {"sid": text["sid"], "posted": self.postman.post_inbound(text, url) if post else None}

    # The switchboard.

    def _respond(self, asked: Asked) -> Reply:
        control = self._controls.get((asked.method, asked.path))
        if control is not None:
            try:
                return _json(200, control(json.loads(asked.body or b"null")))
            except (ValueError, TypeError, KeyError) as trouble:
                return _json(400, {"message": repr(trouble)})
        return self._api(asked)

    def _api(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != self._authorization:
            return _error(401, 20003, "Authenticate")
        if (asked.method, asked.path) == ("POST", f"{self._base}.json"):
            return self._faulty("send", dict(asked.fields), self._send)
        if (asked.method, asked.path) == ("GET", f"{self._base}.json"):
            return self._faulty("list", dict(asked.query), self._list)
        if (asked.method, asked.path) == ("GET", f"{self._account}/Balance.json"):
            return self._faulty("balance", {}, lambda _: _json(200, {"account_sid": self.account_sid, **self.balance}))
        if asked.method == "GET" and asked.path.startswith(f"{self._base}/"):
            sid = asked.path.removeprefix(f"{self._base}/").removesuffix(".json")
            return self._faulty("fetch", {"sid": sid}, self._fetch)
        if (about := self.resources.respond(asked)) is not None:
            return about
        return _error(404, 20404, f"The requested resource {asked.path} was not found")

    def _faulty(self, on: str, fields: dict, answer) -> Reply:
        self.requests[on] += 1
        self.last_queries.append(fields)
        for fault in self.faults.falling(on, fields.get("To")):
            if fault.kind == "latency":
                self.server.stopping.wait(fault.seconds)
                continue
            if fault.kind.startswith("accept_") or fault.kind == "reset_after_accept":
                answer(fields)
            return _misbehave(fault)
        return answer(fields)

    # The API.

    def _send(self, fields: dict[str, str]) -> Reply:
        refusal = self._refusal(fields)
        if refusal is not None:
            return refusal
        text = self.book.accept(fields, "accepted" if "MessagingServiceSid" in fields else "queued")
        shown = self.book.shown(text)
        self.postman.text_accepted(text, self._on_status)
        return _json(201, shown)

    def _refusal(self, fields: dict[str, str]) -> Reply | None:
        needs = [
            (not fields.get("To"), 21604, "A 'To' phone number is required."),
            (not fields.get("Body"), 21602, "Message body is required."),
            (not fields.get("From") and not fields.get("MessagingServiceSid"), 21603, "A 'From' number is required."),
            (len(fields.get("Body", "")) > 1600, 21617, "The concatenated message body exceeds 1600 characters."),
            (not 1 <= int(fields.get("ValidityPeriod", 1)) <= 36000, 20001, "ValidityPeriod is out of range."),
            (fields.get("To") in self.book.blocked, 21610, "Attempt to send to unsubscribed recipient"),
        ]
        for is_wrong, code, message in needs:
            if is_wrong:
                return _error(400, code, message)
        return None

    def _list(self, fields: dict[str, str]) -> Reply:
        earliest, latest = float("-inf"), float("inf")
        if "DateSent>" in fields:
            earliest = _instant(fields["DateSent>"]).timestamp()
        if "DateSent<" in fields:
            latest = _instant(fields["DateSent<"]).timestamp()
        if "DateSent" in fields:
            day = _instant(fields["DateSent"])
            earliest, latest = day.timestamp(), (day + timedelta(days=1)).timestamp() - 1
        found = self.book.find(fields.get("To"), fields.get("From"), earliest, latest)
        # Twilio filters by the time of sending, which a text in its queue does not have yet.
        if "DateSent>" in fields or "DateSent<" in fields or "DateSent" in fields:
            found = [one for one in found if one["status"] != "accepted"]
        size = min(1000, int(fields.get("PageSize", 50)))
        page = int(fields.get("Page", 0))
        more = found[(page + 1) * size :]
        rest = {**fields, "PageSize": size, "Page": page + 1, "PageToken": f"PA{page + 1}"}
        return _json(
            200,
            {
                "messages": [self.book.shown(one) for one in found[page * size : (page + 1) * size]],
                "page": page,
                "page_size": size,
                "next_page_uri": f"{self._base}.json?{urlencode(rest)}" if more else None,
                "previous_page_uri": None,
                "first_page_uri": f"{self._base}.json?PageSize={size}&Page=0",
                "uri": f"{self._base}.json",
                "start": page * size,
                "end": page * size + size - 1,
            },
        )

    def _fetch(self, fields: dict[str, str]) -> Reply:
        text = self.book.one(fields["sid"])
        if text is None:
            return _error(404, 20404, f"The requested resource {self._base}/{fields['sid']}.json was not found")
        return _json(200, self.book.shown(text))

    def _on_status(self, text: dict, status: str) -> None:
        self.book.set_status(text["sid"], status, self.postman.habits.error_code)

    # The controls.

    def _set_faults(self, told) -> dict:
        if isinstance(told, dict):
            self.faults.replace(told["faults"], told.get("seed", 0))
        else:
            self.faults.replace(told)
        return {"faults": len(self.faults.listed)}

    def _set_callbacks(self, told) -> dict:
        self.postman.set_habits(**told)
        return {}

    def _set_balance(self, told) -> dict:
        self.balance |= told
        return {}

    def _inbound(self, told) -> dict:
        rest = {key: told[key] for key in ("num_media", "sid", "to", "url", "post") if key in told}
        return self.inbound(told["from"], told["body"], **rest)

    def _status(self, told) -> dict:
        text = self.book.one(told["sid"])
        if text is None:
            raise KeyError(told["sid"])
        self.book.set_status(text["sid"], told["status"], told.get("error_code"))
        return self.postman.post_status(text, told["status"], told.get("error_code"))


def _misbehave(fault: Fault) -> Reply:
    """Return the bad answer of a fault, or raise what is no answer at all."""
    match fault.kind:
        case "accept_then_timeout" | "timeout_before":
            raise HangError(fault.seconds)
        case "reset_before" | "reset_after_accept":
            raise ResetError
        case "html_200" | "accept_then_html":
            return Reply(fault.status or 200, HTML, "text/html")
        case "accept_then_broken_json":
            return Reply(201, b'{"sid": "SM0000', "application/json")
        case "redirect":
            return Reply(fault.status or 302, b"", "text/html", {"Location": "http://127.0.0.1:9/portal"})
        case _:
            return _said(fault)


def _said(fault: Fault) -> Reply:
    """Return an error that the API says in good order."""
    match fault.kind:
        case "429":
            headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return _error(429, fault.code or 20429, "Too Many Requests", headers)
        case "rfc9457":
            status = fault.status or 400
            problem = {
                "type": "about:blank",
                "title": fault.message or "Bad",
                "status": status,
                "code": fault.code or 20001,
            }
            return Reply(status, json.dumps(problem).encode(), "application/problem+json")
        case "error":
            status = fault.status or (401 if fault.code == 20003 else 400)
            return _error(status, fault.code, fault.message or f"error {fault.code}")
        case _:
            return _error(fault.status or 500, fault.code or 20500, "Internal Server Error")


def _json(status: int, value: object) -> Reply:
    return Reply(status, json.dumps(value).encode())


def _error(status: int, code: int | None, message: str, headers: dict[str, str] | None = None) -> Reply:
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Reply(status, json.dumps(body).encode(), headers=headers or {})


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def main() -> None:
    words = argparse.ArgumentParser(description="A double of Twilio's message API on 127.0.0.1.")
    words.add_argument("--port", type=int, default=0)
    words.add_argument("--ledger", type=Path)
    words.add_argument("--account-sid", default=ACCOUNT_SID)
    words.add_argument("--auth-token", default=AUTH_TOKEN)
    words.add_argument("--callbacks", action="store_true", help="post status callbacks from the start")
    words.add_argument("--public-url", default="", help="the address that signatures are made for")
    words.add_argument("--local-url", default="", help="where that address really is")
    told = words.parse_args()
    with TwilioDouble(told.account_sid, told.auth_token, told.ledger, told.port) as double:
        double.postman.set_habits(enabled=told.callbacks, public_url=told.public_url, local_url=told.local_url)
        print(double.url.rpartition(":")[2], flush=True)  # noqa: T201
        over = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: over.set())
        signal.signal(signal.SIGINT, lambda *_: over.set())
        while not over.is_set():
            time.sleep(0.2)


if __name__ == "__main__":
    main()
