"""Pages of rows found by key: behind the last row of the page before, never by counting from the start.

Lists of people's cases are read in the order of a column with the primary key behind it. A page of several states is
merged from one short read per state, so that an index over (state, column, key) serves each of them at any depth.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.http import urlencode

from portal.design.components import PageLinks
from portal.prepared import Statement, stand_ins

PAGE_SIZE = 25
COUNTED_UP_TO = 100
MOST_STATEMENTS = 500
LONGEST_NUMBER = 18

_statements: dict[Hashable, tuple[list[str], Statement]] = {}

Value = date | datetime


@dataclass(frozen=True)
class Order:
    """The order of a list: a column of dates or instants, nearest or newest first, and the primary key behind it.

    Keys are UUIDs, or numbers where the order says so.
    """

    column: str
    forward: bool = True
    by_day: bool = False
    numbered: bool = False

    @property
    def by(self) -> tuple[str, str]:
        sign = "" if self.forward else "-"
        return f"{sign}{self.column}", f"{sign}pk"

    def behind(self, key: tuple[Value, UUID | int]) -> Q:
        """The rows that follow the one with this key."""
        value, pk = key
        side = "gt" if self.forward else "lt"
        return Q(**{f"{self.column}__{side}e": value}) & (
            Q(**{f"{self.column}__{side}": value}) | Q(**{f"pk__{side}": pk})
        )

    def key_of(self, row: Any) -> str:
        """The key of a row as it stands in an address."""
        return f"{getattr(row, self.column).isoformat()}_{row.pk}"

    def read(self, text: str) -> tuple[Value, UUID | int] | None:
        """The key in an address, or None when it is none."""
        words, _separator, pk = text.partition("_")
        try:
            value = parse_date(words) if self.by_day else parse_datetime(words)
            key = _number(pk) if self.numbered else UUID(pk)
        except ValueError:
            return None
        if value is None or (isinstance(value, datetime) and value.tzinfo is None):
            return None
        return value, key


def _number(text: str) -> int:
    """A key that is a number, as far as a database counts; raises ValueError."""
    if not text.isascii() or not text.isdigit() or len(text) > LONGEST_NUMBER:
        raise ValueError(text)
    return int(text)


def keyed_page(
    chosen: Sequence[QuerySet[Any]],
    order: Order,
    *,
    after: str = "",
    query: dict[str, str] | None = None,
    load: Callable[[list[Any]], list[Any]] | None = None,
    fields: Sequence[str] = (),
    size: int = PAGE_SIZE,
    beginning: Callable[[], list[Any]] | None = None,
) -> tuple[list[Any], PageLinks]:
    """One page of the rows chosen, and the links to its neighbours.

    `chosen` are one or several sets without common rows, each in the reach of an index; `load` fetches the rows of a
    page by their primary keys with all that the page shows, in any order, where the sets are read for their keys alone.
    With `fields` only these columns are read beside the keys. `beginning` reads the first page, one row more than it
    shows, where there is a quicker way to it than through the sets.
    """
    key = order.read(after)
    if key is None and beginning is not None:
        rows = beginning()
    else:
        rows = first_rows(
            chosen, order, key, size + 1, fields=fields if load is None else (), with_rows=not (load or fields)
        )
    more = len(rows) > size
    rows = rows[:size]
    if load is not None:
        by_pk = {row.pk: row for row in load([row.pk for row in rows])}
        rows = [by_pk[row.pk] for row in rows if row.pk in by_pk]
    query = query or {}
    following = f"?{urlencode(query | {'after': order.key_of(rows[-1])})}" if more and rows else ""
    return rows, PageLinks(previous_url=f"?{urlencode(query)}" if key is not None else "", next_url=following)


def first_rows(
    chosen: Sequence[QuerySet[Any]],
    order: Order,
    key: tuple[Value, UUID | int] | None,
    count: int,
    *,
    fields: Sequence[str] = (),
    with_rows: bool = True,
) -> list[Any]:
    """The first `count` rows of the sets in the order, behind a key where one is given."""
    found: list[Any] = []
    for rows in chosen:
        behind = rows.filter(order.behind(key)) if key is not None else rows
        if not with_rows:
            behind = behind.select_related(None).only("pk", order.column, *fields)
        found += behind.order_by(*order.by)[:count]
    if len(chosen) > 1:
        found.sort(key=lambda row: (getattr(row, order.column), row.pk), reverse=not order.forward)
    return found[:count]


def capped_count(chosen: Iterable[QuerySet[Any]], cap: int = COUNTED_UP_TO) -> int:
    """How many rows there are, counted to one above the cap and no further."""
    total = 0
    for rows in chosen:
        total += rows.order_by()[: cap + 1 - total].count()
        if total > cap:
            break
    return total


def capped_counts(
    key: Hashable,
    groups: Callable[..., Mapping[str, Sequence[QuerySet[Any]]]],
    *values: int | str,
    cap: int = COUNTED_UP_TO,
) -> dict[str, int]:
    """How many rows each group of sets has, counted to one above the cap, by one statement that is put together once.

    `key` names everything the sets depend on, for the statement is kept under it: nothing that changes with the time.
    `groups` is called with stand-ins for the values, which may be others each time.
    """
    statement = _statements.get(key)
    if statement is None:
        if len(_statements) >= MOST_STATEMENTS:
            _statements.clear()
        made = stand_ins([type(value) for value in values])
        names, sql, parameters = _statement(groups(*made), cap)
        statement = _statements[key] = names, Statement(sql, parameters, made)
    names, prepared = statement
    found = dict.fromkeys(names, 0)
    for name, count in zip(names, prepared.run(values)[0], strict=True):
        found[name] = min(cap + 1, found[name] + count)
    return found


def _statement(groups: Mapping[str, Sequence[QuerySet[Any]]], cap: int) -> tuple[list[str], str, list[Any]]:
    names, columns, parameters = [], [], []
    for name, chosen in groups.items():
        for rows in chosen:
            names.append(name)
            try:
                sql, values = rows.order_by().values("pk")[: cap + 1].query.get_compiler(rows.db).as_sql()
            except EmptyResultSet:
                columns.append("0")
                continue
            columns.append(f"(SELECT count(*) FROM ({sql}) counted)")  # noqa: S608  built by the ORM
            parameters += values
    return names, f"SELECT {', '.join(columns)}", parameters


def count_words(count: int, cap: int = COUNTED_UP_TO) -> str:
    """The count as a tab shows it: 100+ above a hundred."""
    return f"{cap}+" if count > cap else str(count)
