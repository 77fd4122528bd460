"""Times the inbound webhook: the product under gunicorn beside a hand-written sqlite3 app that does the same work.

Both run gthread with one process and eight threads on SQLite with synchronous=FULL, and both do for each text: check
the signature, refuse a known id, seal the body, add an audit row, the answer and the text that answers, in one
transaction. The load is a fixed number of phones, each with one open question, eight requests at once.
Run as `python -m bench.webhook`.
"""

import base64
import hashlib
import hmac
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from twilio.request_validator import RequestValidator

from prom.storage import migrating, vault
from prom.storage.session import Store, engine_for

PUBLIC = "https://clinic.example/prom"
TOKEN = "secret"
PATH = "/twilio/inbound"
AT_ONCE = 8
MOST_SECONDS = 10.0
TEXTS = 4000
WARM_UP = 200
RATIO, P99_RATIO = 0.5, 2.0
SEAL = AESGCM(b"k" * 32)

SERVE = """
import sys
from gunicorn.app.base import BaseApplication
class Server(BaseApplication):
    def load_config(self):
        for name, value in {
            "bind": "127.0.0.1:" + PORT, "workers": 1, "worker_class": "gthread", "threads": 8,
            "keepalive": 5, "loglevel": "warning", "control_socket_disable": True,
        }.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)
    def load(self):
        from bench import webhook
        return webhook.floor_app()
PORT = sys.argv[1]
sys.argv = sys.argv[:1]
Server().run()
"""

TABLES = """
CREATE TABLE inbound (id INTEGER PRIMARY KEY, sid TEXT UNIQUE NOT NULL, phone TEXT, body BLOB, at TEXT, state TEXT);
CREATE TABLE prompt (id INTEGER PRIMARY KEY, phone TEXT NOT NULL, state TEXT NOT NULL, answered_at TEXT);
CREATE INDEX ix_prompt_phone ON prompt (phone, state);
CREATE TABLE answer (id INTEGER PRIMARY KEY, prompt_id INTEGER, inbound_id INTEGER, value INTEGER, at TEXT, mac BLOB);
CREATE UNIQUE INDEX ix_answer_prompt ON answer (prompt_id);
CREATE TABLE audit (id INTEGER PRIMARY KEY, at TEXT, actor TEXT, action TEXT, object TEXT, new BLOB);
CREATE TABLE message (id INTEGER PRIMARY KEY, key TEXT UNIQUE, inbound_id INTEGER, state TEXT, send_at TEXT, text TEXT);
CREATE INDEX ix_message_state ON message (state, send_at);
"""


def floor_app() -> Callable[..., Iterable[bytes]]:
    """Return the least that a webhook with these duties can be."""
    here, writer = threading.local(), threading.Lock()

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        fields = parse_qsl(body.decode(), keep_blank_values=True)
        text = PUBLIC + environ["PATH_INFO"] + "".join(name + value for name, value in sorted(set(fields)))
        right = base64.b64encode(hmac.digest(TOKEN.encode(), text.encode(), hashlib.sha1))
        if not hmac.compare_digest(right, environ.get("HTTP_X_TWILIO_SIGNATURE", "").encode()):
            start("403 Forbidden", [("Content-Length", "0")])
            return [b""]
        if not hasattr(here, "line"):
            here.line = sqlite3.connect(os.environ["FLOOR_DB"], isolation_level=None, timeout=10)
            here.line.execute("PRAGMA synchronous=FULL")
        with writer:
            here.line.execute("BEGIN IMMEDIATE")
            take(here.line, dict(fields))
            here.line.execute("COMMIT")
        start("200 OK", [("Content-Type", "text/xml"), ("Content-Length", "11")])
        return [b"<Response/>"]

    return app


def sealed(text: str, place: str) -> bytes:
    """Return text sealed as the product seals it."""
    nonce = os.urandom(12)
    return nonce + SEAL.encrypt(nonce, text.encode(), place.encode())


def take(line: sqlite3.Connection, form: dict[str, str]) -> None:
    """Do the durable work of one text."""
    phone = hmac.digest(b"index", form["From"].encode(), hashlib.sha256).hex()
    sid, said = form["MessageSid"], form["Body"]
    at = datetime.now(UTC).isoformat()
    if line.execute("SELECT 1 FROM inbound WHERE sid = ?", (sid,)).fetchone():
        return
    add = "INSERT INTO inbound (sid, phone, body, at, state) VALUES (?, ?, ?, ?, 'read')"
    row = line.execute(add, (sid, phone, sealed(said, sid), at)).lastrowid
    prompt = line.execute("SELECT id FROM prompt WHERE phone = ? AND state = 'asked'", (phone,)).fetchone()[0]
    mac = hmac.digest(b"mac", f"{prompt}|{said}".encode(), hashlib.sha256)
    add = "INSERT INTO answer (prompt_id, inbound_id, value, at, mac) VALUES (?, ?, ?, ?, ?)"
    line.execute(add, (prompt, row, int(said), at, mac))
    line.execute("UPDATE prompt SET state = 'answered', answered_at = ? WHERE id = ?", (at, prompt))
    add = "INSERT INTO audit (at, actor, action, object, new) VALUES (?, 'patient', 'answer_stored', ?, ?)"
    line.execute(add, (at, str(row), sealed(said, f"audit|{row}")))
    add = "INSERT INTO message (key, inbound_id, state, send_at, text) VALUES (?, ?, 'pending', ?, 'thanks')"
    line.execute(add, (f"{row}|thanks", row, at))


