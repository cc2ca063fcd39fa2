"""Runs the sandbox bank as a process of its own beside the portal."""

import logging
import signal
import threading
from argparse import ArgumentParser
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.core.wsgi import get_wsgi_application

from payments.sandbox import post

logger = logging.getLogger(__name__)
POST_SECONDS = 0.5


class BankServer(ThreadingMixIn, WSGIServer):
    """A thread per request: the bank answers while it waits for the portal."""

    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    """Writes no line per request; callbacks are seen in the bank's book."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Command(BaseCommand):
    """Serves the bank's addresses and sends the callbacks it owes until it is stopped."""

    help = "Runs the sandbox bank of the demo."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")

    def handle(self, *, port: int, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The sandbox bank exists in the demo alone.")
        stopping = threading.Event()
        server = make_server("127.0.0.1", port, get_wsgi_application(), BankServer, QuietHandler)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_signal: stopping.set())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        while not stopping.wait(POST_SECONDS):
            try:
                post.send_due()
            except Exception:
                logger.exception("sandbox_post_failed")
        server.shutdown()
        server.server_close()
