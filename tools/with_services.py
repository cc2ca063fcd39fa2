"""Runs a command with a throw-away PostgreSQL and Redis: python tools/with_services.py -- command arguments

The command gets DATABASE_URL and REDIS_URL, and in CANBAO_TEST_TEMPLATE the name of a migrated database, from which
test databases are cloned instead of being migrated one by one. Both servers are stopped and removed when the command
ends.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg2

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.harness import services  # noqa: E402

TEMPLATE = "canbao_template"


def make_template(cluster: services.PostgreSQL) -> None:
    """Makes and migrates the database that test databases are cloned from."""
    connection = psycopg2.connect(f"{cluster.url}/postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {TEMPLATE}")
        cursor.execute("CREATE DATABASE canbao")
    connection.close()
    with services.temporary_folder("canbao-template-") as folder:
        environment = {
            **os.environ,
            "DATABASE_URL": f"{cluster.url}/{TEMPLATE}",
            "CANBAO_VAR_DIR": str(folder),
            "CANBAO_STATEMENT_SECONDS": "0",
        }
        command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity=0", "--no-input"]
        subprocess.run(command, check=True, env=environment)


def main(command: list[str]) -> int:
    """Starts the servers, runs the command and returns its status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    with services.postgresql() as cluster, services.redis() as redis:
        make_template(cluster)
        environment = {
            **os.environ,
            "DATABASE_URL": f"{cluster.url}/canbao",
            "REDIS_URL": redis.url,
            "CANBAO_TEST_TEMPLATE": TEMPLATE,
        }
        return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] != "--":
        raise SystemExit(__doc__)
    raise SystemExit(main(sys.argv[2:]))
