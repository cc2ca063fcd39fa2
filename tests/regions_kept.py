"""The delivered regions for hundreds of tests: the loader runs once a process, later its rows are put back.

    regions_kept.load()  # instead of call_command("load_regions")

Rows are put back with their keys; the versions of calendar and policies rise as when they are loaded, so that nothing
cached for an earlier test is taken for theirs. Tables that hold something already are left to the loader itself.
"""

from typing import Any

from django.core.management.color import no_style
from django.db import connection, models
from django.db.models.sql import InsertQuery

from portal.regions import loader
from portal.regions.models import CalendarDay, CalendarYear, Office, PolicyRule, Region, RegionalHoliday, versions

CALENDAR: list[type[models.Model]] = [CalendarYear, CalendarDay]
PLACES: list[type[models.Model]] = [Region, Office, RegionalHoliday, PolicyRule]

_kept: dict[type[models.Model], tuple[str, Any]] = {}
_loaded: list[loader.Loaded] = []
_years: list[int] = []


def load() -> loader.Loaded:
    """Brings the delivered regions, calendar and policies into an empty database, and says how many rows that were."""
    years = sorted(CalendarYear.objects.values_list("year", flat=True))
    strange = Region.objects.exists() or RegionalHoliday.objects.exists() or years not in ([], _years)
    if _kept and not strange:
        with connection.cursor() as cursor:
            models_here = [*([] if years else CALENDAR), *PLACES]
            for model in models_here:
                cursor.execute(*_kept[model])
            # Rows with keys of their own leave the counter of keys where it was.
            for reset in connection.ops.sequence_reset_sql(no_style(), models_here):
                cursor.execute(reset)
        for name in (versions.CALENDAR, versions.POLICY):
            versions.bump(name)
        return _loaded[0]
    empty = not (Region.objects.exists() or RegionalHoliday.objects.exists())
    loaded = loader.load()
    if empty and not _kept:
        _keep(loaded)
    return loaded


def _keep(loaded: loader.Loaded) -> None:
    """Remembers one insertion for each table."""
    for model in CALENDAR + PLACES:
        query = InsertQuery(model)
        query.insert_values(model._meta.concrete_fields, list(model._base_manager.order_by("pk")), raw=True)
        (_kept[model],) = query.get_compiler(connection=connection).as_sql()
    _years[:] = sorted(CalendarYear.objects.values_list("year", flat=True))
    _loaded[:] = [loaded]
