"""Made-up patients and real phones never meet: what a live installation refuses to take in.

The demo marks its instance, which is refused at start beside a live gateway. Files are checked here: numbers kept for
fiction, for tests of the provider and for our own example files belong to nobody who gave consent.
"""

import csv
import io
import re

from prom.domain import countries

MOST_NAMED = 50
REASON = "is {why}: made-up patients are refused where texts reach real phones"


def cells(text: str) -> list[tuple[int, str, str]]:
    """Return the cells of a CSV text that hold a made-up number, as (line, column, reason)."""
    found: list[tuple[int, str, str]] = []
    rows = csv.reader(io.StringIO(text, newline=""))
    header: list[str] = []
    try:
        for row in rows:
            header = header or row
            for place, cell in enumerate(row):
                if why := countries.made_up(_number(cell)):
                    column = header[place] if place < len(header) else ""
                    found.append((rows.line_num, column, REASON.format(why=why)))
                    if len(found) == MOST_NAMED:
                        return found
    except csv.Error:
        # What is no CSV is named by the import itself.
        return found
    return found


def _number(cell: str) -> str:
    """Return a cell as a number with its country code, as far as it is written as one."""
    plain = re.sub(r"[\s().-]", "", cell[:40]).lstrip("'")
    return f"+{plain[2:]}" if plain.startswith("00") else plain
