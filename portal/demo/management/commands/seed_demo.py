"""Fills an empty demo with invented people and their applications."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from portal.demo import people
from portal.demo.seeding import seed
from portal.people.models import User


class Command(BaseCommand):
    """Makes staff, residents and sixty applications; refuses a portal that has people or is no demo."""

    help = "Fills an empty demo portal with invented people and applications over every state."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Demo data is for the demo only; this portal runs with CANBAO_DEMO=0.")
        if User.objects.exists():
            raise CommandError("This portal has people already; demo data goes into an empty one.")
        made = seed()
        self.stdout.write(f"{len(made.staff)} staff, {made.applications} applications.")
        for line in people.sign_ins():
            self.stdout.write(line)
