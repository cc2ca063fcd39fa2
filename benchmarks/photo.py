"""Goal 11: what a 12-megapixel photo costs on its way in, as a ratio to decoding it in full.

python benchmarks/photo.py

Prints CPU time and extra memory of the whole pipeline (header check, reduced decode, upright, cut to 358 x 441,
background check, new JPEG) against the same steps with a full decode, in interleaved rounds, and the time to refuse a
picture that claims 400 megapixels.
"""

import io
import multiprocessing
import os
import statistics
import struct
import sys
import time
import zlib
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PIL import Image, ImageOps

from portal.documents.bounded import ImageMaker
from portal.documents.imaging import CARD_PHOTO, Rejected, remake

ROUNDS = 15
MUST_CPU, WISH_CPU = 0.3, 0.15
MUST_MEMORY, WISH_MEMORY = 0.3, 0.11
MUST_BOMB_MS = 1.0


def camera_photo() -> bytes:
    """A 4000 x 3000 JPEG of about 1.6 MiB, lying on its side, as telephones write them."""
    noise = Image.effect_noise((2000, 1500), 8).resize((4000, 3000), Image.Resampling.BICUBIC)
    mirrored = noise.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    picture = Image.merge("RGB", (noise, Image.blend(noise, mirrored, 0.1), Image.blend(noise, mirrored, 0.2)))
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88, exif=exif)
    return out.getvalue()


def bomb() -> bytes:
    """A small PNG that claims 400 megapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 40_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def full_decode(data: bytes) -> bytes:
    """The plain way: everything decoded, turned, then cut."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    picture = ImageOps.fit(picture, (CARD_PHOTO.width, CARD_PHOTO.height), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=CARD_PHOTO.quality)
    return out.getvalue()


def ours(data: bytes) -> bytes:
    """The portal's way."""
    return remake(data, CARD_PHOTO).content


def cpu_ms(work: Callable[[bytes], bytes], data: bytes) -> float:
    """CPU time of one run in milliseconds."""
    started = time.process_time()
    work(data)
    return (time.process_time() - started) * 1000


def extra_mib(work: Callable[[bytes], bytes], data: bytes) -> float:
    """How much the peak of a fresh process rises by one run."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_measure, args=(writer, work, data))
    process.start()
    found: float = reader.recv()
    process.join()
    return found


def _measure(writer: Connection, work: Callable[[bytes], bytes], data: bytes) -> None:
    # Everything is loaded and the small buffers are warm before the peak is read.
    small = io.BytesIO()
    Image.new("RGB", (400, 500), (250, 250, 250)).save(small, "JPEG")
    work(small.getvalue())
    before = peak_mib()
    work(data)
    writer.send(peak_mib() - before)


def peak_mib() -> float:
    """The most memory this process ever had; unlike ru_maxrss, not that of the process it was forked from."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def refuse_ms(data: bytes) -> float:
    """CPU time to refuse a picture without decoding it."""
    started = time.process_time()
    try:
        remake(data, CARD_PHOTO)
    except Rejected as refusal:
        if refusal.code == "too_many_pixels":
            return (time.process_time() - started) * 1000
    raise SystemExit("the bomb was not refused for its pixels")


def bounded_ms(data: bytes) -> float:
    """Time on the wall of one picture by way of the bounded child, once that runs."""
    maker = ImageMaker()
    maker.make(data, CARD_PHOTO)
    times = []
    for _round in range(ROUNDS):
        started = time.perf_counter()
        maker.make(data, CARD_PHOTO)
        times.append((time.perf_counter() - started) * 1000)
    maker.close()
    return statistics.median(times)


def main() -> int:
    """Prints the figures; returns 1 when a must is missed."""
    photo, hostile = camera_photo(), bomb()
    full, fast = [], []
    for _round in range(ROUNDS):
        full.append(cpu_ms(full_decode, photo))
        fast.append(cpu_ms(ours, photo))
    cpu = statistics.median(fast) / statistics.median(full)
    memory_full, memory_fast = extra_mib(full_decode, photo), extra_mib(ours, photo)
    memory = memory_fast / memory_full
    refused = statistics.median(refuse_ms(hostile) for _round in range(ROUNDS))
    cpu_full, cpu_fast = statistics.median(full), statistics.median(fast)
    print(f"12-megapixel JPEG of {len(photo) / 2**20:.1f} MiB, {os.cpu_count()} cores, {ROUNDS} rounds")
    print(
        f"CPU: full decode {cpu_full:.1f} ms, ours {cpu_fast:.1f} ms, ratio {cpu:.3f}"
        f" (must {MUST_CPU}, wish {WISH_CPU})"
    )
    print(
        f"memory: full decode {memory_full:.1f} MiB, ours {memory_fast:.1f} MiB, ratio {memory:.3f}"
        f" (must {MUST_MEMORY}, wish {WISH_MEMORY})"
    )
    print(
        f"bomb: {len(hostile) / 1024:.0f} KiB claiming 400 megapixels, refused in {refused:.2f} ms"
        f" (must {MUST_BOMB_MS})"
    )
    print(f"through the bounded child, on the wall: {bounded_ms(photo):.1f} ms a picture")
    return int(cpu > MUST_CPU or memory > MUST_MEMORY or refused > MUST_BOMB_MS)


if __name__ == "__main__":
    sys.exit(main())
