"""Processes that begin as a copy of this one, so that a race or a kill does not wait for a second of imports."""

import os
import signal
import sys
import traceback
from collections.abc import Callable

from django.conf import settings
from django.db import connections


class Forked:
    """A process in a session of its own that runs one function and is spoken to in lines, on its stdin and stdout.

    It inherits no file and no database session of its parent; its connection leads where the parent's does.
    """

    def __init__(self, function: Callable[[], object]) -> None:
        connections.close_all()
        into, self._into = os.pipe()
        self._out, out = os.pipe()
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            _be(function, into, out)
        os.close(into)
        os.close(out)
        self.answers = open(self._out, encoding="utf-8")  # noqa: SIM115  closed in `wait`

    def tell(self, line: str) -> None:
        """Writes a line to its stdin."""
        os.write(self._into, f"{line}\n".encode())

    def answer(self) -> str:
        """Waits for the next line it prints."""
        return self.answers.readline().strip()

    def wait(self) -> int:
        """Closes its stdin, waits for its end and returns its status; that of a kill is the negative signal."""
        if self.returncode is None:
            os.close(self._into)
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            self.answers.close()
        return self.returncode

    def kill(self) -> int:
        """Ends it and all it started at once, and returns its status."""
        if self.returncode is None:
            os.killpg(self.pid, signal.SIGKILL)
        return self.wait()


def _be(function: Callable[[], object], into: int, out: int) -> None:
    """What the copy does until it ends."""
    status = 1
    try:
        os.setsid()
        os.dup2(into, 0)
        os.dup2(out, 1)
        os.closerange(3, 4096)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
        settings.DATABASE_CLOCK = True  # a test may travel in time; its processes live in the present
        function()
        sys.stdout.flush()
        status = 0
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(status)
