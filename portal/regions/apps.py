from typing import Any

from django.apps import AppConfig
from django.db import connection
from django.db.models.signals import post_migrate


class RegionsConfig(AppConfig):
    name = "portal.regions"
    label = "regions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(restore_calendar, sender=self)


def restore_calendar(**kwargs: Any) -> None:
    """Puts the delivered calendar years back after a flush, as every due date leans on them."""
    from portal.regions.calendar_data import install
    from portal.regions.models import CalendarDay, CalendarYear, versions

    if CalendarYear._meta.db_table in connection.introspection.table_names() and install(CalendarYear, CalendarDay):
        versions.bump(versions.CALENDAR)
