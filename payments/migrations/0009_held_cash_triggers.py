"""The database refuses to change or delete what was written about cash held."""

from django.db import migrations

from portal.audit.triggers import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("payments", "0008_held_cash")]

    operations = [
        AppendOnly("payments_heldcash"),
        AppendOnly("payments_remittance"),
        AppendOnly("payments_heldcashend"),
    ]
