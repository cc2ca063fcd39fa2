"""The process that makes pictures: started once by each process that needs it, it forks a bounded child for every
picture.

Frames on both pipes: 4 bytes of length, then the bytes. In: target, picture. Out: a JSON line and the picture, or a
reason. A child that crashes, hangs or takes too much memory costs that one picture; this process loads no Django and
touches no database.
"""

import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import struct
import time
from typing import IO

from portal.documents import imaging

MEMORY_BYTES = 700 * 1024 * 1024
CPU_SECONDS = 10
WALL_SECONDS = 20
PIPE_BYTES = 1 << 20


def read_frame(descriptor: int) -> bytes | None:
    """One frame, or None at the end of the pipe."""
    head = _read(descriptor, 4)
    return None if head is None else _read(descriptor, struct.unpack(">I", head)[0])


def write_frame(descriptor: int, data: bytes) -> None:
    """Writes one frame in full."""
    view = memoryview(struct.pack(">I", len(data)) + data)
    while view:
        view = view[os.write(descriptor, view) :]


def widen(pipe: IO[bytes] | int | None) -> None:
    """Lets a pipe hold a large part of a picture where the system allows it, instead of 64 KiB."""
    with contextlib.suppress(OSError):
        if pipe is not None:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def main() -> None:
    """Serves until the pipe closes."""
    incoming, outgoing = 0, os.dup(1)
    os.dup2(2, 1)
    while True:
        target, data = read_frame(incoming), read_frame(incoming)
        if target is None or data is None:
            return
        for frame in _in_child(target, data):
            write_frame(outgoing, frame)


def _in_child(target: bytes, data: bytes) -> tuple[bytes, bytes]:
    """Runs one picture in a bounded child; returns its two frames, or a reason when it died."""
    reader, writer = os.pipe()
    widen(writer)
    child = os.fork()
    if child == 0:
        os.close(reader)
        _work(writer, target, data)
    os.close(writer)
    frames = _collect(reader, time.monotonic() + WALL_SECONDS)
    os.close(reader)
    if len(frames) < 2:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return (frames[0], frames[1]) if len(frames) == 2 else (b'{"reason": "too_heavy"}', b"")


def _work(writer: int, target: bytes, data: bytes) -> None:
    """The child: bounds itself, makes the picture, answers, and ends without running anything else."""
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            picture = imaging.remake(data, imaging.decode_target(target))
            answer = {"width": picture.width, "height": picture.height, "warnings": picture.warnings}
            content = picture.content
        except imaging.Rejected as refusal:
            answer, content = {"reason": refusal.code}, b""
        write_frame(writer, json.dumps(answer).encode())
        write_frame(writer, content)
    finally:
        os._exit(0)


def _collect(reader: int, ends: float) -> list[bytes]:
    """The frames a child wrote until it closed its pipe or its time was over."""
    raw = bytearray()
    while (left := ends - time.monotonic()) > 0:
        if not select.select([reader], [], [], left)[0]:
            return []
        piece = os.read(reader, 1 << 20)
        if not piece:
            break
        raw += piece
    frames = []
    while len(raw) >= 4:
        length = struct.unpack(">I", raw[:4])[0]
        frames.append(bytes(raw[4 : 4 + length]))
        del raw[: 4 + length]
    return frames


def _read(descriptor: int, length: int) -> bytes | None:
    raw = bytearray()
    while len(raw) < length:
        piece = os.read(descriptor, length - len(raw))
        if not piece:
            return None
        raw += piece
    return bytes(raw)


if __name__ == "__main__":
    main()
