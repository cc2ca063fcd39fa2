# Until now every photo was a file of its own.

from uuid import uuid4

from django.db import migrations


def number_files(apps, schema_editor):
    for picture in apps.get_model("enrollment", "MaterialPicture").objects.only("pk").iterator(chunk_size=500):
        type(picture).objects.filter(pk=picture.pk).update(file=uuid4())


class Migration(migrations.Migration):
    dependencies = [("enrollment", "0010_paper_pages")]
    operations = [migrations.RunPython(number_files, migrations.RunPython.noop)]
