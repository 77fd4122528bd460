"""What the Twilio double has accepted, received and posted: in memory, and every accepted text in a file."""

import json
import os
import threading
import time
from collections import defaultdict
from email.utils import formatdate
from pathlib import Path
from secrets import token_hex

STOP_WORDS = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
START_WORDS = {"START", "YES", "UNSTOP"}


class Ledger:
    def __init__(self, account_sid: str, file: Path | None = None):
        self.account_sid = account_sid
        self.blocked: set[str] = set()
        self._by_sid: dict[str, dict] = {}
        self._by_to: dict[str, list[dict]] = defaultdict(list)
        self._accepted: list[dict] = []
        self._guard = threading.Lock()
        self._file = None
        if file is not None:
            self._read_back(file)
            self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def accept(self, fields: dict[str, str], status: str) -> dict:
        text = {
            "sid": "SM" + token_hex(16),
            "to": fields["To"],
            "from": fields.get("From", ""),
            "messaging_service_sid": fields.get("MessagingServiceSid"),
            "body": fields["Body"],
            "status_callback": fields.get("StatusCallback"),
            "validity_period": fields.get("ValidityPeriod"),
            "at": time.time(),
        }
        # One write call: a line that was answered for outlives the kill of this process, and lines never mix.
        if self._file is not None:
            os.write(self._file, (json.dumps(text) + "\n").encode())
        return self._keep({**text, "direction": "outbound-api", "status": status, "num_media": "0"})

    def receive(self, from_: str, to: str, body: str, num_media: int, sid: str | None = None) -> dict:
        word = body.strip().upper()
        if word in STOP_WORDS:
            self.blocked.add(from_)
        if word in START_WORDS:
            self.blocked.discard(from_)
        text = {"sid": sid or "SM" + token_hex(16), "from": from_, "to": to, "body": body, "at": time.time()}
        return self._keep({**text, "direction": "inbound", "status": "received", "num_media": str(num_media)})

    def set_status(self, sid: str, status: str, error_code: int | None = None) -> None:
        with self._guard:
            self._by_sid[sid].update(status=status, error_code=error_code)

    def one(self, sid: str) -> dict | None:
        with self._guard:
            return self._by_sid.get(sid)

    def accepted(self) -> list[dict]:
        with self._guard:
            return list(self._accepted)

    def find(self, to: str | None, from_: str | None, earliest: float, latest: float) -> list[dict]:
        """Return texts, newest first."""
        with self._guard:
            pool = list(self._by_to.get(to, ()) if to is not None else self._by_sid.values())
        found = [one for one in pool if from_ in {None, one["from"]} and earliest <= int(one["at"]) <= latest]
        return sorted(found, key=lambda one: one["at"], reverse=True)

    def shown(self, text: dict) -> dict:
        """Return a text as the API writes it."""
        at = formatdate(text["at"]).replace("-0000", "+0000")
        unsent = text["status"] in {"accepted", "scheduled"}
        return {
            "account_sid": self.account_sid,
            "api_version": "2010-04-01",
            "body": text["body"],
            "date_created": at,
            "date_sent": None if unsent else at,
            "date_updated": at,
            "direction": text["direction"],
            "error_code": text.get("error_code"),
            "error_message": None,
            "from": text["from"] or None,
            "messaging_service_sid": text.get("messaging_service_sid"),
            "num_media": text["num_media"],
            "num_segments": "1",
            "price": None,
            "price_unit": "USD",
            "sid": text["sid"],
            "status": text["status"],
            "subresource_uris": {},
            "to": text["to"],
            "uri": f"/2010-04-01/Accounts/{self.account_sid}/Messages/{text['sid']}.json",
        }

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _keep(self, text: dict) -> dict:
        with self._guard:
            self._by_sid[text["sid"]] = text
            self._by_to[text["to"]].append(text)
            if text["direction"] != "inbound":
                self._accepted.append(text)
        return text

    def _read_back(self, file: Path) -> None:
        """Remember what was accepted before a restart."""
        if not file.exists():
            return
        for line in file.read_text().splitlines():
            self._keep({**json.loads(line), "direction": "outbound-api", "status": "sent", "num_media": "0"})
