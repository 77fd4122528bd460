"""The clock process: `python -m jobs [--once] [--until ISO] [--parent PID]`.

SIGTERM lets the call in flight finish, gives back what was claimed, and ends.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from jobs import scheduler
from prom import config, wiring
from prom.storage import migrating, vault

LOOK_SECONDS = 0.5


def main() -> int:
    """Run the clock until it is told to stop, and return the exit code."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = config.read()
        wiring.check_whole(settings)
        app = wiring.open_app(settings)
    except (config.SettingsError, wiring.RefusedError, migrating.SchemaError, vault.VaultError) as error:
        sys.stderr.write(f"prom: {error}\n")
        return 1
    except SQLAlchemyError as error:
        sys.stderr.write(
            f"prom: the database does not answer: {' '.join(str(getattr(error, 'orig', error)).split())}\n"
        )
        return 1
    if options.once:
        return 0 if scheduler.once(app, stop) else 1
    running = scheduler.start(app, stop)
    while not stop.wait(LOOK_SECONDS):
        if _over(options, app.clock.now):
            stop.set()
    running.shutdown(wait=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m jobs", description="The clock of prom.")
    parser.add_argument("--once", action="store_true", help="run every job once and stop")
    parser.add_argument("--until", type=_instant, help="stop when this instant is reached (ISO 8601)")
    parser.add_argument("--parent", type=int, help="stop when the process with this id is gone")
    return parser.parse_args()


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _over(options: argparse.Namespace, now: Callable[[], datetime]) -> bool:
    if options.parent is not None and os.getppid() != options.parent:
        return True
    return options.until is not None and now() >= options.until


if __name__ == "__main__":
    sys.exit(main())
