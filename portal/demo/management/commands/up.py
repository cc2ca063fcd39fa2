"""Starts the whole portal on this machine with one command."""

import fcntl
import hashlib
import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, call_command
from django.db import DatabaseError, connection

from portal.celery import app
from portal.demo.people import sign_ins
from portal.demo.supervisor import SILENCE_SECONDS, Supervisor, portal_children
from portal.workflow.health import sweep_age

READY_SECONDS = 120


class Command(BaseCommand):
    """Prepares the database and files, starts web and workers as children, and stops them all on one Ctrl-C."""

    help = "Prepares the portal, starts web, workers and beat, and stops them on Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", default=8000, type=int, help="port to listen on")
        parser.add_argument("--empty", action="store_true", help="start without demo data")

    def handle(self, *, host: str, port: int, empty: bool, **options: Any) -> None:
        os.umask(0o077)
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        with open(settings.VAR_DIR / "up.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError("The portal is already running with this data. Stop it first.") from None
            self.check_port(host, port)
            self.prepare(empty=empty)
            self.supervise(host, port)

    def say(self, text: str) -> None:
        """Prints a line at once."""
        self.stdout.write(text)
        self.stdout.flush()

    def check_port(self, host: str, port: int) -> None:
        """Refuses a port that somebody else listens on, before anything is started."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except (OSError, OverflowError) as error:
                raise CommandError(
                    f"Port {port} on {host} cannot be used ({error}). Choose another, for example: make run PORT=8080"
                ) from None

    def prepare(self, *, empty: bool) -> None:
        """Brings database, translations, regions, demo data and static files up to date."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = 0")  # a migration may take its time
        self.check()
        call_command("migrate", interactive=False, verbosity=0)
        self.compile_messages()
        call_command("load_regions", verbosity=0, stdout=StringIO())
        if not empty and settings.DEMO and not get_user_model().objects.exists():
            self.say("Making the demo data")
            call_command("seed_demo", verbosity=0, stdout=StringIO())
        self.collect_static()
        connection.close()

    def compile_messages(self) -> None:
        """Compiles the catalogues that changed since they were last compiled."""
        for source in (path for folder in settings.LOCALE_PATHS for path in Path(folder).rglob("*.po")):
            target = source.with_suffix(".mo")
            if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
                call_command("compilemessages", locale=[source.parent.parent.name], verbosity=0)

    def collect_static(self) -> None:
        """Collects and compresses the static files when one of them changed."""
        sources = [path for folder in settings.STATICFILES_DIRS for path in Path(folder).rglob("*") if path.is_file()]
        seen = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(sources)]
        state = hashlib.sha256(json.dumps(seen).encode()).hexdigest()
        stamp = settings.VAR_DIR / "static.stamp"
        if not stamp.exists() or stamp.read_text() != state:
            call_command("collectstatic", interactive=False, clear=True, ignore_patterns=["*.scss"], verbosity=0)
            stamp.write_text(state)

    def supervise(self, host: str, port: int) -> None:
        """Starts the children, says when the portal is ready, and keeps them until Ctrl-C."""
        children = portal_children(host=host, port=port, var=settings.VAR_DIR)
        supervisor = Supervisor(children, say=self.say, silent=self.silent_children)
        signal.signal(signal.SIGINT, supervisor.request_stop)
        signal.signal(signal.SIGTERM, supervisor.request_stop)
        signal.signal(signal.SIGHUP, supervisor.request_stop)
        self.say("Starting the portal")
        supervisor.start()
        try:
            app.send_task("portal.workflow.tasks.sweep", queue="sweep", expires=60)  # the first one proves the worker
            if self.wait_until_ready(supervisor, host, port):
                self.greet(host, port)
            supervisor.run()
        finally:
            self.say("Stopping the portal")
            supervisor.stop()
        self.say("Stopped. The data is kept.")

    def wait_until_ready(self, supervisor: Supervisor, host: str, port: int) -> bool:
        """Polls /readyz; returns whether the portal became ready before a stop was asked for."""
        limit = time.monotonic() + READY_SECONDS
        words = "no answer"
        while time.monotonic() < limit and not supervisor.stopping:
            supervisor.revive()
            request = urllib.request.Request(f"http://{reach(host)}:{port}/readyz", headers={"Host": allowed_host()})
            try:
                with urllib.request.urlopen(request, timeout=5):  # noqa: S310  the scheme is ours
                    return True
            except urllib.error.HTTPError as error:
                words = error.read(2000).decode(errors="replace")
            except OSError as error:
                words = str(error)
            time.sleep(0.3)
        if not supervisor.stopping:
            supervisor.stop()
            raise CommandError(f"The portal did not become ready: {words}\nSee the logs in {settings.VAR_DIR / 'log'}")
        return False

    def silent_children(self) -> list[str]:
        """Names the sweep worker and beat when no sweep was seen for two minutes, or when the clock went back."""
        try:
            age = sweep_age()
        except DatabaseError:
            return []  # a restart cannot mend the database
        finally:
            connection.close()
        silent = age is None or age > SILENCE_SECONDS or age < -5
        return ["sweep", "beat"] if silent else []

    def greet(self, host: str, port: int) -> None:
        """Prints the address and who can sign in."""
        self.say(f"\n  Canbao is ready:  http://{host}:{port}/\n")
        if settings.DEMO and get_user_model().objects.exists():
            for line in sign_ins():
                self.say(f"  {line}")
        self.say(f"\n  Logs: {settings.VAR_DIR / 'log'}    Stop: Ctrl-C\n")


def reach(host: str) -> str:
    """Returns an address at which this machine reaches what listens on `host`."""
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104


def allowed_host() -> str:
    """Returns a host name that the portal answers to."""
    first = next(iter(settings.ALLOWED_HOSTS), "localhost")
    return "localhost" if first == "*" else first.removeprefix(".")
