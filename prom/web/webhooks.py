"""The provider's doors: texts that come in and statuses of texts that went out.

Only a valid signature opens them. They store first, answer at once with an empty response, and answer 503 when nothing
could be stored, so that the provider tries again.
"""

from datetime import datetime
from functools import cache

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue

from prom.messaging.account import CHECK_PATH
from prom.messaging.gateway import Received
from prom.messaging.signature import Verifier
from prom.services import delivering, receiving
from prom.web import context, guards

blueprint = Blueprint("webhooks", __name__)
EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
LONGEST_SID = 40
MOST_MEDIA_DIGITS = 4


@cache
def _verifier(public_url: str, tokens: tuple[str, ...]) -> Verifier:
    return Verifier(public_url, tokens)


def _check_signature() -> None:
    settings = context.wired().settings
    if settings.gateway != "twilio" or not settings.public_url:
        abort(403)
    tokens = tuple(token for token in (settings.twilio_auth_token, settings.twilio_auth_token_next) if token)
    # Proxies rewrite host, scheme and escapes: the address is the configured one plus what came in, byte for byte.
    path = request.environ.get("PATH_INFO", "")
    query = request.environ.get("QUERY_STRING", "")
    fields = [(name, value) for name, value in request.form.items(multi=True)]
    given = request.headers.get("X-Twilio-Signature", "")
    if not _verifier(settings.public_url, tokens).valid(path + (f"?{query}" if query else ""), fields, given):
        abort(403)


def _sid() -> str:
    sid = request.form.get("MessageSid") or request.form.get("SmsSid") or ""
    if not sid or len(sid) > LONGEST_SID or not sid.isprintable():
        abort(400)
    return sid


def _num_media() -> int:
    given = request.form.get("NumMedia", "")
    # Whatever else stands there, a person looks rather than a score being read beside an unseen picture.
    return int(given) if given.isascii() and given.isdigit() and len(given) <= MOST_MEDIA_DIGITS else int(bool(given))


def _empty() -> ResponseReturnValue:
    return Response(EMPTY, content_type="text/xml; charset=utf-8")


@blueprint.post("/twilio/inbound")
@guards.needs(guards.Permission.PUBLIC)
def inbound() -> ResponseReturnValue:
    """Take one text from a phone: stored before it is understood, once for each id."""
    _check_signature()
    text = Received(
        sid=_sid(),
        from_=request.form.get("From", ""),
        to=request.form.get("To", ""),
        body=request.form.get("Body", ""),
        num_media=_num_media(),
        received_at=_now(),
    )
    with context.wired().store.writing_together() as session:
        receiving.receive(session, text, text.received_at, links_work=bool(context.wired().settings.public_url))
    return _empty()


@blueprint.post("/twilio/status")
@guards.needs(guards.Permission.PUBLIC)
def status() -> ResponseReturnValue:
    """Take one status of a text that went out; statuses come late, twice and in any order."""
    _check_signature()
    with context.wired().store.writing_together() as session:
        delivering.status(
            session,
            request.args.get("m"),
            _sid(),
            request.form.get("MessageStatus", "") or request.form.get("SmsStatus", ""),
            request.form.get("ErrorCode") or None,
            _now(),
        )
    return _empty()


@blueprint.post(CHECK_PATH)
@guards.needs(guards.Permission.PUBLIC)
def check() -> ResponseReturnValue:
    """Say that a signed request came through, for `prom doctor`; nothing is read and nothing changes."""
    _check_signature()
    return _empty()


def _now() -> datetime:
    return context.now()
