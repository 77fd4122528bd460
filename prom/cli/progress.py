"""Show how far long work is: a bar on a terminal, a plain line every tenth elsewhere. Both go to standard error."""

import sys
from typing import TextIO

WIDTH = 30
TENTHS = 10


class Progress:
    """How far one piece of work is; `total` is what it counts up to, about."""

    def __init__(self, what: str, total: int, out: TextIO | None = None) -> None:
        self.what, self.total = what, max(1, total)
        self.out = sys.stderr if out is None else out
        self._tenth = 0

    def __call__(self, done: int) -> None:
        """Show that so much is done."""
        share = min(1.0, done / self.total)
        if self.out.isatty():
            bar = "#" * round(share * WIDTH)
            self.out.write(f"\r{self.what} [{bar:<{WIDTH}}] {share:4.0%}" + ("\n" if share == 1.0 else ""))
            self.out.flush()
        elif int(share * TENTHS) > self._tenth:
            self._tenth = int(share * TENTHS)
            self.out.write(f"{self.what}: {done} of about {self.total}\n")
