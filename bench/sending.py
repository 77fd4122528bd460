"""Times the clock: an idle tick over a million waiting texts, the claim of 500, and sending through a local provider.

Each figure stands beside a floor measured in the same run: one indexed query, one UPDATE, and for sending the least
that any sender must do (claim, two durable commits, one HTTP call) in hand-written sqlite3.
Run as `python -m bench.sending`.
"""

import gc
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from urllib.parse import urlencode, urlsplit

from prom.messaging.twilio import TwilioAccount, TwilioGateway
from prom.services import prompting
from prom.storage import migrating, outbox, vault
from prom.storage.session import Store, engine_for
from tests import crowds
from tests import outbox as people

WAITING = 1_000_000
CLAIMED = 500
SENT = 400
TICKS = 300

ACCOUNT = {
    "account_sid": "AC1",
    "auth_token": "secret",
    "from_number": "+15005550006",
    "public_url": "https://clinic.example",
}

SERVER = """
import socket, sys, threading, itertools, re
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
numbers = itertools.count()
def serve(line):
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    rest = b""
    while True:
        while b"\\r\\n\\r\\n" not in rest:
            more = line.recv(65536)
            if not more:
                return
            rest += more
        head, rest = rest.split(b"\\r\\n\\r\\n", 1)
        length = re.search(rb"(?i)content-length: (\\d+)", head)
        size = int(length.group(1)) if length else 0
        while len(rest) < size:
            rest += line.recv(65536)
        rest = rest[size:]
        if head.startswith(b"GET"):
            line.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 16\\r\\n\\r\\n{"messages": []}')
            continue
        body = b'{"sid": "SM%032d", "status": "queued"}' % next(numbers)
        head = b"HTTP/1.1 201 CREATED\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n"
        line.sendall(head % len(body) + body)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


def milliseconds(work, times):
    """Return the median time of some runs."""
    taken = []
    gc.collect()
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - began))
    return median(taken)


def fresh(folder: Path) -> Store:
    """Return a store on a new database."""
    url = f"sqlite:///{folder / 'prom.db'}"
    migrating.upgrade(url)
    vault.make_keys(folder / "keys")
    return Store(engine_for(url), vault.load(folder / "keys"))


def fill(path: Path, like: int, number: int, due: str) -> None:
    """Copy a text many times, all due at one instant."""
    prefix = f"{abs(hash(due)) % 10**6:06d}"
    with sqlite3.connect(path) as database:
        names = [row[1] for row in database.execute("PRAGMA table_info(message)")]
        kept = [name for name in names if name not in {"id", "public_id", "dedupe_key", "send_at"}]
        database.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number}) "
            f"INSERT INTO message (public_id, dedupe_key, send_at, {', '.join(kept)}) "
            f"SELECT printf('{prefix}%012d', i), printf('{due}|%d', i), '{due}', {', '.join(kept)} "
            "FROM n, message WHERE message.id = ?",
            (like,),
        )
    database.close()


def queue(folder: Path) -> None:
    """Print the idle tick and the claim over a full queue."""
    store, now = fresh(folder), datetime.now(UTC)
    with store.writing() as session:
        site = people.site(session)
        one = people.waiting(session, site, now, due_at=now + timedelta(days=5), closes_at=now + timedelta(days=90))
    path = folder / "prom.db"
    fill(path, one.message.id, WAITING, (now + timedelta(days=30)).strftime("%Y-%m-%d %H:%M:%S.%f"))
    settings = people.settings(folder)

    def tick():
        prompting.recover(store, now)
        prompting.send_due(store, None, settings, lambda: now)

    database = sqlite3.connect(path)
    query = "SELECT id FROM message WHERE state = 'pending' AND send_at <= ? LIMIT 1"
    bare = milliseconds(lambda: database.execute(query, (now.strftime("%Y-%m-%d %H:%M:%S.%f"),)).fetchone(), TICKS)
    print(
        f"idle tick, {WAITING:,} waiting: {milliseconds(tick, TICKS):.2f} ms, one query {bare:.3f} ms (to reach 1 ms)"
    )
    fill(path, one.message.id, CLAIMED, now.strftime("%Y-%m-%d %H:%M:%S.%f"))
    took = median(claim_ms(store, now) for _ in range(7))
    print(f"{CLAIMED} due of {WAITING:,} claimed in {took:.1f} ms (to reach 20 ms)")
    database.close()
    store.engine.dispose()


def claim_ms(store: Store, now: datetime) -> float:
    """Claim all that is due, give it back, and return the milliseconds that the claim took."""
    lease_until = now + timedelta(seconds=30)
    with store.writing() as session:
        began = time.perf_counter()
        taken = outbox.claim(session, now=now, lease_until=lease_until, limit=CLAIMED, urgent_only=False, skip_sites=())
        took = 1000 * (time.perf_counter() - began)
        assert len(taken) == CLAIMED
        outbox.give_back(session, taken)
    return took


def sending(folder: Path, url: str) -> None:
    """Print how many texts a second leave, beside the floor."""
    store, now = fresh(folder), datetime.now(UTC)
    settings = people.settings(folder, send_rate=1e6)
    with store.writing() as session:
        site = people.site(session)
        site.quiet_hours = False
        for _ in range(SENT + 20):
            people.waiting(session, site, now - timedelta(minutes=1))
    gateway = TwilioGateway(TwilioAccount(**ACCOUNT, api_url=url))
    prompting.send_due(store, gateway, settings, lambda: datetime.now(UTC), limit=20)
    began = time.perf_counter()
    sent = prompting.send_due(store, gateway, settings, lambda: datetime.now(UTC), limit=SENT).accepted
    ours = sent / (time.perf_counter() - began)
    least = floor(folder / "floor.db", lambda phone, body: gateway.send(phone, body, "floor", 36000).sid)
    bare = floor(folder / "bare.db", bare_call(url))
    print(
        f"sending {sent} texts, one process: {ours:.0f}/s; floor with the vendor's client {least:.0f}/s, "
        f"ratio {ours / least:.2f} (to reach 0.5); with http.client {bare:.0f}/s, ratio {ours / bare:.2f}"
    )
    store.engine.dispose()


def two_processes(folder: Path, url: str) -> None:
    """Print how many texts a second two sending processes bring out of one queue, beside one alone."""
    store, now = fresh(folder), datetime.now(UTC)
    with store.writing() as session:
        site = people.site(session)
        site.quiet_hours = False
    crowds.waiting(store, site, now - timedelta(minutes=1), 4 * SENT)
    store.engine.dispose()
    speeds = []
    for workers in (1, 2):
        command = [sys.executable, "-m", "bench.sending", str(folder), url, str(2 * SENT // workers)]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(workers)]
        told = [child.communicate()[0].split() for child in running]
        first, last = min(float(each[1]) for each in told), max(float(each[2]) for each in told)
        speeds.append(sum(int(each[0]) for each in told) / (last - first))
    one, two = speeds
    print(f"two processes on one SQLite queue: {two:.0f}/s, one alone {one:.0f}/s, {two / one:.2f} times as many")


def work(folder: Path, url: str, limit: int) -> None:
    """Send so many texts and print how many left, from when to when."""
    store = Store(engine_for(f"sqlite:///{folder / 'prom.db'}"), vault.load(folder / "keys"))
    settings = people.settings(folder, send_rate=1e6)
    gateway = TwilioGateway(TwilioAccount(**ACCOUNT, api_url=url))
    gateway.probe()
    began, sent = time.time(), 0
    while sent < limit and (done := prompting.send_due(store, gateway, settings, clock, limit=50).accepted):
        sent += done
    print(sent, began, time.time())


def clock() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def bare_call(url: str) -> Callable[[str, str], str]:
    """Return the least that a call to the provider can be."""
    address = urlsplit(url)
    line = HTTPConnection(address.hostname, address.port)

    def call(phone: str, body: str) -> str:
        fields = urlencode({"To": phone, "Body": body, "From": "+15005550006", "ValidityPeriod": 36000})
        line.request("POST", "/", fields, {"Content-Type": "application/x-www-form-urlencoded"})
        return json.loads(line.getresponse().read())["sid"]

    return call


def floor(path: Path, call: Callable[[str, str], str]) -> float:
    """Return how many texts a second the least possible sender sends."""
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        database.execute(f"PRAGMA {pragma}")
    database.execute(
        "CREATE TABLE m (id INTEGER PRIMARY KEY, state TEXT, send_at TEXT, phone TEXT, body TEXT, sid TEXT)"
    )
    database.execute("CREATE INDEX i ON m (state, send_at)")
    rows = [("pending", "2026-01-01", f"+9190071{n:05d}", "Average pain in the last 24 hours?") for n in range(SENT)]
    database.executemany("INSERT INTO m (state, send_at, phone, body) VALUES (?, ?, ?, ?)", rows)
    began = time.perf_counter()
    while batch := database.execute(
        "SELECT id FROM m WHERE state = 'pending' AND send_at <= '2027' LIMIT 100"
    ).fetchall():
        database.execute("BEGIN IMMEDIATE")
        database.executemany("UPDATE m SET state = 'claimed' WHERE id = ? AND state = 'pending'", batch)
        database.execute("COMMIT")
        for (key,) in batch:
            database.execute("BEGIN IMMEDIATE")
            database.execute("UPDATE m SET state = 'sending' WHERE id = ? AND state = 'claimed'", (key,))
            phone, body = database.execute("SELECT phone, body FROM m WHERE id = ?", (key,)).fetchone()
            database.execute("COMMIT")
            sid = call(phone, body)
            database.execute("BEGIN IMMEDIATE")
            database.execute("UPDATE m SET state = 'accepted', sid = ? WHERE id = ?", (sid, key))
            database.execute("COMMIT")
    taken = time.perf_counter() - began
    database.close()
    return SENT / taken


def main() -> None:
    """Print each figure beside its floor."""
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            sending(Path(one), url)
            two_processes(Path(two), url)
        with tempfile.TemporaryDirectory() as other:
            queue(Path(other))
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    else:
        main()
