"""The clinical rules for other programs: parse, classify, score, survival."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

Commands = Any
CONTEXTS = ("nrs", "csi", "csi5", "pgic", "percent", "peg")


def add(commands: Commands) -> None:
    """Add the commands of this module."""
    parse = commands.add_parser("parse", help="read one reply, or many as JSON lines")
    parse.add_argument("text", nargs="?", metavar="TEXT")
    parse.add_argument("--scale", "--context", choices=CONTEXTS, default="nrs")
    parse.add_argument("--language", "--lang", default="en")
    parse.add_argument("--country", default="", metavar="XX", help="ISO 3166, for emergency numbers of its own")
    parse.add_argument("--jsonl", action="store_true", help="lines {text, context, lang, num_media?} on standard input")
    parse.set_defaults(run=_parse, usage=parse)
    classify = commands.add_parser("classify", help="classify relief trajectories given as JSON lines")
    classify.add_argument("--jsonl", action="store_true", required=True)
    classify.set_defaults(run=_classify)
    score = commands.add_parser("score", help="score questionnaires given as JSON lines")
    score.add_argument("instrument", choices=["csi"])
    score.add_argument("--jsonl", action="store_true", required=True, help='lines {"items": [25 of 0-4 or null]}')
    score.set_defaults(run=_score)
    survival = commands.add_parser("survival", help="survival statistics of a CSV file")
    survival.add_argument("file", metavar="FILE.csv")
    survival.add_argument("--json", action="store_true")
    survival.add_argument("--tau", type=float, action="append", help="horizon of the restricted mean, repeatable")
    survival.set_defaults(run=_survival)


def _parse(options: argparse.Namespace) -> None:
    from prom.domain import replies

    if options.jsonl == (options.text is not None):
        options.usage.error("give TEXT or --jsonl")
    if not options.jsonl:
        read = replies.parse(options.text, options.scale, options.language, country=options.country)
        _print(replies.as_json(read))
        return
    # A line that names no context, language or country has those of the command.
    _each_line(lambda line: _parse_line(line, options.scale, options.language, options.country))


def _parse_line(line: Any, scale: str, language: str, country: str) -> dict[str, Any]:
    from prom.domain import replies

    if not isinstance(line, dict):
        raise ValueError('is no object like {"text": "7"}')  # noqa: TRY004 - the caller catches one kind
    scale = _word(line, "context", scale)
    if scale not in CONTEXTS:
        raise ValueError(f"context {scale!r} is not one of {', '.join(CONTEXTS)}")
    media = line.get("num_media") or 0
    if not isinstance(media, int | str) or not str(int(media)).isdecimal():
        raise ValueError("num_media is not a whole number")
    read = replies.parse(
        _word(line, "text", None),
        scale,
        _word(line, "lang", language) or language,
        country=_word(line, "country", country),
        num_media=int(media),
    )
    return replies.as_json(read)


def _word(line: dict[str, Any], name: str, usual: str | None) -> str:
    found = line.get(name)
    found = usual if found is None else found
    if not isinstance(found, str):
        raise ValueError(f"{name} is missing" if found is None else f"{name} is not a text")  # noqa: TRY004 - the same
    return found


def _classify(_options: argparse.Namespace) -> None:
    from prom.domain import relief

    _each_line(relief.classify_case)


def _score(_options: argparse.Namespace) -> None:
    from prom.domain import scoring

    def score(line: Any) -> dict[str, Any]:
        return scoring.csi_case(line if isinstance(line, dict) else {"items": line}).as_json()

    _each_line(score)


def _survival(options: argparse.Namespace) -> None:
    from pathlib import Path

    from prom.statistics import report

    with Path(options.file).open(encoding="utf-8-sig", newline="") as file:
        try:
            found = report.survival_report_of_lines(file, tuple(options.tau or ()))
        except UnicodeDecodeError as error:
            raise ValueError(f"{options.file}: not UTF-8") from error
    _print(found)


def _each_line(answer: Callable[[Any], dict[str, Any]]) -> None:
    for number, line in _lines():
        try:
            result = answer(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number}: not JSON: {error.msg}") from error
        except RecursionError as error:
            raise ValueError(f"line {number}: is nested too deep") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"line {number}: {error}") from error
        _print(result)


def _lines() -> Iterator[tuple[int, str]]:
    # JSON lines are UTF-8 whatever the terminal speaks; only a line feed ends one.
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if line.strip():
            try:
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(f"line {number}: not UTF-8") from error


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=True) + "\n")
