"""Settings follow from the environment: a demo with nothing set, a closed production portal otherwise."""

import base64
import json
import runpy
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal.celery import app

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = [
    "CANBAO_DEMO", "CANBAO_DEBUG", "CANBAO_BEHIND_PROXY", "CANBAO_STATEMENT_SECONDS", "SECRET_KEY", "FIELD_KEYS",
    "INDEX_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL", "SECRET_KEY_FILE",
]  # fmt: skip
KEY = base64.b64encode(b"k" * 32).decode()
PRODUCTION = {
    "CANBAO_DEMO": "0",
    "SECRET_KEY": "s" * 60,
    "FIELD_KEYS": f"one:{KEY}",
    "INDEX_KEY": KEY,
    "ALLOWED_HOSTS": "portal.invalid",
}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Reads the settings file with these variables and no others."""

    def read_settings(**variables: str) -> dict[str, Any]:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("CANBAO_VAR_DIR", str(tmp_path / "var"))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "portal" / "settings.py"))

    return read_settings


def test_nothing_set_gives_sqlite_and_the_embedded_broker(read, tmp_path) -> None:
    """REL §6.1: with no variable set the portal runs on SQLite and files."""
    found = read()
    database = found["DATABASES"]["default"]
    assert found["DEMO"]
    assert database["ENGINE"] == "django.db.backends.sqlite3"
    assert database["NAME"] == tmp_path / "var" / "canbao.sqlite3"
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert database["OPTIONS"]["timeout"] == 20
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]
    assert not database.get("ATOMIC_REQUESTS")
    assert found["CELERY_BROKER_URL"] == "canbao-files://localhost"


def test_addresses_give_postgresql_and_redis(read) -> None:
    """REL §6.1, findings 5 and 10: health checks, time limits, and a broker that cannot hold a request."""
    found = read(DATABASE_URL="postgres://u:p@db.invalid:5432/canbao", REDIS_URL="redis://redis.invalid:6379/0")
    database = found["DATABASES"]["default"]
    assert database["ENGINE"] == "portal.postgresql"
    assert database["CONN_HEALTH_CHECKS"]
    assert database["OPTIONS"]["connect_timeout"] == 3
    for limit in ("statement_timeout=10000", "lock_timeout=5000", "idle_in_transaction_session_timeout=30000"):
        assert limit in database["OPTIONS"]["options"]
    assert found["CELERY_BROKER_URL"] == "redis://redis.invalid:6379/0"
    options = found["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert options["socket_timeout"] == options["socket_connect_timeout"] == 2
    assert options["visibility_timeout"] > 4 * 180, "longer than four times the longest task"


def test_a_production_portal_names_everything_that_is_missing(read) -> None:
    """ASVS 13: no key and no host has a default outside the demo, and one message names them all."""
    with pytest.raises(ImproperlyConfigured) as refusal:
        read(CANBAO_DEMO="0", INDEX_KEY=KEY)
    assert "SECRET_KEY, FIELD_KEYS, ALLOWED_HOSTS" in str(refusal.value)
    assert "INDEX_KEY" not in str(refusal.value)


def test_a_production_portal_is_https_only(read) -> None:
    """REL §4.1: secure host-bound cookies, redirect, HSTS; the health addresses answer without TLS."""
    found = read(**PRODUCTION)
    assert found["SESSION_COOKIE_NAME"] == "__Host-sid"
    assert found["SESSION_COOKIE_SECURE"]
    assert found["CSRF_COOKIE_SECURE"]
    assert found["SECURE_SSL_REDIRECT"]
    assert found["SECURE_HSTS_SECONDS"] == 31_536_000
    assert found["SECURE_REDIRECT_EXEMPT"] == [r"^healthz$", r"^readyz$"]
    assert "SECURE_PROXY_SSL_HEADER" not in found
    assert found["SMS_PROVIDER"] == "http"
    assert not found["DEBUG"]


def test_the_header_of_a_proxy_is_believed_only_when_told_to(read) -> None:
    """REL §4.1: anybody can send X-Forwarded-Proto."""
    found = read(**PRODUCTION, CANBAO_BEHIND_PROXY="1")
    assert found["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")


def test_secrets_may_lie_in_files(read, tmp_path) -> None:
    """REL §4.4: keys come from the environment or from files outside the tree."""
    (tmp_path / "secret").write_text("from a file " * 6)
    variables = {name: value for name, value in PRODUCTION.items() if name != "SECRET_KEY"}
    found = read(**variables, SECRET_KEY_FILE=str(tmp_path / "secret"))
    assert found["SECRET_KEY"].startswith("from a file")


def test_a_demo_makes_its_own_keys_once_and_keeps_them_private(read, tmp_path) -> None:
    """REL §4.4: no secret in the tree; another process and another start read the same keys."""
    first, second = read(), read()
    path = tmp_path / "var" / "demo-keys.json"
    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert first["FIELD_KEYS"] == second["FIELD_KEYS"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(base64.b64decode(json.loads(path.read_text())["INDEX_KEY"])) == 32
    assert [entry.name for entry in path.parent.iterdir()] == ["demo-keys.json"]


def test_the_content_policy_allows_nothing_inline(read) -> None:
    """REL §4.1: nothing by default, nothing unsafe, nothing from elsewhere, no frames."""
    directives = read()["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
    assert directives["default-src"] == ["'none'"]
    assert directives["frame-ancestors"] == ["'none'"]
    words = {word for values in directives.values() for word in values}
    assert words <= {"'none'", "'self'", "data:"}
    assert "data:" not in directives["script-src"] + directives["style-src"]


def test_nobody_enters_without_signing_in_unless_a_page_says_so(read) -> None:
    """REL P10: pages are closed by default, and the actor is known before that is decided."""
    middleware = read()["MIDDLEWARE"]
    actor = middleware.index("portal.people.middleware.ActorMiddleware")
    closed = middleware.index("django.contrib.auth.middleware.LoginRequiredMiddleware")
    assert middleware.index("django.contrib.auth.middleware.AuthenticationMiddleware") < actor < closed


def test_tasks_are_acknowledged_late_and_never_loop(read) -> None:
    """REL §6.1: a nudge may run twice; a task that kills its worker is not run for ever."""
    found = read()
    assert found["CELERY_TASK_ACKS_LATE"]
    assert not found["CELERY_TASK_REJECT_ON_WORKER_LOST"]
    assert found["CELERY_WORKER_PREFETCH_MULTIPLIER"] == 1
    assert found["CELERY_ACCEPT_CONTENT"] == ["json"]
    assert found["CELERY_TASK_PUBLISH_RETRY_POLICY"]["max_retries"] == 1
    assert [queue.name for queue in found["CELERY_TASK_QUEUES"]] == ["sweep", "outbox", "papers"]


def test_every_scheduled_task_exists_and_goes_to_a_queue_with_a_worker(read) -> None:
    """REL finding 7: each queue has its own worker; a message expires before the next of its kind is due."""
    app.loader.import_default_modules()
    for name, entry in read()["CELERY_BEAT_SCHEDULE"].items():
        assert entry["task"] in app.tasks, f"{name} names a task that does not exist"
        assert entry["options"]["queue"] in {"sweep", "outbox", "papers"}
        if isinstance(entry["schedule"], int):
            assert entry["options"]["expires"] <= entry["schedule"]


def test_every_task_is_routed_to_a_queue_with_a_worker() -> None:
    """REL §6.1: the three queues are the only ones."""
    app.loader.import_default_modules()
    for name in app.tasks:
        if not name.startswith("celery."):
            assert app.amqp.router.route({}, name)["queue"].name in {"sweep", "outbox", "papers"}
