"""The calendar years the portal is delivered with."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from django.db.models import Model

DELIVERED = Path(__file__).parent / "data" / "calendar.json"


def delivered_years() -> list[dict[str, Any]]:
    """The published arrangements of 2024–2026 and the statutory days of 2027."""
    years: list[dict[str, Any]] = json.loads(DELIVERED.read_text(encoding="utf-8"))
    return years


def install(year_model: type[Model], day_model: type[Model]) -> int:
    """Writes the delivered years that the table does not know yet; returns how many."""
    known = set(year_model._default_manager.values_list("year", flat=True))
    new = [entry for entry in delivered_years() if entry["year"] not in known]
    for entry in new:
        notice = entry["source_notice"]
        year_model._default_manager.create(year=entry["year"], status=entry["status"], source_notice=notice)
        day_model._default_manager.bulk_create(
            day_model(
                date=date.fromisoformat(day["date"]),
                is_workday=day["kind"] == "makeup_workday",
                kind=day["kind"],
                festival=day["festival"],
                source_notice=notice,
            )
            for day in entry["days"]
        )
    return len(new)
