"""Django admin for places and calendars; fees and papers have pages of their own with a second admin."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest

from portal import audit
from portal.regions import calendar
from portal.regions.models import CalendarDay, CalendarYear, Office, Region, RegionalHoliday


class Recorded(admin.ModelAdmin):
    """Writes every change to the audit log."""

    def log_change_of(self, request: HttpRequest, obj: Any, action: str) -> None:
        audit.record(f"{obj._meta.model_name}.{action}", request.actor, subject=obj)  # type: ignore[attr-defined]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            self.log_change_of(request, obj, "changed" if change else "added")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            self.log_change_of(request, obj, "deleted")
            super().delete_model(request, obj)


@admin.register(Region)
class RegionAdmin(Recorded):
    list_display = ["code", "name_zh", "name_en", "level", "active"]
    list_filter = ["level", "active"]
    search_fields = ["code", "name_zh", "name_en"]
    autocomplete_fields = ["parent"]

    def get_readonly_fields(self, request: HttpRequest, obj: Region | None = None) -> list[str]:
        """A place keeps its code and its parent: cases and policies refer to its path."""
        return ["code", "level", "parent"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Region | None = None) -> bool:
        return False


@admin.register(Office)
class OfficeAdmin(Recorded):
    list_display = ["code", "name_zh", "kind", "region", "phone", "active"]
    list_filter = ["kind", "active"]
    search_fields = ["code", "name_zh", "name_en", "address_zh"]
    autocomplete_fields = ["region"]
    list_select_related = ["region"]

    def has_delete_permission(self, request: HttpRequest, obj: Office | None = None) -> bool:
        return False


class CalendarAdmin(Recorded):
    """Tells every process and the upper layers that a day has changed."""

    actions = None

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        with transaction.atomic():
            before = calendar.current()
            super().save_model(request, obj, form, change)
            calendar.announce_change(obj.date, obj.date, before, getattr(obj, "region", None))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            before, day, region = calendar.current(), obj.date, getattr(obj, "region", None)
            super().delete_model(request, obj)
            calendar.announce_change(day, day, before, region)


@admin.register(CalendarDay)
class CalendarDayAdmin(CalendarAdmin):
    list_display = ["date", "kind", "festival", "source_notice"]
    list_filter = ["kind"]
    date_hierarchy = "date"
    fields = ["date", "kind", "festival", "source_notice"]

    def get_readonly_fields(self, request: HttpRequest, obj: CalendarDay | None = None) -> list[str]:
        return ["date"] if obj else []

    def save_model(self, request: HttpRequest, obj: CalendarDay, form: Any, change: bool) -> None:
        obj.is_workday = obj.kind == CalendarDay.Kind.MAKEUP
        super().save_model(request, obj, form, change)


@admin.register(RegionalHoliday)
class RegionalHolidayAdmin(CalendarAdmin):
    list_display = ["date", "region", "name_zh"]
    list_filter = [("region", admin.RelatedOnlyFieldListFilter)]
    autocomplete_fields = ["region"]


@admin.register(CalendarYear)
class CalendarYearAdmin(admin.ModelAdmin):
    """Read only: a year is published by importing its days."""

    list_display = ["year", "status", "version", "source_notice"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
