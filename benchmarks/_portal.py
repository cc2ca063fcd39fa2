"""A portal with demo data on PostgreSQL inside the process of a benchmark, and requests without a socket."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.harness import services  # noqa: E402

HOST = "localhost"


@contextmanager
def seeded_portal() -> Iterator[None]:
    """Migrates and seeds a database; uses DATABASE_URL, or starts a PostgreSQL cluster of its own."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="canbao-bench-"))
        os.environ.setdefault("CANBAO_VAR_DIR", folder)
        fonts = Path(os.environ["CANBAO_VAR_DIR"]) / "fonts"
        if not fonts.exists():
            fonts.symlink_to(ROOT / "var" / "fonts")
        if "DATABASE_URL" not in os.environ:
            cluster = stack.enter_context(services.postgresql(durable=True))
            os.environ["DATABASE_URL"] = f"{cluster.url}/postgres"
        os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
        os.environ["CANBAO_DEMO"] = "1"

        import django

        django.setup()

        from django.core.management import call_command
        from django.db import connection
        from django.test.utils import override_settings

        from portal.people.models import User

        call_command("migrate", verbosity=0)
        if not User.objects.exists():
            with redirect_stdout(io.StringIO()):
                call_command("load_regions", verbosity=0)
                call_command("seed_demo", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        stack.enter_context(override_settings(ALLOWED_HOSTS=[HOST, "127.0.0.1"], DEBUG=False))
        yield


def session_cookie(username: str) -> str:
    """Signs a member of the demo's staff in and returns the Cookie header."""
    from django.conf import settings
    from django.test import Client

    from portal.people import sessions
    from portal.people.models import User

    client = Client()
    client.force_login(User.objects.get(username=username), backend=sessions.BACKEND)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def environ(path: str, *, cookie: str = "", form: dict[str, str] | None = None, query: str = "") -> dict[str, Any]:
    """What a server hands to the portal for one request."""
    body = urlencode(form or {}).encode()
    made = {
        "REQUEST_METHOD": "POST" if form else "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": HOST,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": HOST,
        "HTTP_COOKIE": cookie,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }
    if form:
        made |= {"CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(body))}
    return made


def answer(handler: Callable[..., Any], request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Runs one request through a handler; returns status, headers and body."""
    seen: list[Any] = []
    response = handler(request, lambda status, headers: seen.extend((status, headers)))
    body = b"".join(response)
    response.close()
    return int(seen[0].split()[0]), dict(seen[1]), body


def cpu_us(work: Callable[[], Any], times: int) -> float:
    """CPU time of this process for one run, in microseconds, over a number of runs."""
    started = time.process_time()
    for _run in range(times):
        work()
    return (time.process_time() - started) * 1e6 / times
