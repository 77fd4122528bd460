"""Notice that a restore has put another database file in the place of the one that is open.

A process that goes on with the old file would answer replies that nobody ever finds again, and send from a queue that
is no longer ours. Each connection is looked at when it is taken from the pool, and made anew when its file is gone.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

_KEPT_AS = "prom-file"


def watch(engine: Engine) -> None:
    """Let an engine on a SQLite file follow the file's name."""
    name = engine.url.database
    if not name or name == ":memory:":
        return
    path = Path(name)

    def connected(_connection: Any, record: Any) -> None:
        record.info[_KEPT_AS] = _identity(path)

    def taken(_connection: Any, record: Any, _proxy: Any) -> None:
        there = _identity(path)
        # A file that is not there at all is not made anew: an empty database would be worse than an old one.
        if there is not None and record.info.get(_KEPT_AS) != there:
            raise DisconnectionError("the database file was replaced")

    event.listen(engine, "connect", connected)
    event.listen(engine, "checkout", taken)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
