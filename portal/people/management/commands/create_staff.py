"""`manage.py create_staff`: makes an account of staff with a password for the first sign-in."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from portal import audit
from portal.people.actors import STAFF_ROLES, SYSTEM, Role
from portal.people.models import StaffGrant, User
from portal.regions.models import Office, Region

PASSWORD_BYTES = 12


class Command(BaseCommand):
    help = "Makes an account of staff with one role, and prints a password that must be replaced at the first sign-in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="", help="Name as colleagues read it.")
        parser.add_argument("--role", required=True, choices=[role.value for role in STAFF_ROLES])
        parser.add_argument("--region", required=True, help="Code of the region the role covers, such as 450300.")
        parser.add_argument("--office", default="", help="Code of the office, for roles that sit in one.")
        parser.add_argument("--reason", default="first run", help="Why the role is granted; stored with it.")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.filter(username=options["username"]).exists():
            raise CommandError(f"There is an account {options['username']} already.")
        region = Region.objects.filter(code=options["region"]).first()
        if region is None:
            raise CommandError(f"No region has the code {options['region']}. Run `manage.py load_regions` first.")
        office = Office.objects.filter(code=options["office"]).first() if options["office"] else None
        if options["office"] and office is None:
            raise CommandError(f"No office has the code {options['office']}.")
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        user = User.objects.create_user(
            options["username"],
            password,
            display_name=options["name"],
            password_is_temporary=True,
            is_superuser=options["role"] == Role.ADMIN,
        )
        grant = StaffGrant.objects.create(
            user=user, role=options["role"], region=region, office=office, reason=options["reason"]
        )
        audit.record("people.role_granted", SYSTEM, subject=grant, purpose=grant.reason, details={"role": grant.role})
        self.stdout.write(f"Username: {user.username}")
        self.stdout.write(f"Password for the first sign-in: {password}")
