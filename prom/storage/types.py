"""Column types and the base of every table."""

import secrets
from enum import StrEnum
from typing import Any

from sqlalchemy import Enum, MetaData, text
from sqlmodel import SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata
metadata.naming_convention = NAMING


class Row(SQLModel):
    """A table row that refuses column names it does not have; SQLModel alone drops them silently."""

    def __init__(self, **values: Any) -> None:
        unknown = values.keys() - type(self).model_fields.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no column {', '.join(sorted(unknown))}")
        super().__init__(**values)


def one_of(kinds: type[StrEnum]) -> Any:
    """Return a VARCHAR type that stores an enum's values (not names) and checks them in the database."""
    return Enum(
        kinds,
        native_enum=False,
        create_constraint=True,
        length=24,
        name=kinds.__name__.lower(),
        values_callable=lambda k: [member.value for member in k],
    )


def only(where: str) -> dict[str, Any]:
    """Return the options of an index that holds the rows with a condition only, on both databases."""
    return {"sqlite_where": text(where), "postgresql_where": text(where)}


def new_public_id() -> str:
    """Return a random 80-bit id for addresses and files: it tells nothing and cannot be guessed."""
    return secrets.token_hex(10)
