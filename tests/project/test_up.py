"""`manage.py up`: one command starts the portal, keeps it alive, and stops it."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import services

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.processes


class Up:
    """`manage.py up` as a child whose console is read from a file."""

    def __init__(self, folder: Path, port: int, *words: str) -> None:
        self.console = folder / "console.txt"
        environment = {**os.environ, "CANBAO_VAR_DIR": str(folder / "var"), "DATABASE_URL": "", "REDIS_URL": ""}
        self.began = time.monotonic()
        with open(self.console, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up", f"--port={port}", *words],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    def text(self) -> str:
        """What stands on the console."""
        return self.console.read_text(errors="replace")

    def wait_for(self, words: str, seconds: float = 180) -> float:
        """Waits for words on the console; returns the seconds since the start."""
        limit = time.monotonic() + seconds
        while words not in self.text():
            assert time.monotonic() < limit, self.text()
            assert self.process.poll() is None or words in self.text(), self.text()
            time.sleep(0.1)
        return time.monotonic() - self.began

    def stop(self) -> float:
        """Presses Ctrl-C; returns how many seconds the stop took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=60)
        return time.monotonic() - began

    def descendants(self) -> dict[int, str]:
        """The processes it started, with their command lines."""
        found: dict[int, str] = {}
        parents = {self.process.pid}
        for path in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
            try:
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                if parent in parents:
                    parents.add(int(path.name))
                    found[int(path.name)] = (path / "cmdline").read_text().replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for the portal, with the fonts of this run."""
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "fonts").symlink_to(ROOT / "var" / "fonts")
    return tmp_path


@pytest.fixture
def started(folder: Path) -> Iterator[list[Up]]:
    """Collects what a test starts, and stops it."""
    portals: list[Up] = []
    yield portals
    for portal in portals:
        portal.stop()


@pytest.mark.timeout(600)
def test_one_command_starts_keeps_and_stops_the_portal(folder: Path, started: list[Up]) -> None:
    """Set-up, K1: ready on its port; a killed worker comes back; Ctrl-C ends all; a second start is quick."""
    port = services.free_port()
    portal = Up(folder, port, "--empty")
    started.append(portal)
    portal.wait_for(f"http://127.0.0.1:{port}/")

    worker = next(pid for pid, command in portal.descendants().items() if "--queues sweep" in command)
    os.kill(worker, signal.SIGKILL)
    portal.wait_for("sweep ended (status -9) and starts again in 1 s")

    family = portal.descendants()
    assert len(family) >= 6
    assert portal.stop() < 30
    assert portal.process.returncode == 0
    assert portal.text().rstrip().endswith("Stopped. The data is kept.")
    assert [pid for pid in family if Path(f"/proc/{pid}").exists()] == []

    database = sqlite3.connect(folder / "var" / "canbao.sqlite3")
    database.execute("CREATE TABLE kept (one INTEGER)")
    database.close()
    again = Up(folder, port, "--empty")
    started.append(again)
    assert again.wait_for(f"http://127.0.0.1:{port}/") < 30, "a second start takes seconds"
    assert again.stop() < 30
    database = sqlite3.connect(folder / "var" / "canbao.sqlite3")
    assert database.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    database.close()


def test_a_busy_port_is_said_in_words(folder: Path, started: list[Up]) -> None:
    """Set-up: no traceback; the message names the port and how to choose another."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        portal = Up(folder, busy.getsockname()[1])
        started.append(portal)
        assert portal.process.wait(timeout=60) == 1
        assert f"Port {busy.getsockname()[1]} on 127.0.0.1 cannot be used" in portal.text()
    assert "make run PORT=" in portal.text()
    assert "Traceback" not in portal.text()
