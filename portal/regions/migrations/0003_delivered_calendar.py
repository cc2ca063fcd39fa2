"""The published calendars of 2024–2026 and the statutory days of 2027."""

from django.db import migrations

from portal.regions.calendar_data import install


def write_years(apps, schema_editor):
    if install(apps.get_model("regions", "CalendarYear"), apps.get_model("regions", "CalendarDay")):
        apps.get_model("regions", "ConfigVersion").objects.get_or_create(
            name="calendar", defaults={"number": 1, "token": "delivered"}
        )


class Migration(migrations.Migration):
    dependencies = [("regions", "0002_no_overlap")]

    operations = [migrations.RunPython(write_years, migrations.RunPython.noop)]
