"""A small, fast HTTP/1.1 server on 127.0.0.1 that can also misbehave: hang, reset, answer nonsense.

The standard library's handler spends most of its time on parsing headers as mail; a double that is slower than the
program it measures would measure itself.
"""

import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import parse_qsl, urlsplit

REASONS = {
    200: "OK",
    201: "Created",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


@dataclass
class Asked:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True)


@dataclass
class Reply:
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        head = {
            "Date": formatdate(usegmt=True),
            "Content-Type": self.content_type,
            "Content-Length": str(len(self.body)),
            **self.headers,
        }
        lines = [
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Status')}",
            *(f"{k}: {v}" for k, v in head.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body


class HangError(Exception):
    """Answer nothing for some seconds, then close."""

    def __init__(self, seconds: float):
        super().__init__(seconds)
        self.seconds = seconds


class ResetError(Exception):
    """Break the connection off with a TCP reset."""


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: "HttpServer"

    def handle(self) -> None:
        self.server.opened(self.connection)
        try:
            while (asked := self._asked()) is not None:
                if not self._answer(asked):
                    return
        except OSError:
            return
        finally:
            self.server.closed(self.connection)

    def _asked(self) -> Asked | None:
        first = self.rfile.readline(65_536).split()
        if len(first) != 3:
            return None
        headers = {}
        while (line := self.rfile.readline(65_536)) not in {b"\r\n", b"\n", b""}:
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", 0)))
        target = urlsplit(first[1].decode("latin-1"))
        return Asked(first[0].decode(), target.path, parse_qsl(target.query, keep_blank_values=True), headers, body)

    def _answer(self, asked: Asked) -> bool:
        """Answer one request and tell whether the connection stays open."""
        try:
            reply = self.server.respond(asked)
        except HangError as hang:
            self.server.stopping.wait(hang.seconds)
            return False
        except ResetError:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # The two file objects over the socket would keep it open, and a shutdown would send a polite end.
            self.rfile.close()
            self.connection.close()
            return False
        self.wfile.write(reply.to_bytes())
        return asked.headers.get("connection", "").lower() != "close"


class HttpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, respond: Callable[[Asked], Reply], port: int = 0):
        super().__init__(("127.0.0.1", port), _Connection)
        self.respond = respond
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def opened(self, connection: socket.socket) -> None:
        with self._guard:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._guard:
            self._open.discard(connection)

    def handle_error(self, request, client_address) -> None:
        """A client that goes away in the middle is what these tests are about."""

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()
        with self._guard:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
