"""The clinical rules for other programs: parse, classify, score, survival."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

Commands = Any


def add(commands: Commands) -> None:
    """Add the commands of this module."""
    parse = commands.add_parser("parse", help="read one reply, or many as JSON lines")
    parse.add_argument("text", nargs="?", metavar="TEXT")
    parse.add_argument("--scale", choices=["nrs", "csi", "csi5", "pgic", "percent"], default="nrs")
    parse.add_argument("--language", default="en")
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
        _print(replies.as_json(replies.parse(options.text, options.scale, options.language)))
        return
    # The text before from the same sender tells a repeated auto-reply from an answer.
    _each_line(_parse_line)


def _parse_line(line: dict[str, Any]) -> dict[str, Any]:
    from prom.domain import replies

    text = line.get("text")
    if not isinstance(text, str):
        raise ValueError("text is missing")  # noqa: TRY004 - the caller catches one kind
    scale = line.get("context") or "nrs"
    if scale not in {"nrs", "csi", "csi5", "pgic", "percent"}:
        raise ValueError(f"context {scale!r} is not nrs, csi, csi5, pgic or percent")
    read = replies.parse(text, scale, line.get("lang") or "en", num_media=int(line.get("num_media") or 0))
    return replies.as_json(read)


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
        found = report.survival_report_of_lines(file, tuple(options.tau or ()))
    _print(found)


def _each_line(answer: Callable[[Any], dict[str, Any]]) -> None:
    for number, line in _lines():
        try:
            result = answer(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number}: not JSON: {error.msg}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"line {number}: {error}") from error
        _print(result)


def _lines() -> Iterator[tuple[int, str]]:
    for number, line in enumerate(sys.stdin, start=1):
        if line.strip():
            yield number, line


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=True) + "\n")
