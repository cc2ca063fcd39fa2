"""A text message gateway on loopback that counts what it accepted, by reference; it misbehaves as told."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


class Gateway:
    """`accepted` holds every text put on the air per reference; a gateway that dedupes puts a reference on the air
    once.
    """

    def __init__(self, *, dedupes: bool = True, hold_share: float = 0.0, hold_seconds: float = 0.0) -> None:
        self.dedupes = dedupes
        self.hold_share = hold_share
        self.hold_seconds = hold_seconds
        self.refuse_share = 0.0
        self.answers: list[int] = []
        self.accepted: dict[str, list[dict[str, Any]]] = {}
        self.calls: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.lock = threading.Lock()
        self.url = ""

    def post(self, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, dict[str, str]]:
        """Judges one message: a scripted answer, a refusal, or an acceptance that may be late."""
        reference = body["reference"]
        with self.lock:
            self.calls[reference] += 1
            self.headers.append(headers)
            if self.answers and (status := self.answers.pop(0)) != 201:
                return status, {"error": "scripted"}
            if random.random() < self.refuse_share:
                return 429, {"error": "slow down"}
            known = self.accepted.setdefault(reference, [])
            if not (known and self.dedupes):
                known.append(body)
        if random.random() < self.hold_share:
            time.sleep(self.hold_seconds)
        return 201, {"id": f"gw-{reference}"}

    def query(self, reference: str) -> tuple[int, dict[str, str]]:
        """Tells whether a reference is on the air."""
        with self.lock:
            if self.answers and (status := self.answers.pop(0)) != 201:
                return status, {}
            return (200, {"id": f"gw-{reference}"}) if self.accepted.get(reference) else (404, {})


@contextmanager
def serve(gateway: Gateway) -> Iterator[Gateway]:
    """Runs the gateway on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(*gateway.post(body, dict(self.headers)))

        def do_GET(self) -> None:
            self.answer(*gateway.query(unquote(self.path.rsplit("/", 1)[1])))

        def answer(self, status: int, data: dict[str, str]) -> None:
            content = json.dumps(data).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            """Keeps the test output quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            """A client that was killed is what these tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    gateway.url = f"http://127.0.0.1:{server.server_port}/messages"
    try:
        yield gateway
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
