"""Writes docs/workflows/*.md, or says which of them are stale."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.workflow import drawing


class Command(BaseCommand):
    help = "Draw the workflows from their declarations."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing, fail when a page is stale")

    def handle(self, *args: Any, **options: Any) -> None:
        stale = []
        for path, text in drawing.pages().items():
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            stale.append(path.name)
            if not options["check"]:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        if options["check"] and stale:
            raise CommandError(f"stale: {', '.join(stale)}; run manage.py draw_workflows")
        self.stdout.write(", ".join(stale) or "up to date")
