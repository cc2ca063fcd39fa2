"""Fills the columns by which clerks find the people who are on file already."""

from django.db import migrations

from portal import crypto
from portal.people.initials import initials
from portal.people.models import identity_tail_index, seal_place

BATCH = 500


def fill(apps, schema_editor):
    """Opens each number once; rows made later fill both columns themselves."""
    Resident = apps.get_model("people", "Resident")
    rows = Resident.objects.filter(id_tail_index="").only("pk", "name", "id_cipher").order_by("pk")
    while batch := list(rows[:BATCH]):
        for row in batch:
            number = crypto.unseal(row.id_cipher, aad=seal_place(row.pk, "id"))
            row.id_tail_index, row.name_initials = identity_tail_index(number), initials(row.name)
        Resident.objects.bulk_update(batch, ["id_tail_index", "name_initials"])


class Migration(migrations.Migration):
    dependencies = [("people", "0004_find_by_initials_and_tail")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=False)]
