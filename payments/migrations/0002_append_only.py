"""Timeline and payments are append-only; of a notice only what the machine moves may change, so that it stays as issued (E1)."""

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


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial"), ("audit", "0001_initial")]

    operations = [
        AppendOnly("payments_noticetimelineentry"),
        AppendOnly("payments_payment"),
        AppendOnly("payments_notice", allow_update=MOVED),
    ]
