"""The only reader of the time.

`now()` is clinical time: in the demo it is moved by an offset kept in the instance folder, so that every process of
the demo lives on the same day. `wall()` is real time, for sessions, leases and throttles, and is never moved.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

OFFSET_FILE = "clock-offset"


class Clock:
    """Real time plus the demo's offset, in seconds, read again whenever the file changes."""

    def __init__(self, instance: Path, *, movable: bool) -> None:
        self._path = instance / OFFSET_FILE
        self._movable = movable

    def now(self) -> datetime:
        """Return clinical time as an aware UTC instant."""
        return wall() + self.offset()

    def offset(self) -> timedelta:
        """Return how far clinical time runs from real time; zero outside the demo."""
        if not self._movable:
            return timedelta()
        try:
            return timedelta(seconds=float(self._path.read_text(encoding="ascii")))
        except (FileNotFoundError, ValueError):
            return timedelta()

    def move_to(self, instant: datetime) -> None:
        """Set clinical time, for every process that shares the instance folder."""
        if not self._movable:
            raise RuntimeError("the clock moves in the demo only")
        fresh = self._path.with_suffix(f".{os.getpid()}")
        fresh.write_text(repr((instant - wall()).total_seconds()), encoding="ascii")
        fresh.replace(self._path)


def wall() -> datetime:
    """Return real time as an aware UTC instant."""
    return datetime.now(UTC)
