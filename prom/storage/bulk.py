"""Insert thousands of rows at once, at several times the speed of Core.

Core converts each value of each row by itself; the rows of an enrolment share nearly all their times and codes. Here
each distinct value is converted once, by the same column types, and the driver gets finished tuples.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Enum, LargeBinary, String
from sqlmodel import AutoString, Session, SQLModel

Convert = Callable[[Any], Any]
PUBLIC_ID_BYTES = 10


def public_ids(count: int) -> list[str]:
    """Return so many random public ids, as `types.new_public_id` makes them, from one call to the system."""
    digits = os.urandom(PUBLIC_ID_BYTES * count).hex()
    length = 2 * PUBLIC_ID_BYTES
    return [digits[start : start + length] for start in range(0, length * count, length)]


def insert_rows(
    session: Session,
    table: type[SQLModel],
    rows: Sequence[object],
    names: Sequence[str],
    same: Mapping[str, Any],
) -> None:
    """Insert rows: `names` are read from each row (at least two), `same` holds what is the same in all of them.

    Together they must have every column that may not be NULL.
    """
    if not rows:
        return
    # What the session holds may be the parents of these rows.
    session.flush()
    connection = session.connection()
    quote = connection.dialect.identifier_preparer.quote
    converters = [_converter(table, name, connection.dialect) for name in (*names, *same)]
    converted = [(place, convert) for place, convert in enumerate(converters[: len(names)]) if convert]
    shared = zip(same.values(), converters[len(names) :], strict=True)
    tail = tuple(convert(value) if convert else value for value, convert in shared)
    read = attrgetter(*names)
    values = []
    for row in rows:
        cells = list(read(row))
        for place, convert in converted:
            cells[place] = convert(cells[place])
        values.append((*cells, *tail))
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    columns = ", ".join(quote(name) for name in (*names, *same))
    marks = ", ".join([mark] * len(converters))
    name = quote(table.__table__.name)  # type: ignore[attr-defined]
    connection.exec_driver_sql(f"INSERT INTO {name} ({columns}) VALUES ({marks})", values)  # noqa: S608 - own names


def _converter(table: type[SQLModel], name: str, dialect: Any) -> Convert | None:
    kind = table.__table__.columns[name].type.dialect_impl(dialect)  # type: ignore[attr-defined]
    # Words and bytes go to the driver as they are; remembering each of them would cost more than it saves.
    plain = isinstance(kind, AutoString | String | LargeBinary) and not isinstance(kind, Enum)
    processor = None if plain else kind.bind_processor(dialect)
    return None if processor is None else _once(processor)


def _once(processor: Convert) -> Convert:
    """Return a converter that remembers what it has converted."""
    known: dict[Any, Any] = {}

    def convert(value: Any) -> Any:
        if value not in known:
            known[value] = processor(value)
        return known[value]

    return convert
