"""Refunds from before payouts were kept get theirs: those the bank has paid as done, the others for the desk, which
knows whether anything was paid meanwhile.
"""

from uuid import uuid4

from django.db import migrations


def open_payouts(apps, schema_editor):
    Journal = apps.get_model("payments", "Journal")
    Payout = apps.get_model("payments", "Payout")
    for journal in Journal.objects.filter(kind="refund").exclude(payment=None).select_related("payment__source"):
        entries = list(journal.entries.filter(account="refunds"))
        notices = {entry.notice_id for entry in entries}
        money = journal.payment.source or journal.payment
        paid = Journal.objects.filter(key=f"payout:{journal.key.removeprefix('refund:')}").first()
        done = paid and {
            "state": "done",
            "done_at": paid.booked_at,
            "paid_on": paid.posted_on,
            "paid_by": "hand" if paid.actor_user_id else "statement",
            "actor_user_id": paid.actor_user_id,
        }
        Payout.objects.create(
            number=f"RF{journal.booked_at:%y%m%d}{uuid4().hex[:20]}",
            journal=journal,
            payment=money,
            notice_id=notices.pop() if len(notices) == 1 else None,
            region_id=journal.region_id,
            amount_fen=-sum(entry.amount_fen for entry in entries),
            total_fen=money.amount_fen,
            opened_at=journal.booked_at,
            **(done or {"state": "by_hand"}),
        )


class Migration(migrations.Migration):
    dependencies = [("payments", "0014_payout_triggers")]

    operations = [migrations.RunPython(open_payouts, migrations.RunPython.noop)]
