"""Posts signed webhooks as Twilio does: status callbacks of accepted texts, and texts from phones."""

import heapq
import random
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count
from urllib.parse import urlencode, urlsplit

from twilio.request_validator import RequestValidator

# Twilio waits about 15 seconds for an answer and tries about once more.
PATIENCE_SECONDS = 15.0


@dataclass
class Habits:
    """How status callbacks are posted; shares are from 0 to 1. `local_url` is where `public_url` really is."""

    enabled: bool = False
    statuses: list[str] = field(default_factory=lambda: ["sent", "delivered"])
    delay: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    lose: float = 0.0
    error_code: int | None = None
    seed: int = 0
    public_url: str = ""
    local_url: str = ""
    inbound_path: str = "/twilio/inbound"


class Postman:
    """Workers that post webhooks at their time and keep the answers."""

    def __init__(self, account_sid: str, auth_token: str, workers: int = 2):
        self.habits = Habits()
        self.posted: list[dict] = []
        self._account_sid = account_sid
        self._validator = RequestValidator(auth_token)
        self._dice = random.Random(0)
        self._bag: list = []
        self._serial = count()
        self._wake = threading.Condition()
        self._busy = 0
        self._stopped = False
        for _ in range(workers):
            threading.Thread(target=self._work, daemon=True).start()

    def set_habits(self, **habits) -> None:
        self.habits = Habits(**habits)
        self._dice = random.Random(self.habits.seed)

    def text_accepted(self, text: dict, on_status) -> None:
        """Plan the status callbacks of a text; `on_status` hears of each status at its time."""
        if not self.habits.enabled:
            return
        statuses = list(self.habits.statuses)
        if self._dice.random() < self.habits.reorder:
            self._dice.shuffle(statuses)
        for step, status in enumerate(statuses):
            due = time.monotonic() + self.habits.delay * (step + 1)
            self._put(due, on_status, text, status)
            if text.get("status_callback") and self._dice.random() >= self.habits.lose:
                for _ in range(2 if self._dice.random() < self.habits.duplicate else 1):
                    self._put(due, self.post_status, text, status, self.habits.error_code)

    def post_status(self, text: dict, status: str, error_code: int | None = None) -> dict:
        fields = {
            "AccountSid": self._account_sid,
            "ApiVersion": "2010-04-01",
            "From": text["from"],
            "MessageSid": text["sid"],
            "MessageStatus": status,
            "SmsSid": text["sid"],
            "SmsStatus": status,
            "To": text["to"],
        }
        if error_code is not None and status in {"failed", "undelivered"}:
            fields["ErrorCode"] = str(error_code)
        return self.post(text["status_callback"], fields)

    def post_inbound(self, text: dict, url: str | None = None) -> dict:
        fields = {
            "AccountSid": self._account_sid,
            "ApiVersion": "2010-04-01",
            "Body": text["body"],
            "From": text["from"],
            "FromCity": "",
            "FromCountry": "",
            "MessageSid": text["sid"],
            "NumMedia": text["num_media"],
            "NumSegments": "1",
            "SmsMessageSid": text["sid"],
            "SmsSid": text["sid"],
            "SmsStatus": "received",
            "To": text["to"],
        }
        return self.post(url or self.habits.public_url + self.habits.inbound_path, fields)

    def post(self, url: str, fields: dict[str, str]) -> dict:
        """Post one signed webhook, once more if it fails, and return what was answered."""
        signature = self._validator.compute_signature(url, fields)
        result = {"url": url, "sid": fields.get("MessageSid"), "status": fields.get("MessageStatus"), "answer": None}
        for _ in range(2):
            try:
                result["answer"], result["text"] = self._once(url, fields, signature)
            except (OSError, HTTPException) as trouble:
                result["trouble"] = type(trouble).__name__
                continue
            if result["answer"] < 500:
                break
        self.posted.append(result)
        return result

    def drain(self, seconds: float = 10.0) -> None:
        """Wait until all that was planned is posted."""
        with self._wake:
            self._wake.wait_for(lambda: not self._bag and not self._busy, seconds)

    def stop(self) -> None:
        with self._wake:
            self._stopped = True
            self._bag.clear()
            self._wake.notify_all()

    def _once(self, url: str, fields: dict[str, str], signature: str) -> tuple[int, str]:
        public, local = self.habits.public_url, self.habits.local_url
        target = urlsplit(local + url.removeprefix(public) if local and url.startswith(public) else url)
        connection = HTTPConnection(target.hostname, target.port or 80, timeout=PATIENCE_SECONDS)
        try:
            path = target.path + (f"?{target.query}" if target.query else "")
            headers = {
                "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
                "X-Twilio-Signature": signature,
                "User-Agent": "TwilioProxy/1.1",
            }
            connection.request("POST", path, urlencode(fields).encode(), headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def _put(self, due: float, call, *values) -> None:
        with self._wake:
            heapq.heappush(self._bag, (due, next(self._serial), call, values))
            self._wake.notify()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._stopped and not (self._bag and self._bag[0][0] <= time.monotonic()):
                    wait = max(0.0, self._bag[0][0] - time.monotonic()) if self._bag else None
                    self._wake.wait(wait)
                if self._stopped:
                    return
                _, _, call, values = heapq.heappop(self._bag)
                self._busy += 1
            try:
                call(*values)
            finally:
                with self._wake:
                    self._busy -= 1
                    self._wake.notify_all()
