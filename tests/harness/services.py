"""Throw-away PostgreSQL clusters and Redis servers of our own, in temporary folders, on free ports."""

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2

START_SECONDS = 30


class ComponentMissing(RuntimeError):
    """A program that the tests need is not on this machine; the run fails and says which."""


def free_port() -> int:
    """Returns a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str, *patterns: str) -> str:
    """Returns the path of a program, from the newest of `patterns` or from PATH."""
    found = [path for pattern in patterns for path in glob.glob(pattern)]
    newest = max(found, key=lambda path: [int(part) for part in path.split("/") if part.isdigit()], default=None)
    path = newest or shutil.which(name)
    if path is None:
        raise ComponentMissing(f"{name} is not installed. Run: make test (or tools/setup.py test)")
    return path


def wait_for(port: int, process: subprocess.Popen[bytes], name: str, log: Path) -> None:
    """Waits until `process` answers on `port`."""
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit:
        if process.poll() is not None:
            break
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{name} did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _as_postgres() -> None:
    """Gives up root in a child: PostgreSQL refuses to run as root."""
    account = pwd.getpwnam("postgres")
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


class PostgreSQL:
    """A cluster of its own; durable settings are off unless a test of crashes asks for them."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None
        self.root = os.geteuid() == 0
        self.initdb = program("initdb", "/usr/lib/postgresql/*/bin/initdb")
        self.server = str(Path(self.initdb).with_name("postgres"))
        self.log = folder / "server.log"

    @property
    def url(self) -> str:
        """The address without a database name."""
        return f"postgres://postgres@127.0.0.1:{self.port}"

    def create(self) -> None:
        """Makes the cluster."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.root:
            shutil.chown(self.folder, "postgres", "postgres")
        words = [
            self.initdb,
            "-D",
            str(self.folder / "data"),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
        ]
        subprocess.run(
            [*words, "--no-sync"],
            check=True,
            capture_output=True,
            cwd=self.folder,
            preexec_fn=_as_postgres if self.root else None,
        )

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "max_connections": 200,
            "shared_buffers": "128MB",
        }
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        words = [self.server, "-D", str(self.folder / "data")]
        for name, value in options.items():
            words += ["-c", f"{name}={value}"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                words,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                preexec_fn=_as_postgres if self.root else None,
            )
        wait_for(self.port, self.process, "PostgreSQL", self.log)
        self._wait_for_recovery()

    def _wait_for_recovery(self) -> None:
        """Waits until sessions are admitted: a server that was crashed listens before it has replayed its log."""
        limit = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg2.connect(f"{self.url}/postgres").close()
                return
            except psycopg2.OperationalError:
                if time.monotonic() > limit:
                    raise
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stops the server: SIGINT is a fast shutdown, SIGQUIT an immediate one, which is a crash."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(timeout=60)


def copy_database(source: str, target: str) -> None:
    """Copies a database into an empty one of another server."""
    folder = Path(program("initdb", "/usr/lib/postgresql/*/bin/initdb")).parent
    dump = subprocess.run([folder / "pg_dump", "--no-owner", source], check=True, capture_output=True)
    quiet = ["--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
    subprocess.run([folder / "psql", *quiet, target], check=True, input=dump.stdout, capture_output=True)


class Redis:
    """A Redis server of its own that stores nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.server = program("redis-server")
        self.log = folder / "redis.log"

    @property
    def url(self) -> str:
        """The address of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        words = [self.server, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*words, "--dir", str(self.folder)], stdout=log, stderr=log, start_new_session=True
            )
        wait_for(self.port, self.process, "Redis", self.log)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stops the server; SIGKILL is a crash, SIGSTOP leaves it alive and silent."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            if how != signal.SIGSTOP:
                self.process.wait(timeout=30)


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder that any account of this machine may enter, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[PostgreSQL]:
    """A running cluster, stopped and removed afterwards."""
    with temporary_folder("canbao-pg-") as folder:
        cluster = PostgreSQL(folder / "cluster", durable=durable)
        cluster.create()
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def redis() -> Iterator[Redis]:
    """A running Redis server, stopped and removed afterwards."""
    with temporary_folder("canbao-redis-") as folder:
        server = Redis(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGKILL)
