"""The embedded message broker: one folder per queue, one file per message, safe against readers and writers that die.

Kombu's stock file transport lets a worker read a message that is still being written, which ends the worker. Here a
message appears under its name by one rename when it is complete, and whoever renames it away has claimed it. A claimed
message dies with its worker: rows in the database say what is due, a message is only a nudge (REL §6.2).
"""

import logging
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import virtual
from kombu.utils.json import dumps, loads

log = logging.getLogger(__name__)


def put(folder: Path, payload: bytes) -> Path:
    """Stores a message in `folder` so that it is either there in full or not at all."""
    name = f"{time.time_ns():020}-{uuid.uuid4().hex}.msg"
    draft = folder / f".{name}.tmp"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / name)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return folder / name


def waiting(folder: Path) -> list[str]:
    """Names the messages of `folder`, oldest first."""
    return sorted(name for name in os.listdir(folder) if name.endswith(".msg"))


def claims(folder: Path, claimed: Path) -> Iterator[Path]:
    """Takes messages out of `folder`, oldest first, passing over those that somebody else took."""
    for name in waiting(folder):
        try:
            os.rename(folder / name, claimed / name)
        except FileNotFoundError:
            continue
        yield claimed / name


def tidy(base: Path, *, seconds: int = 3600) -> int:
    """Removes what killed processes left behind longer than `seconds` ago; returns how many files."""
    removed = 0
    limit = time.time() - seconds
    for path in base.rglob("*"):
        left_behind = path.name.endswith((".tmp", ".bad")) or path.parent.name == "claimed"
        try:
            if left_behind and path.is_file() and path.stat().st_mtime < limit:
                path.unlink()
                removed += 1
        except FileNotFoundError:
            continue
    return removed


class Channel(virtual.Channel):
    """Direct queues in the folders that the transport options name."""

    do_restore = True
    supports_fanout = False

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        options = connection.client.transport_options
        self.queues_folder = Path(options["queues_folder"])
        self.claimed_folder = Path(options["claimed_folder"])
        self._folder(self.claimed_folder)

    @staticmethod
    def _folder(path: Path) -> Path:
        if not path.is_dir():
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.parent.chmod(0o700)
        return path

    def _queue_folder(self, queue: str) -> Path:
        if not queue.replace("-", "").replace("_", "").replace(".", "").isalnum() or queue.startswith("."):
            raise ChannelError(f"Invalid queue name: {queue!r}")
        return self._folder(self.queues_folder / queue)

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        try:
            put(self._queue_folder(queue), dumps(message).encode())
        except OSError as error:
            raise ChannelError(f"Cannot store a message for {queue!r}: {error.strerror}") from error

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for path in claims(self._queue_folder(queue), self.claimed_folder):
            try:
                payload = loads(path.read_bytes().decode())
                if not isinstance(payload, dict) or not {"body", "properties"} <= payload.keys():
                    raise ValueError("not a message")
            except (OSError, ValueError):
                log.warning("An unreadable message of queue %s was set aside.", queue)
                path.rename(path.with_suffix(".bad"))
                continue
            path.unlink()
            return payload
        raise Empty

    def _size(self, queue: str) -> int:
        return len(waiting(self._queue_folder(queue)))

    def _purge(self, queue: str) -> int:
        count = 0
        for path in claims(self._queue_folder(queue), self.claimed_folder):
            path.unlink()
            count += 1
        return count

    def _has_queue(self, queue: str, **kwargs: Any) -> bool:
        return True


class Transport(virtual.Transport):
    """Registered as `canbao-files` in `portal.celery`."""

    Channel = Channel
    implements = virtual.Transport.implements.extend(asynchronous=False, exchange_type=frozenset(["direct"]))
    driver_type = "canbao-files"
    driver_name = "canbao-files"

    def driver_version(self) -> str:
        return "1"
