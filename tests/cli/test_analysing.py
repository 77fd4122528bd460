"""`prom survival` and `prom analyse` on odd input: one plain line and never a traceback."""

import pytest

ODD = {
    "empty": (b"", "the file is empty"),
    "a header alone": (b"time,event,group\n", "a header but no rows"),
    "no event": (b"time,group\n1,a\n", "the columns must be"),
    "a word for a time": (b"time,event\nx,1\n", "line 2, column time"),
    "a negative time": (b"time,event\n-1,1\n", "below 0"),
    "not UTF-8": (b"time,event,group\n1,1,caf\xe9\n", "not UTF-8"),
    "a short row": (b"time,event,group\n1,1\n", "line 2"),
    "an end before the beginning": (b"left,right\n5,3\n", "before the left end"),
    "an open quote": (b'time,event,group\n1,1,"a\n', "line 2"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_survival_file_that_cannot_be_read_is_one_plain_line(prom, tmp_path, name):
    content, words = ODD[name]
    path = tmp_path / "given.csv"
    path.write_bytes(content)
    told = prom("survival", str(path), "--json")
    assert (told.returncode, told.stdout) == (1, "")
    assert words in told.stderr
    assert told.stderr.count("\n") == 1


@pytest.mark.parametrize("day", ["2026-13-01", "9999-12-31", "0001-01-01T00:00+05:30", "soon"])
def test_a_date_that_is_none_is_one_plain_line(prom, instance, day):
    prom("init")
    told = prom("analyse", "--json", "--as-of", day)
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith("prom: --as-of")
    assert told.stderr.count("\n") == 1
