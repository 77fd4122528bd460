"""The clinic's licensed questionnaire wording: checked and imported from a file."""

import argparse
import sys
from pathlib import Path
from typing import Any

from prom.cli import CommandError


def add(commands: Any) -> None:
    """Add the commands of this module."""
    own = commands.add_parser("wording", help="import the clinic's licensed wording of the CSI")
    acts = own.add_subparsers(metavar="ACT", required=True)
    load = acts.add_parser("import", help="read a JSON or CSV file, all or nothing")
    load.add_argument("file", metavar="FILE")
    load.add_argument("--site", required=True, help="name of the site")
    load.add_argument("--dry-run", action="store_true", help="check only, store nothing")
    load.set_defaults(run=_import)


def _import(options: argparse.Namespace) -> None:
    from prom import config, wiring
    from prom.services import questionnaires
    from prom.storage import sites
    from prom.storage.audit import COMMAND

    path = Path(options.file)
    try:
        given = questionnaires.read(path.read_bytes(), path.name)
    except questionnaires.WordingError as error:
        raise _refused(error.problems) from None
    app = wiring.open_app(config.read())
    with app.store.writing() as session:
        site = sites.by_name(session, options.site)
        if site is None:
            raise CommandError(f"there is no site {options.site!r}")
        try:
            fresh = [questionnaires.store(session, site, one, COMMAND, app.clock.now()) for one in given]
        except questionnaires.WordingError as error:
            raise _refused(error.problems) from None
        if options.dry_run:
            session.rollback()
    done = "would be imported" if options.dry_run else "imported"
    for one, new in zip(given, fresh, strict=True):
        sys.stdout.write(f"{one.language} {one.version}: {done if new else 'is there already'}\n")


def _refused(problems: list[str]) -> CommandError:
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return CommandError(f"{len(problems)} {'error' if len(problems) == 1 else 'errors'}; nothing was imported")
