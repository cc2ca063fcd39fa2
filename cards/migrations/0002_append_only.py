"""The database refuses to change or delete the timelines of card applications and cards."""

from django.db import migrations

from portal.audit.triggers import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("cards", "0001_initial"), ("audit", "0002_append_only")]

    operations = [AppendOnly("cards_cardapplicationtimelineentry"), AppendOnly("cards_cardtimelineentry")]
