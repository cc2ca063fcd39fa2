"""Whole portals in real processes, each with a database, a data folder and a broker of its own.

A prepared portal (migrated, regions loaded, static files collected) is built once a run, then copied; the one with demo
data is a copy to which they are added.
"""

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from django.conf import settings
from django.db import connections

from portal.demo.supervisor import Child, portal_children
from tests.harness import services

ROOT = Path(__file__).resolve().parents[2]
EVERYTHING = ("web", "sweep", "outbox", "papers", "beat")
KEYS = ("SECRET_KEY", "INDEX_KEY")


class LivePortal:
    """A portal that runs: addresses for a browser, `orm()` for its rows, `kill` and `start` for its processes."""

    def __init__(self, folder: Path, environment: dict[str, str], redis: services.Redis | None) -> None:
        self.folder = folder
        self.redis = redis
        self.port = services.free_port()
        self.environment = environment
        children = portal_children(host="127.0.0.1", port=self.port, var=folder, web_workers=2)
        self.children = {child.name: child for child in children}
        for child in children:
            child.environment = {**environment, **child.environment}

    @property
    def url(self) -> str:
        """The address of the portal, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file."""
        return not self.environment["DATABASE_URL"]

    def child(self, name: str) -> Child:
        """Returns one of `web`, `sweep`, `outbox`, `papers`, `beat`."""
        return self.children[name]

    def start(self, *names: str, wait: bool = True) -> None:
        """Starts these processes (all when none is named) and waits until the web answers, if it is among them."""
        for name in names or EVERYTHING:
            if not self.children[name].alive:
                self.children[name].start()
        if wait and "web" in (names or EVERYTHING):
            self.wait_for_web()

    def kill(self, *names: str, how: int = signal.SIGKILL) -> None:
        """Sends a signal to the whole group of each of these processes, by default the one that nobody survives."""
        for name in names:
            self.children[name].signal(how, group=True)
            if how == signal.SIGKILL and (process := self.children[name].process):
                process.wait(timeout=30)

    def stop(self) -> None:
        """Ends every process at once."""
        self.kill(*self.children)

    def wait_for_web(self, *, ready: bool = False, seconds: float = 60) -> None:
        """Waits until /healthz, or with `ready` until /readyz, answers 200."""
        path = "/readyz" if ready else "/healthz"
        self.wait_until(lambda: self.status(path) == 200, what=f"{path} answers", seconds=seconds)

    def status(self, path: str) -> int:
        """Asks for an address without a session; 0 means no answer."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def wait_until(self, condition: Callable[[], object], *, what: str, seconds: float = 30) -> None:
        """Polls until `condition` holds; fails with the ends of the logs."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if condition():
                return
            time.sleep(0.1)
        raise AssertionError(f"Waited {seconds} s in vain: {what}\n{self.logs()}")

    def logs(self, size: int = 1500) -> str:
        """The ends of the logs of all processes."""
        folder = self.folder / "log"
        paths = sorted(folder.glob("*.log")) if folder.exists() else []
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-size:]}" for path in paths)

    def manage(self, *words: str, **environment: str) -> str:
        """Runs a management command of this portal and returns what it prints."""
        return manage(words, {**self.environment, **environment})

    @contextmanager
    def orm(self) -> Iterator[None]:
        """Points Django's default connection of this test process at the database of this portal."""
        connection = connections["default"]
        connection.close()
        saved = connection.settings_dict
        connection.settings_dict = {**saved, **database_of(self.environment, self.folder)}
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict = saved

    def open_all_year(self) -> None:
        """Lets people join on every day of every year: what is tested is the portal and not the season."""
        from portal.regions import calendar
        from portal.regions.models import PolicyRule

        with self.orm():
            PolicyRule.objects.filter(key="collection_period").update(value={"from": "01-01", "until": "12-31"})
            year = calendar.today().year
            for key in (f"premium.{year}", f"premium.{year + 1}"):
                for rule in PolicyRule.objects.filter(key="premium.2027", value__standard_fen__gt=0):
                    if not PolicyRule.objects.filter(region=rule.region, kind=rule.kind, key=key).exists():
                        rule.pk, rule.key = None, key
                        rule.save(force_insert=True)


def database_of(environment: dict[str, str], folder: Path) -> dict[str, object]:
    """The parts of Django's database settings that lead to the database of a portal."""
    if not environment["DATABASE_URL"]:
        return {"NAME": str(folder / "canbao.sqlite3")}
    address = urlsplit(environment["DATABASE_URL"])
    return {"HOST": address.hostname, "PORT": address.port, "NAME": address.path[1:]}


def manage(words: Iterable[str], environment: dict[str, str]) -> str:
    """Runs a management command and returns what it prints; a failure carries its output."""
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, cwd=ROOT)
    if result.returncode:
        raise AssertionError(f"manage.py {' '.join(words)} failed:\n{result.stdout}\n{result.stderr}")
    return result.stdout


