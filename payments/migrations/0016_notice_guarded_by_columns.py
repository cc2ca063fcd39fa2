"""Guards notices by naming what must not change, so that a move of a notice does not weigh its whole row twice.

A column that is added to notices later is guarded once this operation is repeated; a test compares.
"""

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
    "collective_id",
    "refund_proposed_by",
    "refund_confirmed_by",
)


class GuardAgain(AppendOnly):
    """The same guard in the place of the one that compared whole rows."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        super().database_backwards(app_label, schema_editor, to_state, from_state)
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        super().database_backwards(app_label, schema_editor, from_state, to_state)
        AppendOnly(self.table, allow_update=MOVED).database_forwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    dependencies = [("payments", "0015_payouts_of_old_refunds")]

    operations = [GuardAgain("payments_notice", allow_update=MOVED, by_columns=True)]
