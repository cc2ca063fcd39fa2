"""Rows that are written once stay as they are: the model refuses, and the database refuses too."""

from uuid import uuid4

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, migrations, transaction
from django.db.migrations.loader import MigrationLoader

from portal.audit import record, triggers
from portal.audit.append_only import AppendOnlyModel, Immutable
from portal.audit.models import AuditEntry
from portal.people.actors import SYSTEM, Actor, Role

TABLE = "audit_auditentry"


@pytest.fixture
def entry(db):
    return record("policy.published", SYSTEM)


def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_record_keeps_ids_and_codes_of_actor_and_subject(db):
    """REL-A1: who, in which role, for whom, on what."""
    someone = uuid4()
    actor = Actor(Role.CLERK, user_id=7, office_id=3, acting_for_id=someone, name="张三")
    subject = AuditEntry(pk=5)
    made = record("person.viewed", actor, subject=subject, purpose="review", details={"fields": 3})
    made.refresh_from_db()
    assert (made.actor_role, made.actor_user_id, made.actor_office_id, made.acting_for_id) == ("clerk", 7, 3, someone)
    assert (made.subject_label, made.subject_id, made.purpose, made.outcome) == (
        "audit.AuditEntry",
        "5",
        "review",
        "ok",
    )
    assert "张三" not in str(AuditEntry.objects.filter(pk=made.pk).values()[0])


def test_model_refuses_every_way_of_changing(entry):
    """REL-A1."""
    entry.action = "other"
    for attempt in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(action="other"),
        lambda: AuditEntry.objects.bulk_update([entry], ["action"]),
    ):
        with pytest.raises(Immutable):
            attempt()


@pytest.mark.parametrize("sql", [f"UPDATE {TABLE} SET action = 'other'", f"DELETE FROM {TABLE}"])
def test_database_refuses_what_the_model_cannot_see(entry, sql):
    """REL-A1, N25: raw SQL of the application's own account is refused."""
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        execute(sql)
    entry.refresh_from_db()
    assert entry.action == "policy.published"


def test_postgresql_refuses_truncate(db):
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            execute(f"TRUNCATE {TABLE}")
    else:
        assert triggers.kinds(connection.vendor) == ("update", "delete")


def test_switch_opens_the_rest_of_the_block_only(entry):
    """The retention command's door closes behind it."""
    with triggers.disabled():
        execute(f"UPDATE {TABLE} SET purpose = 'erased'")
    entry.refresh_from_db()
    assert entry.purpose == "erased"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        execute(f"DELETE FROM {TABLE}")


def test_switch_falls_back_when_the_block_fails(entry):
    with pytest.raises(ValueError, match="stop"), triggers.disabled():
        raise ValueError("stop")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        execute(f"DELETE FROM {TABLE}")


def declared() -> dict[str, set[str]]:
    """The tables that migrations of the project make append-only."""
    found = {}
    for migration in MigrationLoader(None).disk_migrations.values():
        for operation in migration.operations:
            if isinstance(operation, triggers.AppendOnly):
                found[operation.table] = set(triggers.kinds(connection.vendor))
    return found


def test_every_declared_trigger_stands(db):
    """ARCHITECTURE §4: also after later migrations, which rebuild tables on SQLite."""
    assert triggers.standing() == declared()


def test_every_append_only_model_is_declared():
    """A timeline without its trigger would only look append-only."""
    tables = {
        model._meta.db_table
        for model in apps.get_models()
        if issubclass(model, AppendOnlyModel) and model._meta.managed
    }
    assert tables <= set(declared())


def test_allowed_columns_may_change_and_no_other(db):
    """A table may leave single columns open, such as the mark of an erased note."""
    table = "audit_open_columns"
    execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, fixed TEXT, open TEXT)")
    for statement in triggers.statements(table, ["open"], connection.vendor, ["id", "fixed", "open"]):
        execute(statement)
    execute(f"INSERT INTO {table} (id, fixed, open) VALUES (1, 'a', 'b')")
    execute(f"UPDATE {table} SET open = 'c'")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        execute(f"UPDATE {table} SET fixed = 'c'")


def test_operation_describes_and_undoes_itself(db):
    operation = triggers.AppendOnly(TABLE)
    assert operation.describe() == f"Make {TABLE} append-only"
    assert isinstance(operation, migrations.operations.base.Operation)
    name, args, kwargs = operation.deconstruct()
    assert (name, list(args), kwargs) == ("AppendOnly", [TABLE], {})
    before = triggers.standing()
    with connection.schema_editor(atomic=False) if connection.vendor == "postgresql" else _no_foreign_keys() as editor:
        operation.database_backwards("audit", editor, None, None)
        assert TABLE not in triggers.standing()
        state = MigrationLoader(connection).project_state(("audit", "0001_initial"))
        operation.database_forwards("audit", editor, state, state)
    assert triggers.standing() == before


class _no_foreign_keys:
    """A schema editor that may run inside the test's transaction on SQLite: it only makes triggers."""

    def __enter__(self):
        editor = connection.SchemaEditorClass(connection, atomic=False)
        editor.deferred_sql = []
        return editor

    def __exit__(self, *error):
        return None
