"""`prom parse`: the reply parser for other programs, one text or many."""

import io
import json
import sys

import pytest

from prom.cli import main


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments, lines=""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode("utf-8", "surrogatepass"))))
        code = main(["parse", *arguments])
        shown = capsys.readouterr()
        return code, [json.loads(line) for line in shown.out.splitlines()], shown.err

    return run


def test_one_text_is_read(run):
    assert run("7")[1] == [{"outcome": "score", "value": 7, "candidate": None, "also": []}]
    assert run("--scale", "csi5", "02x13")[1][0]["value"] == [0, 2, None, 1, 3]
    assert run("--language", "hi", "saat")[1][0]["value"] == 7
    assert run("--country", "AU", "000")[1][0]["outcome"] == "red_flag"
    assert run("--scale", "peg", "7/10")[1][0]["value"] == 7


def test_many_texts_are_read_line_by_line(run):
    lines = [
        {"text": "7", "context": "nrs", "lang": "en"},
        {"text": "often", "context": "csi", "lang": "en", "num_media": 0},
        {"text": "7", "context": "nrs", "lang": "en", "num_media": 1},
        {"text": "7"},
        {"text": "7", "context": None, "lang": None},
        {"text": "৭", "context": "nrs", "lang": "bn", "why": "digits", "expect": "score"},
    ]
    code, read, _ = run("--jsonl", lines="\n".join(json.dumps(line) for line in lines) + "\n\n")
    assert code == 0
    assert [one["outcome"] for one in read] == ["score", "score", "human_review", "score", "score", "score"]
    assert [one["value"] for one in read] == [7, 3, None, 7, 7, 7]


def test_a_line_takes_scale_and_language_from_the_command(run):
    assert run("--jsonl", "--scale", "csi", lines='{"text": "often"}')[1][0]["value"] == 3
    assert run("--jsonl", "--language", "hi", lines='{"text": "saat"}')[1][0]["value"] == 7


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("7", "is no object"),
        ("[]", "is no object"),
        ("null", "is no object"),
        ("{}", "text is missing"),
        ('{"text": 7}', "text is not a text"),
        ('{"text": "7", "context": "vas"}', "context 'vas'"),
        ('{"text": "7", "context": 1}', "context is not a text"),
        ('{"text": "7", "lang": []}', "lang is not a text"),
        ('{"text": "7", "num_media": "many"}', "line 1"),
        ('{"text": "7", "num_media": -1}', "num_media is not"),
        ('{"text": "7", "num_media": 1e400}', "num_media is not"),
        ("[" * 100_000, "line 1"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_in_one_plain_line(run, line, said):
    code, read, error = run("--jsonl", lines=line)
    assert (code, read) == (1, [])
    assert error.count("\n") == 1
    assert error.startswith("prom: line 1")
    assert said in error


def test_lines_before_a_bad_one_are_answered(run):
    code, read, error = run("--jsonl", lines='{"text": "7"}\n{"text": \n')
    assert (code, len(read)) == (1, 1)
    assert "line 2" in error


def test_no_text_however_odd_stops_the_command(run):
    for text in ("\ud800", "\0", "a\u2028b", "\u202e7", "", " " * 5000):
        code, read, _ = run("--jsonl", lines=json.dumps({"text": text}))
        assert (code, len(read)) == (0, 1)


def test_a_text_and_jsonl_together_are_wrong_usage(run):
    for arguments in (("7", "--jsonl"), ()):
        with pytest.raises(SystemExit) as error:
            run(*arguments)
        assert error.value.code == 2
