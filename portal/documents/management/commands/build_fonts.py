"""Cuts the fonts of papers; part of set-up, safe to run again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.documents import fonts


class Command(BaseCommand):
    help = "Cuts the fonts of papers from the installed Noto Sans CJK."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--force", action="store_true", help="make them again even when they are there")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = fonts.build(force=options["force"])
        except fonts.FontsMissing as error:
            raise CommandError(str(error)) from error
        self.stdout.write("fonts of papers made" if made else "fonts of papers are there")
