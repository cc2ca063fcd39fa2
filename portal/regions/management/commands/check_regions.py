"""Checks that every region has what the portal needs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.regions import completeness


class Command(BaseCommand):
    help = "Fails when a city lacks a fee, a bank, papers, an office, a time limit or a setting."

    def handle(self, *args: Any, **options: Any) -> None:
        cities = completeness.pooling_regions()
        if not cities:
            raise CommandError("No region is loaded; run load_regions first.")
        found = completeness.findings()
        for finding in found:
            self.stderr.write(str(finding))
        if found:
            raise CommandError(f"{len(found)} gaps in the configuration of regions.")
        self.stdout.write(f"{len(cities)} cities are complete.")
