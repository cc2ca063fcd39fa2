"""The database refuses to change or delete the timeline of an application."""

from django.db import migrations

from portal.audit.triggers import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("enrollment", "0001_initial"), ("audit", "0002_append_only")]

    operations = [AppendOnly("enrollment_applicationtimelineentry")]
