"""The signature on a webhook: proof that a request comes from the provider and not from anybody who knows the address.

The provider signs the address it was given, so we sign the *configured* public address: what the request says about
its own host and scheme changes behind proxies and could be chosen by a forger. A replayed request validates; the
unique message id in the database is what stops that.
"""

import base64
import contextlib
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit, urlunsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}

Fields = Sequence[tuple[str, str]]


def sign(public_url: str, token: str, path_and_raw_query: str, fields: Fields) -> str:
    """Return the signature the provider would send with this request."""
    url = _joined(public_url, path_and_raw_query)
    return _digest(token.encode(), url, _in_signing_order(fields)).decode()


class Verifier:
    """Checks signatures against one public address and one or two tokens (two while a token is being replaced)."""

    def __init__(self, public_url: str, tokens: Sequence[str]) -> None:
        # With an empty token everybody can compute a valid signature: better not to start at all.
        if not tokens or any(not token.strip() for token in tokens):
            raise ValueError("an empty auth token would accept forged webhooks")
        if not public_url:
            raise ValueError("webhooks cannot be verified without a public address")
        self._public_url = public_url
        self._keys = tuple(token.encode() for token in tokens)

    def valid(self, path_and_raw_query: str, fields: Fields, signature: str) -> bool:
        """Tell whether the provider signed this request.

        `path_and_raw_query` is the path below the public address and the query string as it came: percent signs not
        decoded, bytes outside ASCII as WSGI hands them over or as text; `fields` are all POST fields, empty and unknown
        ones too.
        """
        # Bytes, because compare_digest raises on text outside ASCII.
        given = signature.encode("utf-8", "replace")
        try:
            return any(
                hmac.compare_digest(_digest(key, form, pairs), given)
                for target in _texts(path_and_raw_query)
                for form in _forms(_joined(self._public_url, target))
                for pairs in _readings(fields)
                for key in self._keys
            )
        except UnicodeEncodeError:
            # Lone surrogates cannot have been signed by anybody.
            return False


def _joined(public_url: str, path_and_raw_query: str) -> str:
    return public_url.rstrip("/") + "/" + path_and_raw_query.lstrip("/")


def _digest(key: bytes, url: str, pairs: Fields) -> bytes:
    text = url + "".join(name + value for name, value in pairs)
    return base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha1))


def _in_signing_order(fields: Fields) -> Fields:
    return sorted(set(fields))


def _readings(fields: Fields) -> Iterator[Fields]:
    """Yield the orders in which fields may have been signed: each pair once, or a repeated pair as often as it came."""
    once = _in_signing_order(fields)
    yield once
    if len(once) != len(fields):
        yield sorted(fields)


def _texts(path_and_raw_query: str) -> Iterator[str]:
    """Yield the path and query as given, then, if WSGI wrote UTF-8 bytes as Latin-1 letters, as the text they mean."""
    yield path_and_raw_query
    if not path_and_raw_query.isascii():
        with contextlib.suppress(UnicodeError):
            yield path_and_raw_query.encode("latin-1").decode()


def _forms(url: str) -> Iterator[str]:
    """Yield the address as configured, then the same address with its port named or left out: providers do both."""
    yield url
    parts = urlsplit(url)
    port = _DEFAULT_PORTS.get(parts.scheme)
    if parts.port is not None:
        yield urlunsplit(parts._replace(netloc=parts.netloc.rpartition(":")[0]))
    elif port is not None:
        yield urlunsplit(parts._replace(netloc=f"{parts.netloc}:{port}"))
