"""`manage.py reset_second_factor`: for staff who lost telephone and recovery codes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.people import second_factor
from portal.people.actors import SYSTEM
from portal.people.models import User


class Command(BaseCommand):
    help = "Takes the second factor of an account away; its holder sets up a new one at the next sign-in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"No account is called {options['username']}.")
        if not second_factor.reset(user, SYSTEM):
            raise CommandError(f"{options['username']} has no second factor.")
        self.stdout.write(f"{options['username']} sets up a new second factor at the next sign-in.")
