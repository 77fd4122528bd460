"""What the double of the provider says about the account itself, its numbers and its messaging services."""

import json
import re

from tests.doubles.http_server import Asked, Reply


class Resources:
    """The account's resources; a test changes them. `headers` go with every answer, for example another Date."""

    def __init__(self, account_sid: str):
        self.account_sid = account_sid
        self.account = {"sid": account_sid, "status": "active", "type": "Full"}
        self.numbers: dict[str, dict] = {}
        self.services: dict[str, dict] = {}
        self.pools: dict[str, list[str]] = {}
        self.headers: dict[str, str] = {}

    def number(self, e164: str, sms_url: str = "", sms_method: str = "POST", *, sms: bool = True) -> None:
        """Let a number belong to the account."""
        capabilities = {"sms": sms, "voice": True}
        row = {"phone_number": e164, "sms_url": sms_url, "sms_method": sms_method, "capabilities": capabilities}
        self.numbers[e164] = row

    def respond(self, asked: Asked) -> Reply | None:
        """Return the answer about a resource, or None when the path names none."""
        if asked.method != "GET":
            return None
        account = f"/2010-04-01/Accounts/{self.account_sid}"
        if asked.path == f"{account}.json":
            return self._said(self.account)
        if asked.path == f"{account}/IncomingPhoneNumbers.json":
            wanted = dict(asked.query).get("PhoneNumber")
            return self._said({"incoming_phone_numbers": [self.numbers[wanted]] if wanted in self.numbers else []})
        if found := re.fullmatch(r"/v1/Services/(\w+)(/PhoneNumbers)?", asked.path):
            return self._service(found.group(1), pool=bool(found.group(2)))
        return None

    def _service(self, sid: str, *, pool: bool) -> Reply:
        if sid not in self.services:
            return self._said({"code": 20404, "message": "not found"}, 404)
        if pool:
            return self._said({"phone_numbers": [{"phone_number": one} for one in self.pools.get(sid, [])]})
        return self._said({"sid": sid, **self.services[sid]})

    def _said(self, value: dict, status: int = 200) -> Reply:
        return Reply(status, json.dumps(value).encode(), headers=self.headers)
