"""The hook for a virus scanner: clamd over a Unix socket or TCP, when CLAMD_ADDRESS is set."""

import enum
import socket
import struct

from django.conf import settings

TIMEOUT_SECONDS = 10
CHUNK = 64 * 1024


class Verdict(enum.Enum):
    """What the scanner said; OFF when none is configured, UNAVAILABLE when it did not answer."""

    OFF = "off"
    CLEAN = "clean"
    INFECTED = "infected"
    UNAVAILABLE = "unavailable"


def scan(data: bytes) -> Verdict:
    """Asks clamd about some bytes (INSTREAM); a scanner that is down never counts as clean."""
    address = getattr(settings, "CLAMD_ADDRESS", "")
    if not address:
        return Verdict.OFF
    try:
        answer = _ask(address, data)
    except OSError:
        return Verdict.UNAVAILABLE
    if answer.endswith("OK"):
        return Verdict.CLEAN
    return Verdict.INFECTED if answer.endswith("FOUND") else Verdict.UNAVAILABLE


def _ask(address: str, data: bytes) -> str:
    if address.startswith("/"):
        connection = socket.socket(socket.AF_UNIX)
        place: str | tuple[str, int] = address
    else:
        host, _colon, port = address.rpartition(":")
        connection = socket.socket(socket.AF_INET)
        place = (host, int(port))
    with connection:
        connection.settimeout(TIMEOUT_SECONDS)
        connection.connect(place)
        connection.sendall(b"zINSTREAM\0")
        for start in range(0, len(data), CHUNK):
            piece = data[start : start + CHUNK]
            connection.sendall(struct.pack(">I", len(piece)) + piece)
        connection.sendall(struct.pack(">I", 0))
        answer = b""
        while not answer.endswith(b"\0") and (piece := connection.recv(4096)):
            answer += piece
    return answer.rstrip(b"\0").decode(errors="replace").strip()
