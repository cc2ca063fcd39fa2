from django.db import migrations

from portal.audit.triggers import AppendOnly


class Migration(migrations.Migration):
    """The audit log and its seals can only grow (RELIABILITY §4.5)."""

    dependencies = [("audit", "0001_initial")]

    operations = [AppendOnly("audit_auditentry"), AppendOnly("audit_sealblock")]
