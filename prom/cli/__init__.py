"""The `prom` command. Every command is a function in one of the modules beside this file.

Errors are one plain line on stderr and exit code 1; wrong usage is exit code 2. Modules are imported when their
command runs: `prom --help` must answer at once.
"""

import argparse
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

MODULES = ("rules", "setup", "running", "data", "wording")
EXPECTED = ("SettingsError", "SchemaError", "VaultError", "RefusedError", "AccountError", "EnrolmentError")


class CommandError(Exception):
    """A command cannot be done; the message is the one line that is shown."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int | None = options.run(options)
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return _fail("stopped")
    except Exception as error:  # noqa: BLE001 - a user never sees a traceback
        return _fail(_words(error))
    return code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="prom", description="Patient-reported outcomes after pain procedures.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in MODULES:
        import_module(f"prom.cli.{name}").add(commands)
    return parser


def _words(error: Exception) -> str:
    """Return what a user reads about an error: our own messages as they are, others by type and place."""
    from prom.config import SettingsError

    if isinstance(error, CommandError | SettingsError | ValueError) or type(error).__name__ in EXPECTED:
        return " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if type(error).__name__ in {"OperationalError", "DatabaseError"}:
        return f"the database does not answer: {' '.join(str(getattr(error, 'orig', error)).split())}"
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"unexpected {type(error).__name__} in {place.name} (line {place.lineno}): please report it"


def _fail(words: str) -> int:
    sys.stderr.write(f"prom: {words}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
