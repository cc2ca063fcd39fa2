"""Seals over append-only streams: who changes, deletes or cuts off rows later is found by recomputing keyed digests.

A seal covers a range of ids and carries the digest of its rows chained to the seal before it. The hot path takes no
lock: one task seals behind the writers. An edit before sealing (up to a minute) cannot be found, and who owns
database and key can seal anew: the heads printed to the log are the proof outside.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Model
from django.utils import timezone

from portal.crypto import keyed_digest

logger = logging.getLogger(__name__)

BLOCK_ROWS = 10_000
streams: dict[str, type[Model]] = {}


def register(stream: str, model: type[Model]) -> None:
    """Have the rows of an append-only model sealed as a stream of their own."""
    streams[stream] = model


def seal(stream: str) -> int:
    """Seal the settled rows of one stream in blocks of at most `BLOCK_ROWS`; return how many rows.

    The stream's mark is the single-runner lock. On PostgreSQL a row becomes visible after rows with higher ids have
    been: ids up to the highest one seen by an earlier run are settled once every transaction of that time has ended.
    """
    from .models import SealBlock, SealMark

    with transaction.atomic():
        SealMark.objects.get_or_create(stream=stream)
        marks = SealMark.objects.filter(stream=stream)
        if connection.features.has_select_for_update:
            marks = marks.select_for_update(skip_locked=True)
        mark = marks.first()
        if mark is None:
            return 0
        last = SealBlock.objects.filter(stream=stream).order_by("-no").first()
        settled = _settled(stream, mark)
        sealed = 0
        while (block := _next_block(stream, last, settled)) is not None:
            last = block
            last.save()
            sealed += last.count
            logger.info("sealed stream=%s no=%d to_id=%d head=%s", stream, last.no, last.to_id, last.digest)
    return sealed


def _settled(stream: str, mark: Any) -> int:
    """The highest id under which no further row can appear; moves the mark for the next run."""
    high = streams[stream]._base_manager.aggregate(high=Max("pk"))["high"] or 0
    if connection.vendor != "postgresql":
        # One writer at a time: ids become visible in their order.
        return high
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_snapshot_xmin(seen)::text::bigint, pg_snapshot_xmax(seen)::text::bigint "
            "FROM pg_current_snapshot() AS seen"
        )
        oldest_running, next_one = cursor.fetchone()
    settled: int = mark.high_id
    if oldest_running < mark.horizon:
        return 0
    if high != mark.high_id:
        mark.high_id, mark.horizon = high, next_one
        mark.save()
    return settled


def _next_block(stream: str, last: Any, settled: int) -> Any:
    from .models import SealBlock

    start = last.to_id + 1 if last else 1
    model = streams[stream]
    ids = model._base_manager.filter(pk__gte=start, pk__lte=settled).order_by("pk").values_list("pk", flat=True)
    taken = list(ids[:BLOCK_ROWS])
    if not taken:
        return None
    previous = last.digest if last else ""
    count, digest = digest_of(stream, start, taken[-1], previous)
    return SealBlock(
        stream=stream,
        no=last.no + 1 if last else 1,
        from_id=start,
        to_id=taken[-1],
        count=count,
        digest=digest,
        previous=previous,
        sealed_at=timezone.now(),
    )


def digest_of(stream: str, from_id: int, to_id: int, previous: str) -> tuple[int, str]:
    """Count and keyed digest of the rows of a range."""
    model = streams[stream]
    names = [field.attname for field in model._meta.concrete_fields]
    rows = model._base_manager.filter(pk__gte=from_id, pk__lte=to_id).order_by("pk").values_list(*names)
    count = 0
    lines = [stream, previous]
    for row in rows.iterator(chunk_size=2_000):
        lines.append(json.dumps(dict(zip(names, row, strict=True)), default=_plain, sort_keys=True, ensure_ascii=False))
        count += 1
    return count, keyed_digest("\n".join(lines).encode(), purpose="audit.seal")


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value.isoformat() if isinstance(value, date) else str(value)


@dataclass(frozen=True)
class Broken:
    """The first block of a stream that does not verify."""

    stream: str
    no: int
    from_id: int
    to_id: int
    why: str


def verify(stream: str, head: tuple[int, str] | None = None) -> Broken | None:
    """Recompute a stream from its first block; `head` is a (no, digest) kept outside, by which a cut tail is found."""
    from .models import SealBlock

    previous, next_no, next_id = "", 1, 1
    for block in SealBlock.objects.filter(stream=stream).order_by("no").iterator():
        if block.no != next_no:
            return Broken(stream, next_no, next_id, block.from_id - 1, "the seal is missing")
        if block.from_id != next_id or block.previous != previous:
            return Broken(stream, block.no, block.from_id, block.to_id, "the seal does not follow the one before it")
        count, digest = digest_of(stream, block.from_id, block.to_id, previous)
        if count != block.count:
            return Broken(stream, block.no, block.from_id, block.to_id, f"{count} rows instead of {block.count}")
        if digest != block.digest:
            return Broken(stream, block.no, block.from_id, block.to_id, "a row was changed")
        if head is not None and head[0] == block.no and head[1] != digest:
            return Broken(stream, block.no, block.from_id, block.to_id, "the head kept outside is another one")
        previous, next_no, next_id = block.digest, block.no + 1, block.to_id + 1
    if head is not None and head[0] >= next_no:
        return Broken(stream, next_no, next_id, 0, "seals after this one are cut off")
    return None


def heads() -> Iterator[tuple[str, int, str]]:
    """(stream, no, digest) of the last seal of every stream, to be kept outside."""
    from .models import SealBlock

    for stream in sorted(streams):
        last = SealBlock.objects.filter(stream=stream).order_by("-no").first()
        if last is not None:
            yield stream, last.no, last.digest
