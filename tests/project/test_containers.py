"""The container files, read as data: no image was built where these tests run."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_every_process_of_the_portal_has_a_container() -> None:
    """Set-up: web, a worker per queue, beat, PostgreSQL, Redis, and one that prepares."""
    assert set(SERVICES) == {"db", "redis", "prepare", "web", "sweep", "outbox", "papers", "beat"}
    for queue in ("sweep", "outbox", "papers"):
        assert f"--queues {queue} " in SERVICES[queue]["command"]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"prepare"}))
def test_every_lasting_container_is_checked_and_restarted(name: str) -> None:
    """Set-up: a container that answers no more is found."""
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_no_secret_has_a_default() -> None:
    """ASVS 13: whoever starts the portal chooses the secrets; starting without them is refused."""
    text = (ROOT / "docker-compose.yml").read_text()
    for name in ("SECRET_KEY", "FIELD_KEYS", "INDEX_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "SMS_GATEWAY_TOKEN"):
        uses = re.findall(rf"\$\{{{name}([^}}]*)\}}", text)
        assert uses
        assert all(use.startswith(":?") for use in uses), name


def test_containers_run_as_production() -> None:
    """REL §4.1: no demo page and no demo key in a container."""
    for name in ("web", "sweep", "outbox", "papers", "beat", "prepare"):
        words = SERVICES[name]["environment"]
        assert words["CANBAO_DEMO"] == "0"
        assert words["DATABASE_URL"].startswith("postgres://")
        assert words["REDIS_URL"].startswith("redis://")


def test_data_outlives_the_containers() -> None:
    """K16: database, broker and files lie in named volumes."""
    assert set(COMPOSE["volumes"]) == {"database", "broker", "data"}
    assert SERVICES["db"]["volumes"] == ["database:/var/lib/postgresql/data"]
    assert SERVICES["redis"]["volumes"] == ["broker:/data"]
    assert SERVICES["web"]["volumes"] == ["data:/data"]


def test_the_portal_waits_for_what_it_needs() -> None:
    """Set-up: nothing serves before the database is migrated."""
    for name in ("web", "sweep", "outbox", "papers", "beat"):
        assert SERVICES[name]["depends_on"]["prepare"]["condition"] == "service_completed_successfully"
        assert SERVICES[name]["depends_on"]["db"]["condition"] == "service_healthy"


def test_redis_keeps_its_queue_and_refuses_rather_than_forgets() -> None:
    """REL finding 6 and §6.1: append-only file each second, no eviction, a password."""
    command = SERVICES["redis"]["command"]
    for word in ("--requirepass", "--appendonly yes", "--appendfsync everysec", "--maxmemory-policy noeviction"):
        assert word in command


def test_only_the_proxy_of_this_machine_reaches_the_web() -> None:
    """REL §4.1: no container publishes a port to the network."""
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:${PORT:-8000}:8000"]


def test_the_image_is_locked_and_does_not_run_as_root() -> None:
    """Set-up: hash-locked packages, no secret in a layer, an account without rights."""
    assert "--require-hashes" in DOCKERFILE
    assert "npm" not in DOCKERFILE.replace(".npmrc", ""), "the style sheet is built by tools/setup.py"
    assert re.search(r"^USER canbao$", DOCKERFILE, re.MULTILINE)
    assert "SECRET" not in DOCKERFILE
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv", "var", "node_modules"} <= set(ignored)
