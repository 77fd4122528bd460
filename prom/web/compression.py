"""Pages and style sheets travel packed: a cheap phone on a slow network waits for bytes, not for us.

Cookies are SameSite=Lax, so that no foreign page can have a signed-in page fetched again and again to guess its
secrets from the packed length.
"""

import gzip

from flask import Response, request

SHORTEST = 1000
LEVEL = 5
PACKED = ("text/", "application/json", "text/javascript", "image/svg+xml")


def pack(response: Response) -> Response:
    """Return a response packed for whoever takes gzip; streams and what is packed already stay as they are."""
    if not response.content_type or not response.content_type.startswith(PACKED):
        return response
    response.vary.add("Accept-Encoding")
    takes = "gzip" in request.headers.get("Accept-Encoding", "")
    if not takes or response.is_streamed or response.direct_passthrough or "Content-Encoding" in response.headers:
        return response
    body = response.get_data()
    if len(body) >= SHORTEST:
        response.set_data(gzip.compress(body, LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
