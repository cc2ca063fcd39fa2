"""Queries that are asked at every request: put together once, then only run.

Django builds the SQL of a queryset anew each time, which costs several times what running it costs. A `Prepared` query
is built with stand-ins, and the stand-ins are replaced by the values of each call; rows come back as the same model
instances, with related rows and annotations, as the queryset would give them.
"""

from collections.abc import Callable
from datetime import date
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.query import get_related_populators

Row = TypeVar("Row", bound=models.Model)
Value = int | str | date

STAND_INS: dict[type, tuple[Value, ...]] = {
    int: (-7_301_001, -7_301_002),
    str: ("\ue000prepared:1", "\ue000prepared:2"),
    date: (date(1, 1, 2), date(1, 1, 3)),
}


class Prepared(Generic[Row]):
    """A queryset of plain parameters, compiled once in a process.

    `build` makes the queryset from one value for each of `kinds` (int, str or date, at most two of a kind).
    """

    def __init__(self, build: "Callable[..., models.QuerySet[Row]]", *kinds: type) -> None:
        self._build = build
        self._kinds = kinds
        self._compiled: _Compiled | None = None

    def __call__(self, *values: Value) -> list[Row]:
        """The rows for these values."""
        if self._compiled is None:
            stand_ins = self._stand_ins()
            self._compiled = _Compiled(self._build(*stand_ins), stand_ins)
        return self._compiled.run(values)

    def _stand_ins(self) -> list[Value]:
        used = {kind: iter(values) for kind, values in STAND_INS.items()}
        return [next(used[kind]) for kind in self._kinds]


class _Compiled:
    """The statement of a queryset, where its parameters stand, and how its rows become instances."""

    def __init__(self, queryset: models.QuerySet[Any], stand_ins: list[Value]) -> None:
        self.compiler = queryset.query.get_compiler(using=queryset.db)
        self.sql, parameters = self.compiler.as_sql()
        adapted = [self._adapted(value) for value in stand_ins]
        self.places = [adapted.index(value) if value in adapted else None for value in parameters]
        self.fixed = list(parameters)
        if not set(range(len(stand_ins))) <= set(self.places):
            raise ValueError("a parameter of the prepared query does not reach its statement as it is")
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
        given = [self._adapted(value) for value in values]
        parameters = [
            fixed if place is None else given[place] for fixed, place in zip(self.fixed, self.places, strict=True)
        ]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, parameters)
            rows = cursor.fetchall()
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

    def _adapted(self, value: Value) -> Any:
        if isinstance(value, date):
            return connection.ops.adapt_datefield_value(value)
        return value
