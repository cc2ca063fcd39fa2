"""Lets a notice name another collective notice: members join and leave, everything else of a notice stays as issued."""

from django.db import migrations

from portal.audit.triggers import AppendOnly

MOVED = (
    "state",
    "state_since",
    "due_at",
    "remind_at",
    "version",
    "sweep_attempts",
    "sweep_failed_at",
    "paid_on",
    "paid_at",
    "superseded_by_id",
    "refund_proposed_by",
    "refund_confirmed_by",
)


class AppendOnlyAgain(AppendOnly):
    """The same triggers in the place of older ones that allowed fewer columns."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        super().database_backwards(app_label, schema_editor, to_state, from_state)
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        super().database_backwards(app_label, schema_editor, from_state, to_state)
        AppendOnly(self.table, allow_update=MOVED).database_forwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    dependencies = [("payments", "0004_collective_notice")]

    operations = [AppendOnlyAgain("payments_notice", allow_update=(*MOVED, "collective_id"))]
