"""The simulated gateway: a provider, a carrier and the patients' phones in one small SQLite file.

It is the default: nothing leaves the machine. It behaves like Twilio where that matters to us (own statuses, callbacks
that come later, keywords blocked by the carrier, error 21610 afterwards) and fails on demand: see `Failures`.
Web and clock processes share the file. The time is asked of the `now` that is passed in, so a demo may move it.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from sqlite3 import Row

from prom.messaging import simulated_store
from prom.messaging.gateway import Balance, Listed, NotReached, Received, Refused, RetryLater, Sent, Unknown
from prom.messaging.simulated_phones import Bubble, CarrierAnswer, Event, Failures, Phone, StatusUpdate, keyword_answer

# Twilio's own number for tests: it can never belong to anybody.
CLINIC_NUMBER = "+15005550006"
LONGEST_TEXT = 1_600
TOO_MANY_REQUESTS = frozenset({429, 20429})

_EVERYBODY = ""


@dataclass(frozen=True, slots=True)
class _Text:
    to: str
    body: str
    message_id: str
    sender: str


class SimulatedGateway:
    """A pretend provider; its phones are read and written by the simulator pages and by the demo."""

    name = "simulated"

    def __init__(self, path: str | Path, now: Callable[[], datetime], number: str = CLINIC_NUMBER) -> None:
        self._store = simulated_store.Store(Path(path))
        self._now = now
        self._number = number

    # What every gateway can do.

    def send(self, to: str, body: str, message_id: str, validity_seconds: int, sender: str = "") -> Sent:
        """Accept one text as a provider would, or fail as the switches say."""
        failures = self.failures(to)
        self._refuse(to, body, failures)
        if failures.timeout_before_accept:
            raise Unknown("simulated timeout")
        sid = "SM" + token_hex(16)
        self._accept(sid, _Text(to, body, message_id, sender or self._number), validity_seconds, failures)
        if failures.timeout_after_accept:
            raise Unknown("simulated timeout")
        return Sent(sid, "queued")

    def find_sent(self, to: str, since: datetime, until: datetime | None = None) -> list[Listed]:
        """Return the texts to a phone which were accepted from `since` to `until`, newest first."""
        self._reach()
        rows = self._store.read(
            "SELECT * FROM text WHERE phone = ? AND direction = 'out' AND at BETWEEN ? AND ? ORDER BY at DESC, id DESC",
            (to, since.timestamp(), float("inf") if until is None else until.timestamp()),
        )
        return [self._listed(row) for row in rows]

    def received_since(self, since: datetime, senders: Collection[str] = ()) -> list[Received]:  # noqa: ARG002 - all are ours
        """Return the texts that phones sent from `since` on, oldest first."""
        self._reach()
        rows = self._store.read(
            "SELECT * FROM text WHERE direction = 'in' AND at >= ? ORDER BY at, id", (since.timestamp(),)
        )
        return [self._received(row) for row in rows]

    def status_of(self, sid: str) -> Listed | None:
        """Return one outgoing text, or None if it is not known."""
        self._reach()
        rows = self._store.read("SELECT * FROM text WHERE sid = ? AND direction = 'out'", (sid,))
        return self._listed(rows[0]) if rows else None

    def balance(self) -> Balance | None:
        """Return the credit that was set, or None: simulated phones cost nothing."""
        rows = self._store.read("SELECT hundredths, currency FROM credit", ())
        return Balance(rows[0]["hundredths"], rows[0]["currency"]) if rows else None

    def set_balance(self, balance: Balance | None) -> None:
        """Set the credit that `balance` tells, or take it away."""
        with self._store.writing() as db:
            db.execute("DELETE FROM credit")
            if balance is not None:
                db.execute("INSERT INTO credit VALUES (?, ?)", (balance.hundredths, balance.currency))

    def probe(self) -> None:
        """Raise a SendError while the switches for everybody make the channel unusable."""
        self._refuse_by_switch(self.failures())

    # What the phones and the person at the simulator can do.

    def phones(self) -> list[Phone]:
        """Return the phones that have sent or received a text, the latest first."""
        rows = self._store.read(
            "SELECT phone, count(*) AS texts, max(at) AS last_at,"
            " EXISTS (SELECT 1 FROM blocked WHERE blocked.phone = text.phone) AS is_blocked"
            " FROM text GROUP BY phone ORDER BY last_at DESC, phone",
            (),
        )
        return [Phone(row["phone"], row["texts"], _instant(row["last_at"]), bool(row["is_blocked"])) for row in rows]

    def thread(self, phone: str) -> list[Bubble]:
        """Return what this phone shows, oldest first: its own texts and those that have arrived by now."""
        rows = self._store.read(
            "SELECT *, coalesce(arrives_at, at) AS shown_at FROM text WHERE phone = ?"
            " AND (direction <> 'out' OR (final = 'delivered' AND arrives_at <= ?)) ORDER BY shown_at, id",
            (phone, self._now().timestamp()),
        )
        return [
            Bubble(row["sid"], row["direction"] == "in", row["body"], row["num_media"], _instant(row["shown_at"]))
            for row in rows
        ]

    def text(self, from_: str, body: str, num_media: int = 0) -> str:
        """Send a text from a phone to the clinic and return its id."""
        sid = ("MM" if num_media else "SM") + token_hex(16)
        at = self._now().timestamp()
        failures = self.failures(from_)
        with self._store.writing() as db:
            db.execute(
                "INSERT INTO text (sid, direction, phone, body, num_media, at, sender) VALUES (?, 'in', ?, ?, ?, ?,"
                # A phone answers the number that wrote to it last.
                " coalesce("
                "(SELECT sender FROM text WHERE phone = ? AND direction = 'out' ORDER BY id DESC LIMIT 1), ?))",
                (sid, from_, _storable(body), num_media, at, from_, self._number),
            )
            if not failures.lose_callbacks:
                for _ in range(2 if failures.duplicate_callbacks else 1):
                    simulated_store.plan(db, sid, "received", at + failures.delay_seconds)
            is_blocked = bool(db.execute("SELECT 1 FROM blocked WHERE phone = ?", (from_,)).fetchone())
            answer = keyword_answer(body, is_blocked)
            if answer is not None:
                _answer_as_carrier(db, from_, answer, at)
        return sid

    def due_callbacks(self, now: datetime, limit: int = 500) -> list[Event]:
        """Take the events that a real provider would have posted to our webhooks by now, in the order of their posting.

        Each is handed out once, also to several processes at the same time.
        """
        rows = self._store.take_events(now.timestamp(), limit)
        return [self._event(row) for row in rows]

    def anything_due(self, now: datetime) -> bool:
        """Tell whether `due_callbacks` would hand something out."""
        return bool(self._store.read("SELECT 1 FROM event WHERE due_at <= ? LIMIT 1", (now.timestamp(),)))

    def next_event_at(self, now: datetime) -> datetime | None:
        """Return when the next event after an instant will be posted, or None."""
        row = self._store.read("SELECT min(due_at) AS due_at FROM event WHERE due_at > ?", (now.timestamp(),))[0]
        return None if row["due_at"] is None else _instant(row["due_at"])

    def anything_coming(self) -> bool:
        """Tell whether any event is still to be posted."""
        return bool(self._store.read("SELECT 1 FROM event LIMIT 1", ()))

    def anything_fails(self) -> bool:
        """Tell whether any switch is set, for everybody or for one phone."""
        rows = self._store.read("SELECT switches FROM failing", ())
        return any(Failures.from_json(row["switches"]) != Failures() for row in rows)

    def own_failures(self, phone: str) -> Failures | None:
        """Return the switches that were set for one phone, or None where those for everybody hold."""
        rows = self._store.read("SELECT switches FROM failing WHERE phone = ?", (phone,))
        return Failures.from_json(rows[0]["switches"]) if rows else None

    def failures(self, phone: str | None = None) -> Failures:
        """Return the switches of a phone: its own if it has any, else those for everybody."""
        rows = self._store.read(
            "SELECT switches FROM failing WHERE phone IN (?, ?) ORDER BY phone DESC LIMIT 1", (phone or "", _EVERYBODY)
        )
        return Failures.from_json(rows[0]["switches"]) if rows else Failures()

    def fail(self, failures: Failures, phone: str | None = None) -> None:
        """Set the switches of one phone, or of everybody; the default `Failures()` of everybody is a healthy line."""
        with self._store.writing() as db:
            db.execute("INSERT OR REPLACE INTO failing VALUES (?, ?)", (phone or _EVERYBODY, failures.to_json()))

    def heal(self, phone: str | None = None) -> None:
        """Take away all switches, those of single phones too; or those of one phone, so that everybody's hold again."""
        with self._store.writing() as db:
            if phone is None:
                db.execute("DELETE FROM failing")
            else:
                db.execute("DELETE FROM failing WHERE phone = ?", (phone,))

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _reach(self) -> None:
        """Raise while the switches for everybody keep the provider from being reached: its lists are gone too."""
        if self.failures().unreachable:
            raise NotReached("simulated: connection refused")

    def _refuse_by_switch(self, failures: Failures) -> None:
        if failures.unreachable:
            raise NotReached("simulated: connection refused")
        if failures.too_many_requests or failures.code in TOO_MANY_REQUESTS:
            raise RetryLater(20429, failures.retry_after_seconds)
        if failures.code is not None and not failures.code_comes_later:
            raise Refused(failures.code, 401 if failures.code == 20003 else 400, f"simulated error {failures.code}")

    def _refuse(self, to: str, body: str, failures: Failures) -> None:
        self._refuse_by_switch(failures)
        if body != _storable(body):
            raise Refused(None, 0, "the text holds half a character and cannot be written")
        if not body:
            raise Refused(21602, 400, "a body is required")
        if len(body) > LONGEST_TEXT:
            raise Refused(21617, 400, "the body is longer than 1600 characters")
        if self._store.read("SELECT 1 FROM blocked WHERE phone = ?", (to,)):
            raise Refused(21610, 400, "this phone has opted out")

    def _accept(self, sid: str, text: "_Text", validity_seconds: int, failures: Failures) -> None:
        at = self._now().timestamp()
        arrives_at = None if failures.swallow else at + failures.delay_seconds
        final, code = failures.end_of(validity_seconds)
        with self._store.writing() as db:
            db.execute(
                "INSERT INTO text (sid, direction, phone, body, message_id, sender, at, arrives_at, final, code)"
                " VALUES (?, 'out', ?, ?, ?, ?, ?, ?, ?, ?)",
                (sid, text.to, text.body, text.message_id, text.sender, at, arrives_at, final, code),
            )
            if arrives_at is not None:
                for status in failures.callbacks(final):
                    simulated_store.plan(db, sid, status, arrives_at)

    def _status(self, row: Row) -> str:
        if row["arrives_at"] is None:
            return "accepted"
        return str(row["final"]) if self._now().timestamp() >= row["arrives_at"] else "queued"

    def _listed(self, row: Row) -> Listed:
        status = self._status(row)
        code = row["code"] if status == row["final"] else None
        return Listed(row["sid"], row["phone"], row["body"], status, code, _instant(row["at"]))

    def _received(self, row: Row) -> Received:
        to = row["sender"] or self._number
        return Received(row["sid"], row["phone"], to, row["body"], row["num_media"], _instant(row["at"]))

    def _event(self, row: Row) -> Event:
        if row["status"] == "received":
            return self._received(row)
        code = row["code"] if row["status"] == row["final"] else None
        return StatusUpdate(row["sid"], row["message_id"], row["phone"], row["status"], code)


def _answer_as_carrier(db: simulated_store.Connection, phone: str, answer: CarrierAnswer, at: float) -> None:
    if answer.blocks:
        db.execute("INSERT OR IGNORE INTO blocked VALUES (?)", (phone,))
    if answer.unblocks:
        db.execute("DELETE FROM blocked WHERE phone = ?", (phone,))
    db.execute(
        "INSERT INTO text (sid, direction, phone, body, at) VALUES (?, 'carrier', ?, ?, ?)",
        ("SM" + token_hex(16), phone, answer.text, at),
    )


def _storable(body: str) -> str:
    """Return a text with halves of characters replaced: no network can carry them, and SQLite refuses them."""
    return body.encode("utf-8", "replace").decode()


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
