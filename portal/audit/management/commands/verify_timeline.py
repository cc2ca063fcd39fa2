"""Recomputes every seal and names the first broken block of each stream."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.audit import seals


class Command(BaseCommand):
    help = "Verify the seals over the audit log, the clock ledger and every timeline."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stream", choices=sorted(seals.streams), help="verify this stream only")
        parser.add_argument(
            "--head", action="append", default=[], metavar="STREAM:NO:DIGEST", help="a head kept outside the database"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        heads = {}
        for text in options["head"]:
            try:
                stream, no, digest = text.rsplit(":", 2)
                heads[stream] = (int(no), digest)
            except ValueError as error:
                raise CommandError(f"not a head: {text}") from error
        wanted = [options["stream"]] if options["stream"] else sorted(seals.streams)
        broken = [found for stream in wanted if (found := seals.verify(stream, heads.get(stream)))]
        for found in broken:
            self.stdout.write(f"{found.stream}: block {found.no} (rows {found.from_id} to {found.to_id}): {found.why}")
        if broken:
            raise CommandError(f"{len(broken)} broken streams")
        for stream, no, digest in seals.heads():
            if stream in wanted:
                self.stdout.write(f"{stream}:{no}:{digest}")
        self.stdout.write("All seals hold.")
