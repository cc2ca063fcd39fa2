"""Layouts by WeasyPrint, made in a process of their own (`layout_child`) and kept on disk.

A worker that loads WeasyPrint, its fonts and its boxes keeps some 80 MiB for good; the process that does it here ends
when it has been idle for a while. What it answers for a page that many papers share is kept under everything that goes
into it, so a page is laid out once for all workers and all restarts. Such a page names nobody: it holds marks.
"""

import atexit
import hashlib
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from django.conf import settings

from portal.documents import fonts
from portal.documents.papers import layout_child
from portal.documents.papers.layout_child import FONT_SCHEME, LOSSLESS
from portal.documents.papers.output import paper_css

logger = logging.getLogger(__name__)

MAX_SECONDS = 120
"""The longest paper that is allowed takes a tenth of it on a quiet machine."""

KEPT_FILES = 400
"""Pages on disk, about 20 KiB each."""


MEMORY_RULES = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
"""Large pieces are given back as soon as they are free."""


class LayoutFailed(RuntimeError):
    """A page could not be laid out."""


@dataclass(slots=True)
class PdfObject:
    """A numbered object of a laid-out file: a dictionary, a stream with its items, or another thing as written."""

    number: int
    entries: dict[str, bytes]
    body: bytes
    items: list[bytes] | None
    packed: bool

    @property
    def written(self) -> bytes:
        """A plain object as it is written."""
        return self.body or dictionary(self.entries)

    @property
    def data(self) -> bytes:
        """What a stream holds."""
        return b"\n".join(self.items or ())


@dataclass(slots=True)
class PageLayout:
    """A page: its object, its content stream, its box as written, its lines, and its pictures with their words."""

    number: int
    content: int
    box: bytes
    lines: list[dict[str, Any]]
    pictures: list[tuple[str, str]]


@dataclass(slots=True)
class Layout:
    """A laid-out document as plain data; see `layout_child.describe`."""

    title: str
    info: dict[str, str]
    catalog: int
    metadata: int
    structure: int
    fonts: list[list[Any]]
    font_dictionary: int
    states: dict[str, bytes]
    images: dict[str, int]
    words: dict[int, str]
    pages: list[PageLayout]
    objects: dict[int, PdfObject]


def dictionary(entries: Mapping[str, bytes]) -> bytes:
    """A dictionary as it is written."""
    return b"<<%s>>" % written_entries(entries)


def written_entries(entries: Mapping[str, bytes]) -> bytes:
    """The entries of a dictionary as they are written."""
    return b"".join(b"/%s %s" % (key.encode(LOSSLESS), value) for key, value in entries.items())


def full_file(page: str) -> bytes:
    """The tagged PDF/UA-1 file of a page; raises LayoutFailed."""
    return maker.ask(_request(page, "file"))


def laid_out(page: str, *, is_kept: bool = False) -> Layout:
    """The layout of a page; with `is_kept` it is kept on disk and read from there. Raises LayoutFailed."""
    request = _request(page, "parts")
    path = _kept_path(request) if is_kept else None
    if path is not None:
        try:
            return _read(zlib.decompress(path.read_bytes()))
        except (OSError, zlib.error, ValueError, KeyError):
            pass
    answer = maker.ask(request)
    layout = _read(answer)
    if path is not None:
        try:
            _keep(path, answer)
        except OSError as error:
            # A full disk costs time, no papers.
            logger.warning("layout_not_kept reason=%s", error)
    return layout


def forget_kept() -> None:
    """Removes every layout from the disk."""
    for path in folder().glob("*.layout"):
        path.unlink(missing_ok=True)


def folder() -> Path:
    """Where layouts are kept."""
    return Path(settings.VAR_DIR) / "layouts"


