"""Whether this process lives, and whether the portal can do its work."""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.workflow.health import oldest_due, sweep_age

OVERDUE = timedelta(minutes=5)
SWEEP_SECONDS = (-5.0, 180.0)  # age of the last sweep; a negative age means that the clock went back


def database() -> str:
    """Returns why the database cannot be used, or nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return ""


def migrations() -> str:
    """Returns how many migrations are missing, or nothing; asked until none is."""
    if not migrations_done:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            return f"{len(plan)} migrations not applied"
        migrations_done.append(True)
    return ""


migrations_done: list[bool] = []


def sweep() -> str:
    """Returns what is wrong with the age of the last sweep, or nothing."""
    age = sweep_age()
    if age is None:
        return "no sweep yet"
    least, most = SWEEP_SECONDS
    if age < least:
        return "the last sweep lies in the future"
    if age > most:
        return f"the last sweep is {age:.0f} seconds old"
    oldest = oldest_due()
    if oldest is not None and timezone.now() - oldest > OVERDUE:
        return f"something has been due since {oldest.isoformat(timespec='seconds')}"
    return ""


def storage() -> str:
    """Returns why files cannot be stored, or nothing."""
    probe = settings.VAR_DIR / ".writable"
    probe.write_bytes(b"")
    return ""


CHECKS: dict[str, Callable[[], str]] = {
    "database": database,
    "migrations": migrations,
    "storage": storage,
    "sweep": sweep,
}


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answers as long as this process does."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answers 200 when database, migrations, storage and sweep are in order, else 503 and what is not."""
    found = {}
    for name, check in CHECKS.items():
        try:
            found[name] = check() or "ok"
        except (DatabaseError, OSError) as error:
            found[name] = type(error).__name__
    ready = all(word == "ok" for word in found.values())
    response = JsonResponse({"ready": ready, "checks": found}, status=200 if ready else 503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log an error at every poll
    return response
