from django.db import migrations

from portal.audit.triggers import AppendOnly


class Migration(migrations.Migration):
    """The clock ledger can only grow: a promised date must stay replayable (N2)."""

    dependencies = [("workflow", "0001_initial"), ("audit", "0002_append_only")]

    operations = [AppendOnly("workflow_clockentry")]
