"""Loads regions, offices, holidays and policies from the fixtures; a second run changes nothing that admins decided."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from portal.regions import calendar
from portal.regions.calendar_data import install
from portal.regions.models import (
    CalendarDay,
    CalendarYear,
    Office,
    PolicyRule,
    Region,
    RegionalHoliday,
    RuleKind,
    RuleState,
    versions,
)

FIXTURES = Path(settings.BASE_DIR) / "fixtures" / "regions"
BILINGUAL = ("name", "address", "hours")


@dataclass
class Loaded:
    """How many rows were written."""

    regions: int = 0
    offices: int = 0
    holidays: int = 0
    rules: int = 0

    @property
    def changed(self) -> bool:
        return bool(self.regions or self.offices or self.holidays or self.rules)


def load(folder: Path = FIXTURES) -> Loaded:
    """Brings the tables in line with the fixture files, in one transaction; returns what was written."""
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    with transaction.atomic():
        loaded = Loaded()
        if install(CalendarYear, CalendarDay):
            versions.bump(versions.CALENDAR)
        loaded.regions = _write_regions(_all(documents, "regions"))
        regions = Region.objects.in_bulk(field_name="code")
        loaded.offices = _write_offices(_all(documents, "offices"), regions)
        loaded.holidays = _write_holidays(_all(documents, "holidays"), regions)
        loaded.rules = _write_rules(_all(documents, "policy"), regions)
        if loaded.rules or loaded.regions:
            versions.bump(versions.POLICY)
    return loaded


def _all(documents: list[dict[str, Any]], section: str) -> list[dict[str, Any]]:
    return [entry for document in documents for entry in document.get(section, [])]


def _columns(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Splits the bilingual values of a fixture entry into their two columns."""
    columns: dict[str, Any] = {}
    for key, value in entry.items():
        if key in BILINGUAL:
            columns[f"{key}_zh"], columns[f"{key}_en"] = value["zh"], value["en"]
        else:
            columns[key] = value
    return columns


def _differs(row: models.Model, columns: Mapping[str, Any]) -> bool:
    return any(getattr(row, name) != value for name, value in columns.items())


def _write_regions(entries: list[dict[str, Any]]) -> int:
    """Writes the regions that are missing or differ; one insertion a level, since a region refers to the one above."""
    rows = {row.code: row for row in Region.objects.select_related("parent")}
    new: dict[int, list[Region]] = {}
    changed = 0
    for entry in entries:
        columns = _columns(entry)
        columns["parent"] = rows[columns["parent"]] if columns["parent"] else None
        row = rows.get(columns["code"])
        if row is None:
            row = rows[columns["code"]] = Region(**columns)
            row.set_path()
            new.setdefault(row.path.count("/"), []).append(row)
        elif _differs(row, columns):
            for name, value in columns.items():
                setattr(row, name, value)
            row.save()
            changed += 1
    for depth in sorted(new):
        Region.objects.bulk_create(new[depth])
        changed += len(new[depth])
    return changed


def _write_offices(entries: list[dict[str, Any]], regions: Mapping[str, Region]) -> int:
    """Adds the offices that are missing; one an admin has edited since keeps the admin's words."""
    known = set(Office.objects.values_list("code", flat=True))
    new = [
        Office(**{**_columns(entry), "region": regions[entry["region"]]})
        for entry in entries
        if entry["code"] not in known
    ]
    Office.objects.bulk_create(new)
    return len(new)


def _write_holidays(entries: list[dict[str, Any]], regions: Mapping[str, Region]) -> int:
    known = set(RegionalHoliday.objects.values_list("region__code", "date"))
    new = []
    for entry in entries:
        day = date.fromisoformat(entry["date"])
        if (entry["region"], day) not in known:
            new.append(RegionalHoliday(**{**_columns(entry), "region": regions[entry["region"]], "date": day}))
    if new:
        before = calendar.current()
        RegionalHoliday.objects.bulk_create(new)
        days = sorted(row.date for row in new)
        calendar.announce_change(days[0], days[-1], before)
    return len(new)


def _write_rules(blocks: list[dict[str, Any]], regions: Mapping[str, Region]) -> int:
    """Writes fixture rules as published; one an admin has overtaken keeps its end and its value as it was applied."""
    wanted: dict[tuple[str, str, str, date], Any] = {}
    for block in blocks:
        start = date.fromisoformat(block["valid_from"])
        for kind in RuleKind.values:
            for key, value in block.get(kind, {}).items():
                wanted[block["region"], kind, key, start] = {"days": value} if kind == RuleKind.TIME_LIMIT else value
    rows = PolicyRule.objects.filter(origin=PolicyRule.Origin.FIXTURE).select_related("region")
    known = {(row.region.code, row.kind, row.key, row.valid_from): row for row in rows}
    decided: dict[tuple[str, str, str], date] = {}
    admin_rules = PolicyRule.objects.published().filter(origin=PolicyRule.Origin.ADMIN).order_by("-valid_from")
    for code, kind, key, start in admin_rules.values_list("region__code", "kind", "key", "valid_from"):
        decided[code, kind, key] = start
    now = timezone.now()
    new, changed = [], []
    for (code, kind, key, start), value in wanted.items():
        row = known.get((code, kind, key, start))
        overtaken = decided.get((code, kind, key))
        if row is None:
            if overtaken is not None and overtaken <= start:
                continue
            new.append(
                PolicyRule(
                    region=regions[code],
                    kind=kind,
                    key=key,
                    value=value,
                    valid_from=start,
                    valid_until=overtaken - timedelta(days=1) if overtaken else None,
                    state=RuleState.PUBLISHED,
                    origin=PolicyRule.Origin.FIXTURE,
                    published_at=now,
                )
            )
        elif row.state == RuleState.WITHDRAWN or (row.value != value and overtaken is None):
            row.value, row.state, row.withdrawn_at = value, RuleState.PUBLISHED, None
            changed.append(row)
    gone = [row for key, row in known.items() if key not in wanted and row.state == RuleState.PUBLISHED]
    for row in gone:
        row.state, row.withdrawn_at = RuleState.WITHDRAWN, now
    PolicyRule.objects.bulk_create(new)
    PolicyRule.objects.bulk_update(changed + gone, ["value", "state", "withdrawn_at"], batch_size=200)
    return len(new) + len(changed) + len(gone)
