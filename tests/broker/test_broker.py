"""The embedded broker: whole messages, one reader each, garbage set aside, folders private."""

import errno
import multiprocessing
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection
from kombu.exceptions import ChannelError

import portal.celery  # noqa: F401  registers the transport
from portal import broker

SPAWN = multiprocessing.get_context("spawn")


def connect(folder: Path) -> Connection:
    """Opens the broker kept in `folder`."""
    return Connection(
        "canbao-files://localhost",
        transport_options={
            "queues_folder": str(folder / "queues"),
            "claimed_folder": str(folder / "claimed"),
            "polling_interval": 0.01,
        },
    )


def publish(folder: Path, first: int, count: int) -> None:
    """Publishes `count` numbers one after the other, as its own process."""
    with connect(folder) as connection:
        queue = connection.SimpleQueue("letters")
        for number in range(first, first + count):
            queue.put({"number": number, "padding": "x" * 5000})


def consume(folder: Path, written: Any, found: Any) -> None:
    """Reads until everything is written and nothing waits, and reports every number read, as its own process."""
    with connect(folder) as connection:
        queue = connection.SimpleQueue("letters")
        numbers = []
        while True:
            over = written.is_set()
            try:
                message = queue.get(timeout=0.2)
            except Empty:
                if over:
                    break
                continue
            numbers.append(message.payload["number"])
            message.ack()
        found.put(numbers)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with connect(tmp_path) as opened:
        yield opened


@pytest.mark.processes
def test_every_message_is_read_once_while_others_write(tmp_path: Path) -> None:
    """REL §6.2 finding 1: three writers and three readers at once lose nothing, double nothing, and nobody dies."""
    found = SPAWN.Queue()
    written = SPAWN.Event()
    writers = [SPAWN.Process(target=publish, args=(tmp_path, n * 1000, 120)) for n in range(3)]
    for process in writers:
        process.start()
    while not (tmp_path / "queues/letters").is_dir():
        time.sleep(0.01)
    readers = [SPAWN.Process(target=consume, args=(tmp_path, written, found)) for n in range(3)]
    for process in readers:
        process.start()
    for process in writers:
        process.join()
    written.set()
    numbers = sorted(number for process in readers for number in found.get(timeout=60))
    for process in readers:
        process.join()
    assert numbers == [n * 1000 + k for n in range(3) for k in range(120)]
    assert [process.exitcode for process in writers + readers] == [0] * 6


def test_messages_arrive_in_the_order_of_their_publishing(connection: Connection) -> None:
    """REL §6.2: order is by wall clock with fixed width, so it survives a restart of the machine."""
    queue = connection.SimpleQueue("letters")
    for number in range(30):
        queue.put({"number": number})
    assert [queue.get(timeout=1).payload["number"] for _ in range(30)] == list(range(30))


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b'{"body": 1}', b"\xff\xfe\x00", b"null"])
def test_garbage_is_set_aside_and_the_next_message_is_read(
    connection: Connection, tmp_path: Path, garbage: bytes
) -> None:
    """REL §0 finding 1: an empty or cut file must not end the worker that meets it, nor the next one."""
    queue = connection.SimpleQueue("letters")
    broker.put(tmp_path / "queues/letters", garbage)
    queue.put({"number": 7})
    assert queue.get(timeout=1).payload == {"number": 7}
    assert [path.suffix for path in (tmp_path / "claimed").iterdir()] == [".bad"]


def test_an_unfinished_message_is_invisible(connection: Connection, tmp_path: Path) -> None:
    """REL §6.2: a message is not there until it is complete."""
    queue = connection.SimpleQueue("letters")
    (tmp_path / "queues/letters/.00000000000000000001-a.msg.tmp").write_bytes(b'{"bo')
    with pytest.raises(Empty):
        queue.get(timeout=0.05)
    assert queue.qsize() == 0


def test_files_are_private(connection: Connection, tmp_path: Path) -> None:
    """REL §6.2: files 0600, folders 0700."""
    connection.SimpleQueue("letters").put({"number": 1})
    (message,) = (tmp_path / "queues/letters").iterdir()
    assert stat.S_IMODE(message.stat().st_mode) == 0o600
    for folder in ("queues", "queues/letters", "claimed"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700


def test_a_full_disk_leaves_nothing_behind(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K10: publishing fails with an error of the channel, and no half message stays."""
    queue = connection.SimpleQueue("letters")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ChannelError, match="No space left"):
        queue.put({"number": 1})
    assert list((tmp_path / "queues/letters").iterdir()) == []


def test_what_killed_processes_left_is_tidied_after_an_hour(connection: Connection, tmp_path: Path) -> None:
    """REL §6.2: claimed, unfinished and set-aside files of dead processes go; waiting messages and fresh files stay."""
    connection.SimpleQueue("letters").put({"number": 1})
    (waiting,) = (tmp_path / "queues/letters").iterdir()
    old = [tmp_path / "claimed/1-a.msg", tmp_path / "claimed/2-b.bad", tmp_path / "queues/letters/.3-c.msg.tmp"]
    fresh = tmp_path / "claimed/4-d.msg"
    for path in [*old, fresh]:
        path.write_bytes(b"")
    for path in [*old, waiting]:
        os.utime(path, (time.time() - 4000,) * 2)
    assert broker.tidy(tmp_path) == 3
    assert waiting.exists()
    assert fresh.exists()
    assert not any(path.exists() for path in old)


@pytest.mark.parametrize("name", ["../letters", "a/b", ".hidden", ""])
def test_a_queue_cannot_leave_its_folder(connection: Connection, name: str) -> None:
    """REL §6.2: the name of a queue is a name, not a path."""
    channel = connection.channel()
    with pytest.raises(ChannelError):
        channel._queue_folder(name)


def test_unacknowledged_messages_return_when_a_worker_stops_in_order(tmp_path: Path) -> None:
    """K12: a worker that stops in order gives back what it holds."""
    with connect(tmp_path) as connection:
        queue = connection.SimpleQueue("letters")
        queue.put({"number": 1})
        queue.get(timeout=1)
        queue.close()
    with connect(tmp_path) as connection:
        assert connection.SimpleQueue("letters").get(timeout=1).payload == {"number": 1}
