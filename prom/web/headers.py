"""Response headers of every page, and what error pages say."""

import sqlite3
import traceback

from flask import Response, current_app, request
from sqlalchemy.exc import DBAPIError, TimeoutError  # noqa: A004 - SQLAlchemy's, of its pool

from prom.web import context

# The hash is the empty style that Plotly puts in; nothing else inline is let through.
CSP = (
    "default-src 'none'; script-src 'self'; "
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
WORDS = {
    400: ("Something in the request was not understood", "Go back, reload the page and try again."),
    403: ("You may not open this page", "Ask an administrator if you need it for your work."),
    404: ("There is no such page", "Check the address, or start again from the first page."),
    405: ("That does not work here", "Go back and use the buttons on the page."),
    413: ("The file is too large", "Files may have 5 MB at most."),
    429: ("Too many tries", "Wait a little and try again."),
    500: ("Something went wrong on our side", "Nothing was lost. Try again; if it happens again, tell us the number."),
    503: ("prom cannot reach its database", "Nothing was stored. It tries again by itself; reload in a minute."),
}


def add(response: Response) -> Response:
    """Set the security headers; pages are never stored by browsers or proxies unless they say otherwise."""
    headers = response.headers
    headers["Content-Security-Policy"] = CSP
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
    headers["X-Request-Id"] = context.request_id()
    if current_app.extensions["prom"].settings.https:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if request.endpoint not in {"assets.static_file", "assets.favicon"}:
        headers["Cache-Control"] = "no-store"
    return response


def status_of(error: Exception) -> int:
    """Return 503 for a database that cannot be reached or written, 500 for everything else.

    No free connection in time is one of these; a full disk and a turn that did not come are errors of the system.
    """
    return 503 if isinstance(error, DBAPIError | TimeoutError | sqlite3.Error | OSError) else 500


def trace(error: BaseException) -> str:
    """Return type and places of an error, without its message: messages may quote what patients wrote."""
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-6:]]
    return f"{type(error).__name__} at {' < '.join(reversed(places))}"
