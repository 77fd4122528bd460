"""Whose turn it is to write: one after another, in the order they came, and sharing one wait for the disk.

SQLite has one writer at a time. Threads that meet at its file lock, or at a lock of ours that the quickest takes, make
single requests wait ten times as long as the others, so turns go by order of arrival. Whoever waits behind a short
piece of work may join its transaction: each piece is a savepoint of its own, the last one commits for all, and nobody
is told that their work is stored before that commit has reached the disk.
"""

import threading
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Waiting:
    """One thread in the line: it is woken when the turn is its own."""

    joins: bool
    woken: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.woken.acquire()


class Turns:
    """A lock whose waiters get it in the order they came."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._taken = False
        self._line: deque[_Waiting] = deque()

    def take(self, timeout: float, *, joins: bool = False) -> bool:
        """Wait for the turn, at most so many seconds, and tell whether it came; `joins`: to unfinished work too."""
        with self._gate:
            if not self._taken:
                self._taken = True
                return True
            waiting = _Waiting(joins)
            self._line.append(waiting)
        if waiting.woken.acquire(timeout=timeout):
            return True
        with self._gate:
            if waiting in self._line:
                self._line.remove(waiting)
                return False
        # It was handed over while the time ran out.
        return True

    def give(self) -> None:
        """End the turn: the next in the line has it."""
        with self._gate:
            if self._line:
                self._line.popleft().woken.release()
            else:
                self._taken = False

    def give_to_joiner(self) -> bool:
        """End the turn if the next in the line joins unfinished work, and tell whether that was so."""
        with self._gate:
            if not self._line or not self._line[0].joins:
                return False
            self._line.popleft().woken.release()
            return True
