"""Runs the making of pictures outside of this process, with bounded memory and time."""

import atexit
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from portal.documents.imaging import MATERIAL, Picture, Rejected, Target, encode_target
from portal.documents.imaging_child import read_frame, widen, write_frame

ROOT = Path(__file__).resolve().parent.parent.parent


class ImageMaker:
    """The parent's end of `imaging_child`: started at the first picture, started again when it died or this process
    was forked.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def make(self, data: bytes, target: Target = MATERIAL) -> Picture:
        """Makes one picture; raises Rejected."""
        return self.make_all(data, target)[0]

    def make_all(self, data: bytes, target: Target) -> list[Picture]:
        """Makes the picture of a photo, or those of the pages of a PDF where such are taken; raises Rejected."""
        with self._lock:
            for _attempt in range(2):
                try:
                    head, content = self._ask(data, target)
                    break
                except (BrokenPipeError, EOFError):
                    self._close()
            else:
                raise Rejected("too_heavy")
        answer = json.loads(head)
        if "reason" in answer:
            raise Rejected(answer["reason"])
        made, start = [], 0
        for one in answer["pictures"]:
            end = start + one["size"]
            made.append(Picture(content[start:end], one["width"], one["height"], one["warnings"]))
            start = end
        return made

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            self._close()

    def _ask(self, data: bytes, target: Target) -> tuple[bytes, bytes]:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        write_frame(process.stdin.fileno(), encode_target(target))
        write_frame(process.stdin.fileno(), data)
        head, content = read_frame(process.stdout.fileno()), read_frame(process.stdout.fileno())
        if head is None or content is None:
            raise EOFError
        return head, content

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self._close()
            command = [sys.executable, "-m", "portal.documents.imaging_child"]
            self._process = subprocess.Popen(  # noqa: S603 our own module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=ROOT,
                bufsize=0,
                start_new_session=True,
            )
            self._owner = os.getpid()
            widen(self._process.stdin)
            widen(self._process.stdout)
        return self._process

    def _close(self) -> None:
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        if self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
        self._process = None


maker = ImageMaker()
atexit.register(maker.close)
