"""Sessions as rows from sign-in on; before that a short signed cookie for the forms' tokens.

Deleting the row, disabling the account or 15 idle minutes end a session at once; there is no "remember me".
"""

import base64
import hashlib
from contextlib import suppress
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from flask import Flask, Request, Response
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSession, SessionInterface
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.exc import DBAPIError

from prom import clock
from prom.storage import staff
from prom.storage.session import Store

ANONYMOUS_SECONDS = 3600
ROW_PREFIX = "r."


class PromSession(SecureCookieSession):
    """A session that knows its row's token, whether it must get a new one, and whether its row could not be read."""

    token: str = ""
    renew: bool = False
    unreadable: bool = False


class RowSessions(SessionInterface):
    """Flask sessions on the websession table."""

    def __init__(self, store: Store, cookie_key: bytes, *, https: bool) -> None:
        self._store = store
        self._https = https
        self._json = TaggedJSONSerializer()
        # What a page says once may name a patient, and waits in the row for the next page: rows are sealed.
        self._seal = Fernet(base64.urlsafe_b64encode(hashlib.blake2b(cookie_key, digest_size=32).digest()))
        self._signer = URLSafeTimedSerializer(cookie_key, salt="anonymous", serializer=self._json)
        # The __Host- prefix makes browsers refuse the cookie from any other host or path, but needs HTTPS.
        self.cookie_name = "__Host-prom" if https else "prom"

    def open_session(self, _app: Flask, request: Request) -> PromSession:
        """Return the session of a request; an unknown, ended or forged cookie gives an empty one."""
        value = request.cookies.get(self.cookie_name, "")
        if value.startswith(ROW_PREFIX):
            return self._from_row(value.removeprefix(ROW_PREFIX))
        try:
            return PromSession(self._signer.loads(value, max_age=ANONYMOUS_SECONDS)) if value else PromSession()
        except BadSignature:
            return PromSession()

    def _from_row(self, token: str) -> PromSession:
        try:
            with self._store.reading() as database:
                row = staff.web_session(database, token, clock.wall())
        except DBAPIError:
            # Raised here, the error would go round the error page and log the address; guards refuse instead, and
            # pages that need no database (/healthz) still answer.
            opened = PromSession()
            opened.unreadable = True
            return opened
        if row is None:
            return PromSession()
        opened = PromSession(self._opened(row.content))
        opened.token = token
        age = (clock.wall() - row.last_seen_at).total_seconds()
        opened.modified = age > staff.TOUCH_SECONDS
        return opened

    def _opened(self, content: str) -> dict[str, Any]:
        try:
            opened: dict[str, Any] = self._json.loads(self._seal.decrypt(content).decode())
        except InvalidToken:
            return {}
        return opened

    def save_session(self, _app: Flask, session: Any, response: Response) -> None:
        """Store what changed and set the cookie."""
        if session.accessed:
            response.vary.add("Cookie")
        if session.unreadable:
            return
        if session.token and "_user_id" not in session:
            self._sign_out(session)
        if not session:
            self._forget(session, response)
        elif "_user_id" in session:
            self._save_row(session, response)
        elif session.modified:
            self._set_cookie(response, self._signer.dumps(dict(session)))

    def _save_row(self, session: PromSession, response: Response) -> None:
        if session.token and not session.renew and not session.modified:
            return
        content, now = self._seal.encrypt(self._json.dumps(dict(session)).encode()).decode(), clock.wall()
        if session.token and not session.renew:
            self._keep_row(session.token, content, now)
            return
        with self._store.writing() as database:
            if session.token:
                staff.end_web_session(database, session.token)
            owner = int(session["prom_staff_id"])
            token = staff.open_web_session(database, owner, content, session.get("prom_address", ""), now)
        self._set_cookie(response, ROW_PREFIX + token)

    def _keep_row(self, token: str, content: str, now: datetime) -> None:
        # A full disk must not turn a page that was only read into an error; the time of the last visit waits.
        with suppress(DBAPIError), self._store.writing() as database:
            staff.keep_web_session(database, token, content, now)

    def _sign_out(self, session: PromSession) -> None:
        """End the row: without this the old cookie would still sign its holder in."""
        with self._store.writing() as database:
            staff.end_web_session(database, session.token)
        for name in ("prom_staff_id", "prom_address"):
            session.pop(name, None)

    def _forget(self, session: PromSession, response: Response) -> None:
        if session.modified or session.token:
            response.delete_cookie(self.cookie_name, path="/", secure=self._https, httponly=True, samesite="Lax")

    def _set_cookie(self, response: Response, value: str) -> None:
        response.set_cookie(self.cookie_name, value, path="/", secure=self._https, httponly=True, samesite="Lax")
