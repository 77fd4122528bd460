"""Long work shows how far it is."""

import io

from prom.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_one_bar_that_grows():
    out = Terminal()
    show = Progress("Importing", 200, out)
    show(100)
    show(200)
    assert out.getvalue() == f"\rImporting [{'#' * 15:<30}]  50%\rImporting [{'#' * 30}] 100%\n"


def test_elsewhere_there_is_a_plain_line_a_tenth():
    out = io.StringIO()
    show = Progress("Importing", 100, out)
    for done in range(1, 101):
        show(done)
    assert out.getvalue().splitlines()[0] == "Importing: 10 of about 100"
    assert len(out.getvalue().splitlines()) == 10
