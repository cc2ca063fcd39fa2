"""The supervisor of `manage.py up`: children come back, silent ones are ended, a stop ends all."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.demo import supervisor as module
from portal.demo.supervisor import Child, Supervisor

pytestmark = pytest.mark.processes
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Polls until the condition holds."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def lines() -> list[str]:
    """What the supervisor said."""
    return []


@pytest.fixture
def supervise(tmp_path: Path, lines: list[str], monkeypatch) -> Iterator[Callable[..., Supervisor]]:
    """Runs a supervisor over these commands on a thread."""
    monkeypatch.setattr(module, "POLL_SECONDS", 0.02)
    made: list[tuple[Supervisor, threading.Thread]] = []

    def start(silent: Callable[[], list[str]] = list, **commands: list[str]) -> Supervisor:
        children = [Child(name, words, tmp_path / f"{name}.log") for name, words in commands.items()]
        supervisor = Supervisor(children, say=lines.append, silent=silent)
        supervisor.start()
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        made.append((supervisor, thread))
        return supervisor

    yield start
    for supervisor, thread in made:
        supervisor.stopping = True
        thread.join()
        for child in supervisor.children:
            child.signal(signal.SIGKILL, group=True)
            if child.process is not None:
                child.process.wait()


def test_a_dead_child_starts_again_with_a_line(supervise, lines) -> None:
    """K1: a killed worker is back within seconds, and the console says so."""
    (child,) = supervise(sweep=SLEEP).children
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: child.process is not None and child.process.pid != first)
    assert lines == [f"sweep ended (status -9) and starts again in 1 s. See {child.log}"]


def test_a_child_that_keeps_dying_waits_longer_each_time(supervise, lines, monkeypatch) -> None:
    """K13: no crash loop that eats the machine: 1, 2, 4 seconds and so on up to 30."""
    (child,) = supervise(papers=[sys.executable, "-c", "raise SystemExit(3)"]).children
    until(lambda: len(lines) >= 2)
    assert "(status 3) and starts again in 1 s" in lines[0]
    assert "(status 3) and starts again in 2 s" in lines[1]
    assert child.wait_seconds == 4


def test_a_silent_child_is_ended_and_starts_again(supervise, lines, monkeypatch) -> None:
    """K14: beat that waits for an hour that has been is started again."""
    monkeypatch.setattr(module, "SILENCE_SECONDS", 0.1)
    told = iter([["beat"]])
    _sweep, beat = supervise(silent=lambda: next(told, []), sweep=SLEEP, beat=SLEEP).children
    first = beat.process.pid
    until(lambda: beat.process is not None and beat.process.pid != first)
    assert lines[0] == "beat is silent and is started again."
    assert len(lines) == 2, "the other child was left alone"


def test_a_stop_ends_every_child_and_what_it_started(supervise, lines, tmp_path, monkeypatch) -> None:
    """K12: the willing end at once, the stubborn after the limit, and no grandchild stays."""
    monkeypatch.setattr(module, "STOP_SECONDS", 1)
    parent = [
        sys.executable,
        "-c",
        "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid, flush=True); sys.stdin.read();"
        "import time; time.sleep(600)",
    ]
    supervisor = supervise(web=parent, papers=STUBBORN)
    until(lambda: (tmp_path / "web.log").read_text().strip() and "up" in (tmp_path / "papers.log").read_text())
    grandchild = int((tmp_path / "web.log").read_text())
    supervisor.stop()
    assert not any(child.alive for child in supervisor.children)
    assert lines == ["papers did not stop and is ended."]
    until(lambda: not Path(f"/proc/{grandchild}").exists() or "Z" in Path(f"/proc/{grandchild}/stat").read_text())


def test_a_second_request_to_stop_ends_the_children_at_once(supervise) -> None:
    """K12: two Ctrl-C mean now."""
    supervisor = supervise(papers=STUBBORN)
    supervisor.request_stop()
    supervisor.request_stop()
    until(lambda: not supervisor.children[0].alive)


def test_children_stop_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    """K1: kill -9 of `manage.py up` leaves no worker behind that nobody watches."""
    script = (
        "import sys, time, pathlib\n"
        "from portal.demo.supervisor import Child\n"
        f"child = Child('x', {SLEEP!r}, pathlib.Path({str(tmp_path / 'x.log')!r}))\n"
        "child.start(); print(child.process.pid, flush=True); time.sleep(600)\n"
    )
    root = Path(__file__).resolve().parents[2]
    parent = Child("up", [sys.executable, "-c", script], tmp_path / "up.log", {"PYTHONPATH": str(root)})
    parent.start()
    until(lambda: (tmp_path / "up.log").read_text().strip().isdigit())
    worker = int((tmp_path / "up.log").read_text())
    parent.signal(signal.SIGKILL)
    parent.process.wait()
    until(lambda: not Path(f"/proc/{worker}").exists() or "Z" in Path(f"/proc/{worker}/stat").read_text())


def test_a_long_log_is_put_aside_at_the_next_start(tmp_path: Path, monkeypatch) -> None:
    """K10: logs do not fill the disk."""
    monkeypatch.setattr(module, "LOG_BYTES", 10)
    log = tmp_path / "web.log"
    log.write_text("x" * 11)
    child = Child("web", [sys.executable, "-c", "print('new')"], log)
    child.start()
    child.process.wait()
    assert (tmp_path / "web.log.1").read_text() == "x" * 11
    assert log.read_text() == "new\n"
