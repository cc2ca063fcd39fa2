"""`pk__among`: membership in a long list of UUIDs or texts as one parameter: thousands are as cheap to send as one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import CharField, Lookup, UUIDField

LENGTH_OF_UUID = 36


class Keys:
    """A batch of primary keys that is written out once, however many statements name it.

    Inside the machine keys are text, as the database gave them: making UUID objects costs more than the rest of the
    Python side of a sweep.
    """

    def __init__(self, keys: Iterable[UUID | str]) -> None:
        self.keys = list(keys)

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[UUID | str]:
        return iter(self.keys)

    @cached_property
    def as_array(self) -> str:
        """A PostgreSQL array literal."""
        return "{" + ",".join(map(str, self.keys)) + "}"

    @cached_property
    def as_json(self) -> str:
        """A JSON list in the form SQLite stores UUIDs."""
        return json.dumps([str(key).replace("-", "") for key in self.keys])


def written_out(key: UUID | str) -> str:
    """A key with its hyphens, whichever database it comes from."""
    text = str(key)
    return text if len(text) == LENGTH_OF_UUID else str(UUID(text))


def plain(key: UUID | str) -> str:
    """A key as this database writes it out as text: SQLite keeps UUIDs without hyphens."""
    text = written_out(key)
    return text if connection.vendor == "postgresql" else text.replace("-", "")


def membership(column: str, keys: Keys, vendor: str) -> tuple[str, str]:
    """SQL condition "column is one of the keys" with its single parameter, per database."""
    if vendor == "postgresql":
        return f"{column} = ANY(%s::uuid[])", keys.as_array
    return f"{column} IN (SELECT value FROM json_each(%s))", keys.as_json  # noqa: S608  the column is a model's


def texts(column: str, words: Iterable[str], vendor: str) -> tuple[str, str]:
    """SQL condition "column is one of the words" with its single parameter, per database."""
    if vendor == "postgresql":
        quoted = ",".join(['"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words])
        return f"{column} = ANY(%s::text[])", f"{{{quoted}}}"
    return f"{column} IN (SELECT value FROM json_each(%s))", json.dumps(list(words))  # noqa: S608  the column is a model's


@CharField.register_lookup
class AmongWords(Lookup):
    """`column__among` for texts."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        condition, value = texts(column, self.rhs, connection.vendor)
        return condition, (*params, value)


@UUIDField.register_lookup
class Among(Lookup):
    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        keys = self.rhs if isinstance(self.rhs, Keys) else Keys(self.rhs)
        condition, value = membership(column, keys, connection.vendor)
        return condition, (*params, value)
