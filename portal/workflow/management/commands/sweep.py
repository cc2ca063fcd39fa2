"""One pass over every deadline and reminder, for operators and tests; the worker does the same every ten seconds."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.workflow import instants, reacting, recounting, rounds
from portal.workflow.core import Workflow


class Command(BaseCommand):
    help = "Move everything that is due now, and print how many rows each transition moved."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=int, help="rows per transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        moved = rounds.sweep_all(limit=options["limit"])
        for transition in rounds.swept():
            self.stdout.write(f"{transition}: {moved[str(transition)]}")
        self.stdout.write(f"failed reactions repaired: {reacting.retry_due(instants.now(), Workflow.registry)}")
        self.stdout.write(f"dates recounted: {recounting.recount_all()}")
        for name, workflow in Workflow.registry.items():
            given_up = workflow.failed().count()
            if given_up:
                self.stdout.write(self.style.WARNING(f"{name}: {given_up} rows given up on"))