class Portals:
    """Makes portals; those of one run share the prepared ones they are copied from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def on_postgresql(self) -> str:
        """The address of the cluster of this run, or nothing on SQLite."""
        address = urlsplit(os.environ.get("DATABASE_URL", ""))
        return f"{address.scheme}://{address.netloc}" if address.scheme else ""

    @contextmanager
    def portal(self, *, demo: bool = False, cluster: services.PostgreSQL | None = None) -> Iterator[LivePortal]:
        """A portal that is not started yet, with regions and, if asked for, demo data; removed afterwards.

        It has the kind of database that this run uses (`DATABASE_URL` set or not). A test that crashes PostgreSQL gives
        a cluster of its own.
        """
        self.count += 1
        name = f"portal_{os.getpid()}_{self.count}"
        server = cluster.url if cluster else self.on_postgresql()
        prepared = self.prepared(demo=demo, server=server)
        folder = self.folder / name
        copy_folder(prepared, folder)
        if server:
            clone(server, prepared.name, name)
        redis = services.Redis(folder / "redis") if server else None
        if redis:
            redis.start()
        live = LivePortal(folder, environment(folder, server and f"{server}/{name}", redis.url if redis else ""), redis)
        try:
            yield live
        finally:
            live.stop()
            if redis:
                redis.stop(signal.SIGKILL)
            if server:
                drop(server, name)
            shutil.rmtree(folder, ignore_errors=True)

    def prepared(self, *, demo: bool, server: str) -> Path:
        """Returns the data folder of the prepared portal, whose name is also that of its database; builds it once."""
        kind = "demo" if demo else "regions"
        name = f"prepared_{kind}_{urlsplit(server).port}" if server else f"prepared_{kind}"
        folder = self.folder / name
        with once(self.folder / name) as first:
            if first:
                self._prepare(folder, name, demo=demo, server=server)
        return folder

    def _prepare(self, folder: Path, name: str, *, demo: bool, server: str) -> None:
        """Builds a prepared portal from the nearest one there is."""
        words = environment(folder, server and f"{server}/{name}", "")
        words["CANBAO_STATEMENT_SECONDS"] = "0"
        home = self.on_postgresql()
        if demo:
            source = self.prepared(demo=False, server=server)
            copy_folder(source, folder)
            if server:
                clone(server, source.name, name)
            manage(["seed_demo"], words)
        elif home and server != home:
            source = self.prepared(demo=False, server=home)
            copy_folder(source, folder)
            clone(server, "template0", name)
            services.copy_database(f"{home}/{source.name}", f"{server}/{name}")
        else:
            self._begin(folder, name, server, words)
        if not server:
            write_back(folder / "canbao.sqlite3")

    def _begin(self, folder: Path, name: str, server: str, words: dict[str, str]) -> None:
        """Builds the first prepared portal of a run from a migrated database."""
        folder.mkdir()
        (folder / "fonts").symlink_to(ROOT / "var" / "fonts")
        template = os.environ.get("CANBAO_TEST_TEMPLATE", "")
        if server:
            clone(server, template or "template0", name)
        else:
            shutil.copy(migrated_file(self.folder.parent), folder / "canbao.sqlite3")
        if server and not template:
            manage(["migrate", "--no-input", "--verbosity=0"], words)
        manage(["load_regions"], words)
        manage(["collectstatic", "--no-input", "--verbosity=0", "--ignore=*.scss"], words)


@contextmanager
def once(path: Path) -> Iterator[bool]:
    """Lets one process of this run after the other in; yields whether nobody has finished here yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done = path.with_name(f"{path.name}.done")
    with open(path.with_name(f"{path.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        first = not done.exists()
        yield first
        if first:
            done.touch()


def migrated_file(folder: Path) -> Path:
    """Returns a migrated and otherwise empty SQLite file, made once a run, to be copied."""
    path = folder / "migrated" / "canbao.sqlite3"
    with once(path) as first:
        if first:
            manage(["migrate", "--no-input", "--verbosity=0"], environment(path.parent, "", ""))
            write_back(path)
    return path


def write_back(path: Path) -> None:
    """Brings everything into the one file that is copied."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def copy_folder(source: Path, target: Path) -> None:
    """Copies the data folder of a prepared portal, which shares its static files with the copy."""
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("static"))
    (target / "static").symlink_to((source / "static").resolve())


def environment(folder: Path, database_url: str, redis_url: str) -> dict[str, str]:
    """The variables of a portal of this run: all of them read what the others sealed."""
    return {
        "CANBAO_VAR_DIR": str(folder),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "FIELD_KEYS": ",".join(settings.FIELD_KEYS),
        **{name: getattr(settings, name) for name in KEYS},
    }


def execute(server: str, statement: str) -> None:
    """Runs one statement outside of a transaction."""
    connection = psycopg2.connect(f"{server}/postgres")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


def clone(server: str, template: str, name: str) -> None:
    """Makes a database as a copy of another."""
    execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def drop(server: str, name: str) -> None:
    """Removes a database, whoever is still connected."""
    try:
        execute(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    except psycopg2.OperationalError:
        pass  # a test that crashed its own cluster takes the database with it
