"""Writing whole rows past the query compiler: the statement of a model is put together once and then only run.

    insert(rows)                    a handful of model instances, where `bulk_create` costs several times the writing
    pour(model, columns, rows)      thousands of plain rows: COPY on PostgreSQL, one prepared statement on SQLite
    add(model, columns, rows)       plain rows of which some may be there already
    new_keys(count)                 random keys of rows to come, as text
    reserve(model, count)           keys of rows to come, so that rows which name them can be written without asking

Constraints and triggers judge these rows as any others.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from io import StringIO
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.models import AutoField

MAX_ROWS = 1_000
MAX_VALUES_OF_SQLITE = 999
NULL = "\\N"
VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def insert(rows: Sequence[models.Model], *, ignore_conflicts: bool = False) -> None:
    """Writes new rows of one model without reading anything back.

    Rows that break a unique constraint are left out with `ignore_conflicts`, and raise IntegrityError without.
    """
    if not rows:
        return
    fields, head, places = _shape(type(rows[0]), str(connection.vendor))
    tail = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    at_once = min(MAX_ROWS, connection.ops.bulk_batch_size(fields, rows) or MAX_ROWS)
    with connection.cursor() as cursor:
        for start in range(0, len(rows), at_once):
            chosen = rows[start : start + at_once]
            values = [
                field.get_db_prep_save(field.pre_save(row, True), connection) for row in chosen for field in fields
            ]
            cursor.execute(f"{head}{', '.join([places] * len(chosen))}{tail}", values)


@cache
def _shape(model: type[models.Model], vendor: str) -> tuple[list[Any], str, str]:
    """The columns to write, the statement up to its values, and the placeholders of one row."""
    quote = connection.ops.quote_name
    fields: list[Any] = [field for field in model._meta.local_concrete_fields if not isinstance(field, AutoField)]
    columns = ", ".join(quote(field.column) for field in fields)
    places = f"({', '.join(['%s'] * len(fields))})"
    return fields, f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ", places  # noqa: S608


def pour(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    same: Mapping[str, Any] | None = None,
) -> None:
    """Writes many new rows; `columns` are column names, values are plain: text, numbers, dates, UUIDs, bytes, mappings.

    `same` are further columns with one value for all rows, which is written out once. Columns left out get what the
    database gives by itself. Raises IntegrityError.
    """
    quote = connection.ops.quote_name
    same = same or {}
    columns = [*columns, *same]
    table, names = quote(model._meta.db_table), ", ".join(quote(column) for column in columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            end = "".join(f"\t{_cell(value)}" for value in same.values()) + "\n"
            text = StringIO("".join([_line(row) + end for row in rows]))
            with connection.wrap_database_errors:
                cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN", text)
            return
        places = ", ".join(["%s"] * len(columns))
        sql = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608  names come from models
        ends = [_plain(value) for value in same.values()]
        cursor.executemany(sql, [[*(_plain(value) for value in row), *ends] for row in rows])


def add(model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Writes plain rows as `pour` does, in as many as one statement takes; those that exist already are left out."""
    quote = connection.ops.quote_name
    names = ", ".join(quote(column) for column in columns)
    places = f"({', '.join(['%s'] * len(columns))})"
    at_once = MAX_ROWS if connection.vendor == "postgresql" else MAX_VALUES_OF_SQLITE // len(columns)
    with connection.cursor() as cursor:
        for start in range(0, len(rows), at_once):
            chosen = rows[start : start + at_once]
            values = [value for row in chosen for value in row]
            cursor.execute(
                f"INSERT INTO {quote(model._meta.db_table)} ({names}) "  # noqa: S608  names come from models
                f"VALUES {', '.join([places] * len(chosen))} ON CONFLICT DO NOTHING",
                values if connection.vendor == "postgresql" else [_plain(value) for value in values],
            )


def reserve(model: type[models.Model], count: int) -> Sequence[int]:
    """Keys for `count` rows to come, in rising order; on SQLite the caller holds the one write lock."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
            )
            return sorted(key for (key,) in cursor.fetchall())
        cursor.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = %s", [table])
        last = int(cursor.fetchone()[0])
        return range(last + 1, last + count + 1)


def new_keys(count: int) -> list[str]:
    """Random UUIDs for `count` rows to come, as the database writes them: text costs a tenth of UUID objects."""
    drawn = os.urandom(16 * count).hex()
    keys = []
    for start in range(0, 32 * count, 32):
        one = drawn[start : start + 32]
        # Version 4, and the variant in the two upper bits of the ninth byte (RFC 9562).
        keys.append(f"{one[:8]}-{one[8:12]}-4{one[13:16]}-{VARIANT[one[16]]}{one[17:20]}-{one[20:]}")
    return keys if connection.vendor == "postgresql" else [key.replace("-", "") for key in keys]


def _line(row: Sequence[Any]) -> str:
    """One row in the text form of COPY; words without a sign that has to be escaped are taken as they are."""
    words = "".join([value for value in row if type(value) is str])
    if words.isprintable() and "\\" not in words:
        return "\t".join([value if type(value) is str else _cell(value) for value in row])
    return "\t".join(map(_cell, row))


def _cell(value: Any) -> str:
    """One value in the text form of COPY."""
    if type(value) is str:
        return value if value.isalnum() else value.translate(ESCAPES)
    write = _CELLS.get(type(value))
    return write(value) if write else str(value).translate(ESCAPES)


_CELLS: dict[type, Any] = {
    int: str,
    UUID: str,
    date: date.isoformat,
    datetime: datetime.isoformat,
    bool: lambda value: "t" if value else "f",
    bytes: lambda value: f"\\\\x{value.hex()}",
    dict: lambda value: json.dumps(value).translate(ESCAPES),
    type(None): lambda value: NULL,
}


def _plain(value: Any) -> Any:
    """One value as SQLite stores it."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value) if isinstance(value, str) else value
