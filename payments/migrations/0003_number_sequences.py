"""A sequence per number series on PostgreSQL, so that issuing notices takes no lock; SQLite counts in a row of its own."""

from django.db import migrations

KINDS = ("premium", "nontax")


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for kind in KINDS:
            schema_editor.execute(f"CREATE SEQUENCE payments_{kind}_serial")


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for kind in KINDS:
            schema_editor.execute(f"DROP SEQUENCE payments_{kind}_serial")


class Migration(migrations.Migration):
    dependencies = [("payments", "0002_append_only")]

    operations = [migrations.RunPython(create, drop)]
