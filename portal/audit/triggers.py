"""Database triggers that refuse to change append-only rows, on PostgreSQL and on SQLite (which has no TRUNCATE).

    # migrations/0002_append_only.py, after the table's own migration
    operations = [AppendOnly("enrollment_applicationtimelineentry")]

`disabled()` opens them for the rest of one transaction. Only two callers may use it: the retention command, and the
flush between transactional tests, for which a conftest installs `flush_past_triggers` (see tests/audit/flush.py). The
triggers guard against mistakes and against a stolen account of the application; an owner of the database can drop
them, which is why `portal.audit.seals` exists.

SQLite loses triggers when a later migration rebuilds the table: repeat the operation after such a migration; a test
compares what stands with what was declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory

SWITCH = "canbao.append_only"
SWITCH_TABLE = "audit_append_only_off"
PREFIX = "append_only_"

FUNCTION = f"""
CREATE OR REPLACE FUNCTION {PREFIX}refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('{SWITCH}', true) = 'off' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND TG_NARGS > 0 AND to_jsonb(OLD) - TG_ARGV::text[] = to_jsonb(NEW) - TG_ARGV::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


class AppendOnly(Operation):
    """Migration operation: rows may be added and nothing else; columns of `allow_update` may still change.

    PostgreSQL compares whole rows by default, which also guards columns to come. `by_columns` names those of today in
    the trigger's condition instead: an allowed change then costs next to nothing, and a new column needs the operation
    again, as it does on SQLite.
    """

    category = OperationCategory.SQL
    reversible = True
    reduces_to_sql = True

    def __init__(self, table: str, *, allow_update: Sequence[str] = (), by_columns: bool = False) -> None:
        self.table = table
        self.allow_update = tuple(allow_update)
        self.by_columns = by_columns

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Triggers are no part of Django's model state."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        for statement in statements(
            self.table,
            self.allow_update,
            schema_editor.connection.vendor,
            _columns(self.table, to_state),
            by_columns=self.by_columns,
        ):
            schema_editor.execute(statement, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        on = f" ON {self.table}" if schema_editor.connection.vendor == "postgresql" else ""
        for kind in kinds(schema_editor.connection.vendor):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {PREFIX}{kind}_{self.table}{on}", params=None)

    def describe(self) -> str:
        return f"Make {self.table} append-only"


def kinds(vendor: str) -> tuple[str, ...]:
    """The triggers of one table."""
    return ("update", "delete", "truncate") if vendor == "postgresql" else ("update", "delete")


def _columns(table: str, state: Any) -> list[str]:
    model = next(one for one in state.apps.get_models(include_auto_created=True) if one._meta.db_table == table)
    return [field.column for field in model._meta.local_concrete_fields]


def statements(
    table: str, allow_update: Sequence[str], vendor: str, columns: Sequence[str], *, by_columns: bool = False
) -> list[str]:
    """The DDL of one table; names come from migrations, never from input."""
    watched = [f'"{column}"' for column in columns if column not in allow_update]
    if vendor == "postgresql":
        allowed = ", ".join(f"'{column}'" for column in allow_update)
        condition = ""
        if by_columns:
            before, after = (", ".join(f"{row}.{column}" for column in watched) for row in ("OLD", "NEW"))
            condition, allowed = f"WHEN (({before}) IS DISTINCT FROM ({after})) ", ""
        return [
            FUNCTION,
            f"CREATE TRIGGER {PREFIX}update_{table} BEFORE UPDATE ON {table} FOR EACH ROW {condition}"
            f"EXECUTE FUNCTION {PREFIX}refuse({allowed})",
            f"CREATE TRIGGER {PREFIX}delete_{table} BEFORE DELETE ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION {PREFIX}refuse()",
            f"CREATE TRIGGER {PREFIX}truncate_{table} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
            f"EXECUTE FUNCTION {PREFIX}refuse()",
        ]
    refuse = (
        f"WHEN NOT EXISTS (SELECT 1 FROM {SWITCH_TABLE}) "  # noqa: S608  DDL over names of our own
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )
    return [
        f"CREATE TABLE IF NOT EXISTS {SWITCH_TABLE} (off INTEGER PRIMARY KEY)",
        f"CREATE TRIGGER {PREFIX}update_{table} BEFORE UPDATE OF {', '.join(watched)} ON {table} {refuse}",
        f"CREATE TRIGGER {PREFIX}delete_{table} BEFORE DELETE ON {table} {refuse}",
    ]


@contextmanager
def disabled() -> Iterator[None]:
    """Let the current transaction change append-only rows; nobody else's transaction notices.

    On PostgreSQL the switch also falls back by itself when the transaction ends.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SET LOCAL {SWITCH} = 'off'")
        else:
            cursor.execute(f"INSERT OR IGNORE INTO {SWITCH_TABLE} (off) VALUES (1)")  # noqa: S608
        yield
        if connection.vendor == "postgresql":
            cursor.execute(f"SET LOCAL {SWITCH} = 'on'")
        else:
            cursor.execute(f"DELETE FROM {SWITCH_TABLE}")  # noqa: S608


def standing() -> dict[str, set[str]]:
    """The triggers that stand in the database, by table."""
    if connection.vendor == "postgresql":
        sql = (
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgname LIKE 'append\\_only\\_%%'"
        )
    else:
        sql = (
            "SELECT tbl_name, name FROM sqlite_master "
            "WHERE type = 'trigger' AND name LIKE 'append\\_only\\_%%' ESCAPE '\\'"
        )
    found: dict[str, set[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql, [])
        for table, name in cursor.fetchall():
            found.setdefault(table, set()).add(name.removeprefix(PREFIX).split("_", 1)[0])
    return found