class LayoutMaker:
    """The asking end of `layout_child`: started at the first page, started again when it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._owner = 0
        self.cpu_seconds = 0.0
        """What the process has spent on pages so far."""

    @property
    def process_id(self) -> int | None:
        """The process that is running, if one is."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def ask(self, request: dict[str, Any]) -> bytes:
        """The answer to a request; raises LayoutFailed."""
        message = json.dumps(request).encode()
        with self._lock:
            for _attempt in range(2):
                connection = self._running()
                try:
                    connection.send_bytes(message)
                    if not connection.poll(MAX_SECONDS):
                        self._close()
                        raise LayoutFailed("the layout took too long")
                    head = json.loads(connection.recv_bytes())
                    body = connection.recv_bytes()
                    break
                except (EOFError, ConnectionError):
                    # It had just ended by itself, or this page has killed it: the second time tells.
                    self._close()
            else:
                raise LayoutFailed("the layout process died")
            self.cpu_seconds += head["cpu"]
        if "error" in head:
            raise LayoutFailed(head["error"])
        return body

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            self._close()

    def _running(self) -> Connection:
        process, connection = self._process, self._connection
        if process is None or connection is None or self._owner != os.getpid() or process.poll() is not None:
            self._close()
            connection = self._start()
        return connection

    def _start(self) -> Connection:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", layout_child.__file__, str(theirs.fileno())]
            self._process = subprocess.Popen(  # noqa: S603 our own module
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**os.environ, **MEMORY_RULES},
            )
        self._connection = Connection(ours.detach())
        self._owner = os.getpid()
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None and self._owner == os.getpid():
            self._end(self._process)
        self._process = self._connection = None

    @staticmethod
    def _end(process: "subprocess.Popen[bytes]") -> None:
        """The process ends at the closed connection, and then removes its fonts; a busy one is killed."""
        try:
            process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


maker = LayoutMaker()
atexit.register(maker.close)


def style_sheet() -> str:
    """The style sheet of papers with the cut fonts declared."""
    faces = "".join(
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; src: url("{FONT_SCHEME}:{path.name}"); }}\n'
        for family, weight, path in (fonts.faces() if fonts.is_built() else ())
    )
    return f"{faces}{paper_css()}\n:root {{ font-family: {fonts.stack()}; }}"


def _request(page: str, want: str) -> dict[str, Any]:
    return {
        "want": want,
        "page": page,
        "style": style_sheet(),
        "folder": str(fonts.folder().resolve()),
        "fonts": [path.name for _family, _weight, path in fonts.faces()],
    }


def _kept_path(request: dict[str, Any]) -> Path:
    """The file under which an answer is kept: everything that it depends on is in the name."""
    parts = [_program(), str(fonts.BUILD), request["style"], *request["fonts"], request["page"]]
    return folder() / f"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:40]}.layout"


@cache
def _program() -> str:
    """The versions of what makes a layout."""
    source = hashlib.sha256(Path(layout_child.__file__).read_bytes()).hexdigest()
    return " ".join([version("weasyprint"), version("pydyf"), source])


def _keep(path: Path, answer: bytes) -> None:
    """Writes an answer whole or not at all, and drops those that were kept longest when there are too many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.stem}.{os.getpid()}-{threading.get_ident()}.new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(zlib.compress(answer))
    fresh.replace(path)
    kept = sorted(path.parent.glob("*.layout"), key=_age)
    for old in kept[KEPT_FILES:]:
        old.unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _read(answer: bytes) -> Layout:
    """A description as a layout; raises ValueError or KeyError."""
    found = json.loads(answer)
    objects = {}
    for item in found["objects"]:
        items = item.get("items")
        objects[item["number"]] = PdfObject(
            number=item["number"],
            entries=_encoded(item.get("entries", {})),
            body=item.get("body", "").encode(LOSSLESS),
            items=None if items is None else [text.encode(LOSSLESS) for text in items],
            packed=item.get("packed", False),
        )
    return Layout(
        title=found["title"],
        info=found["info"],
        catalog=found["catalog"],
        metadata=found["metadata"],
        structure=found["structure"],
        fonts=found["fonts"],
        font_dictionary=found["font_dictionary"],
        states=_encoded(found["states"]),
        images=found["images"],
        words={int(number): text for number, text in found["words"].items()},
        pages=[
            PageLayout(
                page["number"],
                page["content"],
                page["box"].encode(LOSSLESS),
                page["lines"],
                [(name, words) for name, words in page["pictures"]],
            )
            for page in found["pages"]
        ],
        objects=objects,
    )


def _encoded(entries: dict[str, str]) -> dict[str, bytes]:
    return {key: value.encode(LOSSLESS) for key, value in entries.items()}
