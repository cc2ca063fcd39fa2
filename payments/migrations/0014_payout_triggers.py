"""Counts of tills are written once, of a payout only its progress changes, and closed days get their triggers again,
because SQLite built their table anew.
"""

from django.db import migrations

from portal.audit.triggers import AppendOnly


class Again(AppendOnly):
    """The triggers of a table made anew where they still stand."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        super().database_backwards(app_label, schema_editor, to_state, from_state)
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        """The triggers were there before and may stay."""


PROGRESS = (
    "state",
    "sent_at",
    "ask_at",
    "asked",
    "fault",
    "reference",
    "paid_on",
    "done_at",
    "paid_by",
    "actor_user_id",
)


class Migration(migrations.Migration):
    dependencies = [("payments", "0013_payouts_tills")]

    operations = [
        Again("payments_dayclose"),
        AppendOnly("payments_payout", allow_update=PROGRESS),
        AppendOnly("payments_tillclose"),
        AppendOnly("payments_tillline"),
    ]