def requests(phones: list[str]) -> list[bytes]:
    """Return one signed request for each phone, ready to be written to a socket."""
    validator = RequestValidator(TOKEN)
    made = []
    for number, phone in enumerate(phones):
        fields = {
            "AccountSid": "AC1", "ApiVersion": "2010-04-01", "Body": str(number % 11), "From": phone, "FromCity": "",
            "MessageSid": f"SM{number:032x}", "NumMedia": "0", "NumSegments": "1", "To": "+15005550006",
        }  # fmt: skip
        body = urlencode(fields).encode()
        signature = validator.compute_signature(PUBLIC + PATH, fields)
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: clinic.example\r\nX-Twilio-Signature: {signature}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


def load(port: int, posts: list[bytes]) -> tuple[float, float]:
    """Post at most MOST_SECONDS long, eight at once; return requests a second and the 99th percentile in ms."""
    waiting, taken, until = iter(posts), [], time.perf_counter() + MOST_SECONDS
    turn = threading.Lock()

    def post() -> None:
        line = socket.create_connection(("127.0.0.1", port))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.perf_counter() < until:
            with turn:
                one = next(waiting, None)
            if one is None:
                break
            began = time.perf_counter()
            line.sendall(one)
            _read_answer(line)
            taken.append(1000 * (time.perf_counter() - began))
        line.close()

    threads = [threading.Thread(target=post) for _ in range(AT_ONCE)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    return len(taken) / seconds, sorted(taken)[int(0.99 * len(taken))]


def _read_answer(line: socket.socket) -> None:
    got = b""
    while b"\r\n\r\n" not in got:
        got += line.recv(65536)
    head, rest = got.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200"), head
    size = next(int(row.split(b":")[1]) for row in head.split(b"\r\n") if row.lower().startswith(b"content-length"))
    while len(rest) < size:
        rest += line.recv(65536)


def measured(command: list[str], environment: dict[str, str], port: int, posts: list[bytes]) -> tuple[float, float]:
    """Start a server, warm it up, load it and stop it."""
    server = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        _wait(port)
        load(port, posts[:WARM_UP])
        return load(port, posts[WARM_UP:])
    finally:
        server.terminate()
        server.wait()


def _wait(port: int) -> None:
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server did not start")


def product(folder: Path, port: int) -> tuple[float, float]:
    """Return the figures of prom."""
    from tests import outbox, replies

    url = f"sqlite:///{folder / 'prom.db'}"
    migrating.upgrade(url)
    vault.make_keys(folder / "keys")
    store, now, made = Store(engine_for(url), vault.load(folder / "keys")), datetime.now(UTC), []
    with store.writing() as session:
        site = outbox.site(session)
        for number in range(TEXTS):
            phone = f"+9190072{number:05d}"
            one = outbox.waiting(session, site, now, phone=phone, due_at=now - timedelta(hours=1))
            replies.reach(session, one.prompt, one.message, now - timedelta(hours=1))
            made.append(phone)
    store.engine.dispose()
    environment = {
        "PROM_INSTANCE": str(folder), "PROM_GATEWAY": "twilio", "TWILIO_ACCOUNT_SID": "AC" + "1" * 32,
        "TWILIO_AUTH_TOKEN": TOKEN, "PROM_TWILIO_FROM": "+15005550006", "PROM_PUBLIC_URL": PUBLIC,
        "PROM_TWILIO_API_URL": "http://127.0.0.1:1",
    }  # fmt: skip
    command = [sys.executable, "-m", "prom", "serve", "--port", str(port)]
    figures = measured(command, environment, port, requests(made))
    with sqlite3.connect(folder / "prom.db") as database:
        came, counted = (
            database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("inbound", "answer")
        )
    assert came == counted, f"{came} texts, {counted} answers"
    return figures


def floor(folder: Path, port: int) -> tuple[float, float]:
    """Return the figures of the hand-written app."""
    phones = [f"+9190072{number:05d}" for number in range(TEXTS)]
    with sqlite3.connect(folder / "floor.db") as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript(TABLES)
        indexes = [(hmac.digest(b"index", phone.encode(), hashlib.sha256).hex(),) for phone in phones]
        database.executemany("INSERT INTO prompt (phone, state) VALUES (?, 'asked')", indexes)
    database.close()
    command = [sys.executable, "-c", SERVE, str(port)]
    return measured(command, {"FLOOR_DB": str(folder / "floor.db")}, port, requests(phones))


def main() -> None:
    """Print both, and how they compare with what is to be reached."""
    from tests.servers import free_port

    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        least, least_p99 = floor(Path(one), free_port())
        ours, ours_p99 = product(Path(other), free_port())
    ratio, slower = ours / least, ours_p99 / least_p99
    print(f"inbound webhook: {ours:.0f}/s, p99 {ours_p99:.1f} ms; floor {least:.0f}/s, p99 {least_p99:.1f} ms")
    print(f"ratio {ratio:.2f} (to reach {RATIO}), p99 {slower:.1f} x the floor's (to reach {P99_RATIO})")


if __name__ == "__main__":
    main()
