"""Loads the region fixtures."""

from typing import Any

from django.core.management.base import BaseCommand

from portal.regions import loader


class Command(BaseCommand):
    help = "Loads regions, offices, holidays and policies from fixtures/regions; safe to run again on a running system."

    def handle(self, *args: Any, **options: Any) -> None:
        loaded = loader.load()
        if loaded.changed:
            self.stdout.write(
                f"Loaded {loaded.regions} regions, {loaded.offices} offices, "
                f"{loaded.holidays} holidays, {loaded.rules} policy rules."
            )
        else:
            self.stdout.write("Regions are up to date.")
