"""A clinic's own questionnaires, from its data files: no code, one file an instrument, read and checked at start.

A file describes the instrument as the shipped ones are described (see `instrument_form`), and one question for each
item with its words in the languages the clinic uses. Whatever is wrong is one plain sentence naming file and field.

Sources:
    [P] Answers of 0 to 100: what is read from a text without doubt. A longer scale belongs on paper.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from prom.domain import instrument_form, wording
from prom.domain.instrument_form import Instrument
from prom.domain.instruments import SHIPPED, SHIPPED_QUESTIONS, Added, Question, Scale

LOWEST, HIGHEST = 0, 100
# Names under which answers of shipped instruments are stored without being instruments of their own.
TAKEN = frozenset({"relief_percent", "csi_total"})
_KEY = re.compile(r"[a-z][a-z0-9_]{1,23}")
_QUESTION_FIELDS = frozenset({"key", "item", "wording"})


class FileError(ValueError):
    """A file that cannot be used; the message names the file and the field."""


def added_by(files: Mapping[str, str]) -> Added:
    """Return what a clinic's files add, by file name and text, or raise FileError for the first thing wrong."""
    instruments: dict[str, Instrument] = {}
    questions: dict[str, Question] = {}
    words: dict[tuple[str, str], str] = {}
    for name in sorted(files):
        try:
            form, asked, said = _read(files[name])
            _check_new(form.key, {*instruments, *SHIPPED, *TAKEN}, "key")
            for place, question in enumerate(asked):
                earlier = {one.key for one in asked[:place]}
                _check_new(question.key, {*questions, *earlier, *SHIPPED_QUESTIONS}, "question.key")
        except ValueError as error:
            raise FileError(f"instruments/{name}: {error}") from None
        instruments[form.key] = form
        questions |= {question.key: question for question in asked}
        words |= said
    return Added(instruments, questions, words)


def _check_new(key: str, taken: set[str], field: str) -> None:
    if not _KEY.fullmatch(key):
        raise ValueError(f"{field} {key!r} must be 2 to 24 small letters, digits and _, a letter first")
    if key in taken:
        raise ValueError(f"{field} {key!r} is taken: choose another")


def _read(text: str) -> tuple[Instrument, list[Question], dict[tuple[str, str], str]]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"it is not TOML: {error}") from None
    tables = data.pop("question", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ValueError("'question' must be a list of tables, [[question]] each")
    form = instrument_form.instrument_from(data)
    if form.low < LOWEST or form.high > HIGHEST:
        raise ValueError(f"low and high must lie within {LOWEST} to {HIGHEST}: a text is read no further")
    questions = [_question(form, table) for table in tables]
    items = sorted(question.items[0] for question in questions)
    if items != list(range(1, form.items + 1)):
        raise ValueError(f"question.item: there must be one question for each of the {form.items} items")
    words = {key: said for table in tables for key, said in _words(table).items()}
    return form, questions, words


def _question(form: Instrument, table: Mapping[str, Any]) -> Question:
    unknown = sorted(set(table) - _QUESTION_FIELDS)
    if unknown:
        raise ValueError(f"question: unknown field {unknown[0]!r}")
    key = instrument_form.text_of(table, "key", "question")
    item = instrument_form.whole_of(table, "item", f"question {key}")
    return Question(
        key=key,
        instrument=form.key,
        series=form.key,
        items=(item,),
        scale=Scale.WHOLE,
        low=form.low,
        high=form.high,
        numbered=form.items > 1,
    )


def _words(table: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    key, given = table["key"], table.get("wording")
    if not isinstance(given, dict) or wording.DEFAULT_LANGUAGE not in given:
        raise ValueError(f"question {key}: wording.{wording.DEFAULT_LANGUAGE} is missing")
    found: dict[tuple[str, str], str] = {}
    for language in given:
        words = instrument_form.text_of(given, language, f"question {key}: wording")
        name = f"ask_{key}"
        problems = wording.check_override(name, language, words)
        if problems:
            raise ValueError(f"question {key}: wording.{language}: {problems[0]}")
        found[name, language] = words
    return found
