"""Queries that are asked at every request: put together once, then only run.

Django builds the SQL of a queryset anew each time, which costs several times what running it costs. A `Prepared` query
is built with stand-ins, and the stand-ins are replaced by the values of each call; rows come back as the same model
instances, with related rows and annotations, as the queryset would give them. PostgreSQL parses and plans such a
statement once in a connection as well, which takes it longer than running it.
"""

import itertools
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.query import get_related_populators

Row = TypeVar("Row", bound=models.Model)
Value = int | str | date | UUID

STAND_INS: dict[type, tuple[Value, ...]] = {
    int: (-7_301_001, -7_301_002),
    str: ("\ue000prepared:1", "\ue000prepared:2"),
    date: (date(1, 1, 2), date(1, 1, 3)),
    UUID: (UUID(int=7_301_001), UUID(int=7_301_002)),
}


class Prepared(Generic[Row]):
    """A queryset of plain parameters, compiled once in a process.

    `build` makes the queryset from one value for each of `kinds` (int, str, date or UUID, at most two of a kind).
    """

    def __init__(self, build: "Callable[..., models.QuerySet[Row]]", *kinds: type) -> None:
        self._build = build
        self._kinds = kinds
        self._compiled: _Compiled | None = None

    def __call__(self, *values: Value) -> list[Row]:
        """The rows for these values."""
        if self._compiled is None:
            made = stand_ins(self._kinds)
            self._compiled = _Compiled(self._build(*made), made)
        return self._compiled.run(values)


class PreparedRows:
    """As `Prepared`, for a queryset of `values_list` over plain columns: the rows come back as tuples."""

    def __init__(self, build: Callable[..., models.QuerySet[Any, Any]], *kinds: type) -> None:
        self._build = build
        self._kinds = kinds
        self._compiled: tuple[Statement, Any, Any] | None = None

    def __call__(self, *values: Value) -> list[tuple[Any, ...]]:
        """The rows for these values."""
        if self._compiled is None:
            made = stand_ins(self._kinds)
            queryset = self._build(*made)
            compiler = queryset.query.get_compiler(using=queryset.db)
            sql, parameters = compiler.as_sql()
            statement = Statement(sql, parameters, made)
            self._compiled = statement, compiler, compiler.get_converters([column[0] for column in compiler.select])
        statement, compiler, converters = self._compiled
        rows = statement.run(values)
        return [tuple(row) for row in compiler.apply_converters(rows, converters)] if converters else rows


class Statement:
    """A statement with places for values; `parameters` holds the stand-ins and what is the same in every call.

    Raises ValueError when a stand-in does not reach the statement as it is.
    """

    _numbers = itertools.count(1)

    def __init__(self, sql: str, parameters: Sequence[Any], stand_ins: Sequence[Value]) -> None:
        adapted = [_adapted(value) for value in stand_ins]
        self.sql = sql
        self.places = [adapted.index(value) if value in adapted else None for value in parameters]
        self.fixed = list(parameters)
        self.name = f"portal_{next(self._numbers)}"
        if not set(range(len(stand_ins))) <= set(self.places):
            raise ValueError("a parameter of the prepared query does not reach its statement as it is")

    def run(self, values: Sequence[Value]) -> list[tuple[Any, ...]]:
        """The rows for these values."""
        given = [_adapted(value) for value in values]
        with connection.cursor() as cursor:
            if values and connection.vendor == "postgresql" and settings.DATABASE_PREPARES:
                known = self._known()
                call = known.get(self.name) or self._prepare(known)
                cursor.execute(call, [given[place] for place in self.places if place is not None])
            else:
                parameters = [
                    fixed if place is None else given[place]
                    for fixed, place in zip(self.fixed, self.places, strict=True)
                ]
                cursor.execute(self.sql, parameters)
            return cursor.fetchall()

    @staticmethod
    def _known() -> dict[str, str]:
        """The statements that the open connection knows, and how each is called; a new connection knows none."""
        of, known = getattr(connection, "_portal_statements", (None, {}))
        if of is not connection.connection:
            known = {}
            setattr(connection, "_portal_statements", (connection.connection, known))  # noqa: B010  not Django's own
        return known

    def _prepare(self, known: dict[str, str]) -> str:
        """Hands the statement to the open connection; what is the same in every call stands in it as it is."""
        numbers = itertools.count(1)
        with connection.wrap_database_errors, connection.connection.cursor() as raw:
            texts = [
                raw.mogrify("%s", [fixed]).decode() if place is None else f"${next(numbers)}"
                for fixed, place in zip(self.fixed, self.places, strict=True)
            ]
            raw.execute(f"PREPARE {self.name} AS {self.sql % tuple(texts)}")
        call = f"EXECUTE {self.name} ({', '.join(['%s'] * (next(numbers) - 1))})"
        known[self.name] = call
        return call


class _Compiled:
    """The statement of a queryset, where its parameters stand, and how its rows become instances."""

    def __init__(self, queryset: models.QuerySet[Any], stand_ins: list[Value]) -> None:
        self.compiler = queryset.query.get_compiler(using=queryset.db)
        sql, parameters = self.compiler.as_sql()
        self.statement = Statement(sql, parameters, stand_ins)
        self.converters = self.compiler.get_converters([column[0] for column in self.compiler.select])
        info = self.compiler.klass_info
        self.model = info["model"]
        columns = info["select_fields"]
        self.own = slice(columns[0], columns[-1] + 1)
        self.names = [column[0].target.attname for column in self.compiler.select[self.own]]
        # The stubs know the signature of a later Django.
        self.populators = get_related_populators(info, self.compiler.select, queryset.db)  # type: ignore[call-arg]

    def run(self, values: tuple[Value, ...]) -> list[Any]:
        """Runs the statement with these values."""
        rows: Any = self.statement.run(values)
        if self.converters:
            rows = list(self.compiler.apply_converters(rows, self.converters))
        return [self._instance(row) for row in rows]

    def _instance(self, row: Any) -> Any:
        made = self.model.from_db(DEFAULT_DB_ALIAS, self.names, row[self.own])
        for populator in self.populators:
            populator.populate(row, made)
        for name, column in (self.compiler.annotation_col_map or {}).items():
            setattr(made, name, row[column])
        return made


def _adapted(value: Value) -> Any:
    if isinstance(value, date):
        return connection.ops.adapt_datefield_value(value)
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value


def stand_ins(kinds: Sequence[type]) -> list[Value]:
    """A stand-in for each of these kinds."""
    used = {kind: iter(values) for kind, values in STAND_INS.items()}
    return [next(used[kind]) for kind in kinds]
