"""The process that makes pictures: started once by each process that needs it, it forks a bounded child for every
picture.

Frames on both pipes: 4 bytes of length, then the bytes. In: target, file. Out: a JSON line and the picture (of a PDF
the pictures of its pages, one behind the other), or a reason. A child that crashes, hangs or takes too much memory
costs that one file; this process loads no Django and touches no database.
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
PDF_CPU_SECONDS = 18
"""A PDF has up to twenty pages; a scan decoded slowly takes half a second for each."""
WALL_SECONDS = 25
"""Less than the 30 seconds after which a web server ends a worker that does not answer."""
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
    if len(frames) == 2:
        return frames[0], frames[1]
    reason = "pdf_too_heavy" if imaging.is_pdf(data) else "too_heavy"
    return json.dumps({"reason": reason}).encode(), b""


def _work(writer: int, target: bytes, data: bytes) -> None:
    """The child: bounds itself, makes the picture, answers, and ends without running anything else."""
    try:
        seconds = PDF_CPU_SECONDS if imaging.is_pdf(data) else CPU_SECONDS
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        answer: dict[str, object]
        try:
            pictures = _pictures(data, imaging.decode_target(target))
            answer = {
                "pictures": [
                    {"width": one.width, "height": one.height, "warnings": one.warnings, "size": len(one.content)}
                    for one in pictures
                ]
            }
            content = b"".join(one.content for one in pictures)
        except imaging.Rejected as refusal:
            answer, content = {"reason": refusal.code}, b""
        write_frame(writer, json.dumps(answer).encode())
        write_frame(writer, content)
    finally:
        os._exit(0)


def _pictures(data: bytes, target: imaging.Target) -> list[imaging.Picture]:
    """The pages of a PDF where such are taken, else the one picture; raises Rejected."""
    if not target.pages or not imaging.is_pdf(data):
        return [imaging.remake(data, target)]
    imaging.check_envelope(len(data), data[:16], takes_pdf=True)
    # Loaded where it is used: the process that waits for pictures stays small, and what the library maps lies under
    # the bounds of this one.
    from portal.documents import pdf_pages

    try:
        return pdf_pages.draw(data, target)
    except imaging.Rejected:
        raise
    except MemoryError as error:
        raise imaging.Rejected("pdf_too_heavy") from error
    except Exception as error:  # the library fails in its own ways on bytes made to break it
        raise imaging.Rejected("pdf_broken") from error


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
