"""Starts the processes of the portal as children, restarts those that die or fall silent, and stops them all."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

POLL_SECONDS = 0.5
WATCH_SECONDS = 15
SILENCE_SECONDS = 120  # a sweep is due every 10 seconds
STOP_SECONDS = 27
STEADY_SECONDS = 60  # a child that lived this long starts again without waiting
LONGEST_WAIT_SECONDS = 30
LOG_BYTES = 10_000_000

Say = Callable[[str], None]


def _die_with_parent() -> None:
    """Asks Linux to stop this child when its supervisor is killed, and keeps its files private."""
    os.umask(0o077)
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


@dataclass
class Child:
    """One process and when it may start again."""

    name: str
    arguments: list[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait_seconds: float = 1.0
    start_at: float = 0.0

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Starts the process in a session of its own, so that a Ctrl-C in the terminal reaches the supervisor alone."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(  # noqa: S603  the arguments are ours
                self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self.started = time.monotonic()

    def signal(self, number: int, *, group: bool = False) -> None:
        """Sends a signal to the process, or to all it started."""
        if self.process is None:
            return
        try:
            if group:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)
        except ProcessLookupError:
            pass


class Supervisor:
    """Keeps children alive until it is told to stop."""

    def __init__(self, children: Iterable[Child], *, say: Say, silent: Callable[[], list[str]] = list) -> None:
        """Takes the children and `silent`, which names those that live but do not work."""
        self.children = list(children)
        self.say = say
        self.silent = silent
        self.stopping = False

    def request_stop(self, *_signal: object) -> None:
        """Ends `run`; asked a second time it ends the children at once."""
        if self.stopping:
            for child in self.children:
                child.signal(signal.SIGKILL, group=True)
        self.stopping = True

    def start(self) -> None:
        """Starts every child."""
        for child in self.children:
            child.start()

    def run(self) -> None:
        """Watches the children until a stop is asked for."""
        watch_at = time.monotonic() + SILENCE_SECONDS
        while not self.stopping:
            self.revive()
            if time.monotonic() >= watch_at:
                restarted = self.restart_silent()
                watch_at = time.monotonic() + (SILENCE_SECONDS if restarted else WATCH_SECONDS)
            time.sleep(POLL_SECONDS)

    def revive(self) -> None:
        """Starts dead children again; one that keeps dying waits longer each time, up to 30 seconds."""
        now = time.monotonic()
        for child in self.children:
            if child.process is None:
                if now >= child.start_at:
                    child.start()
            elif not child.alive:
                if now - child.started > STEADY_SECONDS:
                    child.wait_seconds = 1.0
                wait = child.wait_seconds
                ended = f"{child.name} ended (status {child.process.returncode})"
                self.say(f"{ended} and starts again in {wait:.0f} s. See {child.log}")
                child.signal(signal.SIGKILL, group=True)
                child.process = None
                child.start_at = now + wait
                child.wait_seconds = min(wait * 2, LONGEST_WAIT_SECONDS)

    def restart_silent(self) -> bool:
        """Ends the children that live but do not work, so that they start again; tells whether there were any."""
        names = self.silent()
        for child in self.children:
            if child.name in names:
                self.say(f"{child.name} is silent and is started again.")
                child.signal(signal.SIGKILL, group=True)
        return bool(names)

    def stop(self) -> None:
        """Stops every child: asked first, forced after 27 seconds."""
        self.stopping = True
        for child in self.children:
            child.signal(signal.SIGTERM)
        limit = time.monotonic() + STOP_SECONDS
        while any(child.alive for child in self.children) and time.monotonic() < limit:
            time.sleep(0.1)
        for child in self.children:
            if child.alive:
                self.say(f"{child.name} did not stop and is ended.")
            child.signal(signal.SIGKILL, group=True)
            if child.process is not None:
                child.process.wait()


def _free_port() -> int:
    """A port on this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def portal_children(*, host: str, port: int, var: Path, web_workers: int = 2) -> list[Child]:
    """The processes of a portal on one machine: web, one worker per queue, beat, and in a demo its bank."""
    logs = var / "log"
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "--app", "portal", "--quiet"]
    # QR codes on paper lead to where this portal can be reached.
    shown = "localhost" if host in ("0.0.0.0", "::", "127.0.0.1") else host  # noqa: S104
    reached = "127.0.0.1" if shown == "localhost" else host
    public = {"CANBAO_PUBLIC_URL": os.environ.get("CANBAO_PUBLIC_URL", f"http://{shown}:{port}")}
    bank_port = _free_port()
    public["CANBAO_SANDBOX_BANK_URL"] = os.environ.get("CANBAO_SANDBOX_BANK_URL", f"http://127.0.0.1:{bank_port}")
    public["CANBAO_CALLBACK_URL"] = os.environ.get("CANBAO_CALLBACK_URL", f"http://{reached}:{port}")
    environment = {"CANBAO_STATEMENT_SECONDS": "60", **public}
    # A stop gives running tasks 20 seconds (CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT); what is cut off is found by its row.
    # A solo worker would sleep through them itself and stand still: it finishes its task, which is bounded in time.
    soft_stop = {**environment, "REMAP_SIGTERM": "SIGQUIT"}
    web = [
        *python,
        "gunicorn",
        "portal.wsgi",
        f"--bind={host}:{port}",
        f"--workers={web_workers}",
        "--worker-class=sync",
        "--timeout=30",
        "--graceful-timeout=20",
        "--no-control-socket",
    ]
    if os.access("/dev/shm", os.W_OK):  # noqa: S108  the heartbeat of a web worker must not wait for a disk
        web.append("--worker-tmp-dir=/dev/shm")
    children = [Child("web", web, logs / "web.log", public)]
    for queue, pool in (("sweep", ["--pool=solo"]), ("outbox", ["--pool=solo"]), ("papers", ["--concurrency=1"])):
        worker = [*celery, "worker", "--queues", queue, "--hostname", f"{queue}@%h", *pool, "--loglevel=INFO"]
        worker += ["--without-mingle", "--without-gossip", "--without-heartbeat"]
        stop = environment if "--pool=solo" in pool else soft_stop
        children.append(Child(queue, worker, logs / f"{queue}.log", stop))
    if settings.DEMO:
        # The bank has a process of its own: web workers wait for it, and it waits for them.
        bank = [sys.executable, str(settings.BASE_DIR / "manage.py"), "sandbox_bank", f"--port={bank_port}"]
        children.append(Child("bank", bank, logs / "bank.log", public))
    beat = [*celery, "beat", "--loglevel=INFO", "--pidfile="]
    children.append(Child("beat", beat, logs / "beat.log", {"CANBAO_STATEMENT_SECONDS": "60"}))
    return children
